"""From demand and parameters to levels: the formulas of the room, and no level where nothing is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from inventory_assets.contracts.gold import SUPPLIER_PERFORMANCE
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import check, empty, polars_schema
from inventory_assets.contracts.silver import SUPPLIERS
from inventory_assets.replenishment.demand_history import daily_demand, history
from inventory_assets.replenishment.demand_statistics import skewed_demand, smoothed_statistics
from inventory_assets.replenishment.parameters import Setting, outlier_days, setting_row
from inventory_assets.replenishment.policy_inputs import policy_pairs
from inventory_assets.replenishment.policy_levels import levels
from inventory_assets.replenishment.safety_stock import level_for_cycle_service, level_for_fill_rate
from inventory_assets.replenishment.sharing import fair_shares
from inventory_assets_tests.replenishment.demands import forall
from inventory_assets_tests.replenishment.plans import NOW, TODAY

LAST = TODAY - timedelta(days=1)
DAYS = 200
PERFORMANCE = pl.DataFrame(
    [{**dict.fromkeys(polars_schema(SUPPLIER_PERFORMANCE)), "supplier_id": "SUP", "lead_time_lines": 9,
      "lead_time_mean_days": 6.5, "lead_time_std_days": 1.5}],
    schema=polars_schema(SUPPLIER_PERFORMANCE),
)  # fmt: skip


def summary(sold: dict[str, np.ndarray]) -> pl.DataFrame:
    """Daily sales of items in one store, the last of them yesterday."""
    rows = [
        {"store_id": "S1", "product_sku": item, "transaction_date": LAST - timedelta(days=len(units) - 1 - number),
         "demand_quantity": int(each), "total_quantity_sold": int(each), "total_revenue": float(each) * 4}
        for item, units in sold.items() for number, each in enumerate(units) if each
    ]  # fmt: skip
    return pl.DataFrame(rows)


def policy(
    sold: dict[str, np.ndarray], *settings: Setting, forecast: pl.DataFrame | None = None, waiting: tuple[str, ...] = ()
) -> dict[str, dict]:
    """Policies by item."""
    known = empty(PLANNING_PARAMETERS)
    for setting in settings:
        known = pl.concat([known, setting_row(setting, NOW, known)])
    moved = pl.DataFrame(schema={"kind": pl.String, "product_sku": pl.String, "location_id": pl.String,
                                 "quantity": pl.Int64, "event_date": pl.Date})  # fmt: skip
    places = pl.DataFrame({"location_id": ["S1"], "location_type": ["store"]})
    told = history(daily_demand(summary(sold), moved, places), LAST, 400, outlier_days(known, TODAY))
    assert told is not None
    master = pl.DataFrame(
        {"product_sku": list(sold), "supplier_id": ["SUP"] * len(sold), "currency": ["USD"] * len(sold),
         "max_stock": [None] * len(sold), "unit_cost": [2.0] * len(sold)},
        schema_overrides={"max_stock": pl.Int64, "unit_cost": pl.Decimal(18, 4)},
    )  # fmt: skip
    pairs = policy_pairs(told, master, summary(sold), known, PERFORMANCE, empty(SUPPLIERS), TODAY)
    found = check(levels(pairs, told, forecast, TODAY, waiting), INVENTORY_POLICY)
    return {row["product_sku"]: row for row in found.to_dicts()}


def put(name: str, value: str, item: str = "P1") -> Setting:
    return Setting("item", item, name, value, "mona", "because")


SOLD = {"P1": np.random.default_rng(3).poisson(5, DAYS), "P2": np.random.default_rng(4).poisson(2, DAYS)}


def test_the_level_is_that_of_periodic_review_over_lead_time_and_review():
    row = policy(SOLD)["P1"]
    padded = np.where(np.arange(DAYS) < np.argmax(SOLD["P1"] > 0), np.nan, SOLD["P1"])[None, :]
    spread = smoothed_statistics(padded, 14)
    mean = float(spread.mean[0]) / 14
    deviation = float(np.sqrt(spread.deviation[0] ** 2 + (mean * 1.5) ** 2))
    assert row["lead_time_days"] == 6.5
    assert row["protected_mean"] == pytest.approx(mean * 13.5)
    assert row["protected_sd"] == pytest.approx(deviation)
    before = skewed_demand(row["lead_demand_mean"], row["lead_demand_sd"])
    protected = skewed_demand(mean * 13.5, deviation)
    level = level_for_fill_rate(protected, mean * 7, 0.95, lead_time_demand=before, lost=True).level
    assert row["order_up_to"] == int(np.ceil(level))
    assert row["safety_stock"] == pytest.approx(float(level) - mean * 13.5)
    assert row["demand_from"] == "trailing"


def test_where_demand_waits_the_level_covers_what_was_short_before():
    lost, waits = policy(SOLD)["P1"], policy(SOLD, waiting=("S1",))["P1"]
    assert waits["safety_stock"] - lost["safety_stock"] == pytest.approx(0.05 * lost["lead_demand_mean"])
    assert waits["live_reorder_point"] == lost["live_reorder_point"]


def test_cycle_service_is_the_quantile():
    row = policy(SOLD, put("service", "cycle_service"), put("service_target", "0.9"))["P1"]
    level = level_for_cycle_service(skewed_demand(row["protected_mean"], row["protected_sd"]), 0.9).level
    assert row["order_up_to"] == int(np.ceil(level))


def test_an_issued_forecast_is_taken_where_there_is_one():
    issued = pl.DataFrame(
        {"product_sku": ["P1", "P1"], "location_id": ["S1", "S1"], "horizon_days": [7, 14],
         "cumulative_mean": [70.0, 140.0], "cumulative_sd": [9.0, 20.0]}
    )  # fmt: skip
    found = policy(SOLD, forecast=issued)
    assert (found["P1"]["demand_from"], found["P2"]["demand_from"]) == ("demand_forecast", "trailing")
    assert found["P1"]["demand_mean_day"] == pytest.approx(10.0)
    assert found["P1"]["protected_sd"] == pytest.approx((20.0**2 + 15.0**2) ** 0.5)
    assert policy(SOLD, put("demand_override", "3"), forecast=issued)["P1"]["demand_mean_day"] == 3.0


def test_half_a_year_without_a_sale_means_a_level_of_zero():
    quiet = {"P1": np.concatenate([np.full(40, 5), np.zeros(181)]), "P2": np.full(221, 1)}
    found = policy(quiet)
    assert (found["P1"]["reorder_point"], found["P1"]["order_up_to"]) == (0, 0)
    assert found["P2"]["order_up_to"] > 0
    nearly = {**quiet, "P1": np.concatenate([np.full(40, 5), np.zeros(180)])}
    assert policy(nearly)["P1"]["order_up_to"] > 0


def test_without_history_or_lead_time_there_is_no_level_and_a_reason():
    young = policy({"P1": np.full(20, 3), "P2": np.full(200, 3)})["P1"]
    assert young["order_up_to"] is None
    assert young["null_reason"] == "demand is known for too few days: 20 of 29"
    orphan = policy(SOLD)["P2"]
    assert orphan["null_reason"] is None


def test_rules_other_than_the_calculated_one():
    plain = policy(SOLD)["P1"]
    lots = policy(SOLD, put("rule", "fixed_quantity"), put("fixed_quantity", "48"))["P1"]
    assert (lots["reorder_point"], lots["fixed_quantity"]) == (plain["reorder_point"], 48)
    assert lots["order_up_to"] == plain["reorder_point"] + 48
    cover = policy(SOLD, put("rule", "period_of_cover"), put("cover", "30"))["P1"]
    assert cover["order_up_to"] == int(np.ceil(plain["reorder_point"] + 30 * plain["demand_mean_day"]))
    own = policy(SOLD, put("fixed_reorder_point", "200"))["P1"]
    assert (own["reorder_point"], own["order_up_to"]) == (200, 200)
    dear = policy(SOLD, put("fixed_cost", "30"))["P1"]
    assert dear["economic_quantity"] == int(np.ceil((2 * 30 * dear["demand_mean_day"] * 365 / 0.5) ** 0.5))


def test_a_marked_day_says_nothing():
    spoilt = {"P1": SOLD["P1"].copy()}
    spoilt["P1"][-5] = 900
    marked = policy(spoilt, put("outlier_day", str(LAST - timedelta(days=4))))["P1"]
    clean = policy({"P1": SOLD["P1"]})["P1"]
    assert policy(spoilt)["P1"]["order_up_to"] > 2 * clean["order_up_to"]
    assert marked["order_up_to"] == pytest.approx(clean["order_up_to"], abs=6)


def test_what_a_warehouse_ships_is_its_demand():
    moved = pl.DataFrame(
        {"kind": ["transfer_out", "issue", "receipt", "transfer_out"], "product_sku": ["P1"] * 4,
         "location_id": ["WH", "WH", "WH", "S1"], "quantity": [-5, -2, 50, -3], "event_date": [date(2026, 5, 1)] * 4}
    )  # fmt: skip
    places = pl.DataFrame({"location_id": ["WH", "S1"], "location_type": ["warehouse", "store"]})
    nothing = summary(SOLD).clear()
    assert daily_demand(nothing, moved, places).rows() == [("P1", "WH", date(2026, 5, 1), 7)]


@forall(st.integers(0, 500), st.lists(st.integers(0, 200), min_size=1, max_size=8), st.sampled_from([1, 6]))
def test_shares_never_exceed_the_stock_and_are_equal_shares_of_the_needs(available, needs, pack):
    shares = fair_shares(available, needs, pack)
    full = -(-np.array(needs) // pack) * pack
    assert shares.sum() <= available or (shares == full).all()
    assert (shares <= full).all()
    assert (shares % pack == 0).all()
    if full.sum() <= available:
        assert (shares == full).all()
    else:
        assert shares.sum() == available // pack * pack
        exact = full * (available // pack * pack) / full.sum()
        assert (np.abs(shares - exact) < pack + 1e-9).all()
