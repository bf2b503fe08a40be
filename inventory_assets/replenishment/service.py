"""The service a policy gives, by name: what a reorder point or level achieves.

*Cycle service*: share of cycles without a stock-out. *Fill rate*: share of units delivered at once. *Ready rate*: share
of time with stock on hand. They differ widely: with a large order quantity a cycle service of 50 % can be a fill rate
of 99 %. The levels that reach a wanted service stand in `safety_stock`. Customers are assumed to wait; where sales are
lost instead, the fill rate is slightly higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand
from inventory_assets.replenishment.domain import FloatArray, checked


@dataclass(frozen=True, slots=True)
class Service:
    """Service of a policy, each a share between 0 and 1.

    Attributes:
        cycle_service: of replenishment cycles without a stock-out.
        fill_rate: of units delivered at once.
        ready_rate: of time with stock on hand.
    """

    cycle_service: FloatArray
    fill_rate: FloatArray
    ready_rate: FloatArray


def expected_short(reorder_point: ArrayLike, demand: Demand) -> FloatArray:
    """Units short in a replenishment cycle: E[(D − r)⁺].

    Args:
        reorder_point: r, units.
        demand: over the lead time (or over lead time and review period, with r the order-up-to level).

    Returns:
        Units a cycle.

    Raises:
        InvalidInput: for nan or infinite levels.

    Source: Chopra & Meindl (2016), chapter 12, "ESC"; Nahmias (2009), n(R).
    """
    (level,) = checked(reorder_point=reorder_point)
    return demand.loss(level)


def continuous_review_service(reorder_point: ArrayLike, order_quantity: ArrayLike, demand: Demand) -> Service:
    """Service of ordering Q whenever the inventory position falls to r.

    Args:
        reorder_point: r, units.
        order_quantity: Q, units, above 0.
        demand: over the lead time.

    Returns:
        Cycle service F(r). Fill and ready rate 1 − (n(r) − n(r + Q))/Q, n the loss: what is short in a cycle less what
        was short already when the order before arrived. The two are equal where units are asked for one by one or
        demand flows continuously; where customers take several at once, stock also undershoots r and both are lower.

    Raises:
        InvalidInput: outside these domains.

    Source: Hadley & Whitin (1963), section 4-9; Axsäter (2015), section 5.3; Silver, Pyke & Thomas (2017), chapter 6.
    """
    level, quantity = checked(reorder_point=reorder_point, order_quantity=order_quantity)
    rate = 1 - (demand.loss(level) - demand.loss(level + quantity)) / quantity
    return Service(demand.cdf(level), rate, rate)


def periodic_review_service(order_up_to: ArrayLike, demand: Demand, lead_time_demand: Demand) -> Service:
    """Service of ordering up to S at every review.

    Args:
        order_up_to: S, units.
        demand: over lead time and review period.
        lead_time_demand: over the lead time alone.

    Returns:
        Cycle service F(S). Fill rate 1 − (n(S) − n_L(S))/E[demand between reviews]: what is short at the end of a cycle
        less what was short at its start. Ready rate, approximately: the mean of the shares with stock left at the start
        and the end of a cycle, P(D_L < S) and P(D < S).

    Raises:
        InvalidInput: outside these domains; where the two demands have the same mean there is no review period.

    Source: Hadley & Whitin (1963), section 5-6; Johnson, Lee, Davis & Hall (1995); Axsäter (2015), section 5.3.
    """
    (level,) = checked(order_up_to=order_up_to)
    between = demand.average - lead_time_demand.average
    checked(order_quantity=between)
    fill = 1 - (demand.loss(level) - lead_time_demand.loss(level)) / between
    before = np.nextafter(level, -np.inf)
    ready = (demand.cdf(before) + lead_time_demand.cdf(before)) / 2
    return Service(demand.cdf(level), fill, ready)
