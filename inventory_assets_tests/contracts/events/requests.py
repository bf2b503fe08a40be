"""Requests as senders make them, and their reading."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.events.reading import DEFAULT_LIMITS, Event, Limits, Reading, read_request

NOW = datetime(2024, 1, 15, 10, 30, 5, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}

SALE = {
    "receipt_id": "RCP-1",
    "line_number": 1,
    "location_id": "STORE-001",
    "product_sku": " prod-abc123 ",
    "quantity": 2,
    "unit_price": 12.99,
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/stores/1",
    "type": "receipt_line_added",
    "time": "2024-01-15T11:30:00.123456789+01:00",
    "data": SALE,
}


def read(
    body: object, headers: dict[str, str] = JSON, *, limits: Limits = DEFAULT_LIMITS, trusted: bool = False
) -> Reading:
    """Reading of a body, a value being sent as JSON."""
    ids = (f"new-{number}" for number in itertools.count(1))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_request(headers, raw, NOW, lambda: next(ids), limits, trusted=trusted)


def event_of(body: object, headers: dict[str, str] = JSON, *, trusted: bool = False) -> Event:
    """The one event of a body."""
    reading = read(body, headers, trusted=trusted)
    assert reading.problem is None, reading.problem
    (found,) = reading.events
    assert isinstance(found, Event), found
    return found


def problem_of(body: object, headers: dict[str, str] = JSON, *, limits: Limits = DEFAULT_LIMITS) -> Problem:
    """The one problem of a body."""
    reading = read(body, headers, limits=limits)
    if reading.problem is not None:
        return reading.problem
    (found,) = reading.events
    assert isinstance(found, Problem), found
    return found


def cloud_event(type_: str, data: object, **attributes: object) -> dict[str, object]:
    """A CloudEvent of a type."""
    return {**CLOUD_EVENT, "type": type_, "data": data, **attributes}
