"""How much to order at once when demand is steady: economic order and production quantities.

Prices that depend on the quantity stand in `discounts`, items ordered together in `joint`, demand that differs from
period to period in `lot_schedule`. Costs are of ordering and holding (and waiting) a period, without the goods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked, require


@dataclass(frozen=True, slots=True)
class Lot:
    """Order quantities and what they cost.

    Attributes:
        quantity: units an order.
        cost: money a period for ordering and holding.
    """

    quantity: FloatArray
    cost: FloatArray


@dataclass(frozen=True, slots=True)
class LotWithBackorders:
    """Order quantities where customers wait.

    Attributes:
        quantity: units an order.
        backordered: share of demand that waits; the longest queue is `backordered × quantity` units.
        cost: money a period for ordering, holding and waiting.
    """

    quantity: FloatArray
    backordered: FloatArray
    cost: FloatArray


def economic_order_quantity(fixed_cost: ArrayLike, holding_cost: ArrayLike, demand_rate: ArrayLike) -> Lot:
    """The quantity with the least cost of ordering and holding: Q* = √(2·K·d/h).

    Args:
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit and period, above 0 (a yearly rate × unit cost ÷ periods a year).
        demand_rate: d, units a period, 0 or more; 0 gives quantity 0.

    Returns:
        Q* and its cost √(2·K·d·h) a period.

    Raises:
        InvalidInput: outside these domains.

    Source: Harris (1913); Snyder & Shen (2019), eq. (3.4) and (3.5).
    """
    setup, holding, rate = checked(fixed_cost=fixed_cost, holding_cost=holding_cost, demand_rate=demand_rate)
    quantity = np.sqrt(2 * setup * rate / holding)
    return Lot(quantity, quantity * holding)


def order_quantity_cost(
    order_quantity: ArrayLike, fixed_cost: ArrayLike, holding_cost: ArrayLike, demand_rate: ArrayLike
) -> FloatArray:
    """Cost of any order quantity: K·d/Q + h·Q/2.

    Args:
        order_quantity: Q, units, above 0.
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit and period, above 0.
        demand_rate: d, units a period, 0 or more.

    Returns:
        Money a period. Around Q* it is flat: Q = 2·Q* costs 1.25 times the least.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), section 3.2.
    """
    quantity, setup, holding, rate = checked(
        order_quantity=order_quantity, fixed_cost=fixed_cost, holding_cost=holding_cost, demand_rate=demand_rate
    )
    return setup * rate / quantity + holding * quantity / 2


def economic_order_quantity_with_backorders(
    fixed_cost: ArrayLike, holding_cost: ArrayLike, stockout_cost: ArrayLike, demand_rate: ArrayLike
) -> LotWithBackorders:
    """The least-cost quantity where customers may wait at a price: Q* = √(2·K·d·(h + p)/(h·p)).

    Args:
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a waiting unit and period, above 0. As it grows, the plain quantity returns.
        demand_rate: d, units a period, 0 or more.

    Returns:
        Q*, the share h/(h + p) of demand that waits, and the cost a period.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (3.27) to (3.29).
    """
    setup, holding, waiting, rate = checked(
        fixed_cost=fixed_cost, holding_cost=holding_cost, stockout_cost=stockout_cost, demand_rate=demand_rate
    )
    both = holding * waiting / (holding + waiting)
    quantity = np.sqrt(2 * setup * rate / both)
    return LotWithBackorders(quantity, holding / (holding + waiting), quantity * both)


def backorder_cost(
    order_quantity: ArrayLike,
    backordered: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    demand_rate: ArrayLike,
) -> FloatArray:
    """Cost of any quantity and share of waiting demand: h·Q·(1 − x)²/2 + p·Q·x²/2 + K·d/Q.

    Args:
        order_quantity: Q, units, above 0.
        backordered: x, share of demand that waits, 0 to 1.
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit and period, above 0.
        stockout_cost: p, money a waiting unit and period, above 0.
        demand_rate: d, units a period, 0 or more.

    Returns:
        Money a period.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), section 3.5.
    """
    quantity, share, setup, holding, waiting, rate = checked(
        order_quantity=order_quantity,
        backordered=backordered,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        demand_rate=demand_rate,
    )
    require("backordered", "too_high", share <= 1)
    return holding * quantity * (1 - share) ** 2 / 2 + waiting * quantity * share**2 / 2 + setup * rate / quantity


def economic_production_quantity(
    fixed_cost: ArrayLike, holding_cost: ArrayLike, demand_rate: ArrayLike, production_rate: ArrayLike
) -> Lot:
    """The least-cost quantity where goods arrive at a steady rate: Q* = √(2·K·d/(h·(1 − d/μ))).

    Args:
        fixed_cost: K, money a run, 0 or more.
        holding_cost: h, money a unit and period, above 0.
        demand_rate: d, units a period, 0 or more.
        production_rate: μ, units a period while a run lasts, above the demand rate.

    Returns:
        Q* and its cost a period. A run lasts Q*/μ periods, a cycle Q*/d.

    Raises:
        InvalidInput: outside these domains; `production_rate:too_low` where demand is not below it.

    Source: Taft (1918); Snyder & Shen (2019), eq. (3.31) and (3.32).
    """
    setup, holding, rate, production = checked(
        fixed_cost=fixed_cost, holding_cost=holding_cost, demand_rate=demand_rate, production_rate=production_rate
    )
    require("production_rate", "too_low", production > rate)
    return economic_order_quantity(setup, holding * (1 - rate / production), rate)
