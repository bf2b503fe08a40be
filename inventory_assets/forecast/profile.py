"""How much of a usual day a day is: the pooled calendar profile of demand.

One item's days are too few and too lumpy to tell Tuesday from Friday; all items together are not. The profile of the
weekday is therefore estimated once over all series, and likewise the course of the year where the history holds last
year's days. A level times the profile is the forecast; a level is estimated with the profile as its exposure.
Measured: it wins 0.6 % of RMSSE and 3 % value-weighted over the same level without it (docs/forecasting.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

WEEK = 7
YEAR = 52 * WEEK
"""Last year's day of the same weekday."""
PROFILE_WEEKS = 26
"""Weeks before an origin over which weekdays are compared."""
CAP_SHARE = 0.05
"""No series counts for more than this share of the demand of a day when series are pooled."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The pooled profile as known at an origin.

    Attributes:
        past: exposure of the days up to the origin, shape (days,); mean 1 over a week.
        ahead: exposure of the days after it relative to the level at the origin, shape (horizon,).
    """

    past: FloatArray
    ahead: FloatArray


def pooled(units: FloatArray) -> FloatArray:
    """Demand of a day over all series, each in units of its own mean and no day above the cap.

    Args:
        units: demand, shape (series, days), nan where not observed.

    Returns:
        Mean scaled demand of the observed series, shape (days,); 0 where none is observed.
    """
    seen = ~np.isnan(units)
    known = np.where(seen, units, 0.0)
    size = known.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scaled = known / np.where(size > 0, size, 1.0)[:, None]
    cap = np.maximum(1.0, CAP_SHARE * scaled.sum(axis=0))
    return np.minimum(scaled, cap).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)


def weekday_profile(total: FloatArray, origin: int, weeks: int = PROFILE_WEEKS) -> FloatArray:
    """Share of a week's demand by position in the week, times 7; position 0 is that of column 0.

    Args:
        total: pooled demand, shape (days,).
        origin: last known column.
        weeks: weeks that are compared.

    Returns:
        Seven factors with mean 1; all 1 with less than two weeks of history or without demand.
    """
    used = min(weeks, (origin + 1) // WEEK)
    recent = total[origin + 1 - used * WEEK : origin + 1].reshape(used, WEEK)
    if used < 2 or recent.sum() <= 0:  # noqa: PLR2004 - one week is no comparison
        return np.ones(WEEK)
    by_place = recent.mean(axis=0) / recent.mean()
    return np.roll(by_place, (origin + 1) % WEEK)


def calendar(
    total: FloatArray, origin: int, horizon: int, *, alpha: float = 0.05, yearly: float = 1.0, smooth: int = WEEK
) -> Calendar:
    """The profile at an origin.

    The course of the year: pooled demand of a week around last year's day ÷ pooled demand of last year's days up to
    the origin's day, discounted as the level is, to the power `yearly`. So the level's own lag behind a rising season
    is measured on last year and taken out. Without `MIN_YEARLY_DAYS` of last year's history it is 1.

    Args:
        total: pooled demand, shape (days,); columns after the origin are not looked at.
        origin: last known column.
        horizon: days ahead.
        alpha: smoothing of the level that the profile is meant for.
        yearly: 1 takes last year's course as it was, 0 ignores it.
        smooth: days over which last year's course is averaged.
    """
    week = weekday_profile(total, origin)
    past = week[np.arange(origin + 1) % WEEK]
    ahead = week[np.arange(origin + 1, origin + 1 + horizon) % WEEK]
    return Calendar(past, ahead * yearly_course(total, origin, horizon, alpha, smooth) ** yearly)


MIN_YEARLY_DAYS = 14
"""Days of last year before the origin's day that a comparison needs."""
LEAST, MOST = 0.25, 4.0
"""Bounds of the yearly course: beyond them last year's week is an exception, not a season."""


def yearly_course(total: FloatArray, origin: int, horizon: int, alpha: float, smooth: int) -> FloatArray:
    """Factor of each day ahead by last year's course; see `calendar`."""
    then = origin - YEAR
    if then + 1 < MIN_YEARLY_DAYS:
        return np.ones(horizon)
    weights = (1 - alpha) ** np.arange(then, -1, -1)
    level = (weights * total[: then + 1]).sum() / weights.sum()
    if level <= 0:
        return np.ones(horizon)
    half = smooth // 2
    days = then + 1 + np.arange(horizon)
    course = np.array([total[max(0, day - half) : min(day + half, origin) + 1].mean() for day in days])
    return np.clip(course / level, LEAST, MOST)
