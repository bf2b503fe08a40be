"""Replay: what counts and was not applied is applied, whether the log still has it or only the archive.

After the restore of a backup the lake is ahead: its bronze holds events the log has lost. They are appended again in
their order, decided facts before the commands they came from, so that no command is decided twice; then bronze is set
back to where the log was restored, and reads them again. Invariant: replaying twice changes nothing, also in the middle
of another replay; no event gets a second identity.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.events.envelope import fingerprint
from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.live.log.accepting import LogRow, envelope_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.reading import Epoch, epochs, position
from inventory_assets.live.processor.worker import APPLICATION
from inventory_assets.live.requeueing import Filter, last_sequence, requeue
from inventory_assets.pipeline.live_log import Reached, reached, set_back

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.contracts.model import Table
    from inventory_assets.lakehouse.lake import Lake

GROUP = 1_000
"""Events of a transaction."""
_AT_WORK = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE :workers)
   AND NOT EXISTS (SELECT FROM live_modes WHERE scope = 'all')
"""


class WorkersWorkError(RuntimeError):
    """Events the log has lost cannot be appended while workers apply others."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found and did.

    Attributes:
        lost: events that only the archive holds.
        appended: those of them that were appended again.
        unapplied: parts of the log that count and were not applied.
        requeued: those of them that were put back into the queue.
        applied: parts left alone, as they were applied.
        waiting: parts left alone, as they wait.
        dead: parts left alone, as they are dead letters.
        set_back: rows of bronze set back, to be read again from the log.
    """

    lost: int
    appended: int
    unapplied: int
    requeued: int
    applied: int
    waiting: int
    dead: int
    set_back: int


@dataclass(frozen=True, slots=True)
class _Lost:
    """What the log has lost.

    Attributes:
        known: epochs of the log.
        epoch: the epoch now.
        ahead: rows the log lost, by table of bronze; tables that lost none are left out.
        wanted: those a filter means, in the order in which they are appended.
    """

    known: list[Epoch]
    epoch: int
    ahead: dict[Table, pl.DataFrame]
    wanted: pl.DataFrame


def replay(
    engine: Engine,
    lake: Lake,
    wanted: Filter,
    *,
    dry_run: bool = False,
    writer: Callable[[], AbstractContextManager[None]] = nullcontext,
    told: Callable[[int | None, int], None] = lambda position, upto: None,
) -> Replayed:
    """Append again what the log has lost, and put back what it holds and never applied.

    Args:
        engine: the live database.
        lake: holds the archive.
        wanted: which events; with a filter bronze is not set back, as it holds others the log has lost.
        dry_run: only count.
        writer: gives the lock of the lake's writers; taken only where the log has lost something.
        told: told between two transactions up to which sequence the log was gone through, None before that, and where
            it ends; may raise to stop.

    Raises:
        WorkersWorkError: the log has lost events and workers apply others.
    """
    told(None, last_sequence(engine))
    lost = _lost(engine, lake, wanted)
    appended = removed = 0
    if not dry_run and lost.ahead and (lost.wanted.height or wanted.everything):
        check_resting(engine)
        with writer():
            lost = _lost(engine, lake, wanted)
            appended, removed = _append(engine, lake, wanted, lost, told)
    upto = last_sequence(engine)
    applied = waiting = dead = unapplied = requeued = 0
    for each in requeue(engine, wanted, upto, dry_run=dry_run):
        applied, waiting, dead = applied + each.applied, waiting + each.waiting, dead + each.dead
        unapplied, requeued = unapplied + each.unapplied, requeued + each.requeued
        told(each.upto, upto)
    return Replayed(lost.wanted.height, appended, unapplied, requeued, applied, waiting, dead, removed)


def check_resting(engine: Engine) -> None:
    """Refuse to append lost events while workers apply others.

    A command the log kept would be decided anew while the decision it once got is only on its way back.

    Raises:
        WorkersWorkError: workers are connected, and the live side is on.
    """
    from sqlalchemy import text

    with engine.connect() as connection:
        if connection.execute(text(_AT_WORK), {"workers": f"{APPLICATION}%"}).scalar_one():
            raise WorkersWorkError(
                "the log has lost events, and they are appended again only while nothing is applied: stop the workers, "
                "or inventory live off --because ..., replay, then inventory live on"
            )


