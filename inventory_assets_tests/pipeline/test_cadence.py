"""Refreshes pause only where they follow each other for long, and only so long as the writing pays for itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.pipeline.cadence import Bounds, Refreshed, next_pause

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALLOWED = Bounds(amplification=30.0, burst=timedelta(minutes=15), longest=timedelta(minutes=30))
MINUTE = timedelta(minutes=1)


def every_minute(count: int, written: int, grown: int, took: timedelta = timedelta(seconds=10)) -> list[Refreshed]:
    """Refreshes that began a minute apart, newest first."""
    return [Refreshed(NOON - n * MINUTE, NOON - n * MINUTE + took, written, grown) for n in range(count)]


def test_an_idle_lane_reacts_at_once():
    assert next_pause([], ALLOWED) == timedelta()
    assert next_pause(every_minute(1, 10**9, 1), ALLOWED) == timedelta()
    apart = [Refreshed(NOON - n * 61 * MINUTE, NOON - n * 61 * MINUTE, 10**9, 1) for n in range(50)]
    assert next_pause(apart, ALLOWED) == timedelta()


def test_a_burst_is_not_held_back_until_it_lasts():
    assert next_pause(every_minute(15, 10**9, 1), ALLOWED) == timedelta()
    assert next_pause(every_minute(20, 10**9, 1), ALLOWED) == ALLOWED.longest


def test_what_pays_for_itself_is_never_held_back():
    assert next_pause(every_minute(60, 29_000, 1_000), ALLOWED) == timedelta()


def test_the_pause_lasts_until_enough_came_in_to_pay_for_the_writing():
    recent = every_minute(61, 31_000, 1_000)
    assert sum(each.written for each in recent) + 31_000 == 30 * 61_000 + 92_000
    assert next_pause(recent, ALLOWED).total_seconds() == pytest.approx(3_610 * 92 / (30 * 61), rel=0.01)


def test_refreshes_that_wrote_nothing_cost_nothing():
    assert next_pause(every_minute(60, 0, 0), ALLOWED) == timedelta()
    after = [
        *every_minute(1, 0, 0),
        *(Refreshed(e.began - MINUTE, e.ended - MINUTE, 10**9, 0) for e in every_minute(60, 1, 0)),
    ]
    assert next_pause(after, ALLOWED) == ALLOWED.longest


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(-(10**6), 10**9)), max_size=40))
def test_a_pause_is_never_longer_than_allowed(sizes):
    recent = [
        Refreshed(NOON - n * MINUTE, NOON - n * MINUTE + timedelta(seconds=5), written, grown)
        for n, (written, grown) in enumerate(sizes)
    ]
    assert timedelta() <= next_pause(recent, ALLOWED) <= ALLOWED.longest


def test_a_day_of_one_minute_batches_stays_below_the_bound():
    """Each refresh rewrites the day so far, half of what lives, and a table of a tenth of the day as a whole."""
    size, whole, batch = 0, 144_000, 1_000
    written = waiting = 0
    recent: list[Refreshed] = []
    for minute in range(24 * 60):
        now = NOON + minute * MINUTE
        waiting += batch
        if recent and now - recent[0].ended < next_pause(recent[:200], ALLOWED):
            continue
        size += waiting
        cost = waiting + size // 2 + whole
        recent.insert(0, Refreshed(now, now + timedelta(seconds=10), cost, waiting))
        written, waiting = written + cost, 0
    assert written <= ALLOWED.amplification * size
    assert len(recent) > 60
