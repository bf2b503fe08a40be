"""Rounded orders: full packs, at least the minimum, as small as possible, inside the limits, and explained."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import strategies as st

from inventory_assets.replenishment.domain import InvalidInput
from inventory_assets.replenishment.rounding import REASONS, STOPPED, WORDS, round_order
from inventory_assets_tests.replenishment.demands import forall

wanted = st.one_of(st.floats(0.001, 5000.0), st.integers(1, 5000).map(float))
minimums = st.integers(0, 800)
packs = st.integers(1, 144)
positions = st.integers(-200, 3000)
limits = st.one_of(st.just(math.nan), st.floats(0.0, 4000.0))


@forall(wanted, minimums, packs)
def test_an_order_is_the_smallest_number_of_full_packs_that_covers_wish_and_minimum(want, minimum, pack):
    quantity = int(round_order(want, minimum, pack).quantity)
    assert quantity % pack == 0
    assert quantity >= max(want, minimum) - 1e-6
    assert quantity - pack < max(want, minimum)


@forall(wanted, minimums, packs, positions, limits, limits, st.floats(0.0, 50.0))
def test_limits_hold_and_an_order_is_none_or_a_possible_one(want, minimum, pack, position, life, most, sold):
    found = round_order(want, minimum, pack, position=position, shelf_life=life, day_demand=sold, maximum_stock=most)
    quantity = int(found.quantity)
    assert quantity % pack == 0
    assert quantity == 0 or quantity >= minimum
    if quantity and not math.isnan(most):
        assert position + quantity <= most + 1e-6 * pack
    if quantity and not math.isnan(life):
        assert position + quantity <= life * sold + 1e-6 * pack
    assert quantity <= int(round_order(want, minimum, pack).quantity)


@forall(wanted, minimums, packs, positions, limits, limits, st.floats(0.0, 50.0))
def test_every_change_has_a_reason_and_nothing_else_has(want, minimum, pack, position, life, most, sold):
    found = round_order(want, minimum, pack, position=position, shelf_life=life, day_demand=sold, maximum_stock=most)
    quantity, reasons = int(found.quantity), found.of(0)
    assert (quantity == 0) == any(each in STOPPED for each in reasons)
    if not reasons:
        assert quantity == pytest.approx(want)
    elif quantity:
        assert quantity != want
    assert all(each in WORDS for each in reasons)


@forall(wanted, minimums, packs, positions, limits)
def test_rounding_a_rounded_order_changes_nothing(want, minimum, pack, position, most):
    once = int(round_order(want, minimum, pack, position=position, maximum_stock=most).quantity)
    again = round_order(once, minimum, pack, position=position, maximum_stock=most)
    assert int(again.quantity) == once
    assert once == 0 or not again.of(0)


@forall(wanted, st.floats(0.0, 500.0), minimums, packs, positions, limits)
def test_a_larger_wish_never_gives_a_smaller_order(want, more, minimum, pack, position, most):
    def order(units):
        return int(round_order(units, minimum, pack, position=position, maximum_stock=most).quantity)

    assert order(want + more) >= order(want)


@forall(st.lists(st.tuples(wanted, minimums, packs, positions, limits), min_size=1, max_size=10))
def test_items_are_rounded_each_for_itself(items):
    want, minimum, pack, position, most = (np.array(each, dtype=float) for each in zip(*items, strict=True))
    together = round_order(want, minimum, pack, position=position, maximum_stock=most)
    for row in range(len(items)):
        alone = round_order(want[row], minimum[row], pack[row], position=position[row], maximum_stock=most[row])
        assert together.quantity[row] == alone.quantity
        assert together.of(row) == alone.of(0)


@pytest.mark.parametrize(
    ("limit", "expected", "reasons"),
    [
        ({}, 96, ("raised_to_full_packs",)),
        ({"wanted": 10}, 48, ("raised_to_minimum_order",)),
        ({"wanted": 10, "minimum_order": 50}, 72, ("raised_to_minimum_order", "raised_to_full_packs")),
        ({"wanted": 72}, 72, ()),
        ({"wanted": 0}, 0, ()),
        ({"wanted": -5}, 0, ()),
        ({"maximum_stock": 80}, 72, ("cut_to_maximum_stock",)),
        ({"shelf_life": 10, "day_demand": 8}, 72, ("cut_to_shelf_life",)),
        ({"shelf_life": 10, "day_demand": 8, "maximum_stock": 60}, 48, ("cut_to_shelf_life", "cut_to_maximum_stock")),
        ({"maximum_stock": 30}, 0, ("minimum_order_exceeds_maximum_stock",)),
        ({"shelf_life": 5, "day_demand": 6}, 0, ("minimum_order_exceeds_shelf_life",)),
        ({"maximum_stock": 20}, 0, ("pack_exceeds_maximum_stock",)),
        ({"shelf_life": 5, "day_demand": 4}, 0, ("pack_exceeds_shelf_life",)),
        ({"maximum_stock": 300, "position": 300}, 0, ("no_room_by_maximum_stock",)),
        ({"shelf_life": 5, "day_demand": 0}, 0, ("no_room_by_shelf_life",)),
    ],
)
def test_each_conflict_has_its_reason(limit, expected, reasons):
    given = {"wanted": 85, "minimum_order": 48, "pack": 24, **limit}
    found = round_order(given.pop("wanted"), given.pop("minimum_order"), given.pop("pack"), **given)
    assert int(found.quantity) == expected
    assert found.of(0) == reasons


def test_the_reasons_are_a_closed_enumeration_with_words():
    assert set(WORDS) == set(REASONS) == set(round_order(1).reasons)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: round_order(np.nan), "wanted:missing"),
        (lambda: round_order(5, 2.5), "minimum_order:not_whole"),
        (lambda: round_order(5, 1, 0), "pack:not_positive"),
        (lambda: round_order(5, position=np.nan), "position:missing"),
        (lambda: round_order(5, maximum_stock=-1), "maximum_stock:negative"),
    ],
)
def test_bad_terms_are_refused_by_name(call, reason):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.reason == reason
