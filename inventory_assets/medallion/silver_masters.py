"""Masters of items, locations and suppliers with their history.

Each function builds a whole table: masters are small, and one late version moves the end of another. Invariant: the
versions of a key follow each other without gap or overlap, the first one holds from the start of the records, and the
last one holds now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import polars as pl

from inventory_assets.contracts import feeds, silver
from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.contracts.silver import DAY_BALANCE, QUARANTINE
from inventory_assets.medallion.silver_common import (
    MAX_AHEAD,
    Rule,
    Rulebook,
    balance,
    common_rules,
    limit_rules,
    null_key_rules,
    settle,
    trimmed,
)
from inventory_assets.medallion.silver_decisions import lay_over

if TYPE_CHECKING:
    from datetime import timedelta

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.model import Table
    from inventory_assets.contracts.sources import Profiles

_TIMES = ("modified_at", "created_at")


def _standardised(rows: pl.DataFrame, feed: Feed, profiles: Profiles) -> pl.DataFrame:
    """Rows with codes in standard form, `_from` (when the version begins) and `_start` (start of the records)."""
    systems = rows["source_system"].unique().to_list()
    starts = pl.DataFrame(
        {"source_system": systems, "_start": [profiles[system].earliest_date for system in systems]},
        schema={"source_system": pl.String, "_start": pl.Date},
    )
    texts = [column.name for column in feed.columns if column.type == "String"]
    times = [name for name in _TIMES if name in rows.columns]
    capitals = [name for name in ("product_sku", "currency") if name in rows.columns]
    small = [name for name in ("location_type", "stock_authority") if name in rows.columns]
    coded = "product_sku" in rows.columns
    sent = rows.with_columns((pl.col("product_sku") if coded else pl.lit(None, pl.String)).alias("_sent_sku"))
    return (
        trimmed(sent, texts)
        .join(starts, on="source_system", how="left")
        .with_columns(pl.col("_start").cast(INSTANT))
        .with_columns(
            *(pl.col(name).str.to_uppercase() for name in capitals),
            *(pl.col(name).str.to_lowercase() for name in small),
            pl.coalesce(*times, "_start").alias("_from"),
        )
        .with_columns(pl.col(name).fill_null("ledger") for name in small if name == "stock_authority")
    )


def _versions(kept: pl.DataFrame, key: str, facts: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Versions with their validity, and the rows that only say again what the version before them says."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift().over(key)) for name in facts)
    first = pl.int_range(pl.len()).over(key) == 0
    ordered = kept.sort(key, "_from").with_columns((same & ~first).alias("_again"))
    versions = ordered.filter(~pl.col("_again")).with_columns(
        pl.when(first).then(pl.min_horizontal("_from", "_start")).otherwise(pl.col("_from")).alias("valid_from"),
        pl.col("_from").shift(-1).over(key).alias("valid_to"),
    )
    return versions.with_columns(pl.col("valid_to").is_null().alias("is_current")), ordered.filter(pl.col("_again"))


def _build(
    bronze: pl.DataFrame,
    decisions: pl.DataFrame,
    profiles: Profiles,
    feed: Feed,
    table: Table,
    rules: list[Rule],
    max_ahead: timedelta,
) -> dict[str, pl.DataFrame]:
    """A master table with the quarantine and day balance of its feed."""
    key = table.key[0]
    rows = lay_over(bronze, decisions, profiles, feed)
    required = [
        Rule("value:not_allowed", pl.col(column.name).is_null(), (column.name,))
        for column in table.columns
        if not column.nullable and column.name != key and column.name in feed.column_names
    ]
    limits = limit_rules(table, {name: name for name in feed.column_names if name in table.column_names})
    book = Rulebook(
        feed, (key, "_from"),
        (
            *common_rules(pl.col("_from"), None, max_ahead=max_ahead), *null_key_rules([key]), *required, *limits,
            *rules,
        ),
        "_from", "location_id" if "location_id" in feed.column_names else None, pl.lit(None, pl.Int64), by_day=False,
    )  # fmt: skip
    settled = settle(_standardised(rows, feed, profiles), book)
    facts = [name for name in feed.column_names if name not in (key, *_TIMES)]
    versions, again = _versions(settled.kept.collect(), key, facts)
    found = versions.select(table.column_names)
    repeats = again.group_by("source_system", "event_date").agg(pl.len().cast(pl.Int64).alias("rows"))
    counts = balance(
        feed, rows.lazy(), {table.name: versions}, settled.quarantine, pl.concat([settled.repeats, repeats])
    )
    return {table.path: found, QUARANTINE.path: settled.quarantine, DAY_BALANCE.path: counts}


def build_products(
    bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, *, max_ahead: timedelta = MAX_AHEAD
) -> dict[str, pl.DataFrame]:
    """Item master from all rows of `bronze/products`, with the quarantine and day balance of the feed.

    A version begins at modified_at, else created_at, else with the records; a row that says what the version before it
    says counts as an exact repeat.
    """
    rules = [Rule("price:negative", pl.col("unit_cost") < 0), Rule("price:negative", pl.col("unit_price") < 0)]
    return _build(bronze, decisions, profiles, feeds.PRODUCTS, silver.PRODUCTS, rules, max_ahead)


def build_locations(
    bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, *, max_ahead: timedelta = MAX_AHEAD
) -> dict[str, pl.DataFrame]:
    """Location master from all rows of `bronze/locations`, built as `build_products` does; zones must be IANA zones."""
    zones = bronze["time_zone"].drop_nulls().str.strip_chars().unique()
    unknown = zones.filter(~zones.is_in(sorted(available_timezones())) & (zones != ""))
    rules = [Rule("value:not_allowed", pl.col("time_zone").is_in(unknown.implode()))]
    return _build(bronze, decisions, profiles, feeds.LOCATIONS, silver.LOCATIONS, rules, max_ahead)


def build_suppliers(
    bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, *, max_ahead: timedelta = MAX_AHEAD
) -> dict[str, pl.DataFrame]:
    """Supplier master from all rows of `bronze/suppliers`, built as `build_products` does."""
    return _build(bronze, decisions, profiles, feeds.SUPPLIERS, silver.SUPPLIERS, [], max_ahead)
