"""Levels against statsforecast, the recursions by hand, and what a missing day may change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inventory_assets.forecast import levels
from inventory_assets.replenishment.intermittent import syntetos_boylan_rate

DAYS = 60
DEMAND = arrays(float, (3, DAYS), elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.0, 7.0, 40.0])).map(
    lambda units: np.where(np.arange(DAYS) == 0, units + 1, units)  # begins with a demand, as a series does
)


@settings(max_examples=15, deadline=None)
@given(DEMAND)
def test_recursions_equal_those_of_statsforecast(units):
    from statsforecast.models import TSB, CrostonClassic, CrostonSBA, SimpleExponentialSmoothing

    last = [DAYS - 1]
    pairs = [
        (levels.smoothed(units, last, 0.1), SimpleExponentialSmoothing(0.1)),
        (levels.croston(units, last), CrostonClassic()),
        (levels.croston(units, last, unbiased=True), CrostonSBA()),
        (levels.teunter_syntetos_babai(units, last, 0.1, 0.05), TSB(0.1, 0.05)),
    ]
    for ours, theirs in pairs:
        expected = [float(theirs.forecast(row, 1)["mean"][0]) for row in units]
        if isinstance(theirs, SimpleExponentialSmoothing):  # it forecasts without the newest value of all
            expected = [0.1 * row[-1] + 0.9 * float(theirs.forecast(row[:-1], 1)["mean"][0]) for row in units]
            ours_before = levels.smoothed(units, [DAYS - 2], 0.1)
            assert ours_before[:, 0] == pytest.approx(
                [float(theirs.forecast(row[:-1], 1)["mean"][0]) for row in units], rel=1e-9
            )
        assert ours[:, 0] == pytest.approx(expected, rel=1e-6, abs=1e-9), type(theirs).__name__


@settings(max_examples=20, deadline=None)
@given(DEMAND)
def test_the_bias_corrected_rate_equals_that_of_replenishment(units):
    assert levels.croston(units, [DAYS - 1], unbiased=True)[:, 0] == pytest.approx(
        syntetos_boylan_rate(units), rel=1e-12
    )


@settings(max_examples=20, deadline=None)
@given(DEMAND, st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=5))
def test_levels_of_many_origins_equal_those_of_each_alone(units, at):
    week = np.array([1.0, 1.2, 0.8, 1.0, 1.5, 0.5, 1.0])[np.arange(DAYS) % 7]
    for level in (
        lambda u, a, w: levels.discounted(u, a, 0.05, w),
        lambda u, a, w: levels.teunter_syntetos_babai(u, a, 0.1, 0.05, w),
        lambda u, a, w: levels.moving_average(u, a, 14, w),
        lambda u, a, w: levels.croston(u, a),
    ):
        together = level(units, at, week)
        alone = np.column_stack([level(units[:, : o + 1], [o], week[: o + 1])[:, 0] for o in at])
        np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_a_day_that_was_not_observed_changes_no_level():
    units = np.array([[3.0, 0.0, 5.0, 0.0, 2.0]])
    holed = np.array([[3.0, 0.0, np.nan, 5.0, 0.0, np.nan, np.nan, 2.0]])
    for level in (
        lambda u: levels.smoothed(u, [u.shape[1] - 1], 0.2),
        lambda u: levels.discounted(u, [u.shape[1] - 1], 0.2),
        lambda u: levels.croston(u, [u.shape[1] - 1]),
        lambda u: levels.teunter_syntetos_babai(u, [u.shape[1] - 1]),
        lambda u: levels.mean_level(u, [u.shape[1] - 1]),
    ):
        assert level(holed) == pytest.approx(level(units))


def test_a_closed_day_does_not_lower_a_level_that_knows_the_calendar():
    open_days = np.tile([7.0, 7.0, 7.0, 7.0, 7.0, 0.0, 0.0], 20)[None, :]
    profile = np.tile([1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0], 20)
    friday, sunday = 140 - 3, 140 - 1
    found = levels.discounted(open_days, [friday, sunday], 0.1, profile)
    assert found == pytest.approx(5.0)
    plain = levels.discounted(open_days, [friday, sunday], 0.1)
    assert plain[0, 0] - plain[0, 1] > 0.8


def test_the_level_of_a_dead_item_fades_by_tsb_and_stays_by_croston():
    units = np.concatenate([np.tile([4.0, 0.0], 50), np.zeros(100)])[None, :]
    at = list(range(100, 200))
    assert (np.diff(levels.teunter_syntetos_babai(units, at)[0]) < 0).all()
    assert np.ptp(levels.croston(units, at)[0]) == 0


def test_aggregation_is_near_statsforecast_which_optimises_its_smoothing_more_finely():
    from statsforecast.models import ADIDA, IMAPA

    random = np.random.default_rng(3)
    units = np.where(random.random((20, 300)) < 0.3, random.integers(1, 9, (20, 300)), 0).astype(float)
    units[:, 0] = 1
    for ours, theirs in ((levels.adida, ADIDA()), (levels.imapa, IMAPA())):
        expected = np.array([float(theirs.forecast(row, 1)["mean"][0]) for row in units])
        assert ours(units, 299) == pytest.approx(expected, rel=0.25)
        assert ours(units, 299).mean() == pytest.approx(expected.mean(), rel=0.05)


def test_seasonal_models_repeat_the_week():
    units = np.tile(np.arange(1.0, 8.0), 4)[None, :]
    assert levels.seasonal_naive(units, 27, 9)[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    assert levels.seasonal_average(units, 27, 9)[0].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    weights = np.array([1.0, 2.0, 3.0])
    assert levels.weighted_moving_average(units, [27], 3)[0, 0] == pytest.approx((weights * [5, 6, 7]).sum() / 6)
