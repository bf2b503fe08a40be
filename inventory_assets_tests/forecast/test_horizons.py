"""How far ahead each item is forecast: until the order after its next one has arrived, and no farther."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.forecast import horizons
from inventory_assets.forecast.horizons import far_origins, item_horizons, longest_measured, own_horizons, with_peers

UNKNOWN = float("nan")


@pytest.mark.parametrize(
    ("lead", "review", "days"),
    [
        (7, 7, 21),
        (6.5, 7, 21),
        (6.5, 1, 9),
        (0, 1, 7),
        (0, 3, 7),
        (0, 4, 8),
        (90.2, 30, 151),
        (200, 7, 180),
        (UNKNOWN, 7, 28),
    ],
)
def test_a_horizon_is_lead_time_and_review_and_one_review_at_least_a_week_at_most_the_longest(lead, review, days):
    assert own_horizons(np.array([lead]), np.array([float(review)]), 28, 180).tolist() == [days]


@given(
    st.floats(0, 400), st.integers(1, 60), st.floats(0, 50), st.integers(7, 180), st.integers(7, 364),
)  # fmt: skip
def test_a_horizon_holds_what_the_policy_asks_for_and_grows_with_it(lead, review, more, otherwise, most):
    lead_days, review_days = np.array([lead, lead + more, UNKNOWN]), np.full(3, float(review))
    found = own_horizons(lead_days, review_days, otherwise, most)
    assert found[0] == most or found[0] >= math.ceil(lead + review)
    assert min(7, most) <= found[0] <= found[1] <= most
    assert found[2] == min(otherwise, most)


def test_an_item_reaches_as_far_as_the_location_that_orders_longest_ahead():
    assert item_horizons(np.array([7, 90, 21, 8]), np.array([0, 1, 0, 2])).tolist() == [21, 90, 8]


@settings(max_examples=60)
@given(st.integers(20, 900), st.integers(7, 60), st.integers(8, 300))
def test_a_sum_is_told_only_where_enough_past_ones_as_long_are_over(days, measured, horizon):
    at, longest = far_origins(days, measured, horizon), longest_measured(days, measured, horizon)
    assert longest <= horizon
    if longest > measured:
        assert sum(origin + longest <= days - 1 for origin in at) >= horizons.FEWEST_FAR_ORIGINS
        assert (
            longest == horizon or sum(origin + longest + 1 <= days - 1 for origin in at) < horizons.FEWEST_FAR_ORIGINS
        )


@given(st.integers(0, 2**32 - 1), st.integers(1, 900))
def test_peers_stand_beside_all_that_are_wanted_each_once(seed, items):
    wanted = np.random.default_rng(seed).random(items) < 0.1
    found = with_peers(wanted, 50)
    assert np.array_equal(found, np.unique(found))
    assert set(np.flatnonzero(wanted)) <= set(found)
    assert len(found) == wanted.sum() + min(50, (~wanted).sum())
