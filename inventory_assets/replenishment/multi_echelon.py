"""Where in a supply network to keep safety stock, by the guaranteed-service model.

Every stage promises to deliver within a whole number of periods (its service time) and keeps stock for the time it is
left to cover: net time = what it waits for its suppliers + its own time − its promise. Demand over that time is
bounded by mean + bound·σ·√time; what exceeds the bound is met by other means and costs nothing here. `place_stock`
takes any tree, `warehouse_and_stores` the common case for all items at once. Demand of different stores is independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked, require, whole


@dataclass(frozen=True, slots=True)
class Stage:
    """One place of a network that may hold stock.

    Attributes:
        holding_cost: money a unit of safety stock and period, above 0.
        time: whole periods from having its inputs to being ready to deliver (production, transport), 0 or more.
        suppliers: names of the stages that deliver to it.
        demand_sd: σ of its external demand in a period, units; 0 where it has none.
        bound: safety factor z of the demand bound; 1.645 covers 95 % of normal demand.
        waits_outside: periods it waits for suppliers outside the network.
        promise: longest service time it may quote; none where the model may choose. A customer-facing stage has one.
    """

    holding_cost: float
    time: int
    suppliers: tuple[str, ...] = ()
    demand_sd: float = 0.0
    bound: float = 1.0
    waits_outside: int = 0
    promise: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where stock stands.

    Attributes:
        service_time: periods each stage promises.
        net_time: periods each stage covers with stock.
        safety_stock: units at each stage.
        cost: money a period for all safety stock.
    """

    service_time: dict[str, int]
    net_time: dict[str, int]
    safety_stock: dict[str, float]
    cost: float


@dataclass(frozen=True, slots=True)
class WarehousePlacement:
    """Where the stock of a warehouse and its stores stands, for each item.

    Attributes:
        service_time: periods the warehouse promises to its stores, shape (items,).
        warehouse_stock: safety stock in the warehouse, units, shape (items,).
        store_stock: safety stock in the stores, units, shape (items, stores); nan where a store does not keep the item.
        cost: money a period for all safety stock, shape (items,).
    """

    service_time: FloatArray
    warehouse_stock: FloatArray
    store_stock: FloatArray
    cost: FloatArray


class NotATree(ValueError):  # noqa: N818 - says what the network is
    """The network is not one tree: stages in a ring, without connection, or named but not declared."""


