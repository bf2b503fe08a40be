from __future__ import annotations

import statistics
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import analytics, gold
from inventory_assets.contracts.schemas import check
from inventory_assets.medallion.analytics_demand import demand_forecasting_features
from inventory_assets_tests.medallion.frames import PROCESSED, by_key, frame

KEY = analytics.DEMAND_FORECASTING_FEATURES.key
FIRST = date(2026, 1, 20)
HOLIDAYS = {"*": {date(2026, 2, 14)}, "S1": {date(2026, 3, 1)}}


def summary_row(store="S1", sku="A", day=FIRST, quantity=1, price="1", currency="EUR", cancelled=0) -> dict:
    return {
        "store_id": store, "product_sku": sku, "transaction_date": day, "event_date": day, "currency": currency,
        "total_quantity_sold": quantity, "total_revenue": quantity * Decimal(price), "avg_unit_price": Decimal(price),
        "cancelled_quantity": cancelled, "demand_quantity": quantity - cancelled, "total_transactions": 1,
    }  # fmt: skip


summaries = st.lists(
    st.builds(
        summary_row,
        store=st.sampled_from(["S1", "S2"]),
        sku=st.sampled_from(["A", "B"]),
        # around the first day of data and more than a whole window later
        day=st.integers(0, 130).map(lambda n: FIRST + timedelta(days=n))
        | st.integers(88, 92).map(lambda n: FIRST + timedelta(days=n)),
        quantity=st.integers(1, 10**6),
        price=st.sampled_from(["0.0001", "1", "2.5"]),
        currency=st.sampled_from(["EUR", "GBP"]),
    ),
    max_size=30,
    unique_by=lambda row: tuple(row[name] for name in KEY),
)


def features(rows: list[dict], days, first=FIRST, holidays=HOLIDAYS) -> pl.DataFrame:
    window = frame(gold.DAILY_INVENTORY_SUMMARY, rows).lazy()
    return demand_forecasting_features(window, days, first, holidays, PROCESSED).collect()


def looped(rows: list[dict], days, first) -> dict[tuple, dict]:
    sold = {tuple(row[name] for name in KEY): row["total_quantity_sold"] for row in rows}
    result = {}
    for row in rows:
        day = row["transaction_date"]
        if day not in days:
            continue

        def on(n, row=row, day=day):
            other = day - timedelta(days=n)
            if other < first:
                return None
            return sold.get((row["store_id"], row["product_sku"], other, row["currency"]), 0)

        values = {f"quantity_sold_lag_{lag}": on(lag) for lag in (1, 7, 14)}
        for window in (30, 90):
            series = [value for n in range(window) if (value := on(n)) is not None]
            values[f"rolling_mean_{window}"] = statistics.mean(series)
            values[f"rolling_std_{window}"] = statistics.stdev(series) if len(series) > 1 else None
            values[f"days_with_sales_{window}"] = sum(value > 0 for value in series)
        lag = values["quantity_sold_lag_1"]
        month_end = day.day >= 28
        values.update(
            day_of_week=day.isoweekday(), is_weekend=day.isoweekday() in {6, 7}, is_month_end=month_end,
            is_quarter_end=month_end and day.month in {3, 6, 9, 12}, month=day.month,
            is_holiday=day in HOLIDAYS["*"] | HOLIDAYS.get(row["store_id"], set()),
            revenue_trend=None if lag is None else row["total_revenue"] > lag * row["avg_unit_price"],
            total_quantity_sold=row["total_quantity_sold"], total_revenue=row["total_revenue"],
            demand_quantity=row["demand_quantity"], event_date=day, processing_date=PROCESSED,
        )  # fmt: skip
        result[tuple(row[name] for name in KEY)] = values
    return result


@given(summaries, st.sets(st.integers(0, 130), max_size=60), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_features_equal_loops_over_every_calendar_day(rows, offsets, earlier):
    first = min((row["transaction_date"] for row in rows), default=FIRST) - timedelta(days=earlier)
    days = {FIRST + timedelta(days=n) for n in offsets} | {row["transaction_date"] for row in rows[::2]}
    found = features(rows, days, first)
    check(found, analytics.DEMAND_FORECASTING_FEATURES)
    found = by_key(found, KEY)
    expected = looped(rows, days, first)
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        for name, value in values.items():
            same = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert found[key][name] == same, (key, name)


@given(summaries)
@settings(max_examples=20, deadline=None)
def test_day_by_day_series_by_series_and_at_once_are_equal_bit_by_bit(rows):
    days = sorted({row["transaction_date"] for row in rows})
    whole = features(rows, days)
    daily = [
        features([row for row in rows if day - timedelta(days=89) <= row["transaction_date"] <= day], [day])
        for day in days
    ]
    shards = [features([row for row in rows if row["product_sku"] == sku], days) for sku in ("A", "B")]
    for parts in (daily, shards):
        assert pl.concat([whole.clear(), *parts]).sort(KEY).equals(whole.sort(KEY))


def test_lag_is_the_calendar_day_before_not_the_row_before():
    rows = [summary_row(day=FIRST, quantity=9), summary_row(day=FIRST + timedelta(days=3), quantity=4)]
    found = by_key(features(rows, [FIRST + timedelta(days=3)]), KEY)
    row = next(iter(found.values()))
    assert (row["quantity_sold_lag_1"], row["quantity_sold_lag_7"]) == (0, None)


def test_the_89th_day_before_counts_and_the_90th_does_not():
    last = FIRST + timedelta(days=200)
    for back, seen in ((89, 2), (90, 1)):
        rows = [summary_row(day=last - timedelta(days=back)), summary_row(day=last)]
        assert features(rows, [last])["days_with_sales_90"].to_list() == [seen]


def test_on_the_first_day_of_data_nothing_before_is_known():
    row = features([summary_row(quantity=5)], [FIRST]).row(0, named=True)
    assert (row["quantity_sold_lag_1"], row["revenue_trend"], row["rolling_std_30"]) == (None, None, None)
    assert (row["rolling_mean_30"], row["days_with_sales_90"]) == (5.0, 1)


def test_revenue_trend_compares_money_exactly():
    rows = [summary_row(quantity=3), summary_row(day=FIRST + timedelta(days=1), quantity=3, price="0.1")]
    assert features(rows, [FIRST + timedelta(days=1)])["revenue_trend"].to_list() == [False]  # 0.3 > 3 × 0.1 in floats


def test_large_daily_units_keep_their_deviation():
    rows = [summary_row(day=FIRST + timedelta(days=n), quantity=2 * 10**8 + n % 2) for n in range(90)]
    found = features(rows, [FIRST + timedelta(days=89)])["rolling_std_90"].to_list()
    assert found == [pytest.approx(statistics.stdev([0, 1] * 45), rel=1e-12)]


def test_no_days_give_an_empty_table_in_contract_shape():
    assert check(features([summary_row()], []), analytics.DEMAND_FORECASTING_FEATURES).is_empty()
