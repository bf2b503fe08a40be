"""Commands decided against available stock: (accounts, reservations, command, instant) → the facts it became.

A command is carried out as a whole or refused as a whole, with a reason for each item that stood in the way; lines of
one item are checked together. Deciding the same command again in the same state gives the same facts with the same ids
(uuid5 of the command and an ordinal), so that a repeated transaction changes nothing.
Not here: what the facts do to stock (`effects`), storing them, locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_assets.contracts.events.admission import is_command
from inventory_assets.contracts.events.commands import (
    InventoryUpdate,
    ReservationCommit,
    ReservationRelease,
    StockReserve,
    Transaction,
)
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id, subject_of
from inventory_assets.contracts.events.facts import (
    CommandRefused,
    Refusal,
    RefusedLine,
    ReservationEnded,
    StockIssued,
    StockReserved,
    StockTransferred,
)
from inventory_assets.contracts.events.fields import Line, Payload
from inventory_assets.contracts.events.reading import Event
from inventory_assets.stock.accounts import Account, Pair
from inventory_assets.stock.reservations import Reservation


class NotACommandError(TypeError):
    """A fact or news was handed over to be decided."""


@dataclass(frozen=True, slots=True)
class Known:
    """What else a decision depends on.

    Attributes:
        item: whether an item is in the master.
        location: whether a location is in the master.
        permitted: whether the sender may ask for this.
        transaction_taken: whether a sender's transaction number was taken before by another event.
    """

    item: Callable[[str], bool] = lambda _item: True
    location: Callable[[str], bool] = lambda _location: True
    permitted: Callable[[Event], bool] = lambda _event: True
    transaction_taken: Callable[[str, str], bool] = lambda _source, _transaction: False


EXPIRED = "expired"
"""Ordinal of the fact that a reservation's time is over, among those that follow from the one that made it."""
EVERYTHING_KNOWN = Known()
"""Every item, location, sender and transaction is fine."""

_SAID: Mapping[Refusal, str] = {
    "stock_unknown": "the stock is unknown: count it or send an opening balance",
    "insufficient": "less is available than asked for",
    "item_unknown": "the item is not in the product master",
    "location_unknown": "the location is not in the location master",
    "not_permitted": "the sender may not ask for this",
    "duplicate_transaction": "the transaction number was taken before",
    "reservation_exists": "the reservation number was taken before",
    "reservation_unknown": "there is no such reservation",
    "reservation_expired": "the reservation's time is over",
    "reservation_committed": "the reservation was sold already",
    "reservation_released": "the reservation was given back already",
}


def decide(
    command: Event,
    accounts: Mapping[Pair, Account],
    reservations: Mapping[str, Reservation],
    at: datetime,
    known: Known = EVERYTHING_KNOWN,
) -> tuple[Event, ...]:
    """Facts a command became; none for the release of a reservation that has ended, or for taking away nothing.

    Args:
        command: the command.
        accounts: at least the accounts of the pairs it names; a pair without one is unknown.
        reservations: at least the reservation it names, where there is one.
        at: when it is decided, UTC.
        known: masters, permissions, taken numbers.

    Raises:
        NotACommandError: the event is no command.
    """
    payload = command.payload
    if payload is None or not is_command(command):
        raise NotACommandError(
            f"{command.envelope.type} {command.envelope.id} is no command; it is applied, not decided"
        )
    desk = _Desk(command, accounts, at, known, _latest_count(command, accounts, reservations))
    if not known.permitted(command):
        return desk.refused("not_permitted")
    if isinstance(payload, InventoryUpdate):
        if payload.quantity == 0:
            return ()
        return desk.issued(payload.location_id, [_line(payload.product_sku, payload.quantity)], payload.reference)
    if isinstance(payload, Transaction):
        return _transaction(desk, payload)
    if isinstance(payload, StockReserve):
        return _reserved(desk, payload, reservations)
    if isinstance(payload, ReservationCommit | ReservationRelease):
        return _ended(desk, payload, reservations)
    raise NotACommandError(f"{command.envelope.type}: nothing decides this command")


def pairs_named(command: Event) -> tuple[Pair, ...]:
    """Pairs whose accounts a command is decided on, in the order of its lines.

    The end of a reservation names none: its pairs are those of the reservation.
    """
    payload = command.payload
    if isinstance(payload, InventoryUpdate):
        return ((payload.product_sku, payload.location_id),)
    if isinstance(payload, Transaction):
        places = [place for place in (payload.from_location, payload.to_location) if place is not None]
        return tuple(dict.fromkeys((line.product_sku, place) for line in payload.lines for place in places))
    if isinstance(payload, StockReserve):
        return tuple(dict.fromkeys((line.product_sku, payload.location_id) for line in payload.lines))
    return ()


