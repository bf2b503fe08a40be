"""The lake: open, read, append once, replace. One writer a table at a time; Dagster's pool sees to that.

An append names its inputs and is refused for those the table holds already, because delta-rs accepts a repeated app
transaction. A replacement says which versions of its inputs it consumed (app transactions of the same commit), so that
a crash between two commits is found and repaired by running again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import delta_schema, empty
from inventory_assets.lakehouse.changes import as_date, changed_partitions
from inventory_assets.lakehouse.checked import Checked

if TYPE_CHECKING:
    from deltalake import DeltaTable

COMMIT_ATTEMPTS = 5
CONSUMED = "consumed:"


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

    @property
    def predicate(self) -> str | None:
        """The scope as a Delta predicate; None covers everything."""
        parts = []
        if self.feed is not None:
            parts.append(f"feed = '{self.feed}'")
        if self.column is not None:
            named = ", ".join(f"'{day.isoformat()}'" for day in sorted(d for d in self.days if d is not None))
            either = [f"{self.column} IN ({named})"] if named else []
            either += [f"{self.column} IS NULL"] if None in self.days else []
            parts.append("(" + " OR ".join(either) + ")" if either else "false")
        return " AND ".join(parts) or None


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

    def uri(self, table: Table) -> str:
        """Root of a table."""
        return f"{self.root}/{table.path}"

    def open(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """The Delta table at a version (None: newest), None where it does not exist."""
        from deltalake import DeltaTable

        uri = self.uri(table)
        if "://" not in uri and not Path(uri, "_delta_log").is_dir():
            return None
        # a writer that died while it made the table leaves a log without a version
        if not DeltaTable.is_deltatable(uri, storage_options=self.storage_options or None):
            return None
        return DeltaTable(uri, version=version, storage_options=self.storage_options or None)

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

    def consumed(self, table: Table, source: Table) -> int | None:
        """Version of `source` that `table` took in last, None for never."""
        return self._taken(table, source.path)

    def day_rows(self, table: Table, version: int | None = None, column: str = "event_date") -> dict[date | None, int]:
        """Rows a day, from the log alone."""
        handle = self.open(table, version)
        if handle is None:
            return {}
        actions = pl.DataFrame(handle.get_add_actions(flatten=True))
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

    def append(
        self, table: Table, frame: pl.DataFrame | pl.LazyFrame, metadata: Mapping[str, str] | None = None
    ) -> Commit:
        """Append rows after holding them against the contract.

        Anything read from outside goes through `Inputs.append_once`, which knows what the table holds.

        Raises:
            ContractError: the rows break the contract; nothing was written.
        """
        from deltalake import CommitProperties

        return self._write(
            table,
            frame,
            lambda: {
                "mode": "append",
                "commit_properties": CommitProperties(custom_metadata=dict(metadata or {})),
            },
        )

    def replace(
        self, table: Table, frame: pl.DataFrame | pl.LazyFrame, scope: Scope, consumed: Mapping[str, int] | None = None
    ) -> Commit:
        """Replace a part of a table in one commit; days of the scope without a row are emptied.

        Args:
            table: which one.
            frame: the new rows, all inside the scope; lazy ones are never in memory as a whole.
            scope: the part.
            consumed: versions of the inputs that are taken in by this commit, by path.

        Raises:
            ContractError: the rows break the contract; nothing was written.
            LakeConflictError: another writer kept changing the table.
        """
        from deltalake import CommitProperties, Transaction

        taken = [Transaction(CONSUMED + path, version) for path, version in sorted((consumed or {}).items())]
        return self._write(
            table,
            frame,
            lambda: {
                "mode": "overwrite",
                "predicate": scope.predicate,
                "commit_properties": CommitProperties(app_transactions=taken),
            },
        )

    def note(self, table: Table, consumed: Mapping[str, int]) -> None:
        """Say that these input versions hold nothing new for the table, without touching a row."""
        from deltalake import CommitProperties, Transaction

        if all(self._taken(table, path) == version for path, version in consumed.items()):
            return
        taken = [Transaction(CONSUMED + path, version) for path, version in sorted(consumed.items())]
        self._write(
            table,
            empty(table),
            lambda: {
                "mode": "append",
                "commit_properties": CommitProperties(app_transactions=taken),
            },
        )

    def _taken(self, table: Table, path: str) -> int | None:
        handle = self.open(table)
        return None if handle is None else handle.transaction_version(CONSUMED + path)

    def _write(self, table: Table, frame: pl.DataFrame | pl.LazyFrame, options: Callable[[], dict]) -> Commit:
        from deltalake import DeltaTable

        checked = Checked(table, frame)
        try:
            if isinstance(frame, pl.DataFrame):
                checked.all()
            uri = self.uri(table)
            if self.open(table) is None:
                if "://" not in uri:
                    Path(uri).mkdir(parents=True, exist_ok=True)
                DeltaTable.create(
                    uri,
                    delta_schema(table),
                    mode="ignore",
                    partition_by=list(table.partition_by) or None,
                    description=table.description,
                    storage_options=self.storage_options or None,
                )
            return Commit(self._commit(uri, checked, options), sum(checked.days.values()), dict(checked.days))
        finally:
            self.check_seconds += checked.seconds

    def _commit(self, uri: str, rows: Checked, options: Callable[[], dict]) -> int:
        from deltalake import DeltaTable, WriterProperties, write_deltalake
        from deltalake.exceptions import CommitFailedError, DeltaError

        properties = WriterProperties(compression="ZSTD", compression_level=1)
        last: CommitFailedError | None = None
        for _ in range(COMMIT_ATTEMPTS):
            handle = DeltaTable(uri, storage_options=self.storage_options or None)
            try:
                write_deltalake(handle, rows, writer_properties=properties, **options())
            except CommitFailedError as error:
                last = error
                continue
            except DeltaError:
                if rows.broken is not None:
                    raise rows.broken from None
                raise
            return handle.version()
        raise LakeConflictError(
            f"{uri}: {COMMIT_ATTEMPTS} attempts met another writer: {last}; does a second run write it?"
        )
