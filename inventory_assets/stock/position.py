"""Stock of every item at every location now and what is under way to it, with a reason for every null."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.on_order import counted_units, with_supplies
from inventory_assets.stock.rules import UNKNOWN

if TYPE_CHECKING:
    from datetime import date

NOT_FOLLOWED = "reserved: no live log is read; available, inventory_position: a part is null"
UNKNOWN_STOCK = (
    "book, unavailable, on_hand, shortfall, first_known_at, last_count_at, last_count_quantity: no opening or count yet"
)
UNMOVED = "last_movement_at: no movement yet"
UNRESERVED = "position_before_reserved: a part is null"
NOT_AVAILABLE, NO_POSITION = "available: a part is null", "inventory_position: a part is null"

KEPT = (
    *PAIR, "stock_basis", "book", "unavailable", "first_known_at", "last_count_at", "last_count_quantity",
    "last_movement_at",
)  # fmt: skip
"""Columns of `fold.STATE` that the position shows."""


def shown_states(rows: pl.DataFrame) -> pl.DataFrame:
    """States (`KEPT`) that rows of `gold/inventory_position` show, without pairs that only have units on order."""
    happened = pl.col("last_movement_at").is_not_null() | (pl.col("stock_basis") != UNKNOWN)
    return rows.filter(happened).select(KEPT)


def position(
    states: pl.DataFrame,
    quarantined: pl.DataFrame,
    open_orders: pl.DataFrame,
    coverage: pl.DataFrame,
    promised: pl.DataFrame | None,
    processing_date: date,
) -> pl.DataFrame:
    """Rows of `gold/inventory_position`.

    Args:
        states: `KEPT` of every pair with an event: folded (`fold.fold`), or as shown last (`shown_states`).
        quarantined: product_sku, location_id, quantity (`quarantined_units`); a pair without an accepted event gets
            no row.
        open_orders: rows of `gold/open_supplier_orders`; a pair with units on order has a row even before its first
            movement or count.
        coverage: rows of `gold/supply_coverage`.
        promised: product_sku, location_id and units reserved, 0 where a pair has no row; None where nobody can
            reserve, as no live log is read.
        processing_date: UTC day of the computation.
    """
    held = quarantined.group_by(PAIR).agg(quarantined_quantity=pl.col("quantity").sum())
    book, unknown = pl.col("book"), pl.col("stock_basis") == UNKNOWN
    awaited = counted_units(open_orders).select(PAIR).join(states, on=PAIR, how="anti")
    pairs = pl.concat([states, awaited], how="diagonal").with_columns(pl.col("stock_basis").fill_null(UNKNOWN))
    unreserved = pl.col("on_hand") - pl.col("unavailable") + pl.col("on_order") + pl.col("in_transit")
    if promised is None:
        reserved = pairs.select(*PAIR, reserved=pl.lit(None, dtype=pl.Int64))
        parts = [pl.lit(NOT_FOLLOWED)]
    else:
        reserved = pairs.select(PAIR).join(promised, on=PAIR, how="left").with_columns(pl.col("reserved").fill_null(0))
        parts = [
            pl.when(unknown).then(pl.lit(NOT_AVAILABLE)),
            pl.when(unreserved.is_null()).then(pl.lit(NO_POSITION)),
        ]
    return (
        with_supplies(pairs, open_orders, coverage)
        .join(held, on=PAIR, how="left")
        .join(reserved, on=PAIR, how="left")
        .with_columns(
            # max_horizontal skips nulls and would turn unknown into 0.
            on_hand=pl.when(book.is_not_null()).then(pl.max_horizontal(book, 0)),
            shortfall=pl.when(book.is_not_null()).then(pl.max_horizontal(-book, 0)),
            quarantined_quantity=pl.col("quarantined_quantity").fill_null(0),
            processing_date=pl.lit(processing_date),
        )
        .with_columns(
            available=pl.col("on_hand") - pl.col("reserved") - pl.col("unavailable"),
            position_before_reserved=unreserved,
            inventory_position=unreserved - pl.col("reserved"),
            null_reason=pl.concat_str(
                pl.when(unknown).then(pl.lit(UNKNOWN_STOCK)),
                pl.when(pl.col("last_movement_at").is_null()).then(pl.lit(UNMOVED)),
                pl.col("on_order_reason"),
                pl.col("in_transit_reason"),
                pl.when(unreserved.is_null()).then(pl.lit(UNRESERVED)),
                *parts,
                separator="; ",
                ignore_nulls=True,
            ).replace("", None),
        )
        .select(INVENTORY_POSITION.column_names)
        .cast(polars_schema(INVENTORY_POSITION))
        .sort(PAIR)
    )


def quarantined_units(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Units in question by item and location: Σ |quantity| of till and warehouse rows in `silver/quarantine`.

    A row that a person discarded is out for good, so its units are in question no more. Codes stand there as sent;
    they are trimmed and put in upper case as silver does, to find their pair.
    """
    return (
        quarantine.filter(pl.col("feed").is_in(["pos", "warehouse"]), pl.col("reason").ne_missing("discarded"))
        .select(
            pl.col("product_sku").str.strip_chars().str.to_uppercase(),
            pl.col("location_id").str.strip_chars(),
            pl.col("quantity").abs(),
        )
        .drop_nulls()
        .group_by(PAIR)
        .agg(pl.col("quantity").sum())
    )
