"""Metrics of the service and of the live layer as Prometheus reads them; no label names an item or an event.

The service counts its own requests; figures of queue and processors are read from the database by the watch, so they
are there whichever process works. Invariant: the labels of a metric come from closed lists.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from inventory_assets.live.views.figures import Figures, look, predicted_depth

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.api.gate import Gate

disable_created_metrics()

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LATENCY_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 5.0, 30.0, 120.0)
WINDOW_SECONDS = 60.0
LOOKS_KEPT = 60
LABELS_KEPT = 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SCOPES = ("all", "item", "category", "location")


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        """All of them at zero, in a registry of their own."""
        self.registry = made = CollectorRegistry()
        self._requests = Counter("inventory_http_requests", "Answers", ("route", "method", "status"), registry=made)
        self._seconds = Histogram(
            "inventory_http_seconds", "Seconds of an answer", ("route",), buckets=REQUEST_BUCKETS, registry=made
        )
        self._problems = Counter("inventory_http_problems", "Refused requests", ("code",), registry=made)
        self._events = Counter(
            "inventory_events", "Events received, by what became of them", ("outcome",), registry=made
        )
        self._unwritten = Gauge("inventory_log_unwritten", "Events that wait to be written", registry=made)
        self._depth = Gauge("inventory_queue_depth", "Parts that wait", ("band",), registry=made)
        self._retries = Gauge("inventory_queue_retries", "Parts that wait for another attempt", registry=made)
        self._lag = Gauge("inventory_queue_lag_seconds", "Age of the part that waits longest", registry=made)
        self._trend = Gauge("inventory_queue_lag_trend", "Change of the lag, seconds a second", registry=made)
        self._arrivals = Gauge("inventory_arrivals_per_second", "Events appended a second", registry=made)
        self._rate = Gauge("inventory_processed_per_second", "Attempts that completed a second", registry=made)
        self._predicted = Gauge("inventory_queue_predicted_depth", "Parts waiting in a minute", registry=made)
        self._attempts = Counter("inventory_attempts", "Attempts of processors", ("status",), registry=made)
        self._errors = Counter("inventory_attempt_errors", "Attempts that failed", ("error_class",), registry=made)
        self._latency = Histogram(
            "inventory_latency_seconds", "From reception to applied, a sample", ("band",), buckets=LATENCY_BUCKETS,
            registry=made,
        )  # fmt: skip
        self._state_age = Gauge("inventory_state_age_seconds", "Since the last attempt ended", registry=made)
        self._lock_waits = Gauge("inventory_database_lock_waits", "Locks somebody waits for", registry=made)
        self._snapshot = Gauge("inventory_database_snapshot_seconds", "Age of the oldest snapshot", registry=made)
        self._connections = Gauge("inventory_database_connections", "Connections to the database", registry=made)
        self._pool = Gauge("inventory_pool_connections", "Connections of this process", ("state",), registry=made)
        self._up = Gauge("inventory_database_up", "Whether the database can be used", registry=made)
        self._free = Gauge("inventory_disk_free_bytes", "Free bytes of the database's disk", registry=made)
        self._dead = Gauge("inventory_dead_letters_open", "Parts that failed for good and wait", registry=made)
        self._modes = Gauge("inventory_batch_only", "Keys only the batch side works on", ("scope",), registry=made)
        self._saved = Gauge(
            "inventory_state_writes_saved_ratio", "Share of recent effects that cost no write of the state",
            registry=made,
        )  # fmt: skip
        # kept, as finding a label costs more than counting
        self._requests_of = functools.lru_cache(LABELS_KEPT)(self._requests.labels)
        self._seconds_of = functools.lru_cache(LABELS_KEPT)(self._seconds.labels)
        self._events_of = functools.lru_cache(LABELS_KEPT)(self._events.labels)
        self._looks: deque[Figures] = deque(maxlen=LOOKS_KEPT)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = method if method in METHODS else "other"
        self._requests_of(route, known, str(status)).inc()
        self._seconds_of(route).observe(seconds)

    def problem(self, code: str) -> None:
        """Count a refused request."""
        self._problems.labels(code).inc()

    def events(self, outcome: str, count: int = 1) -> None:
        """Count events by what became of them."""
        self._events_of(outcome).inc(count)

    def follow(self, engine: Engine, gate: Gate, unwritten: Callable[[], int]) -> None:
        """Read what is asked for at the moment it is asked for.

        Args:
            engine: the engine whose pool is shown.
            gate: what the watch saw.
            unwritten: events that wait to be written.
        """
        from sqlalchemy.pool import QueuePool

        pool = engine.pool
        self._unwritten.set_function(unwritten)
        self._up.set_function(lambda: 0.0 if gate.away else 1.0)
        self._free.set_function(lambda: float("nan") if gate.free_bytes is None else gate.free_bytes)
        if isinstance(pool, QueuePool):
            self._pool.labels("used").set_function(pool.checkedout)
            self._pool.labels("idle").set_function(pool.checkedin)

    def look(self, engine: Engine, at: datetime) -> None:
        """Take the figures of queue and processors from the database."""
        with engine.connect() as connection:
            self.take(look(connection, at, self._looks[-1] if self._looks else None))

    def take(self, now: Figures) -> None:
        """Show figures, and what changed since the looks before."""
        self._depth.labels("urgent").set(now.urgent)
        self._depth.labels("other").set(now.waiting - now.urgent)
        self._retries.set(now.retries)
        lag = seconds_between(now.oldest, now.at)
        self._lag.set(lag)
        self._state_age.set(seconds_between(now.last_attempt, now.at))
        self._lock_waits.set(now.lock_waits)
        self._snapshot.set(seconds_between(now.oldest_snapshot, now.at))
        self._connections.set(now.connections)
        self._dead.set(now.dead_letters)
        for scope in SCOPES:
            self._modes.labels(scope).set(now.batch_only.get(scope, 0))
        self._saved.set(float("nan") if now.saved_writes is None else now.saved_writes)
        for status, count in now.attempts.items():
            self._attempts.labels(status).inc(count)
        for error_class, count in now.errors.items():
            self._errors.labels(error_class).inc(count)
        for urgent, seconds in now.latencies:
            self._latency.labels("urgent" if urgent else "other").observe(max(0.0, seconds))
        recent = [each for each in self._looks if 0 < (now.at - each.at).total_seconds() <= WINDOW_SECONDS]
        if recent:
            first = recent[0]
            span = (now.at - first.at).total_seconds()
            arrivals, rate = (now.sequence - first.sequence) / span, (now.attempt - first.attempt) / span
            self._arrivals.set(arrivals)
            self._rate.set(rate)
            self._trend.set((lag - seconds_between(first.oldest, first.at)) / span)
            self._predicted.set(predicted_depth(now.waiting, arrivals, rate, WINDOW_SECONDS))
        self._looks.append(now)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def seconds_between(since: datetime | None, now: datetime) -> float:
    """Seconds from an instant to now, 0 at least; 0 where there is none."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
