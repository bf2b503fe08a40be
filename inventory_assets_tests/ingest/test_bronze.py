"""What a file becomes: lineage, refusals, line numbers."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.ingest.bronze import read_file, refused_file
from inventory_assets.ingest.landing import content_hash, file_at
from inventory_assets_tests.ingest.samples import HEADER, NOW, PROFILES, as_parquet, csv_of, read

GOOD = "T1,LON,A,1,1.50,2025-06-01T10:00:00"


def test_each_row_says_where_it_came_from() -> None:
    content = csv_of(GOOD, GOOD)
    frame = check(read(content).frame, BRONZE["pos"])
    assert frame["row_number"].to_list() == [1, 2]
    assert frame.select(pl.col("source_system", "source_file", "content_hash", "ingestion_timestamp", "processing_date",
                               "business_time_zone").unique()).row(0) == (
        "till", "pos/source=till/a.csv", content_hash(content), NOW, NOW.date(), "Europe/London",
    )  # fmt: skip


def test_the_content_hash_is_blake2b_of_128_bits() -> None:
    assert content_hash(b"") == "cae66941d9efbd404e4d88758ea67670"


@pytest.mark.parametrize("feed", FEEDS)
def test_a_header_with_one_row_of_every_feed_has_the_exact_bronze_schema(feed: str) -> None:
    columns = FEEDS[feed].columns
    samples = {"String": "x", "Int64": "1", "Money": "1.25", "Datetime": "2025-06-01T10:00:00Z", "Boolean": "true"}
    content = "\n".join((",".join(c.name for c in columns), ",".join(samples[c.type] for c in columns))).encode()
    result = read(content, f"{feed}/a.csv")
    frame = check(result.frame, BRONZE[feed])
    assert result.refused is None
    assert frame["event_date"].to_list() == [date(2025, 6, 1)]
    assert all(frame[column.name][0] is not None for column in columns)


@pytest.mark.parametrize("feed", FEEDS)
def test_a_refused_file_is_one_row_of_the_exact_bronze_schema(feed: str) -> None:
    result = refused_file(file_at(f"{feed}/a.csv", b"", NOW), "h", "file:unreadable", "failed three times", NOW)
    frame = check(result.frame, BRONZE[feed])
    assert frame.schema == polars_schema(BRONZE[feed])
    assert frame.row(0, named=True)["row_error"] == "file:unreadable"
    assert frame["event_date"].to_list() == [None]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.parquet", b"PAR1 broken PAR1", "file:unreadable"),
        ("a.avro", b"Obj\x01 broken", "file:unreadable"),
        ("a.json", b'[{"transaction_id": "T1"}, {', "file:unreadable"),
        ("a.json", b"[]", "file:refused"),
        ("a.jsonl", b"\n", "file:refused"),
        ("a.jsonl", b'{"a": 1}', "file:refused"),
        ("a.csv", csv_of(), "file:refused"),
        ("a.csv", b"", "file:refused"),
        ("a.xlsx", b"PK", "file:refused"),
        ("a.parquet", as_parquet([]), "file:refused"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_one_row_with_the_reason(name: str, content: bytes, reason: str) -> None:
    result = read(content, f"pos/source=till/{name}")
    frame = check(result.frame, BRONZE["pos"])
    assert frame.select("row_number", "row_error").rows() == [(0, reason)]
    assert frame["row_error_detail"].to_list() == [result.refused]


def test_a_parquet_file_without_a_required_column_is_refused_with_its_name() -> None:
    out = io.BytesIO()
    pl.DataFrame({"transaction_id": ["T1"], "store_id": ["LON"]}).write_parquet(out)
    refused = read(out.getvalue(), "pos/c.parquet").refused
    assert refused is not None
    assert "required columns missing: product_sku, quantity_sold, unit_price, timestamp" in refused


def test_more_than_half_of_the_rows_failing_a_cast_refuses_the_file() -> None:
    bad = "T1,LON,A,many,1.50,2025-06-01"
    assert read(csv_of(bad, GOOD)).refused is None
    refused = read(csv_of(bad, bad, GOOD)).refused
    assert refused is not None
    assert "2 of 3 rows" in refused
    assert "quantity_sold: 2" in refused
    assert "'many'" in refused


def test_null_tokens_and_empty_cells_are_no_failures() -> None:
    frame = read(csv_of(*["T1,LON,A,NA,,2025-06-01"] * 3)).frame
    assert frame["quantity_sold"].to_list() == [None] * 3
    assert frame["cast_errors"].to_list() == [None] * 3


def test_failed_casts_name_their_columns_and_keep_the_line() -> None:
    bad = "T1,LON,A,many,1.23456,2025-02-30"
    result = read(csv_of(bad, GOOD))
    row = result.frame.row(0, named=True)
    assert row["cast_errors"] == "quantity_sold,unit_price,timestamp"
    assert (row["quantity_sold"], row["unit_price"], row["timestamp"], row["event_date"]) == (None,) * 4
    assert row["raw_data"] == bad
    assert row["row_error"] is None
    assert "1 of 2 cells of quantity_sold do not cast" in result.warnings


def test_a_value_out_of_range_is_a_typed_value_in_bronze() -> None:
    content = f"{HEADER},line_number\nT1,LON,A,1,-1,2025-06-01,-5\n".encode()
    assert check(read(content).frame, BRONZE["pos"])["line_number"].to_list() == [-5]


def test_the_business_day_comes_from_the_first_time_that_is_given() -> None:
    content = (
        b"supplier_id,product_sku,expected_delivery,quantity_ordered,received_at,updated_at\n"
        b"S,A,2025-06-05,1,2025-06-03,2025-06-04\nS,A,2025-06-05,1,2025-06-03,\nS,A,2025-06-05,1,,\nS,A,,1,,\n"
    )
    days = read(content, "supplier/a.csv").frame["event_date"].to_list()
    assert days == [date(2025, 6, 4), date(2025, 6, 3), date(2025, 6, 5), None]


def test_lines_that_their_producer_numbered_keep_their_numbers() -> None:
    content = f"{HEADER},line_number\nT1,LON,A,1,1,2025-06-01,7\nT1,LON,A,1,1,2025-06-01,\nT1,LON,B,1,1,2025-06-01,x\n"
    frame = read(content.encode()).frame
    assert frame["line_number"].to_list() == [7, 8, None]
    assert frame["cast_errors"].to_list() == [None, None, "line_number"]


def test_equal_lines_of_a_receipt_are_numbered_consecutively_after_their_content() -> None:
    rows = ["T1,LON,B,1,1,2025-06-01", "T1,LON,A,2,1,2025-06-01", "T1,NY,A,1,1,2025-06-01", "T1,LON,A,,1,2025-06-01",
            "T1,LON,A,2,1,2025-06-01", ",LON,A,2,1,2025-06-01"]  # fmt: skip
    assert read(csv_of(*rows)).frame["line_number"].to_list() == [4, 2, 1, 1, 3, None]


def test_lines_that_differ_only_in_a_cell_that_did_not_cast_keep_their_numbers_in_any_order() -> None:
    rows = ["T1,LON,A,one,1,2025-06-01", "T1,LON,A,two,1,2025-06-01", *[GOOD.replace("T1", "T2")] * 3]
    straight = read(csv_of(*rows)).frame["line_number"].to_list()
    turned = read(csv_of(*reversed(rows))).frame["line_number"].to_list()
    assert straight[:2] == turned[:-3:-1] == [1, 2]


def test_reading_uses_the_profile_of_the_source_folder() -> None:
    content = csv_of(GOOD)
    default = read_file(content, file_at("pos/a.csv", content, NOW), PROFILES, NOW).frame
    assert default["source_system"].to_list() == ["default"]
    assert default["timestamp"].to_list() == [datetime(2025, 6, 1, 10, tzinfo=UTC)]
    assert read(content).frame["timestamp"].to_list() == [datetime(2025, 6, 1, 9, tzinfo=UTC)]
