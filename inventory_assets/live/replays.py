"""Replays that were asked for: a row each, from the wish to what came of it.

Of the log (over HTTP; the command line does its own), or of what a consumer of the outbox was told. The service writes
the wish, a worker carries it out (`operate.replaying`) and notes how far it is. One is open at a time: replaying the
log twice changes nothing, so two beside each other would only do the same work twice. A lease tells which worker is at
it; one that was killed is replaced when it ends, and begins again. Invariant: a request and its row in the audit log
are one transaction; a key stands for one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.wire import dumps
from inventory_assets.live.auditing import Act, audit
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.outbox import webhooks
from inventory_assets.live.outbox.again import Range, range_from
from inventory_assets.live.requeueing import Filter, filter_from

if TYPE_CHECKING:
    import sqlalchemy
    from psycopg import Connection

LEASE = timedelta(seconds=60)
"""After so long without a word another worker takes a replay over."""
MOST_ATTEMPTS = 5
"""Workers that may be killed over a replay until it is given up."""
STATUSES = ("waiting", "running", "done", "failed", "cancelled")
_COLUMNS = (
    "id, wanted, dry_run, requested_at, requested_by, reason, status, attempts, position, upto, ended_at, result, error"
)
_ADD = f"""
INSERT INTO replays (key, wanted, dry_run, requested_at, requested_by, reason, status)
VALUES (%s, %s::jsonb, %s, %s, %s, %s, 'waiting')
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_OF_KEY = f"SELECT {_COLUMNS} FROM replays WHERE key = %s"  # noqa: S608 - constants of this module
_OPEN = f"SELECT {_COLUMNS} FROM replays WHERE status IN ('waiting', 'running')"  # noqa: S608 - constants of this module
_ONE = f"SELECT {_COLUMNS} FROM replays WHERE id = %s"  # noqa: S608 - constants of this module
_PAGE = f"SELECT {_COLUMNS} FROM replays WHERE id < %s ORDER BY id DESC LIMIT %s"  # noqa: S608 - constants of this module
_CANCEL = f"""
UPDATE replays SET status = 'cancelled', ended_at = %s, leased_by = NULL, leased_until = NULL
WHERE id = %s AND (status IN ('waiting', 'running')
                   OR EXISTS (SELECT FROM deliveries AS d WHERE d.replay = replays.id AND d.status = 'waiting'))
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_GIVE_UP = """
UPDATE replays SET status = 'failed', ended_at = %(now)s, error = %(why)s, leased_by = NULL, leased_until = NULL
WHERE status = 'running' AND leased_until < %(now)s AND attempts >= %(most)s
"""
_TAKE = f"""
UPDATE replays
SET status = 'running', attempts = attempts + 1, leased_by = %(who)s, leased_until = %(until)s, position = NULL
WHERE id = (
    SELECT id FROM replays
    WHERE status = 'waiting' OR (status = 'running' AND leased_until < %(now)s) FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_NOTE = """
UPDATE replays SET position = %s, upto = %s, leased_until = %s WHERE id = %s AND status = 'running' AND leased_by = %s
"""
_HAND_BACK = """
UPDATE replays SET status = 'waiting', attempts = attempts - 1, leased_by = NULL, leased_until = NULL
WHERE id = %s AND status = 'running' AND leased_by = %s
"""
_END = """
UPDATE replays
SET status = %s, ended_at = %s, result = %s::jsonb, error = %s, leased_by = NULL, leased_until = NULL
WHERE id = %s AND status = 'running' AND leased_by = %s
"""


class ReplayUnknownError(LookupError):
    """There is no replay with this number."""


class ReplayOpenError(RuntimeError):
    """Another replay is not at its end; `id` is its number."""

    def __init__(self, number: int) -> None:
        """Name it.

        Args:
            number: number of the open one.
        """
        super().__init__(f"replay {number} is not at its end; wait for it, or cancel it")
        self.id = number


class ReplayKeyError(ValueError):
    """The key was sent with another wish before."""


class ReplayEndedError(RuntimeError):
    """The replay has ended already, or another worker has it now."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay that was asked for.

    Attributes:
        id: its number.
        wanted: document of the filter, or of the range of a consumer.
        dry_run: whether it only counts.
        requested_at: when it was asked for.
        requested_by: by whom.
        reason: why.
        status: one of `STATUSES`.
        attempts: how often a worker began it.
        position: up to where the log was gone through, or the outbox; None before that.
        upto: where it ends.
        ended_at: when it ended.
        result: what it found and did.
        error: why it failed.
    """

    id: int
    wanted: dict[str, Any]
    dry_run: bool
    requested_at: datetime
    requested_by: str
    reason: str
    status: str
    attempts: int
    position: int | None
    upto: int | None
    ended_at: datetime | None
    result: dict[str, Any] | None
    error: str | None

    @property
    def filter(self) -> Filter:
        """Which events of the log are meant."""
        return filter_from(self.wanted)

    @property
    def range(self) -> Range | None:
        """What a consumer is told again; None of a replay of the log."""
        return range_from(self.wanted)


def request_again(
    connection: sqlalchemy.Connection, wanted: Range, act: Act, *, dry_run: bool, key: str | None = None
) -> Replay:
    """Ask for a replay of what a consumer was told.

    Args:
        connection: a connection in a transaction.
        wanted: which consumer, and what of it.
        act: who asks, when and why.
        dry_run: only count.
        key: names the request: the same again is the same replay.

    Raises:
        WebhookUnknownError: there is no such consumer.
        ReplayOpenError: another one is open.
        ReplayKeyError: the key stands for another request.
    """
    webhooks.get(connection, wanted.webhook)
    return request(driver_of(connection), wanted, act, dry_run=dry_run, key=key)


def request(
    connection: Connection, wanted: Filter | Range, act: Act, *, dry_run: bool, key: str | None = None
) -> Replay:
    """Ask for a replay.

    Args:
        connection: a psycopg connection in a transaction.
        wanted: which events.
        act: who asks, when and why.
        dry_run: only count.
        key: names the request: the same again is the same replay.

    Raises:
        ReplayOpenError: another one is open.
        ReplayKeyError: the key stands for another request.
    """
    row = connection.execute(_ADD, (key, dumps(wanted.document), dry_run, act.at, act.actor, act.reason)).fetchone()
    if row is not None:
        made = Replay(*row)
        detail = wanted.document | {"dry_run": dry_run}
        audit(connection, act, "replay.requested", f"replay {made.id}", detail)
        return made
    if key is not None and (known := connection.execute(_OF_KEY, (key,)).fetchone()) is not None:
        before = Replay(*known)
        if (before.wanted, before.dry_run) != (wanted.document, dry_run):
            raise ReplayKeyError(f"the key was sent for replay {before.id}, which is another one; take a new key")
        return before
    other = connection.execute(_OPEN).fetchone()
    if other is None:  # it ended between the two statements
        return request(connection, wanted, act, dry_run=dry_run, key=key)
    raise ReplayOpenError(other[0])


def get(connection: Connection, number: int) -> Replay:
    """One replay.

    Raises:
        ReplayUnknownError: there is none with this number.
    """
    row = connection.execute(_ONE, (number,)).fetchone()
    if row is None:
        raise ReplayUnknownError(f"there is no replay {number}; the list names them")
    return Replay(*row)


def listed(connection: Connection, most: int, before: int | None = None) -> list[Replay]:
    """Replays, the newest first.

    Args:
        connection: a psycopg connection.
        most: how many at most.
        before: only those with a smaller number.
    """
    return [Replay(*row) for row in connection.execute(_PAGE, (2**63 - 1 if before is None else before, most))]


def cancel(connection: sqlalchemy.Connection, number: int, act: Act) -> Replay:
    """End a replay; a worker that is at it stops at its next word.

    What one of the log has put back stays. Deliveries of one of a consumer that still wait are not made, also after
    all of them were queued.

    Raises:
        ReplayUnknownError: there is none with this number.
        ReplayEndedError: it has ended.
    """
    driver = driver_of(connection)
    row = driver.execute(_CANCEL, (act.at, number)).fetchone()
    if row is None:
        found = get(driver, number)
        raise ReplayEndedError(f"replay {number} is {found.status} already; nothing was done")
    withdrawn = webhooks.withdraw(connection, act.at, f"replay {number} was cancelled", replay=number)
    audit(driver, act, "replay.cancelled", f"replay {number}", {"withdrawn": withdrawn} if withdrawn else {})
    return Replay(*row)


def take(connection: Connection, who: str, now: datetime) -> Replay | None:
    """The open replay nobody is at, now this worker's; None where there is none.

    Args:
        connection: a psycopg connection that commits each statement.
        who: name of the worker.
        now: the time.
    """
    why = f"given up after {MOST_ATTEMPTS} workers ended in the middle of it; see their logs"
    connection.execute(_GIVE_UP, {"now": now, "why": why, "most": MOST_ATTEMPTS})
    row = connection.execute(_TAKE, {"who": who, "until": now + LEASE, "now": now}).fetchone()
    return None if row is None else Replay(*row)


def note(connection: Connection, number: int, who: str, now: datetime, position: int | None, upto: int) -> None:
    """Note how far a replay is, and keep it for another lease.

    Raises:
        ReplayEndedError: it was cancelled, or another worker has it.
    """
    if connection.execute(_NOTE, (position, upto, now + LEASE, number, who)).rowcount == 0:
        raise ReplayEndedError(f"replay {number} is no longer this worker's")


def hand_back(connection: Connection, number: int, who: str) -> None:
    """Let another worker begin it again, because this one stops."""
    connection.execute(_HAND_BACK, (number, who))


def finish(
    connection: Connection, number: int, who: str, now: datetime, result: dict[str, Any] | None, error: str | None
) -> bool:
    """Keep what came of it; returns whether it was still this worker's."""
    kept = None if result is None else dumps(result)
    status = "failed" if result is None else "done"
    return connection.execute(_END, (status, now, kept, error, number, who)).rowcount == 1
