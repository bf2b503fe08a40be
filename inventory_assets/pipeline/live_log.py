"""The event log into bronze: each table takes a range of sequences in one commit that says how far it has read.

The log is handed in as functions, so that this room knows no database. Invariant: rows and position are one commit, so
a crash before it leaves nothing and after it everything; a table never takes a sequence it has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.ingest.events import bronze_events
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.workspace import Report, Workspace, day_scope

if TYPE_CHECKING:
    from inventory_assets.contracts.model import Table

EPOCH, SEQUENCE = "log/epoch", "log/sequence"
"""Marks of a bronze table's commits: the epoch and last sequence it holds."""

COMMIT_ROWS = 100_000
"""Events of a commit, about: a commit of each table costs as much as some thousands of events."""


@dataclass(frozen=True, slots=True, order=True)
class Reached:
    """How far the log was read.

    Attributes:
        epoch: its epoch; 0 before the first reading.
        sequence: last sequence; 0 before the first.
    """

    epoch: int = 0
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Log:
    """A log to be read.

    Attributes:
        standing: where it stands, given how far it was read; raises where it does not go on from there.
        events: rows after a sequence up to another one, in order, a frame at a time, copied out and closed.
    """

    standing: Callable[[Reached], Reached]
    events: Callable[[int, int], Iterator[pl.DataFrame]]


def reached(lake: Lake, table: Table) -> Reached:
    """How far a bronze table has read the log."""
    return Reached(lake.noted(table, EPOCH) or 0, lake.noted(table, SEQUENCE) or 0)


def waiting_events(lake: Lake, log: Log) -> int:
    """Sequences of the log that bronze has not taken yet.

    Raises:
        LogBehindError: the log does not go on from where bronze stands.
    """
    return sum(log.standing(held).sequence - held.sequence for held in {reached(lake, each) for each in LOG_BRONZE})


def set_back(lake: Lake, table: Table, lost: pl.DataFrame, to: Reached) -> None:
    """Remove rows of a log that was restored, after the log was told of them again.

    Args:
        lake: the tables.
        table: which one.
        lost: epoch, sequence and event_date of the rows.
        to: from where the log is read on.
    """
    days = set(lost["event_date"].unique())
    kept = lake.scan(table, days=days).collect().join(lost, on=["epoch", "sequence"], how="anti")
    lake.replace(table, kept, day_scope(days), _marks(to))


def take_in_log(workspace: Workspace, log: Log, commit_rows: int = COMMIT_ROWS) -> Report:
    """Append everything the log holds and bronze does not.

    Args:
        workspace: stores, profiles, clock.
        log: the log.
        commit_rows: events of a commit, about.

    Raises:
        LogBehindError: the log does not go on from where bronze stands: it was restored from a backup, or is another
            one. Nothing is read then.
    """
    lake = workspace.lake
    report = Report(LOG_BRONZE)
    held = {table: reached(lake, table) for table in LOG_BRONZE}
    standing = max(log.standing(each) for each in held.values())
    first = min(each.sequence for each in held.values())
    if first >= standing.sequence:
        return report
    for events in _gathered(_ahead(log.events(first, standing.sequence)), commit_rows):
        upto = Reached(int(events["epoch"][-1]), int(events["sequence"][-1]))
        rows = bronze_events(events, workspace.profiles, workspace.now())
        _append(lake, rows, held, upto, report)
    for table, at in held.items():
        if (
            at.sequence < standing.sequence
        ):  # nothing for this table at the end of the range, or numbers that are missing
            lake.note(table, _marks(standing))
    return report


def _ahead(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Frames, each of them read while the one before it is worked on; never more than one ahead."""
    with ThreadPoolExecutor(1, thread_name_prefix="log-reader") as reader:
        coming = reader.submit(next, frames, None)
        while (frame := coming.result()) is not None:
            coming = reader.submit(next, frames, None)
            yield frame


def _gathered(frames: Iterable[pl.DataFrame], commit_rows: int) -> Iterator[pl.DataFrame]:
    """Frames put together to the size of a commit."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(each.height for each in held) >= commit_rows:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _marks(at: Reached) -> dict[str, int]:
    return {EPOCH: at.epoch, SEQUENCE: at.sequence}


def _append(
    lake: Lake, rows: Mapping[Table, pl.DataFrame], held: dict[Table, Reached], upto: Reached, report: Report
) -> None:
    for table, frame in rows.items():
        if held[table].sequence >= upto.sequence:
            continue
        fresh = frame.filter(pl.col("sequence") > held[table].sequence)
        if fresh.is_empty():
            continue
        commit = lake.append(table, fresh, marks=_marks(upto))
        report.add(table, commit, list(commit.days))
        held[table] = upto
