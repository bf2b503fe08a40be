"""Mean and deviation of demand over an interval, from a history of days: the plain ways that need no forecast table.

`trailing_statistics` is the textbook's (mean and deviation of days, scaled by √interval by whoever uses it);
`smoothed_statistics` follows the level by exponential smoothing and measures the errors of the *sum* over the interval.
Where forecasts exist they are better; these stay as their rival, and for items without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import FloatArray, checked, require

WARM_UP = 14
"""Days from which the level of exponential smoothing starts."""


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
        history: units a day, shape (items, days); nan where a day says nothing (outlier, stock-out).
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
    """Level of exponential smoothing after each day, shape (items, days); a day of nan leaves it where it was."""
    checked(smoothing=smoothing)
    start = history[:, :WARM_UP]
    told = ~np.isnan(start)
    level = np.where(told, start, 0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    levels = np.empty_like(history)
    for day in range(history.shape[1]):
        value = history[:, day]
        level = np.where(np.isnan(value), level, level + smoothing * (value - level))
        levels[:, day] = level
    return levels


def smoothed_statistics(
    history: ArrayLike, horizon: int, smoothing: float = 0.05, window: int | None = 365
) -> Statistics:
    """Expected demand over the next days and the deviation of past errors of that *sum*.

    Args:
        history: units a day, shape (items, days); nan where a day says nothing.
        horizon: whole days, 0 or more.
        smoothing: of the level.
        window: last origins whose errors count; None for all. Origins of the first `WARM_UP` days never do.

    Returns:
        Mean = horizon × level; deviation = root mean square of (demand of the horizon − horizon × level before it),
        nan with fewer than two origins. A bias counts as error.

    Source: Saoud, Kourentzes & Boylan (2022); requirement R2.
    """
    days = np.asarray(history, dtype=np.float64)
    require("history", "too_few", np.asarray(days.shape[1] > 0))
    levels = smoothed_levels(days, smoothing)
    if horizon == 0:
        zero = np.zeros(days.shape[0])
        return Statistics(zero, zero.copy(), np.full(zero.shape, days.shape[1]))
    filled = np.where(np.isnan(days), levels, days)
    sums = np.cumsum(np.concatenate([np.zeros((len(days), 1)), filled], axis=1), axis=1)
    first = min(WARM_UP, days.shape[1]) - 1
    origins = np.arange(max(first, 0), days.shape[1] - horizon)
    if window is not None:
        origins = origins[-window:]
    mean = levels[:, -1] * horizon
    counted = np.full(len(days), origins.size)
    if origins.size < 2:  # noqa: PLR2004 - one error has no spread
        return Statistics(mean, np.full(len(days), np.nan), counted)
    errors = sums[:, origins + 1 + horizon] - sums[:, origins + 1] - levels[:, origins] * horizon
    return Statistics(mean, np.sqrt((errors**2).mean(axis=1)), counted)
