"""Something that happens in a simulated shop, and the CloudEvent it is told as.

Not here: what happens when (`shop`, `stream`, `streaming`). Invariant: a happening never changes; the event of one and
the same happening and id is the same text every time, so that sending it again is the same event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from inventory_assets.contracts.events.envelope import DEFAULT_PRIORITY, subject_of


class EventType(StrEnum):
    """The 15 types of 004."""

    RECEIPT_CREATED = "receipt_created"
    RECEIPT_LINE_ADDED = "receipt_line_added"
    PAYMENT_PROCESSED = "payment_processed"
    INVENTORY_UPDATED = "inventory_updated"
    STOCKOUT_DETECTED = "stockout_detected"
    REORDER_TRIGGERED = "reorder_triggered"
    CUSTOMER_ENTERED = "customer_entered"
    CUSTOMER_ZONE_CHANGED = "customer_zone_changed"
    BLE_PING_DETECTED = "ble_ping_detected"
    TRUCK_ARRIVED = "truck_arrived"
    TRUCK_DEPARTED = "truck_departed"
    STORE_OPENED = "store_opened"
    STORE_CLOSED = "store_closed"
    AD_IMPRESSION = "ad_impression"
    PROMOTION_APPLIED = "promotion_applied"


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened, before it has a number.

    Attributes:
        at: when, UTC.
        type: one of `EventType`, or `stock.opened`.
        location: where.
        data: payload of the type.
        item: code of the item, where it is about one.
        correlation: what belongs together: the receipt.
        priority: 1 to 10.
    """

    at: datetime
    type: str
    location: str
    data: dict[str, Any]
    item: str | None = None
    correlation: str | None = None
    priority: int = DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """A happening with its id; the names of its properties are those of the envelope of 004."""

    id: str
    what: Happening

    @property
    def event_type(self) -> str:
        """Its type; equal to a member of `EventType`."""
        return self.what.type

    @property
    def payload(self) -> dict[str, Any]:
        """Its data."""
        return self.what.data

    @property
    def timestamp(self) -> datetime:
        """When it happened, UTC."""
        return self.what.at

    @property
    def correlation_id(self) -> str | None:
        """What it belongs to."""
        return self.what.correlation

    @property
    def partition_key(self) -> str:
        """Its location: what happens there stays in order."""
        return self.what.location

    def cloud_event(self) -> dict[str, Any]:
        """The event in structured mode, as JSON can hold it."""
        what = self.what
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/simulator/{what.location}",
            "type": str(what.type),
            "time": what.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "schemaversion": "1",
            "partitionkey": what.location,
            "data": what.data,
        }
        if what.item is not None:
            event["subject"] = subject_of(what.item, what.location)
        if what.correlation is not None:
            event["correlationid"] = what.correlation
        if what.priority != DEFAULT_PRIORITY:
            event["priority"] = what.priority
        return event
