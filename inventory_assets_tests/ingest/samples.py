"""Receipts of a till in every format a landing file may have, and Hypothesis strategies for them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import polars as pl
from hypothesis import strategies as st

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.schemas import DTYPES
from inventory_assets.contracts.sources import Profiles, SourceProfile
from inventory_assets.ingest.bronze import FileRead, read_file
from inventory_assets.ingest.landing import file_at

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PROFILES = Profiles(
    {
        "till": SourceProfile(
            time_zone="Europe/London",
            location_time_zones={"NY": "America/New_York"},
            null_tokens={"*": ("NA",), "customer_id": ("-1",)},
        )
    }
)
HEADER = "transaction_id,store_id,product_sku,quantity_sold,unit_price,timestamp"
COLUMNS = [*HEADER.split(","), "customer_id"]
CAPTURE_SCHEMA = fastavro.parse_schema({
    "type": "record", "name": "EventData", "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties",
         "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties",
         "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
})  # fmt: skip
PLAIN_SCHEMA = fastavro.parse_schema({
    "type": "record", "name": "Line",
    "fields": [
        {"name": "transaction_id", "type": ["null", "string"]},
        {"name": "store_id", "type": ["null", "string"]},
        {"name": "product_sku", "type": ["null", "string"]},
        {"name": "quantity_sold", "type": ["null", "long"]},
        {"name": "unit_price",
         "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}]},
        {"name": "timestamp", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "customer_id", "type": ["null", "string"]},
    ],
})  # fmt: skip

Row = dict[str, Any]


def read(content: bytes, path: str = "pos/source=till/a.csv") -> FileRead:
    return read_file(content, file_at(path, content, NOW), PROFILES, NOW)


def csv_of(*lines: str) -> bytes:
    return "\n".join((HEADER, *lines, "")).encode()


def texts(row: Row) -> dict[str, str | None]:
    moment = row["timestamp"]
    return {
        **row,
        "quantity_sold": None if row["quantity_sold"] is None else str(row["quantity_sold"]),
        "unit_price": None if row["unit_price"] is None else str(row["unit_price"]),
        "timestamp": None if moment is None else moment.isoformat(),
    }


def as_csv(rows: list[Row], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    frame = pl.DataFrame([texts(row) for row in rows], schema=dict.fromkeys(COLUMNS, pl.String()))
    frame.write_csv(out, separator=delimiter)
    return out.getvalue().encode()


def as_json_lines(rows: list[Row]) -> bytes:
    return "".join(_json(row) + "\n" for row in rows).encode()


def _json(row: Row) -> str:
    price = row["unit_price"]
    moment = row["timestamp"]
    return json.dumps(
        {
            **row,
            "unit_price": None if price is None else float(price),
            "timestamp": None if moment is None else moment.isoformat(),
        }
    )


def as_parquet(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    types = {column.name: DTYPES[column.type] for column in FEEDS["pos"].columns if column.name in COLUMNS}
    pl.DataFrame(rows, schema={name: types[name] for name in COLUMNS}).write_parquet(out)
    return out.getvalue()


def as_avro(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, PLAIN_SCHEMA, rows)
    return out.getvalue()


def capture_of(*bodies: bytes | None) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, CAPTURE_SCHEMA, [
        {"SequenceNumber": number, "Offset": str(number * 100), "EnqueuedTimeUtc": "1/2/2026 3:04:05 AM",
         "SystemProperties": {"x-opt-enqueued-time": 1}, "Properties": {"kind": "sale", "none": None}, "Body": body}
        for number, body in enumerate(bodies, start=7)
    ])  # fmt: skip
    return out.getvalue()


def as_capture(rows: list[Row]) -> bytes:
    """One event with an array, the others with an object each."""
    first, rest = rows[:2], rows[2:]
    return capture_of(f"[{','.join(map(_json, first))}]".encode(), *(_json(row).encode() for row in rest))


FORMATS = {
    "a.csv": as_csv, "b.jsonl": as_json_lines, "c.parquet": as_parquet, "d.avro": as_avro,
    "ns/hub/0/2026/01/02/03/04/05.avro": as_capture,
}  # fmt: skip

START = datetime(2025, 6, 1, tzinfo=UTC)
lines = st.fixed_dictionaries(
    {
        "transaction_id": st.sampled_from(["T1", "T2", "T3"]),
        "store_id": st.sampled_from(["LON", "NY"]),
        "product_sku": st.sampled_from(["A", "B", 'C "x", y']),
        "quantity_sold": st.sampled_from([1, 2, -1, None]),
        "unit_price": st.sampled_from([Decimal("1.5000"), Decimal("0.0100"), Decimal("12.3456")]),
        "timestamp": st.integers(0, 3).map(lambda days: START + timedelta(days=days, microseconds=days)),
        "customer_id": st.sampled_from(["K1", None]),
    }
)
receipts = st.lists(lines, min_size=1, max_size=14)
