"""The landing folder, on disk and through the way object stores are read."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pyarrow.fs import LocalFileSystem

from inventory_assets.ingest.landing import (
    LandingError,
    LandingFile,
    content_hash,
    file_at,
    find_landing,
    has_whole_footer,
    is_complete,
    list_landing,
    object_store,
    read_bytes,
    recognise,
    store_entries,
)
from inventory_assets_tests.ingest.samples import as_avro, as_parquet, capture_of

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAPTURE = "pos/source=till/ns/hub/0/2026/01/02/03/04/05.avro"
TAKEN = {
    "pos/a.csv": "default",
    "pos/source=till/year=2026/b.parquet": "till",
    CAPTURE: "till",
    "stock/c.JSONL": "default",
}
IGNORED = ("pos/_c.csv", "pos/.d.csv", "pos/e.csv.tmp", "pos/_temporary/0/f.csv", "pos/.hidden/g.csv", "_SUCCESS")
OTHERS = ("pos/h.xlsx", "sales/i.csv", "j.csv")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    for path in (*TAKEN, *IGNORED, *OTHERS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    return tmp_path


def test_files_are_told_by_their_path(landing: Path) -> None:
    listing = list_landing(str(landing))
    assert {file.path: file.source_system for file in listing.files} == TAKEN
    assert [file.path for file in listing.files] == sorted(TAKEN)
    assert {other.path for other in listing.unrecognised} == set(OTHERS)
    first = listing.files[0]
    assert (first.feed, first.size) == ("pos", len("pos/a.csv"))
    assert abs(first.modified - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_file_uri_is_the_same_folder(landing: Path) -> None:
    assert list_landing(landing.as_uri()) == list_landing(str(landing))
    assert read_bytes(landing.as_uri(), "pos/a.csv") == b"pos/a.csv"


def test_the_listing_of_an_object_store_is_that_of_a_folder(landing: Path) -> None:
    entries = list(store_entries(LocalFileSystem(), landing.as_posix()))
    seen = recognise(iter(entries))
    local = list_landing(str(landing))
    assert [file.path for file in seen.files] == [file.path for file in local.files]
    assert seen.unrecognised == local.unrecognised
    assert [file.size for file in seen.files] == [file.size for file in local.files]


def test_a_landing_folder_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert list_landing(str(tmp_path / "none")).files == ()
    assert list(store_entries(LocalFileSystem(), (tmp_path / "none").as_posix())) == []


def test_addresses_of_object_stores_become_bucket_and_prefix() -> None:
    options = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
               "AWS_REGION": "eu-west-1"}  # fmt: skip
    assert object_store("s3://bucket/some/landing/", options)[1] == "bucket/some/landing"
    azure = object_store("abfss://box@account.dfs.core.windows.net/landing", {"azure_storage_account_key": "a2V5"})
    assert azure[1] == "box/landing"
    with pytest.raises(LandingError, match="unknown kind of store `ftp`"):
        list_landing("ftp://host/landing")


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"pos/a\.csv cannot be read"):
        read_bytes(str(tmp_path), "pos/a.csv")


def test_a_file_is_complete_when_unchanged_for_so_long() -> None:
    file = LandingFile("pos/a.csv", "pos", "default", 1, NOW)
    assert not is_complete(file, NOW + timedelta(seconds=4), 5)
    assert is_complete(file, NOW + timedelta(seconds=5), 5)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.parquet", as_parquet([])), ("a.avro", as_avro([])), ("a.avro", capture_of(b"{}", b"{}"))],
    ids=["parquet", "avro", "capture"],
)
def test_a_footer_is_whole_or_the_file_is_still_being_written(name: str, content: bytes) -> None:
    assert has_whole_footer(content, name)
    assert not has_whole_footer(content[:-5], name)
    assert not has_whole_footer(b"", name)
    assert has_whole_footer(content[:-5], "a.csv")


def test_a_file_outside_the_landing_folder_is_named_by_its_feed() -> None:
    assert file_at("somewhere/x.csv", b"abc", NOW, feed="stock").feed == "stock"
    with pytest.raises(LandingError, match="`somewhere` is no feed"):
        file_at("somewhere/x.csv", b"abc", NOW)


def test_equal_bytes_have_equal_hashes() -> None:
    assert content_hash(b"a") == content_hash(io.BytesIO(b"a").getvalue()) != content_hash(b"b")


def test_named_files_are_found_without_looking_at_others(tmp_path):
    for path in ("pos/a.csv", "pos/source=till/b.csv", "pos/_c.csv", "../outside.csv"):
        target = tmp_path / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x")
    root = str(tmp_path / "landing")
    wanted = ["pos/source=till/b.csv", "pos/a.csv", "pos/gone.csv", "pos/_c.csv", "pos/../../outside.csv", "pos"]
    found = find_landing(root, wanted).files
    assert found == tuple(file for file in list_landing(root).files if file.path in wanted)
    assert [file.path for file in found] == ["pos/a.csv", "pos/source=till/b.csv"]
