"""Parquet, and the choice of the reader by a file's extension.

Parquet columns stay as they are; `casting` leaves those alone whose type is right already. CSV is read in `text`, JSON
lines and Avro in `records`.
"""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.ingest.landing import EXTENSIONS
from inventory_assets.ingest.raw import FileRefusedError, RawRows, check_required, match_columns
from inventory_assets.ingest.records import read_avro, read_json
from inventory_assets.ingest.text import read_csv

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory_assets.contracts.feeds import Feed


def read_parquet(content: bytes, feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """Rows of a Parquet file in its own types.

    Raises:
        FileRefusedError: no readable Parquet, a required column missing, or no rows.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(content), hive_partitioning=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise FileRefusedError(
            "file:unreadable", f"no readable Parquet file: {str(error)[:300]}; write it again and send it anew"
        ) from error
    names = match_columns(frame.columns, feed, row_by_row=row_by_row)
    if not row_by_row:
        check_required(names, feed)
    if frame.is_empty():
        raise FileRefusedError("file:refused", "the file has columns but no rows; nothing was taken in")
    return RawRows(frame.rename(dict(zip(frame.columns, names, strict=True))))


READERS: dict[str, Callable[..., RawRows]] = {
    "csv": read_csv,
    "json": read_json,
    "parquet": read_parquet,
    "avro": read_avro,
}


def read_rows(content: bytes, path: str, feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """Rows of a file of any known format.

    Args:
        content: the file's bytes.
        path: its name, for the extension.
        feed: its feed.
        row_by_row: give every row there is, whatever is wrong with the file as a whole: a missing column is null, and
            what cannot be read is an unreadable line.

    Raises:
        FileRefusedError: the file cannot be taken in (row by row: not a single row can be told from the others); the
            message says why and what to do.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in EXTENSIONS:
        raise FileRefusedError("file:refused", f"unknown extension {suffix!r}; known are {', '.join(EXTENSIONS)}")
    if not content:
        raise FileRefusedError("file:refused", "the file is empty: it has 0 bytes")
    return READERS[EXTENSIONS[suffix]](content, feed, row_by_row=row_by_row)
