"""A simulated history with faults: what the pipeline says equals what the simulator knows."""

from __future__ import annotations

import inspect
import json
import shutil
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from inventory_assets.commands.stream import stream
from inventory_assets.commands.streaming import GENTLE_RATE
from inventory_assets.contracts.events.admission import is_command
from inventory_assets.contracts.events.reading import Event, Limits, read_request
from inventory_assets.contracts.tables import TABLES
from inventory_assets.operate.live_masters import SOURCES, goods_of, masters_at
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets.simulator.streaming import EventFactory
from inventory_assets.stock.effects import effects_of, permitted
from inventory_assets_tests.pipeline.running import publish_everything, refresh_everything, versions, workspace_at

pytestmark = pytest.mark.xdist_group("simulated truth")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CLASSES = {"sale": "inventory_transactions", "return": "returns", "cancellation": "cancellations",
           "given_away": "given_away"}  # fmt: skip


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """History, lake, workspace and settings after one load."""
    history = simulate_history(
        HistoryConfig(
            start=date(2026, 1, 20), days=25, stores=4, items=40, lines_per_store_day=60.0, dirt=0.03, partial_share=0.3
        )
    )
    settings = Settings(data_dir=tmp_path_factory.mktemp("simulated"))
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    return history, workspace, settings


def test_quarantine_equals_the_truth_row_by_row(simulated):
    history, workspace, _ = simulated
    place = ["feed", "source_file", "row_number", "reason", "event_date"]
    expected = history.faults.filter(pl.col("expected") == "quarantine").rename({"file": "source_file"})
    found = workspace.lake.scan(TABLES["silver/quarantine"]).collect()
    assert (
        found.select(place)
        .sort(place)
        .equals(expected.select(place).cast(dict(found.select(place).schema)).sort(place))
    )
    assert found["reason"].n_unique() > 12


def test_exact_repeats_are_counted_and_change_nothing(simulated):
    history, workspace, _ = simulated
    expected = history.faults.filter(pl.col("expected") == "exact_repeat").group_by("feed").len()
    balance = workspace.lake.scan(TABLES["silver/day_balance"]).collect()
    found = balance.filter(pl.col("outcome") == "exact_repeat").group_by("feed").agg(pl.col("rows").sum())
    assert dict(found.rows()) == dict(expected.rows())


@pytest.mark.parametrize("kind", CLASSES)
def test_till_lines_have_the_true_units_and_amounts_by_store_and_day(simulated, kind):
    history, workspace, _ = simulated
    expected = history.truth["pos_days"].filter(pl.col("class") == kind)
    found = (
        workspace.lake.scan(TABLES[f"silver/{CLASSES[kind]}"])
        .group_by("store_id", "event_date")
        .agg(pl.len(), pl.col("quantity_sold").sum(), pl.col("total_amount").sum())
        .collect()
    )
    assert expected.height > 0
    assert sorted(found.rows()) == sorted(
        expected.select("store_id", "business_day", "lines", "units", "amount").rows()
    )


def test_the_position_of_every_pair_is_the_true_book(simulated):
    history, workspace, _ = simulated
    days = history.truth["stock_days"]
    truth = days.filter(pl.col("business_day") == days["business_day"].max())
    pair = ["location_id", "product_sku"]
    found = workspace.lake.scan(TABLES["gold/inventory_position"]).collect()
    both = truth.join(found, on=pair, how="full", suffix="_found", coalesce=True)
    assert both.height == truth.height
    silent = both.filter(pl.col("stock_basis").is_null())
    assert silent["book"].null_count() == silent.height, "only pairs without any event have no row"
    assert both.filter(pl.col("book").ne_missing(pl.col("book_found"))).is_empty()
    known = both.filter(pl.col("book").is_not_null())
    assert known.filter(pl.col("unavailable") != pl.col("unavailable_found")).is_empty()
    assert 0 < both["book"].null_count() < both.height, "some pairs are unknown and stay null"


def test_the_snapshot_holds_the_true_book_at_the_end_of_every_day(simulated):
    history, workspace, _ = simulated
    snapshot = workspace.lake.scan(TABLES["gold/daily_inventory_snapshot"]).collect()
    dense = (
        history.truth["stock_days"]
        .sort("business_day")
        .join_asof(
            snapshot.sort("event_date"), left_on="business_day", right_on="event_date",
            by=["location_id", "product_sku"], check_sortedness=False,
        )
    )  # fmt: skip
    assert dense.filter(pl.col("book").ne_missing(pl.col("closing_book"))).is_empty()


def test_movements_have_the_true_units_of_each_kind(simulated):
    history, workspace, _ = simulated
    truth = history.truth["stock_events"]
    kinds = workspace.lake.scan(TABLES["silver/stock_movements"]).group_by("kind").agg(pl.col("quantity").sum())
    found = dict(kinds.collect().rows())
    expected = dict(
        truth.filter(pl.col("kind").is_in(list(found))).group_by("kind").agg(pl.col("quantity").sum()).rows()
    )
    assert found == expected


