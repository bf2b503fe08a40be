"""The frame form and the one-event form come to what the plain model says, whatever the order and the cuts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.stock import rules
from inventory_assets.stock.fold import fold, no_state
from inventory_assets_tests.stock.histories import (
    EPOCH,
    Event,
    as_model,
    counts,
    histories,
    model,
    movements,
    single,
)

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

few = settings(max_examples=30, deadline=None)
PAIR = ("A", "west")


def folded(events: list[Event]) -> pl.DataFrame:
    return fold(no_state(), movements(events), counts(events))


def at(hour: int) -> datetime:
    return EPOCH + timedelta(hours=hour)


def book(events: list[Event]) -> int | None:
    frame = folded(events).get_column("book").item()
    one = rules.fold(single(e) for e in events).book
    assert frame == one
    return frame


@few
@given(histories(), st.randoms(use_true_random=False))
def test_any_arrival_order_gives_the_position_of_the_model(events, random):
    expected = model(events)
    assert as_model(folded(events)) == expected
    shuffled = random.sample(events, len(events))
    assert_frame_equal(folded(shuffled), folded(events), check_row_order=False)
    for pair, stock in expected.items():
        one = rules.fold(single(e) for e in shuffled if e.pair == pair)
        assert (one.book, one.net_unavailable, one.basis) == (stock["book"], stock["held"], stock["basis"])


@few
@given(histories(max_size=20), st.randoms(use_true_random=False))
def test_one_event_at_a_time_in_any_order_equals_the_frame(events, random):
    """The live form keeps a ledger only to answer what moved after a late count."""
    arrived = random.sample(events, len(events))
    stocks: dict[tuple[str, str], rules.Stock] = {}
    for place, event in enumerate(arrived):
        ledger = [single(e) for e in arrived[:place] if e.pair == event.pair and not e.is_count]
        stocks[event.pair] = rules.apply(
            stocks.get(event.pair, rules.Stock()),
            single(event),
            lambda count, ledger=ledger: sum(m.quantity for m in ledger if not count.absorbs(m.at)),
        )
    for row in folded(events).to_dicts():
        one = stocks[row["product_sku"], row["location_id"]]
        assert one.book == row["book"]
        assert one.unavailable == row["unavailable"]
        assert one.net == row["net_quantity"]
        assert one.net_unavailable == row["net_unavailable"]
        assert one.basis == row["stock_basis"]
        assert one.first_known_at == row["first_known_at"]
        assert (one.count and one.count.at) == row["last_count_at"]
        assert (one.count and one.count.quantity) == row["last_count_quantity"]
        assert one.last_movement_at == row["last_movement_at"]
    assert len(stocks) == folded(events).height


@few
@given(histories(max_size=20), st.integers(0, 70))
def test_folding_in_two_steps_at_any_instant_equals_folding_at_once(events, days):
    cut = EPOCH + timedelta(days=days, hours=12)
    early, late = [e for e in events if e.at < cut], [e for e in events if e.at >= cut]
    stepped = fold(folded(early), movements(late), counts(late))
    assert_frame_equal(stepped, folded(events), check_row_order=False)


@few
@given(histories(), st.integers(0, 70), st.integers(0, 30))
def test_a_count_holds_at_its_time_however_late_it_comes(events, days, quantity):
    counted_at = EPOCH + timedelta(days=days, hours=12)
    late_count = Event(999, PAIR, counted_at, "count", quantity, source="zzz", document="zzz")
    until = [e for e in (*events, late_count) if e.at <= counted_at]
    assert as_model(folded(until))[PAIR]["book"] == quantity


@few
@given(histories(), st.integers(0, 69), st.integers(-30, 30))
def test_a_late_movement_from_before_a_count_changes_no_stock(events, days, quantity):
    counted = Event(999, PAIR, EPOCH + timedelta(days=70), "count", 7)
    late = Event(1000, PAIR, EPOCH + timedelta(days=days), "sale", quantity)
    with_count = [*events, counted]
    assert as_model(folded([*with_count, late]))[PAIR]["book"] == as_model(folded(with_count))[PAIR]["book"]


@few
@given(histories())
def test_without_count_or_opening_stock_is_unknown_and_not_zero(events):
    state = folded([e for e in events if not e.is_count])
    assert state.get_column("book").null_count() == state.height
    assert state.get_column("unavailable").null_count() == state.height
    assert set(state.get_column("stock_basis")) <= {"unknown"}


def test_a_movement_at_the_instant_of_a_count_lies_before_it():
    counted, sold = Event(1, PAIR, at(5), "count", 10), Event(2, PAIR, at(5), "sale", -3)
    assert book([sold, counted]) == 10
    assert book([counted, sold]) == 10


def test_a_movement_at_the_instant_of_an_assumed_opening_lies_after_it():
    assumed, sold = Event(1, PAIR, at(5), "assumed", 10), Event(2, PAIR, at(5), "sale", -3)
    assert book([sold, assumed]) == 7


def test_an_assumption_yields_to_an_earlier_count_and_fills_in_before_a_later_one():
    counted, sold = Event(1, PAIR, at(1), "count", 4), Event(2, PAIR, at(2), "sale", -1)
    assumed = Event(3, PAIR, at(3), "assumed", 100)
    assert book([counted, sold, assumed]) == 3
    assert book([sold, assumed]) == 100
    assert book([assumed, Event(4, PAIR, at(9), "count", 5), sold]) == 5


def test_zones_and_lines_of_one_count_sheet_are_summed():
    parts = [Event(n, PAIR, at(5), "count", n, document="sheet") for n in (1, 2, 4)]
    assert book([*parts, Event(9, PAIR, at(6), "sale", -2)]) == 5


def test_of_two_count_sheets_at_one_instant_the_later_in_effective_order_holds():
    first = Event(1, PAIR, at(5), "count", 3, source="a", document="z")
    second = Event(2, PAIR, at(5), "count", 8, source="b", document="a")
    assert book([second, first]) == 8


def test_at_one_instant_a_physical_count_beats_a_level_and_a_level_an_opening():
    opening = Event(1, PAIR, at(5), "opening", 1, source="zzz")
    level, counted = Event(2, PAIR, at(5), "level", 2, source="b"), Event(3, PAIR, at(5), "count", 3, source="a")
    assert book([counted, level, opening]) == 3
    assert book([level, opening]) == 2


def test_a_late_count_without_the_ledger_is_refused_rather_than_guessed():
    moved = rules.apply(rules.Stock(), rules.Movement(at(5), 3))
    with pytest.raises(rules.LateCountError, match="net_after"):
        rules.apply(moved, rules.Count(at(4), 10))


def test_a_count_leaves_the_unavailable_part_alone():
    held = Event(1, PAIR, at(1), "return", 4, 4)
    state = folded([held, Event(2, PAIR, at(5), "count", 10)])
    assert (state.get_column("book").item(), state.get_column("unavailable").item()) == (10, 4)
