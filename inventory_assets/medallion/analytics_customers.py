"""Features of customers: recency, frequency, money, breadth and returns of each known one.

Sales without a customer take no part. Customers are identified by source system; the same person in two systems stays
two. Segments and predictions are not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.analytics import CUSTOMER_BEHAVIOR_FEATURES
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.medallion.exact import money_mean

if TYPE_CHECKING:
    from datetime import date

    from polars.lazyframe.group_by import LazyGroupBy

CUSTOMER = ("source_system", "customer_id", "currency")
RECEIPT = ("store_id", "transaction_id")


def customer_behavior_features(
    sales: pl.LazyFrame,
    returns: pl.LazyFrame,
    cancellations: pl.LazyFrame,
    last_sale_day: date,
    processing_date: date,
) -> pl.LazyFrame:
    """`analytics/customer_behavior_features` of every customer with a sale.

    A cancelled sale counts as a sale and its cancellation as a return, as they happened.

    Args:
        sales: `silver/inventory_transactions`, whole. Any set of whole customers may be computed by itself.
        returns: `silver/returns` of the same customers.
        cancellations: `silver/cancellations` of the same customers.
        last_sale_day: last business day with a sale of anyone.
        processing_date: UTC day of the computation.
    """
    known = sales.filter(pl.col("customer_id").is_not_null())
    receipts = known.group_by(*CUSTOMER, *RECEIPT).agg(
        pl.len().cast(pl.Int64).alias("lines"),
        pl.col("quantity_sold").sum(),
        pl.col("total_amount").sum(),
        pl.col("timestamp").min().alias("first_purchase_at"),
        pl.col("timestamp").max().alias("last_purchase_at"),
    )
    totals = receipts.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("transactions"),
        pl.col("lines").sum(),
        pl.col("quantity_sold").sum().alias("units_bought"),
        pl.col("total_amount").sum().alias("revenue"),
        pl.col("first_purchase_at").min(),
        pl.col("last_purchase_at").max(),
    )
    days = _distinct(known, "transaction_date").agg(
        pl.len().cast(pl.Int64).alias("days"),
        pl.col("transaction_date").min().alias("first_day"),
        pl.col("transaction_date").max().alias("last_day"),
    )
    items = _distinct(known, "product_sku").agg(pl.len().cast(pl.Int64).alias("distinct_items"))
    keys = [*CUSTOMER, "quantity_sold"]
    back = pl.concat([returns.select(keys), cancellations.select(keys)])
    returned = back.group_by(CUSTOMER).agg((-pl.col("quantity_sold").sum()).alias("units_returned"))
    span = (pl.col("last_day") - pl.col("first_day")).dt.total_days()
    return (
        totals.join(days, on=CUSTOMER)
        .join(items, on=CUSTOMER)
        .join(returned, on=CUSTOMER, how="left")
        .with_columns(pl.col("units_returned").fill_null(0))
        .with_columns(
            (pl.lit(last_sale_day) - pl.col("last_day")).dt.total_days().alias("recency_days"),
            pl.col("revenue").cast(MONEY),
            money_mean(pl.col("revenue"), pl.col("transactions")).alias("average_basket"),
            (pl.col("units_returned") / pl.col("units_bought")).alias("return_rate"),
            pl.when(pl.col("days") > 1).then(span / (pl.col("days") - 1)).alias("days_between_purchases"),
            pl.lit(processing_date).alias("processing_date"),
        )
        .select(CUSTOMER_BEHAVIOR_FEATURES.column_names)
    )


def _distinct(sales: pl.LazyFrame, column: str) -> LazyGroupBy:
    return sales.select(*CUSTOMER, column).unique().group_by(CUSTOMER)
