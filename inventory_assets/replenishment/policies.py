"""Policies for the simulator: fixed levels, and rules that estimate their level again from what they have seen.

The rivals of the documentation stand here under their names: `seed` (mean·L + z·σ·√L, no review period), `textbook`
(the same over L + R), and `forecast_error` (level by exponential smoothing, deviation of the errors of the *cumulative*
demand, lognormal demand of bounded variation, loss function for the fill rate). A rule is given the past of all items
and returns order-up-to levels; nothing of the future can reach it, because the simulator hands out the past only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.demand_statistics import (
    LEAST_UNITS,
    Statistics,
    bounded_deviation,
    skewed_demand,
    smoothed_statistics,
    trailing_statistics,
)
from inventory_assets.replenishment.domain import BoolArray, FloatArray, checked
from inventory_assets.replenishment.replay import Today, Units
from inventory_assets.replenishment.safety_stock import level_for_cycle_service, level_for_fill_rate

Statistician: TypeAlias = Callable[..., Statistics]
"""Statistics of demand from the past (items, days) and a number of days: of the sum over them, or the last ones."""

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


def seed(
    lead_time: ArrayLike,
    safety_factor: float,
    window: int | None = None,
    statistics: Statistician = trailing_statistics,
) -> Rule:
    """mean·L + z·σ·√L: leaves the review period out.

    Args:
        lead_time: L, days.
        safety_factor: z.
        window: days of the past it looks at; None for all.
        statistics: see `remembered`.
    """

    def rule(past: Units, _in_stock: BoolArray) -> FloatArray:
        found = statistics(past, window)
        time = np.asarray(lead_time, dtype=np.float64)
        return found.mean * time + safety_factor * found.deviation * np.sqrt(time)

    return rule


def textbook(
    lead_time: ArrayLike,
    review_period: ArrayLike,
    safety_factor: float,
    window: int | None = None,
    statistics: Statistician = trailing_statistics,
) -> Rule:
    """mean·(L + R) + z·σ·√(L + R).

    Args:
        lead_time: L, days.
        review_period: R, days.
        safety_factor: z.
        window: days of the past it looks at; None for all.
        statistics: see `remembered`.
    """
    return seed(np.asarray(lead_time, dtype=np.float64) + np.asarray(review_period), safety_factor, window, statistics)


def forecast_error(
    lead_time: float, review_period: int, target: float, lead_time_sd: float = 0.0,
    service: Literal["fill_rate", "cycle_service"] = "fill_rate", statistics: Statistician = smoothed_statistics,
) -> Rule:  # fmt: skip
    """The level by errors of the cumulative demand, for a share of units of each item, or for a share of its cycles.

    The same fill rate for every item is dear: an item of lumpy demand needs months of stock for it. The same cycle
    service for every item gives the units of a whole range for the least stock, and less service to such items.

    Args:
        lead_time: L, days.
        review_period: R, whole days.
        target: wanted share of units, the others are lost; or of cycles.
        lead_time_sd: σ_L, days.
        service: what the target is a share of.
        statistics: see `remembered`.

    Source: Prak, Teunter & Syntetos (2017); Silver, Pyke & Thomas (2017), chapter 6 (fill rate), 6.11 (the
        same cycle service is the least stock for a range).
    """
    horizons = ceil(lead_time), ceil(lead_time + review_period)
    times = lead_time, lead_time + review_period

    def rule(past: Units, _in_stock: BoolArray) -> FloatArray:
        told = [statistics(past, horizon) for horizon in horizons]
        day = told[1].mean / horizons[1]
        level = day * times[1]
        some = (told[1].mean > LEAST_UNITS) & (told[1].deviation > 0)
        if some.any():
            uncertain = (day[some] * lead_time_sd) ** 2
            spread = [
                np.sqrt(bounded_deviation(each.mean, each.deviation, horizon)[some] ** 2 + uncertain)
                for each, horizon in zip(told, horizons, strict=True)
            ]
            before = skewed_demand(day[some] * times[0], np.minimum(*spread))
            protected = skewed_demand(level[some], spread[1])
            if service == "fill_rate":
                earlier, between = before if lead_time else None, day[some] * review_period
                found = level_for_fill_rate(protected, between, target, lead_time_demand=earlier, lost=True)
            else:
                found = level_for_cycle_service(protected, target)
            level[some] = np.maximum(found.level, 0)
        return level

    return rule


def remembered(statistics: Statistician) -> Statistician:
    """The same statistics, computed once for each number of days and horizon.

    For rules that are compared on one and the same history of *demand*: what a history of so many days holds is then
    always the same. A history of sales depends on the rule and must not be remembered.
    """
    known: dict[tuple[int, object], Statistics] = {}

    def told(past: Units, argument: int | None) -> Statistics:
        key = past.shape[1], argument
        if key not in known:
            known[key] = statistics(past, argument)
        return known[key]

    return told
