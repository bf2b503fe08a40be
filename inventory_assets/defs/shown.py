"""What a materialisation by hand shows beyond its numbers: rows of the table, a picture, the state of the publication.

The refresh job logs an event for every day it replaced and shows none of this: there, an event must stay small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.defs.resources import Store

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake

PREVIEWED = ("gold", "analytics", "replenishment")
FRESHNESS = (
    "SELECT table_name, row_count, newest_event_at, freshness_seconds, quarantined_rows FROM data_as_of "
    "ORDER BY freshness_seconds DESC NULLS LAST, table_name"
)


def details(lake: Lake, table: Table, days: Collection[date | None] | None) -> dict[str, Any]:
    """Rows in the whole table, and for tables that people read some of the rows that were written.

    Args:
        lake: where the table is.
        table: which one.
        days: days that were written, None for the whole table.
    """
    from inventory_assets.lakehouse.preview import count_rows, preview

    by_day = "event_date" in table.partition_by
    shown: dict[str, Any] = {"dagster/row_count": count_rows(lake, table)}
    if table.layer in PREVIEWED:
        named = [day for day in days or () if day is not None]
        newest = [max(named)] if named and by_day else None
        shown["preview"] = dg.MetadataValue.md(preview(lake, table, newest))
    return shown


def published_details(store: Store) -> dict[str, Any]:
    """How fresh the tables of the published file are; nothing before the first publication."""
    from inventory_assets.lakehouse.preview import markdown
    from inventory_assets.publish.layout import NothingPublishedError
    from inventory_assets.publish.sql import query

    try:
        return {"data_as_of": dg.MetadataValue.md(markdown(query(store.settings().serving, FRESHNESS)))}
    except NothingPublishedError:
        return {}


def list_of_tables(tables: Iterable[Table]) -> str:
    """Tables with their grain, as Markdown."""
    rows = (f"| {table.layer}.{table.name} | {table.grain} | {', '.join(table.key)} |" for table in tables)
    return "\n".join(["| table | one row | key |", "| --- | --- | --- |", *rows])
