"""Policies for the simulator: fixed levels, and rules that estimate their level again from what they have seen.

The rivals of the documentation stand here under their names: `seed` (mean·L + z·σ·√L, no review period), `textbook`
(the same over L + R), and `forecast_error` (level by exponential smoothing, deviation of the errors of the *cumulative*
demand, gamma demand of bounded variation, loss function for the fill rate). A rule is given the past of all items and
returns order-up-to levels; nothing of the future can reach it, because the simulator hands out the past only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.demand_statistics import (
    LEAST_UNITS,
    bounded_deviation,
    skewed_demand,
    smoothed_statistics,
    trailing_statistics,
)
from inventory_assets.replenishment.domain import BoolArray, FloatArray, checked
from inventory_assets.replenishment.replay import Today, Units
from inventory_assets.replenishment.safety_stock import level_for_fill_rate

Rule: TypeAlias = Callable[[Units, BoolArray], FloatArray]
"""Order-up-to levels of all items from the past (items, days) and the days of it that began with stock."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Order up to S when the position is at or below s.

    Attributes:
        reorder_point: s, units, a number or shape (items,).
        order_up_to: S, units.
    """

    reorder_point: ArrayLike
    order_up_to: ArrayLike

    def __call__(self, today: Today) -> FloatArray:
        """Units up to the level where an order is due."""
        missing = np.asarray(self.order_up_to, dtype=np.float64) - today.position
        return np.where(today.position <= np.asarray(self.reorder_point), missing, 0.0)


@dataclass(frozen=True, slots=True)
class Lots:
    """Order as many lots of Q as bring the position above r.

    Attributes:
        reorder_point: r, units.
        order_quantity: Q, units, above 0.
    """

    reorder_point: ArrayLike
    order_quantity: ArrayLike

    def __call__(self, today: Today) -> FloatArray:
        """Whole lots where the position is at or below r."""
        (lot,) = checked(order_quantity=self.order_quantity)
        below = np.asarray(self.reorder_point, dtype=np.float64) - today.position
        return np.where(below >= 0, (np.floor(below / lot) + 1) * lot, 0.0)


@dataclass(slots=True)
class Reestimated:
    """A rule that is asked for new levels every so many days; between them the levels stand.

    Attributes:
        rule: see `Rule`.
        every: days between two estimates.
        learn: days that must have passed before the first one; nothing is ordered until then.
    """

    rule: Rule
    every: int = 7
    learn: int = 1
    _levels: FloatArray | None = field(default=None, init=False)
    _estimated: int = field(default=-1, init=False)

    def __call__(self, today: Today) -> FloatArray:
        """Units up to the level of the last estimate."""
        if today.day < self.learn:
            return np.zeros(today.position.shape)
        if self._levels is None or today.day - self._estimated >= self.every:
            self._levels = np.nan_to_num(self.rule(today.past, today.in_stock), nan=0.0)
            self._estimated = today.day
        return np.maximum(self._levels - today.position, 0.0)


def seed(lead_time: ArrayLike, safety_factor: float, window: int | None = None) -> Rule:
    """mean·L + z·σ·√L: leaves the review period out.

    Args:
        lead_time: L, days.
        safety_factor: z.
        window: days of the past it looks at; None for all.
    """

    def rule(past: Units, _in_stock: BoolArray) -> FloatArray:
        found = trailing_statistics(past, window)
        time = np.asarray(lead_time, dtype=np.float64)
        return found.mean * time + safety_factor * found.deviation * np.sqrt(time)

    return rule


def textbook(lead_time: ArrayLike, review_period: ArrayLike, safety_factor: float, window: int | None = None) -> Rule:
    """mean·(L + R) + z·σ·√(L + R).

    Args:
        lead_time: L, days.
        review_period: R, days.
        safety_factor: z.
        window: days of the past it looks at; None for all.
    """
    return seed(np.asarray(lead_time, dtype=np.float64) + np.asarray(review_period), safety_factor, window)


def forecast_error(
    lead_time: int, review_period: int, fill_rate: float, smoothing: float = 0.05, window: int | None = 365
) -> Rule:
    """The level whose expected shortage a review period is (1 − fill rate) of demand, by errors of cumulative demand.

    Args:
        lead_time: L, whole days.
        review_period: R, whole days.
        fill_rate: wanted share of units.
        smoothing: of the exponential smoothing that gives the level of demand.
        window: days of the past whose errors count; None for all.

    Source: Prak, Teunter & Syntetos (2017); Silver, Pyke & Thomas (2017), chapter 6 (fill rate).
    """

    def rule(past: Units, _in_stock: BoolArray) -> FloatArray:
        before, protected = (
            smoothed_statistics(past, horizon, smoothing, window) for horizon in (lead_time, lead_time + review_period)
        )
        level = protected.mean.copy()
        some = (protected.mean > LEAST_UNITS) & (protected.deviation > 0)
        if some.any():
            demand, earlier = (
                skewed_demand(told.mean[some], bounded_deviation(told.mean, told.deviation, horizon)[some])
                for told, horizon in ((protected, lead_time + review_period), (before, lead_time))
            )
            between = protected.mean[some] * review_period / (lead_time + review_period)
            found = level_for_fill_rate(demand, between, fill_rate, lead_time_demand=earlier if lead_time else None)
            level[some] = np.maximum(found.level, 0)
        return level

    return rule
