"""Masters published to the live layer: what counts, what is known, thresholds, and a rebuild that agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal

from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.masters.publishing import Published, publish, published_inputs
from inventory_assets.live.masters.rules import EVERYTHING_COUNTS, Rule, Ruled, Rules, rule_of
from inventory_assets.live.views.stock import as_of
from inventory_assets.operate.live_history import verify
from inventory_assets.stock.effect_frames import effects_frame
from inventory_assets.stock.effects import Effect, permitted
from inventory_assets_tests.live.processing import (
    NOON,
    accept,
    counted,
    event,
    issued,
    orders,
    reserve,
    sold,
    transaction,
    work,
)

MASTERS = Published(
    "first",
    Rule({"default": None, "/tests": "^[A-Z]$"}, (Ruled("W", None, None),)),
    [("A", "toys", 40, 3), ("B", "food", None, None)],
    [("S", "ledger"), ("W", "wms")],
    [("A", "S", None, 8, 2, 5, '[["2026-03-04", 5]]', None), ("B", "S", None, None, 1, None, "[]", "not told")],
)
BOOKS = "SELECT item, location, book FROM inventory_state ORDER BY item, location"


def at(second: int):
    return NOON + timedelta(seconds=second)


def level(item: str, place: str, units: int, second: int):
    lines = [{"product_sku": item, "quantity": units}]
    return event("stock.asserted", {"location_id": place, "lines": lines}, at(second))


def reasons(connection) -> list[str]:
    found = connection.execute("SELECT data->>'reason' FROM event_log WHERE type = 'command.refused' ORDER BY sequence")
    return [reason for (reason,) in found]


def test_without_masters_everything_is_known_and_with_them_only_what_they_name(engine, connection):
    accept(engine, [counted("X", "Y", 5), issued("X", "Y", 1, at(1))])
    work(connection, orders())
    assert reasons(connection) == []
    publish(engine, MASTERS, NOON)
    moved = {"from_location": "S", "to_location": "Y"}
    accept(engine, [counted("X", "S", 5, at(2)), counted("A", "S", 5, at(2)), issued("A", "S", 1, at(3))])
    accept(
        engine,
        [issued("X", "Y", 1, at(3)), issued("X", "S", 1, at(4)), transaction("Transfer", "T", {"A": 1}, **moved)],
    )
    accept(engine, [reserve("R", "S", {"A": 1, "X": 1}, at(5))])
    work(connection, orders())
    assert sorted(reasons(connection)) == ["item_unknown", "item_unknown", "location_unknown", "location_unknown"]
    assert ("A", "S", 4) in connection.execute(BOOKS).fetchall()
    publish(engine, replace(MASTERS, items=[], locations=[]), NOON)
    accept(engine, [issued("X", "Y", 1, at(6))])
    work(connection, orders())
    assert len(reasons(connection)) == 4


def test_levels_of_a_warehouse_and_codes_that_are_no_goods_count_by_the_rule_of_their_position(
    engine, connection, url, tmp_path
):
    first = [
        level("A", "W", 9, 1),
        level("A", "S", 9, 1),
        counted("POSTAGE", "S", 7, at(1)),
        counted("A", "S", 4, at(1)),
    ]
    accept(engine, first)
    work(connection, orders())
    accept(engine, [sold("POSTAGE", "S", 1, at(2))])
    publish(engine, MASTERS, NOON)
    second = [level("A", "W", 30, 3), level("A", "S", 30, 3), sold("POSTAGE", "S", 2, at(3)), sold("A", "W", 1, at(4))]
    accept(engine, second)
    work(connection, orders())
    expected = [("A", "S", 4), ("A", "W", 29), ("POSTAGE", "S", 6)]
    assert connection.execute(BOOKS).fetchall() == expected
    lake = Lake(str(tmp_path))
    assert verify(engine, url, lake).differing == []
    publish(engine, replace(MASTERS, rule=EVERYTHING_COUNTS), NOON)
    accept(engine, [level("A", "W", 70, 5), sold("POSTAGE", "S", 1, at(6))])
    work(connection, orders())
    assert connection.execute(BOOKS).fetchall() == [*expected[:2], ("POSTAGE", "S", 5)]
    assert verify(engine, url, lake).differing == []
    with engine.connect() as reading:
        upto = reading.exec_driver_sql("SELECT max(sequence) FROM event_log").scalar_one()
        for item, place, book in connection.execute(BOOKS).fetchall():
            assert as_of(reading, item, place, upto=upto, at=None)[0].stock.book == book
    connection.execute("DELETE FROM live_rules")
    assert [each.item for each in verify(engine, url, lake).differing] == ["A", "POSTAGE"]


def test_thresholds_and_position_come_from_the_masters(engine, connection):
    publish(engine, MASTERS, NOON)
    told = []
    for second, units in enumerate((50, 30, 4, 3, 2)):
        accept(engine, [counted("A", "S", units, at(second)), counted("B", "S", units, at(second))])
        work(connection, orders())
        found = connection.execute(
            "DELETE FROM outbox WHERE type IN ('stock.overstock', 'reorder.triggered', 'stock.low')"
            " RETURNING item, type, data->'data'"
        )
        told += [(second, *row) for row in found.fetchall()]
    pair = {"product_sku": "A", "location_id": "S"}
    assert told == [
        (0, "A", "stock.overstock", {**pair, "quantity": 50, "threshold": 40}),
        (2, "A", "stock.low", {**pair, "quantity": 4, "threshold": 8}),
        (2, "B", "stock.low", {**pair, "product_sku": "B", "quantity": 4, "threshold": 5}),
        (3, "A", "reorder.triggered", {**pair, "inventory_position": 8, "reorder_point": 8}),
    ]


def test_publishing_replaces_everything_and_writes_only_what_differs(engine, connection):
    assert published_inputs(engine) is None
    assert publish(engine, MASTERS, NOON) == 1
    rows = "SELECT xmin::text FROM live_items WHERE item = 'B'"
    before = connection.execute(rows).fetchone()
    again = replace(MASTERS, inputs="second", items=[("B", "food", None, None), ("C", None, 1, 1)])
    assert publish(engine, again, NOON) == 2
    assert connection.execute("SELECT item FROM live_items ORDER BY 1").fetchall() == [("B",), ("C",)]
    assert connection.execute(rows).fetchone() == before
    assert connection.execute("SELECT version, inputs FROM live_masters").fetchall() == [(2, "second")]
    assert connection.execute("SELECT count(*) FROM live_rules").fetchone() == (1,)


def test_a_rule_is_the_same_for_one_effect_and_for_a_frame():
    instant = int(NOON.timestamp()) * 1_000_000
    rule = Rule({"default": r"^\d", "/a": None}, (Ruled("W", None, instant), Ruled("V", instant, None)))
    assert rule_of(rule.text()).text() == rule.text()
    rules = Rules((10, 20), (rule, replace(rule, goods={"default": None, "/b": "^A"})))
    effects = [
        Effect(item, place, NOON + timedelta(microseconds=shift), kind, 1, source=source, event_id=f"{number}")
        for number, (item, place, shift, kind, source) in enumerate(
            (item, place, shift, kind, source)
            for item in ("A1", "1A", "٣")
            for place in ("W", "V", "S")
            for shift in (-1, 0)
            for kind in ("level", "sale", "count")
            for source in ("/a", "/b", "/inventory-assets")
        )
    ]
    for sequence in (10, 11, 20, 21):
        left = rules.leave(effects_frame(effects).with_columns(sequence=pl.lit(sequence, pl.Int64))).drop("sequence")
        single = effects_frame(permitted(effects, rules.at(sequence)))
        assert 0 < single.height < len(effects)
        assert_frame_equal(left, single, check_row_order=False)


def test_a_fact_is_stored_with_all_its_effects_whatever_counts_now(engine, connection):
    publish(engine, MASTERS, NOON)
    said = level("A", "S", 3, 1)
    accept(engine, [said])
    assert connection.execute("SELECT effects FROM event_log").fetchone() == (entry_of(said).effects,)
