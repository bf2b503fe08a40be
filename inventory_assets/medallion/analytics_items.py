"""Features for safety stock and reorder rules: recent demand of each store and item.

Demand is sales less those cancelled, never returns. Costs, lead times and stock are not here: the rules that need them
join them.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.analytics import INVENTORY_OPTIMIZATION_FEATURES, ROLLING_DAYS
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.medallion.exact import constant, sample_variance

SERIES = ("store_id", "product_sku", "currency")


def inventory_optimization_features(
    summary: pl.LazyFrame, window_end: date, first_data_day: date, processing_date: date
) -> pl.LazyFrame:
    """`analytics/inventory_optimization_features` of every store and item with a sale in the window.

    avg_daily_sales, sales_volatility and days_with_sales are those of source 001 III §4.1, by calendar day (corrected:
    it groups by day and quantity, which makes every deviation 0). The average demand interval and the squared
    coefficient of variation are the two axes by which Syntetos, Boylan and Croston (2005) class intermittent demand.

    Args:
        summary: `gold/daily_inventory_summary`; days outside the window are ignored. Any set of whole series (store,
            item, currency) may be computed by itself.
        window_end: last business day with a sale of any item. The window is this day and the 89 before it.
        first_data_day: first business day with a sale of any item; a window that begins earlier holds only the days
            since then.
        processing_date: UTC day of the computation.
    """
    window_start = max(first_data_day, window_end - timedelta(days=ROLLING_DAYS - 1))
    demand, demand_days = pl.col("demand_quantity"), pl.col("days_with_sales")
    total, squares = pl.col("total"), pl.col("squares")
    number = constant((window_end - window_start).days + 1, total)
    squared_mean = (total / demand_days) ** 2
    return (
        summary.filter(pl.col("transaction_date").is_between(window_start, window_end))
        .group_by(SERIES)
        .agg(
            demand.sum().alias("total"),
            (demand.cast(pl.Int128) * demand).sum().alias("squares"),
            (demand > 0).sum().cast(pl.Int64).alias("days_with_sales"),
            pl.col("total_revenue").sum().cast(MONEY).alias("revenue"),
            pl.col("transaction_date").max().alias("last_sale_date"),
        )
        .with_columns(
            pl.lit(window_end).alias("window_end"),
            (total / number).alias("avg_daily_sales"),
            sample_variance(number, total, squares).sqrt().alias("sales_volatility"),
            pl.when(demand_days > 0).then(number / demand_days).alias("average_demand_interval"),
            (sample_variance(demand_days, total, squares) / squared_mean).alias("squared_coefficient_of_variation"),
            pl.lit(processing_date).alias("processing_date"),
        )
        .select(INVENTORY_OPTIMIZATION_FEATURES.column_names)
    )
