"""Files of objects: JSON lines and Avro, plain or as Event Hubs Capture writes it.

Every cell becomes the text its producer wrote (numbers digit for digit), so that `casting` decides once for all
formats. A line, or a captured body, that is no JSON object is one unreadable row and moves no other row.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from inventory_assets.ingest.raw import LINE_UNREADABLE, FileRefusedError, RawRows, check_required, match_columns
from inventory_assets.ingest.text import BROKEN_TEXT, decode_leniently, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inventory_assets.contracts.feeds import Feed

CAPTURE_FIELDS = {"SequenceNumber", "Offset", "EnqueuedTimeUtc", "Body"}
DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its object, or why there is none; the source line where the format has lines."""

    values: dict[str, Any] | None
    line: str | None = None
    detail: str | None = None


def read_json(content: bytes, feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """Rows of a file of JSON objects: one a line, or one array of them.

    Raises:
        FileRefusedError: encoding unknown, a broken array, a required column in no row, or no rows.
    """
    text, broken = decode_leniently(content) if row_by_row else (decode_text(content), frozenset())
    if text.lstrip().startswith("["):
        records = _until_broken(_array(text)) if row_by_row else _array(text)
    else:
        lines = filter(str.strip, text.split("\n"))
        records = (Record(None, line, BROKEN_TEXT) if line in broken else _line(line) for line in lines)
    return to_rows(records, feed, row_by_row=row_by_row)


def read_avro(content: bytes, feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """Rows of an Avro file: its records, or the JSON bodies of the events in an Event Hubs Capture file.

    Raises:
        FileRefusedError: no readable Avro, a required column in no row, or no rows.
    """
    import fastavro

    try:
        reader = fastavro.reader(io.BytesIO(content))
        schema = reader.writer_schema
        fields = {field["name"] for field in schema.get("fields", ())} if isinstance(schema, dict) else set()
        values = list(reader) if not row_by_row else list(_readable(reader))
    except Exception as error:
        raise FileRefusedError(
            "file:unreadable",
            f"no readable Avro file: {type(error).__name__}: {str(error)[:300]}; write it again and send it anew",
        ) from error
    if fields >= CAPTURE_FIELDS:
        return to_rows(_captured(values), feed, row_by_row=row_by_row)
    records = (Record(value) if isinstance(value, dict) else Record(None, str(value), "no record") for value in values)
    return to_rows(records, feed, row_by_row=row_by_row)


def _readable(records: Iterable[Any]) -> Iterator[Any]:
    """Records up to the place where the file is broken; what stands there is the last one, as text."""
    try:
        yield from records
    except Exception as error:  # fastavro raises whatever its decoder meets
        yield f"the file breaks off here: {type(error).__name__}: {error}"


def _until_broken(records: Iterable[Record]) -> Iterator[Record]:
    """Objects of an array up to the place where it is broken, which is a record of its own."""
    try:
        yield from records
    except FileRefusedError as error:
        yield Record(None, None, str(error))


def to_rows(records: Iterable[Record], feed: Feed, *, row_by_row: bool = False) -> RawRows:
    """One row a record, cells as text; a required column may be missing in a row but not in all of them.

    Read row by row, a column may be missing in all of them.

    Raises:
        FileRefusedError: a required column is in no readable row, or there are no rows.
    """
    rows = list(records)
    if not rows:
        raise FileRefusedError("file:refused", "the file has no rows; nothing was taken in")
    published = list(dict.fromkeys(name for row in rows if row.values is not None for name in row.values))
    names = match_columns(published, feed, row_by_row=row_by_row)
    if not row_by_row and any(row.values is not None for row in rows):
        check_required(names, feed)
    columns: dict[str, list[str | None]] = {}
    mismatched: dict[str, pl.Series] = {}
    declared = set(feed.column_names)
    nothing: dict[str, Any] = {}
    for key, name in zip(published, names, strict=True):
        cells = [(row.values or nothing).get(key) for row in rows]
        nested = [isinstance(cell, (dict, list)) for cell in cells] if name in declared else []
        if any(nested):
            mismatched[name] = pl.Series(nested, dtype=pl.Boolean)
        columns[name] = [cell if cell is None or type(cell) is str else cell_text(cell) for cell in cells]
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String()))
    lines = pl.Series("line", [row.line for row in rows], dtype=pl.String)
    if all(row.values is not None for row in rows):
        return RawRows(frame, lines=lines, mismatched=mismatched)
    return RawRows(
        frame,
        lines=lines,
        errors=pl.Series([LINE_UNREADABLE if row.values is None else None for row in rows], dtype=pl.String),
        details=pl.Series([row.detail for row in rows], dtype=pl.String),
        mismatched=mismatched,
    )


def cell_text(cell: object) -> str:
    """Text of a cell: numbers by their shortest exact form, times in ISO 8601, nested values as JSON."""
    match cell:
        case bool():
            text = "true" if cell else "false"
        case float() if cell.is_integer():
            text = format(cell, ".0f")
        case datetime() | date() | time():
            text = cell.isoformat()
        case Decimal():
            text = format(cell, "f")
        case bytes():
            text = cell.decode("utf-8", "replace")
        case dict() | list():
            text = json.dumps(cell, ensure_ascii=False, default=cell_text)
        case _:
            text = str(cell)
    return text


def _line(line: str) -> Record:
    try:
        value = DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        return Record(None, line, f"no JSON: {error}; mend the line and send it again")
    return _object(value, line)


def _object(value: object, line: str | None) -> Record:
    if not isinstance(value, dict):
        return Record(None, line, f"JSON of a {type(value).__name__} where an object is due; send one object a row")
    if line is not None and "\\u" in line and not _encodable(value):
        return Record(None, line, "half a surrogate pair in a text; send well-formed Unicode")
    return Record(value, line)


def _encodable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _array(text: str) -> Iterator[Record]:
    """Objects of one JSON array, each with its own source text."""
    position = text.index("[") + 1
    while True:
        position = _skip(text, position)
        if text.startswith("]", position):
            return
        try:
            value, end = DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise FileRefusedError(
                "file:unreadable", f"the JSON array breaks off at character {position}: {error}; send it whole"
            ) from error
        yield _object(value, text[position:end])
        position = _skip(text, end)
        if text.startswith(",", position):
            position += 1
        elif not text.startswith("]", position):
            raise FileRefusedError(
                "file:unreadable", f"the JSON array breaks off at character {position}: no comma or end; send it whole"
            )


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _captured(events: Iterable[Any]) -> Iterator[Record]:
    """Rows of captured events: the object in the body, or each object of the array in it."""
    for event in events:
        place = f"event with SequenceNumber {event.get('SequenceNumber')}"
        body = event.get("Body")
        if body is None:
            yield Record(None, None, f"{place} has no body")
            continue
        raw = body.encode() if isinstance(body, str) else bytes(body)
        text = raw.decode("utf-8", "replace")
        try:
            value = DECODER.decode(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            yield Record(None, text, f"{place}: the body is no JSON: {error}; mend the sender")
            continue
        for item in value if isinstance(value, list) else [value]:
            record = _object(item, text)
            detail = f"{place}: {record.detail}" if record.detail else None
            yield Record(record.values, None if record.values is not None else text, detail)
