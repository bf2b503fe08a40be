"""Receipts due at a pair, as the lake knew them when it told the live layer last.

What was received since then is on hand already and still among them until the next refresh tells anew; the answer
therefore says of when they are. Not here: what is promised on them (`stock.promising`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from inventory_assets.stock.promising import Receipt

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEVER_TOLD = "the lake has told nothing of receipts yet"
NOT_NAMED = "the lake knows no stock, policy or order of this pair"
_RECEIPTS = "SELECT receipts, on_order, unknown_reason FROM live_pairs WHERE item = :item AND location = :location"
_TOLD = "SELECT published_at FROM live_masters"


@dataclass(frozen=True, slots=True)
class Due:
    """What is to come.

    Attributes:
        receipts: units by day.
        told_at: when the lake told of it; None for never.
        unknown_reason: why there may be more that nobody told us of; None where this is everything.
    """

    receipts: tuple[Receipt, ...]
    told_at: datetime | None
    unknown_reason: str | None


def receipts_due(connection: Connection, item: str, location: str) -> Due:
    """What is to come to a pair."""
    from sqlalchemy import text

    told_at = connection.execute(text(_TOLD)).scalar()
    row = connection.execute(text(_RECEIPTS), {"item": item, "location": location}).first()
    if row is None:
        return Due((), told_at, NEVER_TOLD if told_at is None else NOT_NAMED)
    receipts = tuple(
        Receipt(None if day is None else date.fromisoformat(day), units) for day, units in json.loads(row.receipts)
    )
    unknown = None if row.on_order is not None else row.unknown_reason or NOT_NAMED
    return Due(receipts, told_at, unknown)
