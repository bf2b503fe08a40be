"""Opening balances: what was there when the records begin.

What an opening does to stock is not here (`stock`). Invariant: every row of a written day stands in `stock_openings`
or in quarantine, or is an exact repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import STOCK
from inventory_assets.contracts.silver import STOCK_OPENINGS
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


def _rulebook(profile: SourceProfile, max_ahead: timedelta) -> Rulebook:
    rules = [
        *common_rules(pl.col("as_of"), profile.earliest_date, max_ahead=max_ahead),
        *null_key_rules(("location_id", "product_sku")),
        Rule("time:missing", pl.col("as_of").is_null() & pl.col("row_error").is_null(), ("as_of",)),
        Rule("quantity:null", pl.col("quantity").is_null(), ("quantity",)),
        Rule("quantity:negative", pl.col("quantity") < 0),
        *limit_rules(STOCK_OPENINGS, {"quantity": "quantity"}),
    ]
    key = ("location_id", "product_sku", "as_of")
    return Rulebook(STOCK, key, tuple(rules), "as_of", "location_id", pl.col("quantity"))


def build_stock(
    bronze: Rows,
    decisions: pl.DataFrame,
    known_items: pl.Series,
    profiles: Profiles,
    days: Collection[date | None],
    *,
    max_ahead: timedelta = MAX_AHEAD,
) -> dict[str, pl.DataFrame]:
    """Silver table of opening balances for some days.

    Quality rules: item in the master, form and length of its code where declared; the inventory list is named.

    Args:
        bronze: rows of `bronze/stock_openings` of the days, and of those from which a fix moves rows here.
        decisions: rows of `silver/decisions`.
        known_items: item codes of the product master.
        profiles: source profiles.
        days: days to build; None is the partition of rows without a day.
        max_ahead: how far an instant may lie ahead of the row's reading.

    Returns:
        Frames of these days by table path, quarantine and day balance included.
    """

    def treat(sent: pl.LazyFrame, profile: SourceProfile) -> tuple[Settled, dict[Table, pl.DataFrame]]:
        rows = trimmed(with_items(sent, known_items, profile), ["location_id", "document_id"])
        settled = settle(rows.collect(), _rulebook(profile, max_ahead))
        kept = settled.kept.with_columns(
            pl.col("as_of").alias("event_time"),
            item_quality([pl.col("document_id").is_not_null()]).alias("data_quality_score"),
        )
        return settled, {STOCK_OPENINGS: kept.collect()}

    rows = lay_over_lazily(bronze, decisions, profiles, STOCK)
    return collected(build_sources(rows, STOCK, (STOCK_OPENINGS,), profiles, days, treat))
