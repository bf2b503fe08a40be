"""Stock facts of files that the live log has to hear of: rows silver holds now and did not when it was last told.

Only sources routed `file` are forwarded, only since the live layer was opened, and never what the log said itself.
What was forwarded is noted as versions of the tables it came from; that note only saves work: the log takes an id once.
Not here: events and the log (`operate.forwarding`). Invariant: rows a pair of versions does not differ in are never
handed out, whatever else was rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.log_tables import STOCK_EVENTS, TOLD_BY_BATCH
from inventory_assets.contracts.silver import LOCATIONS, STOCK_COUNTS, STOCK_MOVEMENTS, STOCK_OPENINGS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import FORGOTTEN, Lake, taken_in
from inventory_assets.medallion.silver_live import LINE, live_effects, live_movements
from inventory_assets.pipeline.stock import FILE_INPUTS, movements_by_file
from inventory_assets.pipeline.stock_events import all_counts
from inventory_assets.pipeline.workspace import VERSION_GONE, Workspace
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.effect_frames import effects_of_texts

if TYPE_CHECKING:
    from inventory_assets.contracts.sources import Profiles
    from inventory_assets.pipeline.workspace import Day

SOURCES = (*FILE_INPUTS, STOCK_COUNTS, STOCK_OPENINGS, LOCATIONS)
"""Tables whose rows are forwarded, and the master that says whose levels count."""
NEVER = FORGOTTEN - 1
"""Version that stands for a table that did not exist."""
_MARK = "forwarded/"


@dataclass(frozen=True, slots=True)
class Untold:
    """What the log does not know yet.

    Attributes:
        movements: rows of `silver/stock_movements`, and told_time: see `_after_opening`.
        counts: rows of `stock.counts.COUNTS`.
        gone: rows forwarded earlier that silver does not hold any more, or holds with another content.
        versions: versions of `SOURCES` up to which this is everything.
    """

    movements: pl.DataFrame
    counts: pl.DataFrame
    gone: int
    versions: Mapping[str, int]


def note_forwarded(lake: Lake, versions: Mapping[str, int]) -> None:
    """Say that the log knows everything up to these versions; from the first time on rows are forwarded."""
    lake.note(STOCK_EVENTS, {_MARK + table.path: versions.get(table.path, NEVER) for table in SOURCES})


def is_open(lake: Lake) -> bool:
    """Whether the live layer was opened, so that rows of files are forwarded to it."""
    return lake.noted(STOCK_EVENTS, _MARK + SOURCES[0].path) is not None


def known_at(lake: Lake, position_versions: Mapping[str, int]) -> dict[str, int]:
    """Versions of `SOURCES` behind versions of the tables that the position is folded from."""
    moved = position_versions.get(STOCK_MOVEMENTS.path)
    handle = None if moved is None else lake.open(STOCK_MOVEMENTS, moved)
    behind = {table.path: None if handle is None else taken_in(handle, table.path) for table in FILE_INPUTS}
    direct = {table.path: position_versions.get(table.path) for table in (STOCK_COUNTS, STOCK_OPENINGS, LOCATIONS)}
    return {path: version for path, version in (behind | direct).items() if version is not None}


def untold(workspace: Workspace) -> Untold | None:
    """What is to be forwarded now; None where the live layer was not opened or nothing changed."""
    lake = workspace.lake
    if not is_open(lake):
        return None
    pins = lake.pins(SOURCES)
    noted = {table.path: lake.noted(STOCK_EVENTS, _MARK + table.path) for table in SOURCES}
    told = {path: version for path, version in noted.items() if version is not None and version != NEVER}
    if told == pins:
        return None
    new, old = _movements(workspace, told, pins)
    counts, earlier = (_statements(workspace, at) for at in (pins, told))
    profiles = workspace.profiles
    return Untold(
        _after_opening(
            _routed(new.join(old, on=new.columns, how="anti", nulls_equal=True), profiles), _openings(lake), counts
        ),
        _routed(counts.join(earlier, on=counts.columns, how="anti", nulls_equal=True), profiles),
        _routed(old.join(new, on=new.columns, how="anti", nulls_equal=True), profiles).height
        + _routed(earlier.join(counts, on=counts.columns, how="anti", nulls_equal=True), profiles).height,
        pins,
    )


def _openings(lake: Lake) -> pl.DataFrame:
    """Instant at which the lake opened each pair of the live layer last: PAIR, opened_at."""
    own = lake.scan(STOCK_EVENTS).filter(
        pl.col("source_system") == SERVICE_SOURCE,
        pl.col("type") == "stock.opened",
        pl.col("event_id").str.starts_with(TOLD_BY_BATCH),
    )
    effects = effects_of_texts(own.select("source_system", "event_id", "effects").collect())
    return effects.group_by(PAIR).agg(opened_at=pl.col("event_time").max())


def _after_opening(movements: pl.DataFrame, openings: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Movements with the instant the log is told.

    A file may bring a movement from before the instant its pair was opened at. The opening does not contain it and
    would absorb it all the same, so it is told as of just after; unless a count of the lake absorbs it as well.
    """
    counted = (
        counts.join(openings, on=PAIR)
        .filter(pl.col("event_time") <= pl.col("opened_at"))
        .group_by(PAIR)
        .agg(counted_at=pl.col("event_time").max())
    )
    late = (pl.col("event_time") <= pl.col("opened_at")) & (
        pl.col("counted_at").is_null() | (pl.col("event_time") > pl.col("counted_at"))
    )
    told = pl.when(late).then(pl.col("opened_at").dt.offset_by("1us")).otherwise("event_time")
    return (
        movements.join(openings, on=PAIR, how="left")
        .join(counted, on=PAIR, how="left")
        .with_columns(told_time=told)
        .drop("opened_at", "counted_at")
    )


def _movements(
    workspace: Workspace, told: Mapping[str, int], pins: Mapping[str, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Movements of files on the days that changed, now and as forwarded last; without those the log has by event."""
    lake = workspace.lake
    days: set[Day] = set()
    for table in FILE_INPUTS:
        if table.path in pins:
            days |= lake.changed_days(table, told.get(table.path), pins[table.path])
    new = movements_by_file(lake, pins, days).collect()
    there = {table.path: told[table.path] for table in FILE_INPUTS if table.path in told}
    absent = {table.path for table in FILE_INPUTS} - set(there)
    try:
        old = movements_by_file(lake, there, days, absent).collect()
    except VERSION_GONE:
        old = new.clear()  # ids tell what the log knows
    events = lake.scan(STOCK_EVENTS, days=days).collect()
    by_event = live_movements(live_effects(events, workspace.profiles))
    return new.join(by_event, on=LINE, how="anti"), old.join(by_event, on=LINE, how="anti")


def _statements(workspace: Workspace, versions: Mapping[str, int]) -> pl.DataFrame:
    """Counts, openings and ruling levels of files at versions; the assumptions of profiles are not facts."""
    held = {path: version for path, version in versions.items() if TABLES[path] in SOURCES}
    try:
        return all_counts(workspace, held).filter(pl.col("kind") != "assumed")
    except VERSION_GONE:
        return all_counts(workspace, {}).filter(pl.lit(value=False))


def _routed(rows: pl.DataFrame, profiles: Profiles) -> pl.DataFrame:
    """Rows of sources whose files are forwarded."""
    files = [source for source in rows["source_system"].unique() if profiles[source].route == "file"]
    return rows.filter(pl.col("source_system").is_in(files))
