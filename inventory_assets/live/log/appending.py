"""Appends groups of events to the log, each group one durable transaction.

Invariants: the append lock is taken in a statement of its own before any sequence is drawn, so sequence order is commit
order; (source, id) is taken once, by the first; what is reported as accepted or duplicate is committed.

The transaction is READ COMMITTED: the statement that looks for taken ids begins after the lock was granted and so sees
every append before it. What the sequences of a rolled back group or of repeats were is never used again; a position
is the greatest sequence a reader sees, not the last one drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from inventory_assets.contracts.values import Value
from inventory_assets.live.database.driver import BY_INDEX, driver_of, milliseconds, set_parameters
from inventory_assets.live.database.problems import DatabaseUnfitError
from inventory_assets.live.locks import APPEND, SPACE, TAKE
from inventory_assets.live.log.entries import (
    IDS_COLUMNS,
    LOG_COLUMNS,
    QUEUE_COLUMNS,
    Entry,
    Prepared,
    UnstorableEventError,
    prepared,
)

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

Status = Literal["accepted", "duplicate", "conflict", "refused"]

OF_THE_EVENT = ("22", "23514", "54")
"""Classes of errors that say an event cannot be stored, whenever it is tried: its data, a check, a limit of a row."""

_EPOCH = "SELECT max(epoch) FROM log_epochs"
_TAKEN = (
    "SELECT source, event_id, sequence, fingerprint FROM event_ids"
    " JOIN unnest(%s::text[], %s::text[]) AS asked (source, event_id) USING (source, event_id)"
)
_DRAW = (
    "SELECT nextval(drawn.name) FROM generate_series(1, %s),"
    " (SELECT pg_get_serial_sequence('event_log', 'sequence')::regclass AS name OFFSET 0) AS drawn"
)
"""The name is looked up once, not for every number."""
_NOTIFY = "SELECT pg_notify('inventory_log', %s)"
"""Says the highest priority of what comes to wait; of a repeat too, which wakes a worker for nothing."""


class Outcome(Value, frozen=True):
    """What became of one event of a group.

    Attributes:
        status: accepted; duplicate = the same event was taken before; conflict = another event was taken under its id
            before, which is kept; refused = it cannot be stored.
        sequence: where it, or the first one of its id, stands in the log; None where it was refused.
        reason: why it was refused.
    """

    status: Status
    sequence: int | None
    reason: str = ""


def append(
    engine: Engine, entries: Sequence[Entry], *, wait_seconds: float = 5.0, lease_seconds: float = 5.0
) -> list[Outcome]:
    """Append a group in a transaction of its own; when this returns, what was accepted survives anything.

    Args:
        engine: the database.
        entries: the group; its order is the order in the log.
        wait_seconds: how long other appenders may be waited for.
        lease_seconds: a process that stands still under the lock for so long loses it, and its group is rolled back.

    Returns:
        An outcome for each entry, in order.

    Raises:
        sqlalchemy.exc.OperationalError, psycopg.OperationalError: the database is away, or the wait was too long.
            Whether the group was stored is then not known; appending it again gives the answer.
    """
    ready, refused = prepared_group(entries)
    stored = iter(_append_prepared(engine, ready, wait_seconds, lease_seconds) if ready else ())
    return [refused[position] if position in refused else next(stored) for position in range(len(entries))]


def prepared_group(entries: Sequence[Entry]) -> tuple[list[Prepared], dict[int, Outcome]]:
    """Rows of a group, built before any lock is held, and the refusals of entries that cannot be stored."""
    ready: list[Prepared] = []
    refused: dict[int, Outcome] = {}
    for position, entry in enumerate(entries):
        try:
            ready.append(prepared(entry))
        except UnstorableEventError as error:
            refused[position] = Outcome("refused", None, str(error))
    return ready, refused


def append_within(
    connection: Connection, group: Sequence[Prepared], limits: tuple[float, float] | None = None
) -> list[Outcome]:
    """Append a group in the transaction of the caller, who commits; the last thing to do before the commit.

    Args:
        connection: a psycopg connection. The lock is held until its transaction ends.
        group: rows from `prepared_group`; of none only the lock is taken.
        limits: seconds other appenders may be waited for, and seconds after which a process that stands still under
            the lock loses it; None where the transaction is bounded already.

    Returns:
        An outcome for each row, in order; true once the caller has committed.
    """
    if not group:
        connection.execute(TAKE, (SPACE, APPEND))
        return []
    priorities = [each.entry.priority for each in group if each.queue]
    with connection.pipeline():
        if limits is not None:
            _bound(connection, *limits)
        connection.execute(TAKE, (SPACE, APPEND))
        epochs = connection.execute(_EPOCH)
        taken_ids = connection.execute(
            _TAKEN, ([each.entry.source for each in group], [each.entry.event_id for each in group])
        )
        drawn = connection.execute(_DRAW, (len(group),))
        if priorities:
            connection.execute(_NOTIFY, (str(max(priorities)),))
        epoch = _first(epochs.fetchone())
        taken = {(source, event_id): (sequence, bytes(print_)) for source, event_id, sequence, print_ in taken_ids}
        sequences = [sequence for (sequence,) in drawn]
    if epoch is None:
        raise DatabaseUnfitError("the log has no epoch: log_epochs is empty; restore it from a backup")
    outcomes: list[Outcome] = []
    fresh: list[tuple[int, Prepared]] = []
    for sequence, each in zip(sequences, group, strict=True):
        first = taken.get(each.entry.key)
        if first is not None:
            same = first[1] == each.entry.fingerprint
            outcomes.append(Outcome("duplicate" if same else "conflict", first[0]))
            continue
        taken[each.entry.key] = sequence, each.entry.fingerprint
        fresh.append((sequence, each))
        outcomes.append(Outcome("accepted", sequence))
    if fresh:
        copy_rows(
            connection, "event_log", LOG_COLUMNS, [f"{sequence}\t{epoch}\t{each.log}" for sequence, each in fresh]
        )
        copy_rows(connection, "event_ids", IDS_COLUMNS, [f"{sequence}\t{each.ids}" for sequence, each in fresh])
        waiting = [f"{sequence}\t{part}" for sequence, each in fresh for part in each.queue]
        if waiting:
            copy_rows(connection, "event_queue", QUEUE_COLUMNS, waiting)
    return outcomes


def raise_epoch(engine: Engine, cause: str, now: datetime) -> int:
    """Begin a new epoch after a restore or a promotion, so that who read further notices.

    Args:
        engine: the database.
        cause: why, for people.
        now: the time.

    Returns:
        The new epoch.
    """
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:space, :name)"), {"space": SPACE, "name": APPEND})
        return connection.execute(
            text(
                "INSERT INTO log_epochs (epoch, after_sequence, began_at, cause)"
                " SELECT max(epoch) + 1, (SELECT coalesce(max(sequence), 0) FROM event_log), :now, :cause"
                " FROM log_epochs RETURNING epoch"
            ),
            {"now": now, "cause": cause},
        ).scalar_one()


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[str]) -> None:
    """Write rows into a table by COPY.

    Args:
        connection: in a transaction, in no pipeline.
        table: its name.
        columns: columns in the order of the rows.
        rows: rows as text, at least one; texts in them by `entries.copy_text`.
    """
    from psycopg import sql

    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write("\n".join(rows) + "\n")


def _append_prepared(
    engine: Engine, group: Sequence[Prepared], wait_seconds: float, lease_seconds: float
) -> list[Outcome]:
    from psycopg import Error

    try:
        with engine.connect() as connection:
            driver = driver_of(connection)
            outcomes = append_within(driver, group, (wait_seconds, lease_seconds))
            driver.commit()
            return outcomes
    except Error as error:
        if not (error.sqlstate or "").startswith(OF_THE_EVENT):
            raise
        if len(group) == 1:
            return [Outcome("refused", None, f"the database cannot store it: {str(error).splitlines()[0]}")]
    middle = len(group) // 2
    return [
        outcome
        for half in (group[:middle], group[middle:])
        for outcome in _append_prepared(engine, half, wait_seconds, lease_seconds)
    ]


def _bound(connection: Connection, wait_seconds: float, lease_seconds: float) -> None:
    """Bound the transaction of a group, in time and in what it reads."""
    limits = {
        "lock_timeout": milliseconds(wait_seconds),
        "idle_in_transaction_session_timeout": milliseconds(lease_seconds),
    }
    set_parameters(connection, {**limits, **BY_INDEX}, within=True)


def _first(row: tuple[int | None, ...] | None) -> int | None:
    return row[0] if row else None
