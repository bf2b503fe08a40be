"""One decision for one interval of uncertain demand: the newsvendor, and base stock levels, which are the same problem.

With demand over the lead time and one review period, the newsvendor's quantity is the base stock level of a policy that
orders every period what was sold (Snyder & Shen 2019, section 4.3.4): pass `Normal(mean, sd).over(lead_time + 1)`. Any
distribution of `distributions` or `observed` will do; for counts the result is whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand, Normal
from inventory_assets.replenishment.domain import FloatArray, checked, require


@dataclass(frozen=True, slots=True)
class BaseStock:
    """Levels and what they cost.

    Attributes:
        level: units to start the interval with.
        cost: expected money an interval.
    """

    level: FloatArray
    cost: FloatArray


@dataclass(frozen=True, slots=True)
class ProfitableStock:
    """Levels and what they earn.

    Attributes:
        level: units to start the interval with.
        profit: expected money an interval.
    """

    level: FloatArray
    profit: FloatArray


def critical_ratio(overage_cost: ArrayLike, underage_cost: ArrayLike) -> FloatArray:
    """The cycle service that pays: underage/(underage + overage).

    Args:
        overage_cost: money a unit too many (cost − salvage value, or holding), above 0.
        underage_cost: money a unit too few (margin, or penalty), above 0.

    Returns:
        A share between 0 and 1.

    Raises:
        InvalidInput: outside these domains.

    Source: Arrow, Harris & Marschak (1951); Snyder & Shen (2019), eq. (4.27).
    """
    over, under = checked(overage_cost=overage_cost, underage_cost=underage_cost)
    return under / (under + over)


def newsvendor(demand: Demand, holding_cost: ArrayLike, stockout_cost: ArrayLike) -> BaseStock:
    """The level with the least expected cost of too much and too little: the smallest S with F(S) ≥ p/(p + h).

    Args:
        demand: over the interval.
        holding_cost: h, money a unit left at the end, above 0.
        stockout_cost: p, money a unit short at the end, above 0.

    Returns:
        S and its cost.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (4.27), (4.30) for normal demand.
    """
    level = demand.quantile(critical_ratio(holding_cost, stockout_cost))
    return BaseStock(level, newsvendor_cost(level, demand, holding_cost, stockout_cost))


def newsvendor_cost(level: ArrayLike, demand: Demand, holding_cost: ArrayLike, stockout_cost: ArrayLike) -> FloatArray:
    """Expected cost of any level: h·E[(S − D)⁺] + p·E[(D − S)⁺].

    Args:
        level: S, units.
        demand: over the interval.
        holding_cost: h, money a unit left at the end, above 0.
        stockout_cost: p, money a unit short at the end, above 0.

    Returns:
        Money an interval.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), eq. (4.6).
    """
    at, holding, penalty = checked(level=level, holding_cost=holding_cost, stockout_cost=stockout_cost)
    short = demand.loss(at)
    return holding * (at - demand.average + short) + penalty * short


def newsvendor_profit(
    demand: Demand,
    price: ArrayLike,
    purchase_cost: ArrayLike,
    salvage_value: ArrayLike,
    holding_cost: ArrayLike = 0.0,
    stockout_cost: ArrayLike = 0.0,
) -> ProfitableStock:
    """The level with the highest expected profit where prices are known instead of penalties.

    Args:
        demand: over the interval.
        price: r, money a unit sold, above the purchase cost.
        purchase_cost: c, money a unit bought, above the salvage value.
        salvage_value: v, money a unit left over brings; negative where it costs.
        holding_cost: h, money a unit left over besides, 0 or more.
        stockout_cost: p, money a unit short besides the lost margin, 0 or more.

    Returns:
        The smallest S with F(S) ≥ (p + r − c)/(p + h + r − v), and its profit.

    Raises:
        InvalidInput: outside these domains.

    Source: Snyder & Shen (2019), section 4.3 (explicit form).
    """
    revenue, cost, salvage = checked(price=price, purchase_cost=purchase_cost, salvage_value=salvage_value)
    holding, penalty = (np.asarray(each, dtype=np.float64) for each in (holding_cost, stockout_cost))
    require("holding_cost", "negative", holding >= 0)
    require("stockout_cost", "negative", penalty >= 0)
    require("price", "too_low", revenue > cost)
    require("salvage_value", "too_high", salvage < cost)
    level = demand.quantile(critical_ratio(cost - salvage + holding, revenue - cost + penalty))
    short = demand.loss(level)
    left = level - demand.average + short
    sold = demand.average - short
    profit = revenue * sold - cost * level + (salvage - holding) * left - penalty * short
    return ProfitableStock(level, profit)


def myopic_base_stock(
    demand: Normal,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    purchase_cost: ArrayLike,
    next_purchase_cost: ArrayLike,
    discount_factor: ArrayLike = 1.0,
) -> BaseStock:
    """The level that is best for one period where the unit cost changes in the next: buy ahead of a price rise.

    Args:
        demand: over the period.
        holding_cost: h, money a unit left at the end, above 0.
        stockout_cost: p, money a unit short at the end, above 0.
        purchase_cost: c, money a unit now, 0 or more.
        next_purchase_cost: c', money a unit in the next period, 0 or more.
        discount_factor: γ, what money of the next period is worth now, above 0.

    Returns:
        The smallest S with F(S) ≥ (p − c + γ·c')/(p + h), and its cost with the goods: c·S + g(S) − γ·c'·(S − E[D]).

    Raises:
        InvalidInput: outside these domains; `next_purchase_cost` too low or too high where no finite level is best:
            where the rise in cost is not between −p and h.

    Source: Snyder & Shen (2019), section 4.5 (myopic policy).
    """
    holding, penalty, now, later, discount = checked(
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        purchase_cost=purchase_cost,
        next_purchase_cost=next_purchase_cost,
        discount_factor=discount_factor,
    )
    rise = discount * later - now
    require("next_purchase_cost", "too_low", rise > -penalty)
    require("next_purchase_cost", "too_high", rise < holding)
    level = demand.quantile((penalty + rise) / (penalty + holding))
    cost = newsvendor_cost(level, demand, holding, penalty)
    return BaseStock(level, now * level + cost - discount * later * (level - demand.average))
