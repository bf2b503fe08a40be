"""Replay: what counts and was not applied is applied, whether the log still has it or only the archive.

After the restore of a backup the lake is ahead: its bronze holds events the log has lost. They are appended again in
their order, decided facts before the commands they came from, so that no command is decided twice; then bronze is set
back to where the log was restored, and reads them again. Invariant: replaying twice changes nothing; no event gets a
second identity.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from inventory_assets.live.requeueing import Filter, choose, requeue
from inventory_assets.pipeline.live_log import Reached, reached, set_back

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.contracts.model import Table
    from inventory_assets.lakehouse.lake import Lake

GROUP = 1_000
"""Events of a transaction."""


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


def replay(engine: Engine, lake: Lake, wanted: Filter, *, dry_run: bool = False) -> Replayed:
    """Append again what the log has lost, and put back what it holds and never applied.

    Args:
        engine: the live database. No worker should run while lost events are appended.
        lake: holds the archive.
        wanted: which events; with a filter bronze is not set back, as it holds others the log has lost.
        dry_run: only count.
    """
    with engine.connect() as connection:
        known, now = epochs(connection), position(connection)
    ahead = {table: _ahead(lake, table, known) for table in LOG_BRONZE}
    lost = list(_entries(ahead, wanted))
    appended = removed = 0
    if not dry_run:
        for first in range(0, len(lost), GROUP):
            outcomes = append(engine, lost[first : first + GROUP])
            appended += sum(each.status == "accepted" for each in outcomes)
        if wanted.everything:
            removed = _set_back(lake, ahead, known, now.epoch)
    chosen = choose(engine, wanted)
    done = 0 if dry_run else requeue(engine, chosen.unapplied)
    return Replayed(
        len(lost), appended, len(chosen.unapplied), done, chosen.applied, chosen.waiting, chosen.dead, removed
    )


def _ends(known: list[Epoch]) -> pl.DataFrame:
    """Last sequence of each epoch that was ended by a restore."""
    ends = [(each.epoch, following.after_sequence) for each, following in pairwise(known)]
    return pl.DataFrame(ends, schema={"epoch": pl.Int64, "end": pl.Int64}, orient="row")


def _ahead(lake: Lake, table: Table, known: list[Epoch]) -> pl.DataFrame:
    """Rows of a bronze table that lie beyond the end of their epoch: the log lost them."""
    ends = _ends(known)
    if ends.is_empty():
        return pl.DataFrame(schema=lake.scan(table).collect_schema())
    first = ends["end"].min()
    rows = lake.scan(table).filter(pl.col("sequence") > first).collect()
    return rows.join(ends, on="epoch").filter(pl.col("sequence") > pl.col("end")).drop("end")


def _entries(ahead: dict[Table, pl.DataFrame], wanted: Filter) -> Iterator[Entry]:
    rows = pl.concat(ahead.values()).filter(pl.col("sequence") > wanted.after)
    if wanted.since is not None:
        rows = rows.filter(pl.col("event_time") >= wanted.since)
    if wanted.types:
        rows = rows.filter(pl.col("type").is_in(wanted.types))
    if wanted.items:
        rows = rows.filter(pl.col("items").str.split("\n").list.set_intersection(list(wanted.items)).list.len() > 0)
    rows = rows.with_columns(_later=pl.col("disposition") != "decided").sort("_later", "epoch", "sequence")
    for row in rows.iter_rows(named=True):
        yield _entry(row)


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
