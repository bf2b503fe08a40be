"""Whatever operation of a publication fails, readers find the old or the new file, and the next publication mends all.

The n-th-failure loop: fail the first, second, third … file operation until a publication comes through.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from contextlib import closing
from datetime import timedelta

import duckdb
import pytest

from inventory_assets.publish.files import ATTEMPTS, LOCAL, replace_patiently
from inventory_assets.publish.layout import (
    CURRENT,
    STABLE,
    WORK,
    NothingPublishedError,
    PublishError,
    current,
    resolve,
    stage,
    switch,
)
from inventory_assets_tests.publish.support import NOON

posix_only = pytest.mark.skipif(os.name != "posix", reason="the stable name exists on POSIX")


class Killed(BaseException):
    """Ends a publication as a kill would: nothing catches it."""


def failing_at(number, error, *, after):
    """File operations of which the n-th fails, before or after it did its work, and the names of those called."""
    calls = []

    def wrap(name, operation):
        def run(*arguments):
            calls.append(name)
            fails = len(calls) == number
            if fails and not after:
                raise error
            operation(*arguments)
            if fails:
                raise error

        return run

    names = [field.name for field in dataclasses.fields(LOCAL) if field.name not in {"stable_name", "sleep"}]
    return dataclasses.replace(LOCAL, **{name: wrap(name, getattr(LOCAL, name)) for name in names}), calls


def read_text(path):
    return int(path.read_text())


def small_file(folder, version, number, *, incremental=True, files=LOCAL, keep_files=2, keep_seconds=0.0):
    """A publication of one number instead of tables: layout does not look inside, so that text does."""
    path, _ = stage(folder, version, incremental=incremental, files=files)
    path.write_text(str(number))
    return switch(
        folder,
        version,
        NOON + timedelta(minutes=number),
        keep_files=keep_files,
        keep_seconds=keep_seconds,
        files=files,
    )


@pytest.mark.parametrize("after", [False, True], ids=["before its work", "after its work"])
@pytest.mark.parametrize("error", [Killed(), OSError("disk full")], ids=["killed", "error"])
@pytest.mark.parametrize("incremental", [False, True], ids=["full", "incremental"])
def test_failing_any_file_operation_leaves_the_old_or_the_new_file(tmp_path, error, after, incremental):
    small_file(tmp_path, "v000", 0)
    small_file(tmp_path, "v001", 1)
    number, failed, newer_seen = 1, [], False
    for nth in range(1, 100):
        last, number = number, number + 1
        files, calls = failing_at(nth, error, after=after)
        with contextlib.suppress(Killed, OSError):
            small_file(tmp_path, f"v{number:03d}", number, incremental=incremental, files=files)
        if len(calls) < nth:
            break
        failed.append(calls[nth - 1])
        seen = read_text(resolve(tmp_path))
        assert seen in {last, number}
        newer_seen |= seen == number
        if os.name == "posix":
            assert read_text(tmp_path / STABLE) in {last, number}
        number += 1
        small_file(tmp_path, f"v{number:03d}", number)  # the next publication mends everything
        assert read_text(resolve(tmp_path)) == number
        assert not list(tmp_path.glob(f"{WORK}*"))
        assert len(list(tmp_path.glob("inventory-*"))) <= 2
        if os.name == "posix":
            assert read_text(tmp_path / STABLE) == number
    assert {"sync", "stamp", "protect", "replace", "write", "sync_folder"} <= set(failed)
    assert ("copy" in failed) is incremental
    assert failed.count("replace") == (3 if os.name == "posix" else 2)
    assert newer_seen


def test_leftovers_of_a_killed_build_go_with_the_next_publication(tmp_path):
    small_file(tmp_path, "v1", 1)
    for name in ("building-inventory-v2.duckdb", "building-inventory-v2.duckdb.wal", "building-current"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "building-inventory-v2.duckdb.tmp").mkdir()
    (tmp_path / "building-inventory-v2.duckdb.tmp" / "spill").write_bytes(b"half")
    small_file(tmp_path, "v3", 3)
    expected = {CURRENT, "inventory-v1.duckdb", "inventory-v3.duckdb", *([STABLE] if os.name == "posix" else [])}
    assert {path.name for path in tmp_path.iterdir()} == expected


@posix_only
def test_a_stable_name_left_behind_is_mended_before_the_next_build(tmp_path):
    small_file(tmp_path, "v1", 1)
    small_file(tmp_path, "v2", 2)
    (tmp_path / STABLE).unlink()
    os.link(tmp_path / "inventory-v1.duckdb", tmp_path / STABLE)
    stage(tmp_path, "v3", incremental=True)
    assert read_text(tmp_path / STABLE) == 2


@posix_only
def test_without_hard_links_the_stable_name_is_a_copy(tmp_path):
    def refuse(_source, _target):
        raise OSError("no hard links here")

    files = dataclasses.replace(LOCAL, link=refuse)
    small_file(tmp_path, "v1", 1, files=files)
    small_file(tmp_path, "v2", 2, files=files)
    assert read_text(tmp_path / STABLE) == 2
    assert not (tmp_path / STABLE).samefile(resolve(tmp_path))


def test_on_windows_there_is_no_stable_name(tmp_path):
    small_file(tmp_path, "v1", 1, files=dataclasses.replace(LOCAL, stable_name=False))
    assert {path.name for path in tmp_path.iterdir()} == {CURRENT, "inventory-v1.duckdb"}


def test_published_files_are_read_only(tmp_path):
    assert not small_file(tmp_path, "v1", 1).stat().st_mode & 0o222


def test_newest_files_stay_and_replaced_ones_stay_a_while(tmp_path):
    for number in range(6):  # a minute apart
        small_file(tmp_path, f"v{number}", number, keep_files=2, keep_seconds=150.0)
    # v3 was replaced 60 s ago, v2 120 s, v1 180 s
    assert sorted(path.name for path in tmp_path.glob("inventory-*")) == [
        f"inventory-v{number}.duckdb" for number in (2, 3, 4, 5)
    ]


def test_cleaning_never_removes_the_current_file_when_the_clock_steps_back(tmp_path):
    small_file(tmp_path, "v1", 1_000, keep_files=1)
    for number in (5, 4, 3):
        small_file(tmp_path, f"w{number}", number, keep_files=1)
        assert read_text(resolve(tmp_path)) == number
        assert [path.name for path in tmp_path.glob("inventory-*")] == [f"inventory-w{number}.duckdb"]


def test_replacing_is_tried_again_while_windows_refuses(tmp_path):
    waits, refusals = [], iter([PermissionError("in use")] * 3)

    def replace(source, target):
        for refusal in refusals:
            raise refusal
        source.replace(target)

    files = dataclasses.replace(LOCAL, replace=replace, sleep=waits.append)
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    replace_patiently(tmp_path / "a", tmp_path / "b", files)
    assert (tmp_path / "b").read_text() == "new"
    assert waits == [0.02, 0.04, 0.08]


def test_replacing_gives_up_with_the_reason(tmp_path):
    waits = []

    def refuse(_source, _target):
        raise PermissionError("in use")

    with pytest.raises(PermissionError, match="in use"):
        replace_patiently(tmp_path, tmp_path, dataclasses.replace(LOCAL, replace=refuse, sleep=waits.append))
    assert len(waits) == ATTEMPTS - 1
    assert 5 < sum(waits) < 15


def test_an_old_file_a_windows_reader_holds_open_goes_later(tmp_path):
    def held(path):
        if path.name == "inventory-v1.duckdb":
            raise PermissionError("in use")
        LOCAL.remove(path)

    small_file(tmp_path, "v1", 1, keep_files=1)
    small_file(tmp_path, "v2", 2, keep_files=1, files=dataclasses.replace(LOCAL, remove=held))
    assert (tmp_path / "inventory-v1.duckdb").exists()
    small_file(tmp_path, "v3", 3, keep_files=1)
    assert [path.name for path in tmp_path.glob("inventory-*")] == ["inventory-v3.duckdb"]


def test_nothing_published_is_said_plainly(tmp_path):
    assert current(tmp_path) is None
    with pytest.raises(NothingPublishedError, match=r"nothing is published in .* yet"):
        resolve(tmp_path)
    small_file(tmp_path, "v1", 1).unlink()
    with pytest.raises(NothingPublishedError, match=r"inventory-v1\.duckdb is gone"):
        resolve(tmp_path)


def test_a_pointer_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / CURRENT).write_text("../elsewhere.duckdb")
    with pytest.raises(PublishError, match="no published file"):
        resolve(tmp_path)


def test_publish_ids_are_used_once_and_fit_file_names(tmp_path):
    small_file(tmp_path, "v1", 1)
    with pytest.raises(PublishError, match="v1 is published already"):
        stage(tmp_path, "v1", incremental=True)
    with pytest.raises(PublishError, match="cannot stand in a file name"):
        stage(tmp_path, "../v2", incremental=True)


def test_an_open_build_is_not_switched(tmp_path):
    path, _ = stage(tmp_path, "v1", incremental=False)
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE answer AS SELECT 1 AS number")
        with pytest.raises(PublishError, match="missing or still open"):
            switch(tmp_path, "v1", NOON, keep_files=1, keep_seconds=0)
    assert current(tmp_path) is None
