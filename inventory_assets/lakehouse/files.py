"""Data files of a table: written by Polars, held against the contract, and only then named in a commit.

Polars encodes the columns of a file side by side and delta-rs one after the other, which takes three times as long.
A frame in memory is checked before anything is begun; a lazy one is computed into its files, never held as a whole, and
what then stands in the files is checked. Files that no commit names are nothing: readers do not see them, and vacuum
removes them. Invariant: no row is named in a commit that was not checked.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import check, check_types, check_values, conform, judged_columns, polars_schema
from inventory_assets.lakehouse.changes import as_date
from inventory_assets.lakehouse.refusals import is_full
from inventory_assets.lakehouse.stores import delete_files

if TYPE_CHECKING:
    from polars.io.partition import FileProviderArgs, SinkedPathsCallbackArgs

CHECK_ROWS = 524_288
"""Rows of a file that are checked together."""
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a table.

    Attributes:
        path: where it lies below the root of the table.
        partition: value of each partition column as text, None for null.
        rows: rows it holds.
        size: bytes.
    """

    path: str
    partition: Mapping[str, str | None]
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Written:
    """Files that wait for their commit, and the seconds their checks took."""

    files: tuple[DataFile, ...]
    check_seconds: float


def write_files(
    table: Table, uri: str, frame: pl.DataFrame | pl.LazyFrame, storage_options: Mapping[str, str] | None = None
) -> Written:
    """Write rows into new files of a table; nothing refers to them yet.

    Args:
        table: its declaration.
        uri: its root.
        frame: the rows; a lazy frame is never in memory as a whole.
        storage_options: options of the object store.

    Raises:
        ContractError: the rows break the contract.
    """
    began = perf_counter()
    if isinstance(frame, pl.DataFrame):
        rows = check(conform(frame, table), table)
        seconds = perf_counter() - began
        return Written(() if rows.is_empty() else _sink(table, uri, rows.lazy(), storage_options), seconds)
    plan = conform(frame, table)
    check_types(plan.collect_schema(), table)
    files = _sink(table, uri, plan, storage_options)
    began = perf_counter()
    try:
        for file in files:
            _check_file(table, uri, file, storage_options)
    except Exception:
        discard(uri, [file.path for file in files], storage_options)
        raise
    return Written(files, perf_counter() - began)


def _sink(
    table: Table, uri: str, rows: pl.LazyFrame, storage_options: Mapping[str, str] | None
) -> tuple[DataFile, ...]:
    token, numbers = uuid4().hex, count()
    named: dict[str, tuple[str, Mapping[str, str | None]]] = {}
    files: list[DataFile] = []

    def name(folder: str, partition: Mapping[str, str | None]) -> str:
        own = f"part-{next(numbers):05d}-{token}.zstd.parquet"
        path = f"{folder}/{own}" if folder else own
        named[own] = path, partition
        return path

    def provide(asked: FileProviderArgs) -> str:
        partition = asked.partition_keys.cast(pl.String).row(0, named=True)
        return name("/".join(f"{key}={value or NULL_PARTITION}" for key, value in partition.items()), partition)

    def note(sunk: SinkedPathsCallbackArgs) -> None:
        for done in sunk.paths:
            path, partition = named[PurePosixPath(done.path).name]
            if done.num_rows:
                files.append(DataFile(path, partition, done.num_rows, done.num_bytes))

    target = (
        pl.PartitionBy(uri, key=list(table.partition_by), include_key=False, file_path_provider=provide)
        if table.partition_by
        else f"{uri}/{name('', {})}"
    )
    try:
        rows.sink_parquet(
            target,
            compression="zstd",
            compression_level=1,
            storage_options=dict(storage_options) if storage_options else None,
            mkdir="://" not in uri,
            sinked_paths_callback=note,
        )
    except Exception as error:
        begun = [path for path, _ in named.values()]
        full, size = is_full(uri), _size(uri, begun)
        discard(uri, begun, storage_options)
        if full:
            words = f"no space left on device after {size / 1e6:,.1f} MB of the new rows"
            raise OSError(errno.ENOSPC, words, uri) from error
        raise
    return tuple(files)


def discard(uri: str, paths: Iterable[str], storage_options: Mapping[str, str] | None = None) -> None:
    """Remove files that no commit will name, so that they do not fill the disk until vacuum finds them.

    A store that does not let them go keeps them: the error that brought us here matters more.
    """
    with suppress(OSError):
        delete_files(uri, list(paths), storage_options or {})


def _size(uri: str, paths: Iterable[str]) -> int:
    """Bytes of those files that are there; nothing for an object store, which shows a file when it is whole."""
    if "://" in uri:
        return 0
    return sum(found.stat().st_size for path in paths if (found := Path(uri, path)).exists())


def _check_file(table: Table, uri: str, file: DataFile, storage_options: Mapping[str, str] | None) -> None:
    judged, types = judged_columns(table), polars_schema(table)
    partition = [
        pl.lit(as_date(value) if types[name] == pl.Date else value, types[name]).alias(name)
        for name, value in file.partition.items()
    ]
    stored = pl.scan_parquet(
        f"{uri}/{file.path}",
        hive_partitioning=False,
        storage_options=dict(storage_options) if storage_options else None,
    )
    pieces = stored.with_columns(partition).select(judged)
    for piece in pieces.collect_batches(chunk_size=CHECK_ROWS, lazy=True, engine="streaming"):
        check_values(piece, table)
