"""Online Retail II as bronze rows, made here on its own so that silver is tested without the loader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.schemas import MONEY, polars_schema

if TYPE_CHECKING:
    from pathlib import Path

FILE = "online_retail_ii/online_retail_ii_to_2011-05-31.parquet"
READ_AT = datetime(2026, 1, 2, tzinfo=UTC)


def online_retail_bronze(shared_data: Path) -> pl.DataFrame:
    """Both sheets as two files; the line number is the rank of the line by content among its invoice's lines."""
    published = pl.read_parquet(shared_data / FILE)
    content = [name for name in published.columns if name not in {"Sheet", "Invoice"}]
    schema = polars_schema(BRONZE["pos"])
    local = pl.col("InvoiceDate").dt.replace_time_zone("Europe/London", ambiguous="earliest")
    rows = (
        published.with_row_index("_at")
        .sort("Sheet", "Invoice", *content)
        .with_columns(
            pl.int_range(1, pl.len() + 1).over("Sheet", "Invoice").alias("line_number"),
            (pl.col("_at") - pl.col("_at").min().over("Sheet") + 1).cast(pl.Int64).alias("row_number"),
        )
        .select(
            pl.col("Invoice").alias("transaction_id"),
            pl.col("line_number"),
            pl.col("Country").alias("store_id"),
            pl.col("StockCode").alias("product_sku"),
            pl.col("Quantity").alias("quantity_sold"),
            pl.col("Price").cast(MONEY).alias("unit_price"),
            local.dt.convert_time_zone("UTC").alias("timestamp"),
            pl.col("Customer ID").cast(pl.String).alias("customer_id"),
            pl.col("Description").alias("reason"),
            pl.lit("online-retail").alias("source_system"),
            ("pos/source=online-retail/" + pl.col("Sheet") + ".parquet").alias("source_file"),
            pl.col("Sheet").hash().cast(pl.String).alias("content_hash"),
            pl.col("row_number"),
            pl.lit(READ_AT).cast(schema["ingestion_timestamp"]).alias("ingestion_timestamp"),
            pl.lit(READ_AT.date()).alias("processing_date"),
            pl.lit("Europe/London").alias("business_time_zone"),
            pl.col("InvoiceDate").dt.date().alias("event_date"),
        )
    )
    missing = {name: dtype for name, dtype in schema.items() if name not in rows.columns}
    return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in missing.items()).select(schema.names())
