"""A worker beside others: what it takes first, what it waits for, what it leaves alone."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from inventory_assets.contracts.values import changed
from inventory_assets.live.auditing import Act, broken_rows
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.modes import switch
from inventory_assets.live.processor.measures import Latencies, Measures
from inventory_assets.live.processor.pace import FIRST, Pace
from inventory_assets.live.processor.tending import HIGHEST_AGED, MOST_RAISED, age
from inventory_assets.live.processor.work import Masters
from inventory_assets.live.processor.worker import Worker
from inventory_assets.live.queue.claiming import URGENT, WITH_URGENT, share_of
from inventory_assets.settings import ProcessorSettings
from inventory_assets_tests.live.processing import (
    NOON,
    accept,
    assert_consistent,
    counted,
    event,
    orders,
    reserve,
    sold,
    work,
)
from inventory_assets_tests.live.test_processor_faults import drained, until
from inventory_assets_tests.live.workers import QUICK

ACT = Act(NOON, "ann", "deploy")
EVERY = share_of(0, 1)


@contextmanager
def running(url: str, *options: ProcessorSettings):
    """Workers in threads, stopped afterwards."""
    workers = [Worker(url, each, number=number, workers=len(options)) for number, each in enumerate(options)]
    threads = [threading.Thread(target=each.run) for each in workers]
    for thread in threads:
        thread.start()
    try:
        yield workers
    finally:
        began = time.monotonic()
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(5)
        assert time.monotonic() - began < 2
        assert not any(thread.is_alive() for thread in threads)


def test_two_workers_share_what_comes_and_conserve_it(engine, url, connection):
    accept(engine, [counted(f"I-{number}", "S", 100) for number in range(16)])
    with running(url, QUICK, QUICK) as workers:
        for start in range(1, 11):
            at = NOON + timedelta(seconds=start)
            accept(engine, [sold(f"I-{number % 16}", "S", 1, at) for number in range(64)])
        until(lambda: drained(connection))
    assert connection.execute("SELECT sum(book) FROM inventory_state").fetchone() == (960,)
    assert sum(each.measures.parts for each in workers) == 656
    assert all(each.measures.tried_again == 0 for each in workers)
    assert_consistent(connection)


def test_an_urgent_event_ends_the_window_and_others_are_gathered(engine, url, connection):
    slow = ProcessorSettings(window_seconds=30, poll_seconds=30, ageing_seconds=1e9)
    with running(url, slow) as (worker,):
        until(
            lambda: (
                worker.measures.batch_size == 0
                and connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'inventory worker, listening'"
                ).fetchone()
                == (1,)
            )
        )
        accept(engine, [counted("A", "S", 1)])
        time.sleep(0.3)
        assert not drained(connection)
        accept(engine, [counted("B", "S", 1, priority=8)])
        until(lambda: drained(connection), 5)
        accept(engine, [counted(f"I-{number}", "S", 1) for number in range(50)])
        until(lambda: drained(connection), 5)
    latencies = worker.measures.latencies
    assert set(latencies) == {5, 8}
    assert sum(latencies[5].counts) == 51


def test_waiting_raises_a_priority_to_seven_at_most_and_only_where_it_is_lower(engine, connection):
    entries = [entry_of(counted(f"I-{number}", "S", 1, priority=1 + number)) for number in range(10)]
    append(engine, [changed(each, received_at=NOON) for each in entries])
    priorities = "SELECT priority FROM event_queue ORDER BY sequence"
    assert age(connection, NOON + timedelta(seconds=35), 10, EVERY) == 2
    assert [each for (each,) in connection.execute(priorities)] == [3, 3, 3, 4, 5, 6, 7, 8, 9, 10]
    age(connection, NOON + timedelta(days=1), 10, EVERY)
    assert [each for (each,) in connection.execute(priorities)] == [HIGHEST_AGED] * 7 + [8, 9, 10]
    with connection.transaction():
        connection.execute("SELECT FROM event_queue FOR UPDATE")
        assert age(connection, NOON + timedelta(days=1), 10, EVERY) == 0


def test_a_look_at_an_old_backlog_raises_its_oldest_few_however_much_waits(engine, connection):
    entries = [entry_of(counted("A", "S", 1, id=f"{number}", priority=1 + number % 3)) for number in range(300)]
    append(engine, [changed(each, received_at=NOON) for each in entries])
    later = NOON + timedelta(days=1)
    assert [age(connection, later, 10, EVERY) for _ in range(3)] == [3 * MOST_RAISED] * 3
    raised = connection.execute(
        "SELECT sequence FROM event_queue WHERE priority = %s ORDER BY sequence", [HIGHEST_AGED]
    ).fetchall()
    oldest = "SELECT sequence FROM event_queue ORDER BY event_time, sequence LIMIT %s"
    assert raised == sorted(connection.execute(oldest, [9 * MOST_RAISED]).fetchall())


def test_after_an_urgent_event_transactions_are_short_for_a_while(engine, url, connection, monkeypatch):
    monkeypatch.setattr("inventory_assets.live.processor.worker._MORE_URGENT", 3600)
    worker = Worker(url, QUICK.model_copy(update={"batch_seconds": 60.0}))
    append(engine, [entry_of(counted(f"I-{number}", "S", 1)) for number in range(8 * WITH_URGENT)])
    while not drained(connection):
        worker.turn()
    assert worker.measures.batch_size > WITH_URGENT
    then = [entry_of(sold(f"I-{number}", "S", 1)) for number in range(8 * WITH_URGENT)]
    first = append(engine, [entry_of(counted("U", "S", 1, priority=URGENT)), *then])[0].sequence
    while not drained(connection):
        worker.turn()
    taken = "SELECT count(*) FROM processing_log WHERE sequence >= %s GROUP BY started_at"
    assert max(connection.execute(taken, [first]).fetchall()) <= (WITH_URGENT,)
    worker.stop()
    worker.run()


def test_urgent_events_that_wait_are_taken_many_at_a_time(engine, url, connection):
    worker = Worker(url, QUICK.model_copy(update={"batch_seconds": 60.0}))
    append(engine, [entry_of(counted(f"I-{number}", "S", 1, priority=URGENT)) for number in range(8 * WITH_URGENT)])
    while not drained(connection):
        worker.turn()
    taken = "SELECT count(*) FROM processing_log GROUP BY started_at ORDER BY started_at"
    assert [count for (count,) in connection.execute(taken)] == [FIRST, 2 * FIRST, 8 * WITH_URGENT - 3 * FIRST]
    worker.stop()
    worker.run()


HELD = 1.5


def test_while_urgent_events_come_a_worker_of_a_backlog_rests_until_the_next_one(engine, url, connection, monkeypatch):
    monkeypatch.setattr("inventory_assets.live.processor.worker._MORE_URGENT", 3600)
    worker = Worker(url, QUICK)
    append(engine, [entry_of(counted(f"I-{number}", "S", 1)) for number in range(10 * WITH_URGENT)])

    def rested(priority: int) -> float:
        """Seconds of the turn after a transaction that had to wait, while an event of a priority comes."""
        append(engine, [entry_of(counted("U", "S", 1, priority=URGENT))])
        worker.turn()
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE inventory_state IN EXCLUSIVE MODE")
            release = threading.Timer(HELD, other.rollback)
            release.start()
            worker.turn()
            release.join()
        threading.Timer(0.1, append, (engine, [entry_of(counted("V", "S", 1, priority=priority))])).start()
        begun = time.monotonic()
        worker.turn()
        return time.monotonic() - begun

    assert rested(URGENT - 1) >= HELD
    assert rested(URGENT) < HELD
    assert not drained(connection)
    worker.stop()
    worker.run()


READ_WHOLE = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = %s"


def test_plans_made_while_the_tables_were_all_but_empty_read_none_of_them_whole_when_they_are_full(
    engine, url, connection
):
    hurried = QUICK.model_copy(update={"tend_seconds": 0.0, "wake_seconds": 0.0, "batch_events": 10})
    worker = Worker(url, hurried)
    few = [entry_of(counted(f"I-{number}", "S", 1, id=f"few-{number}", priority=1)) for number in range(60)]
    append(engine, few)
    connection.execute("VACUUM ANALYZE")
    for number in range(15):  # PostgreSQL keeps a plan from the sixth time on, the driver a statement from the fifth
        append(engine, [entry_of(counted("I-1", "S", 1, id=f"one-{number}", priority=1))])
        worker.turn()
    many = [
        entry_of(counted(f"I-{number % 300}", "S", 1, id=f"many-{number}", priority=1 + number % 7))
        for number in range(3_000)
    ]
    for first in range(0, 3_000, 500):
        append(engine, many[first : first + 500])
    for _ in range(5):
        worker.turn()
    worker.stop()
    worker.run()
    engine.dispose()
    read = {table: connection.execute(READ_WHOLE, [table]).fetchone()[0] for table in ("event_queue", "event_ids")}
    assert max(read.values()) < 2_000, read


@pytest.mark.parametrize(("scope", "key"), [("all", ""), ("item", "A"), ("location", "S"), ("category", "toys")])
def test_what_only_the_batch_side_works_on_waits_and_blocks_nobody(engine, connection, scope, key):
    masters = Masters(category=lambda item: "toys" if item == "A" else "food")
    given = orders(masters=masters)
    accept(engine, [counted("A", "S", 1), counted("B", "W", 1)])
    work(connection, given)
    at = NOON + timedelta(seconds=1)
    changed = [switch(connection, scope, key, ACT, live=False) for _ in range(2)]
    assert changed == [True, False]
    accept(engine, [sold("A", "S", 1, at), sold("B", "W", 1, at), reserve("R", "S", {"A": 1}, at)])
    work(connection, given)
    books = "SELECT item, book, reserved FROM inventory_state ORDER BY item"
    assert connection.execute(books).fetchall() == [("A", 1, 0), ("B", 1 if scope == "all" else 0, 0)]
    assert switch(connection, scope, key, ACT, live=True)
    work(connection, given)
    assert connection.execute(books).fetchall() == [("A", 0, 0), ("B", 0, 0)]
    assert drained(connection)
    assert [row[0] for row in connection.execute("SELECT action FROM audit_log ORDER BY id")] == ["live.off", "live.on"]
    assert broken_rows(connection) == []
    assert_consistent(connection)


def test_a_switch_names_what_it_switches(connection):
    for scope, key in (("all", "A"), ("item", "")):
        with pytest.raises(ValueError, match="name"):
            switch(connection, scope, key, ACT, live=False)


def test_what_is_told_is_told_once_a_crossing(engine, connection):
    for second, units in enumerate((50, 4, 3, 0, 0, 30, 2)):
        accept(engine, [counted("A", "S", units, NOON + timedelta(seconds=second))])
        work(connection, orders())
    told = [name for (name,) in connection.execute("SELECT type FROM outbox ORDER BY id")]
    assert told.count("stock.low") == 2
    assert told.count("stockout.detected") == 1
    assert told.count("inventory.updated") == 6
    assert told.count("stock.large_change") == 3
    assert connection.execute("SELECT told FROM inventory_state").fetchone() == (1,)


def test_a_batch_writes_a_pair_once_whatever_happened_to_it(engine, connection):
    accept(engine, [counted(f"I-{number}", "S", 1_000) for number in range(100)])
    work(connection, orders())
    for start in range(5):
        at = NOON + timedelta(seconds=start + 1)
        accept(engine, [sold(f"I-{number % 100}", "S", 1, at) for number in range(100)])
    (applied,) = work(connection, orders())
    assert (applied.postings, applied.state_writes) == (500, 100)
    assert Measures().with_batch(applied, 0.01, NOON).saved_writes == 0.8
    assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (600,)


def test_news_and_unknown_types_are_done_without_stock(engine, connection):
    news = event("price.changed", {"product_sku": "A", "new_price": 1, "currency": "EUR"})
    accept(engine, [news, event("our.own", {"x": 1}), counted("B", "S", 1)])
    (applied,) = work(connection, orders())
    assert (len(applied.completed), applied.postings) == (3, 1)
    assert_consistent(connection)


def test_the_pace_follows_the_time_a_batch_takes():
    pace = Pace(500, 0.04)
    for _ in range(10):
        pace = pace.after(pace.size, 0.005)
    assert pace.size == 500
    assert pace.after(500, 0.08).size == 250
    assert pace.after(3, 0.001) == pace
    for _ in range(12):
        pace = pace.after_failure(pace.size)
    assert pace.size == 1
    for _ in range(8):
        pace = pace.after(pace.size, 60.0)
    assert pace.size == FIRST


def test_latencies_are_counted_in_classes():
    found = Latencies().with_seconds([0.001] * 98 + [0.08, 100.0])
    assert (found.quantile(0.5), found.quantile(0.99), found.quantile(1.0)) == (0.005, 0.1, None)
    assert Latencies().quantile(0.5) is None