def expired(reservation: Reservation, at: datetime) -> Event | None:
    """The fact that a reservation's time is over, the same whoever finds it; None while it is not, or it has ended."""
    if reservation.event is None or not reservation.is_due(at):
        return None
    payload = ReservationEnded(
        reservation_id=reservation.id, location_id=reservation.location, lines=list(reservation.lines)
    )
    envelope = Envelope(
        id=derived_id(reservation.event, EXPIRED),
        type="reservation.expired",
        source=SERVICE_SOURCE,
        time=at,
        received_at=at,
        data=_data(payload),
        causation_id=reservation.event[1],
    )
    return Event(envelope, payload)


def _transaction(desk: _Desk, payload: Transaction) -> tuple[Event, ...]:
    if desk.known.transaction_taken(desk.command.envelope.source, payload.transaction_id):
        return desk.refused("duplicate_transaction")
    source = payload.from_location or ""
    if payload.type == "Issue":
        return desk.issued(source, payload.lines, payload.transaction_id, payload.reason)
    target = payload.to_location or ""
    if not desk.known.location(target):
        return desk.refused("location_unknown", (desk.line(payload.lines[0].product_sku, target, 0),))
    short = desk.short(source, payload.lines)
    if short:
        return desk.refused(short[0].reason, short)
    moved = StockTransferred(
        from_location=source, to_location=target, lines=payload.lines, transaction_id=payload.transaction_id
    )
    return desk.fact("stock.transferred", moved)


def _reserved(desk: _Desk, payload: StockReserve, reservations: Mapping[str, Reservation]) -> tuple[Event, ...]:
    if payload.reservation_id in reservations:
        return desk.refused("reservation_exists")
    short = desk.short(payload.location_id, payload.lines)
    lines = list(payload.lines)
    if short and payload.partial and {line.reason for line in short} == {"insufficient"}:
        lines = desk.covered(payload.location_id, payload.lines)
    if short and (not lines or lines == list(payload.lines)):
        return desk.refused(short[0].reason, short)
    held = StockReserved(
        reservation_id=payload.reservation_id,
        location_id=payload.location_id,
        lines=lines,
        expires_at=desk.at + timedelta(seconds=payload.expires_in_seconds),
        reference=payload.reference,
    )
    return desk.fact("stock.reserved", held)


def _ended(
    desk: _Desk, payload: ReservationCommit | ReservationRelease, reservations: Mapping[str, Reservation]
) -> tuple[Event, ...]:
    reservation = reservations.get(payload.reservation_id)
    committing = isinstance(payload, ReservationCommit)
    if reservation is None:
        return desk.refused("reservation_unknown")
    if reservation.status != "open":
        ends: Mapping[str, Refusal] = {
            "committed": "reservation_committed",
            "released": "reservation_released",
            "expired": "reservation_expired",
        }
        return desk.refused(ends[reservation.status]) if committing else ()
    over = expired(reservation, desk.at)
    if over is not None:
        return (over, *(desk.refused("reservation_expired") if committing else ()))
    lines = list(reservation.lines)
    if isinstance(payload, ReservationCommit):
        sold = ReservationEnded(
            reservation_id=reservation.id, location_id=reservation.location, lines=lines, reference=payload.reference
        )
        return desk.fact("reservation.committed", sold)
    given_back = ReservationEnded(
        reservation_id=reservation.id, location_id=reservation.location, lines=lines, reason=payload.reason
    )
    return desk.fact("reservation.released", given_back)


