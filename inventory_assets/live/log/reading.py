"""Reads the log: where it stands, and ranges of it as Arrow tables for the batch side.

Invariant: the position of the log is the greatest sequence its reader sees; everything up to it is final, so ranges
read one after the other hold every event exactly once. Reads are cut into short statements: a long snapshot keeps
dead rows of the queue alive and makes claims slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from inventory_assets.live.database.problems import DatabaseError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

ROWS = 200_000
"""Events a statement reads at most, about a quarter of a second."""
FIRST_ROWS = 20_000
QUICK_SECONDS, LONG_SECONDS = 0.4, 1.0
"""A statement that took less is followed by one twice as large, one that took more by half of it: no snapshot of a
reader stays open for two seconds, however busy the machine is."""

COLUMNS = (
    "epoch, sequence, source, event_id, type, event_time, received_at, priority, items, disposition,"
    " envelope::text AS envelope, data::text AS data, effects"
)
"""Everything the log holds of an event."""
EFFECTS = "sequence, source, event_id, disposition, effects"
"""What a fold needs of it."""
_RANGE = """
SELECT {columns} FROM event_log
WHERE sequence > {after} AND sequence <= {upto} AND {condition} ORDER BY sequence LIMIT {rows}
"""


class LogBehindError(DatabaseError):
    """A reader has read events this log does not hold: it was restored from a backup, or is another log."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log.

    Attributes:
        epoch: raised by every restore and promotion.
        sequence: the last event at or before it; 0 before the first.
    """

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """A stretch of the log between two restores.

    Attributes:
        epoch: its number.
        after_sequence: the last sequence of the epochs before it.
    """

    epoch: int
    after_sequence: int


def position(connection: Connection) -> Position:
    """Where the log stands in the snapshot of a connection."""
    from sqlalchemy import text

    statement = text(
        "SELECT (SELECT max(epoch) FROM log_epochs) AS epoch,"
        " (SELECT coalesce(max(sequence), 0) FROM event_log) AS sequence"
    )
    row = connection.execute(statement).one()
    return Position(row.epoch, row.sequence)


def epochs(connection: Connection) -> list[Epoch]:
    """All epochs, the first one first."""
    from sqlalchemy import text

    rows = connection.execute(text("SELECT epoch, after_sequence FROM log_epochs ORDER BY epoch"))
    return [Epoch(row.epoch, row.after_sequence) for row in rows]


def check_continues(read: Position, known: Sequence[Epoch], now: Position) -> None:
    """Whether the log goes on from where a reader stands.

    Args:
        read: what the reader read last.
        known: epochs of the log.
        now: where the log stands.

    Raises:
        LogBehindError: it does not. Nothing may be read then: numbers the reader knows now mean other events.
    """
    later = [each for each in known if each.epoch > read.epoch]
    end = later[0].after_sequence if later else now.sequence
    if read.epoch > now.epoch or read.sequence > end:
        raise LogBehindError(
            f"the reader has read up to sequence {read.sequence} of epoch {read.epoch}, but that epoch of this log "
            f"ends at {end}: the database was restored from a backup, or is another one. Submit the events after {end} "
            "from the reader's copy again, then take its copy back to there"
        )


def effects_in(url: str, after: int, upto: int) -> Iterator[pa.Table]:
    """What events of a range do to stock (`EFFECTS`), in order; those that do nothing and commands left out."""
    return ranges(url, after, upto, columns=EFFECTS, condition="effects <> '[]'")


def ranges(
    url: str, after: int, upto: int, rows: int = ROWS, *, columns: str = COLUMNS, condition: str = "TRUE"
) -> Iterator[pa.Table]:
    """Events of a range in order, a table for each statement; every statement has a snapshot of its own.

    Args:
        url: the database, as libpq takes it.
        after: sequence read last.
        upto: last sequence wanted; not beyond the position of the log.
        rows: events of a table at most.
        columns: select list, with the sequence.
        condition: which events, in SQL.
    """
    import adbc_driver_postgresql.dbapi

    size = min(rows, FIRST_ROWS)
    with closing(adbc_driver_postgresql.dbapi.connect(url, autocommit=True)) as connection:
        while after < upto:
            with closing(connection.cursor()) as cursor:
                began = perf_counter()
                cursor.execute(
                    _RANGE.format(
                        columns=columns, condition=condition, after=int(after), upto=int(upto), rows=int(size)
                    )
                )
                table = cursor.fetch_arrow_table()
                seconds = perf_counter() - began
            if not table.num_rows:
                return
            yield table
            after = table["sequence"][-1].as_py()
            size = min(rows, 2 * size) if seconds < QUICK_SECONDS else size // 2 + 1 if seconds > LONG_SECONDS else size
