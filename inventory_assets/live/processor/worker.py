"""A worker: micro-batches one after the other, for as long as its process lives.

It waits for a notice of the log, at most a poll's length, so that a lost notice costs that much and no more. At low
load it gathers for a short window; an event of priority `URGENT` or above ends the window at once. As long as such
events come one by one, transactions are short, and after each the processor is left for as long to those who take
events in. Invariants: an error of the database is waited out and never blamed on an event; a worker asked to stop
finishes its transaction.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from inventory_assets.live.database.driver import BY_INDEX, connect, set_parameters
from inventory_assets.live.dead_letters.recovering import recover
from inventory_assets.live.processor.batch import micro_batch
from inventory_assets.live.processor.failing import blame, is_of_database, is_of_others
from inventory_assets.live.processor.measures import Board, Measures
from inventory_assets.live.processor.pace import Pace
from inventory_assets.live.processor.tending import age, expire
from inventory_assets.live.processor.work import Applied, Orders, TryAgainError
from inventory_assets.live.queue.claiming import URGENT, WITH_URGENT, share_of, wake_retries
from inventory_assets.live.standing import end_standing
from inventory_assets.live.tables import LANES

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.live.dead_letters.recovering import Correction
    from inventory_assets.live.processor.work import Masters
    from inventory_assets.settings import ProcessorSettings

_OTHERS_WORK = 0.01
"""Seconds until what waits in lanes of others is looked at again."""
_LOOKS_UP = 0.25
"""Seconds after which a worker that listens looks whether it is to stop."""
_MORE_URGENT = 1.0
"""Seconds after an urgent event in which another one is expected."""
_CLOCKS_APART = 10.0
"""Seconds the clocks of workers may differ; a retry further ahead was set before a clock went back."""
CHANNEL = "inventory_log"
APPLICATION = "inventory worker"
"""How the database knows a worker."""
_HEAD = """
SELECT count(*), coalesce(max(priority), 0)
FROM (
    SELECT head.priority
    FROM generate_series(0, %(lanes)s - 1) AS lane (lane)
    CROSS JOIN LATERAL (
        SELECT priority FROM event_queue WHERE event_queue.lane = lane.lane AND not_before IS NULL
        ORDER BY priority DESC, event_time, sequence, part
        LIMIT %(most)s
    ) AS head
    LIMIT %(most)s
) AS waiting
"""
"""By the index of the claim, as the rows of the table begin with those that are done and not yet vacuumed."""
_WHOLE = "SELECT EXISTS (SELECT FROM live_modes WHERE scope = 'all')"


def system_clock() -> datetime:
    """The time of this machine, UTC."""
    return datetime.now(UTC)


class Worker:
    """One worker with its connections; `run` until `stop`."""

    def __init__(
        self,
        url: str,
        options: ProcessorSettings,
        *,
        number: int = 0,
        workers: int = 1,
        name: str = "",
        masters: Masters | None = None,
        corrections: Mapping[str, Correction] | None = None,
        clock: Callable[[], datetime] = system_clock,
        lease_seconds: float = 5.0,
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: the database, as libpq takes it.
            options: sizes and times.
            number: which of the workers it is, from 0.
            workers: how many there are.
            name: kept with what it did.
            masters: what is known of items and locations; None for what the database holds of them.
            corrections: registered corrections of events that cannot be read, by type.
            clock: gives the time.
            lease_seconds: a transaction that stands still for so long is ended.
        """
        jitter = random.Random(f"{name}/{number}")  # noqa: S311 - spreads retries, no secret
        self._url, self._options, self._number = url, options, number
        self._orders = Orders(
            worker=name or f"worker-{number}",
            lanes=tuple(share_of(number, workers)),
            clock=clock,
            masters=masters,
            retry_after=lambda attempts: attempts * jitter.uniform(options.retry_least, options.retry_most),
            attempts=options.attempts,
            lease_seconds=lease_seconds,
        )
        self._jitter = jitter
        self._pace = Pace(options.batch_events, options.batch_seconds)
        self._board = Board()
        self._stopping = threading.Event()
        self._work: Connection | None = None
        self._ear: Connection | None = None
        self._again = 0
        self._full = self._only_urgent = False
        self._lasted = 0.0
        self._woke = self._tended = self._urgent = -math.inf
        self._recovered = time.monotonic()
        self._corrections = corrections or {}

    @property
    def measures(self) -> Measures:
        """What it counted since it started."""
        return self._board.read()

    def stop(self) -> None:
        """Ask it to stop; its transaction is finished first."""
        self._stopping.set()

    def run(self) -> None:
        """Work until asked to stop. A database that is away is waited for."""
        from psycopg import Error

        try:
            while not self._stopping.is_set():
                try:
                    self.turn()
                except (Error, TryAgainError):
                    self._disconnect()
                    self._board.add(tried_again=1)
                    self._stopping.wait(self._jitter.uniform(self._options.retry_least, self._options.retry_most))
        finally:
            self._disconnect()

    def turn(self) -> None:
        """Wait until there is something to do, then do one micro-batch of it.

        Raises:
            psycopg.Error: the database cannot be used now.
        """
        self._connect()
        self._tend()
        if self._full and self._spares_time:
            self._listen(self._lasted, urgent=True)
        if (self._full or self._gathered()) and not self.batch().claimed:
            self._stopping.wait(_OTHERS_WORK)

    def batch(self) -> Applied:
        """One micro-batch, and what follows from its failure."""
        connection = self._connect()
        applied, limit = Applied(), self._pace.size
        if self._spares_time:
            limit = min(limit, WITH_URGENT)
        self._full = False
        began = time.perf_counter()
        try:
            micro_batch(connection, self._orders, limit, applied)
        except Exception as error:
            self._failed(connection, applied, error)
            return applied
        self._again = 0
        if applied.claimed:
            if applied.claimed[0].priority >= URGENT:
                self._urgent = time.monotonic()
            self._only_urgent = applied.claimed[-1].priority >= URGENT
            self._full = len(applied.claimed) >= limit
            self._lasted = seconds = time.perf_counter() - began
            self._pace = self._pace.after(len(applied.claimed), seconds)
            counted = self._board.read().with_batch(applied, seconds, self._orders.clock())
            self._board.put(replace(counted, batch_size=self._pace.size))
        return applied

    def _failed(self, connection: Connection, applied: Applied, error: Exception) -> None:
        """Wait and try again, take fewer, or blame the only event there was."""
        if is_of_database(error):
            raise error
        if is_of_others(error) and self._again < self._options.attempts:
            self._again += 1
            self._board.add(tried_again=1)
            self._stopping.wait(self._jitter.uniform(self._options.retry_least, self._options.retry_most))
            return
        self._again = 0
        self._board.add(shrunk=1)
        if len(applied.claimed) > 1:
            self._pace = self._pace.after_failure(len(applied.claimed))
        elif applied.claimed:
            retried, dead = blame(connection, applied.claimed[0], error, self._orders)
            self._board.add(retried=retried, dead=dead)
        else:
            raise error

    def _gathered(self) -> bool:
        """Whether a batch is worth its transaction now; waits for notices otherwise."""
        connection, options = self._connect(), self._options
        deadline = time.monotonic() + options.window_seconds
        found, urgent = self._head(connection)
        if not found:
            self._listen(options.poll_seconds)
            found, urgent = self._head(connection)
            deadline = time.monotonic() + options.window_seconds
        while 0 < found < options.window_events and not urgent and not self._stopping.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._listen(left)
            found, urgent = self._head(connection)
        return found > 0

    def _head(self, connection: Connection) -> tuple[int, bool]:
        """How many wait, up to a window, and whether one of them is urgent."""
        if connection.execute(_WHOLE).fetchone() == (True,):
            return 0, False
        row = connection.execute(_HEAD, {"lanes": LANES, "most": self._options.window_events}).fetchone()
        found, highest = row or (0, 0)
        return found, highest >= URGENT

    @property
    def _spares_time(self) -> bool:
        """Whether an urgent event is expected soon, and none waits: the last claim reached down to others."""
        return not self._only_urgent and time.monotonic() - self._urgent < _MORE_URGENT

    def _listen(self, seconds: float, *, urgent: bool = False) -> None:
        """Wait for a notice, or for one of an urgent event, at most so long; asked to stop, less."""
        until = time.monotonic() + seconds
        while self._ear is not None and not self._stopping.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return
            for notice in self._ear.notifies(timeout=min(left, _LOOKS_UP), stop_after=1):
                if not urgent or (notice.payload.isdecimal() and int(notice.payload) >= URGENT):
                    return

    def _tend(self) -> None:
        """Retries, ageing, expiry, others that stand still and, by the first worker, dead letters, each so often."""
        now, at, connection = time.monotonic(), self._orders.clock(), self._connect()
        if now - self._woke >= self._options.wake_seconds:
            self._woke = now
            longest = self._options.attempts * self._options.retry_most + _CLOCKS_APART
            wake_retries(connection, at, timedelta(seconds=longest))
        if now - self._tended < self._options.tend_seconds:
            return
        self._tended = now
        end_standing(connection, self._orders.lease_seconds)
        raised = age(connection, at, self._options.ageing_seconds, self._orders.lanes)
        self._board.add(raised=raised, expired=expire(connection, self._orders))
        if self._number == 0 and now - self._recovered >= self._options.recovery_seconds:
            self._recovered = now
            found = recover(connection, at, self._corrections)
            if any(each.pattern == "SystemOverload" for each in found):
                self._pace = self._pace.after_failure(self._pace.size)

    def _connect(self) -> Connection:
        if self._work is None or self._work.closed:
            self._work = connect(self._url, APPLICATION)
            set_parameters(self._work, BY_INDEX)
        if self._ear is None or self._ear.closed:
            self._ear = connect(self._url, f"{APPLICATION}, listening")
            self._ear.execute(f"LISTEN {CHANNEL}")
        return self._work

    def _disconnect(self) -> None:
        for connection in (self._work, self._ear):
            if connection is not None:
                connection.close()
        self._work = self._ear = None
