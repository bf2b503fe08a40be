"""When to order how much where demand is known and differs from period to period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked


@dataclass(frozen=True, slots=True)
class LotSchedule:
    """Orders of the least total cost.

    Attributes:
        quantity: units ordered at the start of each period, shape (…, periods).
        cost: money over all periods for orders, goods and holding, shape (…).
    """

    quantity: FloatArray
    cost: FloatArray


def wagner_whitin(
    demand: ArrayLike, fixed_cost: ArrayLike, holding_cost: ArrayLike, purchase_cost: ArrayLike = 0.0
) -> LotSchedule:
    """The cheapest orders that cover known demand, by dynamic programming over the order periods.

    An order arrives at the start of its period and covers whole later periods: an optimal plan never orders while stock
    is left. A period without demand costs no order. Among equal plans the one with the nearer next order wins.

    Args:
        demand: units in each period, 0 or more, shape (…, periods).
        fixed_cost: money an order placed in that period, 0 or more, broadcastable to `demand`.
        holding_cost: money a unit held from that period to the next, above 0, broadcastable to `demand`.
        purchase_cost: money a unit ordered in that period, 0 or more, broadcastable to `demand`.

    Returns:
        Quantities and cost.

    Raises:
        InvalidInput: outside these domains.

    Source: Wagner & Whitin (1958); Snyder & Shen (2019), eq. (3.39), algorithm 3.1.
    """
    units, setup, holding, price = checked(
        demand=demand, fixed_cost=fixed_cost, holding_cost=holding_cost, purchase_cost=purchase_cost
    )
    periods = units.shape[-1]
    items = units.shape[:-1]
    least = np.zeros((*items, periods + 1))  # cost from a period to the end
    until = np.full((*items, periods), periods)  # the period of the next order
    for first in reversed(range(periods)):
        best = np.full(items, np.inf)
        goods, held, carry = np.zeros(items), np.zeros(items), np.zeros(items)
        for last in range(first, periods):
            goods = goods + units[..., last]
            held = held + carry * units[..., last]
            carry = carry + holding[..., last]
            cost = setup[..., first] * (goods > 0) + price[..., first] * goods + held + least[..., last + 1]
            better = cost < best
            best = np.where(better, cost, best)
            until[..., first] = np.where(better, last + 1, until[..., first])
        least[..., first] = best
    return LotSchedule(_orders(units, until), least[..., 0])


def _orders(units: FloatArray, until: np.ndarray) -> FloatArray:
    """Quantities from the period of the next order after each period."""
    periods = units.shape[-1]
    through = np.concatenate([np.zeros((*units.shape[:-1], 1)), np.cumsum(units, axis=-1)], axis=-1)
    quantity = np.zeros(units.shape)
    following = np.zeros(units.shape[:-1], dtype=np.intp)
    for period in range(periods):
        here = following == period
        end = np.take_along_axis(through, until[..., period, None], axis=-1)[..., 0]
        quantity[..., period] = np.where(here, end - through[..., period], 0)
        following = np.where(here, until[..., period], following)
    return quantity
