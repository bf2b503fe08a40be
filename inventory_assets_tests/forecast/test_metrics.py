"""Measures against numbers worked by hand, closed forms, and what must hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from inventory_assets.forecast import metrics

ACTUAL, FORECAST = np.array([[4.0, 0.0, 2.0]]), np.array([[3.0, 1.0, 4.0]])
HISTORY = np.array([[np.nan, 1.0, 3.0, 2.0, 6.0]])


def test_measures_equal_those_worked_by_hand():
    assert metrics.naive_absolute_scale(HISTORY) == pytest.approx((2 + 1 + 4) / 3)
    assert metrics.naive_squared_scale(HISTORY) == pytest.approx((4 + 1 + 16) / 3)
    assert metrics.mase(ACTUAL, FORECAST, metrics.naive_absolute_scale(HISTORY)) == pytest.approx((4 / 3) / (7 / 3))
    assert metrics.rmsse(ACTUAL, FORECAST, metrics.naive_squared_scale(HISTORY)) == pytest.approx(np.sqrt(2 / 7))
    assert metrics.normalised_rmse(ACTUAL, FORECAST, np.array([3.0])) == pytest.approx(np.sqrt(2) / 3)
    assert metrics.smape(ACTUAL, FORECAST) == pytest.approx((200 / 7 + 200 + 400 / 6) / 3)
    assert metrics.wape(ACTUAL, FORECAST) == pytest.approx(4 / 6)
    assert metrics.bias(ACTUAL, FORECAST) == pytest.approx(2 / 6)
    assert metrics.overall_weighted_average(9.161, 2.777, 9.161, 2.777) == 1


def test_a_measure_without_a_denominator_is_unknown_and_not_zero():
    nothing = np.zeros((1, 3))
    assert np.isnan(metrics.rmsse(ACTUAL, FORECAST, np.array([0.0])))
    assert np.isnan(metrics.mase(ACTUAL, FORECAST, np.array([0.0])))
    assert np.isnan(metrics.wape(nothing, FORECAST))
    assert np.isnan(metrics.bias(nothing, FORECAST))
    assert metrics.smape(nothing, nothing) == 0


def test_days_not_observed_are_left_out_of_both_sides():
    holed = np.array([[4.0, np.nan, 2.0]])
    assert metrics.bias(holed, FORECAST) == pytest.approx((3 - 4 + 4 - 2) / 6)
    assert metrics.mase(holed, FORECAST, np.array([1.0])) == pytest.approx(1.5)


def test_bias_by_value_weighs_series_by_price():
    actual, forecast = np.array([[1.0], [1.0]]), np.array([[2.0], [1.0]])
    assert metrics.bias(actual, forecast, np.array([3.0, 1.0])) == pytest.approx(3 / 4)


def test_pinball_of_a_normal_quantile_is_its_closed_form():
    level, drawn = 0.9, np.random.default_rng(1).normal(size=400_000)
    at = norm.ppf(level)
    assert metrics.pinball(drawn, np.full_like(drawn, at), level).mean() == pytest.approx(norm.pdf(at), rel=0.01)


def test_coverage_of_true_quantiles_is_the_level():
    drawn = np.random.default_rng(2).gamma(0.7, 3.0, 100_000)
    at = np.quantile(drawn, 0.95)
    assert metrics.coverage(drawn, np.full_like(drawn, at)) == pytest.approx(0.95, abs=1e-4)
    assert metrics.coverage(np.array([1.0, 5.0]), np.array([2.0, 4.0]), np.array([3.0, 1.0])) == 0.75
