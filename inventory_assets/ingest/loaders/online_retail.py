"""UCI Online Retail II (Chen 2012, doi 10.24432/C5CG6D) → `pos`, `products` and `locations` landing files.

Every published row becomes one landing row; classes of rows and codes that are no goods are left to silver. The two
sheets overlap and stay apart as two files of a day: their common lines get equal keys, because a line is numbered by
its content within sheet and invoice and not by its place in the file. There is no stock, cost or till in the data set
and none is written.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import LOCATIONS, POS, PRODUCTS
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.ingest.loaders.common import (
    LandingFile,
    LoadError,
    LoadResult,
    feed_frame,
    listed,
    parquet_bytes,
    read_published,
    slug,
    write_landing,
)

if TYPE_CHECKING:
    from pathlib import Path

    from inventory_assets.contracts.sources import Profiles, SourceProfile

SOURCE = "online-retail"
PUBLISHED: dict[str, pl.DataType] = {
    "Sheet": pl.String(),
    "Invoice": pl.String(),
    "StockCode": pl.String(),
    "Description": pl.String(),
    "Quantity": pl.Int64(),
    "InvoiceDate": pl.Datetime("us"),
    "Price": pl.Float64(),
    "Customer ID": pl.Int64(),
    "Country": pl.String(),
}
"""Columns as published and their dtypes; `InvoiceDate` is London time without a zone."""
NEVER_NULL = ("Sheet", "Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Country")
SCALE = 4
"""Decimals of `contracts.schemas.MONEY`."""


def load_online_retail(file: Path, landing_root: Path, profiles: Profiles) -> LoadResult:
    """Write the landing files of Online Retail II.

    Args:
        file: the data set with both sheets, `.parquet` or `.csv`, columns as in `PUBLISHED`.
        landing_root: the landing folder.
        profiles: contracts of the source systems; `online-retail` counts.

    Returns:
        One `pos` file a sheet and business day, one file of items and one of sales channels.

    Raises:
        LoadError: the file is not the data set, or a price has more than four decimals.
        LandingConflictError: a landing file is there with other content.
    """
    published = read_published(file, PUBLISHED)
    empty = [name for name in NEVER_NULL if published[name].null_count()]
    if published.is_empty() or empty:
        raise LoadError(f"{file}: {f'nulls in {empty}' if empty else 'no rows'}; Online Retail II has neither")
    profile = profiles[SOURCE]
    lines = pos_lines(published, profile.currency)
    items, unnamed = product_master(published, profile.merchandise_pattern)
    files = [
        LandingFile(f"pos/source={SOURCE}/{day:year=%Y/month=%m/day=%d}/{slug(sheet)}.parquet", parquet_bytes(part))
        for (sheet, day), part in _by_sheet_and_day(lines)
    ]
    files.append(_master_file("products", file, items))
    rows = {"pos": lines.height, "products": items.height}
    notes = [
        f"{unnamed} items stand on lines without a price only, so that no line names them; they are left out of the "
        "product master and stay flagged as unknown"
    ]
    if profile.assume.location_type is None:
        notes.append(f"no locations written: set assume.location_type of [{SOURCE}] in sources.toml")
    else:
        channels = location_master(published, profile)
        files.append(_master_file("locations", file, channels))
        rows["locations"] = channels.height
    written = write_landing(landing_root, files)
    return LoadResult(tuple(f.path for f in files), rows, tuple(notes), written)


def pos_lines(published: pl.DataFrame, currency: str) -> pl.DataFrame:
    """Rows of the `pos` feed with `sheet` beside them, in a fixed order whatever the order of the file.

    Within a sheet and invoice the lines are ordered by all columns as published (nulls first) and numbered from 1, so
    that equal lines get consecutive numbers and a line has one number in both sheets.

    Args:
        published: columns of `PUBLISHED`.
        currency: ISO 4217 code of the prices.

    Raises:
        LoadError: a price has more than four decimals.
    """
    content = [name for name in PUBLISHED if name not in ("Sheet", "Invoice")]
    ordered = published.sort("Sheet", "Invoice", *content, nulls_last=False).join(
        exact_prices(published["Price"]), on="Price", how="left", maintain_order="left"
    )
    rows = ordered.select(
        pl.col("Sheet").alias("sheet"),
        pl.col("Invoice").alias("transaction_id"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("Sheet", "Invoice").alias("line_number"),
        pl.col("Country").alias("store_id"),
        item_code().alias("product_sku"),
        pl.col("Quantity").alias("quantity_sold"),
        "unit_price",
        pl.col("InvoiceDate").alias("timestamp"),
        pl.col("Customer ID").cast(pl.String).alias("customer_id"),
        pl.lit(currency).alias("currency"),
        pl.col("Description").alias("reason"),
    )
    return feed_frame(rows.drop("sheet"), POS, naive=True).with_columns(rows["sheet"])


def item_code() -> pl.Expr:
    """Item of a line: its StockCode trimmed and in upper case (157 codes differ by case only)."""
    return pl.col("StockCode").str.strip_chars().str.to_uppercase()


def exact_prices(prices: pl.Series) -> pl.DataFrame:
    """Distinct prices with the decimal number each float was written as (its shortest representation).

    Args:
        prices: Float64 prices, named `Price`.

    Returns:
        Columns `Price` and `unit_price`.

    Raises:
        LoadError: a price is not finite or has more than four decimals.
    """
    distinct = prices.unique().sort()
    exact = [Decimal(repr(value)) for value in distinct.to_list()]
    bad = [value for value in exact if not value.is_finite() or value != round(value, SCALE)]
    if bad:
        raise LoadError(f"Price: {len(bad)} values have no exact amount of {SCALE} decimals: {listed(bad)}")
    return pl.DataFrame({"Price": distinct, "unit_price": pl.Series(exact, dtype=MONEY)})


def product_master(published: pl.DataFrame, merchandise_pattern: str | None) -> tuple[pl.DataFrame, int]:
    """Rows of the `products` feed: each item with the description most lines with a price give it.

    Ties go to the first description in byte order. Lines without a price carry reasons ("damaged") in that column, so
    that an item only they mention has no name.

    Args:
        published: columns of `PUBLISHED`.
        merchandise_pattern: regular expression of codes that are goods; None = all.

    Returns:
        The items by code, and the number of items without a name, which have no row.
    """
    goods = published.with_columns(item_code().alias("product_sku"))
    if merchandise_pattern is not None:
        goods = goods.filter(pl.col("product_sku").str.contains(merchandise_pattern))
    named = (
        goods.filter(pl.col("Price") > 0, pl.col("Description").is_not_null())
        .group_by("product_sku", pl.col("Description").str.strip_chars().alias("product_name"))
        .len("lines")
        .sort("product_sku", pl.col("lines"), "product_name", descending=[False, True, False])
        .unique("product_sku", keep="first", maintain_order=True)
        .select("product_sku", "product_name", _first_day(published).alias("modified_at"))
    )
    return feed_frame(named, PRODUCTS, naive=True), goods["product_sku"].n_unique() - named.height


def location_master(published: pl.DataFrame, profile: SourceProfile) -> pl.DataFrame:
    """Rows of the `locations` feed: each country as a sales channel of the assumed type."""
    rows = published.select(pl.col("Country").unique().sort().alias("location_id")).select(
        "location_id",
        pl.col("location_id").alias("location_name"),
        pl.lit(profile.assume.location_type, dtype=pl.String).alias("location_type"),
        pl.lit(profile.time_zone).alias("time_zone"),
        pl.lit(profile.currency).alias("currency"),
        _first_day(published).alias("modified_at"),
    )
    return feed_frame(rows, LOCATIONS, naive=True)


def _first_day(published: pl.DataFrame) -> pl.Expr:
    """Midnight of the data set's first day: from then on a master row derived from the lines holds."""
    return pl.lit(published["InvoiceDate"].min(), dtype=pl.Datetime("us")).dt.truncate("1d")


def _by_sheet_and_day(lines: pl.DataFrame):  # noqa: ANN202 - pairs of (sheet, day) and rows
    parts = lines.with_columns(pl.col("timestamp").dt.date().alias("_day")).partition_by(
        "sheet", "_day", as_dict=True, include_key=False, maintain_order=True
    )
    return sorted(parts.items(), key=lambda item: item[0])


def _master_file(feed: str, file: Path, rows: pl.DataFrame) -> LandingFile:
    return LandingFile(f"{feed}/source={SOURCE}/{slug(file.stem)}.parquet", parquet_bytes(rows))
