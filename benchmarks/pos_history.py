"""Synthetic till receipts for the main line: the same files for the same arguments.

Codes have the form the built-in `default` profile expects. Of the lines, about 2 % are returns, 0.1 % gifts at price 0,
0.2 % have no price, 0.2 % have quantity 0, and 0.5 % stand twice in their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

CASHIERS = 12
LINES_A_RECEIPT = 4
FIRST_DAY = date(2026, 1, 1)
SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class Chain:
    """How large the retailer is."""

    stores: int = 100
    items: int = 5_000
    customers: int = 50_000


LARGE = Chain()


def item_code(number: int) -> str:
    """Code of an item."""
    return f"PROD-{number:06d}"


def write_history(landing: Path, rows: int, days: int, files_a_day: int, chain: Chain = LARGE) -> None:
    """Write `rows` lines over `days` days, and the product master, into a landing folder."""
    import polars as pl

    master = landing / "products" / "products.parquet"
    master.parent.mkdir(parents=True)
    codes = [item_code(number) for number in range(chain.items)]
    start = datetime(FIRST_DAY.year, 1, 1, tzinfo=UTC)
    pl.DataFrame({"product_sku": codes, "product_name": codes}).with_columns(
        pl.lit(start).dt.cast_time_unit("us").alias("modified_at")
    ).write_parquet(master)
    for number in range(days):
        day = FIRST_DAY + timedelta(days=number)
        lines = day_lines(day, number, rows // days, chain)
        folder = landing / "pos" / f"{day:year=%Y/month=%m/day=%d}"
        folder.mkdir(parents=True)
        size = -(-lines.height // files_a_day)
        for part in range(files_a_day):
            lines.slice(part * size, size).write_parquet(folder / f"part-{part:02d}.parquet", compression="zstd")


def day_lines(day: date, number: int, rows: int, chain: Chain = LARGE) -> pl.DataFrame:
    """Lines of one day; the number makes them differ from those of any other."""
    import numpy as np
    import polars as pl

    random = np.random.Generator(np.random.PCG64([SEED, number]))
    line = np.arange(rows)
    receipt = line // LINES_A_RECEIPT
    store = receipt % chain.stores
    seconds = 8 * 3600 + (receipt * (12 * 3600)) // max(1, rows // LINES_A_RECEIPT)
    fate = random.random(rows)
    quantity = random.geometric(0.45, rows)
    quantity = np.where(fate < 0.02, -quantity, np.where((fate >= 0.020) & (fate < 0.022), 0, quantity))
    item = (chain.items * random.random(rows) ** 2).astype(np.int64)
    cents = 100 + (item * 7_919) % 9_900
    price = np.where((fate >= 0.022) & (fate < 0.023), 0, cents)
    customer = random.integers(0, int(chain.customers / 0.6), rows)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    frame = pl.DataFrame({
        "receipt": receipt, "line": line % LINES_A_RECEIPT + 1, "store": store, "item": item, "quantity": quantity,
        "price": price, "unpriced": (fate >= 0.023) & (fate < 0.025), "second": seconds, "customer": customer,
        "cashier": store * CASHIERS + receipt % CASHIERS, "card": receipt % 3 > 0, "again": random.random(rows) < 0.005,
    })  # fmt: skip
    of_store = pl.col("receipt") // chain.stores
    shaped = frame.select(
        pl.format("TXN-{}-{}", pl.lit(f"{number:04d}"), of_store.cast(pl.String).str.zfill(6)).alias("transaction_id"),
        pl.col("line").cast(pl.Int64).alias("line_number"),
        pl.format("STORE-{}", pl.col("store").cast(pl.String).str.zfill(3)).alias("store_id"),
        pl.format("PROD-{}", pl.col("item").cast(pl.String).str.zfill(6)).alias("product_sku"),
        pl.col("quantity").cast(pl.Int64).alias("quantity_sold"),
        pl.when(~pl.col("unpriced")).then(pl.col("price").cast(pl.Decimal(18, 4)) / 100).cast(pl.Decimal(18, 4))
        .alias("unit_price"),
        (pl.lit(midnight).dt.cast_time_unit("us") + pl.duration(seconds=pl.col("second"))).alias("timestamp"),
        pl.format("C{}", pl.col("cashier")).alias("cashier_id"),
        pl.when(pl.col("card")).then(pl.lit("card")).otherwise(pl.lit("cash")).alias("payment_method"),
        pl.when(pl.col("customer") < chain.customers).then(pl.format("K{}", pl.col("customer"))).alias("customer_id"),
        pl.lit("USD").alias("currency"),
        "again",
    )  # fmt: skip
    doubled = pl.concat([shaped, shaped.filter("again")]).drop("again")
    return doubled.head(rows) if doubled.height < rows else doubled.sort("timestamp", maintain_order=True).head(rows)
