"""When a publication is due, and what its id says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_assets.publish.publication import due, new_publish_id
from inventory_assets_tests.publish.support import NOON

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
    ids=["nothing at all", "first", "no change", "first change after a pause", "too soon", "an interval later",
         "clock set back"],
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
