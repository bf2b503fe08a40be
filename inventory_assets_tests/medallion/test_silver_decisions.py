"""Release, fix, discard: what a decision changes, and that it reaches every copy of a row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import silver
from inventory_assets.contracts.feeds import POS
from inventory_assets.contracts.model import count, flag, instant, money, text
from inventory_assets.medallion.silver_decisions import CellError, apply_fixes, days_to_read, read_cell
from inventory_assets.medallion.silver_pos import build_pos
from inventory_assets_tests.medallion.builders import (
    ITEMS,
    NOON,
    PROFILES,
    READ_AT,
    assert_sound,
    decisions,
    places,
    pos,
    pos_line,
)

DAY = NOON.date()
LATE = READ_AT + timedelta(days=30)


def fix(changes, **more):
    return {"action": "fix", "changes": changes, **more}


def outcome(bronze, *decided, days=None):
    days = {*bronze["event_date"].to_list()} if days is None else days
    found = build_pos(bronze, decisions(*decided), ITEMS, PROFILES, days)
    assert_sound(found)
    held = found[silver.QUARANTINE.path].sort("source_file", "row_number")["reasons"].to_list()
    return {name: rows for name, rows in places(found).items() if name not in {"bronze", "quarantine"}}, held


SOLD = {"inventory_transactions": 1}


def test_a_fix_changes_cells_and_clears_their_failed_casts():
    bad = pos_line(quantity_sold=None, unit_price="-1", cast_errors="quantity_sold", raw_data="x")
    assert outcome(pos(bad)) == ({}, ["type:quantity_sold,price:negative"])
    assert outcome(pos(bad), fix('{"quantity_sold": " 5 ", "unit_price": "1.25"}')) == (SOLD, [])
    assert outcome(pos(bad), fix('{"unit_price": 1.25}'), fix('{"quantity_sold": 5}')) == (SOLD, [])


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ('{"quantity_sold": "five"}', "type:quantity_sold,quantity:null"),
        ('{"quantity_sold": null}', "quantity:null"),
        ('{"quantity": "5"}', "type:quantity"),
        ("not json", "type:changes"),
        (None, "type:changes"),
        ('{"timestamp": "2024-03-31T01:30"}', "time:nonexistent"),
        ('{"timestamp": "yesterday"}', "type:timestamp"),
    ],
)
def test_a_fix_that_does_not_cast_leaves_the_row_in_quarantine(changes, held):
    found, reasons = outcome(pos(pos_line()), fix(changes), days=[DAY, None])
    assert found == {}
    assert reasons == [held.replace(",quantity:null", "") if held.startswith("type:") else held]


def test_a_fix_reaches_the_copies_of_the_row_in_other_files():
    copies = [pos_line(unit_price="-1", source_file=name) for name in ("a.csv", "b.csv")]
    assert outcome(pos(*copies), fix('{"unit_price": "1"}')) == ({**SOLD, "exact_repeat": 1}, [])


def test_a_fixed_date_moves_the_row_to_its_new_day():
    bronze, other = pos(pos_line()), date(2024, 7, 1)
    decided = fix('{"timestamp": "2024-07-01T00:30"}', event_date=DAY, new_event_date=other)
    moved = apply_fixes(bronze, decisions(decided), PROFILES, POS)
    assert moved.select("event_date", "timestamp").rows() == [(other, datetime(2024, 6, 30, 23, 30, tzinfo=UTC))]
    assert apply_fixes(moved, decisions(decided), PROFILES, POS).equals(moved)
    assert days_to_read(decisions(decided), POS, [other]) == {other, DAY}
    assert outcome(bronze, decided, {"action": "release"}, days=[other]) == (SOLD, [])
    assert outcome(bronze, decided, days=[DAY]) == ({}, [])


def test_an_unreadable_line_can_be_typed_in():
    cells = (
        '{"transaction_id": "1", "line_number": "1", "store_id": "UK", "product_sku": "85048", '
        '"quantity_sold": "2", "unit_price": "3", "timestamp": "2024-03-05T12:00:00Z"}'
    )
    unreadable = pos({"row_error": "line:unreadable", "raw_data": '1;"UK'})
    assert outcome(unreadable, fix(cells, new_event_date=DAY), days=[DAY]) == (SOLD, [])


def test_a_release_waives_what_a_person_may_waive():
    assert outcome(pos(pos_line(timestamp=LATE)), {"action": "release"}) == (SOLD, [])
    assert outcome(pos(pos_line(timestamp=datetime(1999, 1, 1, tzinfo=UTC))), {"action": "release"}) == (SOLD, [])
    assert outcome(pos(pos_line(unit_price="-1")), {"action": "release"}) == ({}, ["price:negative"])


def test_a_released_row_wins_its_contradiction():
    rows = pos(pos_line(quantity_sold=9), pos_line(quantity_sold=1))
    found = build_pos(rows, decisions({"action": "release"}), ITEMS, PROFILES, [DAY])
    assert_sound(found)
    assert found[silver.SALES.path]["quantity_sold"].to_list() == [9]


def test_a_discarded_row_takes_its_copies_along_and_comes_back_by_release():
    copies = pos(*[pos_line(source_file=name) for name in ("a.csv", "b.csv")])
    discard = {"action": "discard"}
    assert outcome(copies, discard) == ({"exact_repeat": 1}, ["discarded"])
    assert outcome(copies, discard, {"action": "release"}) == ({**SOLD, "exact_repeat": 1}, [])
    assert outcome(pos(pos_line(unit_price="-1")), discard) == ({}, ["discarded,price:negative"])


def test_a_key_of_another_date_stays_out_until_it_is_fixed():
    moved = {"action": "duplicate_key_other_date"}
    assert outcome(pos(pos_line()), moved, {"action": "release"}) == ({}, ["duplicate_key_other_date"])
    assert outcome(pos(pos_line()), moved, fix('{"transaction_id": "2"}')) == (SOLD, [])


def test_decisions_about_other_feeds_and_rows_change_nothing():
    assert outcome(pos(pos_line()), {"action": "discard", "feed": "stock"}) == (SOLD, [])
    assert outcome(pos(pos_line()), {"action": "discard", "row_number": 2}) == (SOLD, [])


@pytest.mark.parametrize(
    ("cell", "column", "value"),
    [
        ("12", count("n", ""), 12),
        ("-7", count("n", ""), -7),
        ("2.5", money("m", ""), Decimal("2.5")),
        ("Yes", flag("f", ""), True),
        ("x", text("t", ""), "x"),
        ("2024-10-27T01:30", instant("i", ""), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2024-10-27T01:30+02:00", instant("i", ""), datetime(2024, 10, 26, 23, 30, tzinfo=UTC)),
    ],
)
def test_texts_become_values(cell, column, value):
    assert read_cell(cell, column, "Europe/London") == value


@pytest.mark.parametrize(
    ("cell", "column"),
    [
        ("1.5", count("n", "")), ("9" * 19, count("n", "")), ("1.23456", money("m", "")), ("1e14", money("m", "")),
        ("NaN", money("m", "")), ("5,00", money("m", "")), ("maybe", flag("f", "")), ("5/3/24", instant("i", "")),
        ("2024-03-31T01:30", instant("i", "")),
    ],
)  # fmt: skip
def test_nothing_is_rounded_or_guessed_to_make_a_value(cell, column):
    with pytest.raises(CellError):
        read_cell(cell, column, "Europe/London")


def test_decided_rows_keep_the_schema_of_bronze():
    bronze = pos(pos_line(), pos_line(transaction_id="2"))
    fixed = apply_fixes(bronze, decisions(fix('{"reason": "gift"}')), PROFILES, POS)
    assert fixed.schema == bronze.schema
    assert fixed.sort("row_number")["reason"].to_list() == ["gift", None]
    assert isinstance(fixed, pl.DataFrame)
