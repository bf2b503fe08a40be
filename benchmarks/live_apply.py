"""A backlog becomes stock: `python -m benchmarks.live_apply`.

Sales of many items at many locations wait, counted pairs and none of them twice; worker processes apply them until
nothing waits. Rates are of the whole, from the start of the workers to the last commit. The share of saved writes is
measured on 100 pairs, with batches of 500 and of 50, by one worker. A tenth of the sales goes through the log's own
append, the rest are copies of those under other ids, made by the database: appending is measured elsewhere. The queue
is kept aside and put back for each measurement.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg

from benchmarks.report import figure, publish
from inventory_assets.contracts.events.envelope import Envelope
from inventory_assets.contracts.events.facts import StockCounted, StockMoved
from inventory_assets.contracts.events.reading import Event
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.processor.batch import micro_batch
from inventory_assets.live.processor.measures import Measures
from inventory_assets.live.processor.work import Applied, Orders
from inventory_assets.live.processor.worker import Worker, system_clock
from inventory_assets.live.queue.claiming import share_of
from inventory_assets.settings import ProcessorSettings, Settings

AT = datetime(2026, 3, 1, tzinfo=UTC)
RATE, SAVED = 10_000, 0.8
COPIES = 9
SAVED_OF = 20_000
APPLIED = "inventory_state, ledger, outbox, processing_log"
"""Tables the processor fills."""

_MORE_EVENTS = """
INSERT INTO event_log (sequence, epoch, source, event_id, type, event_time, received_at, priority, items, disposition,
                       envelope, data, effects)
SELECT sequence + %(stride)s * copy, epoch, source, event_id || '/' || copy, type, event_time, received_at, priority,
       items, disposition, envelope, data, effects
