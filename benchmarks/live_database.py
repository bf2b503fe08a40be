"""Durable appends and claims on the embedded database: `python -m benchmarks.live_database`.

Appends run beside a bare multi-row insert into the same tables, alternately, one connection each. A claim takes 50 of
200,000 waiting parts, over all lanes and with the worker's own lanes empty; times are those of the whole call.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.report import figure, publish
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.entries import LOG_COLUMNS, Entry, fingerprint, lane_of
from inventory_assets.live.log.reading import ranges
from inventory_assets.live.queue.claiming import claim
from inventory_assets.live.tables import LANES
from inventory_assets.settings import DatabaseSettings, Settings

CLAIM_LIMIT_MS = 3.0
BARE_SHARE = 0.4
WAITING = 200_000
AT = datetime(2026, 3, 1, tzinfo=UTC)


def entry(number: int) -> Entry:
    """A sale of one line."""
    sku = f"SKU-{number % 500:05}"
    data = {"sku": sku, "locationId": f"STORE-{number % 20:03}", "quantity": number % 5 + 1, "unitPrice": "9.99"}
    text = str(data).replace("'", '"')
    at = AT + timedelta(milliseconds=number)
    envelope = '{"traceid": "00-4bf92f3577b34da6a3ce929d0e0e4736", "correlationid": "basket-1"}'
    return Entry("till", f"sale-{number}", "receipt_line_added.v1", at, at, number % 7 + 1, (sku,), envelope, text,
                 fingerprint("receipt_line_added.v1", data))  # fmt: skip


def bare_insert(connection: psycopg.Connection, group: list[Entry]) -> None:
    """The same rows with three multi-row inserts, without lock, look-up or epoch."""
    with connection.transaction():
        numbers = [int(each.event_id.removeprefix("sale-")) + 1 for each in group]
        log = [
            (number, 1, each.source, each.event_id, each.type, each.event_time, each.received_at, each.priority,
             list(each.items), each.disposition, each.envelope, each.data, each.effects)
            for number, each in zip(numbers, group, strict=True)
        ]  # fmt: skip
        ids = [
            (each.source, each.event_id, number, each.fingerprint, each.received_at)
            for number, each in zip(numbers, group, strict=True)
        ]
        queue = [
            (number, 0, lane_of(each.items[0]), each.priority, each.event_time, each.received_at)
            for number, each in zip(numbers, group, strict=True)
        ]
        for target, rows in (
            (f"event_log ({', '.join(LOG_COLUMNS)})", log),
            ("event_ids (source, event_id, sequence, fingerprint, received_at)", ids),
            ("event_queue (sequence, part, lane, priority, event_time, received_at)", queue),
        ):
            row = f"({', '.join(['%s'] * len(rows[0]))})"
            connection.execute(
                f"INSERT INTO {target} VALUES {', '.join([row] * len(rows))}", [cell for each in rows for cell in each]
            )


def measure(events: int, size: int, url: str, rounds: int) -> dict[str, float]:
    """Events a second of both ways in groups of one size; medians of alternating rounds."""
    engine = open_engine(url, DatabaseSettings())
    rates: dict[str, list[float]] = {"append": [], "bare": []}
    with psycopg.connect(url) as plain:
        for turn in range(rounds):
            for way, write in (("append", partial(append, engine)), ("bare", partial(bare_insert, plain))):
                plain.execute("TRUNCATE event_log, event_ids, event_queue")
                plain.commit()
                groups = [[entry(number) for number in range(start, start + size)] for start in range(0, events, size)]
                began = time.perf_counter()
                for group in groups:
                    write(group)
                if turn or rounds == 1:
                    rates[way].append(events / (time.perf_counter() - began))
    engine.dispose()
    return {way: statistics.median(found) for way, found in rates.items()}


def claims(url: str, preferred: list[int], empty: list[int], runs: int) -> list[float]:
    """Milliseconds of claims of 50 from a full queue."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE event_queue")
        lanes = [lane for lane in range(LANES) if lane not in empty]
        connection.execute(
            "INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at)"
            " SELECT number, 0, (%s::int[])[1 + (hashint8(number) & 65535) %% %s], 1 + number %% 10,"
            " %s + (hashint8(number + 7) & 65535) * interval '1 s', %s FROM generate_series(1, %s) AS number",
            (lanes, len(lanes), AT, AT, WAITING),
        )
        connection.execute("VACUUM ANALYZE event_queue")
    found = []
    with psycopg.connect(url) as worker:
        for _ in range(runs):
            began = time.perf_counter()
            taken = claim(worker, preferred, 50)
            found.append((time.perf_counter() - began) * 1000)
            assert len(taken) == 50
            worker.rollback()
    return found


def main() -> int:
    """Measure and print; with --save into the results."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=4)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="inventory-bench-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        settings = Settings(data_dir=folder)
        server = EmbeddedServer(settings)
        with server.owned() as url:
            bring_up(settings)
            rates = {
                size: measure(chosen.events if size > 1 else 2_000, size, url, chosen.rounds)
                for size in (1, 10, 100, 1_000)
            }
            engine = open_engine(url, settings.database)
            for start in range(chosen.events, 6 * chosen.events, 1_000):
                append(engine, [entry(number) for number in range(start, start + 1_000)])
            engine.dispose()
            rows = 0
            began = time.perf_counter()
            for table in ranges(url, 0, 2**62):
                rows += table.num_rows
            read = rows / (time.perf_counter() - began)
            everywhere = claims(url, list(range(LANES)), [], 200)
            own = list(range(0, LANES, 2))
            stolen = claims(url, own, own, 200)
    finally:
        shutil.rmtree(folder)
    at_hundred = rates[100]["append"] / rates[100]["bare"]
    details = {
        "events_a_second": rates,
        "range_events_a_second": read,
        "claim_ms": {
            name: {"median": statistics.median(found), "p99": sorted(found)[int(len(found) * 0.99)]}
            for name, found in (("all lanes", everywhere), ("own lanes empty", stolen))
        },
    }
    shown = ", ".join(
        f"{size}: {each['append']:,.0f}/s ({each['append'] / each['bare']:.2f} ×)" for size, each in rates.items()
    )
    appended = figure(
        "live_append",
        "durable appends, one connection, beside bare inserts into the same tables",
        f"≥ {BARE_SHARE} × bare at groups of 100",
        f"{shown}; read by range {read:,.0f}/s",
        reached=at_hundred >= BARE_SHARE,
        details=details,
    )
    medians = [statistics.median(everywhere), statistics.median(stolen)]
    claimed = figure(
        "live_claim",
        f"claim of 50 of {WAITING:,} waiting",
        f"≤ {CLAIM_LIMIT_MS} ms",
        f"{medians[0]:.2f} ms over all lanes, {medians[1]:.2f} ms with the own lanes empty (medians)",
        reached=max(medians) <= CLAIM_LIMIT_MS,
        details=details["claim_ms"],
    )
    return max(publish(appended, save=chosen.save), publish(claimed, save=chosen.save))


if __name__ == "__main__":
    raise SystemExit(main())
