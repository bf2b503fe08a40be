"""The lake beside the live layer at one position of the log: the same stock, and the same promises."""

from __future__ import annotations

import threading
from datetime import timedelta

import polars as pl

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.log_tables import STOCK_EVENTS, STOCK_RESERVATIONS, VOIDED
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.auditing import Act
from inventory_assets.live.dead_letters.handling import discard, edit_and_retry, retry
from inventory_assets.live.dead_letters.looking import listed
from inventory_assets.live.processor.tending import expire
from inventory_assets.live.processor.worker import Worker
from inventory_assets.operate.live_history import verify
from inventory_assets.operate.live_log import log_of
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.stock import refresh_movements, refresh_position
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.processing import (
    Clock,
    accept,
    counted,
    event,
    orders,
    reserve,
    sold,
    transaction,
    work,
)
from inventory_assets_tests.live.test_processor_faults import drained, until
from inventory_assets_tests.live.workers import QUICK

ACT = Act(NOON + timedelta(hours=1), "ann", "counted by hand")
STOCK = ("product_sku", "location_id", "book", "unavailable", "reserved", "available")
_LIVE = """
SELECT item, location, book, unavailable, reserved, greatest(book, 0) - reserved - unavailable
FROM inventory_state WHERE book IS NOT NULL ORDER BY item COLLATE "C", location COLLATE "C"
"""


def workspace(folder, profiles: str = "") -> Workspace:
    lake, landing = Lake(str(folder / "lake")), str(folder / "landing")
    return Workspace(lake, landing, load_profiles(profiles), lambda: NOON + timedelta(hours=2))


def in_lake(space: Workspace, engine, url: str) -> list[tuple]:
    """Stock of the lake, once it has read the whole log."""
    take_in_log(space, log_of(engine, url))
    refresh_movements(space)
    refresh_position(space)
    position = space.lake.scan(INVENTORY_POSITION).filter(pl.col("book").is_not_null())
    return position.select(STOCK).sort("product_sku", "location_id").collect().rows()


def ended(kind: str, number: str, at):
    return event(f"reservation.{kind}", {"reservation_id": number}, at)


def test_what_is_reserved_in_the_lake_is_what_the_live_layer_promises_at_that_position(
    tmp_path, engine, connection, url
):
    space, clock = workspace(tmp_path), Clock(NOON)
    given = orders(clock)
    accept(engine, [counted("A", "S", 20), counted("B", "S", 9), sold("C", "S", 1)])
    accept(engine, [reserve(f"R{number}", "S", {"A": number, "B": 1}) for number in (1, 2, 3, 4)])
    work(connection, given)
    promised = [("A", "S", 20, 0, 10, 10), ("B", "S", 9, 0, 4, 5)]
    assert in_lake(space, engine, url) == promised == connection.execute(_LIVE).fetchall()
    clock.move(minutes=1)
    accept(engine, [ended("commit", "R1", clock()), ended("release", "R2", clock())])
    work(connection, given)
    clock.move(hours=1)
    assert expire(connection, given)
    work(connection, given)
    over = [("A", "S", 19, 0, 0, 19), ("B", "S", 8, 0, 0, 8)]
    assert in_lake(space, engine, url) == over == connection.execute(_LIVE).fetchall()
    changes = space.lake.scan(STOCK_RESERVATIONS).select("kind", "product_sku", "quantity").collect()
    assert changes["quantity"].sum() == 0
    assert changes.filter(pl.col("quantity") < 0).sort(pl.all()).rows() == [
        ("committed", "A", -1), ("committed", "B", -1), ("expired", "A", -4), ("expired", "A", -3),
        ("expired", "B", -1), ("expired", "B", -1), ("released", "A", -2), ("released", "B", -1),
    ]  # fmt: skip


def test_dead_letters_differ_until_each_is_settled_and_then_lake_and_live_agree(tmp_path, engine, connection, url):
    space = workspace(tmp_path, '["/tests"]\ntime_zone = "Pacific/Auckland"')  # noon UTC is another day there
    accept(engine, [counted(item, "S", 10, NOON - timedelta(hours=1)) for item in "ABCDE"])
    work(connection, orders())
    refuse = "ALTER TABLE inventory_state ADD CONSTRAINT broken CHECK (item NOT IN ('B', 'C', 'E')) NOT VALID"
    connection.execute(refuse)
    received = transaction("Receipt", "T", {"C": 3, "D": 4}, to_location="S")
    accept(engine, [sold("A", "S", 1), sold("B", "S", 1), received, sold("E", "S", 5)])
    worker = Worker(url, QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: drained(connection))
    worker.stop()
    thread.join(5)
    connection.execute("ALTER TABLE inventory_state DROP CONSTRAINT broken")
    letters = {each.item: each.key for each in listed(connection)}
    lake, live = in_lake(space, engine, url), connection.execute(_LIVE).fetchall()
    assert {row[0] for row in set(lake) ^ set(live)} == set(letters) == {"B", "C", "E"}
    retry(connection, [letters["E"]], ACT)
    discard(connection, [letters["B"]], ACT)
    corrected = {"transaction_id": "T", "type": "Receipt", "to_location": "S"}
    corrected["lines"] = [{"product_sku": "C", "quantity": 2}, {"product_sku": "D", "quantity": 4}]
    assert edit_and_retry(connection, letters["C"], corrected, ACT)
    work(connection, orders())
    settled = [("A", 9), ("B", 10), ("C", 12), ("D", 14), ("E", 5)]
    assert in_lake(space, engine, url) == [(item, "S", book, 0, 0, book) for item, book in settled]
    assert connection.execute(_LIVE).fetchall() == in_lake(space, engine, url)
    assert verify(engine, url, space.lake).differing == []
    voided = space.lake.scan(STOCK_EVENTS).filter(pl.col("type") == VOIDED).collect()
    assert voided["event_date"].to_list() == [(NOON + timedelta(days=1)).date()] * 2
    connection.execute(  # as a replay after a restore brings it back
        "INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at)"
        " SELECT sequence, 0, 0, priority, event_time, received_at FROM event_log WHERE type = %s",
        [VOIDED],
    )
    assert len(work(connection, orders())) == 1
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (0,)
    assert verify(engine, url, space.lake).differing == []
