from __future__ import annotations

import statistics
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import analytics, gold
from inventory_assets.contracts.schemas import check
from inventory_assets.medallion.analytics_items import inventory_optimization_features
from inventory_assets_tests.medallion.frames import PROCESSED, by_key, frame
from inventory_assets_tests.medallion.test_analytics_demand import FIRST, summary_row

if TYPE_CHECKING:
    import polars as pl

KEY = analytics.INVENTORY_OPTIMIZATION_FEATURES.key
END = FIRST + timedelta(days=120)

sold = st.integers(1, 1000)
summaries = st.lists(
    st.builds(
        lambda quantity, whole, **row: summary_row(quantity=quantity, cancelled=quantity if whole else 0, **row),
        store=st.sampled_from(["S1", "S2"]),
        sku=st.sampled_from(["A", "B"]),
        day=st.integers(0, 120).map(lambda n: FIRST + timedelta(days=n)),
        quantity=sold,
        whole=st.booleans(),
        currency=st.sampled_from(["EUR", "GBP"]),
    ),
    max_size=30,
    unique_by=lambda row: tuple(row[name] for name in gold.DAILY_INVENTORY_SUMMARY.key),
)


def features(rows, end=END, first=FIRST) -> pl.DataFrame:
    window = frame(gold.DAILY_INVENTORY_SUMMARY, rows).lazy()
    return inventory_optimization_features(window, end, first, PROCESSED).collect()


@given(summaries, st.sampled_from([0, 40, 120]))
@settings(max_examples=40, deadline=None)
def test_features_equal_loops_over_every_calendar_day(rows, known):
    first = END - timedelta(days=known)
    found = features(rows, END, first)
    check(found, analytics.INVENTORY_OPTIMIZATION_FEATURES)
    found = by_key(found, KEY)
    days = [END - timedelta(days=n) for n in range(90) if END - timedelta(days=n) >= first]
    series: dict[tuple, dict] = {}
    for row in rows:
        if row["transaction_date"] in days:
            series.setdefault(tuple(row[name] for name in KEY), {})[row["transaction_date"]] = row
    assert found.keys() == series.keys()
    for key, by_day in series.items():
        demand = [by_day[day]["demand_quantity"] if day in by_day else 0 for day in days]
        positive = [value for value in demand if value]
        expected = {
            "window_end": END,
            "avg_daily_sales": statistics.fmean(demand),
            "sales_volatility": statistics.stdev(demand) if len(demand) > 1 else None,
            "days_with_sales": len(positive),
            "average_demand_interval": len(days) / len(positive) if positive else None,
            "squared_coefficient_of_variation": (
                statistics.variance(positive) / statistics.fmean(positive) ** 2 if len(positive) > 1 else None
            ),
            "revenue": sum(row["total_revenue"] for row in by_day.values()),
            "last_sale_date": max(by_day),
        }
        for name, value in expected.items():
            same = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert found[key][name] == same, name


def test_a_series_whose_sales_were_all_cancelled_has_no_interval():
    row = features([summary_row(day=END, quantity=7, cancelled=7)]).row(0, named=True)
    assert (row["days_with_sales"], row["average_demand_interval"], row["avg_daily_sales"]) == (0, None, 0.0)
    assert row["revenue"] == Decimal(7)


def test_a_series_without_a_sale_in_the_window_has_no_row():
    assert features([summary_row(day=END - timedelta(days=90))]).is_empty()
    assert features([summary_row(day=END - timedelta(days=89))]).height == 1
