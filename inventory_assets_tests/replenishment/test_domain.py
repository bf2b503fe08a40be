"""Bad input stops a call by name, or becomes nulls with reasons, row by row."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import strategies as st

from inventory_assets.replenishment.distributions import NegativeBinomial, Normal
from inventory_assets.replenishment.domain import DOMAINS, InvalidInput, by_row, checked
from inventory_assets.replenishment.lot_sizes import (
    economic_order_quantity,
    economic_production_quantity,
    order_quantity_cost,
)
from inventory_assets.replenishment.reorder_point import expected_inventory_policy
from inventory_assets.replenishment.rounding import round_order
from inventory_assets.replenishment.safety_stock import level_for_cycle_service, level_for_fill_rate
from inventory_assets_tests.replenishment.demands import forall


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: economic_order_quantity(8, 0.2, -1), "demand_rate:negative"),
        (lambda: economic_order_quantity(8, 0, 100), "holding_cost:not_positive"),
        (lambda: economic_order_quantity(np.nan, 0.2, 100), "fixed_cost:missing"),
        (lambda: economic_order_quantity(8, np.inf, 100), "holding_cost:infinite"),
        (lambda: order_quantity_cost(0, 8, 0.2, 100), "order_quantity:not_positive"),
        (lambda: economic_production_quantity(8, 0.2, 100, 100), "production_rate:too_low"),
        (lambda: level_for_cycle_service(Normal(10, 3), 1.0), "cycle_service:not_between_0_and_1"),
        (lambda: level_for_fill_rate(Normal(10, 3), 5, 0.0), "fill_rate:not_between_0_and_1"),
        (lambda: expected_inventory_policy(Normal(10, 3), 10, 100, 1, 0.1), "stockout_cost:too_low"),
    ],
)
def test_a_bad_parameter_is_named_with_its_rule(call, reason):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.reason == reason
    assert reason.split(":")[0] in str(caught.value)


def test_the_message_says_how_many_rows_and_where_the_first_is():
    with pytest.raises(InvalidInput, match="2 of 4 values are not so, the first at 1"):
        economic_order_quantity(8, 0.2, [5, -1, 3, -2])


@forall(st.lists(st.sampled_from([np.nan, -5.0, 0.0, 3.0, 80.0]), min_size=1, max_size=12), st.integers(0, 3))
def test_good_rows_are_computed_and_bad_ones_get_the_reason(rates, shift):
    holding = np.roll(np.resize([0.2, 0.0, 1.0], len(rates)), shift)
    found = by_row(economic_order_quantity, fixed_cost=8.0, holding_cost=holding, demand_rate=rates)
    for row, (rate, cost) in enumerate(zip(rates, holding, strict=True)):
        if found.reasons[row]:
            assert not rate >= 0 or cost == 0
            continue
        assert rate >= 0
        assert cost > 0
        assert found.result.quantity[row] == economic_order_quantity(8.0, cost, rate).quantity
    if (found.reasons == "").any():
        assert np.isnan(found.result.cost[found.reasons != ""]).all()
    else:
        assert np.isnan(found.result).all()


def test_reasons_come_from_every_depth_of_a_composed_function():
    def level(demand_mean, demand_sd, fill_rate):
        return level_for_fill_rate(NegativeBinomial(demand_mean, demand_sd), 10, fill_rate)

    found = by_row(level, demand_mean=[4, 4, np.nan, 4], demand_sd=[3, 1, 3, 3], fill_rate=[0.9, 0.9, 0.9, 2.0])
    assert found.reasons.tolist() == ["", "demand_sd:too_low", "demand_mean:missing", "fill_rate:not_between_0_and_1"]
    assert found.result.level[0] == level(4, 3, 0.9).level
    assert np.isnan(found.result.level[1:]).all()


def test_masks_of_rows_without_result_are_false():
    found = by_row(round_order, wanted=[5, np.nan], pack=[12, 12])
    assert found.result.quantity[0] == 12
    assert found.result.reasons["raised_to_full_packs"].tolist() == [True, False]
    assert found.reasons.tolist() == ["", "wanted:missing"]


def test_a_bad_constant_is_no_fault_of_the_rows():
    with pytest.raises(InvalidInput, match="cycle_service"):
        by_row(lambda mean: level_for_cycle_service(Normal(mean, 1), [0.9, 0.9, 2.0]), mean=[1.0, 2.0])


def test_every_parameter_has_a_domain_that_is_enforced():
    for name, domain in DOMAINS.items():
        wrong = {"any": np.nan, "not_negative": -1.0, "positive": 0.0, "share": 1.0}[domain]
        with pytest.raises(InvalidInput, match=name):
            checked(**{name: wrong})


def test_importing_the_room_loads_no_heavy_library():
    heavy = "scipy", "pandas", "statsmodels", "duckdb", "deltalake"
    code = (
        "import sys, pkgutil, importlib, inventory_assets.replenishment as room\n"
        "for each in pkgutil.iter_modules(room.__path__): importlib.import_module(f'{room.__name__}.{each.name}')\n"
        f"print([each for each in {heavy!r} if each in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