def place_stock(network: Mapping[str, Stage]) -> Placement:
    """Service times of least holding cost for a network that is a tree, by dynamic programming.

    Stages are taken off the tree leaf by leaf. For each, the least cost of the part behind it is computed as a function
    of the service time between it and its one remaining neighbour; the last stage decides.

    Args:
        network: the stages by name.

    Returns:
        The optimal placement.

    Raises:
        NotATree: if the stages do not form one tree.
        InvalidInput: for stages outside their domains.

    Source: Graves & Willems (2000), section 5, with the erratum of 2003; Snyder & Shen (2019), section 6.3.6.
    """
    _check(network)
    neighbours = _neighbours(network)
    order = _leaves_first(neighbours)
    sigma = _net_deviation(network)
    longest = _longest(network)
    horizon = max(longest.values()) + 1
    parts: dict[str, _Part] = {}
    for name, toward in order:
        stage = network[name]
        total = _stage_cost(stage, sigma[name], horizon, longest[name])
        for other in neighbours[name]:
            if other not in parts or parts[other].toward != name:
                continue
            behind = parts[other].cost
            if other in stage.suppliers:  # it promises at most what this stage waits
                total = total + np.minimum.accumulate(behind)[:, None]
            else:  # it waits at least what this stage promises
                total = total + np.minimum.accumulate(behind[::-1])[::-1][None, :]
        downstream = toward is not None and name in network[toward].suppliers
        parts[name] = _Part(toward, total, total.min(axis=0 if downstream else 1), downstream)
    return _read_back(network, parts, order, sigma)


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of the tree behind a stage.

    Attributes:
        toward: the neighbour not in it.
        total: cost by what the stage waits (rows) and promises (columns).
        cost: the least cost by promise where the neighbour is a customer, else by wait.
        downstream: whether the neighbour is a customer.
    """

    toward: str | None
    total: FloatArray
    cost: FloatArray
    downstream: bool


def _stage_cost(stage: Stage, sigma: float, horizon: int, longest: int) -> FloatArray:
    """Holding cost by wait (rows) and promise (columns), infinite where that cannot be."""
    wait, promise = np.arange(horizon)[:, None], np.arange(horizon)[None, :]
    net = wait + stage.time - promise
    possible = (net >= 0) & (wait >= stage.waits_outside) & (wait <= longest - stage.time)
    if stage.promise is not None:
        possible &= promise <= stage.promise
    return np.where(possible, stage.holding_cost * stage.bound * sigma * np.sqrt(np.maximum(net, 0)), np.inf)


def _read_back(
    network: Mapping[str, Stage],
    parts: Mapping[str, _Part],
    order: list[tuple[str, str | None]],
    sigma: Mapping[str, float],
) -> Placement:
    """The times that gave the least cost, from the stage that decided outwards."""
    wait, promise = {}, {}
    for name, toward in reversed(order):
        part = parts[name]
        if toward is None:
            wait[name], promise[name] = (int(i) for i in np.unravel_index(np.argmin(part.total), part.total.shape))
        elif part.downstream:
            promise[name] = int(np.argmin(part.cost[: wait[toward] + 1]))
            wait[name] = int(np.argmin(part.total[:, promise[name]]))
        else:
            wait[name] = promise[toward] + int(np.argmin(part.cost[promise[toward] :]))
            promise[name] = int(np.argmin(part.total[wait[name]]))
    net = {name: wait[name] + stage.time - promise[name] for name, stage in network.items()}
    stock = {name: stage.bound * sigma[name] * net[name] ** 0.5 for name, stage in network.items()}
    cost = sum(stage.holding_cost * stock[name] for name, stage in network.items())
    return Placement({name: promise[name] for name in network}, net, stock, cost)


def _check(network: Mapping[str, Stage]) -> None:
    """The stages are in their domains and name each other."""
    for name, stage in network.items():
        missing = [each for each in stage.suppliers if each not in network]
        if missing:
            raise NotATree(f"stage {name!r} names suppliers that are not declared: {missing}; declare them")
        checked(holding_cost=stage.holding_cost, demand_sd=stage.demand_sd, lead_time=stage.time)
        checked(lead_time=stage.waits_outside)
        require("bound", "negative", stage.bound >= 0)
        require("promise", "negative", (stage.promise or 0) >= 0)
    links = sum(len(stage.suppliers) for stage in network.values())
    if links != len(network) - 1:
        raise NotATree(f"{len(network)} stages need {len(network) - 1} links to be one tree; there are {links}")


def _neighbours(network: Mapping[str, Stage]) -> dict[str, set[str]]:
    neighbours: dict[str, set[str]] = {name: set(stage.suppliers) for name, stage in network.items()}
    for name, stage in network.items():
        for supplier in stage.suppliers:
            neighbours[supplier].add(name)
    return neighbours


def _leaves_first(neighbours: Mapping[str, set[str]]) -> list[tuple[str, str | None]]:
    """The stages, each after all of its neighbours but one, with that one."""
    left = {name: set(others) for name, others in neighbours.items()}
    order: list[tuple[str, str | None]] = []
    while left:
        leaf = next((name for name, others in left.items() if len(others) <= 1), None)
        if leaf is None or (not left[leaf] and len(left) > 1):
            raise NotATree(f"the stages {sorted(left)} form a ring or stand apart; a network here is one tree")
        toward = next(iter(left.pop(leaf)), None)
        order.append((leaf, toward))
        if toward is not None:
            left[toward].discard(leaf)
    return order


def _upstream_first(network: Mapping[str, Stage]) -> list[str]:
    """The stages, suppliers before their customers."""
    return [*TopologicalSorter({name: stage.suppliers for name, stage in network.items()}).static_order()]


def _net_deviation(network: Mapping[str, Stage]) -> dict[str, float]:
    """σ of the demand each stage sees: its own and that of all stages it delivers to, independent of each other."""
    variance = {name: stage.demand_sd**2 for name, stage in network.items()}
    for name in reversed(_upstream_first(network)):
        for supplier in network[name].suppliers:
            variance[supplier] += variance[name]
    return {name: each**0.5 for name, each in variance.items()}


def _longest(network: Mapping[str, Stage]) -> dict[str, int]:
    """Periods each stage needs where nobody upstream keeps stock."""
    longest: dict[str, int] = {}
    for name in _upstream_first(network):
        stage = network[name]
        longest[name] = stage.time + max([stage.waits_outside, *(longest[each] for each in stage.suppliers)])
    return longest


def warehouse_and_stores(
    warehouse_time: ArrayLike,
    store_time: ArrayLike,
    demand_sd: ArrayLike,
    warehouse_holding_cost: ArrayLike,
    store_holding_cost: ArrayLike,
    bound: ArrayLike,
    promise: ArrayLike = 0.0,
) -> WarehousePlacement:
    """Safety stock in a warehouse and its stores, for each item the cheapest split.

    The warehouse either keeps stock and delivers at once, or passes on what it buys; which of the two, or what lies
    between, is tried for every whole service time.

    Args:
        warehouse_time: whole periods from order to receipt in the warehouse, 0 or more, shape (items,) or a number.
        store_time: whole periods from warehouse to store with the review period, 0 or more, shape (items, stores) or
            broadcastable.
        demand_sd: σ of demand in a period, units, shape (items, stores); nan where a store does not keep the item.
        warehouse_holding_cost: money a unit and period, above 0, shape (items,) or a number.
        store_holding_cost: money a unit and period, above 0, shape (items, stores) or broadcastable.
        bound: z of the demand bound, 0 or more, shape (items,) or a number.
        promise: whole periods a store may let its customers wait, 0 or more, shape (items, stores) or broadcastable.

    Returns:
        Promise of the warehouse, stock and cost. Among equal costs the shortest promise.

    Raises:
        InvalidInput: outside these domains.

    Source: Graves & Willems (2000) for two stages; equal to `place_stock` on such a network (held by a test).
    """
    spread = np.atleast_1d(np.asarray(demand_sd, dtype=np.float64))
    kept = ~np.isnan(spread)
    sigma, time, store_cost, wait = checked(
        demand_sd=np.where(kept, spread, 0),
        lead_time=store_time,
        holding_cost=store_holding_cost,
        customer_wait=promise,
    )
    kept = np.broadcast_to(kept, sigma.shape)
    supply, cost, factor, _ = checked(
        lead_time=warehouse_time, holding_cost=warehouse_holding_cost, bound=bound, level=np.zeros(sigma.shape[:-1])
    )
    for each in (time, supply):
        whole("lead_time", each)
    whole("customer_wait", wait)
    pooled = np.sqrt((sigma**2).sum(axis=-1))
    best = np.full(supply.shape, np.inf)
    chosen = np.zeros(supply.shape)
    for service in range(int(supply.max()) + 1):
        here = cost * factor * pooled * np.sqrt(np.maximum(supply - service, 0))
        there = (store_cost * factor[..., None] * sigma * np.sqrt(np.maximum(service + time - wait, 0))).sum(axis=-1)
        better = (service <= supply) & (here + there < best)
        best, chosen = np.where(better, here + there, best), np.where(better, float(service), chosen)
    stores = factor[..., None] * sigma * np.sqrt(np.maximum(chosen[..., None] + time - wait, 0))
    return WarehousePlacement(
        service_time=chosen,
        warehouse_stock=factor * pooled * np.sqrt(supply - chosen),
        store_stock=np.where(kept, stores, np.nan),
        cost=best,
    )
