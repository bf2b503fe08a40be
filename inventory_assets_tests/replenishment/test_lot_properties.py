"""What holds for lot sizes whatever the numbers: monotone, the cheapest, the same in any unit, right in the limit."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from inventory_assets.replenishment.discounts import all_units_discount, incremental_discount
from inventory_assets.replenishment.joint import joint_replenishment
from inventory_assets.replenishment.lot_schedule import wagner_whitin
from inventory_assets.replenishment.lot_sizes import (
    backorder_cost,
    economic_order_quantity,
    economic_order_quantity_with_backorders,
    economic_production_quantity,
    order_quantity_cost,
)
from inventory_assets_tests.replenishment.demands import costs, factors, forall, rates, setups

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@forall(setups, costs, rates, factors)
def test_quantity_rises_with_order_cost_and_demand_and_falls_with_holding_cost(setup, holding, rate, more):
    here = economic_order_quantity(setup, holding, rate).quantity
    assert economic_order_quantity(setup * more, holding, rate).quantity > here
    assert economic_order_quantity(setup, holding, rate * more).quantity > here
    assert economic_order_quantity(setup, holding * more, rate).quantity < here


@forall(setups, costs, rates, factors)
def test_quantity_is_the_same_amount_of_goods_in_any_unit(setup, holding, rate, units):
    plain = economic_order_quantity(setup, holding, rate)
    converted = economic_order_quantity(setup, holding / units, rate * units)
    np.testing.assert_allclose(converted.quantity, plain.quantity * units, **CLOSE)
    np.testing.assert_allclose(converted.cost, plain.cost, **CLOSE)


@forall(setups, costs, rates, factors)
def test_cost_scales_with_money_and_the_quantity_does_not(setup, holding, rate, money):
    plain = economic_order_quantity(setup, holding, rate)
    converted = economic_order_quantity(setup * money, holding * money, rate)
    np.testing.assert_allclose(converted.quantity, plain.quantity, **CLOSE)
    np.testing.assert_allclose(converted.cost, plain.cost * money, **CLOSE)


@forall(setups, costs, rates, st.floats(0.1, 10.0))
def test_no_other_quantity_costs_less(setup, holding, rate, factor):
    lot = economic_order_quantity(setup, holding, rate)
    other = order_quantity_cost(lot.quantity * factor, setup, holding, rate)
    assert other >= lot.cost * (1 - 1e-12)
    np.testing.assert_allclose(other / lot.cost, (factor + 1 / factor) / 2, **CLOSE)


@forall(setups, costs, costs, rates)
def test_letting_customers_wait_never_costs_more_and_is_the_plain_quantity_when_waiting_is_dear(
    setup, holding, waiting, rate
):
    plain = economic_order_quantity(setup, holding, rate)
    patient = economic_order_quantity_with_backorders(setup, holding, waiting, rate)
    assert patient.cost <= plain.cost * (1 + 1e-12)
    dear = economic_order_quantity_with_backorders(setup, holding, 1e13, rate)
    np.testing.assert_allclose(dear.quantity, plain.quantity, rtol=1e-6)
    assert dear.backordered < 1e-9


@forall(setups, costs, costs, rates, st.floats(0.3, 3.0), st.floats(0.0, 1.0))
def test_no_other_quantity_and_share_of_waiting_costs_less(setup, holding, waiting, rate, factor, share):
    lot = economic_order_quantity_with_backorders(setup, holding, waiting, rate)
    same = backorder_cost(lot.quantity, lot.backordered, setup, holding, waiting, rate)
    np.testing.assert_allclose(same, lot.cost, **CLOSE)
    assert backorder_cost(lot.quantity * factor, share, setup, holding, waiting, rate) >= lot.cost * (1 - 1e-12)


@forall(setups, costs, rates, factors)
def test_production_runs_are_longer_than_orders_and_equal_them_when_production_is_instant(setup, holding, rate, more):
    plain = economic_order_quantity(setup, holding, rate)
    run = economic_production_quantity(setup, holding, rate, rate * more)
    assert run.quantity > plain.quantity
    assert run.cost < plain.cost
    instant = economic_production_quantity(setup, holding, rate, rate * 1e12)
    np.testing.assert_allclose(instant.quantity, plain.quantity, rtol=1e-9)


@st.composite
def price_lists(draw):
    tiers = draw(st.integers(1, 5))
    steps = draw(st.lists(st.integers(1, 2000), min_size=tiers - 1, max_size=tiers - 1))
    price, cuts = (
        draw(st.floats(1.0, 100.0)),
        draw(st.lists(st.floats(0.8, 0.99), min_size=tiers - 1, max_size=tiers - 1)),
    )
    return np.cumsum([0, *steps]).astype(float), np.cumprod([price, *cuts])


def _price_of(quantity, starts, prices):
    return prices[np.searchsorted(starts, quantity, side="right") - 1]


@forall(setups, st.floats(0.05, 0.5), rates, price_lists(), st.floats(0.5, 20000.0))
def test_no_quantity_is_cheaper_than_the_discounted_one(setup, share, rate, price_list, other):
    starts, prices = price_list
    best = all_units_discount(setup, share, rate, starts, prices)
    price = _price_of(other, starts, prices)
    assert price * rate + setup * rate / other + share * price * other / 2 >= best.cost * (1 - 1e-12)
    assert starts[best.tier] <= best.quantity

    best = incremental_discount(setup, share, rate, starts, prices)
    widths = np.diff([*starts, np.inf])
    goods = (prices * np.clip(other - starts, 0, widths)).sum()
    assert goods * rate / other + setup * rate / other + share * goods / 2 >= best.cost * (1 - 1e-12)


@forall(setups, st.floats(0.05, 0.5), rates, price_lists())
def test_a_price_for_all_units_is_never_dearer_than_for_the_units_above(setup, share, rate, price_list):
    whole, above = (rule(setup, share, rate, *price_list) for rule in (all_units_discount, incremental_discount))
    assert whole.cost <= above.cost * (1 + 1e-12)


@forall(setups, st.floats(0.05, 0.5), rates, st.floats(1.0, 100.0))
def test_one_price_is_the_plain_quantity(setup, share, rate, price):
    plain = economic_order_quantity(setup, share * price, rate)
    for rule in (all_units_discount, incremental_discount):
        found = rule(setup, share, rate, [0.0], [price])
        np.testing.assert_allclose(found.quantity, plain.quantity, **CLOSE)
        np.testing.assert_allclose(found.cost, plain.cost + price * rate, **CLOSE)


def test_price_lists_of_different_length_stand_in_one_array():
    lists = np.array([[0, 400, 800], [0, 500, np.nan]])
    prices = np.array([[0.75, 0.72, 0.68], [0.30, 0.28, np.nan]])
    for rule in (all_units_discount, incremental_discount):
        both = rule(8, 0.3, 1300, lists, prices)
        alone = rule(8, 0.3, 1300, [0, 500], [0.30, 0.28])
        np.testing.assert_allclose([both.quantity[1], both.cost[1]], [alone.quantity, alone.cost])


suppliers = st.lists(
    st.tuples(st.sampled_from("ABC"), st.floats(1, 50), st.floats(0.1, 5.0), st.floats(1.0, 500.0)),
    min_size=1,
    max_size=8,
)


@forall(suppliers, st.floats(1.0, 200.0))
def test_suppliers_do_not_influence_each_other(lines, shared):
    name, line, holding, rate = (np.array(each) for each in zip(*lines, strict=True))
    together = joint_replenishment(name, shared, line, holding, rate)
    for place, supplier in enumerate(together.suppliers):
        mine = name == supplier
        alone = joint_replenishment(name[mine], shared, line[mine], holding[mine], rate[mine])
        np.testing.assert_allclose(alone.cost, together.cost[place], **CLOSE)
        np.testing.assert_allclose(alone.quantity, together.quantity[mine], **CLOSE)


@forall(suppliers, st.floats(1.0, 200.0), st.floats(0.2, 5.0))
def test_no_other_cycle_is_cheaper_for_the_chosen_multiples(lines, shared, factor):
    _, line, holding, rate = (np.array(each) for each in zip(*lines, strict=True))
    plan = joint_replenishment(np.full(len(line), "one"), shared, line, holding, rate)
    cycle = plan.base_cycle[0] * factor
    other = (shared + (line / plan.multiple).sum()) / cycle + (holding * plan.multiple * rate).sum() * cycle / 2
    assert other >= plan.cost[0] * (1 - 1e-12)
    assert plan.multiple.min() == 1


@forall(setups, costs, rates)
def test_a_supplier_of_one_item_gets_its_economic_quantity(setup, holding, rate):
    plan = joint_replenishment(["one"], setup, 1.0, holding, rate)
    lot = economic_order_quantity(setup + 1.0, holding, rate)
    np.testing.assert_allclose([plan.quantity[0], plan.cost[0]], [lot.quantity, lot.cost], **CLOSE)


schedules = st.integers(1, 7).flatmap(
    lambda periods: st.tuples(
        *(
            st.lists(amounts, min_size=periods, max_size=periods)
            for amounts in (st.integers(0, 200), st.floats(0.0, 300.0), st.floats(0.1, 5.0), st.floats(0.0, 9.0))
        )
    )
)


@forall(schedules)
def test_no_other_schedule_is_cheaper(schedule):
    demand, setup, holding, price = (np.array(each, dtype=float) for each in schedule)
    periods = len(demand)
    plan = wagner_whitin(demand, setup, holding, price)
    cheapest = np.inf
    for count in range(periods):
        for later in combinations(range(1, periods), count):
            quantity = np.zeros(periods)
            starts = [0, *later]
            for start, end in zip(starts, [*later, periods], strict=True):
                quantity[start] = demand[start:end].sum()
            cheapest = min(cheapest, _cost(quantity, demand, setup, holding, price))
    np.testing.assert_allclose(plan.cost, cheapest, **CLOSE)
    np.testing.assert_allclose(_cost(plan.quantity, demand, setup, holding, price), cheapest, **CLOSE)


def _cost(quantity, demand, setup, holding, price):
    stock = np.cumsum(quantity - demand)
    return (setup * (quantity > 0) + price * quantity + holding * stock).sum()


@forall(schedules)
def test_a_schedule_covers_demand_and_orders_only_into_empty_stock(schedule):
    demand, setup, holding, price = (np.array(each, dtype=float) for each in schedule)
    quantity = wagner_whitin(demand, setup, holding, price).quantity
    stock = np.cumsum(quantity - demand)
    assert stock.min() >= -1e-9
    assert abs(stock[-1]) < 1e-9
    before = np.concatenate([[0], stock[:-1]])
    assert np.all((quantity == 0) | (before < 1e-9))


@forall(st.lists(schedules, min_size=2, max_size=4))
def test_schedules_of_many_items_are_those_of_each(many):
    periods = min(len(each[0]) for each in many)
    parts = [np.array([each[part][:periods] for each in many], dtype=float) for part in range(4)]
    together = wagner_whitin(*parts)
    for item in range(len(many)):
        alone = wagner_whitin(*(part[item] for part in parts))
        np.testing.assert_array_equal(together.quantity[item], alone.quantity)
        assert together.cost[item] == alone.cost


@forall(setups, costs)
def test_nothing_is_ordered_where_nothing_is_sold(setup, holding):
    lot = economic_order_quantity(setup, holding, 0.0)
    assert (lot.quantity, lot.cost) == (0, 0)
