"""Silence by the clock: seen when everything stops, never at a finished history or before anything is usual."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inventory_assets.contracts.gold import STORE_PERFORMANCE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.quality.anomalies import silence, silent_sources
from inventory_assets.quality.currency import newest_day_is_current

LAST = date(2024, 6, 30)
DAILY = [LAST - timedelta(days=back) for back in range(30)]
WEEKLY = [LAST - timedelta(days=7 * back) for back in range(20)]


@pytest.mark.parametrize(
    ("days", "since", "found"),
    [
        (DAILY, 2, None),
        (DAILY, 3, (3, 1)),
        (DAILY, 28, (28, 1)),
        (DAILY, 29, None),
        (DAILY, 5_000, None),
        (DAILY, -1, None),
        (DAILY[:13], 5, None),
        (WEEKLY, 8, None),
        (WEEKLY, 9, (9, 7)),
        ([], 9, None),
    ],
)
def test_silent_is_what_lies_further_back_than_the_longest_gap_and_a_day(days, since, found):
    assert silence(days, LAST + timedelta(days=since)) == found


def test_all_sources_that_stop_together_are_seen_by_the_clock_only():
    counts = {("pos", "till"): dict.fromkeys(DAILY, 9), ("warehouse", "wms"): dict.fromkeys(DAILY, 9)}
    assert list(silent_sources(counts)) == []
    assert {each.source_system for each in silent_sources(counts, LAST + timedelta(days=5))} == {"till", "wms"}


def test_a_table_that_is_not_there_yet_is_no_finding(tmp_path):
    found = newest_day_is_current(Lake(str(tmp_path)), STORE_PERFORMANCE, LAST)
    assert (found.passed, found.description, found.numbers) == (True, "no day has rows yet", {})
