"""What happens to an event at the door: taken, set aside by the filter, held in quarantine, or refused.

Only the decision stands here; storing it is the listener's. Every event that is not refused ends in the log with its
disposition, so that a filtered or quarantined one can be released later.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.commands import InventoryUpdate, Transaction
from inventory_assets.contracts.events.problems import FieldError, Problem
from inventory_assets.contracts.events.reading import Event

Disposition = Literal["accepted", "filtered", "quarantined"]

ANY = "*"
MAX_AHEAD = timedelta(minutes=5)
EMERGENCY = "EmergencyReplenishment"
EMERGENCY_PRIORITY = 11
"""Place of an emergency in the queue: before all priorities a sender may give."""

_SECONDS = {10: 1, 9: 2, 8: 5, 7: 10}
_SECONDS_OTHERWISE = 30


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """Which events are taken (000, flow 1).

    Attributes:
        refused_sources: sources whose events are refused.
        taken_types: types that are taken whatever their priority; "*" stands for all, and then nothing is filtered.
        taken_priority: priority from which any type is taken.
        max_ahead: how far an event's time may lie ahead of its reception.
        earliest: business before this day is held in quarantine.
    """

    refused_sources: frozenset[str] = frozenset()
    taken_types: frozenset[str] = frozenset({ANY})
    taken_priority: int = 7
    max_ahead: timedelta = MAX_AHEAD
    earliest: date = date(2005, 1, 1)


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision.

    Attributes:
        disposition: what becomes of the event.
        reason: why it is not taken; for quarantine a code of `contracts.silver.REASONS`.
    """

    disposition: Disposition
    reason: str | None = None


_ACCEPTED = Admission("accepted")


@functools.lru_cache(8)
def _beginning(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def admit(event: Event, policy: DoorPolicy) -> Admission | Problem:
    """What becomes of an event. Facts about stock are never filtered."""
    envelope = event.envelope
    if envelope.source in policy.refused_sources:
        error = FieldError("/source", f"{envelope.source} is on the list of refused sources")
        return Problem("source_refused", error.detail, (error,), envelope.id)
    happened = happened_at(event)
    if max(happened, envelope.time) > envelope.received_at + policy.max_ahead:
        return Admission("quarantined", "event_time_ahead")
    if min(happened, envelope.time) < _beginning(policy.earliest):
        return Admission("quarantined", "date_out_of_range")
    taken = ANY in policy.taken_types or envelope.type in policy.taken_types
    if taken or envelope.priority >= policy.taken_priority or is_stock_fact(event):
        return _ACCEPTED
    return Admission("filtered", f"priority {envelope.priority} and type {envelope.type} is not on the list")


def happened_at(event: Event) -> datetime:
    """When it happened: what the data says where its type may, otherwise the event's time."""
    payload = event.payload
    if isinstance(payload, InventoryUpdate) and payload.happened_at is not None:
        return payload.happened_at
    return event.envelope.time


def is_command(event: Event) -> bool:
    """Whether it asks for something and may be refused."""
    payload = event.payload
    if isinstance(payload, InventoryUpdate):
        return payload.update_type == "Decrement"
    if isinstance(payload, Transaction):
        return payload.type != "Receipt"
    declared = TYPES.get(event.envelope.type)
    return declared is not None and declared.nature == "command"


def is_stock_fact(event: Event) -> bool:
    """Whether it says that stock moved, or how much there is."""
    declared = TYPES.get(event.envelope.type)
    return declared is not None and declared.moves_stock and not is_command(event)


def queue_priority(event: Event) -> int:
    """Place in the queue: the event's priority, an emergency before all."""
    return EMERGENCY_PRIORITY if event.envelope.type == EMERGENCY else event.envelope.priority


def estimated_seconds(priority: int) -> int:
    """Seconds until an event of this priority is processed, as told to the sender (000, flow 1)."""
    return _SECONDS.get(min(priority, 10), _SECONDS_OTHERWISE)
