"""The service under load: totals stay, urgent events overtake a backlog, answers come in time."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from benchmarks.live_apply import multiply
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets_tests.api.calling import Line
from inventory_assets_tests.faults.campaign import LONG, long_only, record
from inventory_assets_tests.live.processes import (
    EVENTS,
    Processes,
    Senders,
    asked,
    assert_kept,
    await_applied,
    cloud,
    counted,
    moved,
    one,
    processes,
    reserved,
    transferred,
    until,
)
from inventory_assets_tests.live.processing import counted as count_of
from inventory_assets_tests.live.processing import issued, sold

ITEMS, PLACES, OPENING = [f"SKU-{number}" for number in range(8)], ("S1", "S2", "S3"), 500
COMMANDS = 2_000 if LONG else 60
STORM_EVENTS, STORM_SECONDS, WAITING = 10_000, 60.0, 10_000
BACKLOGS = {"sales": (50_000, 9, 0.1, "sales"), "mixed": (200_000, 0, 0.15, "sales, counts, commands that take stock")}
"""What waits as the storm begins, more than the workers apply while it lasts: events, copies of each, how long an
urgent event may take then, and of which kinds it is."""
GROUP = 1_000
RATE_SECONDS = float(os.environ.get("INVENTORY_CHAOS_SECONDS", "120"))
RATES = ((100, 0.1), (500, 0.2), (1_000, 0.5))
CONNECTIONS = 64
ASKED = ("/healthz", "/readyz", "/api/v1/inventory/I-1?storeId=S")
WAITED = """
SELECT least(l.priority, 8) = 8, extract(epoch FROM p.ended_at - l.received_at)::float
FROM processing_log AS p JOIN event_log AS l USING (sequence)
WHERE p.status = 'Completed' AND l.event_id LIKE %s
"""


@dataclass
class Paced:
    """What became of requests sent at a rate, whatever the answers took."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    accepted: set[tuple[str, str]] = field(default_factory=set)

    def quantile(self, of: float) -> float:
        return statistics.quantiles(self.seconds, n=100)[round(of * 100) - 1]


async def paced(port: int, events: list[dict], rate: float) -> Paced:
    """Send single events at a steady rate; each is timed from the instant it was due."""
    found, begun = Paced(), time.perf_counter()
    due: asyncio.Queue[tuple[float, dict] | None] = asyncio.Queue()

    async def send() -> None:
        line = await Line.opened(port)
        while (job := await due.get()) is not None:
            at, event = job
            status, _, _ = await line.post(json.dumps(event).encode())
            found.seconds.append(time.perf_counter() - at)
            found.statuses[status] = found.statuses.get(status, 0) + 1
            if status == 202:
                found.accepted.add((event["source"], event["id"]))
        line.writer.close()

    async def pace() -> None:
        for number, event in enumerate(events):
            at = begun + number / rate
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            due.put_nowait((at, event))
        for _ in range(CONNECTIONS):
            due.put_nowait(None)

    await asyncio.gather(pace(), *(send() for _ in range(CONNECTIONS)))
    return found


def open_stock(live: Processes) -> set[tuple[str, str]]:
    """Count every pair; the ids of the counts."""
    events = [counted(item, place, OPENING) for item in ITEMS for place in PLACES]
    assert asked(live.port, "POST", EVENTS, events)[0] == 202
    await_applied(live.url)
    return {(each["source"], each["id"]) for each in events}


def commands(number: int) -> list[dict]:
    """Transfers, reservations, their ends, many of them too large for what is there."""
    dice = random.Random(number)
    made = []
    for line in range(5):
        places = dice.sample(PLACES, 2)
        made.append(transferred(f"T-{number}-{line}", dice.choice(ITEMS), dice.randint(1, 300), (places[0], places[1])))
        made.append(reserved(f"R-{number}-{line}", dice.choice(ITEMS), dice.choice(PLACES), dice.randint(1, 40)))
    if number > 3:
        for line in range(5):
            kind = dice.choice(("reservation.commit", "reservation.release"))
            earlier = f"R-{number - 4}-{line}"
            made.append(cloud(kind, f"end-{number}-{line}", {"reservation_id": earlier}))
    return made


@pytest.mark.slow
@long_only
def test_transfers_and_reservations_under_load_conserve_totals(url, connection, folder):
    with processes(url, folder, 2) as live:
        opened = open_stock(live)
        senders = Senders(live.port, commands)
        with senders.sending(COMMANDS):
            pass
        await_applied(url, 600)
    assert_kept(url, senders.acknowledged | opened)
    sold_units = connection.execute(
        "SELECT coalesce(sum((line ->> 'quantity')::int), 0)::int FROM event_log,"
        " jsonb_array_elements(data -> 'lines') AS line WHERE type = 'reservation.committed'"
    ).fetchone()[0]
    held = connection.execute(
        "SELECT coalesce(sum((line ->> 1)::int), 0)::int"
        " FROM reservations, jsonb_array_elements(lines) AS line WHERE status = 'open'"
    ).fetchone()[0]
    kinds = dict(connection.execute("SELECT type, count(*)::int FROM event_log GROUP BY 1").fetchall())
    assert sold_units > 0
    assert kinds["command.refused"] > 0
    assert kinds["stock.transferred"] > 0
    totals = connection.execute(
        "SELECT sum(book)::int, sum(reserved)::int, sum(in_transit)::int, min(book - unavailable - reserved)::int"
        " FROM inventory_state"
    ).fetchone()
    assert totals[:3] == (len(ITEMS) * len(PLACES) * OPENING - sold_units, held, 0)
    assert totals[3] >= 0, "no unit is given away twice"
    record(
        "conserved",
        "transfers and reservations through HTTP by 3 senders and 2 workers",
        "units in all = opening − committed, reserved = open reservations, nothing available below 0",
        f"{sum(kinds.values()):,} events, {kinds['command.refused']:,} commands refused; all hold",
        reached=True,
        details=kinds,
    )


