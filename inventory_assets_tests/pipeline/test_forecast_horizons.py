"""Each item and location is forecast as far as its policy orders ahead; a slow one changes nothing for the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.forecast import CUMULATIVE_DEMAND_FORECAST, DEMAND_FORECAST, ITEM_DEMAND_FORECAST
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY, SUPPLIER_PERFORMANCE
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import check
from inventory_assets.contracts.silver import PRODUCTS, SUPPLIERS
from inventory_assets.forecast.locations import totals
from inventory_assets.forecast.models import DEFAULT
from inventory_assets.forecast.series import Panel
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.demand import Demand
from inventory_assets.pipeline.forecast import refresh_forecast
from inventory_assets.pipeline.forecast_days import forecast_days
from inventory_assets.pipeline.planning import set_parameters
from inventory_assets.pipeline.replenishment import refresh_policy
from inventory_assets.replenishment.parameters import Setting
from inventory_assets.settings import ForecastSettings, Settings
from inventory_assets_tests.pipeline.gold_rows import FIRST, filled, summary
from inventory_assets_tests.pipeline.running import workspace_at

DAYS, ITEMS = 330, 24
TODAY = FIRST + timedelta(days=DAYS)
SETTINGS = ForecastSettings()
KEYS = {ITEM_DEMAND_FORECAST: ["product_sku"], DEMAND_FORECAST: ["product_sku", "location_id"],
        CUMULATIVE_DEMAND_FORECAST: ["product_sku", "location_id"]}  # fmt: skip


def units(seed: int = 3, items: int = ITEMS, shops: int = 2, days: int = DAYS) -> np.ndarray:
    random = np.random.default_rng(seed)
    rate = random.gamma(1.5, 0.4, (items, shops, 1)) + 0.1
    return np.where(
        random.random((items, shops, days)) < np.minimum(rate, 0.9), random.integers(1, 9, (items, shops, days)), 0
    )


def masters(workspace) -> None:
    """Supplier QUICK delivers in 3 days by what was measured, SLOW agreed to 75; item 2 has no supplier."""
    names = [f"I{number:02d}" for number in range(ITEMS)]
    of = ["SLOW" if number == 1 else None if number == 2 else "QUICK" for number in range(ITEMS)]
    items = pl.DataFrame({"product_sku": names, "supplier_id": of, "is_current": True})
    workspace.lake.replace(PRODUCTS, filled(items, PRODUCTS), Scope())
    agreed = pl.DataFrame({"supplier_id": ["SLOW", "QUICK"], "lead_time_days": [75, 40], "is_current": True})
    workspace.lake.replace(SUPPLIERS, filled(agreed, SUPPLIERS), Scope())
    measured = pl.DataFrame({"supplier_id": ["QUICK"], "lead_time_lines": 30, "lead_time_mean_days": 2.6})
    workspace.lake.replace(SUPPLIER_PERFORMANCE, filled(measured, SUPPLIER_PERFORMANCE), Scope())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("horizons")
    own = Settings(data_dir=folder)
    workspace = workspace_at(own, datetime(TODAY.year, TODAY.month, TODAY.day, 4, tzinfo=UTC))
    workspace.lake.replace(DAILY_INVENTORY_SUMMARY, summary(units()), Scope())
    masters(workspace)
    wanted = [
        Setting("item", "I04", "lead_time", "30", "mona", "sea freight", location_id="S2"),
        Setting("item", "I05", "review_period", "1", "mona", "daily van"),
        Setting("item", "I06", "lead_time", "300", "mona", "made to order"),
    ]
    set_parameters(workspace, own.writer_lock, wanted)
    refresh_forecast(workspace, SETTINGS)
    return workspace


def frame(workspace, table) -> pl.DataFrame:
    return workspace.lake.scan(table).collect()


def reach(workspace, table) -> dict[tuple, int]:
    """Days ahead by key; every day up to the last one is there."""
    rows = frame(workspace, table)
    day = (
        pl.col("horizon_days")
        if table is CUMULATIVE_DEMAND_FORECAST
        else (pl.col("day") - pl.col("issued_on")).dt.total_days()
    )
    found = rows.group_by(KEYS[table]).agg(far=day.max(), days=day.n_unique(), rows=pl.len())
    assert found["far"].to_list() == found["days"].to_list() == found["rows"].to_list(), table.path
    return {tuple(row[:-3]): row[-3] for row in found.rows()}


def test_each_pair_is_forecast_as_far_as_it_orders_ahead(made):
    for table in KEYS:
        check(frame(made, table), table)
    sums = reach(made, CUMULATIVE_DEMAND_FORECAST)
    assert {name: sums[name, "S1"] for name in ("I00", "I01", "I02", "I04", "I05")} == {
        "I00": 17, "I01": 89, "I02": 28, "I04": 17, "I05": 7,
    }  # fmt: skip
    assert sums["I04", "S2"] == 44
    days = reach(made, DEMAND_FORECAST)
    assert days["I04", "S1"] == days["I04", "S2"] == 44, "locations add up on every day"
    assert reach(made, ITEM_DEMAND_FORECAST)[("I04",)] == 44
    assert days["I06", "S1"] == 180


def test_locations_add_up_to_their_item_on_near_and_far_days_and_sums_to_their_days(made):
    items, pairs = frame(made, ITEM_DEMAND_FORECAST), frame(made, DEMAND_FORECAST)
    added = pairs.group_by("product_sku", "day").agg(added=pl.col("mean").sum())
    both = items.join(added, on=["product_sku", "day"], how="full")
    assert both["added"].null_count() == both["mean"].null_count() == 0
    assert (both["added"] - both["mean"]).abs().max() < 1e-9
    ahead = pairs.with_columns(horizon_days=(pl.col("day") - pl.col("issued_on")).dt.total_days()).sort("day")
    ahead = ahead.with_columns(summed=pl.col("mean").cum_sum().over("product_sku", "location_id"))
    sums = frame(made, CUMULATIVE_DEMAND_FORECAST).join(ahead, on=[*KEYS[DEMAND_FORECAST], "horizon_days"])
    assert sums.height == frame(made, CUMULATIVE_DEMAND_FORECAST).height
    assert (sums["summed"] - sums["cumulative_mean"]).abs().max() < 1e-9
    levels = sums.select("p50", "p80", "p90", "p95", "p98", "p99").to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()


def test_every_policy_with_a_lead_time_below_the_longest_horizon_rests_on_the_forecast(made):
    refresh_policy(made)
    policy = frame(made, INVENTORY_POLICY).filter(pl.col("lead_time_days").is_not_null())
    assert policy.height == 2 * (ITEMS - 1)
    far = policy.filter(pl.col("product_sku") == "I06")
    assert set(policy.filter(pl.col("product_sku") != "I06")["demand_from"]) == {"demand_forecast"}
    assert set(far["demand_from"]) == {"trailing"}


def test_a_lead_time_that_was_set_makes_a_new_forecast_and_a_service_target_does_not(made, tmp_path):
    lock = Settings(data_dir=tmp_path).writer_lock
    assert not refresh_forecast(made, SETTINGS).changed
    set_parameters(made, lock, [Setting("item", "I07", "service_target", ".9", "mona", "cheap")])
    assert not refresh_forecast(made, SETTINGS).changed
    before = frame(made, CUMULATIVE_DEMAND_FORECAST)
    set_parameters(made, lock, [Setting("item", "I07", "lead_time", "50", "mona", "new supplier")])
    assert refresh_forecast(made, SETTINGS).changed
    assert reach(made, CUMULATIVE_DEMAND_FORECAST)["I07", "S1"] == 64
    after = frame(made, CUMULATIVE_DEMAND_FORECAST)
    others = pl.col("product_sku") != "I07"
    near = pl.col("horizon_days") <= SETTINGS.horizon_days
    assert after.filter(others, near).equals(before.filter(others, near)), "a slow item changes no other's near days"


def panel_of(seed: int, items: int, days: int) -> Demand:
    random = np.random.default_rng(seed)
    made = np.where(random.random((2 * items, days)) < 0.4, random.integers(1, 9, (2 * items, days)), 0).astype(float)
    item = np.repeat(np.arange(items), 2)
    names = [f"I{number:02d}" for number in range(items)]
    keys = pl.DataFrame({"product_sku": np.repeat(names, 2), "location_id": ["S1", "S2"] * items})
    whole = Panel(pl.DataFrame({"product_sku": names}), FIRST, totals(made, item))
    return Demand(Panel(keys, FIRST, made), whole, item, np.ones(items))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 260), st.integers(7, 90), st.integers(1, 5))
def test_the_farther_horizon_of_one_pair_leaves_all_others_byte_for_byte_and_adds_up(seed, days, far, items):
    demand, model = panel_of(seed, items, days), np.full(items, DEFAULT)
    own = np.full(2 * items, 28)
    plain = forecast_days(demand, model, own, SETTINGS)
    changed = own.copy()
    changed[0] = far
    other = forecast_days(demand, model, changed, SETTINGS)
    for table in KEYS:
        mine = pl.col("product_sku") != "I00"
        if items > 1:
            assert other[table].filter(mine).equals(plain[table].filter(mine)), table.path
        assert other[table].select(table.key).is_unique().all()
    day = pl.col("day")
    pairs = other[DEMAND_FORECAST].group_by("product_sku", "day").agg(added=pl.col("mean").sum())
    whole = other[ITEM_DEMAND_FORECAST].join(pairs, on=["product_sku", "day"], how="full", coalesce=True)
    assert whole.select((pl.col("mean") - pl.col("added")).abs().max()).item() < 1e-9
    assert whole.filter(pl.col("product_sku") == "I00").select(day.n_unique()).item() == max(28, far)


def test_far_sums_cover_what_comes_on_days_nobody_has_seen():
    """95 % quantiles of sums of 50 and 60 days at past origins of a stationary panel."""
    random, items = np.random.default_rng(5), 90
    rate = random.gamma(1.5, 0.4, (items, 1)) + 0.1
    whole = np.where(random.random((items, 520)) < np.minimum(rate, 0.9), random.integers(1, 9, (items, 520)), 0.0)
    keys = pl.DataFrame({"product_sku": [f"I{number:03d}" for number in range(items)], "location_id": "S1"})
    covered = []
    for known in (400, 460):
        shown, item = whole[:, :known], np.arange(items)
        demand = Demand(Panel(keys, FIRST, shown), Panel(keys[:, :1], FIRST, shown), item, np.ones(items))
        sums = forecast_days(demand, np.full(items, DEFAULT), np.full(items, 60), SETTINGS)[CUMULATIVE_DEMAND_FORECAST]
        for days in (50, 60):
            quantile = sums.filter(horizon_days=days).sort("product_sku")["p95"].to_numpy()
            covered.append(whole[:, known : known + days].sum(axis=1) <= quantile)
    assert 0.91 <= np.mean(covered) <= 0.99
