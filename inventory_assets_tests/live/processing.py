"""Events accepted into a real log and processed from it, and what the log says the stock must be."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
import psycopg
from sqlalchemy import Engine

from inventory_assets.contracts.events.reading import Event
from inventory_assets.live.dead_letters.looking import Key, listed
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import Outcome, append
from inventory_assets.live.log.stored_effects import frame
from inventory_assets.live.processor.batch import micro_batch
from inventory_assets.live.processor.checking import broken_chains
from inventory_assets.live.processor.work import Applied, Orders
from inventory_assets.live.queue.claiming import share_of, wake_retries
from inventory_assets.stock.effect_frames import fold_effects
from inventory_assets_tests.contracts.events.requests import cloud_event, event_of
from inventory_assets_tests.live.databases import NOON, entry

_IDS = itertools.count()


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def orders(clock: Clock | None = None, **changes: object) -> Orders:
    """Orders of the only worker."""
    plain = {"worker": "worker-0", "lanes": tuple(share_of(0, 1)), "clock": clock or Clock()}
    return Orders(**{**plain, **changes})


def event(kind: str, data: dict, at: datetime = NOON, version: int = 1, **attributes: object) -> Event:
    """An event of the contract, with an id of its own unless one is given."""
    named = {"id": f"e-{next(_IDS)}", "source": "/tests", **attributes}
    return event_of(cloud_event(kind, data, time=at.isoformat(), schemaversion=str(version), **named), trusted=True)


def counted(item: str, place: str, units: int, at: datetime = NOON, **attributes: object) -> Event:
    lines = [{"product_sku": item, "quantity": units}]
    return event("stock.counted", {"location_id": place, "lines": lines}, at, **attributes)


def sold(item: str, place: str, units: int, at: datetime = NOON, **attributes: object) -> Event:
    data = {"product_sku": item, "location_id": place, "kind": "sale", "quantity": -units, "document_id": "R"}
    return event("stock.moved", data, at, **attributes)


def issued(item: str, place: str, units: int, at: datetime = NOON, **attributes: object) -> Event:
    data = {"product_sku": item, "location_id": place, "quantity": units, "update_type": "Decrement"}
    return event("InventoryUpdate", data, at, 2, **attributes)


def transaction(kind: str, number: str, lines: dict[str, int], at: datetime = NOON, **places: str) -> Event:
    found = [{"product_sku": item, "quantity": units} for item, units in lines.items()]
    return event("Transaction", {"transaction_id": number, "type": kind, "lines": found, **places}, at, 2)


def reserve(number: str, place: str, lines: dict[str, int], at: datetime = NOON, **more: object) -> Event:
    found = [{"product_sku": item, "quantity": units} for item, units in lines.items()]
    return event("stock.reserve", {"reservation_id": number, "location_id": place, "lines": found, **more}, at)


def accept(engine: Engine, events: Sequence[Event]) -> list[Outcome]:
    """Append events as a listener does."""
    return append(engine, [entry_of(each) for each in events])


def work(connection: psycopg.Connection, given: Orders, limit: int = 500) -> list[Applied]:
    """Micro-batches until nothing waits."""
    done = []
    while True:
        applied = Applied()
        micro_batch(connection, given, limit, applied)
        if not applied.claimed:
            return done
        done.append(applied)


def figures(connection: psycopg.Connection) -> list[tuple]:
    """State as it is, in the columns of `folded`."""
    return connection.execute(
        "SELECT item, location, book, CASE WHEN book IS NULL THEN 0 ELSE unavailable END, reserved, in_transit, basis,"
        " version, first_known_at, last_movement_at FROM inventory_state"
        ' ORDER BY item COLLATE "C", location COLLATE "C"'
    ).fetchall()


def folded(connection: psycopg.Connection) -> list[tuple]:
    """What the facts of the log come to, by the rules for frames."""
    rows = connection.execute(
        "SELECT source, event_id, effects FROM event_log WHERE disposition IN ('accepted', 'decided')"
        " AND effects IS NOT NULL AND NOT EXISTS (SELECT FROM event_queue WHERE event_queue.sequence ="
        " event_log.sequence) AND NOT EXISTS (SELECT FROM dead_letters WHERE dead_letters.sequence ="
        " event_log.sequence AND status <> 'retried') ORDER BY random()"
    ).fetchall()
    events = pl.DataFrame(rows, {"source": pl.String, "event_id": pl.String, "effects": pl.String}, orient="row")
    effects = frame(events).filter(pl.col("kind") != "level")
    return (
        fold_effects(effects)
        .select(
            "product_sku", "location_id", "book",
            pl.when(pl.col("book").is_null()).then(0).otherwise("net_unavailable"),
            "reserved", "in_transit", "stock_basis", "version", "first_known_at", "last_movement_at",
        )
        .rows()
    )  # fmt: skip


def assert_consistent(connection: psycopg.Connection) -> None:
    """State = fold of the log = sums of the ledger, and every chain of hashes holds."""
    assert figures(connection) == folded(connection)
    sums = connection.execute(
        "SELECT item, location, sum(effect) FILTER (WHERE bucket = 'book')::bigint,"
        " sum(effect) FILTER (WHERE bucket = 'reserved')::bigint FROM ledger GROUP BY 1, 2"
    ).fetchall()
    state = connection.execute("SELECT item, location, book, reserved FROM inventory_state").fetchall()
    books = {(item, place): (book or 0, reserved) for item, place, book, reserved in state}
    assert {(item, place): (book or 0, reserved or 0) for item, place, book, reserved in sums} == books
    assert broken_chains(connection) == []


def died(engine: Engine, connection: psycopg.Connection, number: int) -> list[Key]:
    """So many events that cannot be read, given up after three attempts; items SKU-0, SKU-1 …"""
    broken = {"type": "InventoryUpdate", "effects": None, "envelope": '{"version": 2}'}
    append(engine, [entry(each, **broken) for each in range(number)])
    for _ in range(3):
        work(connection, orders())
        wake_retries(connection, NOON + timedelta(hours=1))
    return [each.key for each in listed(connection)]
