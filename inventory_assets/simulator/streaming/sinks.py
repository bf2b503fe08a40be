"""What a sink is: where events go, and what it says about each. HTTP and landing folder are in modules of their own.

A sink knows nothing of retries, buffers or dead letters; `delivery` does. A later one (Kafka, Event Hubs) implements
`Sink` and is done. Invariant: a sink gives one verdict an event, or raises one of the errors below and promises
nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

from inventory_assets.simulator.happenings import StreamEvent

Status = Literal["taken", "repeated", "refused", "later"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one event.

    Attributes:
        status: taken; repeated = it was there before; refused = it will never be taken; later = send it again.
        reason: why it was not taken.
    """

    status: Status
    reason: str = ""


TAKEN = Verdict("taken")


class SinkError(RuntimeError):
    """A batch was not delivered."""


class SinkAwayError(SinkError):
    """The receiver cannot be reached or has no time; the batch is not at fault."""

    def __init__(self, message: str, retry_after: float | None = None, *, connection: bool = False) -> None:
        """Say what happened.

        Args:
            message: what was seen.
            retry_after: seconds the receiver asks for.
            connection: whether it could not be reached at all, or broke off.
        """
        super().__init__(message)
        self.retry_after, self.connection = retry_after, connection


class BatchFailedError(SinkError):
    """The receiver failed over this batch: perhaps it is away, perhaps one event is poison."""


class BatchRefusedError(SinkError):
    """The receiver will never take this batch as it is; parts of it perhaps."""


class SinkUnusableError(SinkError):
    """The receiver takes nothing from us at all: wrong address, no permission, a full disk."""


class Sink(Protocol):
    """A place events go to."""

    @property
    def name(self) -> str:
        """What it is, for people; no secrets."""
        ...

    async def open(self) -> None:
        """Get ready.

        Raises:
            SinkError: it cannot be used.
        """
        ...

    async def send(self, batch: Sequence[StreamEvent]) -> list[Verdict]:
        """Deliver a batch, whole or not at all as far as the receiver lets us.

        Args:
            batch: events in order; one that comes again has the same id and text.

        Returns:
            A verdict for each event, in order.

        Raises:
            SinkError: nothing is known of any of them.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of it."""
        ...


class LinesSink:
    """Writes one CloudEvent a line."""

    def __init__(self, target: TextIO, name: str) -> None:
        """Write to an open text file, which stays the caller's.

        Args:
            target: where to.
            name: what it is, for people.
        """
        self._target, self.name = target, name

    async def open(self) -> None:
        """Nothing to do."""

    async def send(self, batch: Sequence[StreamEvent]) -> list[Verdict]:
        """Write the lines and flush them."""
        try:
            self._target.write("".join(event_text(event) + "\n" for event in batch))
            self._target.flush()
        except BrokenPipeError as error:
            raise SinkUnusableError(f"{self.name}: the reader has gone") from error
        except OSError as error:
            raise SinkUnusableError(f"{self.name}: cannot be written: {os.strerror(error.errno or 0)}") from error
        return [TAKEN] * len(batch)

    async def close(self) -> None:
        """Nothing to do."""


def event_text(event: StreamEvent) -> str:
    """The CloudEvent as compact JSON."""
    return json.dumps(event.cloud_event(), ensure_ascii=False, separators=(",", ":"))
