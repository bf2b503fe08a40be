"""What is done to one table: partitions merged by name, files kept for older versions, a log that stays readable."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from inventory_assets.contracts.silver import DAY_BALANCE, PRODUCTS
from inventory_assets.lakehouse.changes import written_bytes
from inventory_assets.lakehouse.lake import FORGOTTEN, Lake, Scope
from inventory_assets.lakehouse.maintenance import (
    compact,
    crowded_days,
    figures,
    is_readable,
    leftovers,
    mergeable,
    remove,
    rewind,
    settle,
    trim_log,
)
from inventory_assets_tests.lakehouse.test_lake import DAYS, balance, stored

TARGET = 1 << 27


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    for n in range(4):
        lake.append(DAY_BALANCE, balance(*((f"feed{n % 2}", day, n) for day in DAYS)))
    return lake


def test_only_the_days_asked_for_are_merged_null_included(lake):
    before = stored(lake)
    assert compact(lake, DAY_BALANCE, TARGET, {None, DAYS[1]}) == 8
    assert {key[1] for key in mergeable(lake, DAY_BALANCE, TARGET)} == {
        str(day) for day in DAYS if day not in {None, DAYS[1]}
    }
    assert compact(lake, DAY_BALANCE, TARGET, set()) == 0
    assert stored(lake) == before


def test_crowded_days_are_those_with_more_small_files_than_allowed(lake):
    assert crowded_days(lake, DAY_BALANCE, set(DAYS[:2]), 1, TARGET) == set(DAYS[:2])
    assert crowded_days(lake, DAY_BALANCE, set(DAYS), 2, TARGET) == set()
    assert crowded_days(lake, DAY_BALANCE, set(DAYS), 1, 1) == set()


def test_kept_versions_are_read_after_all_other_files_went(lake):
    old = lake.version(DAY_BALANCE)
    rows = stored(lake)
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 9)), Scope())
    middle = lake.version(DAY_BALANCE)
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 10)), Scope())
    version = lake.version(DAY_BALANCE)
    found = leftovers(lake, DAY_BALANCE, 0, [old, 99])
    assert sum(file.size for file in found) > 0
    remove(lake, DAY_BALANCE, found)
    remove(lake, DAY_BALANCE, found)
    assert lake.version(DAY_BALANCE) == version, "no commit, so no reader falls behind"
    assert stored(lake, old) == rows
    assert stored(lake) == {("pos", DAYS[1]): 10}
    with pytest.raises(FileNotFoundError):
        stored(lake, middle)
    assert leftovers(lake, DAY_BALANCE, 1, []) == []


def test_figures_tell_what_lives_from_what_lies_there(lake):
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 9)), Scope())
    seen = figures(lake, DAY_BALANCE)
    assert (seen.files, seen.disk_files, seen.versions) == (1, 1 + 4 * len(DAYS), 6)
    assert 0 < seen.live_bytes < seen.disk_bytes
    assert figures(lake, PRODUCTS) is None


def test_rewinding_brings_rows_and_consumed_versions_back_in_one_commit(lake):
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 1)), Scope(), {PRODUCTS.path: 7})
    then = lake.version(DAY_BALANCE)
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[2], 2)), Scope(), {PRODUCTS.path: 9})
    before = lake.version(DAY_BALANCE)
    version = rewind(lake, DAY_BALANCE, then, {PRODUCTS.path: 7})
    assert version == before + 1
    assert stored(lake) == {("pos", DAYS[1]): 1}
    assert lake.consumed(DAY_BALANCE, PRODUCTS) == 7
    assert lake.changed_days(DAY_BALANCE, before, version) == {DAYS[1], DAYS[2]}
    rewind(lake, DAY_BALANCE, before, {PRODUCTS.path: FORGOTTEN})
    assert lake.consumed(DAY_BALANCE, PRODUCTS) is None


def test_readers_note_versions_that_changed_no_row_and_only_those(lake):
    taken = lake.version(DAY_BALANCE)
    lake.append(PRODUCTS, lake.scan(PRODUCTS).collect())
    lake.note(PRODUCTS, {DAY_BALANCE.path: taken})
    compact(lake, DAY_BALANCE, TARGET)
    settle(lake, [DAY_BALANCE, PRODUCTS])
    assert lake.consumed(PRODUCTS, DAY_BALANCE) == lake.version(DAY_BALANCE) == taken + 1
    lake.append(DAY_BALANCE, balance(("pos", DAYS[1], 9)))
    settle(lake, [DAY_BALANCE, PRODUCTS])
    assert lake.consumed(PRODUCTS, DAY_BALANCE) == taken + 1


def commits(lake: Lake) -> list[int]:
    return sorted(int(path.stem) for path in Path(lake.uri(DAY_BALANCE), "_delta_log").glob("*.json"))


def aged(lake: Lake, upto: int, days: int) -> None:
    """Let the commits up to a version have been made so many days ago."""
    then = time.time() - days * 86_400
    for path in Path(lake.uri(DAY_BALANCE), "_delta_log").glob("[0-9]*"):
        if int(path.name[:20]) <= upto:
            os.utime(path, (then, then))


def test_the_log_loses_what_is_old_and_keeps_what_is_needed(lake):
    for n in range(12):
        lake.append(DAY_BALANCE, balance(("pos", date(2024, 5, 1) + timedelta(days=n), n)))
    version, now = lake.version(DAY_BALANCE), datetime.now(UTC)
    rows = stored(lake)
    aged(lake, 9, 40)
    trim_log(lake, DAY_BALANCE, 30, [5, version], now)
    assert commits(lake)[0] == 0, "version 5 is needed and old"
    trim_log(lake, DAY_BALANCE, 30, [version - 2, version], now)
    assert stored(lake) == rows
    assert is_readable(lake, DAY_BALANCE, version - 2)
    aged(lake, version, 40)
    lake.append(DAY_BALANCE, balance(("pos", DAYS[1], 1)))
    trim_log(lake, DAY_BALANCE, 30, [], now)
    assert commits(lake)[0] > 5
    assert not is_readable(lake, DAY_BALANCE, 5)
    assert lake.changed_days(DAY_BALANCE, 5, lake.version(DAY_BALANCE)) >= set(rows and DAYS[:1])
    assert lake.version(DAY_BALANCE) == version + 1


def test_another_log_retention_is_written_once_and_dirties_nothing(lake):
    before = lake.version(DAY_BALANCE)
    for _ in range(2):
        trim_log(lake, DAY_BALANCE, 90, [], datetime.now(UTC))
    assert lake.version(DAY_BALANCE) == before + 1
    assert lake.changed_days(DAY_BALANCE, before, before + 1) == set()


def test_bytes_written_count_rewriting_and_growth_does_not(lake):
    uri, before = lake.uri(DAY_BALANCE), lake.version(DAY_BALANCE)
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 9)), Scope())
    one = figures(lake, DAY_BALANCE).live_bytes
    replaced = lake.version(DAY_BALANCE)
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 9)), Scope())
    assert written_bytes(uri, replaced, replaced + 1) == (one, 0)
    written, grown = written_bytes(uri, before, replaced + 1)
    assert written == 2 * one
    assert grown < 0
    assert written_bytes(uri, 3, 3) == (0, 0)
    Path(uri, "_delta_log", f"{replaced:020d}.json").unlink()
    assert written_bytes(uri, before, replaced) is None
