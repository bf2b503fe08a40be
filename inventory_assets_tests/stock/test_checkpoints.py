"""Checkpoints kept up to date event by event equal a full build, and a position read from one equals a full fold."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.contracts.gold import STOCK_CHECKPOINTS
from inventory_assets.contracts.schemas import check, duplicated_keys, empty
from inventory_assets.stock.checkpoints import (
    build_checkpoints,
    checkpoint_at,
    month_after,
    month_before,
    month_of,
    since_month,
)
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.fold import fold, no_state
from inventory_assets_tests.stock.histories import PAIRS, Event, as_model, counts, histories, model, movements

few = settings(max_examples=25, deadline=None)
FIRST, LAST = date(2024, 1, 1), date(2024, 5, 1)
ALL_PAIRS = pl.DataFrame(PAIRS, schema=PAIR, orient="row")


def full(events: list[Event]) -> pl.DataFrame:
    return build_checkpoints(None, movements(events), counts(events), ALL_PAIRS, FIRST, LAST)


def update(checkpoints: pl.DataFrame, events: list[Event], changed: list[Event]) -> pl.DataFrame:
    """Checkpoints after a batch of changed events, as the asset replaces them."""
    first = min(month_of(e.at) for e in changed)
    pairs = pl.DataFrame(sorted({e.pair for e in changed}), schema=PAIR, orient="row")
    since = [e for e in events if month_of(e.at) >= first]
    rebuilt = build_checkpoints(checkpoints, movements(since), counts(since), pairs, first, LAST)
    kept = pl.concat(
        [
            checkpoints.filter(pl.col("month") < first),
            checkpoints.filter(pl.col("month") >= first).join(pairs, on=PAIR, how="anti"),
        ]
    )
    return pl.concat([kept, rebuilt]).sort(*PAIR, "month")


@few
@given(histories())
def test_each_month_end_equals_the_model_of_the_events_before_it(events):
    checkpoints = check(full(events), STOCK_CHECKPOINTS)
    assert duplicated_keys(checkpoints, STOCK_CHECKPOINTS).is_empty()
    month = FIRST
    while month <= LAST:
        assert as_model(checkpoint_at(checkpoints, month)) == model([e for e in events if month_of(e.at) <= month])
        month = month_after(month)


@few
@given(histories(max_size=18), st.randoms(use_true_random=False), st.integers(1, 5))
def test_checkpoints_updated_batch_by_batch_in_any_order_equal_a_full_build(events, random, size):
    arrived: list[Event] = []
    queue = random.sample(events, len(events))
    checkpoints = empty(STOCK_CHECKPOINTS)
    while queue:
        batch, queue = queue[:size], queue[size:]
        arrived += batch
        checkpoints = update(checkpoints, arrived, batch)
    assert_frame_equal(checkpoints, full(events).sort(*PAIR, "month"))


@few
@given(histories(), st.data())
def test_a_withdrawn_event_leaves_no_trace(events, data):
    if not events:
        return
    gone = data.draw(st.sampled_from(events))
    left = [e for e in events if e is not gone]
    assert_frame_equal(update(full(events), left, [gone]), full(left).sort(*PAIR, "month"))


@few
@given(histories(), st.sampled_from([date(2024, month, 1) for month in (1, 2, 3, 4)]))
def test_a_checkpoint_and_the_events_since_give_the_stock_of_a_full_fold(events, month):
    carry = checkpoint_at(full(events), month)
    stepped = fold(carry, since_month(movements(events), month), since_month(counts(events), month))
    assert_frame_equal(stepped, fold(no_state(), movements(events), counts(events)), check_row_order=False)


def test_months_follow_each_other_over_the_year():
    assert month_before(date(2024, 1, 1)) == date(2023, 12, 1)
    assert month_after(date(2023, 12, 1)) == date(2024, 1, 1)
    assert month_after(date(2024, 1, 1)) == date(2024, 2, 1)
