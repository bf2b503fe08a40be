"""How long suppliers take: lead times by supplier and item, where few deliveries of an item lean on its supplier's.

What an order still under way will take is not known and not counted, so a supplier that just became slow shows late.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from inventory_assets.contracts.forecast import LEAD_TIME_STATS

PRIOR_LINES = 5
"""Deliveries of an item that its supplier's figures count for."""
SUPPLIER = ["source_system", "supplier_id"]
_DAY = 86_400_000_000


def lead_time_stats(lines: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    """Rows of `analytics/lead_time_stats`.

    Mean and deviation lean on the supplier's: (n·own + 5·supplier's) ÷ (n + 5) with n deliveries, of means and of
    variances around the supplier's mean.

    Args:
        lines: newest state of each supplier order line, as `medallion.supplier_orders.current_lines` gives them.
        processing_date: UTC day of the computation.
    """
    days = (pl.col("received_at") - pl.col("ordered_at")).dt.total_microseconds() / _DAY
    took = lines.with_columns(days.alias("days")).filter(pl.col("days") > 0).select(
        *SUPPLIER, "product_sku", "days", "received_at"
    )  # fmt: skip
    own = took.group_by(*SUPPLIER, "product_sku").agg(
        pl.len().cast(pl.Int64).alias("deliveries"),
        pl.col("days").mean().alias("mean_days"),
        pl.col("days").std().alias("sd_days"),
        pl.col("days").median().alias("median_days"),
        pl.col("days").quantile(0.95, "linear").alias("p95_days"),
        (pl.col("days") * pl.col("days")).mean().alias("_squares"),
        pl.col("received_at").max().alias("last_received_at"),
    )
    supplier = took.group_by(SUPPLIER).agg(
        pl.len().cast(pl.Int64).alias("supplier_deliveries"),
        pl.col("days").mean().alias("_mean"),
        pl.col("days").var(ddof=0).alias("_variance"),
    )
    count = pl.col("deliveries")
    spread = pl.col("_squares") - 2 * pl.col("_mean") * pl.col("mean_days") + pl.col("_mean") * pl.col("_mean")
    leaning = {"mean_days": "_mean", "_around": "_variance"}
    return (
        own.join(supplier, on=SUPPLIER, how="left")
        .with_columns(spread.alias("_around"))
        .with_columns(
            ((count * pl.col(name) + PRIOR_LINES * pl.col(other)) / (count + PRIOR_LINES)).alias(f"_lean{name}")
            for name, other in leaning.items()
        )
        .with_columns(
            pl.col("_leanmean_days").alias("expected_days"),
            pl.col("_lean_around").clip(lower_bound=0).sqrt().alias("expected_sd_days"),
            pl.lit(processing_date).alias("processing_date"),
        )
        .select(LEAD_TIME_STATS.column_names)
        .sort(LEAD_TIME_STATS.key)
    )
