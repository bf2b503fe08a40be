"""Readers by range and by outbox id beside writers that repeat and roll back, and workers: nothing is skipped."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from inventory_assets.live.log import appending
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append, append_within, prepared_group
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.reading import position, ranges
from inventory_assets.live.outbox.reading import Wanted, page
from inventory_assets_tests.faults.campaign import LONG, record
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.processes import await_applied, processes
from inventory_assets_tests.live.processing import assert_consistent, counted, issued, sold

EVENTS = 50_000 if LONG else 3_000
WRITERS, WORKERS, GROUP = 8, 3, 25
NO_LOCK = "SELECT %s::int, %s::int"


def of(writer: int, number: int) -> Entry:
    """An event of a writer; every fourth is a command that becomes a fact in the log."""
    kind = issued if number % 4 == 0 else sold
    at = NOON + timedelta(seconds=number)
    return entry_of(kind(f"I-{number % 40}", "S", 1, at, id=f"w{writer}-{number}"))


def roll_back(url: str, group: list[Entry]) -> None:
    """Draw sequences for a group and never use them."""
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        append_within(connection, prepared_group(group)[0])


def write(engine: Engine, url: str, writer: int, events: int) -> None:
    """Groups in order, some of them rolled back first, some sent twice."""
    dice = random.Random(writer)
    for start in range(0, events, GROUP):
        group = [of(writer, number) for number in range(start, min(start + GROUP, events))]
        if dice.random() < 0.2:
            roll_back(url, group)
        append(engine, group, wait_seconds=60)
        if dice.random() < 0.2:
            assert {each.status for each in append(engine, group, wait_seconds=60)} == {"duplicate"}


class Readers:
    """Two readers that go on where they stood, until told that all is written."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine, self.url = engine, url
        self.sequences: list[int] = []
        self.ids: list[int] = []
        self.looks = 0
        self.written = threading.Event()

    def by_range(self) -> None:
        after, last = 0, False
        while not last:
            last = self.written.is_set()
            with self.engine.connect() as connection:
                upto = position(connection).sequence
            for table in ranges(self.url, after, upto, rows=500, columns="sequence"):
                self.sequences += table["sequence"].to_pylist()
            after, self.looks = upto, self.looks + 1
            time.sleep(0.005)

    def by_id(self) -> None:
        after, last = 0, False
        while not last:
            last = self.written.is_set()
            while True:
                with self.engine.connect() as connection:
                    found = page(connection, after, Wanted(), 500)
                self.ids += [row.id for row in found.rows]
                after = found.seen
                if len(found.rows) < 500:
                    break
            time.sleep(0.005)


@pytest.mark.slow
def test_readers_beside_eight_writers_and_three_workers_skip_nothing(engine, url, connection, folder):
    append(engine, [entry_of(counted(f"I-{number}", "S", 1_000_000)) for number in range(40)])
    readers = Readers(engine, url)
    writers = [threading.Thread(target=write, args=(engine, url, each, EVENTS // WRITERS)) for each in range(WRITERS)]
    reading = [threading.Thread(target=each) for each in (readers.by_range, readers.by_id)]
    with processes(url, folder, WORKERS, api=False):
        for thread in (*reading, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        await_applied(url, 600)
    readers.written.set()
    for thread in reading:
        thread.join()
    events = [row[0] for row in connection.execute("SELECT sequence FROM event_log ORDER BY sequence")]
    told = [row[0] for row in connection.execute("SELECT id FROM outbox ORDER BY id")]
    assert readers.sequences == events
    assert readers.ids == told
    sent = connection.execute("SELECT count(*) FROM event_log WHERE event_id LIKE 'w%'").fetchone()
    assert sent == (EVENTS // WRITERS * WRITERS,)
    assert events[-1] > len(events), "rolled back and repeated groups draw sequences as well"
    assert_consistent(connection)
    record(
        "reading_beside_writers",
        "readers by range and by outbox id beside 8 writers that repeat and roll back, and 3 workers",
        "nothing skipped, nothing twice, in order",
        f"{len(events):,} events and {len(told):,} rows of the outbox, {readers.looks:,} looks; none skipped",
        reached=True,
        details={"events": len(events), "outbox": len(told), "looks": readers.looks},
    )


@pytest.mark.parametrize("locked", [True, False])
def test_without_the_append_lock_a_reader_would_skip(engine, url, monkeypatch, locked):
    """The lock is what the promise rests on: taken away, an append that commits late is never read."""
    if not locked:
        monkeypatch.setattr(appending, "TAKE", NO_LOCK)
    first, second = [of(0, 1)], [of(0, 2)]
    with psycopg.connect(url) as slow, slow.transaction():
        append_within(slow, prepared_group(first)[0])
        if locked:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                append(engine, second, wait_seconds=0.1)
        else:
            append(engine, second)
        with engine.connect() as connection:
            before = position(connection).sequence
        read = [number for table in ranges(url, 0, before) for number in table["event_id"].to_pylist()]
    append(engine, second)
    with engine.connect() as connection:
        after = position(connection).sequence
    read += [number for table in ranges(url, before, after) for number in table["event_id"].to_pylist()]
    assert read == (["w0-1", "w0-2"] if locked else ["w0-2"])
