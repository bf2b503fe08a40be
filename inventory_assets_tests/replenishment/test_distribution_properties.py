"""What holds for every distribution of demand: the laws of loss functions, and scipy's own figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import integrate, stats

from inventory_assets.replenishment.distributions import (
    Gamma,
    Lognormal,
    NegativeBinomial,
    Normal,
    Poisson,
    standard_normal_loss,
    standard_normal_safety_factor,
)
from inventory_assets.replenishment.domain import InvalidInput
from inventory_assets.replenishment.observed import Discrete, Empirical
from inventory_assets_tests.replenishment.demands import anything, continuous, counts, forall, samples

levels = st.integers(-20, 1500)
steps = st.integers(1, 300)
chances = st.floats(0.01, 0.995)


def _near(scale):
    return {"rtol": 1e-8, "atol": 1e-9 * max(float(scale), 1)}


@forall(anything, levels, steps)
def test_more_stock_takes_off_at_most_as_many_units_short(demand, level, step):
    saved = float(demand.loss(level) - demand.loss(level + step))
    assert -1e-9 <= saved <= step + 1e-9


@forall(anything, levels)
def test_shortage_is_at_least_what_average_demand_lacks(demand, level):
    short, average = float(demand.loss(level)), float(demand.average)
    assert short >= max(average - level, 0) - 1e-8 * max(average, 1)


@forall(anything, levels, steps)
def test_each_further_unit_saves_less(demand, level, step):
    first, second, third = (float(demand.loss(level + n * step)) for n in range(3))
    assert first - second >= second - third - 1e-7


@forall(counts(), levels, st.integers(1, 40))
def test_second_loss_of_counts_adds_up_the_loss(demand, level, width):
    added = sum(float(demand.loss(level + n)) for n in range(1, width + 1))
    taken = float(demand.second_loss(level) - demand.second_loss(level + width))
    np.testing.assert_allclose(taken, added, rtol=1e-7, atol=1e-6)


@forall(st.one_of(continuous(), counts()), chances)
def test_quantile_is_the_smallest_level_with_this_probability(demand, chance):
    level = float(demand.quantile(chance))
    assert float(demand.cdf(level)) >= chance - 1e-9
    below = level - 1 if demand.whole else level - max(abs(level), 1) * 1e-6
    assert float(demand.cdf(below)) < chance + 1e-9


@forall(st.floats(0.1, 80.0), st.floats(1.05, 6.0), levels)
def test_negative_binomial_is_that_of_scipy(mean, overdispersion, level):
    demand = NegativeBinomial(mean, np.sqrt(mean * overdispersion))
    size, success = mean / (overdispersion - 1), 1 / overdispersion
    np.testing.assert_allclose(demand.cdf(level), stats.nbinom.cdf(level, size, success), atol=1e-10)
    tail = np.arange(max(level, 0), max(level, 0) + 4000)
    expected = (np.maximum(tail - level, 0) * stats.nbinom.pmf(tail, size, success)).sum()
    if level >= 0:
        np.testing.assert_allclose(demand.loss(level), expected, atol=1e-6)


@forall(st.floats(0.1, 200.0), levels)
def test_poisson_is_the_negative_binomial_without_overdispersion(mean, level):
    nearly = NegativeBinomial(mean, np.sqrt(mean * (1 + 1e-7)))
    np.testing.assert_allclose(Poisson(mean).loss(level), nearly.loss(level), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(Poisson(mean).cdf(level), stats.poisson.cdf(level, mean), atol=1e-12)


@forall(continuous(), st.floats(0.02, 0.98), examples=25)
def test_loss_of_continuous_demand_is_the_integral_of_its_tail(demand, chance):
    level = float(demand.quantile(chance))
    end = float(demand.average + 40 * demand.deviation)
    loss, _ = integrate.quad(lambda x: 1 - float(demand.cdf(x)), level, end, limit=200)
    np.testing.assert_allclose(demand.loss(level), loss, rtol=2e-3, atol=1e-6)
    second, _ = integrate.quad(lambda x: float(demand.loss(x)), level, end, limit=200)
    np.testing.assert_allclose(demand.second_loss(level), second, rtol=5e-2, atol=1e-5)


@forall(st.one_of(continuous(), samples()), levels)
def test_second_loss_of_continuous_demand_falls_as_fast_as_the_loss_is_high(demand, level):
    width = 1e-3
    slope = float(demand.second_loss(level - width) - demand.second_loss(level + width)) / (2 * width)
    np.testing.assert_allclose(slope, float(demand.loss(level)), rtol=1e-3, atol=1e-2)


@forall(st.floats(1e-9, 50.0))
def test_safety_factor_gives_back_the_loss(loss):
    np.testing.assert_allclose(standard_normal_loss(standard_normal_safety_factor(loss)), loss, rtol=1e-10)


@forall(st.lists(st.floats(0, 500), min_size=1, max_size=30), chances, st.floats(0, 600))
def test_samples_answer_as_numpy_does(observed, chance, level):
    demand = Empirical([*observed, np.nan])
    assert demand.quantile(chance) == np.quantile(observed, chance, method="inverted_cdf")
    np.testing.assert_allclose(demand.loss(level), np.maximum(np.array(observed) - level, 0).mean(), **_near(500))
    np.testing.assert_allclose(demand.deviation, np.std(observed), **_near(500))


def test_certain_demand_is_a_normal_without_deviation():
    demand = Normal([100.0, 100.0], [0.0, 1e-9])
    np.testing.assert_allclose(demand.loss(90.0), 10)
    np.testing.assert_allclose(demand.second_loss(90.0), 50)
    np.testing.assert_allclose(demand.cdf([99.0, 101.0]), [0, 1])


def test_many_items_are_answered_at_once():
    demand = NegativeBinomial([2.0, 30.0, 400.0], [3.0, 12.0, 60.0])
    alone = [float(NegativeBinomial(m, s).quantile(0.95)) for m, s in [(2, 3), (30, 12), (400, 60)]]
    assert demand.quantile(0.95).tolist() == alone
    stated = Discrete([0, 1, 5], [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert stated.quantile([0.5, 0.95]).tolist() == [0, 5]
    np.testing.assert_allclose(stated.average, [1.3, 4.1])


def test_demand_over_several_periods_adds_means_and_variances():
    for demand in (Normal(5, 2), Gamma(5, 2), NegativeBinomial(5, 3)):
        four = demand.over(4)
        np.testing.assert_allclose([four.average, four.deviation], [20, 2 * demand.deviation])
    np.testing.assert_allclose(Poisson(5).over(4).average, 20)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: Normal(np.nan, 1), "demand_mean:missing"),
        (lambda: Normal(-1, 1), "demand_mean:negative"),
        (lambda: Gamma(1, 0), "demand_sd:not_positive"),
        (lambda: NegativeBinomial(4, 2), "demand_sd:too_low"),
        (lambda: Lognormal(1, 0), "sigma:not_positive"),
        (lambda: Discrete([0, 1.5], [0.5, 0.5]), "values:not_whole"),
        (lambda: Discrete([1, 0], [0.5, 0.5]), "values:not_increasing"),
        (lambda: Discrete([0, 1], [0.5, 0.4]), "probabilities:too_low"),
        (lambda: Empirical([np.nan, np.nan]), "samples:too_few"),
        (lambda: standard_normal_safety_factor(0.0), "loss:not_positive"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(wrong, reason):
    with pytest.raises(InvalidInput) as caught:
        wrong()
    assert caught.value.reason == reason
