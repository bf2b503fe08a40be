"""Mean and deviation of demand over an interval, from a history of days: the plain ways that need no forecast table.

`trailing_statistics` is the textbook's (mean and deviation of days, scaled by √interval by whoever uses it);
`smoothed_statistics` follows the level by exponential smoothing and measures the errors of the *sum* over the interval.
Where forecasts exist they are better; these stay as their rival, and for items without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.distributions import Lognormal
from inventory_assets.replenishment.domain import FloatArray, checked, require

WARM_UP = 14
"""Told days from which the level of exponential smoothing starts; errors before them do not count."""

MOST_VARIATION, FADING = 10.9, 0.75
"""Coefficient of variation of a day's demand above which it counts as this; of n days, n^−¾ of it (1.5 at 14 days).

Without a bound an item whose level has nearly faded, and whose errors are still those of better days, is given months
of stock. Chosen on June to November 2010 of Online Retail II, judged on the half year after it (docs/replenishment.md).
"""
LEAST_VARIATION = 0.02
"""Of any interval: no demand is certain."""
LEAST_UNITS = 1e-3
"""Expected units below which nothing is planned: what is left of a level that has faded."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Demand of each item over an interval.

    Attributes:
        mean: units.
        deviation: units; nan where too little is known to tell.
        observations: how many days or intervals it rests on.
    """

    mean: FloatArray
    deviation: FloatArray
    observations: NDArray[np.int64]


def trailing_statistics(history: ArrayLike, window: int | None = None) -> Statistics:
    """Mean and sample deviation of demand *a day* over the last days.

    Args:
        history: units a day, shape (items, days); nan where a day says nothing (outlier, before the launch).
        window: last days that count; None for all.

    Returns:
        Of one day; the deviation is nan below two days.
    """
    days = np.asarray(history, dtype=np.float64)
    days = days[:, -window:] if window else days
    told = ~np.isnan(days)
    count = told.sum(axis=1)
    total = np.where(told, days, 0).sum(axis=1)
    mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    squares = (np.where(told, days - np.where(count > 0, mean, 0)[:, None], 0) ** 2).sum(axis=1)
    deviation = np.sqrt(np.divide(squares, count - 1, out=np.full(count.shape, np.nan), where=count > 1))
    return Statistics(mean, deviation, count)


def smoothed_levels(history: FloatArray, smoothing: float) -> FloatArray:
    """Level of exponential smoothing after each day, shape (items, days).

    It starts from the mean of the first `WARM_UP` told days; a day of nan leaves it where it was.
    """
    checked(smoothing=smoothing)
    told = ~np.isnan(history)
    start = told & (np.cumsum(told, axis=1) <= WARM_UP)
    level = np.where(start, history, 0).sum(axis=1) / np.maximum(start.sum(axis=1), 1)
    levels = np.empty(history.shape)
    for day in range(history.shape[1]):
        value = history[:, day]
        level = np.where(told[:, day], level + smoothing * (value - level), level)
        levels[:, day] = level
    return levels


def smoothed_statistics(
    history: ArrayLike, horizon: ArrayLike, smoothing: float = 0.05, window: int | None = 365
) -> Statistics:
    """Expected demand over the next days and the deviation of past errors of that *sum*.

    Args:
        history: units a day, shape (items, days); nan where a day says nothing. In sums it counts as the level then.
        horizon: whole days, 0 or more, a number or shape (items,).
        smoothing: of the level.
        window: last origins whose errors count; None for all.

    Returns:
        Mean = horizon × level; deviation = root mean square of (demand of the horizon − horizon × level before it),
        nan with fewer than two origins after the first `WARM_UP` told days. A bias counts as error.

    Source: Saoud, Kourentzes & Boylan (2022); requirement R2.
    """
    days = np.asarray(history, dtype=np.float64)
    require("history", "too_few", np.asarray(days.shape[1] > 0))
    levels = smoothed_levels(days, smoothing)
    told = ~np.isnan(days)
    warm = np.cumsum(told, axis=1) >= WARM_UP
    filled = np.where(told, days, levels)
    sums = np.cumsum(np.concatenate([np.zeros((len(days), 1)), filled], axis=1), axis=1)
    horizons = np.broadcast_to(np.asarray(horizon, dtype=np.int64), (len(days),))
    mean, deviation = np.zeros(len(days)), np.zeros(len(days))
    counted = told.sum(axis=1)
    for length in np.unique(horizons[horizons > 0]):
        rows = np.flatnonzero(horizons == length)
        origins = np.arange(days.shape[1] - length)[-(window or days.shape[1]) :]
        mean[rows] = levels[rows, -1] * length
        errors = sums[np.ix_(rows, origins + 1 + length)] - sums[np.ix_(rows, origins + 1)]
        errors -= levels[np.ix_(rows, origins)] * length
        valid = warm[np.ix_(rows, origins)]
        counted[rows] = valid.sum(axis=1)
        total = np.where(valid, errors**2, 0).sum(axis=1)
        known = counted[rows] > 1
        deviation[rows] = np.sqrt(np.divide(total, counted[rows], out=np.full(rows.size, np.nan), where=known))
    return Statistics(mean, deviation, counted)


def bounded_deviation(mean: ArrayLike, deviation: ArrayLike, days: ArrayLike) -> FloatArray:
    """The deviation of demand over some days, no more than a plannable item can have.

    Args:
        mean: expected demand of these days, units.
        deviation: measured, units; nan stays nan.
        days: their number, 0 or more.

    Returns:
        Units, at most `MOST_VARIATION`·days^−`FADING` times the mean.
    """
    length = np.maximum(np.asarray(days, dtype=np.float64), 1)
    return np.minimum(deviation, np.asarray(mean) * MOST_VARIATION / length**FADING)


def skewed_demand(mean: ArrayLike, deviation: ArrayLike) -> Lognormal:
    """Demand with these moments as sales are distributed: never negative, with a long tail when it varies much.

    A normal distribution has the same moments and too thin a tail: it falls short of high fill rates by several points,
    a gamma distribution still by two. Where demand varies little the three agree. Lognormal was chosen on June to
    November 2010 of Online Retail II and judged on the half year after it (docs/replenishment.md).

    Args:
        mean: units, 0 or more.
        deviation: units, 0 or more.

    Source: Silver, Pyke & Thomas (2017), chapter 6, on lognormal demand; the bound of the deviation is
        `bounded_deviation`.
    """
    average = np.maximum(np.asarray(mean, dtype=np.float64), LEAST_UNITS * LEAST_UNITS)
    return Lognormal.with_moments(average, np.maximum(deviation, LEAST_VARIATION * average))
