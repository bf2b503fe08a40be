"""Gold of the tills: sales by store, item and day, by item and day, by store and day.

Lines are summed once by store, item, day and currency; the three tables derive from these sums. What came back, was
given away or corrected stands beside the sales of its day and adds no row. The currency is part of every grain, because
a sum over two currencies means nothing. Money stays decimal from the line to the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts import gold
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.medallion.exact import money_mean, score_mean, score_steps

if TYPE_CHECKING:
    from datetime import date

    from inventory_assets.contracts.model import Table

ITEM_DAY = ("store_id", "product_sku", "transaction_date", "currency")
PRODUCT_DAY = ("product_sku", "transaction_date", "currency")
STORE_DAY = ("store_id", "transaction_date", "currency")


def sale_sums(sales: pl.LazyFrame) -> pl.LazyFrame:
    """Sums of the sale lines of each store, item, day and currency, from which all tables here derive."""
    cancelled = pl.col("cancelled_by_transaction_id").is_not_null()
    return sales.group_by(ITEM_DAY).agg(
        pl.col("quantity_sold").sum().alias("units"),
        pl.col("total_amount").sum().alias("amount"),
        pl.col("unit_price").sum().alias("prices"),
        pl.len().cast(pl.Int64).alias("lines"),
        pl.col("timestamp").max().alias("last_transaction_time"),
        pl.col("timestamp").min().alias("first_transaction_time"),
        pl.col("quantity_sold").filter(cancelled).sum().alias("cancelled_quantity"),
        pl.col("total_amount").filter(cancelled).sum().alias("cancelled_amount"),
        score_steps(pl.col("data_quality_score")).sum().alias("score_steps"),
    )


def daily_inventory_summary(
    sales: pl.LazyFrame,
    returns: pl.LazyFrame,
    given_away: pl.LazyFrame,
    stock_adjustments: pl.LazyFrame,
    processing_date: date,
) -> pl.LazyFrame:
    """`gold/daily_inventory_summary` of the days in `sales` (source 001 II §3.3).

    Args:
        sales: `silver/inventory_transactions` of whole days. A cancelled sale carries the key of its cancellation, so
            that the cancelled units of a day need no other table.
        returns: `silver/returns` of the same days.
        given_away: `silver/given_away` of the same days.
        stock_adjustments: `silver/stock_adjustments` of the same days.
        processing_date: UTC day of the computation.
    """
    return _summary(sale_sums(sales), returns, given_away, stock_adjustments, processing_date)


def product_performance(sales: pl.LazyFrame, returns: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    """`gold/product_performance` of the days in `sales` (source 001 II §3.3); arguments as in the daily summary."""
    return _products(sale_sums(sales), returns, processing_date)


def store_performance(sales: pl.LazyFrame, returns: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    """`gold/store_performance` of the days in `sales` (source 001 II §3.3); arguments as in the daily summary."""
    return _stores(sale_sums(sales), sales, returns, processing_date)


def sales_tables(
    sales: pl.LazyFrame,
    returns: pl.LazyFrame,
    given_away: pl.LazyFrame,
    stock_adjustments: pl.LazyFrame,
    processing_date: date,
) -> dict[str, pl.DataFrame]:
    """The three tables by path, computed in one pass over the sale lines; arguments as in the daily summary."""
    sums = sale_sums(sales).collect(engine="streaming").lazy()
    plans = {
        gold.DAILY_INVENTORY_SUMMARY.path: _summary(sums, returns, given_away, stock_adjustments, processing_date),
        gold.PRODUCT_PERFORMANCE.path: _products(sums, returns, processing_date),
        gold.STORE_PERFORMANCE.path: _stores(sums, sales, returns, processing_date),
    }
    return dict(zip(plans, pl.collect_all(plans.values(), engine="streaming"), strict=True))


def _summary(
    sums: pl.LazyFrame,
    returns: pl.LazyFrame,
    given_away: pl.LazyFrame,
    stock_adjustments: pl.LazyFrame,
    processing_date: date,
) -> pl.LazyFrame:
    given = given_away.group_by(ITEM_DAY).agg(pl.col("quantity_sold").sum().alias("given_away_quantity"))
    adjusted = stock_adjustments.group_by(ITEM_DAY).agg(pl.col("quantity_sold").sum().alias("adjusted_quantity"))
    joined = sums.join(_returned(returns, ITEM_DAY), on=ITEM_DAY, how="left")
    joined = joined.join(given, on=ITEM_DAY, how="left").join(adjusted, on=ITEM_DAY, how="left")
    return _finish(
        joined.with_columns(
            pl.col("units").alias("total_quantity_sold"),
            pl.col("amount").alias("total_revenue"),
            pl.col("lines").alias("total_transactions"),
            money_mean(pl.col("prices"), pl.col("lines")).alias("avg_unit_price"),
            pl.col("given_away_quantity", "adjusted_quantity").fill_null(0),
            score_mean(pl.col("score_steps"), pl.col("lines")).alias("data_quality_score"),
        ),
        gold.DAILY_INVENTORY_SUMMARY,
        processing_date,
    )


def _products(sums: pl.LazyFrame, returns: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    return _finish(
        sums.group_by(PRODUCT_DAY)
        .agg(
            pl.col("units").sum().alias("daily_quantity_sold"),
            pl.col("amount").sum().alias("daily_revenue"),
            pl.col("lines").sum().alias("daily_transactions"),
            pl.len().cast(pl.Int64).alias("stores_sold"),
            pl.col("prices", "cancelled_quantity", "cancelled_amount").sum(),
        )
        .with_columns(
            pl.col("daily_quantity_sold").alias("units"),
            money_mean(pl.col("prices"), pl.col("daily_transactions")).alias("avg_unit_price"),
        )
        .join(_returned(returns, PRODUCT_DAY), on=PRODUCT_DAY, how="left"),
        gold.PRODUCT_PERFORMANCE,
        processing_date,
    )


def _stores(sums: pl.LazyFrame, sales: pl.LazyFrame, returns: pl.LazyFrame, processing_date: date) -> pl.LazyFrame:
    cashiers = (
        sales.filter(pl.col("cashier_id").is_not_null())
        .select(*STORE_DAY, "cashier_id")
        .unique()
        .group_by(STORE_DAY)
        .agg(pl.len().cast(pl.Int64).alias("active_cashiers"))
    )
    return _finish(
        sums.group_by(STORE_DAY)
        .agg(
            pl.col("units").sum().alias("daily_quantity_sold"),
            pl.col("amount").sum().alias("daily_revenue"),
            pl.col("lines").sum().alias("daily_transactions"),
            pl.len().cast(pl.Int64).alias("products_sold"),
            pl.col("cancelled_quantity", "cancelled_amount").sum(),
        )
        .with_columns(pl.col("daily_quantity_sold").alias("units"))
        .join(cashiers, on=STORE_DAY, how="left")
        .join(_returned(returns, STORE_DAY), on=STORE_DAY, how="left")
        .with_columns(pl.col("active_cashiers").fill_null(0)),
        gold.STORE_PERFORMANCE,
        processing_date,
    )


def _returned(returns: pl.LazyFrame, key: tuple[str, ...]) -> pl.LazyFrame:
    return returns.group_by(key).agg(
        (-pl.col("quantity_sold").sum()).alias("returned_quantity"),
        (-pl.col("total_amount").sum()).cast(MONEY).alias("returned_amount"),
    )


def _finish(rows: pl.LazyFrame, table: Table, processing_date: date) -> pl.LazyFrame:
    money = [column.name for column in table.columns if column.type == "Money"]
    return rows.with_columns(
        pl.col("returned_quantity").fill_null(0),
        pl.col("returned_amount").fill_null(pl.lit(0).cast(MONEY)),
        (pl.col("units") - pl.col("cancelled_quantity")).alias("demand_quantity"),
        pl.col("transaction_date").alias("event_date"),
        pl.lit(processing_date).alias("processing_date"),
    ).select(pl.col(name).cast(MONEY) if name in money else name for name in table.column_names)
