"""Goods moving day by day: what is sold while there is stock, transfers, orders, deliveries, losses.

Keeps physical stock only; what the books say follows from the records (see `truth`). Physical stock is never negative:
sales take what lies there in the morning, transfers what the warehouse has left, and returns, which only add, are left
out of the planning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.demand import Lines
    from inventory_assets.simulator.world import World

STORE_COVER_DAYS = 12.0
STORE_REORDER_DAYS = 6.0
SAFETY_DAYS = 6.0
ORDER_CYCLE_DAYS = 14.0
CANCELLED_SHARE = 0.02
SHORT_SHARE = 0.06
ISSUE_RATE = 0.005
MOST_DAYS_BETWEEN_PARTS = 6


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves as columns. `other` is the receiving location of a transfer; quantity is signed for adjustments."""

    day: np.ndarray
    location: np.ndarray
    item: np.ndarray
    quantity: np.ndarray
    other: np.ndarray


@dataclass(frozen=True, slots=True)
class Orders:
    """Supplier order lines as columns; days may lie after the history's end.

    `received` units arrive by `arrival_day`, `first_received` of them on `first_day`; a line that arrives at once has
    its arrival there too.
    """

    day: np.ndarray
    location: np.ndarray
    item: np.ndarray
    quantity: np.ndarray
    arrival_day: np.ndarray
    received: np.ndarray
    cancelled: np.ndarray
    first_day: np.ndarray
    first_received: np.ndarray


@dataclass(frozen=True, slots=True)
class Flows:
    """What happened: sold lines, lines lost for want of stock, and the moves of goods."""

    opening: np.ndarray
    sold: Lines
    lost_units: int
    transfers: Moves
    adjustments: Moves
    issues: Moves
    shrinkage: Moves
    orders: Orders


def run_flows(
    config: HistoryConfig, world: World, wished: Lines, daily_units: np.ndarray, rng: np.random.Generator
) -> Flows:
    """Let the days pass.

    Args:
        config: sizes and rates.
        world: the retailer.
        wished: lines customers want, sorted by day.
        daily_units: mean units a day by selling location × item.
        rng: source of randomness.
    """
    places, items, selling = len(world.locations), config.items, world.selling
    served_by = np.array([place.served_by for place in world.locations[:selling]])
    reorder, top = _levels(world, daily_units, served_by)
    stock = np.ceil(top * rng.uniform(0.6, 1.0, top.shape)).astype(np.int64)
    opening = stock.copy()
    on_order = np.zeros_like(stock)
    lead = np.stack([supplier.lead_days(rng, (config.days, places)) for supplier in world.suppliers])
    bounds = np.searchsorted(wished.day, np.arange(config.days + 1))
    kept = np.zeros(wished.day.size, dtype=bool)
    moves: dict[str, list[np.ndarray]] = {"transfers": [], "adjustments": [], "issues": [], "shrinkage": []}
    orders: list[np.ndarray] = []
    due: dict[int, list[np.ndarray]] = {}
    parting = np.random.default_rng([config.seed, 8])  # beside the stream, so that it shifts no other draw
    for day in range(config.days):
        rows = slice(int(bounds[day]), int(bounds[day + 1]))
        cell = wished.location[rows] * items + wished.item[rows]
        kept[rows] = _covered(cell, wished.units[rows], stock.ravel())
        stock -= (
            np.bincount(cell[kept[rows]], wished.units[rows][kept[rows]], stock.size)
            .astype(np.int64)
            .reshape(stock.shape)
        )
        moves["shrinkage"].append(_losses(day, stock, config.shrinkage_rate, rng))
        moves["adjustments"].append(_adjustments(day, stock, config.adjustment_rate, rng))
        moves["issues"].append(_issues(day, stock, selling, rng))
        moves["transfers"].append(_transfers(day, stock, reorder, top, served_by))
        for place, item, ordered, received in (row for batch in due.pop(day, []) for row in batch):
            stock[place, item] += received
            on_order[place, item] -= ordered
        placed = _place_orders(day, stock + on_order, reorder, top, selling, world, lead, rng)
        placed = _in_parts(placed, config.partial_share, parting)
        orders.append(placed)
        for _, place, item, quantity, arrival, received, _, first_day, first in placed:
            on_order[place, item] += quantity
            early = first if first_day < arrival else 0
            if early:
                due.setdefault(int(first_day), []).append(np.array([[place, item, early, early]]))
            due.setdefault(int(arrival), []).append(np.array([[place, item, quantity - early, received - early]]))
    return Flows(
        opening,
        wished.take(kept),
        int(wished.units[~kept].sum()),
        **{name: Moves(*np.concatenate(parts).T) for name, parts in moves.items()},
        orders=Orders(*np.concatenate(orders).T),
    )


