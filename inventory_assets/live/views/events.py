"""Events as people ask for them: one with its status and attempts, and a search with pages.

Pages go from the newest event to older ones by sequence. An item, a type, a source, or a time in which little happened
leads to them by an index; otherwise a page looks at a bounded stretch of the log, so that a rare event may take
several pages, none of which costs more than the stretch. Invariant: a page and what its cursor leads to never show an
event twice and never skip one that was there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.live.locks import SPACE, lane_key
from inventory_assets.live.tables import LANES

if TYPE_CHECKING:
    from sqlalchemy import Connection

STRETCH = 50_000
"""Rows of the log a page looks at where no index leads to the wanted ones."""

Status = Literal["Pending", "Processing", "Completed", "Failed", "Retry", "Filtered", "Quarantined"]
STATUSES: tuple[Status, ...] = ("Pending", "Processing", "Completed", "Failed", "Retry", "Filtered", "Quarantined")

_COLUMNS = """
l.sequence, l.epoch, l.source, l.event_id, l.type, l.event_time, l.received_at, l.priority, l.items, l.disposition,
l.envelope, l.data::text AS data,
CASE
    WHEN l.disposition = 'filtered' THEN 'Filtered'
    WHEN l.disposition = 'quarantined' THEN 'Quarantined'
    WHEN q.waiting > 0 AND q.held THEN 'Processing'
    WHEN q.waiting > 0 AND q.attempts > 0 THEN 'Retry'
    WHEN q.waiting > 0 THEN 'Pending'
    WHEN p.failed THEN 'Failed'
    ELSE 'Completed'
END AS status,
coalesce(q.waiting, 0) AS waiting, coalesce(q.attempts, 0) AS attempts, q.not_before
"""
_STATUS = """
LEFT JOIN LATERAL (
    SELECT count(*) AS waiting, max(w.attempts) AS attempts, min(w.not_before) AS not_before,
           bool_or(w.not_before IS NULL AND w.lane = ANY(:held)) AS held
    FROM event_queue AS w WHERE w.sequence = l.sequence
) AS q ON true
LEFT JOIN LATERAL (
    SELECT bool_or(last.status = 'Failed') AS failed FROM (
        SELECT DISTINCT ON (part) status FROM processing_log WHERE sequence = l.sequence ORDER BY part, attempt DESC
    ) AS last
) AS p ON true
"""
_FIND = f"SELECT {_COLUMNS} FROM event_log AS l {_STATUS}"  # noqa: S608 - constants of this module
_BY_ID = """
SELECT source, sequence FROM event_ids
WHERE event_id = :event_id AND (CAST(:source AS text) IS NULL OR source = :source)
ORDER BY sequence LIMIT 11
"""
_ATTEMPTS = """
SELECT part, attempt, status, worker, started_at, ended_at, actions, error_class, error_code, error_message
FROM processing_log WHERE sequence = :sequence ORDER BY part, attempt LIMIT 200
"""
_HELD = """
SELECT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = :space AND objid BETWEEN :first AND :last
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class EventUnknownError(LookupError):
    """No event with this id was ever taken."""


class EventAmbiguousError(LookupError):
    """Several sources sent an event with this id; `sources` names them."""

    def __init__(self, sources: Sequence[str]) -> None:
        """Keep the sources.

        Args:
            sources: some of them.
        """
        super().__init__(", ".join(sources))
        self.sources = tuple(sources)


