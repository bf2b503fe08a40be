"""Figures of the live layer, read from its tables a few at a time, for metrics and `inventory doctor`.

Every statement is bounded: by an index, by a limit, or by what was added since the last look. Instants that are
compared with the database's come from the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_DEPTH = 1_000_000
MOST_DEAD = 100_000
MOST_CHANGES = 2_000
"""Rows of the ledger from whose end the share of saved writes is computed."""
MOST_ATTEMPTS = 2_000
"""Attempts whose latency one look reads; a sample when more were made."""
URGENT = 8

_DEPTH = """
SELECT count(*) FILTER (WHERE priority >= :urgent) AS urgent, count(*) AS waiting,
       count(*) FILTER (WHERE not_before IS NOT NULL) AS retries, min(received_at) AS oldest
FROM (SELECT priority, not_before, received_at FROM event_queue LIMIT :most) AS parts
"""
_LOG_END = "SELECT coalesce(max(sequence), 0) FROM event_log"
_ATTEMPTS_END = "SELECT coalesce(max(id), 0) FROM processing_log"
_COUNTS = "SELECT status, count(*) FROM processing_log WHERE id > :after AND id <= :upto GROUP BY status"
_ERRORS = """
SELECT coalesce(error_class, 'unknown'), count(*) FROM processing_log
WHERE id > :after AND id <= :upto AND status <> 'Completed' GROUP BY 1
"""
_LATENCIES = """
SELECT l.priority >= :urgent, extract(epoch FROM p.ended_at - l.received_at)::float
FROM (SELECT sequence, ended_at FROM processing_log
      WHERE id > :after AND id <= :upto AND status = 'Completed' ORDER BY id DESC LIMIT :most) AS p
JOIN event_log AS l USING (sequence)
"""
_LAST_ATTEMPT = "SELECT ended_at FROM processing_log WHERE id = :upto"
_LOCKS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_SNAPSHOT = """
SELECT min(xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
"""
_DEAD = "SELECT count(*) FROM (SELECT FROM dead_letters WHERE status = 'open' LIMIT :most) AS letters"
_MODES = "SELECT scope, count(*) FROM live_modes GROUP BY scope"
_SAVED = """
SELECT count(DISTINCT (item, location, resulting_version)) AS effects,
       count(DISTINCT (item, location, recorded_at)) AS writes
FROM (SELECT item, location, resulting_version, recorded_at FROM ledger ORDER BY id DESC LIMIT :most) AS changes
"""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


@dataclass(slots=True)
class Figures:
    """What one look found.

    Attributes:
        at: when.
        sequence: end of the log.
        attempt: greatest id of the processing log.
        waiting: parts that wait.
        urgent: of them with priority 8 or more.
        retries: of them waiting for their instant.
        oldest: when the one waiting longest was received.
        attempts: attempts since the look before, by status.
        errors: failed ones since then, by class.
        latencies: seconds from reception to the end of an attempt since then, with whether it was urgent; a sample.
        last_attempt: when the newest attempt ended.
        lock_waits: locks somebody waits for.
        oldest_snapshot: when the oldest open snapshot was taken.
        connections: connections to the database.
        dead_letters: open dead letters, `MOST_DEAD` at most.
        batch_only: what only the batch side works on: number of keys by scope.
        saved_writes: share of recent effects that cost no write of the state, as another one of their pair was in the
            batch; None before the first effect.
    """

    at: datetime
    sequence: int = 0
    attempt: int = 0
    waiting: int = 0
    urgent: int = 0
    retries: int = 0
    oldest: datetime | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    latencies: list[tuple[bool, float]] = field(default_factory=list)
    last_attempt: datetime | None = None
    lock_waits: int = 0
    oldest_snapshot: datetime | None = None
    connections: int = 0
    dead_letters: int = 0
    batch_only: dict[str, int] = field(default_factory=dict)
    saved_writes: float | None = None


@dataclass(frozen=True, slots=True)
class Attention:
    """What people should know of the live layer.

    Attributes:
        dead_letters: open dead letters, `MOST_DEAD` at most.
        batch_only: what only the batch side works on, as scope and key; the first hundred.
    """

    dead_letters: int
    batch_only: tuple[tuple[str, str], ...]


def attention(connection: Connection) -> Attention:
    """What people should know, from two bounded statements."""
    from sqlalchemy import text

    dead = connection.execute(text(_DEAD), {"most": MOST_DEAD}).scalar_one()
    modes = connection.execute(text("SELECT scope, key FROM live_modes ORDER BY scope, key LIMIT 100"))
    return Attention(dead, tuple((row.scope, row.key) for row in modes))


def look(connection: Connection, at: datetime, before: Figures | None) -> Figures:
    """Read all figures.

    Args:
        connection: a connection.
        at: the time.
        before: the look before, from which changes are counted; None for the first one, which has none.
    """
    from sqlalchemy import text

    depth = connection.execute(text(_DEPTH), {"urgent": URGENT, "most": MOST_DEPTH}).one()
    sequence = connection.execute(text(_LOG_END)).scalar_one()
    upto = connection.execute(text(_ATTEMPTS_END)).scalar_one()
    found = Figures(at, sequence, upto, depth.waiting, depth.urgent, depth.retries, depth.oldest)
    found.last_attempt = connection.execute(text(_LAST_ATTEMPT), {"upto": upto}).scalar_one_or_none()
    found.lock_waits = connection.execute(text(_LOCKS)).scalar_one()
    found.oldest_snapshot = connection.execute(text(_SNAPSHOT)).scalar_one()
    found.connections = connection.execute(text(_CONNECTIONS)).scalar_one()
    found.dead_letters = connection.execute(text(_DEAD), {"most": MOST_DEAD}).scalar_one()
    found.batch_only = {row[0]: row[1] for row in connection.execute(text(_MODES))}
    changes = connection.execute(text(_SAVED), {"most": MOST_CHANGES}).one()
    found.saved_writes = 1 - changes.writes / changes.effects if changes.effects else None
    if before is not None and upto > before.attempt:
        since = {"after": before.attempt, "upto": upto}
        found.attempts = {row[0]: row[1] for row in connection.execute(text(_COUNTS), since)}
        found.errors = {row[0]: row[1] for row in connection.execute(text(_ERRORS), since)}
        sample = since | {"urgent": URGENT, "most": MOST_ATTEMPTS}
        found.latencies = [(row[0], row[1]) for row in connection.execute(text(_LATENCIES), sample)]
    return found


def predicted_depth(depth: int, arrivals: float, rate: float, window: float, scaling: float = 1.0) -> float:
    """Depth to be expected after a window (000): depth + arrivals · window − rate · window · scaling, 0 at least.

    Args:
        depth: parts that wait.
        arrivals: parts a second that come.
        rate: parts a second that are processed.
        window: seconds.
        scaling: by what the processing will have grown.
    """
    return max(0.0, depth + (arrivals - rate * scaling) * window)
