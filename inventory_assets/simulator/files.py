"""Bytes of the landing files and of the truth. Deterministic: no clock, no random marker, fixed writers' settings."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventory_assets.simulator.history import FileSpec, History

NUMBERS = ("line_number", "quantity_sold", "unit_price")
SYNC_MARKER = b"inventory-assets"
CAPTURE_SCHEMA = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}
"""The envelope of Azure Event Hubs Capture."""


def write_history(history: History, landing_root: Path, truth_root: Path) -> list[Path]:
    """Write the landing files, each complete under its name or absent, and the truth beside them.

    Args:
        history: what to write.
        landing_root: folder with one folder a feed.
        truth_root: folder for `truth.json` and the Parquet files of the truth; it must not lie in the landing folder.

    Returns:
        Landing files, in order of their paths.
    """
    written = []
    for path, content in sorted(landing_files(history)):
        target = landing_root / path
        _write(target, content)
        written.append(target)
    for name, content in truth_files(history).items():
        _write(truth_root / name, content)
    return written


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".tmp")
    unfinished.write_bytes(content)
    unfinished.replace(target)


def landing_files(history: History) -> Iterator[tuple[str, bytes]]:
    """Path relative to the landing folder, and bytes, of every landing file."""
    for frame in history.rows.values():
        parts = frame.partition_by("file", maintain_order=True, as_dict=True)
        layouts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (path,) in parts:
            spec = history.files[str(path)]
            layouts.setdefault((spec.format, spec.columns), []).append(str(path))
        for (kind, columns), paths in layouts.items():
            if kind == "parquet":
                yield from ((path, _parquet(parts[(path,)], columns)) for path in paths)
                continue
            text = _csv_line(columns) if kind == "csv" else _json_line(columns)
            lines = frame.filter(pl.col("file").is_in(paths)).select("file", line=pl.coalesce("raw", text))
            for (path,), rows in lines.partition_by("file", maintain_order=True, as_dict=True).items():
                yield str(path), _bytes(history.files[str(path)], str(path), rows["line"].to_list())


def _bytes(spec: FileSpec, path: str, lines: list[str]) -> bytes:
    if spec.format == "avro":
        return _capture(path, lines)
    head = [",".join(spec.columns)] if spec.format == "csv" else []
    return ("\n".join([*head, *lines]) + "\n").encode(spec.encoding)


def _csv_line(columns: tuple[str, ...]) -> pl.Expr:
    cells = []
    for name in columns:
        cell = pl.col(name)
        quoted = pl.format('"{}"', cell.str.replace_all('"', '""', literal=True))
        cells.append(pl.when(cell.str.contains(r'[",\n]')).then(quoted).otherwise(cell).fill_null(""))
    return pl.concat_str(cells, separator=",")


def _json_line(columns: tuple[str, ...]) -> pl.Expr:
    """JSON object of a row: numbers bare where they are numbers, everything else as text. No cell needs escaping."""
    cells = []
    for name in columns:
        cell = pl.col(name)
        value = pl.format('"{}"', cell)
        if name in NUMBERS:
            value = pl.when(cell.str.contains(r"^-?\d+(\.\d+)?$")).then(cell).otherwise(value)
        cells.append(pl.concat_str(pl.lit(f'"{name}":'), value.fill_null("null")))
    return pl.concat_str(pl.lit("{"), pl.concat_str(cells, separator=","), pl.lit("}"))


def _parquet(rows: pl.DataFrame, columns: tuple[str, ...]) -> bytes:
    typed = rows.select(columns).with_columns(
        pl.col("line_number", "quantity_sold").cast(pl.Int64),
        pl.col("unit_price").cast(pl.Decimal(18, 4)),
        pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"),
    )
    return _parquet_bytes(typed)


def _parquet_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _capture(path: str, bodies: list[str]) -> bytes:
    import fastavro

    stamp = "/".join(path.removesuffix(".avro").split("/")[-6:])
    moment = datetime.strptime(stamp, "%Y/%m/%d/%H/%M/%S")  # noqa: DTZ007 - text to text, UTC by definition
    enqueued = f"{moment.month}/{moment.day}/{moment.year} {moment:%I:%M:%S %p}".replace(" 0", " ")
    first = moment.toordinal() * 100_000
    records = [
        {
            "SequenceNumber": first + number,
            "Offset": str((first + number) * 512),
            "EnqueuedTimeUtc": enqueued,
            "SystemProperties": {},
            "Properties": {},
            "Body": body.encode(),
        }
        for number, body in enumerate(bodies)
    ]
    buffer = io.BytesIO()
    fastavro.writer(buffer, fastavro.parse_schema(CAPTURE_SCHEMA), records, codec="deflate", sync_marker=SYNC_MARKER)
    return buffer.getvalue()


def truth_files(history: History) -> dict[str, bytes]:
    """Name and bytes of every file of the truth."""
    frames = {f"{name}.parquet": _parquet_bytes(frame) for name, frame in history.truth.items()}
    summary = json.dumps(history.summary, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return {**frames, "faults.parquet": _parquet_bytes(history.faults), "truth.json": summary.encode()}
