"""Views answer as computed by hand: gaps filled, rates right, unknown null with its reason."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from inventory_assets.contracts import gold, silver
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.publish.sql import query
from inventory_assets.publish.tables import PUBLISHED, QUARANTINE_SUMMARY
from inventory_assets.publish.views import all_views
from inventory_assets_tests.frames import random_frame
from inventory_assets_tests.publish.support import publish_number

START = date(2024, 1, 30)


def rows(table, *given):
    """Rows of a table: what is given, the rest as a random row has it."""
    base = random_frame(table, 1, 1).row(0, named=True)
    return pl.DataFrame([{**base, **row} for row in given], schema=polars_schema(table), orient="row")


def published(folder, **frames):
    """A file of empty tables but for those given by name."""
    tables = {table.path: frames.get(table.name, empty(table)) for table in PUBLISHED}
    publish_number(folder, 1, tables)
    return lambda sql: query(folder, sql).to_dicts()


def snapshot(sku, day, opening, closing, basis="counted", **more):
    flows = dict.fromkeys(("sold", "returned", "received", "transferred", "adjusted"), 0)
    return {
        "product_sku": sku,
        "location_id": "L",
        "event_date": START + timedelta(days=day),
        "opening_book": opening,
        "closing_book": closing,
        "closing_unavailable": 0,
        "stock_basis": basis,
        "count_variance": 0,
        "is_month_opening": False,
        **flows,
        **more,
    }


def test_views_of_empty_tables_run_and_are_empty(tmp_path):
    ask = published(tmp_path)
    for view in all_views():
        assert ask(f"SELECT * FROM {view.name}") == []


def test_daily_inventory_fills_the_days_between(tmp_path):
    ask = published(
        tmp_path,
        daily_inventory_snapshot=rows(
            gold.DAILY_INVENTORY_SNAPSHOT,
            snapshot("A", 0, 0, 10, received=10),
            snapshot("A", 2, 10, 10, is_month_opening=True),
            snapshot("A", 4, 10, -3, sold=13),
            snapshot("B", 3, None, None, "unknown", sold=2, count_variance=None),
            snapshot("B", 5, None, 7, "counted", count_variance=None),
        ),
    )
    days = ask("SELECT * FROM daily_inventory ORDER BY product_sku, event_date")
    assert [
        (
            row["product_sku"],
            (row["event_date"] - START).days,
            row["opening_book"],
            row["closing_book"],
            row["closing_on_hand"],
            row["sold"],
            row["received"],
            row["is_filled"],
        )
        for row in days
    ] == [
        ("A", 0, 0, 10, 10, 0, 10, False),
        ("A", 1, 10, 10, 10, 0, 0, True),
        ("A", 2, 10, 10, 10, 0, 0, False),
        ("A", 3, 10, 10, 10, 0, 0, True),
        ("A", 4, 10, -3, 0, 13, 0, False),
        ("A", 5, -3, -3, 0, 0, 0, True),
        ("B", 3, None, None, None, 2, 0, False),
        ("B", 4, None, None, None, 0, 0, True),
        ("B", 5, None, 7, 7, 0, 0, False),
    ]
    assert [row["null_reason"] is None for row in days] == [True] * 6 + [False, False, True]
    assert [row["count_variance"] for row in days if row["product_sku"] == "B"] == [None, None, None]


def test_stock_kpis_count_the_unknown_and_never_call_it_zero(tmp_path):
    def stock(sku, location, on_hand, basis, shortfall=0):
        return {
            "product_sku": sku,
            "location_id": location,
            "on_hand": on_hand,
            "stock_basis": basis,
            "shortfall": None if on_hand is None else shortfall,
            "quarantined_quantity": 2,
            "last_count_at": None,
        }

    ask = published(
        tmp_path,
        inventory_position=rows(
            gold.INVENTORY_POSITION,
            stock("A", "L", 5, "counted"),
            stock("B", "L", 0, "opening"),
            stock("C", "L", 0, "assumed", 4),
            stock("D", "L", None, "unknown"),
            stock("A", "M", None, "unknown"),
        ),
    )
    known, unknown = ask("SELECT * FROM kpi_stockout ORDER BY location_id")
    assert (known["items_known"], known["items_out_of_stock"], known["items_with_shortfall"], known["units_short"]) == (
        3,
        2,
        1,
        4,
    )
    assert known["stockout_rate"] == pytest.approx(2 / 3)
    assert known["null_reason"] is None
    assert unknown["stockout_rate"] is None
    assert unknown["null_reason"] == "no item of this location has an opening or a count"
    assert [
        (row["location_id"], row["items"], row["items_unknown"], row["unknown_share"], row["units_quarantined"])
        for row in ask("SELECT * FROM kpi_stock_unknown ORDER BY 1")
    ] == [("L", 4, 1, 0.25, 8), ("M", 1, 1, 1.0, 2)]


def sold(sku, day, units, revenue, **more):
    day = START + timedelta(days=day)
    return {
        "product_sku": sku,
        "transaction_date": day,
        "event_date": day,
        "currency": "GBP",
        "daily_quantity_sold": units,
        "daily_revenue": Decimal(revenue),
        "daily_transactions": 1,
        "returned_quantity": 0,
        "cancelled_quantity": 0,
        "cancelled_amount": Decimal(0),
        "demand_quantity": units,
        **more,
    }


def test_sales_and_top_products_add_up_exactly(tmp_path):
    ask = published(
        tmp_path,
        product_performance=rows(
            gold.PRODUCT_PERFORMANCE,
            sold("A", 0, 3, "0.1000"),
            sold("B", 0, 4, "0.2000"),
            sold("A", 7, 1, "0.7001"),
            sold("C", 7, 1, "9.0000", currency="EUR"),
        ),
        products=rows(
            silver.PRODUCTS, {"product_sku": "A", "product_name": "Apple", "category": None, "is_current": True}
        ),
    )
    first, other, second = ask("SELECT * FROM kpi_sales_by_day ORDER BY transaction_date, currency")
    assert (first["units_sold"], first["revenue"], first["revenue_change_week"]) == (7, Decimal("0.3000"), None)
    assert first["null_reason"] == other["null_reason"] == "no sale in this currency seven days before"
    assert (second["revenue_change_week"], second["null_reason"]) == (Decimal("0.4001"), None)
    top = ask("SELECT * FROM kpi_top_products ORDER BY currency, revenue_rank")
    assert [(row["currency"], row["revenue_rank"], row["product_sku"], row["product_name"]) for row in top] == [
        ("EUR", 1, "C", None),
        ("GBP", 1, "A", "Apple"),
        ("GBP", 2, "B", None),
    ]
    assert [row["null_reason"] for row in top] == [
        "item is absent from the item master",
        "item master gives no category",
        "item is absent from the item master",
    ]
    assert top[1]["revenue"] == Decimal("0.8001")
    assert top[1]["revenue_share"] == pytest.approx(0.8001 / 1.0001)


def test_return_rate_of_a_month(tmp_path):
    def store_day(day, units, back):
        return {
            "store_id": "S",
            "transaction_date": date(2024, 2, day),
            "event_date": date(2024, 2, day),
            "currency": "GBP",
            "daily_quantity_sold": units,
            "returned_quantity": back,
            "cancelled_quantity": 1,
            "returned_amount": Decimal("1.5000"),
        }

    ask = published(tmp_path, store_performance=rows(gold.STORE_PERFORMANCE, store_day(1, 30, 1), store_day(29, 10, 3)))
    (month,) = ask("SELECT * FROM kpi_return_rate")
    assert (month["month"], month["return_rate"], month["cancellation_rate"], month["amount_returned"]) == (
        date(2024, 2, 1),
        0.1,
        0.05,
        Decimal("3.0000"),
    )


def test_supplier_without_a_receipt_has_no_rate_and_says_why(tmp_path):
    supplier = {"received_lines": 0, "on_time_rate": None, "supplier_id": "X"}
    ask = published(tmp_path, supplier_performance=rows(gold.SUPPLIER_PERFORMANCE, supplier))
    (row,) = ask("SELECT * FROM kpi_supplier_on_time")
    assert (row["on_time_rate"], row["null_reason"]) == (None, "no order line has arrived")


def test_open_orders_count_what_counts_and_list_what_is_overdue(tmp_path):
    line = {"supplier_id": "V", "source_system": "erp", "currency": "EUR", "state": "confirmed", "open_quantity": 4,
            "unit_cost": Decimal("2.5"), "overdue_days": 0, "counts_as": "on_order", "reason": None}  # fmt: skip
    lines = [
        {**line, "line_number": 1},
        {**line, "line_number": 2, "state": "shipped", "overdue_days": 3},
        {**line, "line_number": 3, "overdue_days": 20, "counts_as": "neither", "reason": "overdue"},
        {**line, "line_number": 4, "overdue_days": None, "counts_as": "neither", "reason": "state_unknown"},
        {**line, "line_number": 5, "supplier_id": "W", "unit_cost": None},
    ]
    ask = published(tmp_path, open_supplier_orders=rows(gold.OPEN_SUPPLIER_ORDERS, *lines))
    known, costless = ask("SELECT * EXCLUDE (source_system, publish_id) FROM kpi_open_orders ORDER BY supplier_id")
    assert (known["open_lines"], known["counted_lines"], known["units_on_order"], known["units_shipped"]) == (
        4,
        2,
        8,
        4,
    )
    assert (known["value_on_order"], known["null_reason"]) == (Decimal(20), None)
    assert (known["overdue_lines"], known["stopped_lines"], known["stopped_units"]) == (2, 1, 4)
    assert known["most_overdue_days"] == 20
    assert (costless["value_on_order"], costless["null_reason"]) == (None, "a counted line gives no unit cost")
    listed = ask("SELECT line_number, overdue_days, counts_as, reason FROM overdue_orders")
    assert [tuple(row.values()) for row in listed] == [(3, 20, "neither", "overdue"), (2, 3, "on_order", None)]


def test_data_quality_accounts_for_every_row(tmp_path):
    def outcome(name, number, day=START):
        return {"feed": "pos", "source_system": "till", "event_date": day, "outcome": name, "rows": number}

    def refused(reason, number, held, day=START):
        return {
            "feed": "pos",
            "source_system": "till",
            "event_date": day,
            "reason": reason,
            "rows": number,
            "held_units": held,
        }

    ask = published(
        tmp_path,
        day_balance=rows(
            silver.DAY_BALANCE,
            outcome("bronze", 100),
            outcome("inventory_transactions", 70),
            outcome("returns", 5),
            outcome("quarantine", 15),
            outcome("exact_repeat", 10),
            outcome("bronze", 2, None),
            outcome("quarantine", 1, None),
        ),
        quarantine_summary=rows(
            QUARANTINE_SUMMARY,
            refused("conflict", 6, 9),
            refused("time:missing", 7, None, None),
            refused("conflict", 3, 1, None),
        ),
    )
    (row,) = ask("SELECT * FROM kpi_data_quality")
    assert (row["rows_in"], row["rows_used"], row["rows_quarantined"], row["rows_repeated"]) == (102, 75, 16, 10)
    assert row["rows_unexplained"] == 1
    assert row["accepted_share"] == pytest.approx(75 / 92)
    assert (row["main_reason"], row["main_reason_rows"], row["units_quarantined"]) == ("conflict", 9, 10)


def test_views_run_under_any_name_the_file_is_attached_by(tmp_path):
    published(tmp_path)
    (path,) = tmp_path.glob("inventory-*.duckdb")
    with closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH '{path}' AS shop (READ_ONLY)")
        for view in all_views():
            assert connection.execute(f"SELECT * FROM shop.main.{view.name}").fetchall() == []
