"""Events of the log as bronze rows: which table each belongs to, and its business day.

The log is handed over as frames; where they come from is not known here. Invariant: every event is a row of exactly
one of the two tables, by its type alone, so that an event read again goes to where it went before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.log_tables import RETAIL_EVENTS, STOCK_EVENTS, VOIDED
from inventory_assets.contracts.schemas import INSTANT, polars_schema

if TYPE_CHECKING:
    from inventory_assets.contracts.model import Table
    from inventory_assets.contracts.sources import Profiles


@cache
def stock_types() -> frozenset[str]:
    """Types that move or state stock, or ask for it."""
    from inventory_assets.contracts.events.catalogue import TYPES
    from inventory_assets.stock.effects import EFFECTIVE_TYPES

    return EFFECTIVE_TYPES | {name for name, declared in TYPES.items() if declared.moves_stock}


def bronze_events(events: pl.DataFrame, profiles: Profiles, read_at: datetime) -> dict[Table, pl.DataFrame]:
    """Rows of the two bronze tables.

    Args:
        events: rows of the log: epoch, sequence, source, event_id, type, event_time, received_at, priority, items
            (a list), disposition, envelope, data, effects (texts).
        profiles: source profiles, for time zones.
        read_at: when they were read.
    """
    rows = events.with_columns(
        pl.col("epoch", "sequence", "priority").cast(pl.Int64),
        pl.col("event_time", "received_at").dt.convert_time_zone("UTC").cast(INSTANT),
        pl.col("items").list.join("\n"),
        pl.col("effects").cast(pl.String),
        source_system="source",
        ingestion_timestamp=pl.lit(read_at, INSTANT),
        processing_date=pl.lit(read_at.astimezone(UTC).date()),
    )
    rows = _placed(rows)
    days = _days(rows, profiles)
    is_stock = pl.col("type").is_in(list(stock_types()))
    return {
        table: days.filter(chosen).select(list(polars_schema(table)))
        for table, chosen in ((STOCK_EVENTS, is_stock), (RETAIL_EVENTS, ~is_stock))
    }


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with whose they are, where and when they happened: as their effects say, otherwise as data and envelope do.

    What voids an event is placed as that event is, and so stands on its day.
    """
    effects = pl.col("effects")
    moves = effects.str.starts_with("[{").fill_null(value=False)
    at = effects.str.extract(r'"at":(-?\d+)').cast(pl.Int64).cast(INSTANT)
    return pl.concat(
        [
            rows.filter(moves).with_columns(
                _sender="source_system", _location=effects.str.json_path_match("$[0].location"), _happened=at
            ),
            rows.filter(~moves).with_columns(
                _sender=pl.when(pl.col("type") == VOIDED)
                .then(pl.col("data").str.json_path_match("$.event_source"))
                .otherwise("source_system"),
                _location=pl.col("data").str.json_path_match("$.location_id"),
                _happened="event_time",
            ),
        ]
    ).sort("sequence")


def _days(rows: pl.DataFrame, profiles: Profiles) -> pl.DataFrame:
    """Time zone and business day of each row, by its sender and location."""
    places = rows.select("_sender", "_location").unique()
    zones = [profiles[source].zone_of(location) for source, location in places.iter_rows()]
    placed = rows.join(
        places.with_columns(business_time_zone=pl.Series(zones, dtype=pl.String)),
        on=["_sender", "_location"],
        nulls_equal=True,
        maintain_order="left",
    )
    day = pl.lit(None, pl.Date)
    for zone in sorted(set(zones)):
        local = pl.col("_happened").dt.convert_time_zone(zone).dt.date()
        day = pl.when(pl.col("business_time_zone") == zone).then(local).otherwise(day)
    return placed.with_columns(event_date=day)
