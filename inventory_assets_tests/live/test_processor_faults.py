"""Failures of the database, of other workers, of events: nothing is lost or applied twice, and one fails alone."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from datetime import timedelta

import psycopg
import pytest

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, derived_id
from inventory_assets.contracts.values import changed
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.processor.batch import micro_batch
from inventory_assets.live.processor.tending import expire
from inventory_assets.live.processor.work import Applied, TryAgainError
from inventory_assets.live.processor.worker import Worker
from inventory_assets.live.queue.claiming import share_of
from inventory_assets_tests.faults.campaign import LONG
from inventory_assets_tests.live.databases import entry
from inventory_assets_tests.live.processing import (
    NOON,
    Clock,
    accept,
    assert_consistent,
    counted,
    event,
    issued,
    orders,
    reserve,
    sold,
    transaction,
    work,
)
from inventory_assets_tests.live.workers import QUICK, work_for_ever

TABLES = (
    "event_log", "event_ids", "event_queue", "inventory_state", "ledger", "outbox", "processing_log", "reservations",
    "transaction_numbers", "dead_letters",
)  # fmt: skip


class FailingCursor(psycopg.Cursor):
    """A cursor that fails at the call with a given number, before it reaches the database."""

    left = 10**9

    @classmethod
    def _count(cls):
        FailingCursor.left -= 1
        if FailingCursor.left == 0:
            raise psycopg.OperationalError("the connection is gone")

    def execute(self, *args, **more):
        self._count()
        return super().execute(*args, **more)

    def copy(self, *args, **more):
        self._count()
        return super().copy(*args, **more)


def contents(connection) -> dict[str, list]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def drained(connection) -> bool:
    return connection.execute("SELECT EXISTS (SELECT FROM event_queue)").fetchone() == (False,)


def until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)


def scene():
    """One batch with everything in it."""
    places = {"from_location": "W", "to_location": "S"}
    yield from [counted("A", "W", 9), counted("A", "S", 1), counted("B", "W", 3, NOON - timedelta(hours=1))]
    yield from [transaction("Transfer", "T1", {"A": 2, "B": 2}, NOON + timedelta(seconds=1), **places)]
    yield from [reserve("R1", "W", {"A": 3}, NOON + timedelta(seconds=2)), sold("A", "W", 1, NOON - timedelta(days=1))]
    yield event("reservation.commit", {"reservation_id": "R1"}, NOON + timedelta(seconds=3))
    yield issued("A", "W", 9, NOON + timedelta(seconds=4))


def test_whichever_call_fails_the_batch_is_as_if_it_had_not_begun(engine, url, connection):
    accept(engine, [sold("B", "W", 1, NOON - timedelta(minutes=5))])
    work(connection, orders())
    accept(engine, list(scene()))
    append(engine, [entry(1, effects=None, type="InventoryUpdate")])
    before, calls = contents(connection), 0
    with psycopg.connect(url, autocommit=True, cursor_factory=FailingCursor) as failing:
        while True:
            calls += 1
            FailingCursor.left = calls
            applied = Applied()
            try:
                micro_batch(failing, orders(), 500, applied)
            except psycopg.OperationalError:
                assert contents(connection) == before
            else:
                break
            finally:
                FailingCursor.left = 10**9
    assert calls > 15
    assert (len(applied.claimed), len(applied.completed), applied.retried) == (9, 8, 1)
    assert_consistent(connection)
    state = connection.execute("SELECT item, location, book, reserved FROM inventory_state ORDER BY 1, 2").fetchall()
    assert state == [("A", "S", 3, 0), ("A", "W", 4, 0), ("B", "S", None, 0), ("B", "W", 0, 0)]


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(100 if LONG else 3))
def test_of_32_writers_for_one_unit_one_gets_it(engine, url, connection, turn):
    """Each command is in the lane of another item, so only the row of the unit keeps them apart."""
    many = [counted(f"I-{number}", "S", 5) for number in range(32)]
    accept(engine, [counted("UNIT", "S", 1), *many])
    work(connection, orders())
    accept(
        engine,
        [transaction("Issue", f"T{number}", {f"I-{number}": 1, "UNIT": 1}, from_location="S") for number in range(32)],
    )
    errors = []

    def apply(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as own:
            while not drained(own):
                try:
                    micro_batch(own, orders(lanes=tuple(share_of(number, 4)), worker=f"w{number}"), 3, Applied())
                except (psycopg.Error, TryAgainError) as error:
                    errors.append(error)

    threads = [threading.Thread(target=apply, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = connection.execute(
        "SELECT type, count(*) FROM event_log WHERE disposition = 'decided' GROUP BY 1 ORDER BY 1"
    )
    assert kinds.fetchall() == [("command.refused", 31), ("stock.issued", 1)]
    assert connection.execute("SELECT book FROM inventory_state WHERE item = 'UNIT'").fetchone() == (0,)
    assert errors == []
    assert_consistent(connection)


def test_poison_ends_among_the_dead_letters_with_its_history_and_takes_nobody_along(engine, url, connection):
    unreadable = entry(1, effects=None, type="InventoryUpdate")
    sale = entry_of(sold("V", "S", 1))
    vast = changed(sale, effects=(sale.effects or "").replace('"quantity":-1', '"quantity":' + "9" * 30))
    fine = [counted(f"I-{number}", "S", 5) for number in range(60)]
    append(engine, [entry_of(each) for each in fine[:30]] + [unreadable, vast] + [entry_of(each) for each in fine[30:]])
    worker = Worker(url, QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: drained(connection))
    worker.stop()
    thread.join(2)
    assert not thread.is_alive()
    dead = connection.execute(
        "SELECT error_class, error_code, attempts, status FROM dead_letters ORDER BY sequence"
    ).fetchall()
    assert dead == [("validation", "data_invalid", 3, "open"), ("database", "22003", 3, "open")]
    history = connection.execute(
        "SELECT attempt, processing_log.status FROM processing_log JOIN dead_letters USING (sequence, part)"
        " ORDER BY sequence, attempt"
    ).fetchall()
    assert history == [(1, "Retry"), (2, "Retry"), (3, "Failed")] * 2
    assert connection.execute("SELECT count(*), sum(book) FROM inventory_state").fetchone() == (60, 300)
    assert (worker.measures.dead, worker.measures.parts) == (2, 60)
    assert_consistent(connection)


@pytest.mark.slow
def test_a_killed_worker_leaves_nothing_half_done(engine, url, connection):
    accept(engine, [counted(f"I-{number}", "S", 1_000) for number in range(20)])
    work(connection, orders())
    chance = random.Random(7)
    for start in range(100, 1_100, 100):
        later = NOON + timedelta(seconds=start)
        accept(engine, [(issued if number % 3 else sold)(f"I-{number % 20}", "S", 1, later) for number in range(100)])
    context = multiprocessing.get_context("spawn")
    for _ in range(40 if LONG else 2):
        process = context.Process(target=work_for_ever, args=(url, 0))
        process.start()
        begun = connection.execute("SELECT count(*) FROM processing_log").fetchone()[0]
        until(
            lambda begun=begun: (
                drained(connection) or connection.execute("SELECT count(*) FROM processing_log").fetchone()[0] > begun
            )
        )
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.join()
    worker = Worker(url, QUICK)
    until(lambda: worker.batch() is None or drained(connection))
    assert connection.execute("SELECT count(*) FROM processing_log").fetchone() == (1_020,)
    assert connection.execute("SELECT sum(book) FROM inventory_state").fetchone() == (19_000,)
    assert_consistent(connection)


def test_a_reservation_ends_by_itself_once(engine, url, connection):
    clock = Clock()
    accept(engine, [counted("A", "S", 5), counted("B", "S", 5)])
    work(connection, orders(clock))
    accept(engine, [reserve("R1", "S", {"A": 3, "B": 1}, expires_in_seconds=60), reserve("R2", "S", {"A": 1})])
    work(connection, orders(clock))
    clock.move(seconds=60, microseconds=-1)
    assert expire(connection, orders(clock)) == 0
    clock.move(microseconds=1)
    assert [expire(connection, orders(clock)) for _ in range(2)] == [1, 0], "at its instant, and once"
    assert connection.execute("SELECT item, reserved FROM inventory_state ORDER BY 1").fetchall() == [
        ("A", 1),
        ("B", 0),
    ]
    accept(engine, [event("reservation.commit", {"reservation_id": "R1"})])
    work(connection, orders(clock))
    reason = connection.execute("SELECT data ->> 'reason' FROM event_log WHERE type = 'command.refused'").fetchone()
    assert reason == ("reservation_expired",)
    assert_consistent(connection)


def test_a_fact_that_came_back_from_a_copy_of_the_log_decides_its_command(engine, connection):
    """After a restore both the command and what it became are submitted again, in any order."""
    command = issued("A", "S", 2)
    accept(engine, [counted("A", "S", 5)])
    work(connection, orders())
    lines = [{"product_sku": "A", "quantity": 2}]
    fact = event(
        "stock.issued",
        {"location_id": "S", "lines": lines},
        NOON + timedelta(seconds=1),
        id=derived_id(command.envelope.key, 0),
        source=SERVICE_SOURCE,
    )
    accept(engine, [fact, command])
    work(connection, orders())
    assert connection.execute("SELECT book FROM inventory_state").fetchone() == (3,)
    assert_consistent(connection)


def test_an_expiry_that_came_back_from_a_copy_of_the_log_is_not_made_again(engine, connection):
    clock = Clock()
    accept(engine, [counted("A", "S", 5)])
    work(connection, orders(clock))
    accept(engine, [reserve("R1", "S", {"A": 3}, expires_in_seconds=60)])
    work(connection, orders(clock))
    made = connection.execute("SELECT source, event_id FROM reservations").fetchone()
    clock.move(seconds=61)
    lines = [{"product_sku": "A", "quantity": 3}]
    ended = {"reservation_id": "R1", "location_id": "S", "lines": lines}
    back = event("reservation.expired", ended, clock(), id=derived_id(made, "expired"), source=SERVICE_SOURCE)
    accept(engine, [back])
    assert expire(connection, orders(clock)) == 0
    work(connection, orders(clock))
    assert connection.execute("SELECT reserved FROM inventory_state").fetchone() == (0,)
    assert connection.execute("SELECT status FROM reservations").fetchone() == ("expired",)
    assert_consistent(connection)
