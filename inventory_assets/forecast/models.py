"""The models that forecast the bulk of items, each a level times the pooled calendar, and the plain ones beside them.

A candidate is one level, or the mean of several: levels of different memory err in different directions, and their mean
is the default. Before a level is taken, a day above ten times the item's 95th percentile of days with demand counts
as that much: a wholesaler's order of a year ago says little about next week.
Aggregates, and items that deserve a model of their own, are in `aggregates`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast import levels
from inventory_assets.forecast.profile import pooled, weekday_profile, yearly_course
from inventory_assets.forecast.series import DEAD_AFTER_DAYS, days_since_demand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

CAP_QUANTILE, CAP_FACTOR = 0.95, 10.0
COURSE_DAYS = 15
"""Days over which last year's course is averaged."""
DEFAULT = "combination"
SES = "exponential smoothing"


@dataclass(frozen=True, slots=True)
class Part:
    """A level and the memory it has.

    Attributes:
        kind: "discounted" (exponentially discounted mean) or "tsb" (probability × size).
        alpha: smoothing of the mean, or of the probability.
    """

    kind: str
    alpha: float


STEADY, USUAL, QUICK, FADING = (
    Part("discounted", 0.02),
    Part("discounted", 0.05),
    Part("discounted", 0.1),
    Part("tsb", 0.05),
)
CANDIDATES: MappingProxyType[str, tuple[Part, ...]] = MappingProxyType(
    {
        DEFAULT: (STEADY, USUAL, QUICK, FADING),
        "steady level": (STEADY,),
        "usual level": (USUAL,),
        "quick level": (QUICK,),
        "fading level": (FADING,),
    }
)
"""Candidates by name: their level is the mean of the parts, each times the calendar."""


@dataclass(frozen=True, slots=True)
class History:
    """What candidates need to know of all series, computed once for any number of origins.

    Attributes:
        units: demand with exceptional days cut, shape (series, days).
        total: pooled demand, shape (days,).
        exposure: weekday profile of each day, as the last origin knows it.
    """

    units: FloatArray
    total: FloatArray
    exposure: FloatArray

    def take(self, rows: NDArray[np.intp]) -> History:
        """Some of the series, with the calendar of all."""
        return replace(self, units=self.units[rows])


def history(units: FloatArray) -> History:
    """Prepare demand for the candidates.

    Args:
        units: demand, shape (series, days), nan where not observed; nothing after the last origin.
    """
    total = pooled(units)
    week = weekday_profile(total, len(total) - 1)
    return History(winsorised(units), total, week[np.arange(len(total)) % len(week)])


def winsorised(units: FloatArray, quantile: float = CAP_QUANTILE, factor: float = CAP_FACTOR) -> FloatArray:
    """Demand with no day above `factor` × that quantile of the item's days with demand."""
    sizes = np.sort(np.where(units > 0, units, np.nan), axis=1)
    count = (~np.isnan(sizes)).sum(axis=1)
    place = np.maximum(np.ceil(quantile * count).astype(int) - 1, 0)
    cap = np.where(count > 0, factor * sizes[np.arange(len(units)), place], np.inf)
    return np.minimum(units, cap[:, None])


def part_levels(known: History, part: Part, at: Sequence[int]) -> FloatArray:
    """Levels of a part at the origins, shape (series, origins); 0 where nothing is known yet."""
    if part.kind == "tsb":
        found = levels.teunter_syntetos_babai(known.units, at, 2 * part.alpha, part.alpha, known.exposure)
    else:
        found = levels.discounted(known.units, at, part.alpha, known.exposure)
    return np.nan_to_num(found)


def part_course(known: History, part: Part, origin: int, horizon: int) -> FloatArray:
    """Calendar of the days ahead for a part, shape (horizon,)."""
    week = weekday_profile(known.total, origin)
    ahead = week[np.arange(origin + 1, origin + 1 + horizon) % len(week)]
    return ahead * yearly_course(known.total, origin, horizon, part.alpha, COURSE_DAYS)


def candidate_paths(
    known: History, at: Sequence[int], horizon: int | Sequence[int], names: Sequence[str] = tuple(CANDIDATES)
) -> dict[str, list[FloatArray]]:
    """Forecasts of the candidates.

    Args:
        known: the history; at an origin nothing after it is looked at, except that exceptional days and the scale of
            pooling are those of the whole history given.
        at: columns of the origins.
        horizon: days ahead; one number, or one for each origin.
        names: candidates wanted.

    Returns:
        By name and origin the expected units of each day ahead, shape (series, horizon).
    """
    parts = dict.fromkeys(part for name in names for part in CANDIDATES[name])
    level = {part: part_levels(known, part, at) for part in parts}
    found: dict[str, list[FloatArray]] = {name: [] for name in names}
    ahead = [horizon] * len(at) if isinstance(horizon, int) else horizon
    for column, (origin, days) in enumerate(zip(at, ahead, strict=True)):
        path = {part: level[part][:, column, None] * part_course(known, part, origin, days) for part in parts}
        for name in names:
            found[name].append(np.mean([path[part] for part in CANDIDATES[name]], axis=0))
    return found


def alive(units: FloatArray, dead_after: int = DEAD_AFTER_DAYS) -> NDArray[np.bool_]:
    """Whether a series had demand within its last `dead_after` observed days; the forecast of others is 0."""
    return days_since_demand(units) < dead_after


Plain = Callable[["FloatArray", int, int], "FloatArray"]
"""Demand (series, days), column of the origin, horizon → forecasts (series, horizon)."""


def _flat(level: Callable[[FloatArray, Sequence[int]], FloatArray]) -> Plain:
    """A level at one origin as a forecast that stays."""

    def forecast(units: FloatArray, origin: int, horizon: int) -> FloatArray:
        return np.repeat(np.nan_to_num(level(units[:, : origin + 1], [origin])), horizon, axis=1)

    return forecast


def _last(level: Callable[[FloatArray, int], FloatArray]) -> Plain:
    return _flat(lambda units, at: level(units, at[0])[:, None])


PLAIN: MappingProxyType[str, Plain] = MappingProxyType(
    {
        "seasonal naive": levels.seasonal_naive,
        "mean": _flat(levels.mean_level),
        "moving average 8": _flat(partial(levels.moving_average, window=8)),
        "weekday average of 8 weeks": levels.seasonal_average,
        "weighted moving average 28": _flat(partial(levels.weighted_moving_average, window=28)),
        SES: _flat(partial(levels.smoothed, alpha=0.1)),
        "slow exponential smoothing": _flat(partial(levels.smoothed, alpha=0.05)),
        "optimised exponential smoothing": _last(levels.optimised),
        "Croston": _flat(levels.croston),
        "SBA": _flat(partial(levels.croston, unbiased=True)),
        "TSB": _flat(levels.teunter_syntetos_babai),
        "ADIDA": _last(levels.adida),
        "IMAPA": _last(levels.imapa),
    }
)
"""Models without a calendar: what a candidate has to beat."""
