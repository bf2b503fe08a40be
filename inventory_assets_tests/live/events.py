"""Events of the simulator as entries of the log, and what they do to stock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache

import polars as pl

from inventory_assets.contracts.events.reading import Event, read_request
from inventory_assets.contracts.values import changed
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.entries import Entry
from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.stream import stream_day
from inventory_assets.stock.effect_frames import effects_frame
from inventory_assets.stock.effects import effects_of

DAY = date(2026, 3, 2)
RECEIVED = datetime(2026, 3, 4, tzinfo=UTC)
LATER = datetime(2026, 3, 5, tzinfo=UTC)


def event(document: dict) -> Event:
    """A CloudEvent as received."""
    body = json.dumps(document).encode()
    reading = read_request({"content-type": "application/cloudevents+json"}, body, RECEIVED, lambda: "none")
    found = reading.events[0]
    assert isinstance(found, Event), found
    return found


@cache
def simulated(stores: int = 3, items: int = 12) -> tuple[Event, ...]:
    """A simulated day, with a count in the middle of the day and a late one."""
    made = list(stream_day(HistoryConfig(start=DAY, days=1, stores=stores, items=items), DAY))
    middle = made[len(made) // 2]
    opened = next(each for each in made if each["type"] == "stock.opened")
    location, line = opened["data"]["location_id"], opened["data"]["lines"][0]
    count = {**middle, "id": "count", "type": "stock.counted", "time": middle["time"], "subject": None}
    count["data"] = {"location_id": location, "lines": [{**line, "quantity": 17}], "document_id": "sheet"}
    late = {**count, "id": "late", "time": made[len(made) // 3]["time"]}
    return tuple(event({k: v for k, v in each.items() if v is not None}) for each in [*made, count, late])


def entries(events: tuple[Event, ...]) -> list[Entry]:
    """Events as the log takes them."""
    return [entry_of(each) for each in events]


def numbered(events: tuple[Event, ...], epoch: int = 1) -> Iterator[dict]:
    """Rows of the log, as its reader gives them."""
    for sequence, each in enumerate(entries(events), 1):
        yield {
            "epoch": epoch, "sequence": sequence, "source": each.source, "event_id": each.event_id, "type": each.type,
            "event_time": each.event_time, "received_at": each.received_at, "priority": each.priority,
            "items": list(each.items), "disposition": each.disposition, "envelope": each.envelope, "data": each.data,
            "effects": each.effects,
        }  # fmt: skip


def log_rows(events: tuple[Event, ...], epoch: int = 1) -> pl.DataFrame:
    """The same as a frame."""
    schema = {
        "event_time": pl.Datetime("us", "UTC"),
        "received_at": pl.Datetime("us", "UTC"),
        "items": pl.List(pl.String),
    }
    return pl.DataFrame(list(numbered(events, epoch)), schema_overrides=schema)


def effects(events: tuple[Event, ...]) -> pl.DataFrame:
    """Effects of events one by one, as the processor has them."""
    return effects_frame(effect for each in events for effect in effects_of(each))


def refused(each: Entry) -> Entry:
    """An entry the door set aside."""
    return changed(each, disposition="quarantined")
