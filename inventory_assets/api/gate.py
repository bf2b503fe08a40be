"""Whether events are taken at all: a look at queue, disk and database now and then, and what it means.

The look is made by `Watch`, a thread; requests only read the last one. Invariant: a refusal is decided before anything
of the request is stored, so what was refused here was never half taken.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_assets.api.problems import RefusedRequestError
from inventory_assets.live.database.driver import database_errors, driver_of
from inventory_assets.live.standing import end_standing

if TYPE_CHECKING:
    from sqlalchemy import Engine

LOG = logging.getLogger(__name__)

_DEPTH = "SELECT count(*) FROM (SELECT 1 FROM event_queue LIMIT :most) AS waiting"


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where on events are refused.

    Attributes:
        queued: parts that wait to be processed.
        free_bytes: free bytes of the database's disk, at least.
        silent_seconds: for which the database does not answer a look.
    """

    queued: int
    free_bytes: int
    silent_seconds: float


@dataclass(slots=True)
class Gate:
    """What the last look saw, and what was taken since.

    Attributes:
        bounds: from where on events are refused.
        database: why the database cannot be used; empty while it can.
        depth: parts that wait, as counted last and taken since.
        free_bytes: free bytes of the database's disk; None where it is on another machine.
        asked_at: monotonic seconds at which the look under way asked the database; None while none is.
    """

    bounds: Bounds
    database: str = "it was not looked at yet"
    depth: int = 0
    free_bytes: int | None = None
    asked_at: float | None = None

    @property
    def away(self) -> str:
        """Why the database cannot be used now; empty while it can."""
        asked_at = self.asked_at
        silent = 0.0 if asked_at is None else time.monotonic() - asked_at
        return f"it has not answered for {silent:.0f} s" if silent > self.bounds.silent_seconds else self.database

    def check(self, events: int = 1) -> None:
        """Refuse events that cannot be taken now.

        Raises:
            RefusedRequestError: `database_away`, `disk_full` or `queue_full`.
        """
        self.check_database()
        if self.free_bytes is not None and self.free_bytes < self.bounds.free_bytes:
            raise RefusedRequestError(
                "disk_full", f"{self.free_bytes:,} bytes are free, {self.bounds.free_bytes:,} are kept free"
            )
        if self.depth + events > self.bounds.queued:
            raise RefusedRequestError(
                "queue_full", f"{self.depth:,} parts of events wait to be processed, {self.bounds.queued:,} may"
            )

    def check_database(self) -> None:
        """Refuse what needs the database while it cannot be used.

        Raises:
            RefusedRequestError: `database_away`.
        """
        away = self.away
        if away:
            raise RefusedRequestError("database_away", f"the database cannot be used: {away}")

    def took(self, parts: int) -> None:
        """Count what was taken since the last look."""
        self.depth += parts

    def lost(self, error: BaseException) -> None:
        """Remember that the database failed; the next look that succeeds forgets it."""
        self.database = first_line(error)


def first_line(error: BaseException) -> str:
    """What an error says, in a line without statement and parameters."""
    said = str(getattr(error, "orig", None) or error).strip()
    return (said.splitlines() or [type(error).__name__])[0][:300]


class Sparing:
    """Says when something that costs time may be done again: it takes a twentieth of the time at most."""

    SHARE = 0.05

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """It may be done at once.

        Args:
            clock: seconds, never going back.
        """
        self._clock = clock
        self._next = clock()

    @property
    def due(self) -> bool:
        """Whether it may be done now."""
        return self._clock() >= self._next

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Measure it being done."""
        begun = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            self._next = ended + (ended - begun) * (1 / self.SHARE - 1)


class Watch:
    """A thread that looks at queue, disk and database again and again."""

    def __init__(
        self,
        gate: Gate,
        engine: Engine,
        disk: Path | None,
        seconds: float,
        lease_seconds: float,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        """Looks once, then starts the thread.

        Args:
            gate: where the look is kept.
            engine: the database.
            disk: a folder on the database's disk; None where that is on another machine.
            seconds: between two looks.
            lease_seconds: how long a transaction that holds a lock may stand still.
            also: done after successful looks, on the same thread; less often where it takes long.
        """
        self._gate, self._engine, self._disk, self._seconds, self._also = gate, engine, disk, seconds, also
        self._lease_seconds = lease_seconds
        self._end = threading.Event()
        self._counting, self._figures = Sparing(), Sparing()
        self.look()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """One look. A long queue is counted seldom; meanwhile its depth is that count and what was taken since."""
        from sqlalchemy import text

        try:
            if self._disk is not None:
                self._gate.free_bytes = shutil.disk_usage(self._disk).free
            self._gate.asked_at = time.monotonic()
            with self._engine.connect() as connection:
                end_standing(driver_of(connection), self._lease_seconds)
                if self._counting.due or self._gate.database:
                    with self._counting.spent():
                        most = {"most": self._gate.bounds.queued + 1}
                        self._gate.depth = connection.execute(text(_DEPTH), most).scalar_one()
                else:
                    connection.execute(text("SELECT 1"))
            self._gate.database, self._gate.asked_at = "", None
            if self._figures.due:
                with self._figures.spent():
                    self._also()
        except Exception as error:  # a thread that ended here would leave its last look standing for ever
            self._gate.lost(error)
            self._gate.asked_at = None
            known = isinstance(error, (*database_errors(), OSError))
            LOG.warning("the database cannot be used: %s", self._gate.database, exc_info=None if known else error)

    def close(self) -> None:
        """End the thread; one that stands in a call to a dead database is left behind."""
        self._end.set()
        self._thread.join(self._seconds)

    def _run(self) -> None:
        while not self._end.wait(self._seconds):
            self.look()
