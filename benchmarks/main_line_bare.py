"""The main line in bare Polars, day by day: what a script without tables, contracts or recovery would do.

It writes the same five tables as Parquet of the codec of our tables: bronze, silver lines of all classes, quarantine,
movements, daily summary, in the columns of our contracts. It keeps a day in memory from reading to gold, matches no
cancellations, and checks nothing.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

KEY = ["store_id", "transaction_id", "line_number"]
GRAIN = ["store_id", "product_sku", "transaction_date", "currency"]
LINEAGE = ("event_date", "source_file", "content_hash", "row_number", "ingestion_timestamp")


def run_bare(landing: Path, out: Path) -> dict:
    """Carry the landing files through the five tables; totals that the other side must have too."""
    import polars as pl

    items = pl.read_parquet(landing / "products/products.parquet").select(
        "product_sku",
        pl.lit(value=True).alias("known"),
        (
            pl.col("product_sku").str.contains(r"^PROD-[A-Z0-9]{6}$").cast(pl.Int8)
            + (pl.col("product_sku").str.len_chars() <= 15).cast(pl.Int8)
        ).alias("item_checks"),
    )
    totals: dict[str, int] = dict.fromkeys(("bronze", "repeats", "silver", "quarantine", "movements", "gold"), 0)
    for folder in sorted((landing / "pos").glob("year=*/month=*/day=*")):
        bronze = read_bronze(landing, sorted(folder.glob("*.parquet")))
        write(bronze, out, "bronze", folder)
        kept, quarantine, repeats = classify(bronze, items)
        tables = {
            "silver": kept,
            "quarantine": quarantine,
            "movements": movements(kept),
            "gold": summary(kept),
        }
        for name, frame in tables.items():
            write(frame, out, name, folder)
            totals[name] += frame.height
        totals["bronze"] += bronze.height
        totals["repeats"] += repeats
    return totals


def read_bronze(landing: Path, files: list[Path]) -> pl.DataFrame:
    """Rows of some files with the lineage columns of bronze."""
    import polars as pl

    now = datetime.now(UTC)
    nothing = pl.lit(None, pl.String)
    parts = []
    for file in files:
        digest = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
        parts.append(
            pl.read_parquet(file, hive_partitioning=False).with_columns(
                nothing.alias("disposition"),
                nothing.alias("reason"),
                pl.lit(None, pl.Int64).alias("version"),
                pl.lit("default").alias("source_system"),
                pl.lit(file.relative_to(landing).as_posix()).alias("source_file"),
                pl.lit(digest).alias("content_hash"),
                pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number"),
                pl.lit(now).dt.cast_time_unit("us").alias("ingestion_timestamp"),
                pl.lit(now.date()).alias("processing_date"),
                pl.lit("UTC").alias("business_time_zone"),
                pl.col("timestamp").dt.date().alias("event_date"),
                *(
                    nothing.alias(name)
                    for name in ("raw_data", "cast_errors", "row_error", "row_error_detail", "extra_columns")
                ),
            )
        )
    return pl.concat(parts)


def classify(bronze: pl.DataFrame, items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Lines with their class and derived columns, quarantine, and the number of repeats."""
    import polars as pl

    quantity, price = pl.col("quantity_sold"), pl.col("unit_price")
    reasons = pl.concat_list(
        pl.when(quantity == 0).then(pl.lit("quantity:zero")),
        pl.when(price.is_null()).then(pl.lit("price:null")),
        pl.when(price < 0).then(pl.lit("price:negative")),
    ).list.drop_nulls()
    bad = (quantity == 0) | price.is_null() | (price < 0) | ((quantity < 0) & (price == 0))
    first = bronze.unique(KEY, keep="first", maintain_order=True)
    refused = first.filter(bad)
    sent = bronze.columns[: bronze.columns.index("source_system")]
    quarantine = refused.with_columns(reasons.alias("_reasons")).select(
        pl.lit("pos").alias("feed"),
        "source_system",
        pl.col("_reasons").list.first().fill_null("unclassified").alias("reason"),
        pl.col("_reasons").list.join(",").alias("reasons"),
        pl.concat_str(*KEY, separator="|").alias("business_key"),
        "product_sku",
        pl.col("store_id").alias("location_id"),
        quantity.alias("quantity"),
        pl.struct(sent).struct.json_encode().alias("row_json"),
        *LINEAGE,
    )
    weekday = pl.col("event_date").dt.weekday()
    pattern = pl.col("transaction_id").str.contains(r"^TXN-(\d{4}-)?\d{6}$").cast(pl.Int8)
    score = (pl.col("item_checks") + pattern + pl.col("known") + (pl.col("currency").str.len_bytes() == 3)) / 5
    kept = (
        first.filter(~bad)
        .with_columns(
            pl.col("product_sku").str.strip_chars().str.to_uppercase(),
            pl.col("currency").str.strip_chars().str.to_uppercase(),
        )
        .join(items, on="product_sku", how="left")
        .with_columns(pl.col("known").fill_null(value=False), pl.col("item_checks").fill_null(0))
        .select(
            pl.when(quantity < 0)
            .then(pl.lit("return"))
            .when(price == 0)
            .then(pl.lit("given_away"))
            .otherwise(pl.lit("sale"))
            .alias("kind"),
            *KEY,
            "product_sku",
            "quantity_sold",
            "unit_price",
            (price * quantity).cast(pl.Decimal(18, 4)).alias("total_amount"),
            "currency",
            "timestamp",
            pl.col("event_date").alias("transaction_date"),
            pl.col("timestamp").dt.hour().alias("transaction_hour"),
            weekday.alias("transaction_day_of_week"),
            (weekday >= 6).alias("is_weekend"),
            "cashier_id",
            "payment_method",
            "customer_id",
            "reason",
            (~pl.col("known")).alias("item_unknown"),
            score.alias("data_quality_score"),
            "source_system",
            "event_date",
            "source_file",
            "row_number",
            "ingestion_timestamp",
        )
    )
    return kept, quarantine, bronze.height - first.height


