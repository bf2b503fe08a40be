"""What a search of events reads of a long log, by the counts of PostgreSQL itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from inventory_assets.live.views import events
from inventory_assets.live.views.events import Wanted, search
from inventory_assets_tests.live.databases import NOON

ROWS, STRETCH = 20_000, 2_000
FILL = """
INSERT INTO event_log (epoch, source, event_id, type, event_time, received_at, priority, items, disposition, envelope,
                       data)
SELECT 1, CASE WHEN number % 5000 = 7 THEN 'rare' WHEN number < 100 THEN 'gone' ELSE 'till-' || number % 20 END,
       'e' || number, 'sale',
       CAST(:at AS timestamptz) + number * interval '1 s'
           - CASE WHEN number % 50 = 0 THEN interval '1 h' ELSE interval '0' END,
       CAST(:at AS timestamptz) + number * interval '1 s', 5, ARRAY['A'], 'accepted', '{}', '{}'
FROM generate_series(1, :rows) AS number
"""
READ = """
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables WHERE relname = 'event_log'
"""
EARLY = Wanted(since=NOON + timedelta(seconds=400), until=NOON + timedelta(seconds=500))


@pytest.fixture
def long_log(engine, monkeypatch):
    """A log of ten stretches, one event in fifty an hour late."""
    monkeypatch.setattr(events, "STRETCH", STRETCH)
    with engine.begin() as connection:
        connection.execute(text(FILL), {"at": NOON, "rows": ROWS})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE event_log"))
    return engine


def pages(engine, wanted):
    """Every event found, by pages, and the most rows of the log a page read."""
    found, most, count = [], 0, 0
    while True:
        with engine.connect() as connection:
            before = connection.execute(text(READ)).scalar_one()
            page = search(connection, wanted)
            most = max(most, connection.execute(text(READ)).scalar_one() - before)
        found += [each["sequence"] for each in page.events]
        count += 1
        if page.next_before is None:
            return found, most, count
        wanted = replace(wanted, before=page.next_before)


def asked(engine, condition):
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT sequence FROM event_log WHERE {condition} ORDER BY sequence DESC"))
        return list(rows.scalars())


def test_a_source_leads_to_its_events_however_far_they_lie(long_log):
    for source in ("rare", "gone", "nobody"):
        found, most, count = pages(long_log, Wanted(source=source, limit=200))
        assert found == asked(long_log, f"source = '{source}'")
        assert (count, most <= 210) == (1, True), (source, most)


def test_a_time_in_which_little_happened_leads_to_its_events_also_with_something_else(long_log):
    window = "event_time >= '2026-03-01T12:06:40Z' AND event_time < '2026-03-01T12:08:20Z'"
    found, most, count = pages(long_log, replace(EARLY, limit=200))
    assert found == asked(long_log, window)
    assert (len(found), count, most < ROWS) == (100, 1, True), most
    narrow = replace(EARLY, source="till-3", type="sale")
    found, most, count = pages(long_log, narrow)
    assert found == asked(long_log, f"{window} AND source = 'till-3'")
    assert (count, most < ROWS) == (1, True), most


def test_a_long_time_goes_by_pages_that_each_read_a_stretch(long_log):
    found, most, count = pages(long_log, Wanted(until=NOON + timedelta(seconds=ROWS / 2), source="till-3", limit=200))
    assert found == asked(
        long_log, "source = 'till-3' AND event_time < timestamptz '2026-03-01T12:00Z' + interval '10000 s'"
    )
    assert count > 5
    assert most <= 3 * STRETCH + 200, most
