"""Each rule of a till line, its place in the order of rules, and the columns derived from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import silver
from inventory_assets.medallion.silver_pos import build_pos
from inventory_assets_tests.medallion.builders import (
    ITEMS,
    NOON,
    PROFILES,
    READ_AT,
    assert_sound,
    decisions,
    places,
    pos,
    pos_line,
)


def build(bronze, *decided, days=None, **options):
    days = bronze["event_date"].unique().to_list() if days is None else days
    found = build_pos(bronze, decisions(*decided), ITEMS, PROFILES, days, **options)
    assert_sound(found)
    return found


def reasons(*rows, **options):
    return build(pos(*rows), **options)["silver/quarantine"].sort("row_number")["reasons"].to_list()


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, "inventory_transactions"),
        ({"quantity_sold": -3}, "returns"),
        ({"unit_price": "0"}, "given_away"),
        ({"unit_price": "0", "customer_id": None}, "stock_adjustments"),
        ({"unit_price": "0", "customer_id": "  ", "quantity_sold": -3}, "stock_adjustments"),
        ({"product_sku": "POST"}, "non_merchandise"),
        ({"product_sku": "POST", "quantity_sold": 0}, "non_merchandise"),
        ({"product_sku": "POST", "unit_price": None, "quantity_sold": None}, "non_merchandise"),
        ({"product_sku": "POST", "unit_price": "-1"}, "non_merchandise"),
        ({"product_sku": " 85123a "}, "inventory_transactions"),
        ({"source_system": "plain", "product_sku": "POST"}, "inventory_transactions"),
        ({"source_system": "plain", "unit_price": "0", "customer_id": None}, "given_away"),
    ],
)
def test_a_line_stands_in_the_table_of_its_class(changes, place):
    assert places(build(pos(pos_line(**changes)))) == {"bronze": 1, place: 1}


@pytest.mark.parametrize(
    ("changes", "listed"),
    [
        ({"transaction_id": None}, "key:null"),
        ({"transaction_id": "   "}, "key:null"),
        ({"store_id": None}, "key:null"),
        ({"product_sku": None}, "key:null"),
        ({"line_number": None}, "key:null"),
        ({"timestamp": None}, "time:missing"),
        ({"timestamp": None, "cast_errors": "timestamp"}, "type:timestamp"),
        ({"timestamp": None, "row_error": "time:nonexistent"}, "time:nonexistent"),
        ({"quantity_sold": None, "unit_price": None, "cast_errors": "quantity_sold,unit_price"},
         "type:quantity_sold,type:unit_price"),
        ({"version": None, "cast_errors": "version"}, "type:version"),
        ({"timestamp": READ_AT + timedelta(minutes=5, seconds=1)}, "event_time_ahead"),
        ({"timestamp": datetime(2004, 12, 31, 23, 59, tzinfo=UTC)}, "date_out_of_range"),
        ({"quantity_sold": 0}, "quantity:zero"),
        ({"quantity_sold": 0, "unit_price": "0", "customer_id": None}, "quantity:zero"),
        ({"quantity_sold": None}, "quantity:null"),
        ({"unit_price": None}, "price:null"),
        ({"unit_price": "-1"}, "price:negative"),
        ({"quantity_sold": 10_000_001}, "value:out_of_range"),
        ({"line_number": -1}, "value:out_of_range"),
        ({"quantity_sold": 9_000_000, "unit_price": "99999999999"}, "value:out_of_range"),
        ({"quantity_sold": -3, "disposition": "lost"}, "value:not_allowed"),
        ({"quantity_sold": -3, "unit_price": "0"}, "unclassified"),
        ({"source_system": "plain", "quantity_sold": -3, "unit_price": "0", "customer_id": None}, "unclassified"),
        ({"transaction_id": None, "quantity_sold": 0, "unit_price": "-1"}, "key:null,quantity:zero,price:negative"),
    ],
)  # fmt: skip
def test_a_bad_line_lists_all_its_reasons_by_precedence(changes, listed):
    assert reasons(pos_line(**changes)) == [listed]


@pytest.mark.parametrize("error", ["file:refused", "file:unreadable", "line:unreadable"])
def test_what_could_not_be_read_has_no_other_reason(error):
    found = build(pos({"row_error": error, "row_error_detail": "line 7: 3 fields instead of 5", "raw_data": "a,b,c"}))
    row = found["silver/quarantine"].row(0, named=True)
    assert (row["reasons"], row["detail"], row["event_date"]) == (error, "line 7: 3 fields instead of 5", None)


def test_event_times_up_to_the_limit_ahead_are_kept():
    ahead = pos_line(timestamp=READ_AT + timedelta(minutes=5))
    assert reasons(ahead) == []
    assert reasons(ahead, max_ahead=timedelta(minutes=4)) == ["event_time_ahead"]


def test_quarantine_shows_the_row_as_it_was_sent():
    found = build(pos(pos_line(product_sku=" 85123a ", unit_price="-1", cast_errors="version", raw_data="x;y")))
    row = found["silver/quarantine"].row(0, named=True)
    assert row["product_sku"] == " 85123a "
    assert (row["location_id"], row["quantity"], row["business_key"]) == ("UK", 3, "UK|489434|1")
    assert row["reason"] == "type:version"
    assert '"unit_price":"-1.0000"' in row["row_json"]
    assert row["detail"] == "the row as sent: x;y"


def test_derived_columns_follow_the_clock_of_the_store():
    saturday_half_past_midnight = datetime(2024, 6, 14, 23, 30, tzinfo=UTC)
    found = build(pos(pos_line(timestamp=saturday_half_past_midnight, quantity_sold=3, unit_price="2.3333")))
    row = found["silver/inventory_transactions"].row(0, named=True)
    assert row["transaction_date"] == row["event_date"] == date(2024, 6, 15)
    assert (row["transaction_hour"], row["transaction_day_of_week"], row["is_weekend"]) == (0, 6, True)
    assert row["total_amount"] == Decimal("6.9999")
    assert row["currency"] == "GBP"


def test_quality_score_is_the_share_of_declared_rules_that_hold():
    rows = [
        pos_line(line_number=1),
        pos_line(line_number=2, transaction_id="X"),
        pos_line(line_number=3, transaction_id="X", product_sku="99999", currency="pounds"),
        pos_line(line_number=4, source_system="plain", product_sku="99999"),
    ]
    found = build(pos(*rows))["silver/inventory_transactions"].sort("line_number")
    assert found["data_quality_score"].to_list() == [1.0, pytest.approx(2 / 3), 0.0, 0.5]
    assert found["item_unknown"].to_list() == [False, False, True, True]


def test_equal_lines_of_two_files_are_one_with_the_lineage_of_the_first_file():
    rows = [
        pos_line(source_file=name, content_hash=name, row_number=7, store_id=store)
        for name, store in (("b.csv", "UK"), ("a.csv", " UK "))
    ]
    found = build(pos(*rows))
    assert places(found) == {"bronze": 2, "inventory_transactions": 1, "exact_repeat": 1}
    assert found["silver/inventory_transactions"]["source_file"].to_list() == ["a.csv"]


def test_a_line_dated_ahead_is_kept_when_a_later_delivery_repeats_it():
    late = NOON + timedelta(days=200)
    rows = [
        pos_line(timestamp=late, source_file=name, ingestion_timestamp=seen)
        for name, seen in (("a.csv", READ_AT), ("b.csv", late))
    ]
    assert places(build(pos(*rows))) == {"bronze": 2, "inventory_transactions": 1, "exact_repeat": 1}


def test_of_contradicting_lines_the_lowest_version_then_time_then_content_wins():
    older, newer = NOON, NOON + timedelta(minutes=1)
    rows = [
        pos_line(timestamp=older, quantity_sold=1),
        pos_line(timestamp=newer, quantity_sold=2, version=2),
        pos_line(timestamp=newer, quantity_sold=3, version=1),
        pos_line(transaction_id="2", timestamp=newer, quantity_sold=4),
        pos_line(transaction_id="2", timestamp=older, quantity_sold=6),
        pos_line(transaction_id="2", timestamp=older, quantity_sold=5),
    ]
    found = build(pos(*rows))
    assert found["silver/inventory_transactions"]["quantity_sold"].sort().to_list() == [3, 5]
    assert found["silver/quarantine"]["reasons"].to_list() == ["conflict"] * 4


def test_a_refused_line_does_not_contradict_its_correction():
    found = build(pos(pos_line(unit_price="-1"), pos_line(unit_price="1")))
    assert places(found) == {"bronze": 2, "inventory_transactions": 1, "quarantine": 1}


def test_repeats_of_a_refused_line_are_held_once():
    bad = [pos_line(unit_price="-1", source_file=name) for name in ("a.csv", "b.csv")]
    assert places(build(pos(*bad))) == {"bronze": 2, "quarantine": 1, "exact_repeat": 1}


def test_failed_casts_of_different_text_are_not_repeats():
    bad = [pos_line(quantity_sold=None, cast_errors="quantity_sold", raw_data=raw) for raw in ("three", "four")]
    assert places(build(pos(*bad))) == {"bronze": 2, "quarantine": 2}


def test_rows_without_a_day_belong_to_the_null_partition():
    bronze = pos(pos_line(timestamp=None), pos_line())
    assert places(build(bronze, days=[None])) == {"bronze": 1, "quarantine": 1}
    assert places(build(bronze, days=[NOON.date()])) == {"bronze": 1, "inventory_transactions": 1}


def test_no_rows_give_empty_tables_of_the_contract():
    found = build(pos().clear(), days=[NOON.date()])
    assert all(frame.is_empty() for frame in found.values())
    assert set(found) >= {silver.SALES.path, silver.QUARANTINE.path, silver.DAY_BALANCE.path}
    assert isinstance(found[silver.SALES.path], pl.DataFrame)
