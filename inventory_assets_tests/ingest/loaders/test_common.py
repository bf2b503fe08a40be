"""Landing files appear whole, once, and only when nothing stands in their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from inventory_assets.contracts.feeds import POS, PRODUCTS
from inventory_assets.ingest.loaders.common import (
    LandingConflictError,
    LandingFile,
    LoadError,
    feed_frame,
    parquet_bytes,
    read_published,
    slug,
    write_landing,
)

if TYPE_CHECKING:
    from pathlib import Path


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_files_are_written_once_and_left_alone_the_second_time(tmp_path: Path):
    files = [LandingFile("pos/a.csv", b"1"), LandingFile("stock/b.csv", b"2")]
    assert write_landing(tmp_path, files) == 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv")}
    assert write_landing(tmp_path, files) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv")} == before
    assert files_below(tmp_path) == {"pos/a.csv": b"1", "stock/b.csv": b"2"}


def test_a_file_with_other_content_stops_the_load_before_anything_is_written(tmp_path: Path):
    write_landing(tmp_path, [LandingFile("pos/b.csv", b"old")])
    with pytest.raises(LandingConflictError, match=r"1 files are there with other content \(pos/b\.csv\)"):
        write_landing(tmp_path, [LandingFile("pos/a.csv", b"new"), LandingFile("pos/b.csv", b"new")])
    assert files_below(tmp_path) == {"pos/b.csv": b"old"}


def test_the_rest_of_a_killed_write_is_replaced(tmp_path: Path):
    (tmp_path / "pos").mkdir()
    (tmp_path / "pos" / "a.csv.tmp").write_bytes(b"hal")
    write_landing(tmp_path, [LandingFile("pos/a.csv", b"half")])
    assert files_below(tmp_path) == {"pos/a.csv": b"half"}


def test_equal_rows_give_equal_parquet_bytes():
    rows = pl.DataFrame({"a": ["x", None, "y"] * 1000, "b": range(3000)})
    halves = pl.concat([rows.head(1000), rows.tail(2000)], rechunk=False)
    assert parquet_bytes(rows) == parquet_bytes(halves)


def test_missing_columns_of_a_feed_are_null_and_naive_instants_stay_naive():
    frame = feed_frame(pl.DataFrame({"product_sku": ["A"]}), PRODUCTS, naive=True)
    assert frame.columns == PRODUCTS.column_names
    assert frame.schema["modified_at"] == pl.Datetime("us")
    assert frame.row(0) == ("A", *[None] * 12)


@pytest.mark.parametrize("rows", [{"colour": ["red"]}, {"line_number": ["1"]}])
def test_a_column_the_feed_does_not_have_is_an_error(rows: dict[str, list[str]]):
    with pytest.raises(LoadError, match="pos: columns or types the feed does not have"):
        feed_frame(pl.DataFrame(rows), POS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.csv", None, "no such file"),
        ("book.xlsx", b"PK", r"\.xlsx is not read; give \.parquet or \.csv"),
        ("short.csv", b"a,c\n1,2\n", r"columns missing: \['b'\]; found \['a', 'c'\]"),
        ("half.parquet", b"PAR1", "not readable"),
        ("latin.csv", "a,b\n1,Zürich\n".encode("latin-1"), "not readable|does not fit"),
        ("wrong.csv", b"a,b\n1,2.5\n", "a value does not fit its column"),
    ],
)
def test_a_file_that_is_not_the_data_set_is_refused_with_the_reason(tmp_path, name, content, message):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LoadError, match=message):
        read_published(file, {"a": pl.Int64(), "b": pl.Int64()})


def test_whole_numbers_of_spreadsheets_are_read_as_whole(tmp_path: Path):
    file = tmp_path / "a.csv"
    file.write_text("a\n13085.0\n7\n\n")
    assert read_published(file, {"a": pl.Int64()})["a"].to_list()[:2] == [13085, 7]


@pytest.mark.parametrize(
    ("name", "path"), [("Year 2009-2010", "year-2009-2010"), ("../../etc", "etc"), ("a  B.c", "a-b.c")]
)
def test_names_become_harmless_paths(name: str, path: str):
    assert slug(name) == path
