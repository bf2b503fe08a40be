"""A forecast as it is issued: expected demand of each day ahead, and how far sums of days may lie from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.intervals import LEVELS, Spread, cumulative_errors, past_origins, spread
from inventory_assets.forecast.models import (
    CANDIDATES,
    PLAIN,
    SES,
    USUAL,
    History,
    alive,
    candidate_paths,
    history,
    part_course,
    winsorised,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

DAY_LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Issued:
    """Forecasts of all series at one origin.

    Attributes:
        mean: expected units of each day ahead, shape (series, horizon).
        past: forecasts made the same way at past origins, each of shape (series, horizon).
        at: columns of these origins.
        course: how busy the first 1, 2, … days after each past origin, and last of all after this one, are by the
            calendar, shape (origins + 1, horizon).
        factor: the same of each single day ahead of this origin, shape (horizon,).
    """

    mean: FloatArray
    past: list[FloatArray]
    at: list[int]
    course: FloatArray
    factor: FloatArray


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Spread of an issued forecast.

    Attributes:
        deviation: standard deviation of the error of the sum over the first 1, 2, … days, shape (series, horizon).
        quantiles: cumulative demand by level, shape (series, horizon, levels).
        day_quantiles: demand of each single day by `DAY_LEVELS`, shape (series, horizon, 3).
    """

    deviation: FloatArray
    quantiles: FloatArray
    day_quantiles: FloatArray


def issue(units: FloatArray, horizon: int, model: Sequence[str] | NDArray[np.str_]) -> Issued:
    """Forecast every series by its model from the last column on.

    Args:
        units: demand up to the origin, shape (series, days), nan where not observed.
        horizon: days ahead.
        model: name of a candidate, or of exponential smoothing, for each series.

    Returns:
        The forecasts; 0 for dead series.
    """
    known, days = history(units), units.shape[1]
    at = past_origins(days, min(horizon, days // 3))
    made = _paths(units, known, [*at, days - 1], horizon, model)
    factors = np.array([part_course(known, USUAL, origin, horizon) for origin in [*at, days - 1]])
    course = np.cumsum(factors, axis=1) / np.arange(1, horizon + 1)
    mean = np.where(alive(units)[:, None], made[-1], 0.0)
    return Issued(mean, made[:-1], at, course, factors[-1])


def expected(units: FloatArray, horizon: int, model: Sequence[str] | NDArray[np.str_]) -> FloatArray:
    """The mean of `issue` alone, without what was forecast before; shape (series, horizon)."""
    made = _paths(units, history(units), [units.shape[1] - 1], horizon, model)
    return np.where(alive(units)[:, None], made[0], 0.0)


def _paths(
    units: FloatArray, known: History, at: Sequence[int], horizon: int, model: Sequence[str] | NDArray[np.str_]
) -> list[FloatArray]:
    """Forecasts of every series by its model at each origin."""
    models = np.asarray(model)
    names = [name for name in CANDIDATES if (models == name).any()]
    paths = candidate_paths(known, at, horizon, names)
    plain = models == SES
    made = []
    for place, origin in enumerate(at):
        path = np.zeros((len(units), horizon))
        for name in names:
            path[models == name] = paths[name][place][models == name]
        if plain.any():
            path[plain] = PLAIN[SES](units[plain], origin, horizon)
        made.append(path)
    return made


def uncertainty(units: FloatArray, issued: Issued, levels: Sequence[float] = LEVELS) -> Uncertainty:
    """Measure the spread of a forecast by the errors of those made before it.

    Args:
        units: the demand it was issued from.
        issued: the forecast.
        levels: quantiles of cumulative demand.
    """
    errors = cumulative_errors(units, issued.past, issued.at, issued.mean.shape[1])
    variance, size = demand_variance(units), mean_size(units)
    sums = [_sum_spread(errors, issued, variance, size, days, levels) for days in range(1, issued.mean.shape[1] + 1)]
    deviation = np.stack([each.deviation for each in sums], axis=1)
    quantiles = np.stack([each.quantiles for each in sums], axis=1)
    return Uncertainty(deviation, quantiles, _single_days(errors, issued, variance, size))


def sum_spread(units: FloatArray, issued: Issued, days: int, levels: Sequence[float] = LEVELS) -> Spread:
    """The spread of the sum over one number of days alone; see `uncertainty`."""
    errors = cumulative_errors(units, issued.past, issued.at, days)
    return _sum_spread(errors, issued, demand_variance(units), mean_size(units), days, levels)


def _sum_spread(
    errors: FloatArray, issued: Issued, variance: FloatArray, size: FloatArray, days: int, levels: Sequence[float]
) -> Spread:
    place = days - 1
    ahead = issued.mean[:, :days].sum(axis=1)
    return spread(
        errors[:, :, place], issued.course[:-1, place], variance, days, ahead, float(issued.course[-1, place]),
        ahead / size, levels,
    )  # fmt: skip


def _single_days(errors: FloatArray, issued: Issued, variance: FloatArray, size: FloatArray) -> FloatArray:
    """Quantiles of single days, by the errors of the first day ahead scaled by the calendar."""
    found = np.zeros((*issued.mean.shape, len(DAY_LEVELS)))
    for factor in np.unique(issued.factor):
        days = issued.factor == factor
        usual = issued.mean[:, days].mean(axis=1)
        spread_ = spread(
            errors[:, :, 0], issued.course[:-1, 0], variance, 1, usual, float(factor), usual / size, DAY_LEVELS,
        )  # fmt: skip
        found[:, days] = spread_.quantiles[:, None, :]
    return found


def demand_variance(units: FloatArray) -> FloatArray:
    """Variance of a day's demand, exceptional days cut; 0 without an observed day."""
    cut = winsorised(units)
    seen = ~np.isnan(cut)
    count = np.maximum(seen.sum(axis=1), 1)
    known = np.where(seen, cut, 0.0)
    mean = known.sum(axis=1) / count
    return (np.where(seen, cut - mean[:, None], 0.0) ** 2).sum(axis=1) / count


def mean_size(units: FloatArray) -> FloatArray:
    """Mean units of a day with demand; 1 without one."""
    known = np.nan_to_num(units)
    demands = (known > 0).sum(axis=1)
    return np.where(demands > 0, known.sum(axis=1) / np.maximum(demands, 1), 1.0)


def models_by_class(classes: NDArray[np.str_], chosen: Mapping[str, str], otherwise: str) -> NDArray[np.str_]:
    """Model of each series by its class; that of all items for a class without evidence."""
    return np.array([chosen.get(name, otherwise) for name in classes.tolist()], dtype=str)
