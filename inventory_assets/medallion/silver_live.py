"""Live events as silver: movements and statements of stock beside those of files, and reservations.

What an event does to stock was computed when the log took it; here it is only decided which of it counts, and what
came by file as well. Not here: assumptions and the authority over levels (`stock.counts`). Invariant: a line of a
document at a location stands in the movements once, whichever ways it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.log_tables import STOCK_RESERVATIONS, STOCK_STATEMENTS, TOLD_BY_BATCH, VOIDED
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.silver import STOCK_MOVEMENTS
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.effect_frames import effects_of_texts
from inventory_assets.stock.effects import PROMISE_KINDS
from inventory_assets.stock.rules import KINDS

if TYPE_CHECKING:
    from inventory_assets.contracts.sources import Profiles

LINE = ["source_system", "location_id", "document_id", "line_number", "product_sku"]
"""What makes a movement of a file and one of an event the same: transaction and line, where, and of what."""

_COUNTED = ("accepted", "decided")
_KEPT = (*LINE, "kind", "event_time", "event_date")


def live_effects(stock_events: pl.DataFrame, profiles: Profiles) -> pl.DataFrame:
    """Effects (`effect_frames.EFFECTS` and event_date) of the events that count.

    Left out: what the door set aside, what the lake itself told the log, parts of events that were voided, and codes
    that are no goods for their source; what the live layer decided is about goods.

    Args:
        stock_events: rows of `bronze/stock_events`, of whole days: what voids an event stands on its day.
        profiles: source profiles.
    """
    told = pl.col("event_id").str.starts_with(TOLD_BY_BATCH)
    counted = stock_events.filter(pl.col("disposition").is_in(_COUNTED), ~told)
    effects = _without(effects_of_texts(counted, "event_date"), _voided(counted))
    for source in effects["source_system"].unique():
        pattern = profiles[source].merchandise_pattern
        if pattern is not None and source != SERVICE_SOURCE:
            effects = effects.filter((pl.col("source_system") != source) | pl.col("product_sku").str.contains(pattern))
    return effects


def live_movements(effects: pl.DataFrame) -> pl.DataFrame:
    """Movements in the schema of `silver/stock_movements`, equal keys added."""
    schema = polars_schema(STOCK_MOVEMENTS)
    return (
        effects.filter(~pl.col("kind").is_in([*KINDS, *PROMISE_KINDS]))
        .group_by(_KEPT)
        .agg(pl.col("quantity", "unavailable").sum())
        .with_columns(location_zone=pl.lit(""))
        .select(list(schema))
        .cast(schema)
    )


def live_statements(effects: pl.DataFrame) -> pl.DataFrame:
    """Rows of `silver/stock_statements`; parts of one count added."""
    schema = polars_schema(STOCK_STATEMENTS)
    return (
        effects.filter(pl.col("kind").is_in(KINDS))
        .group_by("kind", *PAIR, "event_time", "document_id", "source_system")
        .agg(pl.col("quantity").sum(), pl.col("event_date").min())
        .select(list(schema))
        .cast(schema)
    )


def live_reservations(effects: pl.DataFrame) -> pl.DataFrame:
    """Rows of `silver/stock_reservations`: everything that changes what is reserved."""
    schema = polars_schema(STOCK_RESERVATIONS)
    sold = (pl.col("kind") == "issue") & (pl.col("reserved") < 0)
    return (
        effects.filter(pl.col("reserved") != 0)
        .with_columns(
            kind=pl.when(sold).then(pl.lit("committed")).otherwise("kind"),
            quantity=pl.col("reserved"),
            reservation_id=pl.col("document_id"),
        )
        .group_by("kind", *PAIR, "event_time", "reservation_id", "source_system")
        .agg(pl.col("quantity").sum(), pl.col("event_date").min())
        .select(list(schema))
        .cast(schema)
    )


def counted_once(by_file: pl.LazyFrame, live: pl.DataFrame, profiles: Profiles) -> pl.LazyFrame:
    """Movements of files and of events together; what came both ways is taken from the way its source declares.

    Args:
        by_file: movements of the days from files.
        live: movements of the same days from events.
        profiles: source profiles, for the route.
    """
    if live.is_empty():
        return by_file
    streams = [source for source in live["source_system"].unique() if profiles[source].route == "stream"]
    streamed = pl.col("source_system").is_in(streams)
    again = live.lazy().filter(streamed)
    files = by_file.join(again, on=LINE, how="anti")
    events = pl.concat([again, live.lazy().filter(~streamed).join(by_file, on=LINE, how="anti")])
    return pl.concat([files, events])


def _voided(events: pl.DataFrame) -> pl.DataFrame:
    """Source, id and item of voided parts; an item of null stands for the whole event."""
    data = pl.col("data")
    return events.filter(pl.col("type") == VOIDED).select(
        source_system=data.str.json_path_match("$.event_source"),
        event_id=data.str.json_path_match("$.event_id"),
        product_sku=data.str.json_path_match("$.product_sku"),
    )


def _without(effects: pl.DataFrame, voided: pl.DataFrame) -> pl.DataFrame:
    event = ["source_system", "event_id"]
    whole = voided.filter(pl.col("product_sku").is_null())
    return effects.join(whole, on=event, how="anti").join(voided, on=[*event, "product_sku"], how="anti")
