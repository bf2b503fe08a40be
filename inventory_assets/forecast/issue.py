"""A forecast as it is issued: expected demand of each day ahead, and how far sums of days may lie from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.horizons import far_origins
from inventory_assets.forecast.intervals import (
    LEVELS,
    ORIGIN_STEP,
    Spread,
    cumulative_errors,
    past_origins,
    spread,
)
from inventory_assets.forecast.learned import LEARNED, learned_paths
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
        past: forecasts made the same way at past origins, each of shape (series, measured): as many days as sums are
            measured of, at most the horizon.
        at: columns of these origins.
        course: how busy the first 1, 2, … days after each past origin, and last of all after this one, are by the
            calendar, shape (origins + 1, measured).
        factor: the same of each single day ahead of this origin, shape (horizon,).
        plain: what would be expected without the promotions ahead, like `mean`; None where none is known.
    """

    mean: FloatArray
    past: list[FloatArray]
    at: list[int]
    course: FloatArray
    factor: FloatArray
    plain: FloatArray | None = None


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


def issue(
    units: FloatArray, horizon: int, model: Sequence[str] | NDArray[np.str_], measured: int | None = None
) -> Issued:
    """Forecast every series by its model from the last column on.

    Args:
        units: demand up to the origin, shape (series, days), nan where not observed.
        horizon: days ahead.
        model: name of a candidate, or of exponential smoothing, for each series.
        measured: days ahead of the forecasts at past origins, and so the longest sum whose error can be told; all of
            them by default.

    Returns:
        The forecasts; 0 for dead series.
    """
    known, days = history(units), units.shape[1]
    measured = horizon if measured is None else measured
    at = past_origins(days, min(measured, days // 3))
    made = _paths(units, known, [*at, days - 1], [*[measured] * len(at), horizon], model)
    mean = np.where(alive(units)[:, None], made[-1], 0.0)
    factor = part_course(known, USUAL, days - 1, horizon)
    return Issued(mean, made[:-1], at, courses(known, at, measured, factor), factor)


def issued_far(
    units: FloatArray, mean: FloatArray, model: NDArray[np.str_], rows: NDArray[np.intp], measured: int, days: int
) -> Issued:
    """The same forecast of some series, with past ones that reach farther, made at origins farther back and apart.

    Args:
        units: demand of all series, whose pooled calendar counts.
        mean: the forecast of all series.
        model: their models.
        rows: the series wanted.
        measured: days of sums whose errors are known already: origins begin so many days back.
        days: days ahead of the forecasts at past origins.
    """
    known, last = history(units), units.shape[1] - 1
    at = far_origins(last + 1, measured, days)
    past = _paths(units[rows], known.take(rows), at, days, model[rows])
    factor = part_course(known, USUAL, last, mean.shape[1])
    return Issued(mean[rows], past, at, courses(known, at, days, factor), factor)


def courses(known: History, at: Sequence[int], measured: int, factor: FloatArray) -> FloatArray:
    """How busy the first 1, 2, … days after each origin, and last of all those of `factor`, are by the calendar."""
    factors = np.array([*(part_course(known, USUAL, origin, measured) for origin in at), factor[:measured]])
    return np.cumsum(factors, axis=1) / np.arange(1, measured + 1)


def expected(units: FloatArray, horizon: int, model: Sequence[str] | NDArray[np.str_]) -> FloatArray:
    """The mean of `issue` alone, without what was forecast before; shape (series, horizon)."""
    made = _paths(units, history(units), [units.shape[1] - 1], horizon, model)
    return np.where(alive(units)[:, None], made[0], 0.0)


def _paths(
    units: FloatArray,
    known: History,
    at: Sequence[int],
    horizon: int | Sequence[int],
    model: Sequence[str] | NDArray[np.str_],
) -> list[FloatArray]:
    """Forecasts of every series by its model at each origin."""
    models = np.asarray(model)
    ahead = [horizon] * len(at) if isinstance(horizon, int) else horizon
    names = [name for name in CANDIDATES if (models == name).any()]
    paths = candidate_paths(known, at, ahead, names)
    plain, learned = models == SES, models == LEARNED
    trees = learned_paths(units, at, ahead) if learned.any() else []
    made = []
    for place, (origin, days) in enumerate(zip(at, ahead, strict=True)):
        path = np.zeros((len(units), days))
        for name in names:
            path[models == name] = paths[name][place][models == name]
        if plain.any():
            path[plain] = PLAIN[SES](units[plain], origin, days)
        if learned.any():
            path[learned] = trees[place][learned]
        made.append(path)
    return made


def uncertainty(
    units: FloatArray, issued: Issued, levels: Sequence[float] = LEVELS, first: int = 1, step: int = ORIGIN_STEP
) -> Uncertainty:
    """Measure the spread of a forecast by the errors of those made before it.

    Args:
        units: the demand it was issued from.
        issued: the forecast.
        levels: quantiles of cumulative demand.
        first: the shortest sum wanted; the longest is as long as the past forecasts are.
        step: days between the past origins.

    Returns:
        Spread of the sums over `first` days and more, and of the single days that end them.
    """
    longest = issued.course.shape[1]
    errors = cumulative_errors(units, issued.past, issued.at, longest)
    variance, size = demand_variance(units), mean_size(units)
    wanted = range(first, longest + 1)
    sums = [_sum_spread(errors, issued, variance, size, days, levels, step) for days in wanted]
    deviation = np.stack([each.deviation for each in sums], axis=1)
    quantiles = np.stack([each.quantiles for each in sums], axis=1)
    return Uncertainty(deviation, quantiles, _single_days(errors, issued, variance, size, slice(first - 1, longest)))


def day_quantiles(units: FloatArray, issued: Issued, days: slice) -> FloatArray:
    """Quantiles of single days alone, shape (series, days, 3); see `uncertainty`."""
    errors = cumulative_errors(units, issued.past, issued.at, 1)
    return _single_days(errors, issued, demand_variance(units), mean_size(units), days)


def sum_spread(units: FloatArray, issued: Issued, days: int, levels: Sequence[float] = LEVELS) -> Spread:
    """The spread of the sum over one number of days alone; see `uncertainty`."""
    errors = cumulative_errors(units, issued.past, issued.at, days)
    return _sum_spread(errors, issued, demand_variance(units), mean_size(units), days, levels)


def _sum_spread(
    errors: FloatArray, issued: Issued, variance: FloatArray, size: FloatArray, days: int, levels: Sequence[float],
    step: int = ORIGIN_STEP,
) -> Spread:  # fmt: skip
    place = days - 1
    ahead = issued.mean[:, :days].sum(axis=1)
    usual: FloatArray = ahead
    relative: float | FloatArray = float(issued.course[-1, place])
    if issued.plain is not None:
        usual = issued.plain[:, :days].sum(axis=1)
        relative = relative * _raised(ahead, usual)
    return spread(
        errors[:, :, place], issued.course[:-1, place], variance, days, ahead, relative, usual / size, levels, step,
    )  # fmt: skip


def _raised(mean: FloatArray, plain: FloatArray) -> FloatArray:
    """By how much promotions raise what is expected: errors grow with it."""
    return np.divide(mean, plain, out=np.ones_like(mean), where=plain > 0)


def _single_days(
    errors: FloatArray, issued: Issued, variance: FloatArray, size: FloatArray, wanted: slice
) -> FloatArray:
    """Quantiles of single days, by the errors of the first day ahead scaled by the calendar."""

    def of_day(usual: FloatArray, relative: float | FloatArray) -> FloatArray:
        course = issued.course[:-1, 0]
        return spread(errors[:, :, 0], course, variance, 1, usual, relative, usual / size, DAY_LEVELS).quantiles

    mean, factors = issued.mean[:, wanted], issued.factor[wanted]
    plain = mean if issued.plain is None else issued.plain[:, wanted]
    found = np.zeros((*mean.shape, len(DAY_LEVELS)))
    for factor in np.unique(factors):
        days = factors == factor
        found[:, days] = of_day(plain[:, days].mean(axis=1), float(factor))[:, None, :]
    for day in np.flatnonzero((mean != plain).any(axis=0)):
        rows = mean[:, day] != plain[:, day]
        relative = float(factors[day]) * _raised(mean[:, day], plain[:, day])
        found[rows, day] = of_day(mean[:, day], relative)[rows]
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
