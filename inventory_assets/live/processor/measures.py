"""What a worker counted since it started: for metrics, and for choosing how much to do at once.

Invariant: a reader gets figures of whole batches; nothing here blocks the worker for longer than a copy takes.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory_assets.live.processor.work import Applied

LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the latency classes in seconds; the last class is open."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long parts of one priority took from reception to commit.

    Attributes:
        counts: parts by class of `LATENCY_BOUNDS`, and one more.
        total: seconds of all of them.
    """

    counts: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)
    total: float = 0.0

    def with_seconds(self, seconds: Iterable[float]) -> Latencies:
        """With more parts."""
        counts, total = list(self.counts), self.total
        for each in seconds:
            counts[bisect_left(LATENCY_BOUNDS, each)] += 1
            total += each
        return Latencies(tuple(counts), total)

    def quantile(self, share: float) -> float | None:
        """Upper bound of the class in which a share of the parts lies; None where there are none, or it is open.

        Args:
            share: between 0 and 1.
        """
        needed, seen = share * sum(self.counts), 0
        if not needed:
            return None
        for bound, count in zip(LATENCY_BOUNDS, self.counts, strict=False):
            seen += count
            if seen >= needed:
                return bound
        return None


@dataclass(frozen=True, slots=True)
class Measures:
    """Counts since the start of a worker.

    Attributes:
        batches: micro-batches with anything in them.
        parts: parts finished.
        postings: effects applied.
        state_writes: rows of the state written.
        facts: facts commands became, expiries included.
        outbox: rows of the outbox.
        held: parts set aside for the batch side.
        retried: failed attempts that are tried again.
        dead: parts that failed for good.
        tried_again: batches rolled back because of another transaction or the database.
        shrunk: batches rolled back because of an event in them.
        raised: parts raised by their age.
        expired: reservations ended.
        busy_seconds: time in transactions.
        lock_seconds: time until locks were there.
        batch_size: parts the next batch takes at most.
        latencies: by priority.
        last_at: when the last batch was committed.
    """

    batches: int = 0
    parts: int = 0
    postings: int = 0
    state_writes: int = 0
    facts: int = 0
    outbox: int = 0
    held: int = 0
    retried: int = 0
    dead: int = 0
    tried_again: int = 0
    shrunk: int = 0
    raised: int = 0
    expired: int = 0
    busy_seconds: float = 0.0
    lock_seconds: float = 0.0
    batch_size: int = 0
    latencies: dict[int, Latencies] = field(default_factory=dict)
    last_at: datetime | None = None

    @property
    def saved_writes(self) -> float:
        """Share of effects that cost no write of the state, because another one of their pair was in the batch."""
        return 1 - self.state_writes / self.postings if self.postings else 0.0

    def with_batch(self, applied: Applied, seconds: float, committed_at: datetime) -> Measures:
        """After one more micro-batch.

        Args:
            applied: what it did.
            seconds: how long its transaction took.
            committed_at: when it was committed.
        """
        latencies = dict(self.latencies)
        by_priority: dict[int, list[float]] = {}
        for part in applied.completed:
            waited = (committed_at - part.received_at).total_seconds()
            by_priority.setdefault(part.priority, []).append(max(0.0, waited))
        for priority, found in by_priority.items():
            latencies[priority] = latencies.get(priority, Latencies()).with_seconds(found)
        return replace(
            self,
            batches=self.batches + 1,
            parts=self.parts + len(applied.completed),
            postings=self.postings + applied.postings,
            state_writes=self.state_writes + applied.state_writes,
            facts=self.facts + applied.facts,
            outbox=self.outbox + applied.outbox,
            held=self.held + applied.held,
            retried=self.retried + applied.retried,
            dead=self.dead + applied.dead,
            busy_seconds=self.busy_seconds + seconds,
            lock_seconds=self.lock_seconds + applied.lock_seconds,
            latencies=latencies,
            last_at=committed_at,
        )


class Board:
    """Where a worker puts its measures and others read them."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._lock = threading.Lock()
        self._measures = Measures()

    def read(self) -> Measures:
        """The measures as they are."""
        with self._lock:
            return self._measures

    def put(self, measures: Measures) -> None:
        """Replace the measures."""
        with self._lock:
            self._measures = measures

    def add(self, **counts: float) -> None:
        """Add to counts by name."""
        with self._lock:
            now = self._measures
            self._measures = replace(now, **{name: getattr(now, name) + more for name, more in counts.items()})
