"""Records of warehouse systems: movements, asserted stock levels, physical counts.

What a record does to stock is not here (`stock`). Invariant: every record of a written day stands in
`warehouse_updates`, in `stock_counts` or in quarantine, or is an exact repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import RECORD_TYPES, WAREHOUSE
from inventory_assets.contracts.silver import STOCK_COUNTS, WAREHOUSE_UPDATES
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

WAREHOUSE_TABLES: tuple[Table, ...] = (WAREHOUSE_UPDATES, STOCK_COUNTS)
"""Tables a warehouse record may stand in."""

_TYPE, _QUANTITY, _STOCK = pl.col("record_type"), pl.col("quantity"), pl.col("current_stock")
_TEXTS = [c.name for c in WAREHOUSE.columns if c.type == "String" and c.name != "product_sku"]


def _standardised(rows: pl.LazyFrame, known_items: pl.Series, profile: SourceProfile) -> pl.LazyFrame:
    """Records with codes in standard form; a transfer without a giving or receiving location has the warehouse's."""
    here, giving, receiving = pl.col("warehouse_id"), pl.col("from_location"), pl.col("to_location")
    transfer = _TYPE == "transfer"
    return (
        trimmed(with_items(rows, known_items, profile), _TEXTS)
        .with_columns(
            _TYPE.str.to_lowercase().fill_null("level"),
            pl.col("location_zone", "document_id").fill_null(""),
            pl.col("line_number").fill_null(0),
        )
        .with_columns(
            pl.when(transfer & giving.is_null() & (receiving != here)).then(here).otherwise(giving)
            .alias("from_location"),
            pl.when(transfer & receiving.is_null() & (giving != here)).then(here).otherwise(receiving)
            .alias("to_location"),
        )
    )  # fmt: skip


def _rulebook(profile: SourceProfile, max_ahead: timedelta) -> Rulebook:
    transfer, level, count = _TYPE == "transfer", _TYPE == "level", _TYPE == "count"
    one_sided = pl.col("from_location").is_null() | pl.col("to_location").is_null()
    rules = [
        *common_rules(pl.col("last_updated"), profile.earliest_date, max_ahead=max_ahead),
        *null_key_rules(("warehouse_id", "product_sku")),
        Rule("key:null", transfer & one_sided),
        Rule("time:missing", pl.col("last_updated").is_null() & pl.col("row_error").is_null(), ("last_updated",)),
        Rule("value:not_allowed", ~_TYPE.is_in(list(RECORD_TYPES))),
        Rule("value:not_allowed", transfer & (pl.col("from_location") == pl.col("to_location"))),
        Rule("quantity:null", ~level & _QUANTITY.is_null(), ("quantity",)),
        Rule("quantity:null", level & _STOCK.is_null(), ("current_stock",)),
        Rule("quantity:zero", ~level & ~count & (_QUANTITY == 0)),
        Rule("quantity:negative", ~level & (_TYPE != "adjustment") & (_QUANTITY < 0)),
        Rule("quantity:negative", level & (_STOCK < 0)),
        *limit_rules(WAREHOUSE_UPDATES, {n: n for n in ("line_number", "current_stock", "reserved_stock")}),
        *limit_rules(STOCK_COUNTS, {"quantity": "quantity"}, count),
    ]
    key = ("record_type", "warehouse_id", "product_sku", "location_zone", "last_updated", "document_id", "line_number")
    held = pl.when(~level).then(_QUANTITY)
    return Rulebook(WAREHOUSE, key, tuple(rules), "last_updated", "warehouse_id", held)


def _split(kept: pl.LazyFrame) -> dict[Table, pl.DataFrame]:
    """Kept records by table.

    Quality rules: item in the master, form and length of its code where declared; a movement or count names its
    document; the offered stock of a level is what is there less what is held.
    """
    free = _STOCK - pl.col("reserved_stock").fill_null(0)
    rows = kept.with_columns(
        pl.col("warehouse_id").alias("location_id"),
        pl.col("last_updated").alias("event_time"),
        pl.when(_TYPE != "level").then(_QUANTITY).alias("quantity"),
        item_quality(
            [
                (_TYPE == "level") | (pl.col("document_id") != ""),
                (_TYPE != "level") | (pl.col("available_stock") == free).fill_null(value=True),
            ]
        ).alias("data_quality_score"),
    )
    return {
        WAREHOUSE_UPDATES: rows.filter(_TYPE != "count").select(WAREHOUSE_UPDATES.column_names).collect(),
        STOCK_COUNTS: rows.filter(_TYPE == "count").select(STOCK_COUNTS.column_names).collect(),
    }


def build_warehouse(
    bronze: Rows,
    decisions: pl.DataFrame,
    known_items: pl.Series,
    profiles: Profiles,
    days: Collection[date | None],
    *,
    max_ahead: timedelta = MAX_AHEAD,
) -> dict[str, pl.DataFrame]:
    """Silver tables of warehouse records for some days.

    Args:
        bronze: rows of `bronze/warehouse_updates` of the days, and of those from which a fix moves rows here.
        decisions: rows of `silver/decisions`.
        known_items: item codes of the product master.
        profiles: source profiles.
        days: days to build; None is the partition of rows without a day.
        max_ahead: how far an event time may lie ahead of the row's reading.

    Returns:
        Frames of these days by table path, quarantine and day balance included.
    """

    def treat(sent: pl.LazyFrame, profile: SourceProfile) -> tuple[Settled, dict[Table, pl.DataFrame]]:
        settled = settle(_standardised(sent, known_items, profile).collect(), _rulebook(profile, max_ahead))
        return settled, _split(settled.kept)

    rows = lay_over_lazily(bronze, decisions, profiles, WAREHOUSE)
    return collected(build_sources(rows, WAREHOUSE, WAREHOUSE_TABLES, profiles, days, treat))
