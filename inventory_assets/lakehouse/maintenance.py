"""Keeping tables small without changing a row: compaction, removal of files nobody needs, checkpoint, log.

What belongs here: what is done to one table, and what a table occupies. What does not: which tables, when, and what
must be kept (`pipeline.maintain`). The invariant: whatever stops in the middle, every version that is to be kept stays
readable, no day counts as changed, and doing it again finishes the work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, get_args

import polars as pl

from inventory_assets.contracts.model import Layer, Table
from inventory_assets.lakehouse.changes import as_date, changed_partitions
from inventory_assets.lakehouse.lake import CONSUMED, Lake, taken_in
from inventory_assets.lakehouse.stores import StoredFile, delete_files, list_files

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log/"
LOG_RETENTION = "delta.logRetentionDuration"
CHECKPOINT_AFTER = 10
"""Commits without a checkpoint that are worth one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a table occupies.

    Attributes:
        files: files of its newest version.
        live_bytes: bytes in them.
        disk_files: data files on disk, those of older versions and orphans included.
        disk_bytes: bytes in them.
        versions: commits in the log.
        log_bytes: bytes of the log, checkpoints included.
    """

    files: int
    live_bytes: int
    disk_files: int
    disk_bytes: int
    versions: int
    log_bytes: int


def figures(lake: Lake, table: Table) -> Figures | None:
    """What a table occupies; None where it does not exist."""
    handle = lake.open(table)
    if handle is None:
        return None
    live = _files(handle)["size_bytes"]
    stored = list(list_files(lake.uri(table), lake.storage_options))
    data = [file.size for file in stored if not file.path.startswith(LOG)]
    log = [file for file in stored if file.path.startswith(LOG)]
    return Figures(
        files=live.len(),
        live_bytes=int(live.sum()),
        disk_files=len(data),
        disk_bytes=sum(data),
        versions=sum(_is_commit(file.path) for file in log),
        log_bytes=sum(file.size for file in log),
    )


def mergeable(lake: Lake, table: Table, target_bytes: int) -> dict[tuple[str | None, ...], int]:
    """Partitions with more than one file below the target size, with the number of these files."""
    handle = lake.open(table)
    if handle is None:
        return {}
    small = _files(handle).filter(pl.col("size_bytes") < target_bytes)
    names = [f"partition.{name}" for name in table.partition_by]
    if not names:
        return {(): small.height} if small.height > 1 else {}
    counted = small.select(pl.col(names).cast(pl.String)).group_by(names).len().filter(pl.col("len") > 1)
    return {row[:-1]: row[-1] for row in counted.iter_rows()}


def compact(lake: Lake, table: Table, target_bytes: int, days: Collection[date | None] | None = None) -> int:
    """Merge files below the target size, partition by partition; no row and no day changes.

    Args:
        lake: the lake.
        table: which table.
        target_bytes: size up to which files are merged.
        days: business days to look at, None for all.

    Returns:
        Files merged away.
    """
    from deltalake import WriterProperties

    handle = lake.open(table)
    if handle is None:
        return 0
    merged = 0
    for filters in [None] if days is None else _each(days):
        done = handle.optimize.compact(
            partition_filters=filters,
            target_size=target_bytes,
            writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
        )
        merged += int(done["numFilesRemoved"])
    return merged


def _each(days: Collection[date | None]) -> list[list[tuple[str, str, str | list[str]]]]:
    """Partition filters for days; "in" never matches the null partition, so that has one of its own."""
    named = sorted(day.isoformat() for day in days if day is not None)
    filters: list[list[tuple[str, str, str | list[str]]]] = [[("event_date", "in", named)]] if named else []
    return [*filters, [("event_date", "=", "")]] if None in days else filters


def crowded_days(lake: Lake, table: Table, days: Iterable[date | None], above: int, target_bytes: int) -> set:
    """Those of the days that hold more than so many files below the target size."""
    at = table.partition_by.index("event_date")
    crowded = {as_date(key[at]) for key, n in mergeable(lake, table, target_bytes).items() if n > above}
    return crowded & set(days)


def consumption(lake: Lake, tables: Iterable[Table]) -> dict[str, dict[str, int]]:
    """What each table took in last: by path of the output, version by path of the input."""
    tables = tuple(tables)
    found: dict[str, dict[str, int]] = {}
    for output in tables:
        handle = lake.open(output) if output.upstream else None
        if handle is not None:
            taken = {source.path: taken_in(handle, source.path) for source in tables if _may_feed(source, output)}
            found[output.path] = {path: version for path, version in taken.items() if version is not None}
    return found


def _may_feed(source: Table, output: Table) -> bool:
    layers = get_args(Layer)
    return source is not output and layers.index(source.layer) <= layers.index(output.layer)


def settle(lake: Lake, tables: Iterable[Table]) -> dict[str, dict[str, int]]:
    """Let every table note the newest version of inputs that changed no row since it took them in.

    Otherwise a compaction would leave each reader behind for good, and those replaced as a whole would be rewritten.

    Returns:
        What each table has taken in now, as `consumption` says it.
    """
    by_path = {table.path: table for table in tables}
    taken = consumption(lake, by_path.values())
    newest = lake.pins(by_path.values())
    for path in TopologicalSorter({output: set(sources) for output, sources in taken.items()}).static_order():
        if path not in taken:
            continue
        still: dict[str, int] = {}
        for source, after in taken[path].items():
            if newest.get(source, after) > after and same_rows(lake, by_path[source], after, newest[source]):
                still[source] = newest[source]
        if still:
            lake.note(by_path[path], still)
            taken[path] |= still
            newest[path] = lake.version(by_path[path]) or 0
    return taken


def same_rows(lake: Lake, table: Table, after: int, upto: int) -> bool:
    """Whether no row changed in the versions `after` < v ≤ `upto`, as far as the log tells."""
    return changed_partitions(lake.uri(table), table, after, upto, lake.storage_options) == set()


def leftovers(lake: Lake, table: Table, retention_hours: int, keep: Collection[int]) -> list[StoredFile]:
    """Data files that may go: of no version to keep, and replaced or written longer ago than the retention.

    Args:
        lake: the lake.
        table: which table.
        retention_hours: how long a file stays at least after it was replaced; after it was written for one that no
            commit ever named.
        keep: older versions whose files stay; those the log does not hold any more are passed over.
    """
    handle = lake.open(table)
    if handle is None:
        return []
    older = sorted(version for version in set(keep) if version < handle.version())
    kept = [version for version in older if is_readable(lake, table, version)]
    named = handle.vacuum(
        retention_hours=retention_hours,
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
        keep_versions=kept or None,
    )
    if not named:
        return []
    gone = set(named)
    return [file for file in list_files(lake.uri(table), lake.storage_options) if file.path in gone]


def remove(lake: Lake, table: Table, files: Collection[StoredFile]) -> None:
    """Delete files found by `leftovers`.

    Not by delta-rs: each of its vacuums makes two commits, which every reader would have to look at.
    """
    delete_files(lake.uri(table), [file.path for file in files], lake.storage_options)


def trim_log(lake: Lake, table: Table, log_days: int, keep: Collection[int], now: datetime) -> None:
    """Write a checkpoint where one is missing, and drop commits older than so many days that nobody needs.

    Args:
        lake: the lake.
        table: which table.
        log_days: days a commit stays at least.
        keep: versions that must stay readable, with the commits after them.
        now: the time.
    """
    handle = lake.open(table)
    if handle is None:
        return
    wanted = f"interval {log_days} days"
    held = handle.metadata().configuration.get(LOG_RETENTION, "interval 30 days")
    if held != wanted:
        handle.alter.set_table_properties({LOG_RETENTION: wanted})
        handle = lake.open(table)
        if handle is None:
            return
    log = [file for file in list_files(lake.uri(table), lake.storage_options) if _in_log(file)]
    if handle.version() - max((_version(file) for file in log if ".checkpoint" in file.path), default=-1) >= (
        CHECKPOINT_AFTER
    ):
        handle.create_checkpoint()
    expired = {_version(file) for file in log if file.modified <= now - timedelta(days=log_days)}
    if expired and not expired & {version for version in keep if version < handle.version()}:
        handle.cleanup_metadata()


def is_readable(lake: Lake, table: Table, version: int) -> bool:
    """Whether the log still says which files a version had."""
    from deltalake.exceptions import DeltaError

    try:
        return lake.open(table, version) is not None
    except DeltaError:
        return False


def rewind(
    lake: Lake, table: Table, version: int, taken: Mapping[str, int], message: Mapping[str, str] | None = None
) -> int:
    """Make the rows of an older version the newest ones, in one commit that also says what they had taken in.

    Args:
        lake: the lake.
        table: which table.
        version: the version whose rows come back.
        taken: version by path of the inputs those rows were computed from, `FORGOTTEN` for none.
        message: further metadata of the commit.

    Returns:
        The new version.

    Raises:
        DeltaError: a file of that version is gone.
    """
    from deltalake import CommitProperties, DeltaTable, Transaction

    handle = DeltaTable(lake.uri(table), storage_options=lake.storage_options or None)
    handle.restore(
        version,
        commit_properties=CommitProperties(
            custom_metadata=dict(message or {}),
            app_transactions=[Transaction(CONSUMED + path, at) for path, at in sorted(taken.items())],
        ),
    )
    return handle.version()


def _files(handle: DeltaTable) -> pl.DataFrame:
    actions = pl.DataFrame(handle.get_add_actions(flatten=True))
    return actions if actions.width else pl.DataFrame(schema={"path": pl.String, "size_bytes": pl.Int64})


def _in_log(file: StoredFile) -> bool:
    return file.path.startswith(LOG) and file.path.removeprefix(LOG)[:20].isdigit()


def _version(file: StoredFile) -> int:
    return int(file.path.removeprefix(LOG)[:20])


def _is_commit(path: str) -> bool:
    return path.startswith(LOG) and path.endswith(".json")