def _lost(engine: Engine, lake: Lake, wanted: Filter) -> _Lost:
    with engine.connect() as connection:
        known, now = epochs(connection), position(connection)
    ahead = {table: _ahead(lake, table, known) for table in LOG_BRONZE}
    return _Lost(known, now.epoch, {table: rows for table, rows in ahead.items() if rows.height}, _meant(ahead, wanted))


def _append(
    engine: Engine, lake: Lake, wanted: Filter, lost: _Lost, told: Callable[[int | None, int], None]
) -> tuple[int, int]:
    """Append lost events, then set bronze back; how many of each."""
    appended = 0
    for first in range(0, lost.wanted.height, GROUP):
        group = [_entry(row) for row in lost.wanted[first : first + GROUP].iter_rows(named=True)]
        appended += sum(each.status == "accepted" for each in append(engine, group))
        told(None, last_sequence(engine))
    removed = _set_back(lake, lost.ahead, lost.known, lost.epoch) if wanted.everything else 0
    return appended, removed


def _ends(known: list[Epoch]) -> pl.DataFrame:
    """Last sequence of each epoch that was ended by a restore."""
    ends = [(each.epoch, following.after_sequence) for each, following in pairwise(known)]
    return pl.DataFrame(ends, schema={"epoch": pl.Int64, "end": pl.Int64}, orient="row")


def _ahead(lake: Lake, table: Table, known: list[Epoch]) -> pl.DataFrame:
    """Rows of a bronze table that lie beyond the end of their epoch: the log lost them."""
    ends = _ends(known)
    if ends.is_empty():
        return pl.DataFrame(schema=lake.scan(table).collect_schema())
    rows = lake.scan(table).filter(pl.col("sequence") > ends["end"].min()).join(ends.lazy(), on="epoch")
    return rows.filter(pl.col("sequence") > pl.col("end")).drop("end").collect()


def _meant(ahead: dict[Table, pl.DataFrame], wanted: Filter) -> pl.DataFrame:
    """Lost events a filter means, in the order in which they are appended: decided facts first."""
    rows = pl.concat(ahead.values()).filter(pl.col("sequence") > wanted.after)
    if wanted.since is not None:
        rows = rows.filter(pl.col("event_time") >= wanted.since)
    if wanted.types:
        rows = rows.filter(pl.col("type").is_in(wanted.types))
    if wanted.items:
        rows = rows.filter(pl.col("items").str.split("\n").list.set_intersection(list(wanted.items)).list.len() > 0)
    return rows.sort(pl.col("disposition") != "decided", "epoch", "sequence")


def _entry(row: dict) -> Entry:
    """A row of bronze as the entry it was; a decided fact waits now, because nothing has applied it."""
    items = [item for item in row["items"].split("\n") if item]
    kept = LogRow(
        row["sequence"],
        row["source_system"],
        row["event_id"],
        row["type"],
        row["event_time"],
        row["received_at"],
        row["priority"],
        items,
        row["effects"],
        row["envelope"],
        row["data"],
    )
    return Entry(
        source=kept.source,
        event_id=kept.event_id,
        type=kept.type,
        event_time=kept.event_time,
        received_at=kept.received_at,
        priority=kept.priority,
        items=tuple(items),
        envelope=kept.envelope,
        data=kept.data,
        fingerprint=bytes.fromhex(fingerprint(envelope_of(kept))),
        disposition="accepted" if row["disposition"] == "decided" else row["disposition"],
        effects=kept.effects,
    )


def _set_back(lake: Lake, ahead: dict[Table, pl.DataFrame], known: list[Epoch], epoch: int) -> int:
    """Take bronze back to where the log was restored; returns rows removed."""
    removed = 0
    end = known[-1].after_sequence
    for table, rows in ahead.items():
        held = reached(lake, table)
        if held.epoch < epoch and held.sequence > end:
            set_back(lake, table, rows.select("epoch", "sequence", "event_date"), Reached(epoch, end))
            removed += rows.height
    return removed
