"""One row a key over the whole table: which rows of a key must go, and which may come back.

Within a day the rebuild of the day sees to it; across days this function does, over the rows silver keeps and those it
was told to take out before. Finding candidates and storing decisions are not here. Invariant: whatever order the rows
arrived in, the rows of the earliest day that has good ones stay and those of all other days go.
"""

from __future__ import annotations

import polars as pl

from inventory_assets.contracts import silver
from inventory_assets.contracts.model import Table
from inventory_assets.medallion.silver_common import joined_key, mark
from inventory_assets.medallion.silver_deciding import ELSEWHERE

BACK = "duplicate_key_gone"
KEY = ("source_system", "_key")
PLACE = ("source_file", "row_number", "ingestion_timestamp")
"""What silver tells about where a row came from."""

_RECEIPT = ("store_id", "transaction_id", "line_number")
_RECORD = ("location_id", "product_sku", "location_zone", "event_time", "document_id", "line_number")
_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (silver.SALES.name, silver.RETURNS.name, silver.CANCELLATIONS.name, silver.GIVEN_AWAY.name,
         silver.STOCK_ADJUSTMENTS.name, silver.NON_MERCHANDISE.name), _RECEIPT,
    ),
    silver.WAREHOUSE_UPDATES.name: ("record_type", *_RECORD),
    silver.STOCK_COUNTS.name: _RECORD,
    silver.SUPPLIER_ORDERS.name: ("supplier_id", "order_id", "line_number", "product_sku", "updated_at"),
    silver.STOCK_OPENINGS.name: ("location_id", "product_sku", "event_time"),
}  # fmt: skip
"""Key columns of each table, in the order in which quarantine writes the business key of its feed."""


def with_key(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of a silver table as `_key` (the business key quarantine would show), `_mark` (a number of it) and place."""
    parts = [pl.col(name) for name in _PARTS[table.name]]
    kind = [pl.lit("count")] if table is silver.STOCK_COUNTS else []
    keyed = rows.select("source_system", joined_key([*kind, *parts]).alias("_key"), "event_date", *PLACE)
    return keyed.with_columns(mark(KEY).alias("_mark"))


def held_rows(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Quarantined rows that have a say: those taken out for their key, and losers of a contradiction, in that form."""
    told = quarantine.filter(pl.col("reasons").is_in([ELSEWHERE, "conflict"]), pl.col("business_key").is_not_null())
    keyed = told.select(
        "source_system", pl.col("business_key").alias("_key"), "event_date", *PLACE, pl.col("reasons").alias("_reason")
    )
    return keyed.with_columns(mark(KEY).alias("_mark"))


def judge_keys(kept: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Rows whose key stands on another day, the later day losing, and rows whose key does no more.

    Args:
        kept: rows of silver (`with_key`), all of those keys that are in question.
        held: rows of quarantine (`held_rows`) of these keys.

    Returns:
        `PLACE`, source_system, `_key`, event_date, `action` and `first_day` (the day that stays), one row a decision.
    """
    out = held.filter(pl.col("_reason") == ELSEWHERE)
    names = [*KEY, "event_date", *PLACE]
    standing = pl.concat([kept.select(names), out.select(names)])
    first = standing.group_by(KEY).agg(pl.col("event_date").min().alias("first_day"))
    later = pl.col("event_date") > pl.col("first_day")
    # a loser of a contradiction would win it once the winner is gone
    there = pl.concat([kept.select(names), held.filter(pl.col("_reason") == "conflict").select(names)])
    go = there.join(first, on=KEY).filter(later).with_columns(action=pl.lit(ELSEWHERE))
    back = out.select(names).join(first, on=KEY).filter(~later).with_columns(action=pl.lit(BACK))
    return pl.concat([go, back]).sort(*KEY, "event_date", *PLACE)
