"""How far cumulative demand may lie from its forecast: measured, not assumed.

Safety stock covers demand over the days until the next order arrives, so what counts is the error of the *sum* over
these days. It is measured at past origins; scaling the error of one day by √days assumes independent errors, and
covers too little (Prak, Teunter & Syntetos 2017; Saoud, Kourentzes & Boylan 2022).

The deviation of an item is that of its own few past errors, drawn towards its daily variance times the inflation
found over all items. Quantiles are those of all items' errors in units of their deviation, in bands of how many
demands are expected: where one is expected, demand is skewed as it is not where fifty are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LEVELS = (0.1, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
BANDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Expected number of demands at which one band ends and the next begins."""
PRIOR_ORIGINS = 6.0
"""How many independent errors the pooled deviation is worth."""
ORIGIN_STEP = 5
"""Days between past origins; not seven, so that they fall on every weekday."""
MOST_ORIGINS = 36
MOST_ERRORS = 50_000
"""Errors a quantile is taken from; of more, every second, third, … is."""
FEWEST_ERRORS = 200
"""Errors a band needs; one with fewer is told by all of them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Uncertainty of cumulative demand over one number of days.

    Attributes:
        deviation: standard deviation of the error, units, shape (series,).
        quantiles: cumulative demand by level, units, shape (series, levels); rising, never below 0.
    """

    deviation: FloatArray
    quantiles: FloatArray


def past_origins(days: int, horizon: int, most: int = MOST_ORIGINS, step: int = ORIGIN_STEP) -> list[int]:
    """Columns of past origins, oldest first, the newest one day before the last known day.

    Args:
        days: known days.
        horizon: days ahead that are wanted of the oldest ones.
        most: origins at most.
        step: days between them.
    """
    found = [days - 2 - step * k for k in range(most)]
    return [origin for origin in reversed(found) if origin >= horizon]


def cumulative_errors(units: FloatArray, paths: Sequence[FloatArray], at: Sequence[int], horizon: int) -> FloatArray:
    """Demand less forecast, summed over the first 1, 2, … days after each origin.

    Args:
        units: demand, shape (series, days), nan where not observed.
        paths: forecasts at each origin, shape (series, horizon) or longer.
        at: columns of the origins.
        horizon: days that are summed at most.

    Returns:
        Shape (origins, series, horizon); nan from the first day that is not observed or not yet known.
    """
    errors = np.full((len(at), len(units), horizon), np.nan)
    for place, (origin, path) in enumerate(zip(at, paths, strict=True)):
        came = units[:, origin + 1 : origin + 1 + horizon]
        errors[place, :, : came.shape[1]] = np.cumsum(came - path[:, : came.shape[1]], axis=1)
    return errors


def spread(
    errors: FloatArray,
    relative: FloatArray,
    daily_variance: FloatArray,
    days: int,
    ahead: FloatArray,
    ahead_relative: float | FloatArray,
    demands: FloatArray,
    levels: Sequence[float] = LEVELS,
    step: int = ORIGIN_STEP,
) -> Spread:
    """Deviation and quantiles of cumulative demand over `days` days.

    Args:
        errors: past cumulative errors over that many days, shape (origins, series), nan where unknown.
        relative: how busy those days were by the calendar, 1 as usual, shape (origins,).
        daily_variance: variance of a day's demand of each series, shape (series,).
        days: the number of days.
        ahead: expected demand over the coming days, shape (series,).
        ahead_relative: how busy they are by the calendar; or one for each series, where promotions are among them.
        demands: expected number of demands in the coming days, shape (series,).
        levels: quantiles wanted.
        step: days between the origins.
    """
    scaled = errors / np.where(relative > 0, relative, np.nan)[:, None]
    known = ~np.isnan(scaled)
    squares = np.where(known, scaled, 0.0) ** 2
    count, total = known.sum(axis=0), squares.sum(axis=0)
    base = np.maximum(daily_variance, 1e-12) * days
    inflation = _inflation(total, count, base)
    worth = min(1.0, step / days)
    """Errors of overlapping days say the same thing again."""
    prior = PRIOR_ORIGINS * inflation * base
    variance = (worth * total + prior) / (worth * count + PRIOR_ORIGINS)
    without = (worth * (total - squares) + prior) / (worth * np.maximum(count - 1, 0) + PRIOR_ORIGINS)
    standard = np.where(known, scaled / np.sqrt(without), np.nan)
    factors = _by_band(standard, np.digitize(demands, BANDS), levels)
    deviation = np.sqrt(variance) * ahead_relative
    quantiles = np.maximum(0.0, ahead[:, None] + factors * deviation[:, None])
    return Spread(deviation, np.maximum.accumulate(quantiles, axis=1))


def _inflation(total: FloatArray, count: NDArray[np.int64], base: FloatArray) -> float:
    """Mean squared error ÷ variance of as many independent days: the median-free mean of ratios over all series."""
    some = count > 0
    if not some.any():
        return 1.0
    ratios = total[some] / count[some] / base[some]
    return float(np.clip(np.mean(np.minimum(ratios, 25.0)), 0.25, 25.0))


def _by_band(standard: FloatArray, band: NDArray[np.intp], levels: Sequence[float]) -> FloatArray:
    """Quantiles of standardised errors of the band of each series, shape (series, levels)."""
    found = np.zeros((standard.shape[1], len(levels)))
    everything = standard[~np.isnan(standard)]
    for number in np.unique(band):
        rows = band == number
        errors = standard[:, rows]
        errors = errors[~np.isnan(errors)]
        used = errors if len(errors) >= FEWEST_ERRORS else everything
        used = used[:: -(-len(used) // MOST_ERRORS)] if len(used) else used
        if len(used):
            found[rows] = np.quantile(used, levels)
    return found
