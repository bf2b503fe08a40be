"""Random events about stock as senders write them, and beside each what it should come to, written down by hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from hypothesis import strategies as st

from inventory_assets.contracts.events.reading import Event
from inventory_assets.stock import rules
from inventory_assets_tests.contracts.events.requests import cloud_event, event_of
from inventory_assets_tests.stock import histories
from inventory_assets_tests.stock.histories import instants

ITEMS, PLACES = ("A", "B"), ("east", "west")
SOURCES = ("/tills", "/wms")


@dataclass(frozen=True)
class Row:
    """What an event should do at a pair; `kind` as in `histories.Event`, None where the book is left alone."""

    item: str
    place: str
    kind: str | None
    quantity: int = 0
    unavailable: int = 0
    reserved: int = 0
    in_transit: int = 0
    document: str = ""


@dataclass(frozen=True)
class Told:
    """An event with the rows it should come to."""

    event: Event
    rows: tuple[Row, ...]


@st.composite
def facts(draw: st.DrawFn, number: int) -> Told:
    """A fact of any type that moves or states stock."""
    item, place = draw(st.sampled_from(ITEMS)), draw(st.sampled_from(PLACES))
    other = "west" if place == "east" else "east"
    units, part = draw(st.integers(1, 20)), draw(st.integers(0, 5))
    signed = units * draw(st.sampled_from([-1, 1]))
    sheet = draw(st.sampled_from([None, "sheet"]))
    counted = sheet or f"e-{number}"
    lines = [{"product_sku": item, "quantity": units}, {"product_sku": item.lower(), "quantity": part + 1}]
    both = units + part + 1
    pair = {"product_sku": item, "location_id": place}
    held = {"reservation_id": f"r-{number}", "location_id": place, "lines": lines}
    disposition = draw(st.sampled_from(["resalable", "damaged", "scrap"]))
    back = 0 if disposition == "scrap" else units
    price = draw(st.sampled_from([0, 1.5]))
    till = {**pair, "receipt_id": "R", "line_number": 1, "unit_price": price}
    transfer = {"transfer_id": "t", "to_location": other, "from_location": place}
    truck = {"truck_id": "k", "shipment_id": "s", "location_id": place}
    update = {**pair, "quantity": units, "reference": sheet}
    choices: dict[str, tuple[str, dict, list[Row]]] = {
        "sale": ("receipt_line_added", {**till, "quantity": units}, [Row(item, place, "sale", -units)]),
        "return": (
            "receipt_line_added",
            {**till, "quantity": -units, "disposition": disposition},
            [Row(item, place, "return", back, back if disposition == "damaged" else 0)],
        ),
        "count": (
            "stock.counted",
            {"location_id": place, "lines": lines, "document_id": sheet},
            [Row(item, place, "count", both, document=counted)],
        ),
        "opening": (
            "stock.opened",
            {"location_id": place, "lines": lines[:1], "document_id": sheet},
            [Row(item, place, "opening", units, document=counted)],
        ),
        "rfid": (
            "rfid.read",
            {**pair, "reader_id": "x", "quantity": units, "read_id": sheet},
            [Row(item, place, "count", units, document=counted)],
        ),
        "absolute": (
            "InventoryUpdate",
            {**update, "update_type": "Absolute"},
            [Row(item, place, "count", units, document=counted)],
        ),
        "increment": (
            "InventoryUpdate",
            {**update, "update_type": "Increment"},
            [Row(item, place, "adjustment", units)],
        ),
        "adjustment": (
            "StockAdjustment",
            {**pair, "quantity": signed, "reason": "found"},
            [Row(item, place, "adjustment", signed)],
        ),
        "receipt": (
            "Transaction",
            {"transaction_id": "x", "type": "Receipt", "to_location": place, "lines": lines},
            [Row(item, place, "adjustment", both)],
        ),
        "moved": (
            "stock.moved",
            {**pair, "kind": "return", "quantity": units, "unavailable": part, "document_id": "d"},
            [Row(item, place, "return", units, part)],
        ),
        "held": ("stock.held", {**pair, "quantity": signed}, [Row(item, place, "adjustment", 0, signed)]),
        "warm": (
            "temperature.breached",
            {**pair, "sensor_id": "s", "quantity": part, "measured_celsius": 9, "limit_celsius": 7},
            [Row(item, place, "adjustment", 0, part)],
        ),
        "shipped": (
            "transfer.shipped",
            {**transfer, "lines": lines},
            [Row(item, place, "adjustment", -both), Row(item, other, None, in_transit=both)],
        ),
        "received": (
            "transfer.received",
            {
                "transfer_id": "t",
                "to_location": place,
                "lines": [{"product_sku": item, "quantity": units, "closes": part}],
            },
            [Row(item, place, "adjustment", units, in_transit=-part)],
        ),
        "truck": ("truck_arrived", {**truck, "lines": lines}, [Row(item, place, "adjustment", both)]),
        "empty truck": ("truck_arrived", truck, []),
        "issued": ("stock.issued", {"location_id": place, "lines": lines}, [Row(item, place, "adjustment", -both)]),
        "transferred": (
            "stock.transferred",
            {"from_location": place, "to_location": other, "lines": lines},
            [Row(item, place, "adjustment", -both), Row(item, other, "adjustment", both)],
        ),
        "reserved": (
            "stock.reserved",
            {**held, "expires_at": "2024-03-01T00:00:00Z"},
            [Row(item, place, None, reserved=both)],
        ),
        "committed": ("reservation.committed", held, [Row(item, place, "adjustment", -both, reserved=-both)]),
        "expired": ("reservation.expired", held, [Row(item, place, None, reserved=-both)]),
        "asserted": ("inventory_updated", {**pair, "quantity": units, "reason": "x"}, []),
        "news": ("price.changed", {**pair, "new_price": 1, "currency": "EUR"}, []),
    }
    name, data, rows = choices[draw(st.sampled_from([*sorted(choices), "count", "absolute", "sale"]))]
    version = "2" if name in {"InventoryUpdate", "Transaction"} else "1"
    sent = cloud_event(
        name,
        {member: value for member, value in data.items() if value is not None},
        id=f"e-{number}",
        source=draw(st.sampled_from(SOURCES)),
        time=draw(instants).isoformat(),
        schemaversion=version,
    )
    return Told(event_of(sent, trusted=True), tuple(rows))


@st.composite
def stories(draw: st.DrawFn, max_size: int = 14) -> list[Told]:
    """Facts with different ids."""
    return [draw(facts(number)) for number in range(draw(st.integers(0, max_size)))]


def model(told: list[Told]) -> dict[tuple[str, str], dict]:
    """What the plain model of the book, and sums, make of the rows."""
    numbers = itertools.count()
    events: list[histories.Event] = []
    figures: dict[tuple[str, str], dict] = {}
    for each in told:
        for row in each.rows:
            pair = (row.item, row.place)
            sums = figures.setdefault(pair, {"reserved": 0, "in_transit": 0, "version": 0})
            sums["reserved"] += row.reserved
            sums["in_transit"] += row.in_transit
            sums["version"] += 1
            if row.kind is not None:
                source = each.event.envelope.source if row.kind in rules.KINDS else ""
                at = each.event.envelope.time
                events.append(
                    histories.Event(
                        next(numbers), pair, at, row.kind, row.quantity, row.unavailable, source, row.document
                    )
                )
    blank = {"book": None, "held": 0, "basis": "unknown", "known": None, "counted_at": None, "moved": None}
    books = histories.model(events)
    return {pair: {**blank, **books.get(pair, {}), **sums} for pair, sums in figures.items()}
