"""SIGKILL of listener, workers and database under load, and a worker that stood still for longer than its lease."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.database.cluster import postmaster
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets_tests.faults.campaign import LONG, record
from inventory_assets_tests.live.databases import installation
from inventory_assets_tests.live.processes import (
    Processes,
    Senders,
    assert_kept,
    await_applied,
    counted,
    moved,
    one,
    processes,
    reserved,
    transferred,
    until,
)

KILLS = int(os.environ.get("INVENTORY_CHAOS_KILLS", "1000" if LONG else "4"))
SEED = int(os.environ.get("INVENTORY_CHAOS_SEED", "20260101"))
ITEMS, PLACES = [f"SKU-{number}" for number in range(6)], ("S1", "S2")
LEASE = {"INVENTORY_DATABASE__LEASE_SECONDS": "1"}
KINDS = ("database", "listener", "held worker", "worker")
DONE = "SELECT count(*) FROM processing_log"
HELD = (
    "SELECT coalesce(array_agg(pid || ' since ' || xact_start), '{}') FROM pg_stat_activity"
    " WHERE application_name = 'inventory worker' AND state = 'idle in transaction' AND query NOT ILIKE 'begin%'"
)
"""The transactions that claimed and stand still; one that has only begun holds nothing, and no lease yet."""


def mixed(number: int) -> list[dict]:
    """Sales, transfers and reservations, a few at once."""
    dice = random.Random(f"{SEED}/{number}")
    made = [moved(f"sale-{number}-{line}", dice.choice(ITEMS), dice.choice(PLACES), 1) for line in range(4)]
    places = PLACES if number % 2 else PLACES[::-1]
    return [
        *made,
        transferred(f"T-{number}", dice.choice(ITEMS), 3, (places[0], places[1])),
        reserved(f"R-{number}", dice.choice(ITEMS), dice.choice(PLACES), 1),
    ]


def opening() -> list[dict]:
    """A count of every pair."""
    return [counted(item, place, 100_000) for item in ITEMS for place in PLACES]


def hold_still(url: str, process: psutil.Process, dice: random.Random) -> bool:
    """SIGSTOP in the middle of a transaction, SIGCONT after its lease; whether a transaction was met."""
    for _ in range(100):
        process.suspend()
        time.sleep(0.03)
        if held := set(one(url, HELD) or ()):
            until(lambda held=held: held.isdisjoint(one(url, HELD) or ()), 20)
            time.sleep(dice.random() * 0.1)
            process.resume()
            return True
        process.resume()
        time.sleep(dice.random() * 0.02)
    return False


def strike(server: EmbeddedServer, live: Processes, kind: str, dice: random.Random) -> bool:
    """One fault, mended at once; whether it met what it was meant for."""
    if kind == "database":
        main = postmaster(server.place.cluster)
        assert main is not None
        main.kill()
        main.wait(20)
        server.start()
    elif kind == "held worker":
        return hold_still(server.place.url, psutil.Process(live.running["0"].pid), dice)
    else:
        name = "api" if kind == "listener" else dice.choice(["0", "1"])
        live.kill(name)
        live.start(name)
    return True


@pytest.mark.slow
def test_killed_processes_lose_nothing_and_apply_nothing_twice(folder: Path, monkeypatch):
    dice = random.Random(SEED)
    settings = installation(folder)
    server = EmbeddedServer(settings)
    server.start()
    counts: Counter[str] = Counter()
    waited = 0.0
    try:
        bring_up(settings)
        url = server.place.url
        with processes(url, folder, 2, **LEASE) as live:
            senders = Senders(live.port, lambda number: mixed(number) if number else opening(), pause=0.01)
            with senders.sending():
                until(lambda: (one(url, DONE) or 0) > 20)
                for number in range(KILLS):
                    kind = dice.choice(KINDS) if LONG else KINDS[number % len(KINDS)]
                    time.sleep(dice.random() * 0.1)
                    assert strike(server, live, kind, dice) or LONG
                    counts[kind] += 1
                    if LONG:
                        begun, done = time.monotonic(), one(url, DONE) or 0

                        def goes_on(done: int = done) -> bool:
                            live.tend()
                            return (one(url, DONE) or 0) > done

                        until(goes_on)
                        waited = max(waited, time.monotonic() - begun)
            await_applied(url)
        assert_kept(url, senders.acknowledged)
        monkeypatch.setenv("INVENTORY_DATA_DIR", str(folder))
        told = CliRunner().invoke(app, ["live", "rebuild", "--verify", "--json"])
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["pairs_that_differ"] == 0
    finally:
        server.stop(force=True)
    assert set(counts) == set(KINDS)
    record(
        "killed_live",
        "listener, workers and database of the live layer killed with SIGKILL at random under load, or held still "
        "beyond the lease",
        "acknowledged ⊆ applied, none twice, state = fold of the log, work goes on by itself",
        f"{KILLS} faults, seed {SEED}, {len(senders.acknowledged):,} events acknowledged; all hold; longest pause "
        f"{waited:.1f} s",
        reached=True,
        details={"faults": dict(counts), "seed": SEED, "acknowledged": len(senders.acknowledged), "pause": waited},
    )
