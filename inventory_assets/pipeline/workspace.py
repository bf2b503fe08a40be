"""What a step works with, what it reports, and how it finds the days it must compute."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl
from deltalake.exceptions import DeltaError

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.sources import Profiles
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Commit, Lake, Scope

VERSION_GONE = (OSError, DeltaError, pl.exceptions.ComputeError)
"""What reading an older version of a table raises once its files or its commits were removed."""
Day = date | None
"""A business day; None is the null partition: rows without a readable date."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Stores, profiles and clock of one installation.

    Attributes:
        lake: the Delta tables.
        landing: URI of the landing folder.
        profiles: contracts of the source systems.
        now: the clock.
        block_days: days computed together at most.
        block_rows: input rows computed together, about.
        stop_counting_after_days: overdue order lines count as on order up to so many days.
        timely_hours: how long after its event a row may be read and still be timely.
    """

    lake: Lake
    landing: str
    profiles: Profiles
    now: Callable[[], datetime]
    block_days: int = 31
    block_rows: int = 500_000
    stop_counting_after_days: int = 14
    timely_hours: float = 24.0


@dataclass(slots=True)
class Replaced:
    """What a step did to one table.

    Attributes:
        table: path of the table.
        version: its newest version.
        days: rows written by day; empty for tables that are replaced as a whole.
        rows: rows written.
    """

    table: str
    version: int | None = None
    days: dict[Day, int] = field(default_factory=dict)
    rows: int = 0


class Report:
    """What a step did, by table."""

    def __init__(self, tables: Iterable[Table]) -> None:
        """Start with nothing done to any of the tables."""
        self.replaced = {table.path: Replaced(table.path) for table in tables}

    def add(self, table: Table, commit: Commit, days: Collection[Day] | None) -> None:
        """Note a commit; `days` are those of its scope, None for whole tables."""
        entry = self.replaced[table.path]
        entry.version = commit.version
        entry.rows += commit.rows
        if days is not None:
            entry.days.update({day: commit.days.get(day, 0) for day in days})

    def merge(self, other: Report) -> None:
        """Take in what another step did to the same tables."""
        for path, done in other.replaced.items():
            entry = self.replaced.setdefault(path, Replaced(path))
            entry.rows += done.rows
            entry.version = done.version if done.version is not None else entry.version
            for day, rows in done.days.items():
                entry.days[day] = entry.days.get(day, 0) + rows

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(entry.version is not None for entry in self.replaced.values())


def ordered(days: Collection[Day]) -> list[Day]:
    """Days in order, the null partition first."""
    return sorted(days, key=lambda day: (day is not None, day or date.min))


def dirty_days(lake: Lake, outputs: Iterable[Table], source: Table, upto: int, feed: str | None = None) -> set[Day]:
    """Days of `source` that one of the outputs has not taken in yet."""
    seen = {lake.consumed(output, source) for output in outputs}
    days: set[Day] = set()
    for after in seen:
        days |= lake.changed_days(source, after, upto, feed)
    return days


def dirty_from(lake: Lake, outputs: Iterable[Table], sources: Iterable[Table], pins: Mapping[str, int]) -> set[Day]:
    """Days of any of the sources that one of the outputs has not taken in yet."""
    outputs = tuple(outputs)
    days: set[Day] = set()
    for source in sources:
        if source.path in pins:
            days |= dirty_days(lake, outputs, source, pins[source.path])
    return days


def nothing_new(lake: Lake, output: Table, pins: Mapping[str, int]) -> bool:
    """Whether no row of the pinned inputs changed since a table took them in; a commit may only note something."""
    for path, version in pins.items():
        after = lake.consumed(output, TABLES[path])
        if after is None or after > version or lake.rows_changed(TABLES[path], after, version):
            return False
    return True


def blocks(days: Collection[Day], rows: Mapping[Day, int], block_days: int, block_rows: int) -> Iterator[list[Day]]:
    """Cut days into consecutive blocks of bounded length and size; at least one day each."""
    block: list[Day] = []
    size = 0
    for day in ordered(days):
        weight = rows.get(day, 0)
        if block and (len(block) >= block_days or size + weight > block_rows):
            yield block
            block, size = [], 0
        block.append(day)
        size += weight
    if block:
        yield block


def day_scope(days: Collection[Day], feed: str | None = None) -> Scope:
    """Scope of some days of a table partitioned by business day."""
    return Scope("event_date", frozenset(days), feed)


def shifted(days: Collection[Day], back: int, forward: int) -> set[date]:
    """Days within `back` before and `forward` after any of the days; the null partition has no neighbours."""
    return {day + timedelta(days=offset) for day in days if day is not None for offset in range(-back, forward + 1)}
