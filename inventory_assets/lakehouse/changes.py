"""Which days of a table changed between two versions, read from the Delta log.

Only data-changing actions count, so that compaction dirties nothing. Where the log no longer holds the commits in
question, the answer is None: everything may have changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from inventory_assets.contracts.model import Table


def log_file(uri: str, version: int) -> str:
    """URI of the JSON commit of a version."""
    return f"{uri.rstrip('/')}/_delta_log/{version:020d}.json"


def changed_partitions(
    uri: str, table: Table, after: int, upto: int, storage_options: Mapping[str, str] | None = None
) -> set[tuple[str | None, ...]] | None:
    """Partition values of data-changing actions in the versions `after` < v ≤ `upto`.

    Args:
        uri: root of the table.
        table: its declaration, which names the partition columns.
        after: last version that is known already; −1 for none.
        upto: last version of interest.
        storage_options: options of the object store.

    Returns:
        Partition values as text, one tuple a partition in the order of `partition_by`; None where a commit of the
        range is no longer in the log.
    """
    if upto <= after:
        return set()
    values = pl.Struct(dict.fromkeys(table.partition_by, pl.String) or {"none": pl.String})
    action = pl.Struct({"partitionValues": values, "dataChange": pl.Boolean})
    try:
        log = pl.scan_ndjson(
            [log_file(uri, version) for version in range(after + 1, upto + 1)],
            schema={"add": action, "remove": action},
            storage_options=dict(storage_options) if storage_options else None,
        ).collect()
    except (FileNotFoundError, OSError, pl.exceptions.ComputeError):
        return None
    changed: set[tuple[str | None, ...]] = set()
    for kind in ("add", "remove"):
        actions = log.select(pl.col(kind).struct.unnest()).filter(pl.col("dataChange"))
        for row in actions.select(pl.col("partitionValues").struct.unnest()).unique().iter_rows(named=True):
            changed.add(tuple(row[name] for name in table.partition_by))
    return changed


def written_bytes(
    uri: str, after: int, upto: int, storage_options: Mapping[str, str] | None = None
) -> tuple[int, int] | None:
    """Bytes of data files that the versions `after` < v ≤ `upto` wrote, and by how much the table grew.

    Returns:
        Both numbers, None where a commit of the range is no longer in the log. Compaction is written, and grows nothing
        but by what it saves.
    """
    if upto <= after:
        return 0, 0
    action = pl.Struct({"size": pl.Int64})
    try:
        log = pl.scan_ndjson(
            [log_file(uri, version) for version in range(after + 1, upto + 1)],
            schema={"add": action, "remove": action},
            storage_options=dict(storage_options) if storage_options else None,
        ).select(written=pl.col("add").struct.field("size").sum(), removed=pl.col("remove").struct.field("size").sum())
        written, removed = log.collect().row(0)
    except (FileNotFoundError, OSError, pl.exceptions.ComputeError):
        return None
    return int(written), int(written) - int(removed)


def as_date(value: str | None) -> date | None:
    """A partition value as a date; the null partition as None."""
    return None if value in (None, "") else date.fromisoformat(value)