def fill(engine: Engine, connection: psycopg.Connection, kind: str) -> None:
    """Let a backlog of priority 7 and less wait."""
    events, copies, *_ = BACKLOGS[kind]
    makers = (sold,) if kind == "sales" else (count_of, sold, issued)
    for first in range(0, events, GROUP):
        made = [
            makers[number % len(makers)](f"I-{number % 301}", "S", 1, id=f"low-{number}", priority=number % 7 + 1)
            for number in range(first, first + GROUP)
        ]
        append(engine, [entry_of(each) for each in made])
    if copies:
        multiply(connection, copies)


@contextmanager
def depths(url: str) -> Iterator[list[int]]:
    """How many of priority 7 and less wait, looked at every second."""
    ended, seen = threading.Event(), []

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not ended.wait(1.0):
                found = connection.execute("SELECT count(*) FROM event_queue WHERE priority < 8").fetchone()
                seen.append(found[0] if found else 0)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow
@long_only
@pytest.mark.parametrize("backlog", BACKLOGS)
def test_a_storm_over_a_backlog_loses_nothing_and_the_urgent_overtake(engine, url, connection, folder: Path, backlog):
    dice = random.Random(1)
    storm = [
        moved(f"storm-{number}", dice.choice(ITEMS), dice.choice(PLACES), 1, priority=dice.randint(1, 10))
        for number in range(STORM_EVENTS)
    ]
    asking, answers = threading.Event(), []
    with processes(url, folder, 0, INVENTORY_LISTENER__MAX_QUEUED="2000000") as live:
        fill(engine, connection, backlog)
        live.work(2)
        until(lambda: live.get(ASKED[-1])[0] == 200)

        def ask() -> None:
            while not asking.wait(0.2):
                answers.extend(live.get(path)[0] for path in ASKED)

        asker = threading.Thread(target=ask)
        asker.start()
        with depths(url) as seen:
            sent = asyncio.run(paced(live.port, storm, STORM_EVENTS / STORM_SECONDS))
        asking.set()
        asker.join()
        await_applied(url, 600)
    assert sent.statuses == {202: STORM_EVENTS}
    assert min(seen) >= WAITING
    assert set(answers) == {200}
    assert_kept(url, sent.accepted)
    waited = connection.execute(WAITED, ("storm-%",)).fetchall()
    urgent, other = ([seconds for high, seconds in waited if high is wanted] for wanted in (True, False))
    quick, slow = (statistics.quantiles(each, n=100) for each in (urgent, other))
    assert quick[49] < slow[49], "the urgent overtake what waits"
    *_, most, kinds = BACKLOGS[backlog]
    record(
        f"storm_{backlog}",
        f"{STORM_EVENTS:,} events of any priority in {STORM_SECONDS:.0f} s while {WAITING:,} or more of priority ≤ 7 "
        f"wait; backlog: {kinds}",
        f"nothing lost, API answers, received → applied p99 of priority ≥ 8 under {most * 1000:.0f} ms",
        f"nothing lost; p50 {quick[49] * 1000:.0f} ms, p99 {quick[98] * 1000:.0f} ms; others p50 {slow[49]:.1f} s; "
        f"answers p95 {sent.quantile(0.95) * 1000:.0f} ms",
        reached=quick[98] < most,
        details={"urgent": quick, "other": slow, "least_waiting": min(seen), "looks": len(answers)},
    )


@pytest.mark.slow
@long_only
@pytest.mark.parametrize(("rate", "most"), RATES)
def test_transactions_at_a_rate_are_answered_in_time(url, folder, rate, most):
    events = round(rate * RATE_SECONDS)
    made = [moved(f"{rate}-{number}", ITEMS[number % 8], PLACES[number % 3], 1) for number in range(events)]
    with processes(url, folder, 2) as live:
        open_stock(live)
        sent = asyncio.run(paced(live.port, made, rate))
        await_applied(url, 300)
    assert_kept(url, sent.accepted)
    p95 = sent.quantile(0.95)
    record(
        f"rate_{rate}",
        f"{rate} transactions a second through HTTP for {RATE_SECONDS:.0f} s, two workers applying",
        f"p95 of the answer under {most * 1000:.0f} ms, no error",
        f"p50 {sent.quantile(0.5) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, p99 {sent.quantile(0.99) * 1000:.0f} ms; "
        f"answers {sent.statuses}",
        reached=p95 < most and sent.statuses == {202: events},
        details={"answers": sent.statuses, "p95": p95, "events": events},
    )
    assert sent.statuses == {202: events}
    assert p95 < most
    assert one(url, "SELECT count(*) FROM dead_letters") == 0
