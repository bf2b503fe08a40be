"""One file's bytes to the rows of its bronze table.

Reading never fails on bad content: a cell that does not cast, a line that cannot be parsed and a file that cannot be
taken in are rows with the reason. Writing the table, and deciding which files are read, are done elsewhere.

Invariant: the frame has the exact schema of the feed's bronze table; `row_number` counts the file's rows from 1, and a
refused file is one row with number 0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS, POS
from inventory_assets.contracts.schemas import DTYPES, INSTANT, polars_schema
from inventory_assets.ingest.casting import Cast, as_text, cast_column, trim
from inventory_assets.ingest.formats import read_rows
from inventory_assets.ingest.instants import Zones, cast_instants
from inventory_assets.ingest.landing import LandingFile, content_hash
from inventory_assets.ingest.line_numbers import LINE_NUMBER, number_lines
from inventory_assets.ingest.raw import FileRefusedError, RawRows, Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.sources import Profiles, SourceProfile

TIME_NONEXISTENT = "time:nonexistent"
ROW_BY_ROW = "-rows"
MOST_FAILED = 0.5
"""A file with a larger share of rows that do not cast is refused: its columns are shifted or its format changed."""


@dataclass(frozen=True)
class FileRead:
    """What one file gave.

    Attributes:
        frame: rows of the bronze table of the file's feed.
        content_hash: BLAKE2b-128 of the bytes, hexadecimal.
        refused: why the whole file was refused, for people; None where its rows were taken in.
        added_columns: columns the feed's contract does not know; kept in `extra_columns`.
        warnings: what a person should know about the file.
    """

    frame: pl.DataFrame
    content_hash: str
    refused: str | None = None
    added_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Columns:
    """Typed feed columns, with what went wrong in them."""

    frame: pl.DataFrame
    failed: dict[str, pl.Series]
    nonexistent: dict[str, pl.Series]
    zones: Zones


def read_file(
    content: bytes, file: LandingFile, profiles: Profiles, ingested_at: datetime, *, row_by_row: bool = False
) -> FileRead:
    """Read a landing file into its bronze rows.

    Args:
        content: the file's bytes.
        file: where it lies and what it is by its path.
        profiles: zones and null tokens of the source systems.
        ingested_at: instant of the reading, UTC.
        row_by_row: take every row whatever is wrong with the file as a whole, each bad cell marked by itself. The
            rows bear `row_by_row_hash`, because the file itself stands in bronze already.
    """
    feed, profile = FEEDS[file.feed], profiles[file.source_system]
    digest = content_hash(content)
    if row_by_row:
        digest = row_by_row_hash(digest)
    try:
        rows = read_rows(content, file.path, feed, row_by_row=row_by_row)
        columns = _cast(rows, feed, profile)
        if not row_by_row:
            _refuse_mostly_failed(rows, columns)
    except FileRefusedError as error:
        return refused_file(file, digest, error.reason, str(error), ingested_at)
    added = tuple(sorted(name for name in rows.frame.columns if name not in feed.column_names))
    frame = _with_lineage(rows, columns, feed, added).with_columns(
        pl.lit(file.source_system).alias("source_system"),
        pl.lit(file.path).alias("source_file"),
        pl.lit(digest).alias("content_hash"),
        pl.lit(ingested_at).cast(INSTANT).alias("ingestion_timestamp"),
        pl.lit(ingested_at.date()).alias("processing_date"),
    )
    return FileRead(
        frame.select(BRONZE[feed.name].column_names), digest, added_columns=added, warnings=_warnings(rows, columns)
    )


def row_by_row_hash(digest: str) -> str:
    """Content hash that the rows of a refused file bear once it is read row by row."""
    return digest + ROW_BY_ROW


def refused_file(file: LandingFile, digest: str, reason: Refusal, message: str, ingested_at: datetime) -> FileRead:
    """The one row that stands for a file that was not taken in.

    Args:
        file: the file.
        digest: content hash of its bytes, which with the path says that it was dealt with.
        reason: `file:refused` or `file:unreadable`.
        message: what was wrong and what to do, for people.
        ingested_at: instant of the reading, UTC.
    """
    table = BRONZE[file.feed]
    row = dict.fromkeys(table.column_names) | {
        "source_system": file.source_system, "source_file": file.path, "content_hash": digest, "row_number": 0,
        "ingestion_timestamp": ingested_at, "processing_date": ingested_at.date(),
        "row_error": reason, "row_error_detail": message,
    }  # fmt: skip
    return FileRead(pl.DataFrame([row], schema=polars_schema(table)), digest, refused=message)


def _cast(rows: RawRows, feed: Feed, profile: SourceProfile) -> _Columns:
    """Cast the feed's columns; the location first, because it decides the zone of naive times."""
    everywhere = profile.null_tokens.get("*", ())
    tokens = {name: (*everywhere, *profile.null_tokens.get(name, ())) for name in feed.column_names}
    cells = trim(rows.frame.select(name for name in feed.column_names if name in rows.frame.columns))
    casts: dict[str, Cast] = {}
    for column in feed.columns:
        if column.type != "Datetime" and column.name in cells.columns:
            casts[column.name] = cast_column(cells[column.name], column.type, tokens[column.name])
    location = casts.get(feed.location) if feed.location else None
    zones = Zones(profile.time_zone, profile.location_time_zones, location.values if location else None)
    for column in feed.columns:
        if column.type == "Datetime" and column.name in cells.columns:
            casts[column.name] = cast_instants(cells[column.name], zones, tokens[column.name])
    failed = {name: cast.failed for name, cast in casts.items() if cast.failed is not None}
    values = {name: cast.values for name, cast in casts.items()}
    for name, nested in rows.mismatched.items():
        failed[name] = nested | failed[name] if name in failed else nested
        values[name] = values[name].set(nested, None)
    missing = pl.Series([None]).new_from_index(0, rows.height)
    frame = pl.DataFrame(
        [values.get(column.name, missing).cast(DTYPES[column.type]).alias(column.name) for column in feed.columns]
    )
    nonexistent = {name: cast.nonexistent for name, cast in casts.items() if cast.nonexistent is not None}
    if feed is POS:
        frame = frame.with_columns(_line_numbers(frame, cells, failed, nonexistent))
    return _Columns(frame, failed, nonexistent, zones)


