"""Warehouse records, supplier orders and opening balances."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import silver
from inventory_assets.contracts.sources import SourceProfile
from inventory_assets.medallion.silver_items import item_quality, with_items
from inventory_assets.medallion.silver_stock import build_stock
from inventory_assets.medallion.silver_supplier import build_supplier
from inventory_assets.medallion.silver_warehouse import build_warehouse
from inventory_assets_tests.medallion.builders import (
    ITEMS,
    NOON,
    PROFILES,
    READ_AT,
    assert_sound,
    bronze,
    decisions,
    facts,
    money,
    places,
)

BUILD = {"warehouse": build_warehouse, "supplier": build_supplier, "stock": build_stock}
LINE = {
    "warehouse": {
        "record_type": "receipt", "warehouse_id": "DC", "product_sku": "85048", "last_updated": NOON, "quantity": 3,
        "document_id": "D1",
    },
    "supplier": {
        "supplier_id": "S1", "product_sku": "85048", "expected_delivery": NOON, "quantity_ordered": 5,
        "unit_cost": "1.5", "order_id": "O1", "line_number": 1, "updated_at": NOON,
    },
    "stock": {"location_id": "DC", "product_sku": "85048", "quantity": 3, "as_of": NOON, "document_id": "list"},
}  # fmt: skip


def build(feed, *changes):
    rows = bronze(feed, money([{**LINE[feed], **change} for change in changes]))
    found = BUILD[feed](rows, decisions(), ITEMS, PROFILES, rows["event_date"].unique().to_list())
    assert_sound(found)
    return found


def reasons(feed, *changes):
    return build(feed, *changes)[silver.QUARANTINE.path].sort("row_number")["reasons"].to_list()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({}, "warehouse_updates"),
        ({"record_type": None, "quantity": None, "current_stock": 5}, "warehouse_updates"),
        ({"record_type": " Adjustment ", "quantity": -3}, "warehouse_updates"),
        ({"record_type": "count"}, "stock_counts"),
        ({"record_type": "count", "quantity": 0}, "stock_counts"),
        ({"record_type": "transfer", "to_location": "UK"}, "warehouse_updates"),
    ],
)
def test_a_warehouse_record_stands_in_the_table_of_its_kind(change, place):
    assert places(build("warehouse", change)) == {"bronze": 1, place: 1}


@pytest.mark.parametrize(
    ("feed", "change", "listed"),
    [
        ("warehouse", {"record_type": "shrinkage"}, "value:not_allowed"),
        ("warehouse", {"warehouse_id": None}, "key:null"),
        ("warehouse", {"record_type": "transfer"}, "key:null"),
        ("warehouse", {"record_type": "transfer", "from_location": "UK", "to_location": "UK"}, "value:not_allowed"),
        ("warehouse", {"last_updated": None}, "time:missing"),
        ("warehouse", {"last_updated": READ_AT + timedelta(hours=1)}, "event_time_ahead"),
        ("warehouse", {"quantity": None}, "quantity:null"),
        ("warehouse", {"quantity": 0}, "quantity:zero"),
        ("warehouse", {"quantity": -1}, "quantity:negative"),
        ("warehouse", {"record_type": "level", "current_stock": None}, "quantity:null"),
        ("warehouse", {"record_type": "level", "current_stock": -1}, "quantity:negative,value:out_of_range"),
        ("warehouse", {"record_type": "count", "quantity": 1_000_000}, "value:out_of_range"),
        ("supplier", {"supplier_id": " "}, "key:null"),
        ("supplier", {"expected_delivery": None, "order_id": None}, "time:missing"),
        ("supplier", {"expected_delivery": None, "updated_at": None}, "time:missing"),
        ("supplier", {"updated_at": READ_AT + timedelta(hours=1)}, "event_time_ahead"),
        ("supplier", {"quantity_ordered": None}, "quantity:null"),
        ("supplier", {"quantity_ordered": -1}, "quantity:negative"),
        ("supplier", {"unit_cost": "-1"}, "price:negative"),
        ("supplier", {"unit_cost": None, "cast_errors": "unit_cost"}, "type:unit_cost"),
        ("supplier", {"quantity_received": -1}, "value:out_of_range"),
        ("stock", {"location_id": None}, "key:null"),
        ("stock", {"as_of": None}, "time:missing"),
        ("stock", {"quantity": None}, "quantity:null"),
        ("stock", {"quantity": -1}, "quantity:negative,value:out_of_range"),
        ("stock", {"quantity": 1_000_000}, "value:out_of_range"),
    ],
)
def test_a_bad_row_lists_its_reasons(feed, change, listed):
    assert reasons(feed, change) == [listed]


def test_the_giving_side_of_a_transfer_is_the_warehouse_where_none_is_named():
    found = build("warehouse", {"record_type": "transfer", "to_location": "UK"},
                  {"record_type": "transfer", "from_location": "FR", "line_number": 2})  # fmt: skip
    rows = found[silver.WAREHOUSE_UPDATES.path].sort("line_number")
    assert rows.select("from_location", "to_location").rows() == [("DC", "UK"), ("FR", "DC")]


def test_a_level_holds_no_movement():
    found = build("warehouse", {"record_type": "level", "current_stock": 9, "reserved_stock": 2, "available_stock": 6})
    row = found[silver.WAREHOUSE_UPDATES.path].row(0, named=True)
    assert (row["quantity"], row["current_stock"], row["data_quality_score"]) == (None, 9, pytest.approx(2 / 3))


def test_an_order_without_number_is_flagged_and_named_by_its_promise():
    change = {"order_id": None, "line_number": None, "updated_at": None, "order_status": " Confirmed "}
    row = build("supplier", change)[silver.SUPPLIER_ORDERS.path].row(0, named=True)
    assert row["order_id"] == "S1|85048|2024-03-05T12:00:00Z"
    assert (row["bare_shape"], row["line_number"], row["order_status"]) == (True, 0, "confirmed")
    assert (row["updated_at"], row["currency"], row["unit_cost"]) == (NOON, "GBP", Decimal("1.5"))


def test_a_promise_may_lie_ahead_of_its_reading():
    change = {"updated_at": None, "expected_delivery": READ_AT + timedelta(days=30)}
    assert reasons("supplier", change) == []


def test_the_state_of_an_order_is_dated_by_what_was_reported_first_known():
    ordered, received = NOON - timedelta(days=9), NOON + timedelta(days=1)
    change = {"updated_at": None, "ordered_at": ordered, "received_at": received}
    assert build("supplier", change)[silver.SUPPLIER_ORDERS.path]["updated_at"].to_list() == [received]


@pytest.mark.parametrize("feed", sorted(BUILD))
def test_copies_are_counted_and_contradictions_held_whatever_the_order(feed):
    cell = {"warehouse": "quantity", "supplier": "quantity_ordered", "stock": "quantity"}[feed]
    rows = [{cell: 7}, {cell: 4, "source_file": "b.csv"}, {cell: 7, "source_file": "c.csv"}]
    found = build(feed, *rows)
    assert sorted(places(found).values()) == [1, 1, 1, 3]
    assert facts(found) == facts(build(feed, *reversed(rows)))
    kept = next(frame for path, frame in found.items() if cell in frame.columns and path != silver.QUARANTINE.path)
    assert kept[cell].to_list() == [4]


def test_the_quality_score_of_a_row_does_not_depend_on_its_batch():
    """3 of 5 rules: 3 ÷ 5 and 3 × (1 ÷ 5) differ in the last digit."""
    profile = SourceProfile(sku_pattern="^PROD-", sku_max_length=15)
    sent = pl.DataFrame({"product_sku": ["85048"] * 4, "good": [True] * 4})

    def scores(rows: pl.DataFrame) -> list[float]:
        standard = with_items(rows.lazy(), ITEMS.clear(), profile).collect()
        return standard.select(item_quality([pl.col("good"), pl.col("good")])).to_series().to_list()

    assert scores(sent) == scores(sent.head(1)) * 4 == [3 / 5] * 4
