"""The live layer as its processes, `inventory live api` and `worker` on a real database, and senders who go on.

What is checked afterwards: every acknowledged event is in the log, every part of it was applied once, and the state is
the fold of the log.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from inventory_assets.operate.processes import free_port
from inventory_assets_tests.live.processing import assert_consistent

EVENTS = "/api/v1/events"
ANSWER_SECONDS = 15.0
UNAPPLIED = """
SELECT count(*) FROM event_log CROSS JOIN LATERAL generate_series(0, greatest(cardinality(items), 1) - 1) AS part
WHERE disposition = 'accepted' AND NOT EXISTS (
    SELECT FROM processing_log AS done WHERE done.sequence = event_log.sequence AND done.status = 'Completed')
"""
TWICE = """
SELECT count(*) FROM (SELECT FROM processing_log WHERE status = 'Completed'
GROUP BY sequence, part HAVING count(*) > 1) AS twice
"""


@dataclass
class Processes:
    """The processes of one installation."""

    url: str
    folder: Path
    environment: dict[str, str]
    port: int
    workers: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start `api`, or the worker of a number."""
        more = ("api", "--port", str(self.port))
        if name != "api":
            more = ("worker", "--number", name, "--workers", str(self.workers))
        command = [sys.executable, "-m", "inventory_assets.cli", "live", *more]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def work(self, workers: int) -> None:
        """Start so many workers, where none works yet."""
        self.workers = workers
        for number in range(workers):
            self.start(str(number))

    def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def tend(self) -> None:
        """Start what ended by itself, as whoever serves does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)

    def ready(self, seconds: float = 180.0) -> None:
        """Wait until events are taken."""
        until(lambda: self.get("/readyz")[0] == 200, seconds)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer; 0 where nobody answers."""
        try:
            return asked(self.port, "GET", path)
        except (OSError, http.client.HTTPException):
            return 0, {}

    def stop(self) -> None:
        """End them as Ctrl-C does; whoever does not end is killed."""
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


@contextmanager
def processes(url: str, folder: Path, workers: int = 1, *, api: bool = True, **more: str) -> Iterator[Processes]:
    """Processes on a database, all started, and ended afterwards.

    Args:
        url: the database.
        folder: data folder.
        workers: how many workers.
        api: whether HTTP is served.
        more: further environment.
    """
    environment = {
        **os.environ,
        "INVENTORY_DATA_DIR": str(folder),
        "INVENTORY_DATABASE_URL": url,
        "INVENTORY_LISTENER__LEAST_FREE_BYTES": "0",
        "INVENTORY_LISTENER__LOOK_SECONDS": "0.2",
        **more,
    }
    made = Processes(url, folder, environment, free_port(8600), workers)
    try:
        if api:
            made.start("api")
        made.work(workers)
        if api:
            made.ready()
        yield made
    finally:
        made.stop()


def asked(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}
    finally:
        connection.close()


@dataclass
class Senders:
    """Threads that send lists of events, each again and again until all of it is acknowledged."""

    port: int
    made: Callable[[int], list[dict[str, Any]]]
    threads: int = 3
    pause: float = 0.0
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    refusals: dict[int, int] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def sending(self, at_most: int = 10**9) -> Iterator[Senders]:
        """Send until the block ends, and what was begun until it is acknowledged."""
        numbers, lock, errors = iter(range(at_most)), threading.Lock(), []

        def run() -> None:
            try:
                while not self._ended.is_set():
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    self._send(self.made(number))
                    time.sleep(self.pause)
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=run) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            if at_most == 10**9:
                self._ended.set()
            for thread in threads:
                thread.join(120)
            self._ended.set()
            assert not any(thread.is_alive() for thread in threads), "senders did not end"
        assert not errors, errors

    def _send(self, events: list[dict[str, Any]]) -> None:
        deadline = time.monotonic() + 100
        while True:
            try:
                status, answer = asked(self.port, "POST", EVENTS, events)
            except (OSError, http.client.HTTPException):
                status, answer = 0, {}
            if status == 202:
                with_keys = {(each["source"], each["id"]) for each in events}
                assert {each["status"] for each in answer["results"]} <= {"accepted", "duplicate"}, answer
                self.acknowledged |= with_keys
                return
            assert status in {0, 429, 503}, (status, answer)
            self.refusals[status] = self.refusals.get(status, 0) + 1
            assert time.monotonic() < deadline, f"not taken: {status} {answer}"
            time.sleep(0.05)


def cloud(kind: str, number: str, data: dict[str, Any], version: int = 1, **more: object) -> dict[str, Any]:
    """An event of the contract that happens now."""
    return {
        "specversion": "1.0", "id": number, "source": "/proofs", "type": kind, "schemaversion": str(version),
        "time": datetime.now(UTC).isoformat(), "data": data, **more,
    }  # fmt: skip


def counted(item: str, place: str, units: int) -> dict[str, Any]:
    lines = [{"product_sku": item, "quantity": units}]
    return cloud("stock.counted", f"count-{item}-{place}", {"location_id": place, "lines": lines})


def transferred(number: str, item: str, units: int, places: tuple[str, str]) -> dict[str, Any]:
    lines = [{"product_sku": item, "quantity": units}]
    data = {"transaction_id": number, "type": "Transfer", "lines": lines}
    return cloud("Transaction", number, {**data, "from_location": places[0], "to_location": places[1]}, 2)


def moved(number: str, item: str, place: str, units: int, **more: object) -> dict[str, Any]:
    data = {"receipt_id": number, "line_number": 1, "location_id": place, "product_sku": item, "quantity": units}
    return cloud("receipt_line_added", number, {**data, "unit_price": "1.00", "currency": "USD"}, **more)


def reserved(number: str, item: str, place: str, units: int) -> dict[str, Any]:
    lines = [{"product_sku": item, "quantity": units}]
    return cloud("stock.reserve", f"reserve-{number}", {"reservation_id": number, "location_id": place, "lines": lines})


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def one(url: str, statement: str) -> Any:
    """The first value of a statement, on a connection of its own; None while the database is away."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return row[0] if row else None
    return None


def await_applied(url: str, seconds: float = 90.0) -> None:
    """Wait until nothing waits."""
    until(lambda: one(url, "SELECT count(*) FROM event_queue") == 0, seconds)


def assert_kept(url: str, acknowledged: set[tuple[str, str]]) -> None:
    """Acknowledged ⊆ applied, none twice, state = fold of the log."""
    with psycopg.connect(url, autocommit=True) as connection:
        kept = set(connection.execute("SELECT source, event_id FROM event_log").fetchall())
        assert acknowledged <= kept
        for statement in (UNAPPLIED, TWICE, "SELECT count(*) FROM dead_letters"):
            assert connection.execute(statement).fetchone() == (0,), statement
        assert_consistent(connection)
