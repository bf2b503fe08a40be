"""Gold of the public data sets against the control totals of their README, mapped here in the plainest way."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import analytics, gold, silver
from inventory_assets.contracts.schemas import MONEY, check, empty, polars_schema
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.medallion.analytics_customers import customer_behavior_features
from inventory_assets.medallion.analytics_demand import demand_forecasting_features
from inventory_assets.medallion.analytics_items import inventory_optimization_features
from inventory_assets.medallion.gold_sales import sales_tables
from inventory_assets.medallion.gold_suppliers import supplier_performance
from inventory_assets.medallion.supplier_orders import current_lines, open_orders, order_receipts
from inventory_assets_tests.medallion.frames import PROCESSED, frame

pytestmark = pytest.mark.shared_data

RETAIL = "online_retail_ii/online_retail_ii_to_2011-05-31.parquet"
DELIVERIES = "scms_lead_times/deliveries_to_2012.parquet"


@pytest.fixture(scope="module")
def sales(shared_data) -> pl.LazyFrame:
    """Sale lines: numbered by content within sheet and invoice, then one of each over both sheets."""
    content = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    lines = (
        pl.read_parquet(shared_data / RETAIL)
        .sort("Sheet", *content)
        .with_columns(pl.int_range(1, pl.len() + 1).over("Sheet", "Invoice").alias("line_number"))
        .with_columns(pl.col("StockCode").str.strip_chars().str.to_uppercase().alias("sku"))
        .unique([*content, "line_number"])
        .filter(
            pl.col("Invoice").str.contains(r"^\d"),
            pl.col("sku").str.contains(r"^\d{5}[A-Z]{0,2}$"),
            pl.col("Quantity") > 0,
            pl.col("Price") > 0,
        )
    )
    price = pl.col("Price").cast(MONEY)
    rows = lines.select(
        transaction_id="Invoice",
        line_number="line_number",
        store_id="Country",
        product_sku="sku",
        quantity_sold=pl.col("Quantity").cast(pl.Int64),
        unit_price=price,
        total_amount=(price * pl.col("Quantity").cast(pl.Int64)).cast(MONEY),
        currency=pl.lit("GBP"),
        timestamp=pl.col("InvoiceDate").dt.replace_time_zone("Europe/London").dt.convert_time_zone("UTC"),
        transaction_date=pl.col("InvoiceDate").dt.date(),
        customer_id=pl.col("Customer ID").cast(pl.String),
        data_quality_score=pl.lit(1.0),
        source_system=pl.lit("online-retail"),
        event_date=pl.col("InvoiceDate").dt.date(),
    )
    schema = polars_schema(silver.SALES)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items()).lazy()


@pytest.fixture(scope="module")
def tables(sales) -> dict[str, pl.DataFrame]:
    nothing = (empty(silver.RETURNS).lazy(), empty(silver.GIVEN_AWAY).lazy(), empty(silver.STOCK_ADJUSTMENTS).lazy())
    return sales_tables(sales, *nothing, PROCESSED)


def test_online_retail_gives_the_gold_rows_and_totals_of_the_readme(tables):
    for table in (gold.DAILY_INVENTORY_SUMMARY, gold.PRODUCT_PERFORMANCE, gold.STORE_PERFORMANCE):
        check(tables[table.path], table)
    summary = tables["gold/daily_inventory_summary"]
    assert summary.height == 400_011
    assert tables["gold/product_performance"].height == 367_772
    assert tables["gold/store_performance"].height == 1_940
    assert summary["total_transactions"].sum() == 690_165
    for table, units, money in (
        ("gold/daily_inventory_summary", "total_quantity_sold", "total_revenue"),
        ("gold/product_performance", "daily_quantity_sold", "daily_revenue"),
        ("gold/store_performance", "daily_quantity_sold", "daily_revenue"),
    ):
        assert tables[table][units].sum() == 7_755_040
        assert tables[table][money].sum() == Decimal("13335881.950")
    assert summary["transaction_date"].n_unique() == 440
    assert summary["store_id"].n_unique() == 43


def test_features_of_online_retail_equal_a_walk_over_the_calendar(tables):
    summary = tables["gold/daily_inventory_summary"]
    days = summary["transaction_date"].unique().to_list()
    first = min(days)
    found = demand_forecasting_features(summary.lazy(), days, first, {}, PROCESSED).collect()
    check(found, analytics.DEMAND_FORECASTING_FEATURES)
    assert found.height == summary.height
    sold = {
        (store, sku, day): quantity
        for store, sku, day, quantity in summary.select(
            "store_id", "product_sku", "transaction_date", "total_quantity_sold"
        ).iter_rows()
    }
    for row in found.sample(300, seed=1).to_dicts():
        day = row["transaction_date"]
        series = [
            sold.get((row["store_id"], row["product_sku"], day - timedelta(days=n)), 0)
            for n in range(90)
            if day - timedelta(days=n) >= first
        ]
        for lag in (1, 7, 14):
            assert row[f"quantity_sold_lag_{lag}"] == (series[lag] if len(series) > lag else None)
        for window in (30, 90):
            part = series[:window]
            assert row[f"rolling_mean_{window}"] == pytest.approx(statistics.mean(part))
            deviation = statistics.stdev(part) if len(part) > 1 else None
            assert row[f"rolling_std_{window}"] == (None if deviation is None else pytest.approx(deviation))
            assert row[f"days_with_sales_{window}"] == sum(value > 0 for value in part)


def test_item_and_customer_features_of_online_retail_keep_the_contract_and_the_totals(sales, tables):
    summary = tables["gold/daily_inventory_summary"]
    last = summary["transaction_date"].max()
    items = inventory_optimization_features(summary.lazy(), last, summary["transaction_date"].min(), PROCESSED)
    items = check(items, analytics.INVENTORY_OPTIMIZATION_FEATURES)
    window = summary.filter(pl.col("transaction_date") > last - timedelta(days=90))
    assert items["revenue"].sum() == window["total_revenue"].sum()
    assert items["avg_daily_sales"].sum() * 90 == pytest.approx(window["demand_quantity"].sum())
    back = (empty(silver.RETURNS).lazy(), empty(silver.CANCELLATIONS).lazy())
    customers = check(customer_behavior_features(sales, *back, last, PROCESSED), analytics.CUSTOMER_BEHAVIOR_FEATURES)
    known = sales.filter(pl.col("customer_id").is_not_null()).collect()
    assert customers.height == known["customer_id"].n_unique()
    assert customers["lines"].sum() == known.height
    assert customers["revenue"].sum() == known["total_amount"].sum()


@pytest.fixture(scope="module")
def order_lines(shared_data) -> list[dict]:
    """SCMS deliveries as states of order lines; null tokens of the order date are no date."""

    def instant(text: str, pattern: str) -> datetime | None:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            return None

    rows = []
    for line in pl.read_parquet(shared_data / DELIVERIES).to_dicts():
        delivered = instant(line["Delivered to Client Date"], "%d-%b-%y")
        rows.append(
            {
                "source_system": "scms",
                "supplier_id": line["Vendor"],
                "order_id": line["PO / SO #"],
                "line_number": int(line["ID"]),
                "product_sku": line["Item Description"],
                "ordered_at": instant(line["PO Sent to Vendor Date"], "%m/%d/%y"),
                "expected_delivery": instant(line["Scheduled Delivery Date"], "%d-%b-%y"),
                "received_at": delivered,
                "quantity_ordered": int(line["Line Item Quantity"]),
                "quantity_received": int(line["Line Item Quantity"]),
                "updated_at": delivered,
                "direct": line["Fulfill Via"] == "Direct Drop",
            }
        )
    return rows


def performance(rows: list[dict]) -> pl.DataFrame:
    orders = frame(silver.SUPPLIER_ORDERS, [{k: v for k, v in row.items() if k != "direct"} for row in rows])
    return check(supplier_performance(orders.lazy(), PROCESSED), gold.SUPPLIER_PERFORMANCE)


def test_scms_lead_times_are_those_of_the_readme(order_lines):
    assert sum(row["direct"] and row["ordered_at"] is not None for row in order_lines) == 2_497
    row = performance([{**line, "supplier_id": "all"} for line in order_lines]).row(0, named=True)
    assert (row["order_lines"], row["received_lines"], row["lead_time_lines"]) == (6_514, 6_514, 2_477)
    assert round(row["lead_time_mean_days"], 2) == 106.18
    assert round(row["lead_time_std_days"], 2) == 74.86
    assert row["lead_time_median_days"] == 88
    assert round(100 * (1 - row["on_time_rate"]), 2) == 9.24
    assert row["fill_rate"] == 1


def test_scms_lead_times_of_each_vendor_equal_an_independent_computation(order_lines):
    found = {row["supplier_id"]: row for row in performance(order_lines).to_dicts()}
    vendors = {line["supplier_id"] for line in order_lines}
    assert found.keys() == vendors
    for vendor in vendors:
        lines = [line for line in order_lines if line["supplier_id"] == vendor]
        leads = [(line["received_at"] - line["ordered_at"]).days for line in lines if line["ordered_at"]]
        leads = [lead for lead in leads if lead > 0]
        row = found[vendor]
        assert row["order_lines"] == len(lines)
        assert row["lead_time_lines"] == len(leads)
        assert row["lead_time_mean_days"] == (pytest.approx(statistics.mean(leads)) if leads else None)
        assert row["lead_time_std_days"] == (pytest.approx(statistics.stdev(leads)) if len(leads) > 1 else None)
        assert row["lead_time_median_days"] == (statistics.median(leads) if leads else None)


@pytest.mark.parametrize(("year", "units", "stopped"), [(2008, 424_651, 0), (2010, 5_628_149, 1)])
def test_scms_lines_open_at_midyear_equal_a_plain_count(order_lines, year, units, stopped):
    """The deliveries replayed: a line is reported as sent on its order date and as received on its delivery date."""
    now = datetime(year, 6, 30, tzinfo=UTC)
    told, expected = [], {}
    for line in order_lines:
        ordered, received = line["ordered_at"], line["received_at"]
        if ordered is None or ordered > now:
            continue
        facts = {name: value for name, value in line.items() if name != "direct"}
        before = {**facts, "received_at": None, "quantity_received": None}
        told.append({**before, "order_status": "sent", "updated_at": ordered, "location_id": "here"})
        if received <= now:
            told.append(
                {**facts, "order_status": "received", "updated_at": max(received, ordered + timedelta(hours=1))}
            )
        else:
            late = max(0, (now.date() - line["expected_delivery"].date()).days)
            expected[line["line_number"]] = (line["quantity_ordered"], late, "overdue" if late > 14 else None)
    lines = current_lines(frame(silver.SUPPLIER_ORDERS, told).lazy()).collect()
    receipts = order_receipts(empty(silver.WAREHOUSE_UPDATES).lazy()).collect()
    found = check(
        open_orders(lines, receipts, performance(order_lines), load_profiles(), now.date(), 14),
        gold.OPEN_SUPPLIER_ORDERS,
    )
    assert found.height == found["line_number"].n_unique() == len(expected)
    assert {
        row[0]: row[1:] for row in found.select("line_number", "open_quantity", "overdue_days", "reason").rows()
    } == expected
    assert found["open_quantity"].sum() == units
    assert found.filter(pl.col("reason") == "overdue").height == stopped
