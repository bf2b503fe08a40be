"""CSV: encodings, delimiters, quotes, broken lines."""

from __future__ import annotations

import pytest

from inventory_assets_tests.ingest.samples import HEADER, csv_of, read

GOOD = "T1,LON,A,1,1.50,2025-06-01T10:00:00"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_encodings_are_detected(encoding: str) -> None:
    content = csv_of("T1,Zürich,Ä€,1,1.50,2025-06-01T10:00:00").decode().encode(encoding)
    frame = read(content).frame
    assert frame["store_id"].to_list() == ["Zürich"]
    assert frame["product_sku"].to_list() == ["Ä€"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (csv_of(GOOD.replace("LON", "Zürich")).decode().encode("cp1252"), "not UTF-8 text: byte"),
        (csv_of(GOOD).decode().encode("utf-32"), "UTF-32"),
        (csv_of(GOOD).decode().encode("utf-16-le"), "NUL"),
        (csv_of(GOOD).decode().encode("utf-16")[:-1], "not UTF-16 text"),
    ],
)
def test_other_encodings_are_refused_not_guessed(content: bytes, message: str) -> None:
    result = read(content)
    assert result.refused is not None
    assert message in result.refused
    assert result.frame["row_error"].to_list() == ["file:refused"]
    assert result.frame["row_number"].to_list() == [0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_detected_by_the_header(delimiter: str) -> None:
    frame = read(csv_of(GOOD).decode().replace(",", delimiter).encode()).frame
    assert frame["product_sku"].to_list() == ["A"]
    assert frame["raw_data"].to_list() == [GOOD.replace(",", delimiter)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (csv_of(GOOD).decode().replace(",", ":").encode(), "delimiter is not clear"),
        (f"{GOOD}\n".encode(), "the first line must be a header"),
        (b"transaction_id,store_id;product_sku,quantity_sold;unit_price\n", "delimiter is not clear"),
        (csv_of(GOOD).replace(b"unit_price", b"price"), "required columns missing: unit_price"),
        (csv_of(GOOD).replace(b"unit_price", b"Store_ID "), "columns stand twice in the file: store_id"),
        (csv_of(), "no rows"),
        (b"\n\n", "empty"),
        (b"", "0 bytes"),
    ],
)
def test_files_without_a_clear_header_or_rows_are_refused(content: bytes, message: str) -> None:
    result = read(content)
    assert result.refused is not None
    assert message in result.refused
    assert result.frame["row_error_detail"].to_list() == [result.refused]


@pytest.mark.parametrize("bad", ["T1,LON,A,1,1.50", "T1,LON,A,1,1.50,2025-06-01,extra,fields", "x"])
def test_a_line_of_another_width_is_a_row_of_its_own(bad: str) -> None:
    frame = read(csv_of(GOOD, bad, GOOD)).frame
    assert frame["row_error"].to_list() == [None, "line:unreadable", None]
    assert frame["row_number"].to_list() == [1, 2, 3]
    assert frame["raw_data"].to_list() == [GOOD, bad, GOOD]
    assert frame["transaction_id"].to_list() == ["T1", None, "T1"]
    assert frame["business_time_zone"].to_list() == ["Europe/London", None, "Europe/London"]


def test_blank_lines_are_no_rows_and_line_ends_do_not_matter() -> None:
    content = "\r\n".join((HEADER, GOOD, "", "  ", GOOD.replace("T1", "T2"), "", "")).encode()
    frame = read(content).frame
    assert frame["transaction_id"].to_list() == ["T1", "T2"]
    assert frame["row_number"].to_list() == [1, 2]


@pytest.mark.parametrize("other", [GOOD, "too,short", 'stray " quote,LON,A,1,1,2025-06-01'])
def test_quoted_fields_hold_delimiters_quotes_and_line_breaks(other: str) -> None:
    plain = '"T,2",LON,"say ""hi""",2,"1.50",2025-06-01'
    broken = '"T\n3",LON,A,3,1.50,2025-06-01'
    frame = read(csv_of(plain, other, broken, GOOD)).frame
    assert frame["raw_data"].to_list() == [plain, other, broken, GOOD]
    assert frame["transaction_id"].to_list()[0] == "T,2"
    assert frame["product_sku"].to_list()[0] == 'say "hi"'
    assert frame["transaction_id"].to_list()[2:] == ["T\n3", "T1"]


def test_a_quote_that_never_closes_costs_its_own_line_only() -> None:
    bad = '"T1,LON,A,1,1.50,2025-06-01'
    frame = read(csv_of(GOOD, bad, *[GOOD] * 5)).frame
    assert frame["row_error"].to_list() == [None, "line:unreadable", *[None] * 5]
    assert frame["raw_data"].to_list()[1] == bad


def test_quoted_lines_without_breaks_are_read_alike_by_both_ways() -> None:
    quoted = '"T1","LON","A, b","1","1.50","2025-06-01T10:00:00"'
    fast = read(csv_of(quoted, GOOD)).frame
    slow = read(csv_of(quoted, GOOD, '"T\n3",LON,A,3,1.50,2025-06-01')).frame.head(2)
    same = [name for name in fast.columns if name != "content_hash"]
    assert fast.select(same).equals(slow.select(same))
