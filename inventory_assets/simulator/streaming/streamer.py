"""The streamer of 004: makes events at a pace, buffers them, sends them in batches, reports, stops without losing any.

Two tasks share a bounded buffer: one makes events, waiting when it is full, one delivers them in order. The times in
the events are those of the plan (start + n bursts), not of the machine, so the same seed and start give the same events
however slow the receiver is. Invariant: every event made is taken by the sink or a dead letter when `stop` returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.simulator.happenings import StreamEvent
from inventory_assets.simulator.streaming.config import StreamConfig
from inventory_assets.simulator.streaming.dead_letters import DeadLetter, DeadLetters
from inventory_assets.simulator.streaming.delivery import Delivery, ErrorHook, UndeliveredError
from inventory_assets.simulator.streaming.sinks import Sink

if TYPE_CHECKING:
    from inventory_assets.simulator.streaming.factory import Source

LOG = logging.getLogger(__name__)
State = Literal["new", "ready", "streaming", "stopping", "stopped"]
FULL, FAILING = 0.9, 0.05
"""Share of the buffer from which it is unhealthy; share of events given up from which the error rate is."""
MEGABYTE = 1024 * 1024


class StreamerError(RuntimeError):
    """A call that does not fit the state the streamer is in, or a sink that took nothing at all."""


class EventStreamer:
    """Streams events into a sink; made once, run once."""

    def __init__(
        self,
        config: StreamConfig,
        source: Source,
        sink: Sink,
        *,
        start: datetime | None = None,
        dead_letters: DeadLetters | None = None,
        paced: bool = True,
        most_events: int | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            config: how fast, how patient.
            source: makes the events.
            sink: takes them.
            start: time of the first events; now where not said.
            dead_letters: keeps what cannot be delivered; in memory where not said.
            paced: whether bursts wait for their time; otherwise they are made as fast as the sink takes them.
            most_events: events after which it is done.
        """
        self.config, self._source, self._sink = config, source, sink
        self._start, self._paced, self._most = start, paced, most_events
        self.dead_letters = dead_letters or DeadLetters()
        self.state: State = "new"
        self._generated_hooks: list[Callable[[StreamEvent], None]] = []
        self._sent_hooks: list[Callable[[list[StreamEvent]], None]] = []
        self._error_hooks: list[ErrorHook] = []
        self._delivery = Delivery(
            sink,
            config.realtime,
            self.dead_letters,
            time.monotonic,
            lambda: datetime.now(UTC),
            self._error,
            self._sent,
        )
        self._buffer: deque[StreamEvent] = deque()
        self._changed = asyncio.Condition()
        self._made_all = asyncio.Event()
        self._stop_making = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sender: asyncio.Task[None] | None = None
        self._fault: Exception | None = None
        self._by_type: Counter[str] = Counter()
        self._most_buffered, self._buffered_since = 0, 0.0
        self._began = self._ended = 0.0

    def add_event_generated_hook(self, hook: Callable[[StreamEvent], None]) -> None:
        """Call this with every event that is made; an error of it is told to the error hooks, the event goes on."""
        self._generated_hooks.append(hook)

    def add_batch_sent_hook(self, hook: Callable[[list[StreamEvent]], None]) -> None:
        """Call this with the events of every batch the sink took."""
        self._sent_hooks.append(hook)

    def add_error_hook(self, hook: ErrorHook) -> None:
        """Call this with every error and what was being done."""
        self._error_hooks.append(hook)

    async def initialize(self) -> None:
        """Open the sink.

        Raises:
            StreamerError: it was opened before.
            SinkError: the sink cannot be used.
        """
        if self.state != "new":
            raise StreamerError(f"the streamer is {self.state}; make a new one")
        await self._sink.open()
        self.state = "ready"

    async def start(self, duration: timedelta | None = None) -> None:
        """Begin; returns at once.

        Args:
            duration: how long to make events; without it until `stop`.
        """
        if self.state == "new":
            await self.initialize()
        if self.state != "ready":
            raise StreamerError(f"the streamer is {self.state}; make a new one")
        self.state, self._began = "streaming", time.monotonic()
        self._sender = asyncio.create_task(self._deliver_all())
        self._tasks = [asyncio.create_task(self._make_all(duration)), asyncio.create_task(self._report())]

    async def wait(self) -> None:
        """Wait until everything was made and delivered, as happens after the duration or the end of the source."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    async def stop(self) -> None:
        """Make no more events, deliver those that wait, and keep as dead letters what cannot be within the time.

        Raises:
            StreamerError: the sink was unusable; the dead letters have what it did not take.
        """
        if self.state in {"stopped", "new"}:
            return
        self.state = "stopping"
        await self._halt()
        if self._sender is not None:
            await self._tasks[0]
            done, _ = await asyncio.wait([self._sender], timeout=self.config.realtime.stop_timeout_ms / 1_000)
            if not done:
                self._sender.cancel()
                await asyncio.wait([self._sender])
            self._tasks[1].cancel()
            await asyncio.wait([self._tasks[1]])
        self._ended = time.monotonic()
        self._keep(list(self._buffer), "the stream was stopped before it could be sent")
        self._buffer.clear()
        await self._sink.close()
        self.state = "stopped"
        if self._fault is not None:
            raise StreamerError(str(self._fault)) from self._fault

    @asynccontextmanager
    async def streaming_session(self, duration: timedelta | None = None) -> AsyncIterator[EventStreamer]:
        """Streaming goes on inside, and is stopped in order at the end.

        Args:
            duration: how long to make events; with one the session lasts until it is over.
        """
        await self.start(duration)
        try:
            yield self
            if duration is not None:
                await self.wait()
        finally:
            await self.stop()

    async def run(self, duration: timedelta | None = None) -> dict[str, Any]:
        """Stream until the duration or the source is over; the statistics."""
        async with self.streaming_session(duration):
            await self.wait()
        return await self.get_statistics()

    async def get_statistics(self) -> dict[str, Any]:
        """Figures since the start, under the names of 004 and some more."""
        seconds = (self._ended or time.monotonic()) - self._began if self._began else 0.0
        made = self._by_type.total()
        return {
            "events_generated": made,
            **asdict(self._delivery.figures),
            "events_per_second": round(made / seconds, 1) if seconds else 0.0,
            "events_dead_lettered": self.dead_letters.count,
            "events_buffered": len(self._buffer),
            "most_buffered": self._most_buffered,
            "circuit_breaker_state": self._delivery.breaker.state,
            "circuit_breaker_opened": self._delivery.breaker.opened,
            "seconds": round(seconds, 3),
            "events_by_type": dict(sorted(self._by_type.items())),
        }

    async def get_health_status(self) -> dict[str, Any]:
        """Whether all is well, and each part."""
        import psutil

        figures, breaker = self._delivery.figures, self._delivery.breaker
        settled = figures.events_sent_successfully + figures.events_failed
        rate = figures.events_failed / settled if settled else 0.0
        filled = len(self._buffer) / self.config.realtime.max_buffer_size
        components = {
            "sink": {
                "healthy": breaker.in_a_row == 0 and self._fault is None,
                "name": self._sink.name,
                "last_error": figures.last_error,
            },
            "circuit_breaker": {"healthy": breaker.state == "closed", "state": breaker.state},
            "buffer": {"healthy": filled < FULL, "filled": round(filled, 3)},
            "errors": {"healthy": rate < FAILING, "rate": round(rate, 4)},
        }
        return {
            "overall_healthy": all(part["healthy"] for part in components.values()),
            "state": self.state,
            "memory_mb": round(psutil.Process().memory_info().rss / MEGABYTE, 1),
            "components": components,
        }

    async def _make_all(self, duration: timedelta | None) -> None:
        realtime = self.config.realtime
        step = timedelta(milliseconds=realtime.emit_interval_ms)
        start, began, made, burst = self._start or datetime.now(UTC), time.monotonic(), 0, 0
        wished = 0.0
        try:
            while not self._stop_making.is_set() and (duration is None or burst * step < duration):
                at = start + burst * step
                wished += realtime.burst * (self._source.activity(at) if realtime.follow_hours else 1.0)
                wanted = ceil(wished - 1e-9) - made
                wanted = wanted if self._most is None else min(wanted, self._most - made)
                events = self._source.take(wanted, at)
                made += len(events)
                await self._put(events)
                if len(events) < wanted or made == self._most:
                    break
                burst += 1
                await self._pause(began + burst * step.total_seconds() - time.monotonic() if self._paced else 0.0)
        except Exception as error:  # a source that fails ends the stream, whose events are still delivered
            self._fault = error
            self._error(error, "making events")
        finally:
            self._made_all.set()
            async with self._changed:
                self._changed.notify_all()

    async def _halt(self) -> None:
        """Make no more events; who waits for room in the buffer goes on without."""
        self._stop_making.set()
        async with self._changed:
            self._changed.notify_all()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_making.wait(), seconds)

    async def _put(self, events: list[StreamEvent]) -> None:
        """Into the buffer, a piece at a time where it is nearly full; what was made is always put."""
        for event in events:
            self._by_type[event.event_type] += 1
            for hook in self._generated_hooks:
                self._call(lambda hook=hook, event=event: hook(event), "an event hook")
        first = 0
        while first < len(events):
            async with self._changed:
                await self._changed.wait_for(
                    lambda: len(self._buffer) < self.config.realtime.max_buffer_size or self._stop_making.is_set()
                )
                room = self.config.realtime.max_buffer_size - len(self._buffer)
                piece = events[first:] if self._stop_making.is_set() else events[first : first + room]
                if not self._buffer:
                    self._buffered_since = time.monotonic()
                self._buffer.extend(piece)
                first += len(piece)
                self._most_buffered = max(self._most_buffered, len(self._buffer))
                self._changed.notify_all()

    async def _deliver_all(self) -> None:
        while batch := await self._next_batch():
            try:
                await self._delivery.deliver(batch)
            except UndeliveredError as error:
                self._fault = error.cause
                await self._halt()
                reason = str(error.cause) if error.cause else "the stream was stopped before it could be sent"
                self._keep(error.events, reason)
                return

    async def _next_batch(self) -> list[StreamEvent]:
        """A full batch, or what there is when it waited long enough; nothing when all was made and sent."""
        realtime = self.config.realtime

        def ready() -> bool:
            return len(self._buffer) >= realtime.max_batch_size or self._made_all.is_set()

        async with self._changed:
            while not ready():
                waited = time.monotonic() - self._buffered_since if self._buffer else 0.0
                left = realtime.batch_timeout_ms / 1_000 - waited
                if left <= 0:
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), left)
            batch = [self._buffer.popleft() for _ in range(min(len(self._buffer), realtime.max_batch_size))]
            self._buffered_since = time.monotonic()
            self._changed.notify_all()
            return batch

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self.config.realtime.monitoring_interval)
            figures = await self.get_statistics()
            LOG.info(
                "stream to %s: %d events made, %d delivered, %d waiting, %d given up, breaker %s",
                self._sink.name,
                figures["events_generated"],
                figures["events_sent_successfully"],
                figures["events_buffered"],
                figures["events_failed"],
                figures["circuit_breaker_state"],
            )

    def _keep(self, events: list[StreamEvent], reason: str) -> None:
        now = datetime.now(UTC)
        self._delivery.give_up([DeadLetter(event, reason, now) for event in events])

    def _sent(self, events: list[StreamEvent]) -> None:
        for hook in self._sent_hooks:
            self._call(lambda hook=hook: hook(events), "a batch hook")

    def _call(self, hook: Callable[[], None], what: str) -> None:
        try:
            hook()
        except Exception as error:  # hooks are the user's; the stream goes on
            self._error(error, what)

    def _error(self, error: Exception, context: str) -> None:
        LOG.debug("%s: %s", context, error)
        for hook in self._error_hooks:
            try:
                hook(error, context)
            except Exception:  # an error hook that fails has nobody left to be told but the log
                LOG.exception("an error hook failed")
