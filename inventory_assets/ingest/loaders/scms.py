"""USAID SCMS deliveries → `supplier`, `suppliers` and `products` landing files.

A published row is one delivered order line. Texts are written as published wherever the feed can read them; dates
stand in two formats ("2-Jun-06", "11/21/06") and become ISO text, and what is no date ("N/A - From RDC", "Date Not
Captured") passes through, for the null tokens of the source's contract to name. Quantities count packs, so that the
cost of a unit is the pack price.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import PRODUCTS, SUPPLIER, SUPPLIERS
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.ingest.loaders.common import (
    LandingFile,
    LoadError,
    LoadResult,
    csv_bytes,
    listed,
    read_published,
    slug,
    write_landing,
)

if TYPE_CHECKING:
    from pathlib import Path

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.sources import Profiles, SourceProfile

SOURCE = "scms"
PUBLISHED: dict[str, pl.DataType] = dict.fromkeys(
    (
        "ID", "PO / SO #", "Country", "PO Sent to Vendor Date", "Scheduled Delivery Date", "Delivered to Client Date",
        "Delivery Recorded Date", "Product Group", "Sub Classification", "Vendor", "Item Description", "Brand",
        "Line Item Quantity", "Pack Price",
    ),
    pl.String(),
)  # fmt: skip
"""Columns that are read; all are text as published."""
DATE_FORMATS = ("%d-%b-%y", "%m/%d/%y")
ISO = "%Y-%m-%dT00:00:00"
CODE_PREFIX = "SCMS-"


def load_scms(file: Path, landing_root: Path, profiles: Profiles | None = None) -> LoadResult:
    """Write the landing files of the SCMS deliveries.

    Args:
        file: the data set, `.parquet` or `.csv`, columns as published.
        landing_root: the landing folder.
        profiles: contracts of the source systems; the built-in ones where not given.

    Returns:
        One file of order lines, one of suppliers, one of items.

    Raises:
        LoadError: the file is not the data set, or two item descriptions share a code.
        LandingConflictError: a landing file is there with other content.
    """
    published = read_published(file, PUBLISHED)
    if published.is_empty():
        raise LoadError(f"{file}: no rows")
    repeated = published.filter(pl.col("ID").is_duplicated())["ID"].unique().sort().to_list()
    if repeated:
        raise LoadError(f"{file}: the ID of a line must be unique; repeated: {listed(repeated)}")
    coded = published.join(item_codes(published["Item Description"]), on="Item Description", how="left")
    profile = (profiles or load_profiles())[SOURCE]
    tables = {
        "supplier": (SUPPLIER, order_lines(coded, profile)),
        "suppliers": (SUPPLIERS, supplier_master(coded)),
        "products": (PRODUCTS, product_master(coded)),
    }
    files = [
        LandingFile(f"{name}/source={SOURCE}/{slug(file.stem)}.csv", csv_bytes(_in_feed_order(rows, feed)))
        for name, (feed, rows) in tables.items()
    ]
    tokens = coded.select(pl.col("PO Sent to Vendor Date").filter(iso_date("PO Sent to Vendor Date").is_null()))
    notes = [f"{tokens.height} lines have no date of the order; their published text is kept and read as null"]
    if not profile.assume.received_in_full:
        notes.append("quantity_received stays null: the data set names one quantity only")
    written = write_landing(landing_root, files)
    return LoadResult(
        tuple(f.path for f in files), {name: rows.height for name, (_, rows) in tables.items()}, tuple(notes), written
    )


def order_lines(coded: pl.DataFrame, profile: SourceProfile) -> pl.DataFrame:
    """Rows of the `supplier` feed as text, in the order of their ID.

    Args:
        coded: columns of `PUBLISHED` and `product_sku`.
        profile: contract of the source.
    """
    received = iso_date("Delivered to Client Date").is_not_null()
    quantity = pl.col("Line Item Quantity")
    return coded.sort(pl.col("ID").cast(pl.Int64, strict=False), "ID").select(
        pl.col("Vendor").str.strip_chars().alias("supplier_id"),
        "product_sku",
        _iso_or_published("Scheduled Delivery Date").alias("expected_delivery"),
        quantity.alias("quantity_ordered"),
        pl.col("Pack Price").alias("unit_cost"),
        pl.when(received).then(pl.lit("received")).alias("order_status"),
        pl.col("PO / SO #").alias("order_id"),
        pl.col("ID").alias("line_number"),
        _iso_or_published("PO Sent to Vendor Date").alias("ordered_at"),
        _iso_or_published("Delivered to Client Date").alias("received_at"),
        pl.when(received & profile.assume.received_in_full).then(quantity).alias("quantity_received"),
        pl.col("Country").alias("location_id"),
        pl.lit(profile.currency).alias("currency"),
        _iso_or_published("Delivery Recorded Date").alias("updated_at"),
    )


def supplier_master(coded: pl.DataFrame) -> pl.DataFrame:
    """Rows of the `suppliers` feed: each vendor by name, as of the day its first delivery was recorded."""
    return (
        coded.group_by(pl.col("Vendor").str.strip_chars().alias("supplier_id"))
        .agg(iso_date("Delivery Recorded Date").min().alias("modified_at"))
        .sort("supplier_id")
        .select("supplier_id", pl.col("supplier_id").alias("supplier_name"), "modified_at")
    )


def product_master(coded: pl.DataFrame) -> pl.DataFrame:
    """Rows of the `products` feed: each item with its description, group and brand.

    A group or brand that differs between the lines of an item is left null.
    """
    return (
        coded.group_by("product_sku")
        .agg(
            pl.col("Item Description").first().alias("product_name"),
            _only_value(pl.col("Product Group") + " / " + pl.col("Sub Classification")).alias("category"),
            _only_value(pl.col("Brand")).alias("brand"),
            pl.lit("pack").alias("unit_of_measure"),
            iso_date("Delivery Recorded Date").min().alias("modified_at"),
        )
        .sort("product_sku")
    )


def item_codes(descriptions: pl.Series) -> pl.DataFrame:
    """Codes of items, because the data set has none: `SCMS-` and the BLAKE2b-32 of the trimmed description in hex.

    A code depends on the description alone, so that it is the same in every extract of the data set.

    Args:
        descriptions: texts, named `Item Description`.

    Returns:
        Columns `Item Description` and `product_sku`.

    Raises:
        LoadError: two descriptions have one code.
    """
    distinct = descriptions.unique().sort().to_list()
    codes = [CODE_PREFIX + blake2b(text.strip().encode(), digest_size=4).hexdigest().upper() for text in distinct]
    frame = pl.DataFrame({"Item Description": distinct, "product_sku": codes})
    trimmed = frame.with_columns(pl.col("Item Description").str.strip_chars()).unique()
    shared = trimmed.filter(pl.col("product_sku").is_duplicated())["Item Description"].sort().to_list()
    if shared:
        raise LoadError(f"Item Description: different items have one code: {listed(shared)}; lengthen the code")
    return frame


def iso_date(column: str) -> pl.Expr:
    """ISO text of a date in one of the two published formats, null for any other text."""
    parsed = [pl.col(column).str.strip_chars().str.to_date(form, strict=False) for form in DATE_FORMATS]
    return pl.coalesce(parsed).dt.strftime(ISO)


def _iso_or_published(column: str) -> pl.Expr:
    return pl.coalesce(iso_date(column), column)


def _only_value(column: pl.Expr) -> pl.Expr:
    return pl.when(column.n_unique() == 1).then(column.first())


def _in_feed_order(rows: pl.DataFrame, feed: Feed) -> pl.DataFrame:
    return rows.select(name for name in feed.column_names if name in rows.columns)
