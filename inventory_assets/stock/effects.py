"""What one event does to stock: its payload as changes and statements about items at locations.

An effect says everything by itself: it depends on the event and on what is known of its location and source, never on
the state or on other events, so that facts fold in any order. Commands have no effect here: what they were decided
into (`deciding`) has. One event has at most one effect a pair of item and location: its lines are summed.
How effects fold is not here (`rules` for the book, `accounts` for one event at a time, `effect_frames` for frames).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.contracts.events.admission import happened_at, is_command
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.values import Value, changed
from inventory_assets.stock.movements import HELD_BACK, SCRAP
from inventory_assets.stock.rules import KINDS

if TYPE_CHECKING:
    from inventory_assets.contracts.events import commands, facts, notices, retail, signals
    from inventory_assets.contracts.events.fields import Line
    from inventory_assets.contracts.events.reading import Event

PROMISE_KINDS = ("reserved", "released", "expired", "dispatched")
"""Kinds of effects that leave the book alone: they change what is promised or under way."""

ASSERTED = "level"
"""Kind of the effects of events that say what another system believes."""

Authority = Literal["ledger", "wms"]


class Effect(Value, frozen=True):
    """What an event does at one item and location.

    Attributes:
        item: item code.
        location: location.
        at: when it happened.
        kind: kind of movement (`contracts.silver.MOVEMENT_KINDS` and "held"), of count (`rules.KINDS`), or one of
            `PROMISE_KINDS`.
        quantity: change of the book; for a count the units stated.
        unavailable: change of the unavailable part.
        reserved: change of what is promised.
        in_transit: change of what is under way to the location.
        source: source of the event.
        event_id: its id.
        document: document behind it; for counts what makes events parts of one count.
        line: line of the document, where there is one.
    """

    item: str
    location: str
    at: datetime
    kind: str
    quantity: int = 0
    unavailable: int = 0
    reserved: int = 0
    in_transit: int = 0
    source: str = ""
    event_id: str = ""
    document: str = ""
    line: int = 0

    @property
    def pair(self) -> tuple[str, str]:
        """Item and location."""
        return (self.item, self.location)

    @property
    def is_count(self) -> bool:
        """Whether it states how much there is."""
        return self.kind in KINDS

    @property
    def is_movement(self) -> bool:
        """Whether the book or its unavailable part is what it changes."""
        return not self.is_count and self.kind not in PROMISE_KINDS


@dataclass(frozen=True, slots=True)
class Assertion:
    """What another system says there is, to be compared.

    Attributes:
        item: item code.
        location: location.
        at: the instant it speaks of.
        quantity: units.
    """

    item: str
    location: str
    at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of locations and sources.

    Attributes:
        authority: whose word counts at a location at an instant: our ledger's, or that of its warehouse system.
        is_merchandise: whether a source's item code is goods (not postage, fees, vouchers).
    """

    authority: Callable[[str, datetime], Authority] = lambda _location, _at: "ledger"
    is_merchandise: Callable[[str, str], bool] = lambda _source, _item: True


LEDGER_RULES = Surroundings()
"""Our ledger counts everywhere, and every code is goods."""


def effects_of(event: Event, surroundings: Surroundings = LEDGER_RULES) -> tuple[Effect, ...]:
    """Effects of an event; none for commands, news and types nobody declared."""
    return permitted(possible_effects(event), surroundings)


def possible_effects(event: Event) -> tuple[Effect, ...]:
    """Effects an event has where every source is believed and every code is goods; `permitted` leaves those that count.

    They depend on the event alone, so they may be computed once and kept with it.
    """
    effect = _EFFECTS.get(event.envelope.type)
    if event.payload is None or effect is None or is_command(event):
        return ()
    if event.envelope.type in _ASSERTING and event.envelope.source == SERVICE_SOURCE:
        return ()
    return _summed(effect(_Writer(event), event.payload))


def permitted(effects: Iterable[Effect], surroundings: Surroundings) -> tuple[Effect, ...]:
    """Effects that count: goods only, and levels only where the location's warehouse system has the say."""
    return tuple(
        each
        for each in effects
        if surroundings.is_merchandise(each.source, each.item)
        and (each.kind != ASSERTED or surroundings.authority(each.location, each.at) == "wms")
    )


