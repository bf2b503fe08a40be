"""Supplier orders: each reported state of an order line.

Folding the states of a line into its life cycle is not here. Invariant: every row of a written day stands in
`supplier_orders` or in quarantine, or is an exact repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import SUPPLIER
from inventory_assets.contracts.silver import SUPPLIER_ORDERS
from inventory_assets.medallion.silver_common import (
    MAX_AHEAD,
    Rows,
    Rule,
    Rulebook,
    Settled,
    build_sources,
    collected,
    common_rules,
    limit_rules,
    null_key_rules,
    settle,
    trimmed,
)
from inventory_assets.medallion.silver_decisions import lay_over_lazily
from inventory_assets.medallion.silver_items import item_quality, with_items

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, timedelta

    from inventory_assets.contracts.model import Table
    from inventory_assets.contracts.sources import Profiles, SourceProfile

_TEXTS = [c.name for c in SUPPLIER.columns if c.type == "String" and c.name != "product_sku"]
_SENT_TIME = ("updated_at", "received_at", "ordered_at")


def _standardised(rows: pl.LazyFrame, known_items: pl.Series, profile: SourceProfile) -> pl.LazyFrame:
    """Rows with codes in standard form; a row without an order number gets one of supplier, item and promised time."""
    promised = pl.col("expected_delivery").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    bare = pl.concat_str(["supplier_id", "product_sku", promised], separator="|")
    return trimmed(with_items(rows, known_items, profile), _TEXTS).with_columns(
        pl.col("order_status").str.to_lowercase(),
        pl.col("currency").str.to_uppercase().fill_null(profile.currency),
        pl.col("order_id").is_null().alias("bare_shape"),
        pl.col("order_id").fill_null(bare),
        pl.col("line_number").fill_null(0),
        pl.coalesce(_SENT_TIME).alias("_reported_at"),
        pl.coalesce(*_SENT_TIME, "expected_delivery").alias("updated_at"),
    )


def _rulebook(profile: SourceProfile, max_ahead: timedelta) -> Rulebook:
    """Rules of a supplier row; a promised delivery may lie ahead, a report may not.

    A row without an order number is known by its promised delivery, which must be there.
    """
    unnamed = pl.col("bare_shape") & pl.col("expected_delivery").is_null() & pl.col("row_error").is_null()
    timeless = pl.col("updated_at").is_null() & pl.col("row_error").is_null()
    limited = ("line_number", "quantity_received")
    rules = [
        *common_rules(pl.col("_reported_at"), profile.earliest_date, max_ahead=max_ahead),
        *null_key_rules(("supplier_id", "product_sku")),
        Rule("time:missing", unnamed | timeless, ("expected_delivery",)),
        Rule("quantity:null", pl.col("quantity_ordered").is_null(), ("quantity_ordered",)),
        Rule("quantity:negative", pl.col("quantity_ordered") < 0),
        Rule("price:negative", pl.col("unit_cost") < 0),
        *limit_rules(SUPPLIER_ORDERS, {name: name for name in limited}),
    ]
    key = ("supplier_id", "order_id", "line_number", "product_sku", "updated_at")
    return Rulebook(SUPPLIER, key, tuple(rules), "updated_at", "location_id", pl.col("quantity_ordered"))


def build_supplier(
    bronze: Rows,
    decisions: pl.DataFrame,
    known_items: pl.Series,
    profiles: Profiles,
    days: Collection[date | None],
    *,
    max_ahead: timedelta = MAX_AHEAD,
) -> dict[str, pl.DataFrame]:
    """Silver table of supplier orders for some days.

    Quality rules: item in the master, form and length of its code where declared; order number sent; currency a code
    of three letters; not promised before it was ordered.

    Args:
        bronze: rows of `bronze/supplier_orders` of the days, and of those from which a fix moves rows here.
        decisions: rows of `silver/decisions`.
        known_items: item codes of the product master.
        profiles: source profiles.
        days: days to build; None is the partition of rows without a day.
        max_ahead: how far a reported time may lie ahead of the row's reading.

    Returns:
        Frames of these days by table path, quarantine and day balance included.
    """
    backwards = (pl.col("expected_delivery") < pl.col("ordered_at")).fill_null(value=False)
    quality = item_quality([~pl.col("bare_shape"), pl.col("currency").str.len_bytes() == 3, ~backwards])  # noqa: PLR2004

    def treat(sent: pl.LazyFrame, profile: SourceProfile) -> tuple[Settled, dict[Table, pl.DataFrame]]:
        settled = settle(_standardised(sent, known_items, profile).collect(), _rulebook(profile, max_ahead))
        return settled, {SUPPLIER_ORDERS: settled.kept.with_columns(quality.alias("data_quality_score")).collect()}

    rows = lay_over_lazily(bronze, decisions, profiles, SUPPLIER)
    return collected(build_sources(rows, SUPPLIER, (SUPPLIER_ORDERS,), profiles, days, treat))