def _line_numbers(
    frame: pl.DataFrame, cells: pl.DataFrame, failed: dict[str, pl.Series], nonexistent: dict[str, pl.Series]
) -> pl.Series:
    unnumbered = frame[LINE_NUMBER].is_null()
    if LINE_NUMBER in failed:
        unnumbered &= ~failed[LINE_NUMBER]
    if not unnumbered.any():
        return frame[LINE_NUMBER]
    ties = []
    for name in frame.columns:
        spoilt = [marks[name] for marks in (failed, nonexistent) if name in marks]
        if spoilt:
            keep = spoilt[0] if len(spoilt) == 1 else spoilt[0] | spoilt[1]
            ties.append(as_text(cells[name]).set(~keep, None))
    return number_lines(frame, unnumbered, ties)


def _refuse_mostly_failed(rows: RawRows, columns: _Columns) -> None:
    """Refuse a file most of whose rows hold a cell that did not cast.

    Raises:
        FileRefusedError: with the columns and how many of their cells failed.
    """
    if not columns.failed:
        return
    spoilt = pl.select(pl.any_horizontal(*columns.failed.values())).to_series().sum()
    if spoilt > MOST_FAILED * rows.height:
        counts = ", ".join(f"{name}: {marks.sum()}" for name, marks in columns.failed.items())
        examples = "; ".join(
            f"{name} {str(rows.frame[name].filter(marks)[0])[:60]!r}" for name, marks in columns.failed.items()
        )
        raise FileRefusedError(
            "file:refused",
            f"{spoilt} of {rows.height} rows hold a cell that does not cast ({counts}), for example {examples}; "
            "send the declared types, or declare the texts that mean null for this source",
        )


