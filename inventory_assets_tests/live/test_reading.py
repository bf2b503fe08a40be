from __future__ import annotations

import json

import polars as pl
import pytest

from inventory_assets.live.log.appending import append, raise_epoch
from inventory_assets.live.log.reading import (
    Epoch,
    LogBehindError,
    Position,
    check_continues,
    epochs,
    position,
    ranges,
)
from inventory_assets_tests.live.databases import NOON, entry


def test_ranges_hold_every_event_once_in_order_with_their_types(engine, url):
    group = [entry(number, items=("A", 'B "quoted"')) for number in range(250)]
    sequences = [each.sequence for each in append(engine, group)]
    with engine.connect() as connection:
        now = position(connection)
    assert now == Position(1, sequences[-1])
    tables = list(ranges(url, 0, now.sequence, rows=100))
    assert [table.num_rows for table in tables] == [100, 100, 50]
    frame = pl.concat([pl.from_arrow(table) for table in tables])
    assert frame["sequence"].to_list() == sequences
    assert frame["event_id"].to_list() == [each.event_id for each in group]
    assert frame.schema["event_time"] == pl.Datetime("us", "UTC")
    assert frame["event_time"].to_list() == [each.event_time for each in group]
    assert frame["items"].to_list() == [list(each.items) for each in group]
    assert [json.loads(text) for text in frame["data"]] == [json.loads(each.data) for each in group]


def test_a_range_ends_where_it_was_told_and_an_empty_one_has_no_tables(engine, url):
    sequences = [each.sequence for each in append(engine, [entry(number) for number in range(10)])]
    read = [table["sequence"].to_pylist() for table in ranges(url, sequences[2], sequences[5])]
    assert read == [sequences[3:6]]
    assert list(ranges(url, sequences[5], sequences[5])) == []
    assert list(ranges(url, sequences[-1], sequences[-1] + 100)) == []


def test_the_position_is_what_is_there_not_what_was_drawn(engine, connection):
    last = append(engine, [entry(1)])[0].sequence
    connection.execute("SELECT nextval(pg_get_serial_sequence('event_log', 'sequence')) FROM generate_series(1, 50)")
    with engine.connect() as core:
        assert position(core) == Position(1, last)


def test_an_empty_log_is_at_its_beginning(engine):
    with engine.connect() as connection:
        assert position(connection) == Position(1, 0)
        assert epochs(connection) == [Epoch(1, 0)]


@pytest.mark.parametrize(
    ("read", "goes_on"),
    [
        (Position(1, 0), True),
        (Position(1, 100), True),
        (Position(1, 101), False),
        (Position(2, 101), True),
        (Position(2, 150), True),
        (Position(2, 151), False),
        (Position(3, 1), False),
    ],
)
def test_a_reader_ahead_of_the_log_is_stopped(read, goes_on):
    known, now = [Epoch(1, 0), Epoch(2, 100)], Position(2, 150)
    if goes_on:
        check_continues(read, known, now)
    else:
        with pytest.raises(LogBehindError, match=f"sequence {read.sequence} of epoch {read.epoch}"):
            check_continues(read, known, now)


def test_after_a_restore_the_reader_of_lost_events_is_stopped_and_others_go_on(engine):
    kept = append(engine, [entry(1)])[0].sequence
    raise_epoch(engine, "restored", NOON)
    append(engine, [entry(number) for number in range(2, 9)])
    with engine.connect() as connection:
        known, now = epochs(connection), position(connection)
    check_continues(Position(1, kept), known, now)
    with pytest.raises(LogBehindError):
        check_continues(Position(1, kept + 3), known, now)