def assertions_of(event: Event) -> tuple[Assertion, ...]:
    """What the event says another system believes, whether or not that counts."""
    effect = _EFFECTS.get(event.envelope.type)
    if event.payload is None or effect is None or event.envelope.type not in _ASSERTING:
        return ()
    found = _summed(effect(_Writer(event), event.payload))
    return tuple(Assertion(each.item, each.location, each.at, each.quantity) for each in found)


class _Writer:
    """Writes effects of one event."""

    def __init__(self, event: Event) -> None:
        self.at = happened_at(event)
        self.source, self.event_id = event.envelope.key

    def moved(self, item: str, location: str, kind: str, quantity: int, document: str | None, **more: int) -> Effect:
        return Effect(
            item,
            location,
            self.at,
            kind,
            quantity,
            source=self.source,
            event_id=self.event_id,
            document=document or self.event_id,
            **more,
        )

    def lines(
        self, lines: Iterable[Line | facts.CountedLine], location: str, kind: str, sign: int, document: str | None
    ) -> list[Effect]:
        return [
            self.moved(line.product_sku, location, kind, sign * line.quantity, document, line=number)
            for number, line in enumerate(lines, 1)
        ]

    def promised(self, payload: facts.StockReserved | facts.ReservationEnded, kind: str, sign: int) -> list[Effect]:
        """Effects of a reservation's lines on what is reserved."""
        return [
            changed(line, quantity=0, reserved=line.quantity)
            for line in self.lines(payload.lines, payload.location_id, kind, sign, payload.reservation_id)
        ]


def _summed(effects: list[Effect]) -> tuple[Effect, ...]:
    """One effect a pair: lines of one item at one location are added, whatever they are."""
    if len(effects) == 1:
        return tuple(effects)
    by_pair: dict[tuple[str, str], Effect] = {}
    for each in effects:
        held = by_pair.get(each.pair)
        by_pair[each.pair] = (
            each
            if held is None
            else changed(
                held,
                quantity=held.quantity + each.quantity,
                unavailable=held.unavailable + each.unavailable,
                reserved=held.reserved + each.reserved,
                in_transit=held.in_transit + each.in_transit,
            )
        )
    return tuple(by_pair.values())


def _inventory_update(write: _Writer, payload: commands.InventoryUpdate) -> list[Effect]:
    kind = "count" if payload.update_type == "Absolute" else "adjustment"
    return [write.moved(payload.product_sku, payload.location_id, kind, payload.quantity, payload.reference)]


def _transaction(write: _Writer, payload: commands.Transaction) -> list[Effect]:
    return write.lines(payload.lines, payload.to_location or "", "receipt", 1, payload.transaction_id)


def _adjusted(write: _Writer, payload: commands.StockAdjustment) -> list[Effect]:
    return [write.moved(payload.product_sku, payload.location_id, "adjustment", payload.quantity, payload.reference)]


def _moved(write: _Writer, payload: facts.StockMoved) -> list[Effect]:
    return [
        write.moved(
            payload.product_sku,
            payload.location_id,
            payload.kind,
            payload.quantity,
            payload.document_id,
            unavailable=payload.unavailable,
            line=payload.line_number,
        )
    ]


def _stated(kind: str) -> Callable[[_Writer, Any], list[Effect]]:
    def state(write: _Writer, payload: facts.StockCounted | facts.StockOpened | facts.StockAsserted) -> list[Effect]:
        return write.lines(payload.lines, payload.location_id, kind, 1, payload.document_id)

    return state


def _held(write: _Writer, payload: facts.StockHeld | signals.TemperatureBreached) -> list[Effect]:
    """Units become unavailable; the book stays."""
    return [write.moved(payload.product_sku, payload.location_id, "held", 0, None, unavailable=payload.quantity)]


def _shipped(write: _Writer, payload: facts.TransferShipped) -> list[Effect]:
    leaving = write.lines(payload.lines, payload.from_location, "transfer_out", -1, payload.transfer_id)
    under_way = [
        changed(each, location=payload.to_location, kind="dispatched", quantity=0, in_transit=-each.quantity)
        for each in leaving
    ]
    return [*leaving, *under_way]