class EventArchivedError(LookupError):
    """The event was taken, but its row is no longer in the log."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched.

    Attributes:
        item: an item it touches.
        type: its type.
        source: its source.
        status: how far it is.
        since: event time from here on.
        until: event time before here.
        before: sequences below this one: the cursor.
        limit: events of a page.
    """

    item: str | None = None
    type: str | None = None
    source: str | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Events found.

    Attributes:
        events: the events, the newest first.
        next_before: `before` of the next page; None where the log is at its end.
    """

    events: tuple[dict[str, Any], ...]
    next_before: int | None


def event_with_status(connection: Connection, event_id: str, source: str | None) -> dict[str, Any]:
    """One event with its status and every attempt.

    Args:
        connection: a connection.
        event_id: its id.
        source: its source; may be left out where only one source sent the id.

    Raises:
        EventUnknownError: there is none.
        EventAmbiguousError: several sources sent one.
        EventArchivedError: it left the log.
    """
    from sqlalchemy import text

    found = connection.execute(text(_BY_ID), {"event_id": event_id, "source": source}).all()
    if not found:
        raise EventUnknownError(event_id)
    if len(found) > 1:
        raise EventAmbiguousError([row.source for row in found])
    asked = {"sequence": found[0].sequence, "held": _held_lanes(connection)}
    row = connection.execute(text(f"{_FIND} WHERE l.sequence = :sequence"), asked).mappings().one_or_none()
    if row is None:
        raise EventArchivedError(event_id)
    attempts = connection.execute(text(_ATTEMPTS), {"sequence": found[0].sequence}).mappings()
    return _shown(row) | {"attempts": [_attempt(each) for each in attempts]}


def search(connection: Connection, wanted: Wanted) -> Page:
    """A page of events."""
    from sqlalchemy import text

    conditions, values = _conditions(wanted)
    by_time = _time_leads(connection, wanted)
    timed = wanted.since is not None or wanted.until is not None
    led = by_time or wanted.item is not None or wanted.type is not None or (wanted.source is not None and not timed)
    newest = connection.execute(text("SELECT coalesce(max(sequence), 0) FROM event_log")).scalar_one()
    upto = newest if wanted.before is None else min(newest, wanted.before - 1)
    values |= {"upto": upto, "held": _held_lanes(connection), "limit": wanted.limit + 1}
    floor = 0 if led else max(0, upto - STRETCH)
    conditions += ["l.sequence <= :upto", "l.sequence > :floor"]
    # Only texts of this module are put together; what was asked for is bound.
    order = "l.sequence + 0" if by_time else "l.sequence"  # no index has the first: it is not walked through for it
    inner = f"SELECT * FROM event_log AS l WHERE {' AND '.join(conditions)} ORDER BY {order} DESC"  # noqa: S608
    outer = "WHERE found.status = :status" if wanted.status is not None else ""
    bound = f"LIMIT {STRETCH}" if wanted.status is not None else "LIMIT :limit"
    statement = (
        f"SELECT * FROM (SELECT {_COLUMNS} FROM ({inner} {bound}) AS l {_STATUS}) AS found {outer}"  # noqa: S608
        " ORDER BY sequence DESC LIMIT :limit"
    )
    values |= {"floor": floor, "status": wanted.status}
    rows = connection.execute(text(statement), values).mappings().all()
    if len(rows) > wanted.limit:
        return Page(tuple(_shown(row) for row in rows[: wanted.limit]), rows[wanted.limit - 1]["sequence"])
    if led and wanted.status is not None:
        seen = f"SELECT min(sequence), count(*) FROM ({inner} LIMIT {STRETCH}) AS seen"  # noqa: S608
        last = connection.execute(text(seen), values).one()
        floor = last[0] - 1 if last[1] == STRETCH else 0
    return Page(tuple(_shown(row) for row in rows), floor + 1 if floor else None)


def _time_leads(connection: Connection, wanted: Wanted) -> bool:
    """Whether events are found by their time: no more happened in it than a stretch holds.

    The count ends at a stretch and is made by the index of times alone, which skips blocks of the log.
    """
    from sqlalchemy import text

    if wanted.since is None and wanted.until is None:
        return False
    conditions, values = _conditions(Wanted(since=wanted.since, until=wanted.until))
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    counted = (
        "SELECT count(*) FROM"  # noqa: S608 - constants of this module
        f" (SELECT FROM event_log AS l WHERE {' AND '.join(conditions)} LIMIT {STRETCH + 1}) AS found"
    )
    return connection.execute(text(counted), values).scalar_one() <= STRETCH


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    asked = {
        "l.items @> ARRAY[:item]": ("item", wanted.item),
        "l.type = :type": ("type", wanted.type),
        "l.source = :source": ("source", wanted.source),
        "l.event_time >= :since": ("since", wanted.since),
        "l.event_time < :until": ("until", wanted.until),
    }
    kept = {condition: pair for condition, pair in asked.items() if pair[1] is not None}
    return list(kept), dict(kept.values())


def _held_lanes(connection: Connection) -> list[int]:
    """Lanes a worker works on right now."""
    from sqlalchemy import text

    first = lane_key(0)
    rows = connection.execute(text(_HELD), {"space": SPACE, "first": first, "last": lane_key(LANES - 1)})
    return [key - first for (key,) in rows]


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    envelope = dict(row["envelope"])
    shown: dict[str, Any] = {
        "eventId": row["event_id"],
        "source": row["source"],
        "type": row["type"],
        "status": row["status"],
        "sequence": row["sequence"],
        "epoch": row["epoch"],
        "time": row["event_time"],
        "receivedAt": row["received_at"],
        "priority": row["priority"],
        "items": list(row["items"]),
        "disposition": row["disposition"],
        "data": json.loads(row["data"]),
        "envelope": envelope,
    }
    if row["waiting"]:
        shown["waitingParts"] = row["waiting"]
        shown["attemptsSoFar"] = row["attempts"]
    if row["not_before"] is not None:
        shown["notBefore"] = row["not_before"]
    return shown


def _attempt(row: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "part": row["part"],
        "attempt": row["attempt"],
        "status": row["status"],
        "processor": row["worker"],
        "startedAt": row["started_at"],
        "endedAt": row["ended_at"],
        "milliseconds": round((row["ended_at"] - row["started_at"]).total_seconds() * 1000, 3),
    }
    if row["actions"] is not None:
        shown["actions"] = row["actions"]
    if row["error_class"] is not None:
        shown["error"] = {"class": row["error_class"], "code": row["error_code"], "message": row["error_message"]}
    return shown