def _with_lineage(rows: RawRows, columns: _Columns, feed: Feed, added: tuple[str, ...]) -> pl.DataFrame:
    frame, height = columns.frame, rows.height
    times = [frame[name] for name in feed.time]
    first = times[0] if len(times) == 1 else pl.select(pl.coalesce(times)).to_series()
    errors = _row_errors(rows, columns)
    zone = pl.lit(columns.zones.default if columns.zones.of_row is None else columns.zones.of_row)
    zone_known = rows.errors.is_null() if rows.errors is not None else None
    return frame.with_columns(
        columns.zones.local_day(first).alias("event_date"),
        (zone if zone_known is None else pl.when(zone_known).then(zone)).alias("business_time_zone"),
        pl.int_range(1, height + 1, dtype=pl.Int64).alias("row_number"),
        _raw_data(rows, columns).alias("raw_data"),
        _cast_errors(columns).alias("cast_errors"),
        *errors,
        _extra_columns(rows.frame, added).alias("extra_columns"),
    )


def _row_errors(rows: RawRows, columns: _Columns) -> list[pl.Expr]:
    error: pl.Expr = pl.lit(rows.errors) if rows.errors is not None else pl.lit(None, pl.String)
    detail: pl.Expr = pl.lit(rows.details) if rows.details is not None else pl.lit(None, pl.String)
    for name, marks in columns.nonexistent.items():
        error = pl.coalesce(error, pl.when(marks).then(pl.lit(TIME_NONEXISTENT)))
        detail = pl.coalesce(
            detail,
            pl.when(marks).then(
                pl.format(
                    "{} {} does not exist in that zone: clocks were put forward; send the offset",
                    pl.lit(name),
                    as_text(rows.frame[name]),
                )
            ),
        )
    return [error.alias("row_error"), detail.alias("row_error_detail")]


def _cast_errors(columns: _Columns) -> pl.Expr:
    if not columns.failed:
        return pl.lit(None, pl.String)
    spoilt = [name for name in columns.frame.columns if name in columns.failed]
    names = [pl.when(columns.failed[name]).then(pl.lit(name)) for name in spoilt]
    joined = pl.concat_str(names, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _raw_data(rows: RawRows, columns: _Columns) -> pl.Expr:
    """Source lines; where there is none, the whole row as JSON if a cell was lost in casting."""
    lost = [*columns.failed.values(), *columns.nonexistent.values()]
    lines = rows.lines
    if not lost or (lines is not None and lines.null_count() == 0):
        return pl.lit(lines) if lines is not None else pl.lit(None, pl.String)
    positions = pl.select(pl.any_horizontal(*lost)).to_series().arg_true()
    whole = [json.dumps(row, ensure_ascii=False, default=_json_text)
             for row in rows.frame[positions].iter_rows(named=True)]  # fmt: skip
    given = lines if lines is not None else pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
    spelt = pl.Series(whole, dtype=pl.String)
    return pl.lit(given.scatter(positions, pl.select(pl.coalesce(given[positions], spelt)).to_series()))


def _json_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _extra_columns(frame: pl.DataFrame, added: tuple[str, ...]) -> pl.Expr:
    """JSON object of the added columns that are not null, names in order, values as text."""
    if not added:
        return pl.lit(None, pl.String)
    texts = [_extra_text(frame[name]) for name in added]
    cells = [
        pl.when(text.is_not_null()).then(
            pl.struct(pl.lit(text).alias(name)).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
        )
        for name, text in zip(added, texts, strict=True)
    ]
    joined = pl.concat_str(cells, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}")))


def _extra_text(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_nested():
        values = [None if value is None else json.dumps(value, ensure_ascii=False, default=_json_text)
                  for value in (cell.to_list() if isinstance(cell, pl.Series) else cell for cell in cells)]  # fmt: skip
        return pl.Series(cells.name, values, dtype=pl.String)
    return as_text(trim(cells.to_frame()).to_series())


def _warnings(rows: RawRows, columns: _Columns) -> tuple[str, ...]:
    unreadable = rows.errors.is_not_null().sum() if rows.errors is not None else 0
    found = [f"{unreadable} of {rows.height} lines cannot be read"] if unreadable else []
    found += [f"{marks.sum()} of {rows.height} cells of {name} do not cast" for name, marks in columns.failed.items()]
    found += [f"{marks.sum()} local times of {name} do not exist" for name, marks in columns.nonexistent.items()]
    return (*rows.warnings, *found)
