"""The simulator's books add up: recomputed here row by row, with dictionaries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.simulator import History, simulate_history
from inventory_assets_tests.simulator.conftest import SMALL

SETS = ("opening", "count")


@pytest.fixture(scope="module")
def wms_history() -> History:
    return simulate_history(replace(SMALL, wms_authority=True, days=15))


def test_opening_and_movements_give_the_book_and_counts_set_it(history: History):
    book: dict[tuple, int | None] = defaultdict(lambda: None)
    at_day_end: dict[tuple, int | None] = {}
    events = history.truth["stock_events"].with_columns(sets=pl.col("kind").is_in(SETS)).sort("event_time", "sets")
    for row in events.iter_rows(named=True):
        key = row["location_id"], row["product_sku"]
        if row["sets"]:
            book[key] = row["quantity"]
        elif (before := book[key]) is not None:
            book[key] = before + row["quantity"]
        at_day_end[*key, row["business_day"]] = book[key]
    expected: dict[tuple, int | None] = {}
    days = history.truth["stock_days"].sort("location_id", "product_sku", "business_day")
    for row in days.iter_rows(named=True):
        key = row["location_id"], row["product_sku"]
        expected[key] = at_day_end.get((*key, row["business_day"]), expected.get(key))
        assert row["book"] == expected[key]


def test_a_count_finds_what_shrinkage_and_movements_left(history: History):
    stock: dict[tuple, int] = {}
    compared = 0
    events = history.truth["stock_events"].with_columns(sets=pl.col("kind").is_in(SETS)).sort("event_time", "sets")
    for row in events.iter_rows(named=True):
        key = row["location_id"], row["product_sku"]
        if row["kind"] in SETS:
            compared += key in stock
            assert stock.setdefault(key, row["quantity"]) == row["quantity"]
        elif key in stock:
            stock[key] += row["physical"]
    assert compared > 50


def test_counts_reveal_shrinkage(history: History):
    events = history.truth["stock_events"]
    per_cell = ["location_id", "product_sku"]
    before = events.with_columns(before=pl.col("book").shift(1).over(per_cell))
    revealed = before.filter((pl.col("kind") == "count") & (pl.col("before") != pl.col("quantity")))
    assert revealed.height > 0
    assert events.filter(pl.col("kind") == "shrinkage")["quantity"].sum() == 0


def test_some_stock_is_unknown_until_it_is_counted(history: History):
    days = history.truth["stock_days"]
    assert days["book"].null_count() > 0
    known = history.truth["stock_events"].filter(pl.col("kind").is_in(SETS)).select("location_id", "product_sku")
    unknown = days.group_by("location_id", "product_sku").agg(pl.col("book").is_null().all().alias("never"))
    assert unknown.filter("never").join(known, on=["location_id", "product_sku"], how="semi").is_empty()


def test_both_ends_of_a_transfer_agree_on_day_and_units(history: History):
    moves = history.truth["stock_events"].select("kind", "document_id", "product_sku", "quantity", "business_day")
    sent = moves.filter(pl.col("kind") == "transfer_out")
    got = moves.filter(pl.col("kind") == "transfer_in")
    both = sent.join(got, on=["document_id", "product_sku", "business_day"], suffix="_in")
    assert both.height == sent.height == got.height > 0
    assert (both["quantity"] == -both["quantity_in"]).all()


def test_stock_is_never_physically_negative(history: History):
    assert (history.truth["stock_days"]["physical"] >= 0).all()


def test_levels_of_a_wms_authority_set_its_book(wms_history: History):
    last = wms_history.world.locations[-1].code
    levels = wms_history.rows["warehouse"].filter(
        (pl.col("record_type") == "level") & (pl.col("warehouse_id") == last) & pl.col("fault").is_null()
    )
    stock = wms_history.truth["stock_days"].filter(pl.col("location_id") == last)
    both = levels.join(stock, left_on=["product_sku", "event_date"], right_on=["product_sku", "business_day"])
    counted = both.filter(pl.col("book") == pl.col("current_stock").cast(pl.Int64))
    assert counted.height == both.height > 0


def test_totals_of_a_day_are_the_sum_of_its_lines(history: History):
    totals: dict[tuple, list] = defaultdict(lambda: [0, 0, Decimal(0)])
    for row in history.truth["pos_lines"].iter_rows(named=True):
        entry = totals[row["store_id"], row["business_day"], row["class"]]
        entry[0] += 1
        entry[1] += row["quantity_sold"]
        entry[2] += row["quantity_sold"] * row["unit_price"]
    stated = {
        (r["store_id"], r["business_day"], r["class"]): [r["lines"], r["units"], r["amount"]]
        for r in history.truth["pos_days"].iter_rows(named=True)
    }
    assert stated == totals


def test_a_cancellation_takes_back_one_equal_sale_of_the_last_24_hours(history: History):
    lines = history.truth["pos_lines"]
    sales = defaultdict(list)
    for row in lines.filter(pl.col("class") == "sale").iter_rows(named=True):
        sales[row["customer_id"], row["product_sku"], row["unit_price"], row["quantity_sold"]].append(row)
    free = {id(row) for rows in sales.values() for row in rows}
    came_back = lines.filter(pl.col("class").is_in(["return", "cancellation"])).sort("timestamp", "transaction_id")
    for row in came_back.iter_rows(named=True):
        key = row["customer_id"], row["product_sku"], row["unit_price"], -row["quantity_sold"]
        fitting = [
            sale
            for sale in sales[key]
            if row["customer_id"]
            and id(sale) in free
            and timedelta(0) <= row["timestamp"] - sale["timestamp"] <= timedelta(hours=24)
        ]
        assert (row["class"] == "cancellation") == bool(fitting)
        if fitting:
            latest = max(reversed(fitting), key=lambda sale: sale["timestamp"])  # of equal lines, the last
            free.discard(id(latest))
            assert latest["cancelled"]
            assert latest["store_id"] == row["sale_store_id"]
    assert (lines["class"] == "cancellation").sum() == lines["cancelled"].sum() > 0


def test_lead_times_are_exact_and_belong_to_delivered_lines(history: History):
    lead = history.truth["lead_times"]
    exact = (lead["received_at"] - lead["ordered_at"]).dt.total_microseconds() / 86_400e6
    assert lead["lead_time_days"].to_list() == pytest.approx(exact.to_list())
    receipts = history.truth["stock_events"].filter(pl.col("kind") == "receipt")
    assert receipts["quantity"].sum() == lead["quantity_received"].sum()
