"""Keeps events that came under the id of another one, so that people can see what was refused.

One row a content: a sender that repeats itself adds nothing. Old rows leave with `event_ids`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.live.log.entries import Entry

if TYPE_CHECKING:
    from sqlalchemy import Engine

_KEEP = """
INSERT INTO event_conflicts (event_id, source, fingerprint, first_sequence, received_at, type, data)
VALUES (:event_id, :source, :fingerprint, :first_sequence, :received_at, :type, :data) ON CONFLICT DO NOTHING
"""


def keep_conflicts(engine: Engine, found: Sequence[tuple[Entry, int]]) -> None:
    """Record entries that were not stored.

    Args:
        engine: the database.
        found: each with the sequence of the event that has its id.
    """
    from sqlalchemy import text

    rows = [
        {
            "event_id": entry.event_id,
            "source": entry.source,
            "fingerprint": entry.fingerprint,
            "first_sequence": sequence,
            "received_at": entry.received_at,
            "type": entry.type,
            "data": entry.data,
        }
        for entry, sequence in found
    ]
    with engine.begin() as connection:
        connection.execute(text(_KEEP), rows)
