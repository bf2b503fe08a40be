"""Closings equal the fold at the end of each business day, and only the affected days need to be rebuilt."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT
from inventory_assets.contracts.schemas import check, duplicated_keys
from inventory_assets.stock.checkpoints import build_checkpoints, checkpoint_at, since_month
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.fold import no_state
from inventory_assets.stock.snapshot import SPANS, affected_spans, changed_events, opening_month, snapshot
from inventory_assets_tests.stock.histories import EPOCH, PAIRS, Event, counts, histories, model, movements

few = settings(max_examples=25, deadline=None)
LAST_DAY = date(2024, 5, 20)
EVERYTHING = pl.DataFrame([(*pair, date(2023, 1, 1), None) for pair in PAIRS], schema=SPANS, orient="row")
KEY = [*PAIR, "event_date"]

without_assumptions = histories(max_size=16, skewed_days=True).map(
    lambda events: [e for e in events if e.kind != "assumed"]
)


def full(events: list[Event]) -> pl.DataFrame:
    return snapshot(EVERYTHING, no_state(), movements(events), counts(events), LAST_DAY)


def rebuilt(events: list[Event], spans: pl.DataFrame) -> pl.DataFrame:
    """Rows of the spans, computed from the latest checkpoint that may be used."""
    month = opening_month(spans.get_column("first_day").min())
    pairs = pl.DataFrame(PAIRS, schema=PAIR, orient="row")
    checkpoints = build_checkpoints(None, movements(events), counts(events), pairs, date(2023, 1, 1), date(2024, 5, 1))
    return snapshot(
        spans,
        checkpoint_at(checkpoints, month),
        since_month(movements(events), month),
        since_month(counts(events), month),
        LAST_DAY,
    )


@few
@given(histories(skewed_days=True))
def test_closings_equal_the_fold_at_the_end_of_each_day(events):
    """Also where business days do not follow the instants. An assumption is only as good as its own day."""
    events = [e for e in events if e.kind != "assumed"]
    rows = check(full(events), DAILY_INVENTORY_SNAPSHOT)
    assert duplicated_keys(rows, DAILY_INVENTORY_SNAPSHOT).is_empty()
    for row in rows.to_dicts():
        pair = (row["product_sku"], row["location_id"])
        stock = model([e for e in events if e.pair == pair and e.day <= row["event_date"]])[pair]
        assert row["closing_book"] == stock["book"]
        assert row["closing_unavailable"] == (None if stock["book"] is None else stock["held"])
        assert row["stock_basis"] == stock["basis"]


@few
@given(histories())
def test_closings_with_assumptions_equal_the_fold_where_days_follow_the_instants(events):
    for row in full(events).to_dicts():
        pair = (row["product_sku"], row["location_id"])
        stock = model([e for e in events if e.pair == pair and e.day <= row["event_date"]])[pair]
        assert (row["closing_book"], row["stock_basis"]) == (stock["book"], stock["basis"])


@few
@given(histories())
def test_rows_stand_on_days_with_an_event_and_on_firsts_of_months(events):
    events = [e for e in events if e.kind != "assumed"]
    rows = full(events).select(*KEY, "is_month_opening").rows()
    happened = {(*e.pair, e.day) for e in events}
    firsts = {
        (*pair, date(2024, month, 1))
        for pair in {e.pair for e in events}
        for month in range(1, 6)
        if date(2024, month, 1) > min(e.day for e in events if e.pair == pair)
    }
    assert {row[:3] for row in rows} == happened | firsts
    assert {row[:3] for row in rows if row[3]} == firsts - happened


@few
@given(histories())
def test_opening_movements_and_variance_add_up_to_the_closing(events):
    rows = full(events).filter(pl.col("opening_book").is_not_null())
    moved = pl.col("returned") - pl.col("sold") + pl.col("received") + pl.col("transferred") + pl.col("adjusted")
    balance = rows.select(pl.col("opening_book") + moved + pl.col("count_variance") - pl.col("closing_book"))
    assert set(balance.to_series()) <= {0}
    unknown = full(events).filter(pl.col("opening_book").is_null())
    assert unknown.get_column("count_variance").null_count() == unknown.height


@few
@given(st.one_of(histories(max_size=16), without_assumptions), st.data())
def test_rebuilding_only_the_affected_days_equals_a_full_rebuild(events, data):
    """Late events of any kind arrive, others are withdrawn."""
    before = [e for e in events if data.draw(st.booleans())]
    after = [e for e in events if e not in before or data.draw(st.integers(0, 3))]
    spans = affected_spans(
        changed_events(movements(before), movements(after)),
        changed_events(counts(before), counts(after)),
        counts(after),
    )
    if spans.is_empty():
        return
    old = full(before)
    inside = old.join(spans, on=PAIR).filter(
        pl.col("event_date") >= pl.col("first_day"),
        pl.col("event_date") <= pl.col("last_day").fill_null(date(9999, 1, 1)),
    )
    kept = old.join(inside, on=KEY, how="anti")
    assert_frame_equal(pl.concat([kept, rebuilt(after, spans)]).sort(KEY), full(after))


PLACE = ("A", "west")


def dated(number: int, day: int, kind: str, quantity: int, unavailable: int = 0) -> Event:
    return Event(number, PLACE, EPOCH + timedelta(days=day, hours=12), kind, quantity, unavailable)


def test_a_late_earlier_movement_changes_the_variance_and_not_the_stock():
    events = [dated(1, 0, "opening", 10), dated(2, 5, "count", 6)]
    late = dated(3, 2, "sale", -4)
    closing = pl.col("closing_book").last()
    variance = pl.col("count_variance").last()
    on_count_day = pl.col("event_date") == dated(2, 5, "count", 6).day
    assert full(events).filter(on_count_day).select(closing, variance).row(0) == (6, -4)
    assert full([*events, late]).filter(on_count_day).select(closing, variance).row(0) == (6, 0)


def test_days_before_the_first_count_stay_null_though_the_pair_is_counted_later():
    rows = full([dated(1, 0, "sale", -4), dated(2, 5, "count", 6)]).filter(pl.col("is_month_opening").not_())
    assert rows.get_column("closing_book").to_list() == [None, 6]
    assert rows.get_column("stock_basis").to_list() == ["unknown", "counted"]
    assert rows.get_column("closing_unavailable").to_list() == [None, 0]


def test_a_change_reaches_to_the_next_count_and_no_further():
    events = [dated(1, 0, "opening", 10), dated(2, 5, "count", 6), dated(3, 9, "count", 7)]
    spans = affected_spans(movements([dated(4, 2, "sale", -1)]), counts([]), counts(events))
    assert spans.rows() == [(*PLACE, dated(0, 2, "sale", 0).day, dated(0, 5, "sale", 0).day)]
    spans = affected_spans(movements([dated(4, 2, "return", 1, 1)]), counts([]), counts(events))
    assert spans.rows() == [(*PLACE, dated(0, 2, "sale", 0).day, None)]


def test_a_change_at_the_instant_of_a_count_ends_there():
    counted = dated(1, 5, "count", 6)
    spans = affected_spans(movements([dated(2, 5, "sale", -1)]), counts([]), counts([counted]))
    assert spans.rows() == [(*PLACE, counted.day, counted.day)]


def test_an_assumption_ends_no_change():
    assumed = dated(1, 5, "assumed", 6)
    spans = affected_spans(movements([]), counts([dated(2, 2, "count", 1)]), counts([assumed]))
    assert spans.get_column("last_day").to_list() == [None]


def test_a_change_dated_after_its_count_reaches_its_own_day_and_a_later_count_dated_earlier_ends_it():
    ahead = dated(0, 6, "count", 1).day
    moved = Event(2, PLACE, EPOCH + timedelta(days=5), "sale", -1, dated=ahead)
    spans = affected_spans(movements([moved]), counts([]), counts([dated(1, 5, "count", 6)]))
    assert spans.rows() == [(*PLACE, ahead, ahead)]
    late_dated = Event(3, PLACE, EPOCH + timedelta(days=5), "count", 6, dated=ahead)
    spans = affected_spans(
        movements([dated(4, 1, "sale", -1)]), counts([]), counts([late_dated, dated(1, 5, "count", 6)])
    )
    assert spans.get_column("last_day").to_list() == [dated(0, 5, "count", 0).day]


def test_a_span_swallows_the_shorter_ones_inside_it():
    """Spans of a pair must not overlap: a row is looked up in the latest one that began."""
    counted = [dated(1, 3, "count", 1), dated(2, 6, "count", 1)]
    changed = [dated(3, 1, "return", 1, 1), dated(4, 2, "sale", -1), dated(5, 5, "sale", -1)]
    assert affected_spans(movements(changed), counts([]), counts(counted)).rows() == [(*PLACE, changed[0].day, None)]


def test_the_opening_month_ends_before_a_day_begins_anywhere():
    assert opening_month(date(2024, 3, 1)) == date(2024, 1, 1)
    assert opening_month(date(2024, 3, 2)) == date(2024, 2, 1)


def test_a_movement_dated_after_the_count_that_contains_it_changes_no_closing():
    """A transfer carries the sender's day, here a day ahead of the receiver's."""
    moved_at, counted_at = EPOCH + timedelta(days=4, hours=10), EPOCH + timedelta(days=4, hours=12)
    day, next_day = date(2024, 2, 4), date(2024, 2, 5)
    events = [
        dated(1, 0, "opening", 10),
        Event(2, PLACE, moved_at, "return", 5, dated=next_day),
        Event(3, PLACE, counted_at, "count", 15, dated=day),
    ]
    rows = full(events).filter(pl.col("event_date").is_in([day, next_day]))
    assert rows.select("event_date", "closing_book", "count_variance").rows() == [(day, 15, 5), (next_day, 15, -5)]
