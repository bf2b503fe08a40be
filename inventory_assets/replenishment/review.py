"""When to order, and up to where: continuous and periodic review for a wanted, named service.

Both act on the **inventory position** (on hand − unavailable − reserved − backorders + on order + in transit), never on
stock on hand. Continuous review protects the lead time, periodic review the lead time and one review period.

Invariant: more on order never raises what is ordered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand
from inventory_assets.replenishment.domain import BoolArray, FloatArray, checked, require
from inventory_assets.replenishment.safety_stock import (
    Level,
    level_for_cycle_service,
    level_for_fill_rate,
    level_for_ready_rate,
)

ServiceName = Literal["cycle_service", "fill_rate", "ready_rate"]
"""What a service target means: share of cycles without a stock-out, of units delivered at once, of time with stock."""


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """When to order and up to where, for each item.

    Attributes:
        reorder_point: units: order when the position is at or below.
        order_up_to: units: the position after the order.
        safety_stock: units: reorder point − expected demand over the protected interval.
    """

    reorder_point: FloatArray
    order_up_to: FloatArray
    safety_stock: FloatArray


def continuous_review(
    demand: Demand, order_quantity: ArrayLike, target: ArrayLike, service: ServiceName
) -> ReviewPolicy:
    """Reorder point r = F(L) + SS(L) of a continuously watched position; an order is Q units.

    Args:
        demand: over the lead time.
        order_quantity: Q, units, above 0.
        target: the wanted service, between 0 and 1.
        service: what the target means.

    Returns:
        r, r + Q and the safety stock.

    Raises:
        InvalidInput: outside these domains; the target is blamed by the name of its service.

    Source: requirement R3; Silver, Pyke & Thomas (2017), chapter 6; formulas in `safety_stock`.
    """
    (quantity,) = checked(order_quantity=order_quantity)
    if service == "cycle_service":
        level = level_for_cycle_service(demand, target)
    elif service == "fill_rate":
        level = level_for_fill_rate(demand, quantity, target)
    else:
        level = level_for_ready_rate(demand, quantity, target)
    return ReviewPolicy(level.level, level.level + quantity, level.safety_stock)


def periodic_review(
    demand_over: Callable[[FloatArray], Demand],
    lead_time: ArrayLike,
    review_period: ArrayLike,
    target: ArrayLike,
    service: Literal["cycle_service", "fill_rate"],
) -> ReviewPolicy:
    """Order-up-to level S = F(L + R) + SS(L + R) of a position looked at every R periods.

    An order placed now must last until the one placed at the next review arrives, R + L from now. At a review where the
    position is at or below S, the order is what is missing (`order_quantity`); a least order, by `rounding`, makes it a
    policy that skips reviews.

    Args:
        demand_over: gives the distribution of demand over so many periods, for example `Normal(mean, sd).over`, or one
            whose deviation comes from forecast errors over that interval.
        lead_time: L, periods, 0 or more.
        review_period: R, periods, above 0.
        target: the wanted service, between 0 and 1.
        service: what the target means.

    Returns:
        S twice, as reorder point and order-up-to level, and the safety stock.

    Raises:
        InvalidInput: outside these domains; the target is blamed by the name of its service.

    Source: requirement R3; Chopra & Meindl (2016), chapter 12 (order-up-to level); Silver, Pyke & Thomas (2017),
        chapter 6, (R, S).
    """
    time, review = checked(lead_time=lead_time, review_period=review_period)
    protected = demand_over(time + review)
    level = _periodic_level(protected, demand_over(time), target, service)
    return ReviewPolicy(level.level, level.level, level.safety_stock)


def _periodic_level(
    protected: Demand, before: Demand, target: ArrayLike, service: Literal["cycle_service", "fill_rate"]
) -> Level:
    if service == "cycle_service":
        return level_for_cycle_service(protected, target)
    between = protected.average - before.average
    require("demand_mean", "not_positive", between > 0)
    return level_for_fill_rate(protected, between, target, lead_time_demand=before)


def is_due(position: ArrayLike, reorder_point: ArrayLike) -> BoolArray:
    """Whether the position is at or below the reorder point.

    Args:
        position: inventory position, units.
        reorder_point: units.

    Returns:
        A mask.

    Raises:
        InvalidInput: for nan: an unknown position is no position of 0 (`by_row` gives the reason).
    """
    here, point = checked(position=position, reorder_point=reorder_point)
    return here <= point


def missing_units(position: ArrayLike, policy: ReviewPolicy) -> FloatArray:
    """Units to order now: up to the level where an order is due, otherwise 0.

    Args:
        position: inventory position, units.
        policy: of the items.

    Returns:
        Units, 0 or more, before rounding to packs and minimum orders (`rounding`).

    Raises:
        InvalidInput: for nan: an unknown position is no position of 0.
    """
    here, top = checked(position=position, order_up_to=policy.order_up_to)
    return np.where(is_due(here, policy.reorder_point), np.maximum(top - here, 0), 0.0)
