"""Order quantities where the price depends on the quantity.

A price list is a row of tiers: `quantity_from[j]` is the least quantity of tier j (the first is 0), `unit_cost[j]` its
price. *All units*: an order in tier j pays its price for every unit. *Incremental*: only for the units above
`quantity_from[j]`. Costs here include the goods, because the price is what is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import FloatArray, checked, require


@dataclass(frozen=True, slots=True)
class DiscountedLot:
    """Order quantities under a price list.

    Attributes:
        quantity: units an order.
        tier: which tier of the price list that is, counted from 0.
        cost: money a period for goods, ordering and holding.
    """

    quantity: FloatArray
    tier: NDArray[np.intp]
    cost: FloatArray


def all_units_discount(
    fixed_cost: ArrayLike,
    holding_cost_rate: ArrayLike,
    demand_rate: ArrayLike,
    quantity_from: ArrayLike,
    unit_cost: ArrayLike,
) -> DiscountedLot:
    """The least-cost quantity where a tier's price holds for all units of the order.

    The best of each tier is its economic quantity, moved up to where the tier begins; the cheapest tier wins, the lower
    one among equals.

    Args:
        fixed_cost: K, money an order, above 0, shape (items,) or a number.
        holding_cost_rate: i, share of the unit cost a period, above 0, same shape.
        demand_rate: d, units a period, above 0, same shape.
        quantity_from: units, shape (items, tiers) or (tiers,); from 0, increasing. Nan from some tier on: no such tier.
        unit_cost: money a unit, above 0, same shape; nan where `quantity_from` is.

    Returns:
        Quantity, tier and cost, shape (items,).

    Raises:
        InvalidInput: outside these domains.

    Source: Hadley & Whitin (1963), section 2-11; Snyder & Shen (2019), eq. (3.18) and (3.19).
    """
    setup, rate_of_cost, rate, start, price, there = _price_list(
        fixed_cost, holding_cost_rate, demand_rate, quantity_from, unit_cost
    )
    quantity = np.maximum(np.sqrt(2 * setup * rate / (rate_of_cost * price)), start)
    ends = _ends(start, there)
    feasible = there & (quantity < ends)
    safe = np.where(feasible, quantity, 1.0)
    cost = price * rate + setup * rate / safe + rate_of_cost * price * safe / 2
    return _cheapest(quantity, np.where(feasible, cost, np.inf))


def incremental_discount(
    fixed_cost: ArrayLike,
    holding_cost_rate: ArrayLike,
    demand_rate: ArrayLike,
    quantity_from: ArrayLike,
    unit_cost: ArrayLike,
) -> DiscountedLot:
    """The least-cost quantity where a tier's price holds only for the units in it.

    Args:
        fixed_cost: K, money an order, above 0, shape (items,) or a number.
        holding_cost_rate: i, share of the unit cost a period, above 0, same shape.
        demand_rate: d, units a period, above 0, same shape.
        quantity_from: units, shape (items, tiers) or (tiers,); from 0, increasing. Nan from some tier on: no such tier.
        unit_cost: money a unit, above 0, same shape, not increasing with the tier; nan where `quantity_from` is.

    Returns:
        Quantity, tier and cost, shape (items,).

    Raises:
        InvalidInput: outside these domains; `unit_cost:too_high` where a later tier costs more.

    Source: Hadley & Whitin (1963), section 2-12; Snyder & Shen (2019), eq. (3.20) to (3.22).
    """
    setup, rate_of_cost, rate, start, price, there = _price_list(
        fixed_cost, holding_cost_rate, demand_rate, quantity_from, unit_cost
    )
    later = there[..., 1:]
    require("unit_cost", "too_high", (~later | (price[..., 1:] <= price[..., :-1])).all(axis=-1))
    steps = np.where(later, (price[..., :-1] - price[..., 1:]) * np.where(later, start[..., 1:], 0), 0)
    extra = np.concatenate([np.zeros_like(price[..., :1]), np.cumsum(steps, axis=-1)], axis=-1)
    quantity = np.sqrt(2 * (setup + extra) * rate / (rate_of_cost * price))
    feasible = there & (quantity >= start) & (quantity < _ends(start, there))
    cost = (
        price * rate
        + rate_of_cost * extra / 2
        + (setup + extra) * rate / quantity
        + rate_of_cost * price * quantity / 2
    )
    return _cheapest(quantity, np.where(feasible, cost, np.inf))


def _price_list(
    fixed_cost: ArrayLike,
    holding_cost_rate: ArrayLike,
    demand_rate: ArrayLike,
    quantity_from: ArrayLike,
    unit_cost: ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Checked parameters of shape (…, tiers) and which tiers exist; tiers that do not begin at infinity."""
    setup, share, rate = checked(fixed_cost=fixed_cost, holding_cost_rate=holding_cost_rate, demand_rate=demand_rate)
    require("fixed_cost", "not_positive", setup > 0)
    require("demand_rate", "not_positive", rate > 0)
    start, price = (np.asarray(each, dtype=np.float64) for each in (quantity_from, unit_cost))
    setup, share, rate, start, price = np.broadcast_arrays(
        setup[..., None], share[..., None], rate[..., None], start, price
    )
    there = ~np.isnan(start)
    require("unit_cost", "missing", (there == ~np.isnan(price)).all(axis=-1))
    checked(quantity_from=np.where(there, start, 0), unit_cost=np.where(there, price, 1))
    begins = np.where(there, start, np.inf)
    increasing = (begins[..., 1:] > begins[..., :-1]) | ~there[..., 1:]
    require("quantity_from", "not_increasing", (begins[..., 0] == 0) & increasing.all(axis=-1))
    return setup, share, rate, begins, np.where(there, price, 1.0), there


def _ends(start: FloatArray, there: NDArray[np.bool_]) -> FloatArray:
    """Where each tier ends: where the next begins."""
    following = np.where(there[..., 1:], start[..., 1:], np.inf)
    return np.concatenate([following, np.full_like(start[..., :1], np.inf)], axis=-1)


def _cheapest(quantity: FloatArray, cost: FloatArray) -> DiscountedLot:
    tier = np.argmin(cost, axis=-1)
    pick = tier[..., None]
    return DiscountedLot(
        np.take_along_axis(quantity, pick, axis=-1)[..., 0], tier, np.take_along_axis(cost, pick, axis=-1)[..., 0]
    )
