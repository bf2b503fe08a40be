from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from inventory_assets.contracts import analytics, silver
from inventory_assets.contracts.schemas import check
from inventory_assets.medallion.analytics_customers import customer_behavior_features
from inventory_assets_tests.medallion.frames import PROCESSED, by_key, frame, pos_row, pos_rows

if TYPE_CHECKING:
    import polars as pl

KEY = analytics.CUSTOMER_BEHAVIOR_FEATURES.key
LAST = date(2026, 3, 20)


def features(sales=(), returns=(), cancellations=()) -> pl.DataFrame:
    return customer_behavior_features(
        frame(silver.SALES, list(sales)).lazy(),
        frame(silver.RETURNS, list(returns)).lazy(),
        frame(silver.CANCELLATIONS, list(cancellations)).lazy(),
        LAST,
        PROCESSED,
    ).collect()


@given(pos_rows(), pos_rows(sign=-1), pos_rows(sign=-1))
@settings(max_examples=40, deadline=None)
def test_features_equal_loops_over_the_lines_of_each_customer(sales, returns, cancellations):
    found = features(sales, returns, cancellations)
    check(found, analytics.CUSTOMER_BEHAVIOR_FEATURES)
    found = by_key(found, KEY)
    customers = {tuple(row[name] for name in KEY) for row in sales if row["customer_id"]}
    assert found.keys() == customers
    for customer in customers:
        lines = [row for row in sales if tuple(row[name] for name in KEY) == customer]
        back = [row for row in [*returns, *cancellations] if tuple(row[name] for name in KEY) == customer]
        receipts = {(row["store_id"], row["transaction_id"]) for row in lines}
        days = sorted({row["transaction_date"] for row in lines})
        revenue = sum(row["total_amount"] for row in lines)
        bought = sum(row["quantity_sold"] for row in lines)
        returned = -sum(row["quantity_sold"] for row in back)
        gaps = [(later - day).days for day, later in itertools.pairwise(days)]
        expected = {
            "first_purchase_at": min(row["timestamp"] for row in lines),
            "last_purchase_at": max(row["timestamp"] for row in lines),
            "recency_days": (LAST - days[-1]).days,
            "transactions": len(receipts),
            "lines": len(lines),
            "units_bought": bought,
            "revenue": revenue,
            "average_basket": (revenue / len(receipts)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN),
            "distinct_items": len({row["product_sku"] for row in lines}),
            "units_returned": returned,
            "return_rate": returned / bought,
            "days_between_purchases": sum(gaps) / len(gaps) if gaps else None,
            "processing_date": PROCESSED,
        }
        for name, value in expected.items():
            same = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert found[customer][name] == same, name


def test_sales_without_a_customer_make_no_row():
    assert features([pos_row(customer_id=None)]).is_empty()


def test_equal_receipt_numbers_of_two_stores_are_two_receipts():
    row = features([pos_row(customer_id="C"), pos_row(customer_id="C", store_id="S2")]).row(0, named=True)
    assert (row["transactions"], row["lines"], row["distinct_items"]) == (2, 2, 1)


def test_two_purchases_on_one_day_have_no_interval():
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows = [pos_row(customer_id="C", timestamp=noon.replace(hour=hour)) for hour in (9, 18)]
    assert features(rows)["days_between_purchases"].to_list() == [None]
