"""Appends events of this service to the log and tells others of them, in one transaction.

Invariant: an event that is in the log already is neither appended nor told again, whoever tries and however often; so
what is told by an event whose id follows from its cause is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.wire import dumps
from inventory_assets.contracts.events.writing import structured_event
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import Outcome, append_within, copy_rows, prepared_group
from inventory_assets.live.log.entries import copy_text

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

    from inventory_assets.contracts.events.reading import Event

GROUP = 500
"""Events of a transaction, which holds the append lock."""
_OUTBOX = ("sequence", "type", "item", "location", "created_at", "data")
_NOTIFY = "SELECT pg_notify('inventory_outbox', '')"


def tell(
    engine: Engine, events: Sequence[Event], now: datetime, *, wait_seconds: float = 5.0, lease_seconds: float = 5.0
) -> list[Outcome]:
    """Append events and put those that are new into the outbox.

    Args:
        engine: the database.
        events: events of this service, each with an id that follows from what it tells.
        now: the time.
        wait_seconds: how long other appenders may be waited for.
        lease_seconds: a process that stands still under the lock for so long loses it.

    Returns:
        An outcome for each event, in order.

    Raises:
        sqlalchemy.exc.OperationalError, psycopg.Error: the database is away, or refuses the group; telling it again
            tells what is missing.
    """
    found: list[Outcome] = []
    with engine.connect() as connection:
        driver = driver_of(connection)
        for first in range(0, len(events), GROUP):
            found += _group(driver, events[first : first + GROUP], now, wait_seconds, lease_seconds)
    return found


def _group(
    driver: Connection, events: Sequence[Event], now: datetime, wait_seconds: float, lease_seconds: float
) -> list[Outcome]:
    ready, refused = prepared_group([entry_of(event) for event in events])
    kept = [event for number, event in enumerate(events) if number not in refused]
    with driver.transaction():
        stored = append_within(driver, ready, (wait_seconds, lease_seconds)) if ready else []
        rows = [
            _row(event, outcome.sequence, now)
            for event, outcome in zip(kept, stored, strict=True)
            if outcome.status == "accepted"
        ]
        if rows:
            copy_rows(driver, "outbox", _OUTBOX, rows)
            driver.execute(_NOTIFY)
    outcomes = iter(stored)
    return [refused[number] if number in refused else next(outcomes) for number in range(len(events))]


def _row(event: Event, sequence: int | None, now: datetime) -> str:
    envelope = event.envelope
    item, location = ("\\N", "\\N") if envelope.pair is None else (copy_text(each) for each in envelope.pair)
    data = copy_text(dumps(structured_event(envelope)))
    at = now.astimezone(UTC).isoformat()
    return "\t".join((str(sequence), copy_text(envelope.type), item, location, at, data))