def _received(write: _Writer, payload: facts.TransferReceived) -> list[Effect]:
    return [
        write.moved(
            line.product_sku,
            payload.to_location,
            "transfer_in",
            line.quantity,
            payload.transfer_id,
            unavailable=line.unavailable,
            in_transit=-(line.quantity if line.closes is None else line.closes),
            line=number,
        )
        for number, line in enumerate(payload.lines, 1)
    ]


def _issued(write: _Writer, payload: facts.StockIssued) -> list[Effect]:
    return write.lines(payload.lines, payload.location_id, "issue", -1, payload.transaction_id)


def _transferred(write: _Writer, payload: facts.StockTransferred) -> list[Effect]:
    return [
        *write.lines(payload.lines, payload.from_location, "transfer_out", -1, payload.transaction_id),
        *write.lines(payload.lines, payload.to_location, "transfer_in", 1, payload.transaction_id),
    ]


def _committed(write: _Writer, payload: facts.ReservationEnded) -> list[Effect]:
    leaving = write.lines(payload.lines, payload.location_id, "issue", -1, payload.reference or payload.reservation_id)
    return [changed(each, reserved=each.quantity) for each in leaving]


def _promised(kind: str, sign: int) -> Callable[[_Writer, Any], list[Effect]]:
    return lambda write, payload: write.promised(payload, kind, sign)


def _till_line(write: _Writer, payload: retail.ReceiptLineAdded) -> list[Effect]:
    """As `movements.movements_of_pos`: goods that came back are resalable, held back or scrapped."""
    units = payload.quantity
    kind = "return" if units < 0 else "given_away" if payload.unit_price == 0 else "sale"
    scrapped = units < 0 and payload.disposition == SCRAP
    held_back = units < 0 and payload.disposition in HELD_BACK
    return [
        write.moved(
            payload.product_sku,
            payload.location_id,
            kind,
            0 if scrapped else -units,
            payload.receipt_id,
            unavailable=-units if held_back else 0,
            line=payload.line_number,
        )
    ]


def _delivered(write: _Writer, payload: retail.TruckArrived) -> list[Effect]:
    if payload.lines is None:
        return []
    return write.lines(payload.lines, payload.location_id, "receipt", 1, payload.shipment_id)


def _asserted_level(write: _Writer, payload: retail.RetailInventoryUpdated) -> list[Effect]:
    if payload.quantity is None:
        return []
    return [write.moved(payload.product_sku, payload.location_id, ASSERTED, payload.quantity, None)]


def _asserted_update(write: _Writer, payload: notices.InventoryUpdated) -> list[Effect]:
    if payload.new_stock is None:
        return []
    return [write.moved(payload.product_sku, payload.location_id, ASSERTED, payload.new_stock, None)]


def _swept(write: _Writer, payload: signals.RfidRead) -> list[Effect]:
    return [write.moved(payload.product_sku, payload.location_id, "count", payload.quantity, payload.read_id)]


_ASSERTING = frozenset({"stock.asserted", "inventory_updated", "inventory.updated"})
"""Types that say what another system believes."""

_EFFECTS: Mapping[str, Callable[[_Writer, Any], list[Effect]]] = {
    "InventoryUpdate": _inventory_update,
    "Transaction": _transaction,
    "StockAdjustment": _adjusted,
    "stock.moved": _moved,
    "stock.counted": _stated("count"),
    "stock.opened": _stated("opening"),
    "stock.asserted": _stated(ASSERTED),
    "stock.held": _held,
    "transfer.shipped": _shipped,
    "transfer.received": _received,
    "stock.issued": _issued,
    "stock.transferred": _transferred,
    "stock.reserved": _promised("reserved", 1),
    "reservation.committed": _committed,
    "reservation.released": _promised("released", -1),
    "reservation.expired": _promised("expired", -1),
    "receipt_line_added": _till_line,
    "truck_arrived": _delivered,
    "inventory_updated": _asserted_level,
    "inventory.updated": _asserted_update,
    "rfid.read": _swept,
    "temperature.breached": _held,
}
"""The effect of each type that has one."""

EFFECTIVE_TYPES = frozenset(_EFFECTS)
"""Types that may change or state stock."""
