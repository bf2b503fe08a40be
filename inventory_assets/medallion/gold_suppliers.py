"""Gold of the suppliers: how punctually, how fast and how completely each delivers.

Order lines are updated many times; a line counts as its reports leave it (`supplier_orders.current_lines`). Lead times
are measured to the millisecond and summed in whole numbers, so that the figures do not depend on the order of the
reports. Master data of suppliers (names, agreed lead times) stays in `silver/suppliers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts import gold
from inventory_assets.medallion.exact import constant, sample_variance
from inventory_assets.medallion.supplier_orders import SUPPLIER, current_lines

if TYPE_CHECKING:
    from datetime import date

MS_PER_DAY = 86_400_000


def supplier_performance(supplier_orders: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    """`gold/supplier_performance` over all reports.

    A line is received when it has a `received_at`, and on time when the UTC calendar day of the receipt is not after
    that of `expected_delivery`; lines without a promise are not judged. Lead time is received − ordered in days; only
    positive ones count. Fill compares the lines that arrived and say how much of it arrived.

    Args:
        supplier_orders: `silver/supplier_orders`, whole.
        processing_date: UTC day of the computation.
    """
    received = pl.col("received_at").is_not_null()
    on_time = received & (pl.col("received_at").dt.date() <= pl.col("expected_delivery").dt.date())
    lead = (pl.col("received_at") - pl.col("ordered_at")).dt.total_milliseconds()
    counted = received & pl.col("quantity_received").is_not_null()
    lines = current_lines(supplier_orders).select(
        *SUPPLIER,
        "ordered_at",
        "received_at",
        received.alias("received"),
        (received & pl.col("expected_delivery").is_not_null()).alias("promised"),
        on_time.alias("on_time"),
        pl.when(lead > 0).then(lead).cast(pl.Int128).alias("lead"),
        pl.when(counted).then("quantity_ordered").alias("quantity_ordered"),
        pl.when(counted).then("quantity_received").alias("quantity_received"),
    )
    sums = lines.group_by(SUPPLIER).agg(
        pl.len().cast(pl.Int64).alias("order_lines"),
        pl.col("received").sum().cast(pl.Int64).alias("received_lines"),
        pl.col("promised").sum().cast(pl.Int64).alias("promised_lines"),
        pl.col("on_time").sum().cast(pl.Int64).alias("on_time_lines"),
        pl.col("lead").count().cast(pl.Int64).alias("lead_time_lines"),
        pl.col("lead").sum().alias("total"),
        (pl.col("lead") * pl.col("lead")).sum().alias("squares"),
        pl.col("lead").cast(pl.Float64).median().alias("median"),
        pl.col("quantity_ordered", "quantity_received").sum(),
        pl.col("ordered_at").min().alias("first_ordered_at"),
        pl.col("received_at").max().alias("last_received_at"),
    )
    number = pl.col("lead_time_lines")
    ms_per_day = constant(MS_PER_DAY, number)
    return sums.with_columns(
        _ratio(pl.col("on_time_lines"), pl.col("promised_lines")).alias("on_time_rate"),
        _ratio(pl.col("total").cast(pl.Float64), number * MS_PER_DAY).alias("lead_time_mean_days"),
        (sample_variance(number, pl.col("total"), pl.col("squares")).sqrt() / ms_per_day).alias("lead_time_std_days"),
        (pl.col("median") / ms_per_day).alias("lead_time_median_days"),
        _ratio(pl.col("quantity_received"), pl.col("quantity_ordered")).alias("fill_rate"),
        pl.lit(processing_date).alias("processing_date"),
    ).select(gold.SUPPLIER_PERFORMANCE.column_names)


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)
