"""Checkpoints of the balances, and the removal of events that lie behind one.

A checkpoint is only made of a state that equals the fold of the log; it keeps the balances and their hash. Ids of
removed events stay (`event_ids`), so a late repeat is still one event. Not here: the archive the removed events are
read from afterwards. Invariant: no event is removed that waits, is a dead letter, is not behind a checkpoint, or is
not in the archive as far as the caller says it reaches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING

from inventory_assets.live.database.problems import DatabaseError

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Engine

PURGE_ROWS = 20_000
"""Events removed by one statement, so that no transaction is long."""

_INSERT = """
INSERT INTO log_checkpoints (epoch, sequence, made_at, pairs, hash, balances, unapplied)
VALUES ((SELECT max(epoch) FROM log_epochs), :sequence, :at, :pairs, :hash, :balances, :unapplied)
ON CONFLICT (sequence) DO UPDATE SET made_at = excluded.made_at, pairs = excluded.pairs, hash = excluded.hash,
    balances = excluded.balances, unapplied = excluded.unapplied
"""
_LAST = "SELECT sequence, made_at, pairs, hash, balances FROM log_checkpoints ORDER BY sequence DESC LIMIT 1"
_PURGED = "SELECT coalesce(max(sequence), 0) FROM log_purges"
_OLD = """
SELECT least(
    (SELECT coalesce(max(sequence), 0) FROM event_log WHERE received_at < :before),
    (SELECT max(sequence) - 1 FROM event_log),
    (SELECT min(sequence) - 1 FROM event_queue),
    (SELECT min(sequence) - 1 FROM dead_letters WHERE status = 'open'),
    :sequence, :archived
)
"""
_FORGET = """
DELETE FROM event_log WHERE sequence IN (
    SELECT sequence FROM event_log WHERE sequence <= :upto ORDER BY sequence LIMIT :rows
)
"""
_NOTE = "INSERT INTO log_purges (sequence, purged_at) VALUES (:upto, :at) ON CONFLICT DO NOTHING"


class CheckpointError(DatabaseError):
    """There is no checkpoint to rely on, or it is not what was written; nothing was removed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Balances at a position of the log.

    Attributes:
        sequence: the position.
        made_at: when it was made.
        pairs: number of pairs.
        hash: hash of the balances.
    """

    sequence: int
    made_at: datetime
    pairs: int
    hash: bytes


def balance_hash(balances: pl.DataFrame) -> bytes:
    """Hash of balances, whatever the order of their rows."""
    rows = balances.sort(balances.columns[:2]).write_csv(null_value="-")
    return hashlib.blake2b(rows.encode(), digest_size=32).digest()


def keep_checkpoint(engine: Engine, balances: pl.DataFrame, sequence: int, unapplied: int, now: datetime) -> Checkpoint:
    """Keep balances that were proven.

    Args:
        engine: the database.
        balances: rows of `effect_frames.ACCOUNTS`.
        sequence: last event they contain.
        unapplied: parts up to there they do not contain.
        now: the time.
    """
    from sqlalchemy import text

    written = BytesIO()
    balances.write_parquet(written, compression="zstd")
    made = Checkpoint(sequence, now, balances.height, balance_hash(balances))
    values = {"sequence": sequence, "at": now, "pairs": made.pairs, "hash": made.hash, "unapplied": unapplied}
    with engine.begin() as connection:
        connection.execute(text(_INSERT), {**values, "balances": written.getvalue()})
    return made


def last_checkpoint(engine: Engine) -> Checkpoint | None:
    """The newest checkpoint, its balances held against their hash; None where there is none.

    Raises:
        CheckpointError: the balances are not those that were written.
    """
    import polars as pl
    from sqlalchemy import text

    with engine.connect() as connection:
        row = connection.execute(text(_LAST)).one_or_none()
    if row is None:
        return None
    if balance_hash(pl.read_parquet(BytesIO(row.balances))) != bytes(row.hash):
        raise CheckpointError(
            f"the balances of the checkpoint at sequence {row.sequence} are not those that were written; "
            "make a new one: inventory live checkpoint"
        )
    return Checkpoint(row.sequence, row.made_at, row.pairs, bytes(row.hash))


def purged_upto(engine: Engine) -> int:
    """Last sequence whose events are in the archive alone; 0 while the log holds them all."""
    from sqlalchemy import text

    with engine.connect() as connection:
        return int(connection.execute(text(_PURGED)).scalar_one())


def purgeable(engine: Engine, before: datetime, archived: int) -> int:
    """Last sequence up to which events may be removed.

    Args:
        engine: the database.
        before: events received since then stay.
        archived: last sequence the archive holds.

    Raises:
        CheckpointError: there is no checkpoint, or it is not what was written.
    """
    from sqlalchemy import text

    held = last_checkpoint(engine)
    if held is None:
        raise CheckpointError("no checkpoint proves the balances yet; make one: inventory live checkpoint")
    with engine.connect() as connection:
        found = connection.execute(
            text(_OLD), {"before": before, "sequence": held.sequence, "archived": archived}
        ).scalar_one()
    return max(0, int(found))


def purge(engine: Engine, upto: int, now: datetime) -> int:
    """Remove events up to a sequence that `purgeable` gave; returns how many.

    That they are in the archive alone is noted first, so that a reader never misses any.
    """
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text(_NOTE), {"upto": upto, "at": now})
    removed = 0
    while True:
        with engine.begin() as connection:
            gone = connection.execute(text(_FORGET), {"upto": upto, "rows": PURGE_ROWS}).rowcount
        removed += gone
        if gone < PURGE_ROWS:
            return removed
