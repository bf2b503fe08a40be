"""Everything that states how much there is, in one frame: counts, openings, authoritative levels, assumptions.

One row is one statement about an item at a location; rows of one count sheet (zones, lines) stay apart here and are
summed by `fold`. Zones counted at different instants are different counts: the later one states the whole location.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from inventory_assets.contracts.schemas import INSTANT

if TYPE_CHECKING:
    from inventory_assets.contracts.sources import Profiles

PAIR = ["product_sku", "location_id"]
"""Item and location: the pair that has a stock."""

COUNTS = pl.Schema(
    {
        "product_sku": pl.String(),
        "location_id": pl.String(),
        "kind": pl.String(),
        "quantity": pl.Int64(),
        "event_time": INSTANT,
        "source_system": pl.String(),
        "document_id": pl.String(),
        "event_date": pl.Date(),
    }
)
"""Statements of stock; `kind` is one of `rules.KINDS`."""

_BEGINNING = pl.lit(datetime(1, 1, 1, tzinfo=UTC), dtype=INSTANT)


def counts_of(stock_counts: pl.DataFrame, stock_openings: pl.DataFrame) -> pl.DataFrame:
    """Physical counts (`silver/stock_counts`) and opening balances (`silver/stock_openings`) as `COUNTS`."""
    return pl.concat([_statements(stock_counts, "count"), _statements(stock_openings, "opening")])


def authoritative_levels(warehouse_updates: pl.DataFrame, locations: pl.DataFrame) -> pl.DataFrame:
    """Levels of locations whose stock authority was `wms` at the time, as `COUNTS` of kind `level`.

    A system reports its zones one by one, so the level of a location at an instant is the sum of the latest level of
    each zone. A late level of one zone therefore changes later totals as well: hand over all levels of an item and
    location, and compare results (`snapshot.changed_events`) to learn what changed.

    Args:
        warehouse_updates: rows of `silver/warehouse_updates`; other records than levels are ignored.
        locations: `silver/locations`, with its history; its first version holds from the start.
    """
    levels = warehouse_updates.filter(pl.col("record_type") == "level", pl.col("current_stock").is_not_null())
    reporter = ["source_system", *PAIR]
    return (
        _with_authority(levels, locations)
        .filter(pl.col("stock_authority") == "wms")
        .sort(*reporter, "event_time", "location_zone", "document_id", "line_number")
        .unique([*reporter, "event_time", "location_zone"], keep="last", maintain_order=True)
        .with_columns(
            change=pl.col("current_stock")
            - pl.col("current_stock").shift(1).over([*reporter, "location_zone"]).fill_null(0)
        )
        .with_columns(quantity=pl.col("change").cum_sum().over(reporter), kind=pl.lit("level"), document_id=pl.lit(""))
        .unique([*reporter, "event_time"], keep="last", maintain_order=True)
        .select(list(COUNTS))
        .cast(COUNTS)
    )


def believed(statements: pl.DataFrame, locations: pl.DataFrame) -> pl.DataFrame:
    """Statements of live events that count, as `COUNTS`: levels only where the authority was `wms` at their instant.

    Args:
        statements: rows of `silver/stock_statements`.
        locations: `silver/locations`, with its history; its first version holds from the start.
    """
    ruled = (pl.col("kind") != "level") | (pl.col("stock_authority") == "wms").fill_null(value=False)
    return _with_authority(statements, locations).filter(ruled).select(list(COUNTS)).cast(COUNTS)


def assumed_openings(pairs: pl.DataFrame, profiles: Profiles) -> pl.DataFrame:
    """Openings the source profiles assume, as `COUNTS` of kind `assumed`; none where a profile assumes nothing.

    An assumption fills in for knowledge, it never replaces it: it lies before everything else at its instant, and any
    other count or opening beats it, even an earlier one. A pair known to several systems gets the earliest assumption.

    Args:
        pairs: source_system, product_sku, location_id of every pair with an event.
        profiles: profiles by source system.
    """
    pairs = pairs.select("source_system", *PAIR).unique()
    stated = []
    for source, location in pairs.select("source_system", "location_id").unique().rows():
        profile = profiles[source]
        quantity, day = profile.assume.opening_quantity, profile.assume.opening_date
        if quantity is not None and day is not None:
            stated.append((source, location, quantity, _start_of(day, profile.zone_of(location)), day))
    assumptions = pl.DataFrame(
        stated,
        schema={
            "source_system": pl.String(),
            "location_id": pl.String(),
            "quantity": pl.Int64(),
            "event_time": INSTANT,
            "event_date": pl.Date(),
        },
        orient="row",
    )
    return (
        pairs.join(assumptions, on=["source_system", "location_id"])
        .with_columns(kind=pl.lit("assumed"), document_id=pl.lit(""))
        .sort(*PAIR, "event_time", "source_system")
        .unique(PAIR, keep="first", maintain_order=True)
        .select(list(COUNTS))
    )


def _with_authority(events: pl.DataFrame, locations: pl.DataFrame) -> pl.DataFrame:
    """Events with the stock authority of their location at their instant; null where the master does not know it."""
    authority = locations.select(
        "location_id",
        "stock_authority",
        since=pl.when(pl.col("valid_from") == pl.col("valid_from").min().over("location_id"))
        .then(_BEGINNING)
        .otherwise(pl.col("valid_from")),
    ).sort("since")
    return events.sort("event_time").join_asof(
        authority, left_on="event_time", right_on="since", by="location_id", check_sortedness=False
    )


def _statements(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    return rows.with_columns(kind=pl.lit(kind), document_id=pl.col("document_id").fill_null("")).select(list(COUNTS))


def _start_of(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
