"""(r, Q): order Q whenever the inventory position falls to r; both chosen by cost.

Exact solutions for continuous and for count demand, and the four usual approximations. Where a service is wanted
instead of a cost of being short, Q comes from `lot_sizes` and r from `safety_stock`. Position, never stock on hand:
what is on order counts, otherwise every review orders the same shortage again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand, Normal, standard_normal_safety_factor
from inventory_assets.replenishment.domain import FloatArray, checked, require, whole
from inventory_assets.replenishment.lot_sizes import (
    economic_order_quantity,
    economic_order_quantity_with_backorders,
)
from inventory_assets.replenishment.newsvendor import newsvendor, newsvendor_cost
from inventory_assets.replenishment.safety_stock import level_for_ready_rate
from inventory_assets.replenishment.solving import NoSolution, falls_to

_ROUNDS = 1000
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True)
class ReorderPolicy:
    """Reorder points and quantities.

    Attributes:
        reorder_point: r, units of inventory position at which an order goes out.
        order_quantity: Q, units an order.
        cost: expected money a period for orders, stock and backorders, by the model of the function that found them.
    """

    reorder_point: FloatArray
    order_quantity: FloatArray
    cost: FloatArray


def reorder_policy_cost(
    reorder_point: ArrayLike,
    order_quantity: ArrayLike,
    demand: Demand,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> FloatArray:
    """Expected cost a period of any (r, Q): (K·d + Σ g(y))/Q, g the newsvendor cost at position y.

    Args:
        reorder_point: r, units; whole for counts.
        order_quantity: Q, units, above 0; whole for counts.
        demand: over the lead time.
        demand_rate: d, units a period, 0 or more.
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        Money a period; exact if an order never passes another one.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (5.7) for continuous and (5.48) for count demand; Zipkin (2000), section 6.2.
    """
    point, quantity, rate, setup, holding, penalty = checked(
        reorder_point=reorder_point,
        order_quantity=order_quantity,
        demand_rate=demand_rate,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
    )
    if demand.whole:
        whole("reorder_point", point)
        whole("order_quantity", quantity)
    middle = point + (quantity + demand.whole) / 2  # mean of the positions r..r + Q, or r + 1..r + Q for counts
    short = (demand.second_loss(point) - demand.second_loss(point + quantity)) / quantity
    return setup * rate / quantity + holding * (middle - demand.average) + (holding + penalty) * short


def cheapest_reorder_point(
    order_quantity: ArrayLike, demand: Demand, holding_cost: ArrayLike, stockout_cost: ArrayLike
) -> FloatArray:
    """The best r for a given Q: where stock is on hand for a share p/(p + h) of the time, g(r) = g(r + Q).

    Args:
        order_quantity: Q, units, above 0.
        demand: over the lead time.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        r, units.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (5.9); Federgruen & Zheng (1992).
    """
    quantity, holding, penalty = checked(
        order_quantity=order_quantity, holding_cost=holding_cost, stockout_cost=stockout_cost
    )
    return level_for_ready_rate(demand, quantity, penalty / (penalty + holding)).level


def exact_policy(
    demand: Demand,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    """The (r, Q) of least expected cost.

    For counts, Q grows by the cheaper neighbour of r..r + Q as long as that lowers the mean cost. For continuous demand
    the optimum is where g(r) = g(r + Q) = the cost of the policy, found by bisection.

    Args:
        demand: over the lead time.
        demand_rate: d, units a period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        r, Q and their cost.

    Raises:
        InvalidInput: outside these domains.

    Source: Federgruen & Zheng (1992); Zheng (1992); Snyder & Shen (2019), sections 5.2 and 5.5.
    """
    rate, setup, holding, penalty, _ = checked(
        demand_rate=demand_rate,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        level=demand.average,
    )
    require("demand_rate", "not_positive", rate > 0)
    require("fixed_cost", "not_positive", setup > 0)
    if demand.whole:
        point, quantity = _grow(demand, setup * rate, holding, penalty)
    else:
        quantity = _quantity(demand, setup * rate, holding, penalty)
        point = cheapest_reorder_point(quantity, demand, holding, penalty)
    cost = reorder_policy_cost(point, quantity, demand, rate, setup, holding, penalty)
    return ReorderPolicy(point, quantity, cost)


def _grow(
    demand: Demand, ordering: FloatArray, holding: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The r and Q for counts: positions are added while they cost less than the mean."""

    def at(position: FloatArray) -> FloatArray:
        return newsvendor_cost(position, demand, holding, penalty)

    best = newsvendor(demand, holding, penalty)
    point, quantity, total = best.level - 1, np.ones_like(best.level), ordering + best.cost
    while True:
        below, above = at(point), at(point + quantity + 1)
        cheaper = np.minimum(below, above)
        grows = cheaper * quantity < total
        if not grows.any():
            return point, quantity
        point = np.where(grows & (below < above), point - 1, point)
        quantity, total = np.where(grows, quantity + 1, quantity), np.where(grows, total + cheaper, total)


