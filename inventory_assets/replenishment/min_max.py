"""(s, S): at a review, if the inventory position is at s or below, order up to S; both chosen by cost.

The exact optimum for count demand and the power approximation. A review each period; with a lead time, the cost of a
period is that of the stock left after lead time and review period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand
from inventory_assets.replenishment.domain import FloatArray, checked, require, whole
from inventory_assets.replenishment.newsvendor import newsvendor, newsvendor_cost


@dataclass(frozen=True, slots=True)
class MinMaxPolicy:
    """Reorder points and order-up-to levels.

    Attributes:
        reorder_point: s, units of inventory position.
        order_up_to: S, units.
        cost: expected money a period for orders, stock and backorders.
    """

    reorder_point: FloatArray
    order_up_to: FloatArray
    cost: FloatArray


def min_max_cost(
    reorder_point: ArrayLike,
    order_up_to: ArrayLike,
    demand: Demand,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    protection_demand: Demand | None = None,
) -> FloatArray:
    """Expected cost a period of any (s, S), by renewal theory.

    Args:
        reorder_point: s, whole units.
        order_up_to: S, whole units, above s.
        demand: counts of one period.
        fixed_cost: K, money an order, 0 or more.
        holding_cost: h, money a unit left at the end of a period, above 0.
        stockout_cost: p, money a unit backordered at the end of a period, above 0.
        protection_demand: over lead time and one period; by default there is no lead time.

    Returns:
        Money a period.

    Raises:
        InvalidInput: outside these domains.

    Source: Veinott & Wagner (1965); Zheng & Federgruen (1991), section 2; Snyder & Shen (2019), section 4.4.
    """
    point, top, setup, holding, penalty = checked(
        reorder_point=reorder_point,
        order_up_to=order_up_to,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
    )
    whole("reorder_point", point)
    whole("order_up_to", top)
    require("order_up_to", "too_low", top > point)
    longest = int((top - point).max())
    visits = _visits(demand, longest)
    protection = protection_demand or demand
    total, periods = setup, np.zeros_like(setup)
    for below in range(longest):
        counts = np.where(top - below > point, visits[below], 0.0)
        total = total + counts * newsvendor_cost(top - below, protection, holding, penalty)
        periods = periods + counts
    return total / periods


def exact_min_max(
    demand: Demand,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    protection_demand: Demand | None = None,
) -> MinMaxPolicy:
    """The (s, S) of least expected cost for count demand, for all items at once.

    S starts at the newsvendor level and rises while its newsvendor cost stays below the best cost so far; s follows.

    Args:
        demand: counts of one period, independent of each other, with a mean above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit left at the end of a period, above 0.
        stockout_cost: p, money a unit backordered at the end of a period, above 0.
        protection_demand: over lead time and one period (`Poisson(4).over(lead_time + 1)`); by default no lead time.

    Returns:
        s, S and their cost.

    Raises:
        InvalidInput: outside these domains; `demand:not_whole` for continuous demand.

    Source: Zheng & Federgruen (1991), algorithm of section 3; Snyder & Shen (2019), section 4.4.
    """
    require("demand", "not_whole", demand.whole)
    setup, holding, penalty, mean = checked(
        fixed_cost=fixed_cost, holding_cost=holding_cost, stockout_cost=stockout_cost, demand_mean=demand.average
    )
    require("fixed_cost", "not_positive", setup > 0)
    require("demand_mean", "not_positive", mean > 0)
    protection = protection_demand or demand
    visits = _Visits(demand)

    def at(level: FloatArray) -> FloatArray:
        return newsvendor_cost(level, protection, holding, penalty)

    def cost(point: FloatArray, top: FloatArray) -> FloatArray:
        periods, total = visits.sums(top - point, lambda below: at(top - below))
        return (setup + total) / periods

    top = np.broadcast_to(newsvendor(protection, holding, penalty).level, mean.shape).copy()
    point = top - 1
    while (falls := cost(point, top) > at(point)).any():
        point = np.where(falls, point - 1, point)
    best_top, best = top.copy(), cost(point, top)
    top = top + 1
    while (active := at(top) <= best).any():
        better = active & (cost(point, top) < best)
        best_top = np.where(better, top, best_top)
        rises = better
        while (rises := rises & (cost(point, best_top) <= at(point + 1))).any():
            point = np.where(rises, point + 1, point)
        best = np.where(better, cost(point, best_top), best)
        top = np.where(active, top + 1, top)
    return MinMaxPolicy(point, best_top, best)


def power_approximation(
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    stockout_cost: ArrayLike,
    lead_time: ArrayLike = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """The s and S from two formulas fitted to many exact solutions: within about 1 % of the least cost in their range.

    Fitted for Q/μ above 1.5 (larger orders than one and a half periods' demand) and p/h from 4 to 24.

    Args:
        demand_mean: μ, units a period, above 0.
        demand_sd: σ, units, of one period, above 0.
        fixed_cost: K, money an order, above 0.
        holding_cost: h, money a unit left at the end of a period, above 0.
        stockout_cost: p, money a unit backordered at the end of a period, above 0.
        lead_time: L, periods, 0 or more.

    Returns:
        s and S, units, not rounded.

    Raises:
        InvalidInput: outside these domains.

    Source: Ehrhardt & Mosier (1984); Snyder & Shen (2019), eq. (4.77) to (4.80).
    """
    mean, deviation, setup, holding, penalty, time = checked(
        demand_mean=demand_mean,
        demand_sd=demand_sd,
        fixed_cost=fixed_cost,
        holding_cost=holding_cost,
        stockout_cost=stockout_cost,
        lead_time=lead_time,
    )
    require("demand_mean", "not_positive", mean > 0)
    require("demand_sd", "not_positive", deviation > 0)
    require("fixed_cost", "not_positive", setup > 0)
    protected, spread = mean * (time + 1), deviation * np.sqrt(time + 1)
    quantity = 1.3 * mean**0.494 * (setup / holding) ** 0.506 * (1 + (spread / mean) ** 2) ** 0.116
    z = np.sqrt(quantity * holding / (spread * penalty))
    point = 0.973 * protected + spread * (0.183 / z + 1.063 - 2.192 * z)
    return point, point + quantity


class _Visits:
    """Expected visits to each position below S between two orders: the renewal function of demand, grown as needed."""

    def __init__(self, demand: Demand) -> None:
        self._demand = demand
        self._counts = _visits(demand, 1)

    def sums(self, depth: FloatArray, cost: Callable[[int], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Visits, and visits × cost, of the positions S, S − 1 … above S − depth."""
        longest = int(depth.max())
        if longest > len(self._counts):
            self._counts = _visits(self._demand, 2 * longest)
        periods, total = np.zeros_like(depth), np.zeros_like(depth)
        for below in range(longest):
            counts = np.where(below < depth, self._counts[below], 0.0)
            periods, total = periods + counts, total + counts * cost(below)
        return periods, total


def _visits(demand: Demand, length: int) -> FloatArray:
    """m(j), j = 0 … length − 1, shape (length, …): m = δ + p·m, p the chances of one period's demand."""
    reached = [demand.cdf(float(units)) for units in range(-1, length)]
    chances = np.stack([later - earlier for earlier, later in pairwise(reached)])
    require("demand_mean", "not_positive", chances[0] < 1)
    visits = np.zeros_like(chances)
    visits[0] = 1 / (1 - chances[0])
    for units in range(1, length):
        visits[units] = visits[0] * (chances[1 : units + 1] * visits[units - 1 :: -1]).sum(axis=0)
    return visits
