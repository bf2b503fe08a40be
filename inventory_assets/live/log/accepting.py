"""From an event of the contract to its entry in the log, and from its row back to the event.

Pure. What becomes of it at the door is decided in `contracts.events.admission`, what it does to stock in
`stock.effects`; both are only kept here. Invariant: `event_of` of the row of `entry_of(event)` is that event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_assets.contracts.events.admission import is_command, queue_priority
from inventory_assets.contracts.events.envelope import Envelope, fingerprint
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.events.wire import dumps, texts
from inventory_assets.live.log.entries import Disposition, Entry
from inventory_assets.live.log.stored_effects import written
from inventory_assets.stock.deciding import pairs_named
from inventory_assets.stock.effects import possible_effects

_PLAIN = (
    ("version", 1), ("shape", "cloudevents"), ("subject", None), ("trace_id", None), ("correlation_id", None),
    ("causation_id", None), ("partition_key", None),
)  # fmt: skip
"""Attributes without a column, and what they are where nothing is kept of them."""


class UnreadableEventError(ValueError):
    """The payload of an event in the log cannot be read; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem.

        Args:
            problem: what reading said.
        """
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of `event_log`, as far as an event is made of it.

    Attributes:
        sequence: its place in the log.
        source: see `entries.Entry`; the same for the following ones.
        event_id: its id there.
        type: its type.
        event_time: when it happened.
        received_at: when it reached us.
        priority: its place in the queue.
        items: items it touches.
        effects: text of its effects; None for a command.
        envelope: the remaining attributes, as JSON text.
        data: what it says, as JSON text.
    """

    sequence: int
    source: str
    event_id: str
    type: str
    event_time: datetime
    received_at: datetime
    priority: int
    items: list[str]
    effects: str | None
    envelope: str
    data: str


ROW_COLUMNS = (
    "sequence, source, event_id, type, event_time, received_at, priority, items, effects, envelope::text, data::text"
)
"""Select list of a `LogRow`."""


def entry_of(event: Event, disposition: Disposition = "accepted", reason: str | None = None) -> Entry:
    """The event as the log keeps it.

    Args:
        event: as `contracts.events.reading` or `stock.deciding` made it.
        disposition: what became of it at the door.
        reason: why it is not accepted.
    """
    envelope = event.envelope
    command = is_command(event)
    effects = () if command else possible_effects(event)
    data, canonical = texts(envelope.data)
    return Entry(
        source=envelope.source,
        event_id=envelope.id,
        type=envelope.type,
        event_time=envelope.time,
        received_at=envelope.received_at,
        priority=queue_priority(event),
        items=_items(event, [each.item for each in effects]),
        envelope=dumps(kept) if (kept := _attributes(event, reason)) else "{}",
        data=data,
        fingerprint=bytes.fromhex(fingerprint(envelope, canonical)),
        disposition=disposition,
        effects=None if command else written(effects),
    )


def event_of(row: LogRow) -> Event:
    """The event of a row, its payload read.

    Raises:
        UnreadableEventError: the payload fits no version this program knows.
    """
    envelope = envelope_of(row)
    payload = read_payload(envelope)
    if isinstance(payload, Problem):
        raise UnreadableEventError(payload)
    return Event(envelope, payload)


def envelope_of(row: LogRow, *, with_data: bool = True) -> Envelope:
    """The envelope of a row.

    Args:
        row: the row.
        with_data: whether its data are read; otherwise they are None.
    """
    kept = json.loads(row.envelope) if row.envelope != "{}" else {}
    return Envelope(
        id=row.event_id,
        type=row.type,
        source=row.source,
        time=row.event_time,
        received_at=row.received_at,
        data=json.loads(row.data, parse_float=Decimal) if with_data else None,
        version=kept.get("version", 1),
        subject=kept.get("subject"),
        priority=kept.get("priority", row.priority),
        trace_id=kept.get("trace_id"),
        correlation_id=kept.get("correlation_id"),
        causation_id=kept.get("causation_id"),
        partition_key=kept.get("partition_key"),
        shape=kept.get("shape", "cloudevents"),
        extensions=kept.get("extensions", {}),
    )


def _items(event: Event, moved: list[str]) -> tuple[str, ...]:
    """Items of its effects; of a command those it names; of news the one it is about, so that it can be found."""
    found = moved or [item for item, _ in pairs_named(event)]
    if not found:
        about = getattr(event.payload, "product_sku", None) or (event.envelope.pair or (None,))[0]
        found = [about] if about else []
    return tuple(dict.fromkeys(found))


def _attributes(event: Event, reason: str | None) -> dict[str, Any]:
    """Attributes of the envelope that have no column, where they are not the plain ones."""
    envelope = event.envelope
    kept: dict[str, Any] = {}
    for name, plain in _PLAIN:
        value = getattr(envelope, name)
        if value != plain:
            kept[name] = value
    if envelope.priority != queue_priority(event):
        kept["priority"] = envelope.priority
    if envelope.extensions:
        kept["extensions"] = dict(envelope.extensions)
    if reason is not None:
        kept["disposition_reason"] = reason
    return kept
