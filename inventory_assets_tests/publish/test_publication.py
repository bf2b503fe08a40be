"""When a publication is due, and what its id says."""

from __future__ import annotations

import dataclasses
import os
from contextlib import closing
from datetime import timedelta

import pytest

from inventory_assets.publish.files import LOCAL
from inventory_assets.publish.publication import due, new_publish_id
from inventory_assets.publish.sql import connect
from inventory_assets_tests.faults.campaign import campaign_only
from inventory_assets_tests.publish.support import NOON, publish_number, some_tables

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("last", "changed", "expected"),
    [
        (None, None, False),
        (None, NOON, True),
        (NOON - timedelta(hours=1), None, False),
        (NOON - timedelta(hours=1), NOON, True),
        (NOON - timedelta(seconds=59), NOON, False),
        (NOON - MINUTE, NOON - timedelta(seconds=30), True),
        (NOON + timedelta(days=300), NOON, True),
    ],
    ids=[
        "nothing at all",
        "first",
        "no change",
        "first change after a pause",
        "too soon",
        "an interval later",
        "clock set back",
    ],
)
def test_due_at_the_first_change_after_a_pause_then_once_an_interval(last, changed, expected):
    assert due(last, NOON, changed, MINUTE) is expected


def test_without_an_interval_each_change_is_published():
    assert due(NOON, NOON, NOON, timedelta(0))


def test_publish_ids_sort_by_time_and_tell_positions_apart():
    first = new_publish_id(NOON, {"gold/a": 1, "gold/b": None})
    assert first == new_publish_id(NOON, {"gold/b": None, "gold/a": 1})
    assert first != new_publish_id(NOON, {"gold/a": 2, "gold/b": None})
    assert first < new_publish_id(NOON + timedelta(microseconds=1), {"gold/a": 1})
    assert first.startswith("20240115T120000000000Z-")


@pytest.mark.parametrize("nth", [campaign_only(1), 2, *([campaign_only(3)] if os.name == "posix" else [])])
def test_a_publication_killed_at_a_rename_leaves_a_file_duckdb_reads(tmp_path, nth):
    """Every file operation fails in test_layout; here it is the real file, at the renames that readers notice."""
    calls = []

    def replace(source, target):
        calls.append(target.name)
        if len(calls) == nth:
            raise KeyboardInterrupt
        LOCAL.replace(source, target)

    tables = some_tables(1)
    publish_number(tmp_path, 1, tables)
    with pytest.raises(KeyboardInterrupt):
        publish_number(tmp_path, 2, tables, {}, files=dataclasses.replace(LOCAL, replace=replace))
    with closing(connect(tmp_path)) as connection:
        ids = connection.execute("SELECT publish_id FROM publication").fetchall()
    assert ids == [("p0001",)] if nth <= 2 else [("p0002",)]
    assert publish_number(tmp_path, 3, tables, {}).incremental
