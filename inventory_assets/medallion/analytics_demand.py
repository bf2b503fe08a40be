"""Features for demand forecasting: calendar, lags and rolling figures of each store, item and day with a sale.

Lags and windows run over calendar days (corrected: source 001 II §3.4 takes the previous *rows*). A day without a sale
counts as 0 from the first day of data on; before it nothing is known: a lag is null, and a window holds only the days
since then. External regressors and forecasts are not here.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.analytics import DEMAND_FORECASTING_FEATURES, ROLLING_DAYS
from inventory_assets.medallion.exact import sample_variance

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SERIES = ("store_id", "product_sku", "currency")
LAGS = (1, 7, 14)
WINDOWS = (30, ROLLING_DAYS)
MONTH_END_DAY = 28
SATURDAY = 6
ALL_STORES = "*"


def demand_forecasting_features(
    summary: pl.LazyFrame,
    days: Collection[date],
    first_data_day: date,
    holidays: Mapping[str, Collection[date]],
    processing_date: date,
) -> pl.LazyFrame:
    """`analytics/demand_forecasting_features` of some days.

    Exact where daily units stay below 300 million (squares are summed in 64 bits).

    Args:
        summary: `gold/daily_inventory_summary` of `days` and of the 89 days before each of them; other days are
            ignored. Any set of whole series (store, item, currency) may be computed by itself.
        days: business days whose rows are wanted.
        first_data_day: first business day with a sale of any item; earlier days are unknown, not 0.
        holidays: days of the holiday calendar of each store; those under "*" hold for every store.
        processing_date: UTC day of the computation.
    """
    wanted = sorted(days)
    if not wanted:
        return summary.clear().pipe(_features, wanted, first_data_day, holidays, processing_date)
    reached = pl.col("transaction_date").is_between(wanted[0] - timedelta(days=ROLLING_DAYS - 1), wanted[-1])
    return _features(summary.filter(reached), wanted, first_data_day, holidays, processing_date)


def _features(
    summary: pl.LazyFrame,
    wanted: list[date],
    first_data_day: date,
    holidays: Mapping[str, Collection[date]],
    processing_date: date,
) -> pl.LazyFrame:
    day = pl.col("transaction_date")
    quantities = summary.select(*SERIES, "transaction_date", quantity=pl.col("total_quantity_sold"))
    rows = summary.filter(day.is_in(wanted))
    for lag in LAGS:
        rows = _with_lag(rows, quantities, lag, first_data_day)
    for window in WINDOWS:
        rows = rows.join(_window(quantities, window, first_data_day), on=[*SERIES, "transaction_date"], how="left")
    return rows.with_columns(
        *_calendar(day),
        _is_holiday(holidays).alias("is_holiday"),
        (pl.col("total_revenue") > pl.col("quantity_sold_lag_1") * pl.col("avg_unit_price")).alias("revenue_trend"),
        day.alias("event_date"),
        pl.lit(processing_date).alias("processing_date"),
    ).select(DEMAND_FORECASTING_FEATURES.column_names)


def _with_lag(rows: pl.LazyFrame, quantities: pl.LazyFrame, lag: int, first_data_day: date) -> pl.LazyFrame:
    """Units sold `lag` calendar days before: 0 without a sale, null before the first day of data."""
    name = f"quantity_sold_lag_{lag}"
    earlier = quantities.select(
        *SERIES, (pl.col("transaction_date") + timedelta(days=lag)).alias("transaction_date"),
        pl.col("quantity").alias(name),
    )  # fmt: skip
    known = pl.col("transaction_date") >= first_data_day + timedelta(days=lag)
    return rows.join(earlier, on=[*SERIES, "transaction_date"], how="left").with_columns(
        pl.when(known).then(pl.col(name).fill_null(0)).alias(name)
    )


def _window(quantities: pl.LazyFrame, window: int, first_data_day: date) -> pl.LazyFrame:
    """Mean, sample deviation and days with sales over each day with a sale and the `window` − 1 days before."""
    known_days = (pl.col("transaction_date") - first_data_day).dt.total_days() + 1
    number = pl.min_horizontal(pl.lit(window, pl.Int64), known_days)
    total, squares = pl.col("total"), pl.col("squares")
    return (
        quantities.sort(*SERIES, "transaction_date")
        .rolling("transaction_date", period=f"{window}d", closed="right", group_by=SERIES)
        .agg(
            pl.col("quantity").sum().alias("total"),
            (pl.col("quantity") * pl.col("quantity")).sum().alias("squares"),
            pl.len().cast(pl.Int64).alias(f"days_with_sales_{window}"),
        )
        .select(
            *SERIES,
            "transaction_date",
            (total / number).alias(f"rolling_mean_{window}"),
            sample_variance(number, total, squares).sqrt().alias(f"rolling_std_{window}"),
            f"days_with_sales_{window}",
        )
    )


def _calendar(day: pl.Expr) -> list[pl.Expr]:
    month_end = day.dt.day() >= MONTH_END_DAY
    return [
        day.dt.weekday().alias("day_of_week"),
        (day.dt.weekday() >= SATURDAY).alias("is_weekend"),
        month_end.alias("is_month_end"),
        (month_end & (day.dt.month() % 3 == 0)).alias("is_quarter_end"),
        day.dt.month().alias("month"),
    ]


def _is_holiday(holidays: Mapping[str, Collection[date]]) -> pl.Expr:
    day = pl.col("transaction_date")
    found = day.is_in(sorted(holidays.get(ALL_STORES, ())) or pl.Series([], dtype=pl.Date).to_list())
    for store in sorted(set(holidays) - {ALL_STORES}):
        found = found | ((pl.col("store_id") == store) & day.is_in(sorted(holidays[store])))
    return found
