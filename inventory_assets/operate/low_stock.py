"""Low-stock notices of the live layer for the batch side, read from the outbox after the last one seen."""

from __future__ import annotations

from inventory_assets.live.database.problems import DatabaseError
from inventory_assets.live.outbox.reading import Wanted, head, page
from inventory_assets.operate.live_log import live_engine
from inventory_assets.pipeline.low_stock import Low
from inventory_assets.settings import Settings

TYPE = "stock.low"
MOST = 1_000
"""Notices read at a time."""


def low_notices(settings: Settings, after: int | None) -> tuple[list[Low], int | None]:
    """Notices after a place in the outbox, in order, and the place up to which it was seen.

    Args:
        settings: which installation.
        after: place of the last one seen; None for the first look, which only finds the place: what was told
            before is left to the night.

    Returns:
        Nothing and the same place where there is no live database, or it rests.
    """
    if not settings.has_live_database:
        return [], after
    try:
        with live_engine(settings) as engine, engine.connect() as connection:
            if after is None:
                return [], head(connection)
            found = page(connection, min(after, head(connection)), Wanted(types=(TYPE,)), MOST)
    except DatabaseError:
        return [], after
    lows = [
        Low(row.item, row.location, row.sequence or 0, row.created_at)
        for row in found.rows
        if row.item is not None and row.location is not None
    ]
    return lows, found.seen