@pytest.fixture
def at_the_end(simulated, tmp_path):
    """History and lake as of the end of the history, without touching the one the other tests read."""
    history, _, settings = simulated
    data = shutil.copytree(settings.data_dir, tmp_path / "data")
    there = settings.model_copy(update={"data_dir": data})
    then = workspace_at(there, history.config.end)
    refresh_everything(then, there)
    return history, then, there


def test_open_order_lines_are_the_true_ones(at_the_end):
    history, workspace, _ = at_the_end
    columns = ["order_id", "line_number", "supplier_id", "product_sku", "location_id", "state", "ordered_at",
               "quantity_ordered", "quantity_received", "open_quantity"]  # fmt: skip
    expected = history.truth["orders"].filter(pl.col("open_quantity") > 0).select(columns).sort(columns)
    found = workspace.lake.scan(TABLES["gold/open_supplier_orders"]).select(columns).collect().sort(columns)
    assert set(expected["state"]) == {"confirmed", "partly_received"}
    assert set(history.truth["orders"]["state"]) == {"confirmed", "partly_received", "received", "cancelled"}
    assert found.equals(expected.cast(dict(found.schema)))


@pytest.mark.parametrize("days_later", [0, 12, 40])
def test_on_order_is_the_true_open_quantity_of_lines_not_overdue_for_long(at_the_end, days_later):
    history, _, settings = at_the_end
    now = history.config.end + timedelta(days=days_later)
    workspace = workspace_at(settings, now)
    refresh_everything(workspace, settings)
    expected = dict.fromkeys(
        workspace.lake.scan(TABLES["gold/inventory_position"]).select("location_id", "product_sku").collect().rows(), 0
    )
    stopped = set()
    for line in history.truth["orders"].filter(pl.col("open_quantity") > 0).iter_rows(named=True):
        if (now.date() - line["expected_delivery"].date()).days > 14:
            stopped.add((line["order_id"], line["line_number"]))
        else:
            expected[line["location_id"], line["product_sku"]] += line["open_quantity"]
    position = workspace.lake.scan(TABLES["gold/inventory_position"]).collect()
    assert {row[:2]: row[2] for row in position.select("location_id", "product_sku", "on_order").rows()} == expected
    assert (sum(expected.values()) > 0) == (days_later < 40)
    assert (len(stopped) > 0) == (days_later > 0)
    lines = workspace.lake.scan(TABLES["gold/open_supplier_orders"]).filter(pl.col("reason") == "overdue").collect()
    assert set(lines.select("order_id", "line_number").rows()) == stopped
    whole = pl.col("on_hand") - pl.col("unavailable") + pl.col("on_order") + pl.col("in_transit")
    assert position.filter(pl.col("position_before_reserved").ne_missing(whole)).is_empty()
    assert position["in_transit"].to_list() == [0] * position.height


def test_the_stream_of_the_demo_is_about_items_and_locations_the_live_layer_is_told_of(simulated):
    history, workspace, _ = simulated
    lake, goods = workspace.lake, goods_of(workspace.profiles)
    masters = masters_at(lake, lake.pins(SOURCES), goods, "")
    items, locations = {row[0] for row in masters.items}, {row[0] for row in masters.locations}
    assert items == set(history.world.items.codes.tolist())
    assert locations == set(history.world.codes.tolist())
    sizes = {name: getattr(history.config, name) for name in ("stores", "items", "seed")}
    retailer = HistoryConfig(start=NOW.date(), days=1, **sizes)
    made = EventFactory(retailer, NOW, rate=GENTLE_RATE, opening=False).take(4_000, NOW)
    body = json.dumps([each.cloud_event() for each in made]).encode()
    wide = Limits(body_bytes=len(body), events=len(made))
    headers = {"content-type": "application/cloudevents-batch+json"}
    events = [each for each in read_request(headers, body, NOW, str, wide).events if isinstance(each, Event)]
    assert len(events) == len(made)
    assert not any(is_command(each) for each in events)
    moved = [effect for each in events for effect in effects_of(each)]
    assert permitted(moved, masters.rule.surroundings()) == tuple(moved)
    assert {each.item for each in moved} == items
    assert {each.location for each in moved} <= locations
    opened = lake.scan(TABLES["gold/inventory_position"]).filter(pl.col("book").is_not_null()).collect()
    assert set(opened["product_sku"]) <= items
    assert set(opened["location_id"]) <= locations


def test_the_stream_of_the_demo_has_the_sizes_of_its_history():
    asked, history = inspect.signature(stream).parameters, HistoryConfig.ending(NOW.date())
    assert (asked["stores"].default, asked["items"].default) == (history.stores, history.items)


def test_running_again_with_nothing_new_writes_nothing(simulated):
    _, workspace, settings = simulated
    before = versions(workspace.lake)
    report = refresh_everything(workspace, settings)
    assert not report.changed
    assert versions(workspace.lake) == before


def test_the_published_file_carries_the_lake(simulated):
    from inventory_assets.publish.sql import query

    _, workspace, settings = simulated
    publish_everything(workspace, settings)
    revenue = query(settings.serving, "SELECT sum(total_revenue) AS revenue FROM gold.daily_inventory_summary")
    truth = workspace.lake.scan(TABLES["silver/inventory_transactions"]).select(pl.col("total_amount").sum())
    assert revenue.item() == truth.collect().item()
