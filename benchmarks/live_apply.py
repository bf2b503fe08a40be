"""A backlog becomes stock: `python -m benchmarks.live_apply`.

Sales of many items at many locations wait, counted pairs and none of them twice; worker processes apply them until
nothing waits. Rates are of the whole, from the start of the workers to the last commit. The share of saved writes is
measured on 100 pairs, with batches of 500 and of 50, by one worker.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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


def sales(events: int, pairs: int, first: int = 0) -> Iterator[Entry]:
    """Entries of sales of one unit, spread over pairs; a count of each pair before them."""
    for pair in range(pairs):
        yield _entry("stock.counted", first + pair, pair, 0)
    for number in range(events):
        yield _entry("stock.moved", first + pairs + number, number * 7919 % pairs, 1 + number)


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


def fill(url: str, entries: list[Entry], settings: Settings) -> None:
    """Put entries into an empty queue."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE event_log, event_ids, event_queue, inventory_state, ledger, outbox, processing_log"
        )
    engine = open_engine(url, settings.database)
    for start in range(0, len(entries), 1_000):
        append(engine, entries[start : start + 1_000])
    engine.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE event_queue, event_log")


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
    entries: dict[int, list[Entry]] = {}
    try:
        settings = Settings(data_dir=folder)
        with EmbeddedServer(settings).owned() as url:
            bring_up(settings)
            for workers, pairs in ((1, chosen.pairs), (2, chosen.pairs), (2, 100)):
                if pairs not in entries:
                    entries = {pairs: list(sales(chosen.events, pairs))}
                fill(url, entries[pairs], settings)
                rates[f"{workers} workers, {pairs} pairs"] = apply_rate(url, len(entries[pairs]), workers, options)
            for size in (500, 50):
                fill(url, list(sales(20_000, 100))[:20_000], settings)
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