class _Desk:
    """Writes the facts of one command."""

    def __init__(
        self,
        command: Event,
        accounts: Mapping[Pair, Account],
        at: datetime,
        known: Known,
        counted_at: datetime | None,
    ) -> None:
        self.command, self.accounts, self.at, self.known = command, accounts, at, known
        self.happens_at = at if counted_at is None else max(at, counted_at + _MOMENT)

    def fact(self, name: str, payload: Payload, subject: str | None = None) -> tuple[Event, ...]:
        """The one fact a command became."""
        asked = self.command.envelope
        envelope = Envelope(
            id=derived_id(asked.key, 0),
            type=name,
            source=SERVICE_SOURCE,
            time=self.happens_at,
            received_at=self.at,
            data=_data(payload),
            subject=subject or asked.subject,
            priority=asked.priority,
            trace_id=asked.trace_id,
            correlation_id=asked.correlation_id or asked.id,
            causation_id=asked.id,
            partition_key=asked.partition_key,
        )
        return (Event(envelope, payload),)

    def issued(
        self, location: str, lines: Iterable[Line], transaction: str | None, reason: str | None = None
    ) -> tuple[Event, ...]:
        lines = list(lines)
        short = self.short(location, lines)
        if short:
            return self.refused(short[0].reason, short)
        left = StockIssued(location_id=location, lines=lines, transaction_id=transaction, reason=reason)
        subject = subject_of(lines[0].product_sku, location) if len(lines) == 1 else None
        return self.fact("stock.issued", left, subject)

    def refused(self, reason: Refusal, lines: Iterable[RefusedLine] = ()) -> tuple[Event, ...]:
        """The fact that nothing was done."""
        asked = self.command.payload
        lines = list(lines)
        where = "".join(
            f"; {line.product_sku} at {line.location_id}: {line.wanted} wanted, "
            f"{'unknown' if line.available is None else line.available} available"
            for line in lines[:3]
        )
        payload = CommandRefused(
            command_type=self.command.envelope.type,
            reason=reason,
            detail=_SAID[reason] + where,
            lines=lines,
            transaction_id=getattr(asked, "transaction_id", None),
            reservation_id=getattr(asked, "reservation_id", None),
        )
        return self.fact("command.refused", payload)

    def short(self, location: str, lines: Iterable[Line]) -> list[RefusedLine]:
        """Items that stand in the way, all lines of an item taken together."""
        wanted: dict[str, int] = {}
        for line in lines:
            wanted[line.product_sku] = wanted.get(line.product_sku, 0) + line.quantity
        found: list[RefusedLine] = []
        for item, units in wanted.items():
            reason = self._reason(item, location, units)
            if reason is not None:
                found.append(self.line(item, location, units, reason))
        return found

    def covered(self, location: str, lines: Iterable[Line]) -> list[Line]:
        """As much of each line as is available, the first lines first; lines of which nothing is left out."""
        left: dict[str, int] = {}
        taken: list[Line] = []
        for line in lines:
            held = left.setdefault(line.product_sku, max(0, self._available(line.product_sku, location) or 0))
            units = min(held, line.quantity)
            left[line.product_sku] = held - units
            if units:
                taken.append(_line(line.product_sku, units))
        return taken

    def line(self, item: str, location: str, wanted: int, reason: Refusal = "location_unknown") -> RefusedLine:
        return RefusedLine(
            product_sku=item,
            location_id=location,
            wanted=wanted,
            available=self._available(item, location),
            reason=reason,
        )

    def _reason(self, item: str, location: str, wanted: int) -> Refusal | None:
        available = self._available(item, location)
        if not self.known.location(location):
            return "location_unknown"
        if not self.known.item(item):
            return "item_unknown"
        if available is None:
            return "stock_unknown"
        return "insufficient" if available < wanted else None

    def _available(self, item: str, location: str) -> int | None:
        return self.accounts.get((item, location), _UNSEEN).available


_UNSEEN = Account()
_MOMENT = timedelta(microseconds=1)


def _latest_count(
    command: Event, accounts: Mapping[Pair, Account], reservations: Mapping[str, Reservation]
) -> datetime | None:
    """Instant of the latest count a command is decided on.

    What leaves on the strength of a count leaves after it. The clock of a till may be minutes ahead of ours, or ours
    may be set back: a fact of before the count would be absorbed by it, and the same unit given away again.
    """
    pairs = pairs_named(command)
    reservation = reservations.get(getattr(command.payload, "reservation_id", ""))
    if reservation is not None:
        pairs = (*pairs, *((line.product_sku, reservation.location) for line in reservation.lines))
    counts = (accounts.get(pair, _UNSEEN).stock.count for pair in pairs)
    return max((count.at for count in counts if count is not None), default=None)


def _line(item: str, quantity: int) -> Line:
    return Line(product_sku=item, quantity=quantity)


def _data(payload: Payload) -> dict[str, object]:
    """The payload as the log keeps it."""
    return payload.model_dump(mode="json", exclude_none=True, by_alias=True)
