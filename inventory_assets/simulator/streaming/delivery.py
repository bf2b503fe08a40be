"""Gets a batch into a sink: retries, circuit breaker, dead letters.

| what the sink says | what is done |
|---|---|
| away (no connection, timeout, 408, 429, 502–504) | waits as told, else longer each time; no end, no attempt used up |
| an event: later | the same, for that event |
| failed over the batch (500, an answer nobody can read) | `retry_attempts` retries, then each half for itself |
| refused the batch (400, 403, 409, 413, 415, 422) | each half for itself at once; a single event is a dead letter |
| an event: refused | a dead letter |
| unusable (401, 404, a redirect, a full disk) | raised: nothing can be delivered until a person does something |

Invariant: every event of a batch ends as taken, repeated or dead letter, or is in the error that is raised; whoever
comes later never overtakes a retry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inventory_assets.simulator.happenings import StreamEvent
from inventory_assets.simulator.streaming.breaker import CircuitBreaker
from inventory_assets.simulator.streaming.config import RealtimeConfig
from inventory_assets.simulator.streaming.dead_letters import DeadLetter, DeadLetters
from inventory_assets.simulator.streaming.sinks import (
    BatchFailedError,
    BatchRefusedError,
    Sink,
    SinkAwayError,
    SinkError,
    SinkUnusableError,
    Verdict,
)

MOST_DOUBLINGS = 30
ErrorHook = Callable[[Exception, str], None]


class UndeliveredError(RuntimeError):
    """Delivery ended early; `events` are those nothing is known of."""

    def __init__(self, cause: Exception | None, events: Sequence[StreamEvent]) -> None:
        """Name the cause and the events, in order."""
        super().__init__(str(cause or "the stream was stopped"))
        self.cause, self.events = cause, list(events)


@dataclass(slots=True)
class DeliveryFigures:
    """What was counted."""

    batches_sent: int = 0
    events_sent_successfully: int = 0
    events_repeated: int = 0
    events_failed: int = 0
    failed_requests: int = 0
    connection_failures: int = 0
    retries: int = 0
    seconds_waited: float = 0.0
    last_error: str = ""


@dataclass(slots=True)
class Delivery:
    """Delivers batches, one after the other.

    Attributes:
        sink: where to.
        config: how often and how patiently.
        dead: what cannot be delivered goes here, where that is switched on.
        monotonic: seconds of a clock that never steps back.
        clock: the time, UTC.
        sleep: waits.
        chance: for the jitter of waits.
        on_error: told of every failure.
        on_sent: told of every batch of which something was taken.
    """

    sink: Sink
    config: RealtimeConfig
    dead: DeadLetters
    monotonic: Callable[[], float]
    clock: Callable[[], datetime]
    on_error: ErrorHook
    on_sent: Callable[[list[StreamEvent]], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: random.Random = field(default_factory=random.Random)
    figures: DeliveryFigures = field(default_factory=DeliveryFigures)
    breaker: CircuitBreaker = field(init=False)

    def __post_init__(self) -> None:
        """The breaker follows the configuration."""
        self.breaker = CircuitBreaker(
            self.config.breaker_failures, self.config.breaker_reset_ms / 1_000, self.config.circuit_breaker_enabled
        )

    async def deliver(self, batch: Sequence[StreamEvent]) -> None:
        """Deliver a batch, however long it takes.

        Raises:
            UndeliveredError: the sink is unusable, or the task was cancelled.
        """
        todo: list[Sequence[StreamEvent]] = [batch]
        try:
            while todo:
                todo[:1] = await self._attempt(todo[0])
        except asyncio.CancelledError as error:
            raise UndeliveredError(None, [event for part in todo for event in part]) from error
        except SinkUnusableError as error:
            self._failed(error)
            raise UndeliveredError(error, [event for part in todo for event in part]) from error

    async def _attempt(self, part: Sequence[StreamEvent]) -> list[Sequence[StreamEvent]]:
        """Bring a part of a batch to an end; what is left of it, in parts."""
        failures, waits = 0, 0
        while True:
            await self._wait(self.breaker.wait(self.monotonic()))
            if self.breaker.wait(self.monotonic()) > 0:
                continue
            try:
                return self._settled(part, await self.sink.send(part))
            except SinkAwayError as error:
                self._failed(error)
                self.figures.connection_failures += error.connection
                wait = self._backoff(waits) if error.retry_after is None else error.retry_after
            except BatchFailedError as error:
                self._failed(error)
                failures += 1
                if failures > self.config.retry_attempts:
                    return self._halves(part, error)
                wait = self._backoff(waits)
            except BatchRefusedError as error:
                self.breaker.succeeded()
                self._told(error)
                return self._halves(part, error)
            waits += 1
            self.figures.retries += 1
            await self._wait(wait)

    def _settled(self, part: Sequence[StreamEvent], verdicts: Sequence[Verdict]) -> list[Sequence[StreamEvent]]:
        pairs = list(zip(part, verdicts, strict=True))
        later = [event for event, verdict in pairs if verdict.status == "later"]
        if len(later) == len(part):
            raise SinkAwayError(f"{self.sink.name} wants all {len(part)} events later: {verdicts[0].reason}")
        there = [event for event, verdict in pairs if verdict.status in {"taken", "repeated"}]
        self.figures.batches_sent += 1
        self.figures.events_sent_successfully += len(there)
        self.figures.events_repeated += sum(verdict.status == "repeated" for _, verdict in pairs)
        self._give_up([(event, verdict.reason) for event, verdict in pairs if verdict.status == "refused"])
        if there:
            self.on_sent(there)
        self.breaker.succeeded()
        return [later] if later else []

    def _halves(self, part: Sequence[StreamEvent], error: SinkError) -> list[Sequence[StreamEvent]]:
        if len(part) > 1:
            middle = len(part) // 2
            return [part[:middle], part[middle:]]
        self._give_up([(part[0], str(error))])
        return []

    def _give_up(self, refused: Sequence[tuple[StreamEvent, str]]) -> None:
        self.give_up([DeadLetter(event, reason, self.clock()) for event, reason in refused])

    def give_up(self, letters: Sequence[DeadLetter]) -> None:
        """Count events as failed and keep them as dead letters where that is switched on."""
        self.figures.events_failed += len(letters)
        if self.config.enable_dead_letter_queue:
            self.dead.put(letters)
        for letter in letters:
            self.on_error(UndeliveredError(SinkError(letter.reason), [letter.event]), f"event {letter.event.id}")

    def _failed(self, error: SinkError) -> None:
        self.breaker.failed(self.monotonic())
        self._told(error)

    def _told(self, error: SinkError) -> None:
        self.figures.failed_requests += 1
        self.figures.last_error = str(error)
        self.on_error(error, f"sending to {self.sink.name}")

    def _backoff(self, waits: int) -> float:
        """Seconds before the next attempt: longer each time, half of it drawn, so that senders do not march in step."""
        grown = self.config.first_backoff_ms * self.config.backoff_multiplier ** min(waits, MOST_DOUBLINGS)
        longest = min(self.config.longest_backoff_ms, grown)
        return longest / 1_000 * self.chance.uniform(0.5, 1.0)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.figures.seconds_waited += seconds
            await self.sleep(seconds)
