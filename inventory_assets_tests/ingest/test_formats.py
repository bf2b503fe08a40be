"""The same rows in any format, order or cut give the same facts."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.schemas import check
from inventory_assets_tests.ingest.samples import FORMATS, Row, as_csv, as_parquet, capture_of, read, receipts

LINE = (
    '{"transaction_id":"T1","store_id":"LON","product_sku":"A","quantity_sold":1,"unit_price":19.99,'
    '"timestamp":"2025-06-01T10:00:00Z"}'
)
FACTS = [*FEEDS["pos"].column_names, "event_date", "business_time_zone"]


def facts(content: bytes, name: str) -> pl.DataFrame:
    result = read(content, f"pos/source=till/{name}")
    assert result.refused is None
    return check(result.frame, BRONZE["pos"]).select(FACTS)


@settings(max_examples=30, deadline=None)
@given(receipts)
def test_every_format_gives_the_same_feed_columns_and_line_numbers(rows: list[Row]) -> None:
    expected = facts(as_parquet(rows), "c.parquet")
    for name, write in FORMATS.items():
        assert facts(write(rows), name).equals(expected), name


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_line_numbers_do_not_depend_on_the_order_of_rows(data: st.DataObject) -> None:
    rows = data.draw(receipts)
    shuffled = data.draw(st.permutations(rows))
    assert facts(as_csv(rows), "a.csv").sort(FACTS).equals(facts(as_csv(shuffled), "a.csv").sort(FACTS))


@settings(max_examples=30, deadline=None)
@given(receipts, st.integers(1, 3))
def test_a_file_cut_between_receipts_gives_the_same_line_numbers(rows: list[Row], cut: int) -> None:
    first = [row for row in rows if row["transaction_id"] <= f"T{cut}"]
    second = [row for row in rows if row["transaction_id"] > f"T{cut}"]
    parts = [facts(as_csv(part), "a.csv") for part in (first, second) if part]
    assert pl.concat(parts).sort(FACTS).equals(facts(as_csv(rows), "a.csv").sort(FACTS))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["a.csv", "a.jsonl", "a.json", "a.parquet", "a.avro"]), st.binary(max_size=200))
def test_no_bytes_make_reading_raise(name: str, content: bytes) -> None:
    check(read(content, f"pos/source=till/{name}").frame, BRONZE["pos"])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(FORMATS)), receipts, st.data())
def test_no_damage_makes_reading_raise(name: str, rows: list[Row], data: st.DataObject) -> None:
    content = bytearray(FORMATS[name](rows))
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:at] + data.draw(st.binary(max_size=4)) + content[at + data.draw(st.integers(0, 40)) :]
    check(read(bytes(damaged), f"pos/source=till/{name}").frame, BRONZE["pos"])


def test_captured_bodies_that_are_no_json_objects_are_rows_of_their_own() -> None:
    good = LINE.encode()
    frame = read(capture_of(good, b"{broken", None, b"[%s, 5]" % good, b"\xff"), "pos/source=till/05.avro").frame
    errors = [None, "line:unreadable", "line:unreadable", None, "line:unreadable", "line:unreadable"]
    assert frame["row_error"].to_list() == errors
    assert frame["raw_data"].to_list()[:3] == [None, "{broken", None]
    assert "SequenceNumber 8" in frame["row_error_detail"][1]
    assert frame["row_number"].to_list() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("{broken", "no JSON"),
        ("[1]", "list"),
        ("5", "str"),
        ('{"transaction_id":"\\ud800"}', "surrogate"),
        ("[" * 9000, "no JSON"),
    ],
)
def test_a_bad_json_line_is_one_row_and_moves_no_other(line: str, because: str) -> None:
    good = LINE
    frame = read(f"{good}\n{line}\n{good}\n".encode(), "pos/source=till/a.jsonl").frame
    assert frame["row_error"].to_list() == [None, "line:unreadable", None]
    assert because in frame["row_error_detail"][1]
    assert frame["raw_data"].to_list() == [good, line, good]


def test_a_json_array_keeps_the_source_text_of_each_object() -> None:
    objects = [f'{{"location_id": "W{n}",  "product_sku":"A","quantity":{n},"as_of":"2025-01-01"}}' for n in (1, 2)]
    frame = read(f"[ {objects[0]},\n{objects[1]} ]".encode(), "stock/source=till/a.json").frame
    assert frame["raw_data"].to_list() == objects
    assert frame["quantity"].to_list() == [1, 2]


def test_numbers_in_json_are_taken_digit_for_digit() -> None:
    line = '{"location_id":"W","product_sku":123456789012345678901,"quantity":9007199254740993,"as_of":"2025-01-01"}'
    frame = read(line.encode(), "stock/source=till/a.jsonl").frame
    assert frame["quantity"][0] == 9007199254740993
    assert frame["product_sku"][0] == "123456789012345678901"


def test_a_list_where_a_value_is_due_is_a_failed_cast() -> None:
    lines = [
        f'{{"location_id":{place},"product_sku":"A","quantity":1,"as_of":"2025-01-01"}}' for place in ('["W"]', '"W"')
    ]
    frame = read("\n".join(lines).encode(), "stock/source=till/a.jsonl").frame
    assert frame["cast_errors"].to_list() == ["location_id", None]
    assert frame["location_id"].to_list() == [None, "W"]
