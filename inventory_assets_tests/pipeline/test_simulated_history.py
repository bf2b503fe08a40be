"""A simulated history through all layers says exactly what the simulator knows to be true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, INVENTORY_POSITION, SUPPLIER_PERFORMANCE
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    DAY_BALANCE,
    GIVEN_AWAY,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_MOVEMENTS,
)
from inventory_assets.medallion.silver_common import rows_in_balance
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.publish.layout import resolve
from inventory_assets_tests.pipeline.running import only, published, take_in, versions

if TYPE_CHECKING:
    from inventory_assets.contracts.model import Table
    from inventory_assets.pipeline.workspace import Workspace
    from inventory_assets.simulator import History

CLASSES = {"sale": SALES, "return": RETURNS, "cancellation": CANCELLATIONS, "given_away": GIVEN_AWAY}
PAIR = ["location_id", "product_sku"]


def rows(workspace: Workspace, table: Table) -> pl.DataFrame:
    return workspace.lake.scan(table).collect()


def assert_same_rows(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    expected = expected.select(pl.col(name).cast(dtype) for name, dtype in found.schema.items())
    missing, surplus = only(expected, found), only(found, expected)
    assert missing.is_empty(), f"missing: {missing.head(5)}"
    assert surplus.is_empty(), f"too many: {surplus.head(5)}"


def test_every_row_of_every_file_is_in_bronze(loaded: Workspace, history: History):
    found = {feed: rows(loaded, table).height for feed, table in BRONZE.items()}
    assert found == history.summary["bronze_rows"]


@pytest.mark.parametrize("name", CLASSES)
def test_silver_holds_each_line_of_a_class(loaded: Workspace, history: History, name: str):
    columns = [
        "store_id", "transaction_id", "product_sku", "quantity_sold", "unit_price", "total_amount", "timestamp",
        "event_date", "customer_id",
    ]  # fmt: skip
    truth = history.truth["pos_lines"].filter(pl.col("class") == name)
    truth = truth.rename({"amount": "total_amount", "business_day": "event_date"})
    assert truth.height > 0
    found = rows(loaded, CLASSES[name])
    assert_same_rows(found.select(columns), truth)
    numbered = truth.filter(pl.col("line_number").is_not_null()).select("store_id", "transaction_id", "line_number")
    assert_same_rows(numbered, numbered.join(found, on=numbered.columns, how="semi"))


def test_silver_totals_by_store_and_day_are_those_of_the_tills(loaded: Workspace, history: History):
    found = pl.concat(
        rows(loaded, table)
        .group_by("store_id", business_day="event_date")
        .agg(
            pl.len().cast(pl.Int64).alias("lines"),
            pl.col("quantity_sold").sum().alias("units"),
            pl.col("total_amount").cast(pl.Decimal(38, 4)).sum().alias("amount"),
        )
        .with_columns(pl.lit(name).alias("class"))
        for name, table in CLASSES.items()
    )
    assert_same_rows(found, history.truth["pos_days"])


def test_cancellations_name_their_sales_and_sales_their_cancellations(loaded: Workspace, history: History):
    truth = history.truth["pos_lines"].filter(pl.col("class") == "cancellation")
    columns = ["store_id", "transaction_id", "product_sku", "sale_transaction_id", "sale_store_id", "sale_date"]
    assert_same_rows(rows(loaded, CANCELLATIONS).select(columns), truth.rename({"sale_day": "sale_date"}))
    sales = rows(loaded, SALES)
    marked = sales.filter(pl.col("cancelled_by_transaction_id").is_not_null())
    cancelled = history.truth["pos_lines"].filter(pl.col("cancelled"))
    columns = ["store_id", "transaction_id", "product_sku", "quantity_sold", "timestamp"]
    assert_same_rows(marked.select(columns), cancelled)


def test_quarantine_holds_each_injected_fault_with_its_reason_and_nothing_else(loaded: Workspace, history: History):
    faults = history.faults.filter(pl.col("expected") == "quarantine").rename({"file": "source_file"})
    columns = ["feed", "source_system", "source_file", "row_number", "reason", "event_date"]
    assert_same_rows(rows(loaded, QUARANTINE).select(columns), faults)


def test_each_injected_repeat_is_counted_once_on_its_day(loaded: Workspace, history: History):
    faults = history.faults.filter(pl.col("expected") == "exact_repeat")
    expected = faults.group_by("feed", "source_system", "event_date").agg(rows=pl.len().cast(pl.Int64))
    found = rows(loaded, DAY_BALANCE).filter(pl.col("outcome") == "exact_repeat").drop("outcome")
    assert expected["rows"].sum() > 10
    assert_same_rows(found, expected)


def test_every_bronze_row_is_accounted_for(loaded: Workspace, history: History):
    balance = rows(loaded, DAY_BALANCE)
    assert rows_in_balance(balance).is_empty()
    came = balance.filter(pl.col("outcome") == "bronze").group_by("feed").agg(pl.col("rows").sum())
    assert dict(came.rows()) == history.summary["bronze_rows"]


def test_movements_are_those_of_the_books(loaded: Workspace, history: History):
    truth = history.truth["stock_events"].filter(~pl.col("kind").is_in(["opening", "count", "shrinkage"]))
    columns = ["kind", "location_id", "product_sku", "quantity", "unavailable", "event_time", "event_date"]
    # goods that are scrapped on return move no stock
    truth = truth.rename({"business_day": "event_date"}).filter(
        (pl.col("quantity") != 0) | (pl.col("unavailable") != 0)
    )
    found = rows(loaded, STOCK_MOVEMENTS).filter((pl.col("quantity") != 0) | (pl.col("unavailable") != 0))
    assert_same_rows(found.select(columns), truth)


def test_final_positions_are_those_of_the_books(loaded: Workspace, history: History):
    days = history.truth["stock_days"]
    last = days.filter(pl.col("business_day") == pl.col("business_day").max())
    both = rows(loaded, INVENTORY_POSITION).join(last, on=PAIR, how="full", suffix="_true", coalesce=True)
    stray = both.filter(pl.col("stock_basis").is_null() & pl.col("book_true").is_not_null())
    assert stray.is_empty()
    known = both.filter(pl.col("stock_basis").is_not_null())
    assert known.filter(pl.col("book").ne_missing(pl.col("book_true"))).is_empty()
    held = known.filter(pl.col("book").is_not_null() & (pl.col("unavailable") != pl.col("unavailable_true")))
    assert held.is_empty()
    assert known["book"].null_count() > 0, "the history should leave some stock unknown"


def test_day_ends_of_the_snapshot_are_those_of_the_books(loaded: Workspace, history: History):
    truth = history.truth["stock_days"].sort("business_day")
    stored = rows(loaded, DAILY_INVENTORY_SNAPSHOT).sort("event_date")
    dense = truth.join_asof(
        stored.select(*PAIR, "event_date", "closing_book", "closing_unavailable"),
        left_on="business_day", right_on="event_date", by=PAIR, check_sortedness=False,
    )  # fmt: skip
    assert dense.filter(pl.col("closing_book").ne_missing(pl.col("book"))).is_empty()
    known = dense.filter(pl.col("book").is_not_null())
    assert known.filter(pl.col("closing_unavailable").ne_missing(pl.col("unavailable"))).is_empty()


def test_the_published_view_fills_the_days_between(loaded: Workspace, history: History):
    path = resolve(Path(loaded.lake.root).parent / "serving")
    with duckdb.connect(str(path), read_only=True) as connection:
        dense = connection.sql("SELECT * FROM daily_inventory").pl()
    truth = history.truth["stock_days"].rename({"business_day": "event_date"})
    both = dense.join(truth, on=[*PAIR, "event_date"], how="inner")
    assert both.height > rows(loaded, DAILY_INVENTORY_SNAPSHOT).height
    assert both.filter(pl.col("closing_book").ne_missing(pl.col("book"))).is_empty()


def test_lead_times_are_those_of_the_deliveries(loaded: Workspace, history: History):
    truth = {row["supplier_id"]: row for row in history.summary["lead_times"]}
    found = {row["supplier_id"]: row for row in rows(loaded, SUPPLIER_PERFORMANCE).to_dicts()}
    assert truth
    for supplier, expected in truth.items():
        row = found[supplier]
        assert row["lead_time_lines"] == expected["lines"]
        assert row["lead_time_mean_days"] == pytest.approx(expected["mean_days"], rel=1e-9)
        assert row["lead_time_std_days"] == pytest.approx(expected["deviation_days"], rel=1e-9)
        assert row["fill_rate"] == pytest.approx(expected["fill_rate"], rel=1e-12)


def test_running_again_with_nothing_new_commits_nothing(loaded: Workspace):
    before = versions(loaded)
    taken = take_in(loaded)
    report = refresh_all(loaded)
    assert taken.files == 0
    assert not report.changed
    assert published(loaded) is None
    assert versions(loaded) == before
