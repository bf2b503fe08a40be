"""Guaranteed service: the two published networks, all assignments tried, and the vectorised case equal to the tree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import strategies as st

from inventory_assets.replenishment.domain import InvalidInput
from inventory_assets.replenishment.multi_echelon import NotATree, Stage, place_stock, warehouse_and_stores
from inventory_assets_tests.replenishment.demands import forall
from inventory_assets_tests.replenishment.networks import CAMERA, EXAMPLE_6_5


def test_published_networks_have_their_published_cost():
    assert place_stock(EXAMPLE_6_5).cost == pytest.approx(8.277916867529369, abs=1e-9)
    assert place_stock(EXAMPLE_6_5).service_time == {"1": 0, "3": 0, "2": 0, "4": 1}
    assert place_stock(CAMERA).cost == pytest.approx(18.8240044725922, abs=1e-9)


stores = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0.5, 20.0), st.floats(1.0, 9.0), st.integers(0, 3)), min_size=1, max_size=5
)


def _network(supply, warehouse_cost, shops):
    network = {"warehouse": Stage(warehouse_cost, supply, bound=1.645)}
    for place, (time, sigma, cost, promise) in enumerate(shops):
        network[f"store {place}"] = Stage(cost, time, ("warehouse",), demand_sd=sigma, bound=1.645, promise=promise)
    return network


@forall(st.integers(0, 8), st.floats(0.5, 5.0), stores)
def test_warehouse_and_stores_equal_the_tree(supply, warehouse_cost, shops):
    tree = place_stock(_network(supply, warehouse_cost, shops))
    time, sigma, cost, promise = (np.array([each]) for each in zip(*shops, strict=True))
    flat = warehouse_and_stores(supply, time, sigma, warehouse_cost, cost, 1.645, promise)
    np.testing.assert_allclose(flat.cost[0], tree.cost, rtol=1e-9, atol=1e-9)


@forall(st.integers(0, 4), st.floats(0.5, 5.0), stores, examples=30)
def test_no_other_service_times_cost_less(supply, warehouse_cost, shops):
    network = _network(supply, warehouse_cost, shops[:3])
    sigma = np.sqrt(sum(each[1] ** 2 for each in shops[:3]))
    cheapest = np.inf
    for service, *quoted in product(range(supply + 1), *(range(each[3] + 1) for each in shops[:3])):
        waits = [service + time - quote for (time, *_), quote in zip(shops, quoted, strict=False)]
        if min(waits) < 0:
            continue
        cost = warehouse_cost * sigma * np.sqrt(supply - service)
        cost += sum(shop[2] * shop[1] * np.sqrt(wait) for shop, wait in zip(shops, waits, strict=False))
        cheapest = min(cheapest, 1.645 * cost)
    assert place_stock(network).cost == pytest.approx(cheapest)


def test_many_items_are_placed_at_once_and_a_store_without_the_item_keeps_none():
    sigma = np.array([[4.0, 3.0], [4.0, np.nan], [0.1, 0.1]])
    found = warehouse_and_stores([6, 6, 6], [[2, 2]], sigma, [1.0, 1.0, 50.0], 3.0, 1.645)
    alone = warehouse_and_stores(6, [[2]], [[4.0]], 1.0, 3.0, 1.645)
    assert found.cost[1] == pytest.approx(alone.cost[0])
    assert np.isnan(found.store_stock[1, 1])
    assert found.service_time[2] == 6  # a dear warehouse passes on what it buys


def test_a_placement_adds_up():
    found = place_stock(CAMERA)
    for name, stage in CAMERA.items():
        waits = max([stage.waits_outside, *(found.service_time[each] for each in stage.suppliers)])
        assert found.net_time[name] >= waits + stage.time - found.service_time[name] >= 0
    total = sum(stage.holding_cost * found.safety_stock[name] for name, stage in CAMERA.items())
    assert found.cost == pytest.approx(total)


@pytest.mark.parametrize(
    "network",
    [
        {"a": Stage(1, 1, ("b",)), "b": Stage(1, 1, ("a",))},
        {"a": Stage(1, 1, ("nobody",))},
        {"a": Stage(1, 1), "b": Stage(1, 1)},
        {"a": Stage(1, 1, ("c",)), "b": Stage(1, 1, ("a",)), "c": Stage(1, 1, ("b",)), "d": Stage(1, 1)},
    ],
)
def test_what_is_no_tree_is_refused(network):
    with pytest.raises(NotATree):
        place_stock(network)


def test_bad_stages_are_refused_by_name():
    with pytest.raises(InvalidInput, match="holding_cost"):
        place_stock({"a": Stage(0, 1)})
    with pytest.raises(InvalidInput, match="not so"):
        warehouse_and_stores(2.5, [[1]], [[4.0]], 1.0, 3.0, 1.645)
