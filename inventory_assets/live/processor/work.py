"""What a micro-batch works on and what came of it, as values.

Not here: reading and writing them. Errors by which a whole batch is tried again have their names here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.values import Value
from inventory_assets.live.log.accepting import LogRow, envelope_of
from inventory_assets.stock.accounts import Account, Pair
from inventory_assets.stock.deciding import EVERYTHING_KNOWN, Known
from inventory_assets.stock.effects import Effect
from inventory_assets.stock.notices import DEFAULT_THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from inventory_assets.live.queue.claiming import Waiting
    from inventory_assets.stock.books import Posting


class TryAgainError(RuntimeError):
    """The batch met another transaction; nothing was written, and doing it again gives the answer."""


class StateConflictError(TryAgainError):
    """A row of the state has another version than the one that was read."""


class FactTakenError(TryAgainError):
    """The fact a command became is in the log already, since the command was read."""


@dataclass(frozen=True, slots=True)
class Masters:
    """What is known of items, locations and senders while a batch is applied; by default everything is.

    Attributes:
        known: masters, permissions; numbers taken are known by the processor itself.
        thresholds: thresholds of a pair.
        category: category of an item.
        position: inventory position of a pair with its account, None where unknown.
    """

    known: Known = EVERYTHING_KNOWN
    thresholds: Callable[[Pair], Thresholds] = lambda _pair: DEFAULT_THRESHOLDS
    category: Callable[[str], str | None] = lambda _item: None
    position: Callable[[Pair, Account], int | None] = lambda _pair, _account: None


class Part(Value, frozen=True):
    """A claimed part with its event.

    Attributes:
        waiting: its place in the queue.
        row: its event as the log keeps it.
        effects: what of the event's effects concerns its item and counts; none for a command.
        event: the event, where more than its effects is needed.
        error: why the event could not be read.
    """

    waiting: Waiting
    row: LogRow
    effects: tuple[Effect, ...] = ()
    event: Event | None = None
    error: Exception | None = None

    @property
    def is_command(self) -> bool:
        """Whether it is decided and not applied."""
        return self.row.effects is None


class Entered(Value, frozen=True, kw_only=True):
    """What came of one part, or of a reservation whose time was over.

    Attributes:
        sequence: the event it came from; None for a reservation whose time was over.
        decided: whether the postings belong to `facts`, and not to the event itself.
        part: part of the event.
        actor: who sent what it came from.
        row: the event as the log keeps it; None for a reservation whose time was over.
        event: the event, where it was read.
        postings: changes of accounts, in order.
        facts: facts a command became.
    """

    sequence: int | None
    decided: bool
    part: int
    actor: str
    row: LogRow | None = None
    event: Event | None = None
    postings: tuple[Posting, ...] = ()
    facts: tuple[Event, ...] = ()

    @property
    def type(self) -> str:
        """Type of the event it came from."""
        return self.row.type if self.row is not None else self.facts[0].envelope.type

    @property
    def cause(self) -> Event:
        """The event others are told about, its data left out where they were not read."""
        if self.event is not None or self.row is None:
            return self.event or self.facts[0]
        return Event(envelope_of(self.row, with_data=False), None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A part that could not be applied.

    Attributes:
        waiting: its place in the queue.
        error_class: validation, timeout, conflict, database or unexpected.
        error_code: name of the problem or SQLSTATE.
        message: what went wrong.
    """

    waiting: Waiting
    error_class: str
    error_code: str
    message: str


@dataclass(slots=True)
class Applied:
    """What one micro-batch did.

    Attributes:
        claimed: parts it took.
        completed: parts it finished.
        held: parts set aside, as only the batch side works on them now.
        retried: parts that failed and are tried again.
        dead: parts that failed for good.
        facts: facts commands became.
        postings: effects applied.
        state_writes: rows of the state written.
        outbox: rows of the outbox.
        lock_seconds: time that passed until names, state and log were locked.
    """

    claimed: list[Waiting] = field(default_factory=list)
    completed: list[Waiting] = field(default_factory=list)
    held: int = 0
    retried: int = 0
    dead: int = 0
    facts: int = 0
    postings: int = 0
    state_writes: int = 0
    outbox: int = 0
    lock_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Orders:
    """How a worker wants its batches.

    Attributes:
        worker: its name, kept with what it did.
        lanes: lanes it prefers.
        masters: what is known of items and locations; None for what the database holds of them.
        clock: gives the time, UTC.
        retry_after: seconds until a failed part is tried again, given the number of attempts.
        attempts: after so many a part is dead.
        lease_seconds: a transaction that stands still for so long is ended.
    """

    worker: str
    lanes: tuple[int, ...]
    clock: Callable[[], datetime]
    masters: Masters | None = None
    retry_after: Callable[[int], float] = lambda _attempts: 0.3
    attempts: int = 3
    lease_seconds: float = 5.0
