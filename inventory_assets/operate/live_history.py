"""The whole history of the live layer: the log, and bronze as the archive of what was removed from it.

Rebuild, checkpoints, purge and replay read both as one. Invariant: an event is read once, from the log while it is
there, from the archive afterwards; where neither holds it, nothing is said to be proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.log_tables import LOG_BRONZE, STOCK_EVENTS
from inventory_assets.live.checkpoints import Checkpoint, keep_checkpoint, purge, purgeable, purged_upto
from inventory_assets.live.database.problems import DatabaseError
from inventory_assets.live.rebuilding import (
    EVENTS,
    Difference,
    Snapshot,
    differences,
    events_of_log,
    folded,
    rules_in,
    snapshot,
)
from inventory_assets.pipeline.live_log import reached

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.lakehouse.lake import Lake

KEPT_DAYS = 30
"""Days an event stays in the log."""


class ArchiveError(DatabaseError):
    """Events that are gone from the log are not in the archive either."""


class NotProvenError(DatabaseError):
    """The state is not the fold of the log, so nothing may rely on it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The state beside the fold of the log.

    Attributes:
        upto: last sequence that was folded.
        pairs: pairs of the fold.
        events: events that do something to stock.
        unapplied: parts that wait or are dead, and were left out on both sides.
        seconds: how long it took.
        differing: pairs that differ.
        state: balances of the state, rows of `effect_frames.ACCOUNTS`.
    """

    upto: int
    pairs: int
    events: int
    unapplied: int
    seconds: float
    differing: list[Difference]
    state: pl.DataFrame


def verify(engine: Engine, url: str, lake: Lake) -> Verified:
    """Fold everything that was ever applied into a fresh state and compare it with the one that is kept.

    Args:
        engine: the live database.
        url: the same, as libpq takes it.
        lake: holds the archive.

    Raises:
        ArchiveError: a part of the history is nowhere.
    """
    began = perf_counter()
    gone = purged_upto(engine)
    at = snapshot(url)
    counted: list[int] = []
    with engine.connect() as connection:
        rules = rules_in(connection)
    fold = folded(_counting(_history(lake, url, gone, at), counted), at.unapplied, rules)
    found = differences(at.state, fold)
    seconds = perf_counter() - began
    return Verified(at.upto, fold.height, sum(counted), at.unapplied.height, seconds, found, at.state)


def checkpoint(engine: Engine, url: str, lake: Lake, now: datetime) -> Checkpoint:
    """Keep the balances, once they are proven.

    Raises:
        NotProvenError: they differ from the fold of the log.
    """
    found = verify(engine, url, lake)
    if found.differing:
        raise NotProvenError(
            f"{len(found.differing)} pairs of the state are not what the log says, the first: "
            f"{found.differing[0].text}; no checkpoint was made. All of them: inventory live rebuild --verify"
        )
    return keep_checkpoint(engine, found.state, found.upto, found.unapplied, now)


def purge_log(engine: Engine, lake: Lake, now: datetime, days: int = KEPT_DAYS, *, dry_run: bool = False) -> int:
    """Remove events from the log that are old, archived and behind a checkpoint; returns the last sequence of them.

    Raises:
        CheckpointError: there is no checkpoint, or it is not what was written.
    """
    archived = min(reached(lake, table).sequence for table in LOG_BRONZE)
    upto = purgeable(engine, now - timedelta(days=days), archived)
    if upto and not dry_run:
        purge(engine, upto, now)
    return upto


def archived_events(lake: Lake, upto: int, rows: int = 200_000) -> Iterator[pl.DataFrame]:
    """Events of the archive up to a sequence (`EVENTS`), a frame at a time; those that cannot move stock left out."""
    wanted = lake.scan(STOCK_EVENTS).filter(pl.col("sequence") <= upto, pl.col("effects") != "[]").select(EVENTS)
    yield from wanted.collect_batches(chunk_size=rows, maintain_order=False)


def _history(lake: Lake, url: str, gone: int, at: Snapshot) -> Iterator[pl.DataFrame]:
    if gone:
        held = reached(lake, STOCK_EVENTS)
        if held.sequence < gone:
            raise ArchiveError(
                f"events up to {gone} were removed from the log, and the archive {lake.uri(STOCK_EVENTS)} holds them "
                f"up to {held.sequence} only; restore the lake"
            )
        yield from archived_events(lake, gone)
    yield from events_of_log(url, gone, at.upto)


def _counting(frames: Iterator[pl.DataFrame], counted: list[int]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        counted.append(frame.height)
        yield frame