def _levels(world: World, daily_units: np.ndarray, served_by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reorder and order-up-to levels by location × item."""
    places, selling = len(world.locations), world.selling
    daily = np.zeros((places, daily_units.shape[1]))
    daily[:selling] = daily_units
    for place, warehouse in enumerate(served_by):
        daily[warehouse] += daily_units[place]
    lead = np.array([supplier.mean_days for supplier in world.suppliers])[world.items.supplier]
    reorder = np.ceil(daily * STORE_REORDER_DAYS + 2)
    top = np.ceil(daily * STORE_COVER_DAYS + 4)
    reorder[selling:] = np.ceil(daily[selling:] * (lead + SAFETY_DAYS) + 5)
    top[selling:] = np.ceil(daily[selling:] * (lead + SAFETY_DAYS + ORDER_CYCLE_DAYS) + 10)
    return reorder.astype(np.int64), top.astype(np.int64)


def _covered(cell: np.ndarray, units: np.ndarray, stock: np.ndarray) -> np.ndarray:
    """Which lines stock covers, served in time order within each cell."""
    order = np.argsort(cell, kind="stable")
    total = np.cumsum(units[order])
    first = np.ones(cell.size, dtype=bool)
    first[1:] = cell[order][1:] != cell[order][:-1]
    before = np.where(first, total - units[order], 0)
    running = total - np.maximum.accumulate(before)
    covered = np.empty(cell.size, dtype=bool)
    covered[order] = running <= stock[cell[order]]
    return covered


def _rows(
    day: int, place: np.ndarray, item: np.ndarray, quantity: np.ndarray, other: np.ndarray | int = -1
) -> np.ndarray:
    return np.column_stack([np.full(place.size, day), place, item, quantity, np.broadcast_to(other, place.shape)])


def _losses(day: int, stock: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    lost = np.minimum(rng.poisson(rate, stock.shape), stock)
    stock -= lost
    place, item = np.nonzero(lost)
    return _rows(day, place, item, -lost[place, item])


def _adjustments(day: int, stock: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    happens = rng.random(stock.shape) < rate
    change = np.where(happens, np.maximum(rng.choice([-3, -2, -1, -1, 1], stock.shape), -stock), 0)
    stock += change
    place, item = np.nonzero(change)
    return _rows(day, place, item, change[place, item])


def _issues(day: int, stock: np.ndarray, selling: int, rng: np.random.Generator) -> np.ndarray:
    """Goods a warehouse uses itself, as samples."""
    taken = np.where(rng.random(stock.shape) < ISSUE_RATE, np.minimum(stock, 2), 0)
    taken[:selling] = 0
    stock -= taken
    place, item = np.nonzero(taken)
    return _rows(day, place, item, taken[place, item])


def _transfers(day: int, stock: np.ndarray, reorder: np.ndarray, top: np.ndarray, served_by: np.ndarray) -> np.ndarray:
    parts = []
    for place, warehouse in enumerate(served_by):
        wanted = np.where(stock[place] <= reorder[place], top[place] - stock[place], 0)
        sent = np.minimum(wanted, stock[warehouse])
        stock[warehouse] -= sent
        stock[place] += sent
        item = np.flatnonzero(sent)
        parts.append(_rows(day, np.full(item.size, warehouse), item, sent[item], place))
    return np.concatenate(parts)


def _place_orders(
    day: int,
    position: np.ndarray,
    reorder: np.ndarray,
    top: np.ndarray,
    selling: int,
    world: World,
    lead: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Order lines of the day: day, location, item, quantity, arrival day, units that will arrive, cancelled."""
    place, item = np.nonzero(position[selling:] <= reorder[selling:])
    place = place + selling
    quantity = top[place, item] - position[place, item]
    cancelled = rng.random(place.size) < CANCELLED_SHARE
    short = rng.random(place.size) < SHORT_SHARE
    received = np.where(cancelled, 0, np.where(short, np.maximum(quantity * 4 // 5, 1), quantity))
    arrival = day + lead[world.items.supplier[item], day, place]
    return np.column_stack([np.full(place.size, day), place, item, quantity, arrival, received, cancelled])


def _in_parts(placed: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Order lines with first day and units of the first part; some arrive in two parts, the second one later."""
    arrival, received = placed[:, 4], placed[:, 5]
    parted = (rng.random(placed.shape[0]) < share) & (received > 1)
    last = np.where(parted, arrival + rng.integers(1, MOST_DAYS_BETWEEN_PARTS + 1, placed.shape[0]), arrival)
    first = np.where(parted, received // 2, received)
    return np.column_stack([placed[:, :4], last, placed[:, 5:], arrival, first])
