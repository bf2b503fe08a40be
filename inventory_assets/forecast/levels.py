"""Level models: how much is demanded a day, for all series at once and at every origin that is asked for.

One pass over the days keeps the state of all series, so the levels of a hundred origins cost what one does; a backtest
and the errors of lead-time demand need just those. `statsforecast` gives the same numbers for the same parameters, one
origin at a time (a test holds them together).

`exposure` is how much of a usual day a day is (`profile`): 1 without a profile. A level is units a day of exposure 1.
Days that are not observed (nan) change nothing. `at` are columns: the level at column t uses columns 0 … t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def mean_level(units: FloatArray, at: Sequence[int], exposure: ArrayLike = 1.0) -> FloatArray:
    """Mean over all days so far: Σ units ÷ Σ exposure.

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins.
        exposure: a number, or one for each day.

    Returns:
        Levels, shape (series, origins); nan before the first observed day.
    """
    return moving_average(units, at, units.shape[1], exposure)


def moving_average(units: FloatArray, at: Sequence[int], window: int, exposure: ArrayLike = 1.0) -> FloatArray:
    """Mean over the last `window` days: Σ units ÷ Σ exposure; see `mean_level`."""
    total = _running(np.nan_to_num(units))
    weight = _running(np.where(np.isnan(units), 0.0, _days(units, exposure)))
    ends = np.asarray(at) + 1
    starts = np.maximum(ends - window, 0)
    return _divided(total[:, ends] - total[:, starts], weight[:, ends] - weight[:, starts])


def weighted_moving_average(units: FloatArray, at: Sequence[int], window: int, exposure: ArrayLike = 1.0) -> FloatArray:
    """Mean over the last `window` days with weights window, window − 1, …, 1 from the newest day back."""
    weights = np.arange(1, window + 1, dtype=float)
    days = _days(units, exposure)
    found = np.full((len(units), len(at)), np.nan)
    for column, end in enumerate(at):
        first = max(0, end + 1 - window)
        recent, weight = units[:, first : end + 1], weights[window - (end + 1 - first) :]
        exposed = np.where(np.isnan(recent), 0.0, days[first : end + 1] * weight)
        found[:, column] = _divided(np.nan_to_num(recent) @ weight, exposed.sum(axis=1))
    return found


def smoothed(units: FloatArray, at: Sequence[int], alpha: ArrayLike) -> FloatArray:
    """Simple exponential smoothing as the textbooks have it: starts at the first value, then L + α(y − L).

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins.
        alpha: α, a number or one for each series.

    Returns:
        Levels, shape (series, origins).

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 8.1.
    """
    level = np.full(len(units), np.nan)
    wanted = _Wanted(len(units), at)
    for column, (now, seen) in enumerate(_by_day(units)):
        begun = np.where(np.isnan(level), now, level)
        level = np.where(seen, begun + np.asarray(alpha) * (now - begun), level)
        wanted.keep(column, level)
    return wanted.found


def discounted(units: FloatArray, at: Sequence[int], alpha: float, exposure: ArrayLike = 1.0) -> FloatArray:
    """Exponentially discounted mean: Σ (1−α)^k y ÷ Σ (1−α)^k w over the days k back, w the exposure.

    With exposure 1 this is exponential smoothing whose start is the running mean instead of the first value, so one
    large first sale does not stay in the level for months; with a profile, a closed day neither lowers nor raises it.

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins.
        alpha: α.
        exposure: a number, or one for each day.

    Returns:
        Levels, shape (series, origins).

    Source: Brown (1963), discounted least squares of a constant; the ratio form is its weighted version.
    """
    total = np.zeros(len(units))
    weight = np.zeros(len(units))
    days = _days(units, exposure)
    wanted = _Wanted(len(units), at)
    for column, (now, seen) in enumerate(_by_day(units)):
        kept = np.where(seen, 1 - alpha, 1.0)
        total = total * kept + np.where(seen, now, 0.0)
        weight = weight * kept + np.where(seen, days[column], 0.0)
        if column in wanted.columns:
            wanted.keep(column, _divided(total, weight))
    return wanted.found


def croston(units: FloatArray, at: Sequence[int], alpha: float = 0.1, *, unbiased: bool = False) -> FloatArray:
    """Croston's z/p, or with `unbiased` (1 − α/2)·z/p of Syntetos and Boylan; 0 before the first demand.

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins.
        alpha: smoothing of sizes and of intervals.
        unbiased: with the factor of Syntetos and Boylan.

    Source: Croston (1972); Syntetos & Boylan (2005), eq. (1). `replenishment.intermittent` has the second for one
    origin.
    """
    size = interval = waited = np.zeros(len(units))
    wanted = _Wanted(len(units), at)
    for column, (now, seen) in enumerate(_by_day(units)):
        waited = waited + seen
        here, first = seen & (now > 0), interval == 0
        size = np.where(here, np.where(first, now, size + alpha * (now - size)), size)
        interval = np.where(here, np.where(first, waited, interval + alpha * (waited - interval)), interval)
        waited = np.where(here, 0, waited)
        if column in wanted.columns:
            wanted.keep(column, np.where(interval > 0, _divided(size, interval), 0.0))
    return wanted.found * ((1 - alpha / 2) if unbiased else 1.0)


def teunter_syntetos_babai(
    units: FloatArray,
    at: Sequence[int],
    alpha_size: float = 0.1,
    alpha_probability: float = 0.05,
    exposure: ArrayLike | None = None,
) -> FloatArray:
    """Probability of demand × its size; the probability falls on days without demand, so a dead item fades.

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins.
        alpha_size: smoothing of sizes.
        alpha_probability: smoothing of the probability.
        exposure: for each day; the probability is then a discounted mean by exposure. Without it, the recursion as
            published.

    Source: Teunter, Syntetos & Babai (2011), eq. (4)–(5).
    """
    occurred = np.where(np.isnan(units), np.nan, (np.nan_to_num(units) > 0).astype(float))
    if exposure is None:
        probability = smoothed(occurred, at, alpha_probability)
    else:
        probability = discounted(occurred, at, alpha_probability, exposure)
    size = smoothed(np.where(occurred == 1, units, np.nan), at, alpha_size)
    return np.where(np.isnan(probability), np.nan, np.nan_to_num(probability) * np.nan_to_num(size))


def seasonal_naive(units: FloatArray, origin: int, horizon: int, period: int = 7) -> FloatArray:
    """The value of the same day one period before, repeated; a day not observed counts as 0.

    Returns:
        Forecasts, shape (series, horizon).
    """
    last = np.nan_to_num(units[:, max(0, origin + 1 - period) : origin + 1])
    last = np.pad(last, ((0, 0), (period - last.shape[1], 0)))
    return np.tile(last, (1, -(-horizon // period)))[:, :horizon]


def seasonal_average(units: FloatArray, origin: int, horizon: int, seasons: int = 8, period: int = 7) -> FloatArray:
    """Mean of the same day of the last `seasons` periods.

    Returns:
        Forecasts, shape (series, horizon).
    """
    first = origin + 1 - min(seasons, (origin + 1) // period) * period
    recent = units[:, first : origin + 1].reshape(len(units), -1, period)
    found = _divided(np.nan_to_num(recent).sum(axis=1), (~np.isnan(recent)).sum(axis=1).astype(float))
    return np.tile(np.nan_to_num(found), (1, -(-horizon // period)))[:, :horizon]


ALPHAS = (0.1, 0.15, 0.2, 0.25, 0.3)
"""Grid over which `optimised` looks for α; the bounds are those of statsforecast."""


def optimised(units: FloatArray, origin: int, alphas: Sequence[float] = ALPHAS) -> FloatArray:
    """Exponential smoothing with the α of each series whose one-step errors were smallest in square.

    Args:
        units: demand, shape (series, days), nan where not observed.
        origin: column of the origin.
        alphas: values to choose from.

    Returns:
        Levels, shape (series,).
    """
    tried = np.asarray(alphas)
    level = np.full((len(tried), len(units)), np.nan)
    squares = np.zeros_like(level)
    for now, seen in _by_day(units[:, : origin + 1]):
        error = np.where(seen & ~np.isnan(level), now - level, 0.0)
        squares += error**2
        level = np.where(seen, np.where(np.isnan(level), now, level + tried[:, None] * error), level)
    return np.take_along_axis(level, squares.argmin(axis=0)[None, :], axis=0)[0]


def adida(units: FloatArray, origin: int) -> FloatArray:
    """Smoothing of sums over buckets as long as the mean interval between demands, spread over their days.

    Returns:
        Levels, shape (series,).

    Source: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos (2011).
    """
    return _by_bucket(units, origin, np.equal)


def imapa(units: FloatArray, origin: int) -> FloatArray:
    """Mean of the forecasts from buckets of every length up to the mean interval between demands.

    Returns:
        Levels, shape (series,).

    Source: Petropoulos & Kourentzes (2015).
    """
    return _by_bucket(units, origin, np.less_equal)


def _by_bucket(
    units: FloatArray, origin: int, used: Callable[[int, NDArray[np.int64]], NDArray[np.bool_]]
) -> FloatArray:
    known = units[:, : origin + 1]
    demands = (np.nan_to_num(known) > 0).sum(axis=1)
    observed = (~np.isnan(known)).sum(axis=1)
    longest = np.maximum(1, np.rint(observed / np.maximum(demands, 1))).astype(np.int64)
    longest = np.minimum(longest, np.maximum(1, observed // 2))
    total, tries = np.zeros(len(units)), np.zeros(len(units))
    for length in range(1, int(longest.max(initial=1)) + 1):
        rows = np.flatnonzero(used(length, longest))
        if not len(rows):
            continue
        buckets = known.shape[1] // length
        sums = known[rows, known.shape[1] - buckets * length :].reshape(len(rows), buckets, length).sum(axis=2)
        level = optimised(sums, buckets - 1) / length
        total[rows] += np.nan_to_num(level)
        tries[rows] += 1
    return np.where(observed > 0, total / np.maximum(tries, 1), np.nan)


class _Wanted:
    """Levels at the columns asked for, as a pass reaches them."""

    def __init__(self, series: int, at: Sequence[int]) -> None:
        """Nothing reached yet."""
        self.found = np.full((series, len(at)), np.nan)
        self.columns: dict[int, list[int]] = {}
        for place, column in enumerate(at):
            self.columns.setdefault(int(column), []).append(place)

    def keep(self, column: int, level: FloatArray) -> None:
        """Note the level if its column was asked for."""
        for place in self.columns.get(column, ()):
            self.found[:, place] = level


def _by_day(units: FloatArray) -> zip[tuple[FloatArray, NDArray[np.bool_]]]:
    """Demand of all series day by day, and which of them were observed."""
    by_day = np.ascontiguousarray(units.T)
    return zip(by_day, ~np.isnan(by_day), strict=True)


def _days(units: FloatArray, exposure: ArrayLike) -> FloatArray:
    return np.broadcast_to(np.asarray(exposure, dtype=float), units.shape[1:])


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _divided(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
