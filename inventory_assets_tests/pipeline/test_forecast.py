"""From gold to forecasts: contracts, sums, days that are not over, empty shelves, and what nothing new does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from inventory_assets.contracts import forecast as tables
from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.schemas import check
from inventory_assets.forecast.learned import learned_model
from inventory_assets.forecast.models import CANDIDATES
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.forecast import COMPARED, refresh_forecast
from inventory_assets.settings import ForecastSettings, Settings
from inventory_assets_tests.pipeline.gold_rows import FIRST, filled, summary
from inventory_assets_tests.pipeline.running import workspace_at

DAYS = 220
TODAY = FIRST + timedelta(days=DAYS)
SETTINGS = ForecastSettings(horizon_days=21)


def demand() -> np.ndarray:
    """Forty items in three shops; item 0 died after two months, item 1 is nine days old."""
    random = np.random.default_rng(31)
    rate = random.gamma(1.0, 0.3, (40, 3, 1)) + 0.05
    units = np.where(random.random((40, 3, DAYS)) < np.minimum(rate, 0.9), random.integers(1, 9, (40, 3, DAYS)), 0)
    units[0, :, 30:], units[1] = 0, 0
    units[1, 0, -9:] = 1
    units[2] = 0
    units[2, 0] = random.poisson(6, DAYS)
    return units


def written(folder, rows: pl.DataFrame, snapshot: pl.DataFrame | None = None, now: date = TODAY, settings=SETTINGS):
    """A lake with gold and the forecasts made from it."""
    workspace = workspace_at(Settings(data_dir=folder), datetime(now.year, now.month, now.day, 4, tzinfo=UTC))
    workspace.lake.replace(DAILY_INVENTORY_SUMMARY, rows, Scope())
    if snapshot is not None:
        workspace.lake.replace(DAILY_INVENTORY_SNAPSHOT, snapshot, Scope())
    refresh_forecast(workspace, settings)
    return workspace


def frame(workspace, table) -> pl.DataFrame:
    return workspace.lake.scan(table).collect()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return written(tmp_path_factory.mktemp("forecast"), summary(demand()))


def test_every_table_keeps_its_contract_and_its_key(made):
    for table in tables.FORECAST:
        rows = frame(made, table)
        check(rows, table)
        assert rows.height > 0
        assert rows.select(table.key).is_unique().all(), table.path


def test_locations_add_up_to_their_item_and_days_to_their_sums(made):
    items, pairs = frame(made, tables.ITEM_DEMAND_FORECAST), frame(made, tables.DEMAND_FORECAST)
    added = pairs.group_by("product_sku", "day").agg(pl.col("mean").sum().alias("added"))
    both = items.join(added, on=["product_sku", "day"], how="full")
    assert both["added"].null_count() == both["mean"].null_count() == 0
    assert (both["added"] - both["mean"]).abs().max() < 1e-9
    sums = frame(made, tables.CUMULATIVE_DEMAND_FORECAST)
    ahead = pairs.with_columns((pl.col("day") - pl.col("issued_on")).dt.total_days().alias("horizon_days")).sort("day")
    ahead = ahead.with_columns(pl.col("mean").cum_sum().over("product_sku", "location_id").alias("summed"))
    both = sums.join(ahead, on=["product_sku", "location_id", "horizon_days"])
    assert both.height == sums.height == pairs.height
    assert (both["summed"] - both["cumulative_mean"]).abs().max() < 1e-9
    levels = sums.select("p50", "p80", "p90", "p95", "p98", "p99").to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()


def test_a_dead_item_is_expected_to_sell_nothing_and_a_new_one_is_called_new(made):
    items = frame(made, tables.ITEM_DEMAND_FORECAST)
    dead, new = (items.filter(pl.col("product_sku") == name) for name in ("I00", "I01"))
    assert dead["mean"].sum() == 0
    assert set(dead["class"]) == {"dead"}
    assert set(new["class"]) == {"new"}
    assert new["mean"].mean() == pytest.approx(1, rel=0.1)


def test_a_day_that_is_not_over_is_not_learnt_from(made, tmp_path):
    rows = pl.concat([summary(demand()), summary(np.full((40, 3, 1), 500), TODAY)])
    again = written(tmp_path, rows)
    items = frame(again, tables.ITEM_DEMAND_FORECAST)
    assert set(items["issued_on"]) == {TODAY - timedelta(days=1)}
    assert items["day"].min() == TODAY
    assert items.equals(frame(made, tables.ITEM_DEMAND_FORECAST))


def test_accuracy_names_one_chosen_model_for_each_class(made):
    rows = frame(made, tables.FORECAST_ACCURACY)
    assert set(rows["model"]) == {*COMPARED, *learned_model("auto")}
    chosen = rows.filter("is_chosen")
    assert sorted(chosen["class"]) == sorted(rows["class"].unique())
    everything = chosen.row(by_predicate=pl.col("class") == "all", named=True)
    assert everything["model"] in CANDIDATES
    assert 0.85 < everything["coverage_95"] <= 1
    assert everything["pinball_95"] > 0
    assert rows.filter(~pl.col("is_chosen"))["coverage_95"].null_count() == rows.height - chosen.height


def snapshot_of_item_two(basis: str) -> pl.DataFrame:
    """Every other day item 2 had no stock in its shop, or so the book says."""
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    out = [number % 2 == 1 for number in range(DAYS)]
    rows = {
        "product_sku": "I02", "location_id": "S1", "event_date": days, "stock_basis": basis,
        "closing_book": [0 if gone else 20 for gone in out], "opening_book": [0 if gone else 20 for gone in out],
    }  # fmt: skip
    return filled(pl.DataFrame(rows), DAILY_INVENTORY_SNAPSHOT)


@pytest.mark.parametrize(("basis", "expected"), [("counted", 6.0), ("unknown", 3.0)])
def test_days_without_stock_are_no_days_without_demand_where_stock_is_known(tmp_path, basis, expected):
    units = demand()
    units[2, 0, 1::2] = 0
    made = written(tmp_path, summary(units), snapshot_of_item_two(basis))
    mean = frame(made, tables.ITEM_DEMAND_FORECAST).filter(pl.col("product_sku") == "I02")["mean"].mean()
    assert mean == pytest.approx(expected, rel=0.12)


def test_a_new_item_borrows_the_forecast_of_the_item_it_is_like(tmp_path, made):
    settings = ForecastSettings(horizon_days=21, like_items={"I01": "I02", "I03": "no such item"})
    like = frame(written(tmp_path, summary(demand()), settings=settings), tables.ITEM_DEMAND_FORECAST)
    alone = frame(made, tables.ITEM_DEMAND_FORECAST)
    mean = {name: rows["mean"].mean() for (name,), rows in like.group_by("product_sku")}
    before = {name: rows["mean"].mean() for (name,), rows in alone.group_by("product_sku")}
    assert mean["I01"] == pytest.approx((9 * before["I01"] + 19 * before["I02"]) / 28)
    assert {name: mean[name] for name in mean if name != "I01"} == {n: before[n] for n in before if n != "I01"}


def test_nothing_new_writes_nothing_and_new_sales_write_all_four(made, tmp_path):
    assert not refresh_forecast(made, SETTINGS).changed
    assert refresh_forecast(made, SETTINGS, anew=True).changed
    made.lake.replace(DAILY_INVENTORY_SUMMARY, summary(demand() * 2), Scope())
    report = refresh_forecast(made, SETTINGS)
    assert {path for path, done in report.replaced.items() if done.version is not None} == {
        table.path for table in tables.FORECAST
    }


def test_without_demand_the_tables_are_there_and_empty(tmp_path):
    workspace = written(tmp_path / "none", summary(demand()).with_columns(pl.lit(0, pl.Int64).alias("demand_quantity")))
    assert [frame(workspace, table).height for table in tables.FORECAST] == [0, 0, 0, 0]
    bare = workspace_at(Settings(data_dir=tmp_path / "bare"), datetime(2026, 6, 1, tzinfo=UTC))
    assert not refresh_forecast(bare, SETTINGS).changed


def test_three_weeks_of_history_are_enough_for_a_forecast_and_too_few_for_a_comparison(tmp_path):
    units = demand()[3:, :, :21]
    made = written(tmp_path, summary(units), now=FIRST + timedelta(days=21))
    items = frame(made, tables.ITEM_DEMAND_FORECAST)
    assert set(items["class"]) == {"new"}
    assert items.filter(pl.col("mean") > 0)["product_sku"].n_unique() == items["product_sku"].n_unique()
    assert frame(made, tables.FORECAST_ACCURACY).height == 0
    assert frame(made, tables.CUMULATIVE_DEMAND_FORECAST)["cumulative_sd"].min() >= 0
