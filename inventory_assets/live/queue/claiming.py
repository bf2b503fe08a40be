"""Claims waiting parts: locks lanes, then takes the head of each from the index that is the order of the queue.

Invariants: lanes are locked in one statement and read in a later one of the same READ COMMITTED transaction, so what
the former holder of a lane did is seen; nothing sorts the backlog, whatever its length; a claim ends with its
transaction, and one that stands still loses it. Retries that must wait are not in the index of the claim. A claim with
urgent parts is short, so that neither they nor those that come after them wait for the rest of a backlog.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inventory_assets.contracts.values import Value
from inventory_assets.live.database.driver import milliseconds, set_parameters
from inventory_assets.live.locks import SPACE, lane_key
from inventory_assets.live.modes import SET_ASIDE
from inventory_assets.live.tables import LANES

if TYPE_CHECKING:
    from psycopg import Connection

_LOCK = "SELECT lane FROM unnest(%s::int[], %s::int[]) AS asked (lane, key) WHERE pg_try_advisory_xact_lock(%s, key)"
_LOCK_OF_OTHERS = """
WITH most_urgent AS MATERIALIZED (
SELECT other.lane, other.key
FROM unnest(%(lanes)s::int[], %(keys)s::int[]) AS other (lane, key)
CROSS JOIN LATERAL (
    SELECT lane, priority, event_time
    FROM event_queue
    WHERE event_queue.lane = other.lane AND not_before IS NULL
    ORDER BY priority DESC, event_time, sequence, part
    LIMIT 1
) AS head
ORDER BY head.priority DESC, head.event_time
LIMIT %(most)s
)
SELECT lane FROM most_urgent WHERE pg_try_advisory_xact_lock(%(space)s, key)
"""
CLAIM = """
SELECT head.sequence, head.part, head.lane, head.priority, head.attempts, head.event_time, head.received_at
FROM unnest(%(lanes)s::int[]) AS locked (lane)
CROSS JOIN LATERAL (
    SELECT sequence, part, lane, priority, attempts, event_time, received_at
    FROM event_queue
    WHERE event_queue.lane = locked.lane AND not_before IS NULL
    ORDER BY priority DESC, event_time, sequence, part
    LIMIT %(each)s
) AS head
ORDER BY head.priority DESC, head.event_time, head.sequence, head.part
LIMIT %(limit)s
"""
"""The head of each lane by index, then the head of those: at most lanes × limit rows are ever compared."""
SHARES, SPARE = 3, 4
"""A lane is first asked for so many times its even share, and for a few more; one that gives all of them to the claim
is asked for as many as are wanted."""
URGENT = 8
"""Priority from which nothing is gathered and little is taken along."""
WITH_URGENT = 20
"""Parts of a claim with urgent ones, if these are not more: it takes twice as long as a claim of one, and half as long
as one of a hundred."""
MOST_STOLEN = 8
"""Lanes of others taken at once; the rest stays free for their own worker, should it come back."""
_FINISH = (
    "DELETE FROM event_queue USING unnest(%s::bigint[], %s::smallint[]) AS done (sequence, part)"
    " WHERE event_queue.sequence = done.sequence AND event_queue.part = done.part"
)
_DUE = (
    "UPDATE event_queue SET not_before = NULL"
    " WHERE not_before <= %(now)s OR (not_before > %(latest)s AND not_before < %(aside)s)"
)


class Waiting(Value, frozen=True):
    """A part that waits to be processed.

    Attributes:
        sequence: its event.
        part: which of the event's items, from 0.
        lane: its lane.
        priority: how urgent it is now; ageing raises it.
        attempts: how often it was tried.
        event_time: when the event happened.
        received_at: when it was received.
    """

    sequence: int
    part: int
    lane: int
    priority: int
    attempts: int
    event_time: datetime
    received_at: datetime


def share_of(worker: int, workers: int) -> list[int]:
    """Lanes a worker prefers.

    Args:
        worker: its number, from 0.
        workers: how many there are.
    """
    return [lane for lane in range(LANES) if lane % workers == worker % workers]


def claim(connection: Connection, preferred: Sequence[int], limit: int, lease_seconds: float = 5.0) -> list[Waiting]:
    """Take the most urgent parts of the preferred lanes, or of any other lanes nobody holds where those are empty.

    Args:
        connection: a psycopg connection in a READ COMMITTED transaction that has done nothing yet; the claim lasts
            until it ends.
        preferred: see `share_of`.
        limit: parts at most.
        lease_seconds: the transaction is ended when it stands still for so long, and the parts wait again.

    Returns:
        Parts by priority, event time, sequence, part; few where some of them are urgent.
    """
    lease = milliseconds(lease_seconds)
    limits = {"idle_in_transaction_session_timeout": lease, "statement_timeout": lease}
    set_parameters(connection, limits, within=True)
    locked = connection.execute(_LOCK, (list(preferred), [lane_key(lane) for lane in preferred], SPACE))
    found = _taken(connection, [lane for (lane,) in locked], limit)
    others = sorted(set(range(LANES)) - set(preferred))
    if found or not others:
        return found
    asked = {"lanes": others, "keys": [lane_key(lane) for lane in others], "most": MOST_STOLEN, "space": SPACE}
    return _taken(connection, [lane for (lane,) in connection.execute(_LOCK_OF_OTHERS, asked)], limit)


def finish(connection: Connection, parts: Sequence[Waiting]) -> int:
    """Take processed parts out of the queue, in the transaction that claimed them.

    Returns:
        How many were there.
    """
    return connection.execute(_FINISH, ([each.sequence for each in parts], [each.part for each in parts])).rowcount


def wake_retries(connection: Connection, now: datetime, longest: timedelta = timedelta(days=1)) -> int:
    """Let retries whose time has come be claimed again, and those from before the clock was set back.

    Args:
        connection: a psycopg connection.
        now: the time.
        longest: no retry waits for longer, unless its instant comes from a clock that was ahead of this one.

    Returns:
        How many.
    """
    return connection.execute(_DUE, {"now": now, "latest": now + longest, "aside": SET_ASIDE}).rowcount


def _taken(connection: Connection, locked: Sequence[int], limit: int) -> list[Waiting]:
    if not locked:
        return []
    each = min(limit, SHARES * limit // len(locked) + SPARE)
    waiting = _heads(connection, locked, each, limit)
    given = Counter(part.lane for part in waiting)
    rich = [lane for lane, parts in given.items() if parts == each]
    if rich and each < limit:
        waiting = [part for part in waiting if part.lane not in rich] + _heads(connection, rich, limit, limit)
        waiting = sorted(waiting, key=_place)[:limit]
    urgent = sum(part.priority >= URGENT for part in waiting)
    return waiting[: max(urgent, WITH_URGENT)] if urgent else waiting


def _heads(connection: Connection, lanes: Sequence[int], each: int, limit: int) -> list[Waiting]:
    rows = connection.execute(CLAIM, {"lanes": lanes, "each": each, "limit": limit})
    return [Waiting(*row) for row in rows]


def _place(part: Waiting) -> tuple[int, datetime, int, int]:
    """Where a part stands in the queue; `CLAIM` says the same."""
    return -part.priority, part.event_time, part.sequence, part.part
