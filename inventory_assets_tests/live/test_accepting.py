from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.live.log.accepting import ROW_COLUMNS, LogRow, entry_of, event_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.stored_effects import frame, read, written
from inventory_assets.stock.effect_frames import effects_frame
from inventory_assets.stock.effects import LEDGER_RULES, Surroundings, effects_of, permitted
from inventory_assets_tests.contracts.events.requests import cloud_event
from inventory_assets_tests.contracts.events.requests import event_of as received
from inventory_assets_tests.stock.event_histories import stories

WMS = Surroundings(authority=lambda _location, _at: "wms")
EXAMPLES = [
    received(
        cloud_event(name, data, id=f"{name}-{version}", schemaversion=str(version), priority=7, traceid="t", shelf="9"),
        trusted=True,
    )
    for name, declared in TYPES.items()
    for version, data in declared.examples.items()
]


def rows_of(connection) -> list[LogRow]:
    return [LogRow(*row) for row in connection.execute(f"SELECT {ROW_COLUMNS} FROM event_log ORDER BY sequence")]


def test_every_event_comes_back_from_the_log_as_it_went_in(engine, connection):
    odd = received(cloud_event("our.own", {"amount": 1e50, "text": 'a\tb\\n"ü\n', "exact": 0.1}, subject="a%2Fb/S 1"))
    plain = received({"eventType": "x", "eventSource": "erp", "eventData": [1, None], "priority": 3})
    events = [*EXAMPLES, odd, plain]
    outcomes = append(engine, [entry_of(each) for each in events])
    assert {each.status for each in outcomes} == {"accepted"}
    rows = rows_of(connection)
    assert [event_of(row) for row in rows] == events
    for row, event in zip(rows, events, strict=True):
        if row.effects is not None:
            stored = read(row.effects, row.source, row.event_id)
            for surroundings in (LEDGER_RULES, WMS):
                assert permitted(stored, surroundings) == effects_of(event, surroundings)
    stored = pl.DataFrame({name: [getattr(row, name) for row in rows] for name in ("source", "event_id", "effects")})
    assert_frame_equal(frame(stored), effects_frame(each for event in events for each in effects_of(event, WMS)))


def test_a_fact_is_a_part_an_item_and_a_command_one_part(engine, connection):
    lines = [
        {"product_sku": "A", "quantity": 1},
        {"product_sku": "B", "quantity": 1},
        {"product_sku": "A", "quantity": 1},
    ]
    data = {"transaction_id": "T", "to_location": "S", "from_location": "W", "lines": lines}
    fact = received(cloud_event("Transaction", {**data, "type": "Receipt"}, id="fact", schemaversion="2"))
    command = received(cloud_event("Transaction", {**data, "type": "Transfer"}, id="command", schemaversion="2"))
    append(engine, [entry_of(fact), entry_of(command)])
    assert [row.items for row in rows_of(connection)] == [["A", "B"], ["A", "B"]]
    parts = connection.execute("SELECT sequence, part FROM event_queue ORDER BY 1, 2").fetchall()
    first, second = (row.sequence for row in rows_of(connection))
    assert parts == [(first, 0), (first, 1), (second, 0)]
    assert rows_of(connection)[1].effects is None


def test_what_was_not_accepted_says_why(engine, connection):
    append(engine, [entry_of(EXAMPLES[0], "quarantined", "event_time_ahead")])
    said = connection.execute("SELECT disposition, envelope ->> 'disposition_reason' FROM event_log").fetchone()
    assert said == ("quarantined", "event_time_ahead")
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (0,)


@settings(max_examples=30, deadline=None)
@given(stories())
def test_stored_effects_are_the_effects(told):
    events = [each.event for each in told]
    rows = [(entry.source, entry.event_id, entry.effects) for entry in map(entry_of, events)]
    effects = [effect for event in events for effect in effects_of(event, WMS)]
    stored = pl.DataFrame(rows, schema={"source": pl.String, "event_id": pl.String, "effects": pl.String}, orient="row")
    assert_frame_equal(frame(stored), effects_frame(effects))
    again = [each for source, event_id, text in rows for each in read(text, source, event_id)]
    assert again == effects
    assert written(()) == "[]"
