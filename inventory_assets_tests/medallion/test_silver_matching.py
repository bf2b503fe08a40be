"""Cancellations against an independent oracle, and the days that a change reaches through them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import silver
from inventory_assets.contracts.sources import Profiles, SourceProfile
from inventory_assets.medallion.silver_decisions import days_to_read
from inventory_assets.medallion.silver_matching import SLIM, matching_days, tying_lines
from inventory_assets.medallion.silver_pos import POS, build_pos
from inventory_assets_tests.medallion.builders import (
    ITEMS,
    NOON,
    PROFILES,
    assert_sound,
    decisions,
    facts,
    pos,
    pos_line,
)

NONE = decisions()
DAY = NOON.date()


def build(bronze, days=None, decided=NONE):
    days = bronze["event_date"].unique().to_list() if days is None else days
    found = build_pos(bronze, decided, ITEMS, PROFILES, days)
    assert_sound(found, values=False)
    return found


def sale(hours=0.0, receipt="100000", **changes):
    return pos_line(transaction_id=receipt, timestamp=NOON + timedelta(hours=hours), **changes)


def back(hours=0.0, receipt="C100001", **changes):
    return sale(hours, receipt, **{"quantity_sold": -3, **changes})


def pairs(*rows):
    found = build(pos(*rows))["silver/cancellations"].sort("transaction_id")
    return found.select("transaction_id", "sale_transaction_id").rows()


@pytest.mark.parametrize(
    ("changes", "cancels"),
    [
        ({}, True),
        ({"hours": 24}, True),
        ({"hours": 24.001}, False),
        ({"hours": -0.001}, False),
        ({"store_id": "France"}, True),
        ({"product_sku": "85048 "}, True),
        ({"customer_id": "1"}, False),
        ({"customer_id": None}, False),
        ({"product_sku": "85123A"}, False),
        ({"unit_price": "2.5001"}, False),
        ({"quantity_sold": -2}, False),
        ({"source_system": "plain"}, False),
    ],
)
def test_a_return_cancels_a_sale_of_the_same_facts_within_a_day(changes, cancels):
    assert bool(pairs(sale(), back(**changes))) is cancels


def test_a_sale_without_customer_is_not_cancelled():
    assert pairs(sale(customer_id=None), back(customer_id=None)) == []


def test_the_latest_unused_sale_is_taken_in_the_order_of_the_returns():
    rows = [sale(0, "1"), sale(1, "2"), sale(1, "3"), back(2, "C1"), back(2, "C2"), back(1.5, "C3")]
    assert pairs(*rows) == [("C1", "2"), ("C2", "1"), ("C3", "3")]


def test_both_sides_name_each_other_and_demand_falls_on_the_day_of_the_sale():
    found = build(pos(sale(store_id="UK"), back(20, store_id="France", disposition="Damaged")))
    sold, cancelled = (found[path].row(0, named=True) for path in (silver.SALES.path, silver.CANCELLATIONS.path))
    assert (sold["cancelled_by_transaction_id"], sold["cancelled_by_line_number"]) == ("C100001", 1)
    assert (cancelled["sale_store_id"], cancelled["sale_transaction_id"], cancelled["sale_line_number"]) == (
        "UK", "100000", 1,
    )  # fmt: skip
    assert (cancelled["sale_date"], cancelled["event_date"]) == (DAY, DAY + timedelta(days=1))
    assert cancelled["disposition"] == "damaged"


HOURS = st.integers(0, 4 * 8).map(lambda eighth: eighth * 3)
LINES = st.lists(
    st.tuples(HOURS, st.sampled_from([3, -3, -3, 2]), st.sampled_from(["13085", "13086", None]),
              st.sampled_from(["UK", "France"])),
    max_size=14,
)  # fmt: skip


def receipts(lines):
    return pos(*(
        sale(hours, f"{number:06d}", quantity_sold=units, customer_id=customer, store_id=store)
        for number, (hours, units, customer, store) in enumerate(lines)
    ))  # fmt: skip


def oracle(lines):
    """The rule of requirement B2, word for word."""
    order = sorted(range(len(lines)), key=lambda at: (lines[at][0], at))
    used, found = set(), []
    for at in (at for at in order if lines[at][1] < 0 and lines[at][2] is not None):
        hours, units, customer, _ = lines[at]
        open_sales = [
            other
            for other in order
            if other not in used
            and lines[other][1] == -units
            and lines[other][2] == customer
            and 0 <= hours - lines[other][0] <= 24
        ]
        if open_sales:
            used.add(open_sales[-1])
            found.append((f"{at:06d}", f"{open_sales[-1]:06d}"))
    return sorted(found)


@given(LINES)
@settings(max_examples=25, deadline=None)
def test_matching_agrees_with_the_rule_word_for_word(lines):
    found = build(receipts(lines))["silver/cancellations"]
    assert sorted(found.select("transaction_id", "sale_transaction_id").rows()) == oracle(lines)


def settled_days(bronze, dirty, decided=NONE, profiles=PROFILES):
    """What the refresh does: look at more days until the answer is final."""
    looked = set(dirty)
    for _ in range(50):
        read = days_to_read(decided, POS, looked)
        slim = bronze.filter(pl.col("event_date").is_in(sorted(day for day in read if day))).select(SLIM)
        lines = tying_lines(slim.lazy()) if decided.is_empty() else slim
        answer = matching_days(lines, dirty, looked, decided, profiles)
        if not answer.missing:
            return answer
        looked |= answer.missing
    raise AssertionError("the days to look at never settled")


@given(LINES, st.data())
@settings(max_examples=25, deadline=None)
def test_built_day_by_day_equals_built_at_once(lines, data):
    bronze = receipts(lines)
    whole = facts(build(bronze))
    parts = defaultdict(list)
    for day in bronze["event_date"].unique().to_list():
        window = settled_days(bronze, {day}).rebuild
        for path, rows in facts(build(bronze.filter(pl.col("event_date").is_in(sorted(window))), [day])).items():
            parts[path] += rows
    assert {path: sorted(rows, key=repr) for path, rows in parts.items()} == ({} if not lines else whole)


@given(LINES, LINES)
@settings(max_examples=25, deadline=None)
def test_rebuilding_the_named_days_after_late_lines_equals_built_at_once(early, late):
    bronze = receipts(early + late)
    before = bronze.head(len(early))
    dirty = set(bronze.tail(len(late))["event_date"].to_list())
    answer = settled_days(bronze, dirty)
    old = build(before)
    rebuilt = build(bronze.filter(pl.col("event_date").is_in(sorted(answer.window))), answer.rebuild)
    merged = {
        path: pl.concat([frame.filter(~pl.col("event_date").is_in(sorted(answer.rebuild))), rebuilt[path]])
        for path, frame in old.items()
    }
    assert facts(merged) == facts(build(bronze))


def test_only_days_of_chains_with_a_return_are_rebuilt():
    others = [sale(hours, str(hours), customer_id="1") for hours in (20, 40)]
    bronze = pos(sale(-30, "1"), sale(-20, "2"), back(0), *others)
    answer = settled_days(bronze, {DAY})
    assert answer.rebuild == {DAY, DAY - timedelta(days=1)}
    assert answer.window == answer.rebuild


def test_a_rebuilt_neighbour_brings_the_days_its_own_chains_need():
    bronze = pos(
        sale(-14, "1"), back(0, "C1"),
        sale(-40, "2", product_sku="85123A"), back(-20, "C2", product_sku="85123A"),
    )  # fmt: skip
    answer = settled_days(bronze, {DAY})
    assert answer.rebuild == {DAY, DAY - timedelta(days=1)}
    assert answer.window == answer.rebuild | {DAY - timedelta(days=2)}


def test_a_day_changes_too_when_a_fix_takes_a_line_out_of_its_chain():
    bronze = pos(back(0, "C1"), sale(-14, "1"))
    decided = decisions({"action": "fix", "changes": '{"customer_id": "7"}', "event_date": DAY})
    assert settled_days(bronze, {DAY}, decided).rebuild == {DAY, DAY - timedelta(days=1)}


def test_stores_in_several_zones_widen_the_days_to_look_at():
    zoned = Profiles({"shop": SourceProfile(location_time_zones={"Hawaii": "Pacific/Honolulu"})})
    slim = pos().select(SLIM)
    assert matching_days(slim, {DAY}, {DAY}, NONE, PROFILES).missing == {date(2024, 3, 4), date(2024, 3, 6)}
    assert len(matching_days(slim, {DAY}, {DAY}, NONE, zoned).missing) == 4
    assert matching_days(slim, {None}, {None}, NONE, zoned).rebuild == {None}
