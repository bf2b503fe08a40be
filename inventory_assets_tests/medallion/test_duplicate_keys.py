"""One row a key over the whole table, whatever came first; what was taken out comes back when its day is the first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.contracts.silver import SALES, STOCK_COUNTS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.medallion.duplicate_keys import BACK, judge_keys, with_key
from inventory_assets.medallion.silver_common import joined_key
from inventory_assets.medallion.silver_deciding import ELSEWHERE
from inventory_assets.pipeline.silver import DAY_FEEDS
from inventory_assets_tests.frames import random_frame

FIRST = date(2024, 5, 1)
READ = datetime(2024, 6, 1, tzinfo=UTC)
SCHEMA = {
    "source_system": pl.String, "_key": pl.String, "event_date": pl.Date, "source_file": pl.String,
    "row_number": pl.Int64, "ingestion_timestamp": INSTANT, "_reason": pl.String,
}  # fmt: skip


def frame(rows: list[tuple[str, int, int, str]]) -> pl.DataFrame:
    """Rows of (key, day, number, reason); no reason is a row that silver keeps."""
    return pl.DataFrame(
        [("till", key, FIRST + timedelta(days=day), "a.csv", number, READ, why) for key, day, number, why in rows],
        schema=SCHEMA,
        orient="row",
    )


def judged(rows: list[tuple[str, int, int, str]]) -> dict[int, str]:
    kept, held = [r for r in rows if not r[3]], [r for r in rows if r[3]]
    found = judge_keys(frame(kept), frame(held))
    return {int(number): str(action) for number, action in found.select("row_number", "action").iter_rows()}


def test_the_later_day_loses():
    rows = [("k", 0, 1, ""), ("k", 3, 2, ""), ("k", 1, 3, ""), ("other", 3, 4, "")]
    assert judged(rows) == {2: ELSEWHERE, 3: ELSEWHERE}


def test_the_loser_of_a_contradiction_does_not_take_the_place_of_the_row_that_goes():
    assert judged([("k", 0, 1, ""), ("k", 1, 2, ""), ("k", 1, 3, "conflict")]) == {2: ELSEWHERE, 3: ELSEWHERE}
    assert judged([("k", 0, 1, ""), ("k", 0, 3, "conflict")]) == {}


def test_the_earliest_of_those_taken_out_comes_back_and_no_other():
    assert judged([("k", 1, 1, ELSEWHERE), ("k", 2, 2, ELSEWHERE)]) == {1: BACK}
    assert judged([("k", 1, 1, ELSEWHERE), ("k", 2, 2, "")]) == {1: BACK, 2: ELSEWHERE}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_checks_in_any_order_of_arrival_end_with_the_first_day_of_each_key(arrivals, dice):
    state: dict[int, str] = {}
    rows: list[tuple[str, int]] = []
    waiting = list(arrivals)
    dice.shuffle(waiting)
    for cut in range(3):
        coming = waiting[cut::3]
        rows += coming
        found = judged([(key, day, number, state.get(number, "")) for number, (key, day) in enumerate(rows)])
        for number, action in found.items():
            state[number] = ELSEWHERE if action == ELSEWHERE else ""
    assert judged([(key, day, n, state.get(n, "")) for n, (key, day) in enumerate(rows)]) == {}
    for number, (key, day) in enumerate(rows):
        assert bool(state.get(number)) == (day > min(d for k, d in rows if k == key))


def test_every_table_of_a_day_feed_has_a_key_and_a_count_has_that_of_its_record():
    for feed in DAY_FEEDS.values():
        for table in feed.tables:
            rows = random_frame(table, 1)
            keyed = with_key(table, rows.lazy()).collect()
            assert keyed["_key"].null_count() == 0, table.path
            assert keyed["_key"].n_unique() <= rows.height
    counts = with_key(STOCK_COUNTS, random_frame(STOCK_COUNTS, 1).lazy()).collect()
    assert counts["_key"].str.starts_with("count|").all()
    assert TABLES[SALES.path] is SALES


def test_no_two_keys_look_alike():
    keys = pl.DataFrame({"a": ["x|y", "x", "x\\", "x\\|y"], "b": ["z", "y|z", "|yz", "z"]})
    assert keys.select(joined_key([pl.col("a"), pl.col("b")])).to_series().n_unique() == 4
