"""Group commit: requests that wait at the same time are appended in one transaction.

A disk makes some hundred commits a second durable; events come faster. While one group is being written the next one
gathers, so groups grow with the load and a lone request waits for nobody. A group costs several milliseconds of
processor however small it is; so while those of the last group come again, and others with them, a small one is held,
as long as it grows and no longer than the last one took. Invariants: a future is done exactly once, after its group's
commit; what waits is bounded, and a request over the bound is refused at once, never kept and lost.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from inventory_assets.live.log.appending import Outcome
from inventory_assets.live.log.entries import Entry

ENOUGH_EVENTS = 64
"""A group of so many is never held: what a group costs is then little beside its events."""
LOOKS, LONGEST_LOOK = 4, 0.02
"""While a small group is held it is looked at so often; between two looks lies that share of what the last one took."""


class LogBusyError(RuntimeError):
    """More events wait to be written than are allowed to; try again later."""


class LogClosedError(RuntimeError):
    """The writer was closed and takes no more events."""


@dataclass(frozen=True, slots=True)
class _Request:
    entries: Sequence[Entry]
    answer: Future[list[Outcome]]


class GroupWriter:
    """One thread that writes what waits, a group at a time."""

    def __init__(
        self,
        write: Callable[[Sequence[Entry]], list[Outcome]],
        *,
        most_events: int = 1_000,
        most_waiting: int = 20_000,
        told: Callable[[Sequence[Future[list[Outcome]]]], None] = lambda answers: None,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        """Starts the thread.

        Args:
            write: appends a group durably, as `appending.append` does; its error is the answer of the whole group.
            most_events: events of a group; a larger request is a group of its own.
            most_waiting: events that may wait.
            told: called after each group with its futures, which are done; on the thread of the writer.
            rest: lets seconds pass while a group is held.
        """
        self._write, self._most_events, self._most_waiting = write, most_events, most_waiting
        self._told, self._rest = told, rest
        self._requests: deque[_Request] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Events that wait to be written."""
        return self._waiting

    def submit(self, entries: Sequence[Entry]) -> Future[list[Outcome]]:
        """Hand in a request.

        Args:
            entries: its events, kept together and in order.

        Returns:
            Their outcomes once they are durable, or the error of the write. Cancelling it before its group is written
            takes the request back.

        Raises:
            LogBusyError: too much waits already.
            LogClosedError: the writer was closed.
        """
        request = _Request(entries, Future())
        with self._changed:
            if self._closed:
                raise LogClosedError("the log takes no more events: this process is stopping")
            if self._waiting and self._waiting + len(entries) > self._most_waiting:
                raise LogBusyError(f"{self._waiting} events wait to be written, {self._most_waiting} may; try again")
            self._requests.append(request)
            self._waiting += len(entries)
            self._changed.notify()
        return request.answer

    def close(self) -> None:
        """Write what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            live = [each for each in group if each.answer.set_running_or_notify_cancel()]
            entries = [entry for each in live for entry in each.entries]
            began = time.monotonic()
            try:
                outcomes = self._write(entries) if live else []
            except Exception as error:  # the requests get it; the thread serves the next ones
                for each in live:
                    each.answer.set_exception(error)
            else:
                done = iter(outcomes)
                for each in live:
                    each.answer.set_result([next(done) for _ in each.entries])
            self._told([each.answer for each in live])
            self._hold(len(entries), time.monotonic() - began)

    def _hold(self, written: int, seconds: float) -> None:
        """Let a small group grow while those who were just answered come again.

        Args:
            written: events of the group before; one alone is nobody to wait for.
            seconds: how long it took.
        """
        expected = min(written + self._waiting, ENOUGH_EVENTS)
        if expected == 1:
            return
        for _ in range(LOOKS):
            seen = self._waiting
            if seen >= expected or self._closed:
                return
            self._rest(min(seconds / LOOKS, LONGEST_LOOK))
            if self._waiting == seen:
                return

    def _next_group(self) -> list[_Request]:
        """Requests that fit into one group, at least one; none once everything is written and the writer is closed."""
        with self._changed:
            while not self._requests and not self._closed:
                self._changed.wait()
            group: list[_Request] = []
            events = 0
            while self._requests and (not group or events + len(self._requests[0].entries) <= self._most_events):
                request = self._requests.popleft()
                group.append(request)
                events += len(request.entries)
            self._waiting -= events
            return group
