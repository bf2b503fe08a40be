"""A refused file read row by row: what is good is taken, what is bad is marked by itself, nothing is guessed."""

from __future__ import annotations

import io

import fastavro
import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.schemas import check
from inventory_assets.ingest.bronze import FileRead, read_file, row_by_row_hash
from inventory_assets.ingest.landing import content_hash, file_at
from inventory_assets_tests.ingest.samples import (
    FORMATS,
    HEADER,
    NOW,
    PLAIN_SCHEMA,
    PROFILES,
    START,
    as_csv,
    csv_of,
    read,
)

GOOD = "T1,LON,A,1,1.50,2025-06-01T10:00:00"
JSON_LINE = (
    '{"transaction_id":"T1","store_id":"LON","product_sku":"A","quantity_sold":1,"unit_price":1,'
    '"timestamp":"2025-06-01"}'
)
ROWS = [
    {
        "transaction_id": f"T{n}", "store_id": "LON", "product_sku": "A", "quantity_sold": n, "unit_price": "1.5000",
        "timestamp": START, "customer_id": None,
    }
    for n in range(1, 4)
]  # fmt: skip


def row_by_row(content: bytes, name: str = "a.csv") -> FileRead:
    path = f"pos/source=till/{name}"
    assert read(content, path).refused is not None, "it is about files that are refused"
    return read_file(content, file_at(path, content, NOW), PROFILES, NOW, row_by_row=True)


def told(result: FileRead) -> list[tuple]:
    assert result.refused is None, result.refused
    frame = check(result.frame, BRONZE["pos"])
    assert frame["row_number"].to_list() == list(range(1, frame.height + 1))
    return frame.select("transaction_id", "quantity_sold", "cast_errors", "row_error").rows()


def test_mostly_failed_casts_are_marked_cell_by_cell():
    result = row_by_row(csv_of(GOOD, GOOD.replace(",1,", ",one,"), GOOD.replace(",1,", ",uno,")))
    assert told(result) == [
        ("T1", 1, None, None), ("T1", None, "quantity_sold", None), ("T1", None, "quantity_sold", None),
    ]  # fmt: skip
    content = csv_of(GOOD, GOOD.replace(",1,", ",one,"), GOOD.replace(",1,", ",uno,"))
    assert result.frame["content_hash"].unique().to_list() == [row_by_row_hash(content_hash(content))]


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_required_column_is_null_in_every_format(name):
    from decimal import Decimal

    rows = [{**row, "unit_price": Decimal(row["unit_price"])} for row in ROWS]
    content = FORMATS[name](rows)
    whole = read(content, f"pos/source=till/{name}")
    assert whole.refused is None
    if name.endswith(".parquet"):
        out = io.BytesIO()
        pl.read_parquet(content).drop("store_id").write_parquet(out)
        content = out.getvalue()
    elif name == "d.avro":
        fields = [field for field in PLAIN_SCHEMA["fields"] if field["name"] != "store_id"]
        out = io.BytesIO()
        fastavro.writer(
            out, {**PLAIN_SCHEMA, "fields": fields}, [{k: v for k, v in r.items() if k != "store_id"} for r in rows]
        )
        content = out.getvalue()
    elif name == "a.csv":
        content = pl.read_csv(content, infer_schema=False).drop("store_id").write_csv().encode()
    else:
        content = content.replace(b"store_id", b"shop_id_")  # of equal length: a capture frames its bodies by length
    frame = row_by_row(content, name).frame
    assert frame["store_id"].null_count() == frame.height == 3
    assert frame["quantity_sold"].to_list() == [1, 2, 3]


def test_a_column_that_stands_twice_is_taken_for_neither():
    content = f"{HEADER},quantity_sold\n{GOOD},7\n".encode()
    frame = row_by_row(content).frame
    assert frame["quantity_sold"].to_list() == [None]
    assert frame["transaction_id"].to_list() == ["T1"]
    assert frame["extra_columns"].to_list() == ['{"quantity_sold_4":"1","quantity_sold_7":"7"}']


def test_bytes_that_are_no_text_spoil_their_line_only():
    content = csv_of(GOOD, GOOD.replace("T1,", "Té,"), GOOD.replace("T1,", "T3,")).decode().encode("latin-1")
    result = row_by_row(content)
    assert told(result) == [("T1", 1, None, None), (None, None, None, "line:unreadable"), ("T3", 1, None, None)]
    assert "T\\xe9,LON" in result.frame["raw_data"][1]


def test_bytes_that_are_no_text_spoil_their_json_line_only():
    content = "\n".join([JSON_LINE, JSON_LINE.replace("T1", "Té"), JSON_LINE]).encode("latin-1")
    assert [row[3] for row in told(row_by_row(content, "a.jsonl"))] == [None, "line:unreadable", None]


def test_without_a_header_every_line_is_an_unreadable_one_the_first_included():
    result = row_by_row(f"{GOOD}\n{GOOD}\n".encode())
    assert [row[3] for row in told(result)] == ["line:unreadable"] * 2
    assert result.frame["raw_data"].to_list() == [GOOD, GOOD]
    assert "delimiter is not clear" in result.frame["row_error_detail"][0]


def test_a_broken_json_array_gives_what_stands_before_the_break():
    assert [row[0] for row in told(row_by_row(f"[{JSON_LINE},{JSON_LINE},{{".encode(), "a.json"))] == ["T1", "T1", None]


def test_a_torn_avro_file_gives_what_stands_before_the_tear():
    from decimal import Decimal

    rows = [{**row, "unit_price": Decimal(row["unit_price"])} for row in ROWS]
    out = io.BytesIO()
    fastavro.writer(out, PLAIN_SCHEMA, rows * 50, sync_interval=200)
    found = told(row_by_row(out.getvalue()[:-60], "d.avro"))
    assert 0 < len(found) - 1 < 150
    assert [row[3] for row in found][-1] == "line:unreadable"
    assert {row[3] for row in found[:-1]} == {None}


@pytest.mark.parametrize("content", [b"", csv_of(), b"\n\n"])
def test_a_file_without_rows_stays_refused(content):
    assert row_by_row(content).refused is not None


def test_a_good_file_is_read_alike_both_ways():
    content = as_csv([{**row, "unit_price": None} for row in ROWS])
    one = read(content).frame
    other = read_file(content, file_at("pos/source=till/a.csv", content, NOW), PROFILES, NOW, row_by_row=True).frame
    assert one.drop("content_hash").equals(other.drop("content_hash"))
