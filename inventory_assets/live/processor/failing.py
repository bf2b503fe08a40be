"""What becomes of a part that could not be applied: tried again after a while, dead after so many attempts.

Every attempt is a row of the processing log. A dead letter keeps what is needed to put its part back into the queue.
Invariant: a part is in the queue or among the dead letters, never in both and never in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from inventory_assets.live.log.accepting import UnreadableEventError
from inventory_assets.live.processor.work import Failure, Orders, TryAgainError

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.live.queue.claiming import Waiting

LONGEST_MESSAGE = 2_000
OTHERS = ("40", "55P03")
"""SQLSTATEs of other transactions that stood in the way."""
DATABASE = ("08", "25P", "3D", "28", "42", "53", "57P", "58")
"""SQLSTATEs of a database that cannot be used now: connection, lease, rights, schema, resources, shutdown, disk."""
TIMEOUT = "57014"
_RETRY = """
UPDATE event_queue SET attempts = failed.attempts, not_before = failed.not_before
FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::timestamptz[])
    AS failed (sequence, part, attempts, not_before)
WHERE event_queue.sequence = failed.sequence AND event_queue.part = failed.part
  AND event_queue.attempts = failed.attempts - 1
"""
_BURY = """
WITH dead AS (
    DELETE FROM event_queue
    USING unnest(%(sequences)s::bigint[], %(parts)s::smallint[], %(classes)s::text[], %(codes)s::text[],
                 %(messages)s::text[], %(attempts)s::smallint[])
        AS failed (sequence, part, error_class, error_code, error_message, attempts)
    WHERE event_queue.sequence = failed.sequence AND event_queue.part = failed.part
      AND event_queue.attempts = failed.attempts - 1
    RETURNING event_queue.*, failed.error_class, failed.error_code, failed.error_message,
              failed.attempts AS tried
)
INSERT INTO dead_letters (sequence, part, source, type, item, lane, priority, event_time, received_at, attempts,
                          error_class, error_code, error_message, died_at, status)
SELECT dead.sequence, dead.part, event_log.source, event_log.type, event_log.items[dead.part + 1], dead.lane,
       event_log.priority, dead.event_time, dead.received_at, dead.tried, dead.error_class, dead.error_code,
       dead.error_message, %(at)s, 'open'
FROM dead JOIN event_log USING (sequence)
ON CONFLICT (sequence, part) DO UPDATE
SET attempts = excluded.attempts, error_class = excluded.error_class, error_code = excluded.error_code,
    error_message = excluded.error_message, died_at = excluded.died_at, status = 'open', resolved_at = NULL,
    resolved_by = NULL, resolution = NULL
"""
_LOG = """
INSERT INTO processing_log (sequence, part, attempt, status, worker, started_at, ended_at, error_class, error_code,
                            error_message)
SELECT sequence, part, attempt, status, %(worker)s, %(at)s, %(ended)s, error_class, error_code, error_message
FROM unnest(%(sequences)s::bigint[], %(parts)s::smallint[], %(attempts)s::smallint[], %(statuses)s::text[],
            %(classes)s::text[], %(codes)s::text[], %(messages)s::text[])
    AS failed (sequence, part, attempt, status, error_class, error_code, error_message)
"""


def failure_of(waiting: Waiting, error: Exception) -> Failure:
    """An error of one event by its class."""
    if isinstance(error, UnreadableEventError):
        return Failure(waiting, "validation", error.problem.code, str(error))
    state = getattr(error, "sqlstate", None)
    if state == TIMEOUT:
        return Failure(waiting, "timeout", state, _first_line(error))
    if state:
        return Failure(waiting, "database", state, _first_line(error))
    if isinstance(error, TryAgainError):
        return Failure(waiting, "conflict", type(error).__name__, str(error))
    return Failure(waiting, "unexpected", type(error).__name__, str(error) or type(error).__name__)


def is_of_others(error: Exception) -> bool:
    """Whether another transaction stood in the way: the batch is tried again as it is."""
    return isinstance(error, TryAgainError) or (getattr(error, "sqlstate", None) or "").startswith(OTHERS)


def is_of_database(error: Exception) -> bool:
    """Whether it is about the database and no event: away, out of something, not as this program knows it."""
    from psycopg import Error, InterfaceError, OperationalError

    if not isinstance(error, Error) or isinstance(error, InterfaceError):
        return isinstance(error, InterfaceError)
    return error.sqlstate.startswith(DATABASE) if error.sqlstate else isinstance(error, OperationalError)


def blame(connection: Connection, waiting: Waiting, error: Exception, orders: Orders) -> tuple[int, int]:
    """Note the failure of the one part a batch consisted of, after that batch was rolled back; see `note_failures`."""
    with connection.transaction():
        return note_failures(connection, [failure_of(waiting, error)], orders, orders.clock())


def note_failures(connection: Connection, failures: Sequence[Failure], orders: Orders, at: datetime) -> tuple[int, int]:
    """Send failed parts back into the queue, or to the dead letters.

    Args:
        connection: in a transaction.
        failures: what failed.
        orders: attempts allowed and how long to wait between them.
        at: when.

    Returns:
        How many are tried again, and how many are dead.
    """
    again = [each for each in failures if (each.waiting.attempts + 1) % orders.attempts]
    dead = [each for each in failures if not (each.waiting.attempts + 1) % orders.attempts]
    if again:
        connection.execute(
            _RETRY,
            (
                [each.waiting.sequence for each in again],
                [each.waiting.part for each in again],
                [each.waiting.attempts + 1 for each in again],
                [at + timedelta(seconds=orders.retry_after(each.waiting.attempts + 1)) for each in again],
            ),
        )
    if dead:
        connection.execute(_BURY, {**_columns(dead), "at": at})
    if failures:
        statuses = ["Failed" if each in dead else "Retry" for each in failures]
        named = {"worker": orders.worker, "at": at, "ended": orders.clock(), "statuses": statuses}
        connection.execute(_LOG, {**_columns(failures), **named})
    return len(again), len(dead)


def _columns(failures: Sequence[Failure]) -> dict[str, object]:
    return {
        "sequences": [each.waiting.sequence for each in failures],
        "parts": [each.waiting.part for each in failures],
        "attempts": [each.waiting.attempts + 1 for each in failures],
        "classes": [each.error_class for each in failures],
        "codes": [each.error_code for each in failures],
        "messages": [each.message.replace("\0", "�")[:LONGEST_MESSAGE] for each in failures],
    }


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
