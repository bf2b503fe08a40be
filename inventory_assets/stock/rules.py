"""The rules of stock for one item at one location, event by event, in whatever order the events arrive.

1. Effective order is (event time, kind, source, document). At one instant an assumed opening lies before everything,
   then movements, then openings, asserted levels and physical counts.
2. A count sets the book at its instant; movements that lie before it are absorbed, movements after it come on top,
   however late the count arrives. Rows of one document, source and instant (zones, lines) are parts of one count and
   are summed.
3. An opening is a count. An assumed opening holds only as long as nothing better is known: any other count beats it.
4. Before its first count or opening a pair is unknown: no book, neither zero nor negative.
5. Counts leave the unavailable part alone: it is the sum of its changes.

The frame form of the same rules is `fold`. What is not here: refusing commands, reservations, orders.
Every event is applied once; who calls removes repeated deliveries by their key first.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Literal

from inventory_assets.contracts.values import Value, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

Kind = Literal["assumed", "opening", "level", "count"]

KINDS: tuple[Kind, ...] = ("assumed", "opening", "level", "count")
"""Kinds of counts in the order in which they lie at one instant; the last one counts."""

BASIS: dict[Kind, str] = {"assumed": "assumed", "opening": "opening", "level": "counted", "count": "counted"}
"""How stock is known after a count of each kind."""

UNKNOWN = "unknown"


class LateCountError(LookupError):
    """A count lies before movements already applied, and nobody said how much they moved."""


class Movement(Value, frozen=True):
    """A signed change of stock.

    Attributes:
        at: when it happened.
        quantity: change of the book.
        unavailable: change of the unavailable part, which is contained in the book.
    """

    at: datetime
    quantity: int
    unavailable: int = 0


class Count(Value, frozen=True):
    """A statement of how much there is: a physical count, an authoritative level, an opening balance, an assumption.

    Attributes:
        at: the instant it speaks of.
        quantity: units, unavailable ones included.
        kind: see `KINDS`.
        source: system that produced it.
        document: count sheet or inventory list; rows of one document and instant are parts of one count.
    """

    at: datetime
    quantity: int
    kind: Kind = "count"
    source: str = ""
    document: str = ""

    @property
    def order(self) -> tuple[bool, datetime, int, str, str]:
        """Place among the counts of a pair: the greatest one is in force. Equal places are parts of one count."""
        return (self.kind != "assumed", self.at, KINDS.index(self.kind), self.source, self.document)

    def absorbs(self, movement_at: datetime) -> bool:
        """Whether a movement at this instant lies before the count, so that the counted units contain it."""
        return movement_at < self.at if self.kind == "assumed" else movement_at <= self.at


class Stock(Value, frozen=True):
    """What is known of one item at one location.

    Attributes:
        count: the count in force; None while the stock is unknown.
        net: Σ movements since that count, or since the start where there is none.
        net_unavailable: Σ changes of the unavailable part since the start.
        first_known_at: instant of the first count; before it the pair is unknown.
        last_movement_at: instant of the last movement.
    """

    count: Count | None = None
    net: int = 0
    net_unavailable: int = 0
    first_known_at: datetime | None = None
    last_movement_at: datetime | None = None

    @property
    def book(self) -> int | None:
        """Units on record; negative where more left than was known of; None while unknown."""
        return None if self.count is None else self.count.quantity + self.net

    @property
    def unavailable(self) -> int | None:
        """Units damaged, in inspection or held back; None while the stock is unknown."""
        return None if self.count is None else self.net_unavailable

    @property
    def basis(self) -> str:
        """How the stock is known: counted, opening, assumed or unknown."""
        return UNKNOWN if self.count is None else BASIS[self.count.kind]


def apply(stock: Stock, event: Movement | Count, net_after: Callable[[Count], int] | None = None) -> Stock:
    """Stock after one more event, whenever the event happened.

    Args:
        stock: state of the pair.
        event: the event, not applied before.
        net_after: Σ quantity of the applied movements that a count does not absorb, read from the ledger. Asked only
            when the count is to be in force and movements after it were applied already.

    Raises:
        LateCountError: `net_after` is needed and was not given.
    """
    if isinstance(event, Movement):
        absorbed = stock.count is not None and stock.count.absorbs(event.at)
        last = stock.last_movement_at
        return Stock(
            stock.count,
            stock.net + (0 if absorbed else event.quantity),
            stock.net_unavailable + event.unavailable,
            stock.first_known_at,
            event.at if last is None else max(last, event.at),
        )
    first = event.at if stock.first_known_at is None else min(stock.first_known_at, event.at)
    held = stock.count
    if held is not None and event.order <= held.order:
        if event.order == held.order:
            held = changed(held, quantity=held.quantity + event.quantity)
        return changed(stock, count=held, first_known_at=first)
    net = 0
    if stock.last_movement_at is not None and not event.absorbs(stock.last_movement_at):
        if net_after is None:
            raise LateCountError(
                f"a {event.kind} of {event.at.isoformat()} lies before the movement of "
                f"{stock.last_movement_at.isoformat()}; pass net_after, the sum of the movements after the count"
            )
        net = net_after(event)
    return changed(stock, count=event, net=net, first_known_at=first)


def fold(events: Iterable[Movement | Count], stock: Stock | None = None) -> Stock:
    """Stock after events that all lie after the given state, in any order."""

    def place(event: Movement | Count) -> tuple[datetime, int]:
        if isinstance(event, Movement):
            return (event.at, 1)
        return (event.at, 0 if event.kind == "assumed" else 2)

    return reduce(apply, sorted(events, key=place), stock or Stock())
