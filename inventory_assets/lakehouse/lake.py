"""The lake: open, read, append once, replace. One writer a table at a time; Dagster's pool sees to that.

An append names its inputs and is refused for those the table holds already, because delta-rs accepts a repeated app
transaction. A replacement says which versions of its inputs it consumed (app transactions of the same commit), so that
a crash between two commits is found and repaired by running again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import ContractError, delta_schema, empty
from inventory_assets.lakehouse.changes import as_date, changed_partitions, log_file
from inventory_assets.lakehouse.files import DataFile, write_files
from inventory_assets.lakehouse.stores import are_there

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

COMMIT_ATTEMPTS = 5
CHECKPOINT_EVERY = 10
"""Commits between two checkpoints of a log: with 730 days and 31 commits since the last, opening a table cost 34 ms,
with a checkpoint 11 ms, and asking what it took in a sixth."""
CONSUMED = "consumed:"
FORGOTTEN = -1
"""Consumed version that stands for none: an app transaction cannot be taken back."""


class LakeConflictError(RuntimeError):
    """Another writer kept changing the table; nothing was written."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a table a replacement covers.

    Attributes:
        column: date partition column ("event_date", "month"), None for the whole table.
        days: its values; None in it stands for the null partition.
        feed: value of the partition column `feed`, None where the table has none.
    """

    column: str | None = None
    days: frozenset[date | None] = frozenset()
    feed: str | None = None

    def covers(self, partition: Mapping[str, str | None]) -> bool:
        """Whether a partition, its values as text, belongs to the scope."""
        if self.feed is not None and partition["feed"] != self.feed:
            return False
        return self.column is None or as_date(partition[self.column]) in self.days


@dataclass(frozen=True, slots=True)
class Commit:
    """What a write did: the version it made, the rows it wrote, and these by day where the table has days."""

    version: int
    rows: int
    days: Mapping[date | None, int]


class Lake:
    """All tables below one root, local folder or object store."""

    def __init__(self, root: str, storage_options: Mapping[str, str] | None = None) -> None:
        """Keep the root; nothing is opened."""
        self.root = root.rstrip("/")
        self.storage_options = dict(storage_options or {})
        self.check_seconds = 0.0
        self._newest: dict[str, DeltaTable] = {}

    def uri(self, table: Table) -> str:
        """Root of a table."""
        return f"{self.root}/{table.path}"

    def open(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """The Delta table at a version (None: newest), None where it does not exist.

        Reading a log costs milliseconds, of an object store many requests, and a step asks a hundred times, so the
        newest version of a table is kept: for who wants that version, and while the log ends with it for who wants the
        newest. A handle is never moved to another version: lazy frames hang on it.
        """
        from deltalake import DeltaTable

        uri, options = self.uri(table), self.storage_options or None
        kept = self._newest.get(table.path)
        if kept is not None and (
            version == kept.version() or (version is None and self._ends_with(uri, kept.version()))
        ):
            return kept
        if "://" not in uri and not Path(uri, "_delta_log").is_dir():
            return None
        # a writer that died while it made the table leaves a log without a version
        if not DeltaTable.is_deltatable(uri, storage_options=options):
            return None
        handle = DeltaTable(uri, version=version, storage_options=options)
        if version is None:
            self._newest[table.path] = handle
        return handle

    def _ends_with(self, uri: str, version: int) -> bool:
        """Whether the log of a table still ends with a version."""
        around = [log_file(uri, version), log_file(uri, version + 1)]
        return are_there(around, self.storage_options) == [True, False]

    def version(self, table: Table) -> int | None:
        """Newest version, None where the table does not exist."""
        handle = self.open(table)
        return None if handle is None else handle.version()

    def pins(self, tables: Iterable[Table]) -> dict[str, int]:
        """Newest versions of the tables that exist, by path."""
        return {table.path: version for table in tables if (version := self.version(table)) is not None}

    def scan(
        self,
        table: Table,
        version: int | None = None,
        days: Collection[date | None] | None = None,
        column: str = "event_date",
    ) -> pl.LazyFrame:
        """Rows of a table, lazily, in contract columns.

        Args:
            table: which one.
            version: version to read, None for the newest.
            days: values of the date partition to read, None for all.
            column: the date partition column.
        """
        handle = self.open(table, version)
        if handle is None:
            return empty(table).lazy()
        if days is not None and not days:
            return empty(table).lazy()
        rows = pl.scan_delta(handle).select(table.column_names)
        if days is None:
            return rows
        named = sorted(day for day in days if day is not None)
        wanted = pl.col(column).is_in(named) if named else pl.lit(value=False)
        if None in days:
            wanted = wanted | pl.col(column).is_null()
        return rows.filter(wanted)

    def stored_files(
        self, table: Table, version: int | None = None, days: Collection[date | None] | None = None
    ) -> list[str] | None:
        """Paths of the Parquet files of a table on this machine; None in an object store.

        Args:
            table: which one.
            version: version to read, None for the newest.
            days: values of its date partition, None for all.
        """
        handle = self.open(table, version)
        if "://" in self.root:
            return None
        column = next((name for name in ("event_date", "month") if name in table.partition_by), None)
        scope = Scope() if days is None else Scope(column, frozenset(days))
        files = _active(handle, table) if handle is not None else ()
        return [f"{self.uri(table)}/{unquote(path)}" for path, _, partition in files if scope.covers(partition)]

    def consumed(self, table: Table, source: Table) -> int | None:
        """Version of `source` that `table` took in last, None for never."""
        return self.noted(table, source.path)

    def day_rows(self, table: Table, version: int | None = None, column: str = "event_date") -> dict[date | None, int]:
        """Rows a day, from the log alone."""
        handle = self.open(table, version)
        if handle is None:
            return {}
        actions = _files(handle, "num_records", f"partition.{column}")
        if actions.is_empty():
            return {}
        day = pl.col(f"partition.{column}")
        found = actions.group_by(day).agg(pl.col("num_records").sum()).rows()
        return {as_date(str(value)) if value is not None else None: int(rows) for value, rows in found}

    def changed_days(self, table: Table, after: int | None, upto: int, feed: str | None = None) -> set[date | None]:
        """Days of a table changed in the versions `after` < v ≤ `upto` (after None: all days it has)."""
        column = table.partition_by.index("event_date" if "event_date" in table.partition_by else "month")
        changed = None
        if after is not None:
            changed = changed_partitions(self.uri(table), table, after, upto, self.storage_options)
        if changed is None:
            days = set(self.day_rows(table, upto, table.partition_by[column]))
            if after is not None:
                days |= set(self.day_rows(table, None, table.partition_by[column]))
            return days
        feed_at = table.partition_by.index("feed") if feed is not None else None
        return {as_date(values[column]) for values in changed if feed_at is None or values[feed_at] == feed}

    def rows_changed(self, table: Table, after: int, upto: int) -> bool:
        """Whether any row of a table changed in the versions `after` < v ≤ `upto`, or nobody can tell any more."""
        changed = changed_partitions(self.uri(table), table, after, upto, self.storage_options)
        return changed is None or bool(changed)

    def append(
        self,
        table: Table,
        frame: pl.DataFrame | pl.LazyFrame,
        metadata: Mapping[str, str] | None = None,
        marks: Mapping[str, int] | None = None,
    ) -> Commit:
        """Append rows after holding them against the contract.

        Files go through `Inputs.append_once`, which knows what the table holds; ranges of the event log through
        `pipeline.live_log`, whose marks say how far it was read.

        Args:
            table: which one.
            frame: the rows.
            metadata: what the commit says about itself.
            marks: numbers noted under names by the same commit, see `noted`.

        Raises:
            ContractError: the rows break the contract; nothing was written.
        """
        return self._write(table, frame, None, metadata=metadata or {}, consumed=marks or {})

    def replace(
        self, table: Table, frame: pl.DataFrame | pl.LazyFrame, scope: Scope, consumed: Mapping[str, int] | None = None
    ) -> Commit:
        """Replace a part of a table in one commit; days of the scope without a row are emptied.

        Args:
            table: which one.
            frame: the new rows, all inside the scope; lazy ones are never in memory as a whole.
            scope: the part.
            consumed: versions of the inputs that are taken in by this commit, by path; also marks of the step's own.

        Raises:
            ContractError: the rows break the contract; nothing was written.
            LakeConflictError: another writer kept changing the table.
        """
        return self._write(table, frame, scope, consumed=consumed or {})

    def note(self, table: Table, consumed: Mapping[str, int]) -> None:
        """Say that these input versions hold nothing new for the table, without touching a row."""
        if all(self.noted(table, path) == version for path, version in consumed.items()):
            return
        self._write(table, empty(table), None, consumed=consumed)

    def noted(self, table: Table, name: str) -> int | None:
        """Number the last commit that named it noted under a name: a version by path, or a mark of the step's own."""
        handle = self.open(table)
        return None if handle is None else taken_in(handle, name)

    def _write(
        self,
        table: Table,
        frame: pl.DataFrame | pl.LazyFrame,
        replaced: Scope | None,
        *,
        consumed: Mapping[str, int] = MappingProxyType({}),
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> Commit:
        """Write rows in place of those of a scope, None for beside all others."""
        uri = self.uri(table)
        local = "://" not in uri
        written = write_files(table, uri, frame, self.storage_options)
        self.check_seconds += written.check_seconds
        files = written.files
        strays = [file.partition for file in files if replaced is not None and not replaced.covers(file.partition)]
        if strays:
            raise ContractError(f"{table.path}: rows outside the part that is replaced: {strays[:3]}")
        if self.open(table) is None:
            if local:
                Path(uri).mkdir(parents=True, exist_ok=True)
            self._create(table)
        version = self._commit(table, files, replaced, consumed, metadata)
        days: Counter[date | None] = Counter()
        for file in files:
            days[as_date(file.partition.get("event_date"))] += file.rows
        return Commit(version, sum(days.values()), dict(days))

    def _create(self, table: Table) -> None:
        from deltalake import DeltaTable

        DeltaTable.create(
            self.uri(table),
            delta_schema(table),
            mode="ignore",
            partition_by=list(table.partition_by) or None,
            description=table.description,
            configuration={"delta.checkpointInterval": str(CHECKPOINT_EVERY)},
            storage_options=self.storage_options or None,
        )

    def _commit(
        self,
        table: Table,
        files: Sequence[DataFile],
        replaced: Scope | None,
        consumed: Mapping[str, int],
        metadata: Mapping[str, str],
    ) -> int:
        """One version of the table: files added, those of the scope removed, inputs noted.

        Nobody else may have committed since the files to remove were listed, so delta-rs must not retry by itself, and
        the version is the one after that.
        """
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError
        from deltalake.transaction import AddAction, RemoveAction

        uri, schema = self.uri(table), delta_schema(table)
        last: CommitFailedError | None = None
        for _ in range(COMMIT_ATTEMPTS):
            handle = self.open(table)
            if handle is None:
                raise LakeConflictError(f"{uri}: the table was removed while it was written")
            version = handle.version()
            same_columns(table, handle.schema(), schema)
            now = time_ns() // 1_000_000
            actions: list[AddAction | RemoveAction] = [
                AddAction(file.path, file.size, file.partition, now, True, json.dumps({"numRecords": file.rows}))
                for file in files
            ]
            if replaced is not None:
                actions += [
                    RemoveAction(path, True, now, size, partition)
                    for path, size, partition in _active(handle, table)
                    if replaced.covers(partition)
                ]
            properties = CommitProperties(
                custom_metadata=dict(metadata),
                max_commit_retries=0,
                app_transactions=[Transaction(CONSUMED + path, version) for path, version in sorted(consumed.items())],
            )
            try:
                handle.create_write_transaction(
                    actions, "append", schema, list(table.partition_by), commit_properties=properties
                )
            except CommitFailedError as error:
                last = error
                continue
            return version + 1
        raise LakeConflictError(
            f"{uri}: {COMMIT_ATTEMPTS} attempts met another writer: {last}; does a second run write it?"
        )


def taken_in(handle: DeltaTable, path: str) -> int | None:
    """Version of an input that a version of a table took in last, None for never or for "forget what was taken in"."""
    version = handle.transaction_version(CONSUMED + path)
    return None if version == FORGOTTEN else version


def _active(handle: DeltaTable, table: Table) -> Iterator[tuple[str, int, dict[str, str | None]]]:
    """Path, size and partition of the files of a version."""
    names = [f"partition.{name}" for name in table.partition_by]
    for path, size, *values in (
        _files(handle, "path", "size_bytes", *names).with_columns(pl.col(names).cast(pl.String)).iter_rows()
    ):
        yield path, size, dict(zip(table.partition_by, values, strict=True))


def _files(handle: DeltaTable, *columns: str) -> pl.DataFrame:
    """What the log says of the files of a version, in the columns named; it also holds counts of every column."""
    actions = handle.get_add_actions(flatten=True)
    return pl.DataFrame(
        actions.select(columns) if actions.num_rows else None, schema=None if actions.num_rows else columns
    )


def same_columns(table: Table, stored: Schema, declared: Schema) -> None:
    """Refuse to write into a table that was made for other columns.

    Raises:
        ContractError: they differ.
    """
    held, wanted = ({field.name: str(field.type) for field in schema.fields} for schema in (stored, declared))
    if held != wanted:
        differing = sorted(name for name in {*held, *wanted} if held.get(name) != wanted.get(name))
        raise ContractError(
            f"{table.path}: the stored table has other columns than this release declares: {', '.join(differing)}"
        )
