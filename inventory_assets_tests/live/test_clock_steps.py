"""The clock of listener and worker goes back an hour under load: nothing is lost, nothing waits for the hour."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from inventory_assets.live.log.appending import append
from inventory_assets.live.processor.worker import Worker
from inventory_assets.settings import ListenerSettings
from inventory_assets_tests.api.calling import served
from inventory_assets_tests.live.databases import entry
from inventory_assets_tests.live.processes import TWICE, Senders, await_applied, counted, moved, one, until
from inventory_assets_tests.live.processing import assert_consistent
from inventory_assets_tests.live.workers import QUICK

RETRYING = "SELECT count(*) FROM event_queue WHERE attempts > 0 AND not_before IS NOT NULL"


class SteppedClock:
    """The time, moved by what the test says."""

    by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


def test_a_clock_stepped_back_an_hour_loses_nothing_and_retries_do_not_wait_for_it(server, engine, url, connection):
    clock = SteppedClock()

    def sales(number: int) -> list[dict]:
        """Of an hour ago, so that none made before the step is ahead of the clock after it."""
        at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        if number == 0:
            before = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
            return [{**counted(f"I-{each}", "S", 1_000), "time": before} for each in range(5)]
        return [{**moved(f"s-{number}-{each}", f"I-{each}", "S", 1), "time": at} for each in range(5)]

    slow_retries = QUICK.model_copy(update={"retry_least": 1.0, "retry_most": 1.1})
    worker = Worker(url, slow_retries, clock=clock)
    thread = threading.Thread(target=worker.run)
    options = ListenerSettings(look_seconds=0.1, least_free_bytes=0)
    with served(server.model_copy(update={"listener": options}), engine, clock) as running:
        thread.start()
        try:
            senders = Senders(running.port, sales, threads=2, pause=0.02)
            with senders.sending():
                until(lambda: len(senders.acknowledged) > 50)
                append(engine, [entry(1, effects=None, type="InventoryUpdate")])
                until(lambda: one(url, RETRYING) == 1)
                clock.by = -timedelta(hours=1)
                so_far = len(senders.acknowledged)
                until(lambda: len(senders.acknowledged) > so_far + 50)
                until(lambda: one(url, "SELECT count(*) FROM dead_letters") == 1, 30)
            await_applied(url)
        finally:
            worker.stop()
            thread.join(10)
    assert senders.refusals == {}
    kept = connection.execute("SELECT source, event_id FROM event_log WHERE disposition = 'accepted'").fetchall()
    assert senders.acknowledged == {key for key in kept if key[0] == "/proofs"}
    assert connection.execute(TWICE).fetchone() == (0,)
    assert_consistent(connection)
