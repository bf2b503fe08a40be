"""What became of one event that somebody waits for: whether it is through, and the fact it was decided into."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, derived_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STATE = """
SELECT EXISTS (SELECT 1 FROM event_queue WHERE sequence = :sequence) AS waits,
       (SELECT status FROM processing_log WHERE sequence = :sequence ORDER BY id DESC LIMIT 1) AS last,
       (SELECT error_message FROM processing_log WHERE sequence = :sequence ORDER BY id DESC LIMIT 1) AS message
"""
_FACT = """
SELECT l.type, l.data::text AS data FROM event_ids AS i JOIN event_log AS l USING (sequence)
WHERE i.source = :source AND i.event_id = :event_id
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an event is.

    Attributes:
        state: waiting, done, or failed for good.
        message: why it failed last, if it did.
        fact: type of the fact it became; None for facts and for commands without effect.
        data: what that fact says.
    """

    state: Literal["waiting", "done", "failed"]
    message: str | None = None
    fact: str | None = None
    data: dict[str, Any] | None = None


def progress_of(connection: Connection, sequence: int, key: tuple[str, str]) -> Progress:
    """How far an event is.

    Args:
        connection: a connection.
        sequence: the event.
        key: its source and id.
    """
    from sqlalchemy import text

    row = connection.execute(text(_STATE), {"sequence": sequence}).one()
    if row.waits:
        return Progress("waiting", row.message)
    if row.last == "Failed":
        return Progress("failed", row.message)
    fact = connection.execute(text(_FACT), {"source": SERVICE_SOURCE, "event_id": derived_id(key, 0)}).one_or_none()
    if fact is None:
        return Progress("done")
    return Progress("done", None, fact.type, json.loads(fact.data, parse_float=Decimal))
