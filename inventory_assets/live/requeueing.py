"""Parts of the log that count and were never applied, and their way back into the queue.

A part that was applied, waits or is a dead letter is left alone, so that replaying anything twice changes nothing. The
log is gone through in stretches, each a short transaction of its own: memory and snapshots stay small however long it
is, and who stops between two of them may begin again. Not here: events the log itself has lost (`operate.replay`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.catalogue import canonical
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.locks import REPLAY, SPACE, TAKE
from inventory_assets.live.log.entries import lane_of

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Engine

STRETCH = 20_000
"""Sequences of the log looked at by one statement, and parts put back by one transaction, about."""

_PARTS = """
SELECT log.sequence, part, log.source, log.event_id, log.items[part + 1] AS item, log.priority, log.event_time,
       log.received_at,
       EXISTS (SELECT FROM processing_log AS done WHERE done.sequence = log.sequence AND done.part = parts.part
                                                    AND done.status = 'Completed') AS applied,
       EXISTS (SELECT FROM event_queue AS queue WHERE queue.sequence = log.sequence AND queue.part = parts.part)
           AS waiting,
       EXISTS (SELECT FROM dead_letters AS dead WHERE dead.sequence = log.sequence AND dead.part = parts.part
                                                  AND dead.status <> 'retried') AS dead
FROM event_log AS log
CROSS JOIN LATERAL generate_series(
    0, CASE WHEN log.effects IS NULL THEN 0 ELSE greatest(cardinality(log.items), 1) - 1 END
) AS parts (part)
WHERE log.disposition = 'accepted' AND log.sequence > %(after)s AND log.sequence <= %(upto)s
  AND (%(since)s::timestamptz IS NULL OR log.event_time >= %(since)s)
  AND (cardinality(%(types)s::text[]) = 0 OR log.type = ANY(%(types)s))
  AND (cardinality(%(items)s::text[]) = 0 OR log.items && %(items)s
       AND (log.items[part + 1] IS NULL OR log.items[part + 1] = ANY(%(items)s)))
"""
_COUNT = f"""
SELECT count(*) FILTER (WHERE applied), count(*) FILTER (WHERE waiting AND NOT applied),
       count(*) FILTER (WHERE dead AND NOT (applied OR waiting)),
       count(*) FILTER (WHERE NOT (applied OR waiting OR dead))
FROM ({_PARTS}) AS found
"""  # noqa: S608 - constants of this module
_UNAPPLIED = f"""
SELECT sequence, part, item, source, event_id, priority, event_time, received_at
FROM ({_PARTS}) AS found WHERE NOT (applied OR waiting OR dead) ORDER BY sequence, part
"""  # noqa: S608 - constants of this module
_REQUEUE = """
INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at)
SELECT * FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::smallint[], %s::timestamptz[],
                     %s::timestamptz[])
ON CONFLICT DO NOTHING
"""
_NOTIFY = "SELECT pg_notify('inventory_log', '')"
_LAST = "SELECT coalesce(max(sequence), 0) FROM event_log"
_NEXT = "SELECT min(sequence) FROM event_log WHERE sequence > %s"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are meant; by default all.

    Attributes:
        after: only events behind this position of the log.
        since: only events that happened since then.
        types: only these types, by their declared names.
        items: only events that touch one of these items, as the log keeps them.
    """

    after: int = 0
    since: datetime | None = None
    types: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Filter()

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON keeps it."""
        since = None if self.since is None else self.since.isoformat()
        return {"after": self.after, "since": since, "types": list(self.types), "items": list(self.items)}


@dataclass(frozen=True, slots=True)
class Looked:
    """What a stretch of the log holds of what a filter means.

    Attributes:
        upto: last sequence of the stretch.
        applied: parts that were applied.
        waiting: parts that wait.
        dead: dead letters; they have commands of their own.
        unapplied: parts that count and are none of these.
        requeued: those of them that were put back.
    """

    upto: int
    applied: int
    waiting: int
    dead: int
    unapplied: int
    requeued: int


def filter_of(after: int, since: datetime | None, types: Iterable[str], items: Iterable[str]) -> Filter:
    """A filter from what people write: aliases of types, items in any case."""
    named = sorted({canonical(each) for each in types})
    return Filter(after, since, tuple(named), tuple(sorted({each.strip().upper() for each in items})))


def filter_from(document: dict[str, Any]) -> Filter:
    """A filter from its document."""
    since = None if document["since"] is None else datetime.fromisoformat(document["since"])
    return Filter(document["after"], since, tuple(document["types"]), tuple(document["items"]))


def last_sequence(engine: Engine) -> int:
    """Where the log ends now."""
    from sqlalchemy import text

    with engine.connect() as connection:
        return connection.execute(text(_LAST)).scalar_one()


def requeue(engine: Engine, wanted: Filter, upto: int, *, dry_run: bool) -> Iterator[Looked]:
    """Go through the log and put back what a filter means and was not applied, with the priority it came with.

    Args:
        engine: the live database.
        wanted: which events.
        upto: the last sequence; what is taken later is in the queue anyway.
        dry_run: only look.

    Yields:
        Each stretch, in the order of the log, once it is committed.
    """
    after = wanted.after
    while after < upto:
        with engine.begin() as outer:
            connection = driver_of(outer)
            first = connection.execute(_NEXT, (after,)).fetchone()
            if first is None or first[0] is None or first[0] > upto:
                return
            ends = min(first[0] - 1 + STRETCH, upto)
            looked = _stretch(connection, wanted, first[0] - 1, ends, dry_run=dry_run)
        yield looked
        after = ends


def _stretch(connection: psycopg.Connection, wanted: Filter, after: int, upto: int, *, dry_run: bool) -> Looked:
    """One stretch. Under a lock, as of two replays one might list what the other has just had applied."""
    asked = {
        "after": after,
        "upto": upto,
        "since": wanted.since,
        "types": list(wanted.types),
        "items": list(wanted.items),
    }
    if not dry_run:
        connection.execute(TAKE, (SPACE, REPLAY))
    applied, waiting, dead, unapplied = connection.execute(_COUNT, asked).fetchone() or (0, 0, 0, 0)
    done = 0
    if unapplied and not dry_run:
        done = _put_back(connection, connection.execute(_UNAPPLIED, asked).fetchall())
    return Looked(upto, applied, waiting, dead, unapplied, done)


def _put_back(connection: psycopg.Connection, rows: Sequence[Any]) -> int:
    columns: list[list[Any]] = [[], [], [], [], [], []]
    for sequence, part, item, source, event_id, priority, event_time, received_at in rows:
        lane = lane_of(item or f"{source}/{event_id}")
        for column, value in zip(columns, (sequence, part, lane, priority, event_time, received_at), strict=True):
            column.append(value)
    done = connection.execute(_REQUEUE, columns).rowcount
    connection.execute(_NOTIFY)
    return done