FROM generate_series(1, %(copies)s) AS copy, event_log
WHERE sequence BETWEEN %(first)s AND %(last)s
ORDER BY copy, sequence
"""
_MORE_PARTS = """
INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at)
SELECT sequence + %(stride)s * copy, part, lane, priority, event_time + copy * interval '1 h', received_at
FROM generate_series(1, %(copies)s) AS copy, event_queue
WHERE sequence BETWEEN %(first)s AND %(last)s
ORDER BY copy, sequence
"""


def sales(events: int, pairs: int) -> Iterator[Entry]:
    """Entries of sales of one unit, spread over pairs; a count of each pair before them."""
    for pair in range(pairs):
        yield _entry("stock.counted", pair, pair, 0)
    for number in range(events):
        yield _entry("stock.moved", pairs + number, number * 7919 % pairs, 1 + number)


def _entry(kind: str, number: int, pair: int, moment: int) -> Entry:
    item, place = f"SKU-{pair % 5_000:05}", f"STORE-{pair // 5_000:03}"
    at = AT + timedelta(milliseconds=moment)
    if kind == "stock.counted":
        data = {"location_id": place, "lines": [{"product_sku": item, "quantity": 1_000_000}]}
        payload = StockCounted(**data)
    else:
        data = {"product_sku": item, "location_id": place, "kind": "sale", "quantity": -1, "document_id": "R-1"}
        payload = StockMoved(**data)
    return entry_of(Event(Envelope(f"e-{number}", kind, "/tills", at, at, data), payload))


def fill(url: str, events: int, pairs: int, settings: Settings) -> int:
    """Put counts and sales into an empty log and queue, and keep the queue aside; returns how many wait."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE event_log, event_ids, event_queue, {APPLIED}")
        engine = open_engine(url, settings.database)
        for group in _groups(sales(events // (COPIES + 1), pairs), 1_000):
            append(engine, group)
        engine.dispose()
        multiply(connection, COPIES)
        connection.execute("DROP TABLE IF EXISTS kept_queue")
        connection.execute("CREATE TABLE kept_queue AS TABLE event_queue")
        connection.execute("VACUUM ANALYZE event_log")
        return connection.execute("SELECT count(*) FROM kept_queue").fetchone()[0]  # type: ignore[index]


def multiply(connection: psycopg.Connection, copies: int) -> None:
    """Copy the movements of the log and of the queue so many times, under other ids and later times."""
    last, first = connection.execute(
        "SELECT max(sequence), min(sequence) FILTER (WHERE type = 'stock.moved') FROM event_log"
    ).fetchone() or (0, 0)
    copied = {"stride": last - first + 1, "first": first, "last": last, "copies": copies}
    for statement in (_MORE_EVENTS, _MORE_PARTS):
        connection.execute(statement, copied)
    connection.execute("SELECT setval(pg_get_serial_sequence('event_log', 'sequence'), max(sequence)) FROM event_log")


def put_back(url: str, parts: int) -> None:
    """The queue as it was filled, up to so many parts, and nothing applied."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE event_queue, {APPLIED}")
        connection.execute("INSERT INTO event_queue SELECT * FROM kept_queue ORDER BY sequence LIMIT %s", [parts])
        connection.execute("VACUUM ANALYZE event_queue")
        connection.execute("CHECKPOINT")


def _groups(entries: Iterator[Entry], size: int) -> Iterator[list[Entry]]:
    while group := list(islice(entries, size)):
        yield group


def drain(url: str, number: int, workers: int, options: ProcessorSettings, ready: Barrier | None = None) -> Measures:
    """One worker, until nothing waits."""
    worker = Worker(url, options, number=number, workers=workers)
    if ready is not None:
        ready.wait()
    with psycopg.connect(url, autocommit=True) as watch:
        while watch.execute("SELECT EXISTS (SELECT FROM event_queue)").fetchone() == (True,):
            for _ in range(20):
                worker.turn()
    return worker.measures


def saved_share(url: str, size: int) -> float:
    """Share of state writes saved by batches of one size."""
    orders = Orders("bench", tuple(share_of(0, 1)), system_clock)
    postings = writes = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            applied = Applied()
            micro_batch(connection, orders, size, applied)
            if not applied.claimed:
                return 1 - writes / postings
            postings, writes = postings + applied.postings, writes + applied.state_writes


def apply_rate(url: str, events: int, workers: int, options: ProcessorSettings) -> float:
    """Events a second of worker processes."""
    start = multiprocessing.get_context("spawn")
    ready = start.Barrier(workers + 1)
    processes = [start.Process(target=drain, args=(url, number, workers, options, ready)) for number in range(workers)]
    for process in processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    assert all(process.exitcode == 0 for process in processes)
    return events / seconds


def main() -> int:
    """Measure and print; with --save into the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--save", action="store_true")
    chosen = parser.parse_args()
    options = ProcessorSettings(poll_seconds=0.05, window_seconds=0)
    folder = Path(tempfile.mkdtemp(prefix="inventory-bench-", dir="/tmp"))
    folder.chmod(0o755)
    rates: dict[str, float] = {}
    saved: dict[int, float] = {}
    try:
        settings = Settings(data_dir=folder)
        with EmbeddedServer(settings).owned() as url:
            bring_up(settings)
            for pairs, numbers in ((chosen.pairs, (1, 2)), (100, (2,))):
                waiting = fill(url, chosen.events, pairs, settings)
                for workers in numbers:
                    put_back(url, waiting)
                    rates[f"{workers} workers, {pairs} pairs"] = apply_rate(url, waiting, workers, options)
            for size in (500, 50):
                put_back(url, SAVED_OF)
                saved[size] = saved_share(url, size)
    finally:
        shutil.rmtree(folder)
    details = {"events_a_second": rates, "saved_writes": saved}
    best = max(rates.values())
    shown = ", ".join(f"{name}: {rate:,.0f}/s" for name, rate in rates.items())
    applied = figure(
        "live_apply",
        f"a backlog of {chosen.events:,} events applied; state writes saved on 100 pairs",
        f"≥ {RATE:,}/s; ≥ {SAVED:.0%} saved at 500",
        f"{shown}; saved {saved[500]:.0%} at 500, {saved[50]:.0%} at 50",
        reached=best >= RATE and saved[500] >= SAVED,
        details=details,
    )
    return publish(applied, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
