"""A reader of landing files that knows nothing of the pipeline: csv, json, Parquet and Avro libraries only."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import fastavro
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = dict[str, Any]


def read(path: Path) -> list[Row | None]:
    """Rows of a file in order, cells as text or None; None for a line that is no row."""
    match path.suffix:
        case ".csv":
            return list(_csv(path.read_text("utf-8")))
        case ".jsonl":
            return [_json(line) for line in path.read_text("utf-8").splitlines()]
        case ".parquet":
            return [{k: _text(v) for k, v in row.items()} for row in pl.read_parquet(path).to_dicts()]
        case ".avro":
            return [_json(record["Body"].decode()) for record in fastavro.reader(io.BytesIO(path.read_bytes()))]
    raise AssertionError(f"unknown format: {path}")


def _csv(text: str) -> Iterator[Row | None]:
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    for cells in reader:
        if len(cells) != len(header):
            yield None
        else:
            yield {name: cell or None for name, cell in zip(header, cells, strict=True)}


def _json(line: str) -> Row | None:
    try:
        row = json.loads(line, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        return None
    assert all(value is None or isinstance(value, str) for value in row.values())
    return row


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if value is None else str(value)


def instant(text: str, zone: str) -> datetime:
    """UTC instant of a published time; without an offset it is local to the zone."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
