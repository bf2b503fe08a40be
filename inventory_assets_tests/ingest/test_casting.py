"""Cells to declared types: exact, null, or a failed cast."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.casting import cast_column, exact_money, trim
from inventory_assets.ingest.instants import Zones, cast_instants
from inventory_assets_tests.ingest.samples import csv_of, read

TEN = datetime(2025, 6, 1, 10, tzinfo=UTC)
LONDON = Zones("Europe/London", {}, None)


def cast(values: list, declared: str, dtype: pl.DataType | None = None, tokens: tuple[str, ...] = ()) -> list:
    """Typed values, with "failed" where the cast failed."""
    cells = trim(pl.DataFrame({"cells": pl.Series(values, dtype=dtype)}))["cells"]
    result = cast_instants(cells, LONDON, tokens) if declared == "Datetime" else cast_column(cells, declared, tokens)  # type: ignore[arg-type]
    marks = [False] * len(values) if result.failed is None else result.failed.to_list()
    gone = [False] * len(values) if result.nonexistent is None else result.nonexistent.to_list()
    return ["failed" if bad else "nonexistent" if lost else value
            for value, bad, lost in zip(result.values.to_list(), marks, gone, strict=True)]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2), ("2.0", 2), (" -7 ", -7), ("+5", 5), ("007", 7), ("1e3", 1000), ("", None), (" ", None), ("NA", None),
     ("1.5", "failed"), ("abc", "failed"), ("1,000", "failed"), ("1_000", "failed"), ("٣", "failed"),
     ("NaN", "failed"), ("9223372036854775807", 9223372036854775807), ("9223372036854775808", "failed"),
     ("-9223372036854775808", -9223372036854775808), ("1e999", "failed"), ("9" * 70, "failed")],
)  # fmt: skip
def test_integers_are_whole_or_failed(text: str, expected: object) -> None:
    assert cast([text], "Int64", tokens=("NA",)) == [expected]
    assert cast([text, "1"], "Int64", tokens=("NA",)) == [expected, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.5", "1.5000"), ("1.50000", "1.5000"), ("-0.0001", "-0.0001"), ("1e-4", "0.0001"), (".5", "0.5000"),
     ("99999999999999.9999", "99999999999999.9999"), ("100000000000000", "failed"), ("1.23456", "failed"),
     ("1,5", "failed"), ("12 €", "failed"), ("Infinity", "failed"), ("0.00001", "failed")],
)  # fmt: skip
def test_money_is_exact_or_failed(text: str, expected: str) -> None:
    wanted = expected if expected == "failed" else Decimal(expected)
    assert cast([text, "2"], "Money") == [wanted, Decimal(2)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.decimals(-(10**10), 10**10, places=4), min_size=1), st.lists(st.floats(), min_size=1))
def test_float_prices_are_their_shortest_decimal_text(prices: list[Decimal], noise: list[float]) -> None:
    floats = [float(price) for price in prices]
    assert cast(floats, "Money", pl.Float64()) == prices
    wanted = [exact_money(repr(value)) for value in noise]
    assert cast(noise, "Money", pl.Float64()) == ["failed" if value is None else value for value in wanted]


@pytest.mark.parametrize(
    ("values", "dtype", "declared", "expected"),
    [
        ([2.0, 1.5, None, float("nan"), 1e30], pl.Float64(), "Int64", [2, "failed", None, "failed", "failed"]),
        ([2, 2**63], pl.UInt64(), "Int64", [2, "failed"]),
        ([3], pl.Int8(), "Int64", [3]),
        ([Decimal("2.00"), Decimal("2.50")], pl.Decimal(9, 2), "Int64", [2, "failed"]),
        ([True], pl.Boolean(), "Int64", ["failed"]),
        ([6.95], pl.Float32(), "Money", [Decimal("6.95")]),
        ([Decimal("1.500000"), Decimal("1.500001")], pl.Decimal(20, 6), "Money", [Decimal("1.5"), "failed"]),
        ([7, 10**14, 10**15], pl.Int64(), "Money", [Decimal(7), "failed", "failed"]),
        ([10**14 - 1, 2**64 - 1], pl.UInt64(), "Money", [Decimal(10**14 - 1), "failed"]),
        ([Decimal(10**14), Decimal(1)], pl.Decimal(38, 0), "Money", ["failed", Decimal(1)]),
        ([Decimal("99999999999999.99999")], pl.Decimal(30, 5), "Money", ["failed"]),
        ([Decimal(10**30)], pl.Decimal(38, 0), "Int64", ["failed"]),
        ([12345.0, 0.5], pl.Float64(), "String", ["12345", "0.5"]),
        ([12345], pl.Int32(), "String", ["12345"]),
        ([True], pl.Boolean(), "String", ["true"]),
        ([date(2025, 1, 2)], pl.Date(), "String", ["2025-01-02"]),
        ([b"abc", b"\xff"], pl.Binary(), "String", ["abc", "failed"]),
        ([["a"], None], pl.List(pl.String()), "String", ["failed", None]),
        ([" a ", "", None], pl.Categorical(), "String", ["a", None, None]),
        ([1, 0, 2], pl.Int64(), "Boolean", [True, False, "failed"]),
        (["TRUE", "no", "maybe"], pl.String(), "Boolean", [True, False, "failed"]),
        ([None], pl.Null(), "Money", [None]),
        ([1735689600], pl.Int64(), "Datetime", ["failed"]),
    ],
)
def test_native_types_are_never_rounded_or_truncated(
    values: list, dtype: pl.DataType, declared: str, expected: list
) -> None:
    assert cast(values, declared, dtype) == expected


def test_null_tokens_hold_for_native_numbers_too() -> None:
    assert cast([-1, 5], "Int64", pl.Int64(), ("-1",)) == [None, 5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-01T10:00:00", datetime(2025, 6, 1, 9, tzinfo=UTC)),
        ("2025-01-01 10:00:00.25", datetime(2025, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2025-01-01 10:00", datetime(2025, 1, 1, 10, tzinfo=UTC)),
        ("2025-01-01T10:00", datetime(2025, 1, 1, 10, tzinfo=UTC)),
        ("2025-06-01", datetime(2025, 5, 31, 23, tzinfo=UTC)),
        ("2025-06-01T10:00:00Z", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01T10:00:00.1234567Z", datetime(2025, 6, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2025-06-01T10:00:00+05:30", datetime(2025, 6, 1, 4, 30, tzinfo=UTC)),
        ("2025-06-01 10:00:00+02", datetime(2025, 6, 1, 8, tzinfo=UTC)),
        ("2025-06-01T10:00-0400", datetime(2025, 6, 1, 14, tzinfo=UTC)),
        ("2024-10-27 01:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2024-03-31 01:30", "nonexistent"),
        ("2025-02-30", "failed"),
        ("2025-02-30T10:00:00Z", "failed"),
        ("2025-01-01T10:00:60", "failed"),
        ("2025-01-01T24:00:00", "failed"),
        ("2025-1-1", "failed"),
        ("01/02/2025", "failed"),
        ("20250101", "failed"),
        ("soon", "failed"),
        ("", None),
    ],
)
def test_instants_are_iso_8601_read_in_the_zone_of_the_source(text: str, expected: object) -> None:
    assert cast([text], "Datetime") == [expected]
    mixed = cast(["2025-01-01T00:00:00", text, "2025-01-01T00:00:00Z"], "Datetime")
    assert mixed == [datetime(2025, 1, 1, tzinfo=UTC), expected, datetime(2025, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        (pl.Datetime("ns"), TEN.replace(tzinfo=None), datetime(2025, 6, 1, 9, tzinfo=UTC)),
        (
            pl.Datetime("ms", "America/New_York"),
            datetime(2025, 6, 1, 10, tzinfo=UTC),
            datetime(2025, 6, 1, 10, tzinfo=UTC),
        ),
        (pl.Date(), date(2025, 6, 1), datetime(2025, 5, 31, 23, tzinfo=UTC)),
        (pl.Datetime("us"), datetime(2024, 3, 31, 1, 30, tzinfo=UTC).replace(tzinfo=None), "nonexistent"),
    ],
)
def test_native_times_without_zone_are_read_in_the_zone_of_the_source(
    dtype: pl.DataType, value: object, expected: object
) -> None:
    assert cast([value, None], "Datetime", dtype) == [expected, None]


def test_each_row_is_read_in_the_zone_of_its_location() -> None:
    rows = [f"T{n},{store},A,1,1,{time}" for n, (store, time) in enumerate(
        [("LON", "2025-06-01T00:30:00"), ("NY", "2025-06-01T00:30:00"), ("NY", "2025-06-01T02:00:00Z"),
         ("NY", "2025-03-09T02:30:00"), ("", "2025-06-01T00:30:00")])]  # fmt: skip
    frame = read(csv_of(*rows)).frame
    assert frame["timestamp"].to_list()[:3] == [
        datetime(2025, 5, 31, 23, 30, tzinfo=UTC), datetime(2025, 6, 1, 4, 30, tzinfo=UTC),
        datetime(2025, 6, 1, 2, tzinfo=UTC),
    ]  # fmt: skip
    assert frame["event_date"].to_list() == [
        date(2025, 6, 1),
        date(2025, 6, 1),
        date(2025, 5, 31),
        None,
        date(2025, 6, 1),
    ]
    assert frame["row_error"].to_list() == [None, None, None, "time:nonexistent", None]
    assert frame["business_time_zone"].to_list()[3:] == ["America/New_York", "Europe/London"]


def test_a_price_column_of_whole_floats_and_added_columns_flow_through_parquet() -> None:
    out = io.BytesIO()
    pl.DataFrame({
        "Transaction_ID": ["T1", "T2", "T3"], "store_id": ["LON"] * 3, "product_sku": ["A"] * 3,
        "quantity_sold": [1.0, 2.5, 3.0], "unit_price": [19.99, 5.0, 0.1], "timestamp": [TEN] * 3,
        "promo": ["x", None, '"q"'], "tags": [["a"], None, []],
    }).write_parquet(out)  # fmt: skip
    result = read(out.getvalue(), "pos/source=till/c.parquet")
    assert result.added_columns == ("promo", "tags")
    assert result.frame["unit_price"].to_list() == [Decimal("19.99"), Decimal(5), Decimal("0.1")]
    assert result.frame["cast_errors"].to_list() == [None, "quantity_sold", None]
    assert result.frame["extra_columns"].to_list() == [
        '{"promo":"x","tags":"[\\"a\\"]"}',
        None,
        '{"promo":"\\"q\\"","tags":"[]"}',
    ]
    assert result.frame["raw_data"][0] is None
    assert '"quantity_sold": 2.5' in result.frame["raw_data"][1]
