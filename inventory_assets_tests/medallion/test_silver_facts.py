"""Whatever the order, the cut of the files or the number of deliveries: the same facts, and no row lost."""

from __future__ import annotations

import random
from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import silver
from inventory_assets.medallion.silver_common import rows_in_balance
from inventory_assets.medallion.silver_pos import build_pos
from inventory_assets_tests.medallion.builders import (
    ITEMS,
    NOON,
    PROFILES,
    READ_AT,
    assert_sound,
    decisions,
    facts,
    places,
    pos,
    pos_line,
)

LINE = st.fixed_dictionaries(
    {
        "transaction_id": st.sampled_from(["100000", "100001", " 100001", None]),
        "line_number": st.sampled_from([1, 2, None]),
        "source_system": st.sampled_from(["shop", "plain"]),
        "product_sku": st.sampled_from(["85048", "85123a", "85123A ", "POST", None]),
        "quantity_sold": st.sampled_from([3, -3, 0, None, 20_000_000]),
        "unit_price": st.sampled_from(["2.5", "2.5", "0", "-1", None]),
        "timestamp": st.sampled_from([None, NOON, NOON + timedelta(hours=14), READ_AT + timedelta(days=1)]),
        "customer_id": st.sampled_from(["13085", "13085", None]),
        "version": st.sampled_from([None, 1, 2]),
        "cast_errors": st.sampled_from([None, None, None, "quantity_sold"]),
        "row_error": st.sampled_from([None, None, None, None, "line:unreadable"]),
    }
)


def build(bronze, *, values=False):
    found = build_pos(bronze, decisions(), ITEMS, PROFILES, bronze["event_date"].unique().to_list())
    assert_sound(found, values=values)
    return found


def files(rows, cuts, shift=0):
    """The rows dealt into files, numbered within each."""
    return [
        {**row, "source_file": f"file-{cut + shift}", "content_hash": str(cut + shift), "row_number": number}
        for number, (row, cut) in enumerate(zip(rows, cuts, strict=True), 1)
    ]


@given(st.lists(LINE.map(lambda line: pos_line(**line)), min_size=1, max_size=12), st.data())
@settings(max_examples=35, deadline=None)
def test_shuffled_split_and_repeated_deliveries_give_the_same_facts(rows, data):
    once = build(pos(*files(rows, [0] * len(rows))))
    cuts = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    again = files(rows, cuts) + files(rows, [9] * len(rows))
    random.Random(data.draw(st.integers(0, 99))).shuffle(again)
    twice = build(pos(*again))
    assert facts(twice) == facts(once)
    assert places(twice)["bronze"] == 2 * len(rows)
    assert places(twice)["exact_repeat"] == len(rows) + places(once).get("exact_repeat", 0)


@given(st.lists(LINE.map(lambda line: pos_line(**line)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_every_row_ends_in_exactly_one_place(rows):
    found = build(pos(*rows), values=True)
    placed = [
        frame.select("source_file", "row_number")
        for path, frame in found.items()
        if path != silver.DAY_BALANCE.path
    ]  # fmt: skip
    stands = pl.concat(placed)
    assert stands.n_unique() == stands.height
    assert stands.height + places(found).get("exact_repeat", 0) == len(rows) == places(found).get("bronze", 0)


def test_a_lost_row_shows_in_the_balance():
    counts = build(pos(pos_line(), pos_line(transaction_id="2")))[silver.DAY_BALANCE.path]
    lost = counts.with_columns(
        pl.when(pl.col("outcome") == "inventory_transactions").then(1).otherwise("rows").cast(pl.Int64).alias("rows")
    )
    assert rows_in_balance(lost).select("bronze", "placed").rows() == [(2, 1)]