def movements(kept: pl.DataFrame) -> pl.DataFrame:
    """Signed changes of stock."""
    import polars as pl

    return kept.select(
        "kind",
        "product_sku",
        pl.col("store_id").alias("location_id"),
        (-pl.col("quantity_sold")).alias("quantity"),
        pl.lit(0, pl.Int64).alias("unavailable"),
        pl.col("timestamp").alias("event_time"),
        pl.col("transaction_id").alias("document_id"),
        "line_number",
        pl.lit("").alias("location_zone"),
        "source_system",
        "event_date",
    )


def summary(kept: pl.DataFrame) -> pl.DataFrame:
    """Sales by store, item and day, with returns and gifts beside them."""
    import polars as pl

    kind, units = pl.col("kind"), pl.col("quantity_sold")
    sold = kind == "sale"
    return (
        kept.lazy()
        .group_by(GRAIN)
        .agg(
            units.filter(sold).sum().alias("total_quantity_sold"),
            pl.col("total_amount").filter(sold).sum().alias("total_revenue"),
            sold.sum().cast(pl.Int64).alias("total_transactions"),
            pl.col("unit_price").filter(sold).mean().alias("avg_unit_price"),
            pl.col("timestamp").filter(sold).max().alias("last_transaction_time"),
            pl.col("timestamp").filter(sold).min().alias("first_transaction_time"),
            (-units.filter(kind == "return").sum()).alias("returned_quantity"),
            (-pl.col("total_amount").filter(kind == "return").sum()).alias("returned_amount"),
            units.filter(kind == "given_away").sum().alias("given_away_quantity"),
            pl.col("data_quality_score").filter(sold).mean().alias("data_quality_score"),
        )
        .filter(pl.col("total_transactions") > 0)
        .with_columns(pl.col("transaction_date").alias("event_date"))
        .collect()
    )


def write(frame: pl.DataFrame, out: Path, table: str, folder: Path) -> None:
    """One Parquet file of a table and day, zstd 1 as in our tables."""
    target = out / table / "-".join(part.split("=")[1] for part in folder.parts[-3:])
    target.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(target / "part-0.parquet", compression="zstd", compression_level=1)
