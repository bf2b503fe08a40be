"""What all loaders share: reading a published table, shaping rows of a feed, writing landing files once.

Landing files are computed in full before the first is written. A file is written under a `.tmp` name and renamed, a
file that is already there with the same bytes is left alone, and one with other bytes stops the load, because the
ingest reads a path once and a rewritten file only by command.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.schemas import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from inventory_assets.contracts.feeds import Feed

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": partial(pl.read_csv, infer_schema=False),
}
"""How a published file is read, by its extension; a CSV comes as text."""
SHOWN = 5
"""Faults a message lists at most."""


class LoadError(ValueError):
    """A published file is not what its loader expects; nothing was written."""


class LandingConflictError(LoadError):
    """A landing file of that name is there with other content; nothing was written."""


@dataclass(frozen=True, slots=True)
class LandingFile:
    """One file to be written.

    Attributes:
        path: path below the landing folder, with `/`.
        content: its bytes.
    """

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load left in the landing folder.

    Attributes:
        files: paths of all its files below the landing folder, those that were there already included.
        rows: rows by feed.
        notes: what a person should know about them, one sentence each.
        written: number of files that were not there before.
    """

    files: tuple[str, ...]
    rows: dict[str, int]
    notes: tuple[str, ...]
    written: int


def read_published(file: Path, dtypes: dict[str, pl.DataType]) -> pl.DataFrame:
    """Columns of a published table, checked and cast.

    Args:
        file: a `.parquet` or `.csv` file (UTF-8, comma, dates as ISO).
        dtypes: columns to read with the dtypes they must have; text of a CSV is cast to them, as are the whole
            numbers that spreadsheets write as `13085.0`.

    Raises:
        LoadError: the file is missing, has another format, lacks columns, or holds values that do not cast.
    """
    if not file.is_file():
        raise LoadError(f"{file}: no such file; give the path of the published data set")
    if file.suffix.lower() not in READERS:
        raise LoadError(f"{file}: {file.suffix or 'a file without extension'} is not read; give {' or '.join(READERS)}")
    try:
        frame = READERS[file.suffix.lower()](file)
    except pl.exceptions.PolarsError as error:
        raise LoadError(f"{file}: not readable: {str(error).splitlines()[0]}") from error
    missing = [name for name in dtypes if name not in frame.columns]
    if missing:
        raise LoadError(f"{file}: columns missing: {missing}; found {frame.columns}")
    try:
        return frame.select(_cast(pl.col(name), frame.schema[name], dtype) for name, dtype in dtypes.items())
    except pl.exceptions.PolarsError as error:
        raise LoadError(f"{file}: a value does not fit its column: {str(error).splitlines()[0]}") from error


def _cast(column: pl.Expr, published: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if published == wanted:
        return column
    if published == pl.String and wanted == pl.Int64:
        return column.str.replace(r"\.0+$", "").cast(pl.Int64)
    if published == pl.String and isinstance(wanted, pl.Datetime):
        return column.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
    return column.cast(wanted)


def feed_frame(rows: pl.DataFrame, feed: Feed, *, naive: bool = False) -> pl.DataFrame:
    """Rows with exactly the feed's columns in order; columns the rows do not have are null.

    Args:
        rows: columns of the feed.
        feed: the feed.
        naive: instants carry no zone; the ingest reads them in the zone of their source.

    Raises:
        LoadError: a column the feed does not know, or one of another type.
    """
    expected = {c.name: DTYPES[c.type] for c in feed.columns}
    if naive:
        expected = {n: pl.Datetime("us") if isinstance(d, pl.Datetime) else d for n, d in expected.items()}
    wrong = {n: d for n, d in rows.schema.items() if expected.get(n) != d}
    if wrong:
        raise LoadError(f"{feed.name}: columns or types the feed does not have: {wrong}")
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in expected.items()
    )


def parquet_bytes(rows: pl.DataFrame) -> bytes:
    """Parquet file of the rows; equal rows give equal bytes."""
    buffer = BytesIO()
    rows.rechunk().write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def csv_bytes(rows: pl.DataFrame) -> bytes:
    """CSV file of the rows, UTF-8, comma, header, null as empty."""
    return rows.write_csv().encode()


def slug(name: str) -> str:
    """A name as part of a path: lower case, everything but letters, digits and dots turned into one hyphen."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def listed(values: Sequence[object]) -> str:
    """The first values for a message, with the number of those left out."""
    shown = ", ".join(str(value) for value in values[:SHOWN])
    return shown if len(values) <= SHOWN else f"{shown} and {len(values) - SHOWN} more"


def write_landing(root: Path, files: Iterable[LandingFile]) -> int:
    """Write files that are not there yet, each in one step.

    Args:
        root: the landing folder.
        files: the files; paths may not repeat.

    Returns:
        Number of files written; those present with equal bytes are not touched.

    Raises:
        LandingConflictError: a file is there with other bytes; nothing was written.
    """
    absent: list[LandingFile] = []
    conflicts: list[str] = []
    for file in files:
        target = root / file.path
        if not target.exists():
            absent.append(file)
        elif target.read_bytes() != file.content:
            conflicts.append(file.path)
    if conflicts:
        raise LandingConflictError(
            f"{root}: {len(conflicts)} files are there with other content ({listed(conflicts)}); the ingest reads a "
            "landing file once, so rename the file you load, or use another landing folder"
        )
    for file in absent:
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".tmp")
        with part.open("wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    return len(absent)
