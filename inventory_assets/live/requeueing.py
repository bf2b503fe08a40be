"""Parts of the log that count and were never applied, and their way back into the queue.

A part that was applied, waits or is a dead letter is left alone, so that replaying anything twice changes nothing.
Not here: events the log itself has lost (`operate.replay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.live.log.entries import lane_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

GROUP = 5_000
"""Parts put back by one transaction."""

_PARTS = """
SELECT log.sequence, part, log.source, log.event_id, log.type, log.items[part + 1] AS item, log.priority,
       log.event_time, log.received_at,
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
WHERE log.disposition = 'accepted' AND log.sequence > :after
  AND (CAST(:since AS timestamptz) IS NULL OR log.event_time >= :since)
  AND (cardinality(CAST(:types AS text[])) = 0 OR log.type = ANY(:types))
  AND (cardinality(CAST(:items AS text[])) = 0 OR log.items && CAST(:items AS text[]))
ORDER BY log.sequence, part
"""
_REQUEUE = """
INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at)
SELECT * FROM unnest(CAST(:sequences AS bigint[]), CAST(:parts AS smallint[]), CAST(:lanes AS smallint[]),
                     CAST(:priorities AS smallint[]), CAST(:event_times AS timestamptz[]),
                     CAST(:received AS timestamptz[]))
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are meant; by default all.

    Attributes:
        after: only events behind this position of the log.
        since: only events that happened since then.
        types: only these types.
        items: only events that touch one of these items.
    """

    after: int = 0
    since: datetime | None = None
    types: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Unapplied:
    """A part that counts and was not applied.

    Attributes:
        sequence: its event.
        part: which part of it.
        lane: its lane.
        priority: place in the queue.
        event_time: when it happened.
        received_at: when it was taken.
    """

    sequence: int
    part: int
    lane: int
    priority: int
    event_time: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """Parts that a filter means.

    Attributes:
        unapplied: those to be put back, in the order of the log.
        applied: number of those that were applied.
        waiting: number of those that wait.
        dead: number of dead letters; they have commands of their own.
    """

    unapplied: tuple[Unapplied, ...]
    applied: int
    waiting: int
    dead: int


def choose(engine: Engine, wanted: Filter) -> Chosen:
    """Parts that a filter means, by what became of them."""
    from sqlalchemy import text

    values = {"after": wanted.after, "since": wanted.since, "types": list(wanted.types), "items": list(wanted.items)}
    found: list[Unapplied] = []
    applied = waiting = dead = 0
    with engine.connect() as connection:
        for row in connection.execute(text(_PARTS), values):
            if wanted.items and row.item is not None and row.item not in wanted.items:
                continue
            applied, waiting, dead = applied + row.applied, waiting + row.waiting, dead + row.dead
            if not (row.applied or row.waiting or row.dead):
                lane = lane_of(row.item or f"{row.source}/{row.event_id}")
                found.append(Unapplied(row.sequence, row.part, lane, row.priority, row.event_time, row.received_at))
    return Chosen(tuple(found), applied, waiting, dead)


def requeue(engine: Engine, parts: Sequence[Unapplied]) -> int:
    """Put parts back into the queue, with the priority they came with; returns how many were not there already."""
    from sqlalchemy import text

    done = 0
    for first in range(0, len(parts), GROUP):
        group = parts[first : first + GROUP]
        values = {
            "sequences": [each.sequence for each in group],
            "parts": [each.part for each in group],
            "lanes": [each.lane for each in group],
            "priorities": [each.priority for each in group],
            "event_times": [each.event_time for each in group],
            "received": [each.received_at for each in group],
        }
        with engine.begin() as connection:
            done += connection.execute(text(_REQUEUE), values).rowcount
            connection.execute(text("SELECT pg_notify('inventory_log', '')"))
    return done