def _quantity(demand: Demand, ordering: FloatArray, holding: FloatArray, penalty: FloatArray) -> FloatArray:
    """Q for continuous demand: Q·g(r(Q)) − ∫ g over (r, r + Q) rises with Q, from 0, and is K·d at the optimum."""

    def missing(quantity: FloatArray) -> FloatArray:
        amount = np.maximum(quantity, least)
        point = cheapest_reorder_point(amount, demand, holding, penalty)
        edge = newsvendor_cost(point, demand, holding, penalty)
        inside = reorder_policy_cost(point, amount, demand, 0.0, 0.0, holding, penalty)
        return ordering - amount * (edge - inside)

    start = np.sqrt(2 * ordering * (holding + penalty) / (holding * penalty))  # never above the optimum
    least = start * 1e-3
    return falls_to(missing, np.zeros_like(start), start, start)


def eoq_with_safety_stock(
    demand: Demand,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    """The classic: Q = economic order quantity, r = newsvendor level of lead-time demand. Simple, and r too high.

    Args:
        demand: over the lead time.
        demand_rate: d, units a period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        r, Q and their exact cost (of r and Q rounded up, for counts).

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (3.4) and (5.21).
    """
    quantity = _rounded(demand, _positive_lot(fixed_cost, holding_cost, demand_rate))
    point = newsvendor(demand, holding_cost, stockout_cost).level
    return _with_cost(point, quantity, demand, demand_rate, fixed_cost, holding_cost, stockout_cost)


def eoq_with_backorders_policy(
    demand: Demand,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    """Q = economic order quantity with backorders, r the best for it: at most 11.8 % above the least cost.

    Args:
        demand: over the lead time.
        demand_rate: d, units a period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        r, Q and their exact cost.

    Raises:
        InvalidInput: outside these domains.

    Source: Zheng (1992) (bound of 1/8), Axsäter (1996) (bound of (√5 − 2)/2); Snyder & Shen (2019), eq. (3.27), (5.9).
    """
    _positive_lot(fixed_cost, holding_cost, demand_rate)
    lot = economic_order_quantity_with_backorders(fixed_cost, holding_cost, stockout_cost, demand_rate)
    quantity = _rounded(demand, lot.quantity)
    point = cheapest_reorder_point(quantity, demand, holding_cost, stockout_cost)
    return _with_cost(point, quantity, demand, demand_rate, fixed_cost, holding_cost, stockout_cost)


def loss_function_policy(
    demand: Normal,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    """n(r) = h·Q/(h + p) and Q = √(2·(K·d + (h + p)·n₂(r))/h) in turns: leaves out n(r + Q) of the exact equations.

    Args:
        demand: over the lead time; deviation above 0.
        demand_rate: d, units a period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a backordered unit and period, above 0.

    Returns:
        r, Q and their exact cost.

    Raises:
        InvalidInput: outside these domains.
        NoSolution: if the turns do not settle.

    Source: Hadley & Whitin (1963), section 4-4; Snyder & Shen (2019), eq. (5.28) and (5.29).
    """
    quantity = _positive_lot(fixed_cost, holding_cost, demand_rate)
    rate, setup, holding, penalty, _, deviation = checked(
        demand_rate=demand_rate,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        level=demand.average,
        demand_sd=demand.deviation,
    )
    require("demand_sd", "not_positive", deviation > 0)
    for _round in range(_ROUNDS):
        short = holding * quantity / (holding + penalty)
        point = demand.average + deviation * standard_normal_safety_factor(short / deviation)
        following = np.sqrt(2 * (setup * rate + (holding + penalty) * demand.second_loss(point)) / holding)
        settled = np.abs(following - quantity) <= _CLOSE * following
        quantity = following
        if settled.all():
            return _with_cost(point, quantity, demand, rate, setup, holding, penalty)
    raise NoSolution(f"the loss-function approximation does not settle in {_ROUNDS} rounds; take the exact policy")


def expected_inventory_policy(
    demand: Normal,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    """Whitin's approximation, with a penalty for each unit short, however long it waits.

    F(r) = 1 − h·Q/(p·d) and Q = √(2·d·(K + p·n(r))/h) in turns. Mean stock is taken as r − E[D] + Q/2, which holds
    where backorders are rare.

    Args:
        demand: over the lead time; deviation above 0.
        demand_rate: d, units a period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money **a unit short** (not a unit and period, as everywhere else here), above 0.

    Returns:
        r, Q and their cost in this model.

    Raises:
        InvalidInput: outside these domains; `stockout_cost:too_low` where h·Q ≥ p·d, so that never having stock would
            be cheaper.
        NoSolution: if the turns do not settle.

    Source: Whitin (1953); Hadley & Whitin (1963), section 4-2; Snyder & Shen (2019), eq. (5.16) to (5.18).
    """
    quantity = _positive_lot(fixed_cost, holding_cost, demand_rate)
    rate, setup, holding, penalty, _, deviation = checked(
        demand_rate=demand_rate,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        level=demand.average,
        demand_sd=demand.deviation,
    )
    require("demand_sd", "not_positive", deviation > 0)
    for _round in range(_ROUNDS):
        stockout = holding * quantity / (penalty * rate)
        require("stockout_cost", "too_low", stockout < 1)
        point = demand.quantile(1 - stockout)
        short = demand.loss(point)
        following = np.sqrt(2 * rate * (setup + penalty * short) / holding)
        settled = np.abs(following - quantity) <= _CLOSE * following
        quantity = following
        if settled.all():
            cost = (
                holding * (point - demand.average + quantity / 2)
                + setup * rate / quantity
                + penalty * rate * short / quantity
            )
            return ReorderPolicy(point, quantity, cost)
    raise NoSolution(f"Whitin's approximation does not settle in {_ROUNDS} rounds; take the exact policy")


def _positive_lot(fixed_cost: ArrayLike, holding_cost: ArrayLike, demand_rate: ArrayLike) -> FloatArray:
    """Economic order quantity, above 0."""
    setup, rate = checked(fixed_cost=fixed_cost, demand_rate=demand_rate)
    require("fixed_cost", "not_positive", setup > 0)
    require("demand_rate", "not_positive", rate > 0)
    return economic_order_quantity(setup, holding_cost, rate).quantity


def _rounded(demand: Demand, quantity: FloatArray) -> FloatArray:
    """The quantity, up to whole units for counts."""
    return np.ceil(quantity) if demand.whole else quantity


def _with_cost(
    point: FloatArray,
    quantity: FloatArray,
    demand: Demand,
    demand_rate: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
) -> ReorderPolicy:
    cost = reorder_policy_cost(point, quantity, demand, demand_rate, fixed_cost, holding_cost, stockout_cost)
    return ReorderPolicy(point, quantity, cost)
