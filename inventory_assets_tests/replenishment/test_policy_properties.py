"""What holds for policies under uncertain demand: service is reached and rises, cost is least, units do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from inventory_assets.replenishment import min_max, newsvendor, reorder_point, review, safety_stock, service
from inventory_assets.replenishment.distributions import NegativeBinomial, Normal, Poisson
from inventory_assets_tests.replenishment.demands import anything, continuous, counts, factors, forall, targets, times

means = st.floats(1.0, 1000.0)
spreads = st.floats(0.05, 0.5)
lots = st.integers(1, 2000)
penalties = st.floats(1.5, 100.0)


@forall(anything, penalties, factors)
def test_dearer_shortage_means_more_stock_and_dearer_holding_less(demand, penalty, more):
    level = newsvendor.newsvendor(demand, 1.0, penalty).level
    assert newsvendor.newsvendor(demand, 1.0, penalty * more).level >= level
    assert newsvendor.newsvendor(demand, more, penalty).level <= level


@forall(anything, penalties, st.integers(-50, 50))
def test_no_other_level_costs_less_than_the_newsvendors(demand, penalty, away):
    best = newsvendor.newsvendor(demand, 1.0, penalty)
    other = newsvendor.newsvendor_cost(best.level + away, demand, 1.0, penalty)
    assert other >= best.cost - 1e-7 * max(float(best.cost), 1)


@forall(means, spreads, penalties, factors)
def test_newsvendor_is_the_same_amount_of_goods_in_any_unit(mean, spread, penalty, units):
    plain = newsvendor.newsvendor(Normal(mean, mean * spread), 1.0, penalty)
    packs = newsvendor.newsvendor(Normal(mean * units, mean * spread * units), 1.0 / units, penalty / units)
    np.testing.assert_allclose([packs.level, packs.cost], [plain.level * units, plain.cost], rtol=1e-9)


@forall(st.one_of(continuous(), counts()), penalties, st.floats(0.1, 0.9), st.integers(-9, 9))
def test_no_other_level_earns_more(demand, price, cost_share, away):
    cost = price * cost_share
    best = newsvendor.newsvendor_profit(demand, price, cost, cost / 2)
    level = max(best.level + away, 0)
    short = demand.loss(level)
    sold, left = demand.average - short, level - demand.average + short
    assert price * sold - cost * level + cost / 2 * left <= best.profit + 1e-7 * max(abs(float(best.profit)), 1)


@forall(means, spreads, penalties, st.floats(0.0, 5.0))
def test_a_price_rise_ahead_means_buying_more_now(mean, spread, penalty, cost):
    demand = Normal(mean, mean * spread)
    steady, rising = (newsvendor.myopic_base_stock(demand, 1.0, penalty, cost, cost + up).level for up in (0.0, 0.5))
    assert rising > steady
    np.testing.assert_allclose(steady, newsvendor.newsvendor(demand, 1.0, penalty).level)


@forall(st.one_of(continuous(), counts()), lots, targets)
def test_fill_rate_is_reached_and_not_with_less(demand, lot, target):
    level = safety_stock.level_for_fill_rate(demand, lot, target).level
    assert service.continuous_review_service(level, lot, demand).fill_rate >= target - 1e-7
    below = level - 1 if demand.whole else level - 1e-3 * max(float(demand.deviation), 1)
    assert service.continuous_review_service(below, lot, demand).fill_rate < target + 1e-7


@forall(st.one_of(continuous(), counts()), lots, targets)
def test_ready_rate_is_reached(demand, lot, target):
    level = safety_stock.level_for_ready_rate(demand, lot, target).level
    assert service.continuous_review_service(level, lot, demand).ready_rate >= target - 1e-7


@forall(anything, targets)
def test_cycle_service_is_reached(demand, target):
    level = safety_stock.level_for_cycle_service(demand, target).level
    assert demand.cdf(level) >= target - 1e-9


@forall(anything, lots, st.integers(-100, 1000), st.integers(1, 200))
def test_every_service_rises_with_the_reorder_point(demand, lot, point, more):
    lower, higher = (service.continuous_review_service(each, lot, demand) for each in (point, point + more))
    assert higher.cycle_service >= lower.cycle_service
    assert higher.fill_rate >= lower.fill_rate - 1e-8
    assert higher.ready_rate >= lower.ready_rate - 1e-8
    assert -1e-8 <= lower.fill_rate <= 1 + 1e-8


@forall(anything, lots, targets, st.floats(0.001, 0.5))
def test_a_higher_target_never_needs_less(demand, lot, target, more):
    higher = min(target + more, 0.999)
    for level in (
        lambda share: safety_stock.level_for_cycle_service(demand, share),
        lambda share: safety_stock.level_for_fill_rate(demand, lot, share),
        lambda share: safety_stock.level_for_fill_rate(demand, lot, share, exact=False),
    ):
        assert level(higher).level >= level(target).level - 1e-9


@forall(st.one_of(continuous(), counts()), lots, targets)
def test_the_textbook_fill_rule_asks_for_at_least_as_much_as_the_exact_one(demand, lot, target):
    exact, textbook = (
        safety_stock.level_for_fill_rate(demand, lot, target, exact=each).level for each in (True, False)
    )
    assert textbook >= exact - 1e-6 * max(float(demand.deviation), 1)


@forall(means, spreads, targets, lots, factors)
def test_safety_stock_is_the_same_amount_of_goods_in_any_unit(mean, spread, target, lot, units):
    plain, packs = Normal(mean, mean * spread), Normal(mean * units, mean * spread * units)
    for here, there in (
        (safety_stock.level_for_cycle_service(plain, target), safety_stock.level_for_cycle_service(packs, target)),
        (
            safety_stock.level_for_fill_rate(plain, lot, target),
            safety_stock.level_for_fill_rate(packs, lot * units, target),
        ),
    ):
        np.testing.assert_allclose(there.safety_stock, here.safety_stock * units, rtol=1e-6, atol=1e-6 * mean * units)


@forall(means, spreads, times, st.floats(0.0, 5.0), factors)
def test_safety_stock_rises_with_every_uncertainty(mean, spread, time, time_sd, more):
    def stock(deviation, lead_time, lead_time_sd):
        demand = safety_stock.lead_time_demand(mean, deviation, lead_time, lead_time_sd)
        return safety_stock.level_for_cycle_service(demand, 0.95).safety_stock

    here = stock(mean * spread, time, time_sd)
    assert stock(mean * spread * more, time, time_sd) > here
    assert stock(mean * spread, time * more, time_sd) > here
    assert stock(mean * spread, time, time_sd * more + 0.01) > here


@forall(means, spreads, st.integers(0, 40), st.floats(-0.95, 0.95))
def test_correlated_demand_adds_up_its_covariances(mean, spread, time, phi):
    deviation = mean * spread
    apart = np.abs(np.subtract.outer(np.arange(time), np.arange(time)))
    variance = deviation**2 * (phi**apart).sum() if time else 0.0
    demand = safety_stock.correlated_demand(mean, deviation, time, phi)
    np.testing.assert_allclose(demand.deviation, np.sqrt(variance), rtol=1e-7, atol=1e-7 * mean)


@forall(means, spreads, st.integers(0, 40))
def test_uncorrelated_demand_is_the_plain_lead_time_demand(mean, spread, time):
    plain = safety_stock.lead_time_demand(mean, mean * spread, time)
    np.testing.assert_allclose(
        safety_stock.correlated_demand(mean, mean * spread, time, 0.0).deviation, plain.deviation
    )


@forall(st.lists(st.floats(0.5, 100.0), min_size=2, max_size=12), st.floats(0.0, 1.0))
def test_one_common_stock_never_needs_more_than_separate_ones(deviations, rho):
    together = safety_stock.pooled_demand(np.full(len(deviations), 500.0), deviations, rho)
    assert together.deviation <= sum(deviations) * (1 + 1e-12)
    assert together.deviation >= np.sqrt(np.square(deviations).sum()) * (1 - 1e-12)


@forall(st.lists(st.floats(-50, 50), min_size=2, max_size=30), st.floats(0.0, 30.0))
def test_a_biased_forecast_needs_more_safety_stock(errors, bias):
    centred = np.array(errors) - np.mean(errors)
    even = safety_stock.demand_with_forecast_errors(100.0, centred)
    biased = safety_stock.demand_with_forecast_errors(100.0, [*(centred + bias), np.nan])
    np.testing.assert_allclose(biased.deviation, np.hypot(even.deviation, bias), rtol=1e-9, atol=1e-9)


@forall(
    means, spreads, st.floats(0.0, 20.0), st.floats(0.5, 20.0), factors, st.sampled_from(["cycle_service", "fill_rate"])
)
def test_a_longer_lead_time_or_review_period_needs_a_higher_level(mean, spread, time, period, more, meaning):
    demand = Normal(mean, mean * spread)

    def top(lead_time, review_period):
        return review.periodic_review(demand.over, lead_time, review_period, 0.95, meaning).order_up_to

    assert top(time, period * more) > top(time, period)
    assert top(time + more, period) > top(time, period)


@forall(means, st.floats(1.2, 5.0), st.integers(0, 20), st.integers(1, 20), st.sampled_from([0.9, 0.95, 0.98, 0.99]))
def test_periodic_review_reaches_its_fill_rate(mean, overdispersion, time, period, target):
    demand = NegativeBinomial(mean, np.sqrt(mean * overdispersion))
    assume(time > 0)
    policy = review.periodic_review(demand.over, time, period, target, "fill_rate")
    achieved = service.periodic_review_service(policy.order_up_to, demand.over(time + period), demand.over(time))
    assert achieved.fill_rate >= target - 1e-9
    lower = service.periodic_review_service(policy.order_up_to - 1, demand.over(time + period), demand.over(time))
    assert lower.fill_rate < target + 1e-9


@forall(st.floats(-100, 1000), st.integers(0, 300), means, spreads)
def test_more_on_order_never_means_more_ordered(position, more, mean, spread):
    policy = review.periodic_review(Normal(mean, mean * spread).over, 7, 7, 0.95, "fill_rate")
    here, later = review.missing_units(position, policy), review.missing_units(position + more, policy)
    assert later <= here
    if review.is_due(position + more, policy.reorder_point):
        np.testing.assert_allclose(here - later, more)


@forall(continuous(), penalties, st.floats(1.0, 500.0), st.floats(0.5, 2.0), st.floats(-1.0, 1.0), examples=15)
def test_no_other_reorder_policy_costs_less_for_continuous_demand(demand, penalty, setup, factor, shift):
    rate = float(demand.average) / 2
    best = reorder_point.exact_policy(demand, rate, setup, 1.0, penalty)
    quantity, point = best.order_quantity * factor, best.reorder_point + shift * demand.deviation
    other = reorder_point.reorder_policy_cost(point, quantity, demand, rate, setup, 1.0, penalty)
    assert other >= best.cost * (1 - 1e-7)


@forall(counts(), penalties, st.floats(1.0, 500.0), st.integers(-5, 5), st.integers(-4, 4), examples=40)
def test_no_other_reorder_policy_costs_less_for_counts(demand, penalty, setup, more, shift):
    rate = float(demand.average) / 2
    best = reorder_point.exact_policy(demand, rate, setup, 1.0, penalty)
    quantity = max(best.order_quantity + more, 1)
    other = reorder_point.reorder_policy_cost(best.reorder_point + shift, quantity, demand, rate, setup, 1.0, penalty)
    assert other >= best.cost * (1 - 1e-9)


@forall(means, spreads, penalties, st.floats(1.0, 500.0), examples=15)
def test_approximations_cost_no_less_than_the_exact_policy(mean, spread, penalty, setup):
    demand, costs = Normal(mean, mean * spread), (mean / 2, setup, 1.0, penalty)
    exact = reorder_point.exact_policy(demand, *costs).cost
    rules = (
        reorder_point.eoq_with_backorders_policy,
        reorder_point.eoq_with_safety_stock,
        reorder_point.loss_function_policy,
    )
    found = [rule(demand, *costs).cost for rule in rules]
    assert min(found) >= exact * (1 - 1e-7)
    assert found[0] <= 1.118 * exact * (1 + 1e-6)


@forall(means, spreads, penalties, lots)
def test_the_cheapest_reorder_point_gives_the_critical_ratio_as_ready_rate(mean, spread, penalty, lot):
    demand = Normal(mean, mean * spread)
    point = reorder_point.cheapest_reorder_point(lot, demand, 1.0, penalty)
    ready = service.continuous_review_service(point, lot, demand).ready_rate
    np.testing.assert_allclose(ready, penalty / (1 + penalty), rtol=1e-6)
    edges = newsvendor.newsvendor_cost([float(point), float(point) + lot], demand, 1.0, penalty)
    np.testing.assert_allclose(edges[0], edges[1], rtol=1e-6)


@forall(st.floats(1.0, 20.0), penalties, st.floats(1.0, 150.0), st.integers(-3, 3), st.integers(-3, 3), examples=15)
def test_no_other_min_max_policy_costs_less(mean, penalty, setup, lower, upper):
    demand = Poisson(mean)
    best = min_max.exact_min_max(demand, setup, 1.0, penalty)
    same = min_max.min_max_cost(best.reorder_point, best.order_up_to, demand, setup, 1.0, penalty)
    np.testing.assert_allclose(same, best.cost, rtol=1e-9)
    point, top = best.reorder_point + lower, best.order_up_to + upper
    assume(top > point)
    assert min_max.min_max_cost(point, top, demand, setup, 1.0, penalty) >= best.cost * (1 - 1e-9)


@forall(st.floats(1.0, 40.0), penalties)
def test_where_orders_cost_next_to_nothing_min_max_is_base_stock(mean, penalty):
    best = min_max.exact_min_max(Poisson(mean), 1e-9, 1.0, penalty)
    level = newsvendor.newsvendor(Poisson(mean), 1.0, penalty)
    assert best.order_up_to == level.level
    np.testing.assert_allclose(best.cost, level.cost, atol=1e-6)


def test_policies_of_many_items_are_those_of_each():
    mean, setup = np.array([0.7, 4.0, 18.0]), np.array([5.0, 64.0, 20.0])
    counts_together = reorder_point.exact_policy(Poisson(mean), mean, setup, 1.0, 9.0)
    together = reorder_point.exact_policy(Normal(mean, mean / 3), mean, setup, 1.0, 9.0)
    reviewed = min_max.exact_min_max(Poisson(mean), setup, 1.0, 9.0)
    for item in range(3):
        costs = mean[item], setup[item], 1.0, 9.0
        alone = reorder_point.exact_policy(Poisson(mean[item]), *costs)
        assert (alone.reorder_point, alone.order_quantity) == (
            counts_together.reorder_point[item],
            counts_together.order_quantity[item],
        )
        alone = reorder_point.exact_policy(Normal(mean[item], mean[item] / 3), *costs)
        np.testing.assert_allclose(alone.order_quantity, together.order_quantity[item], rtol=1e-6)
        alone = min_max.exact_min_max(Poisson(mean[item]), *costs[1:])
        assert (alone.reorder_point, alone.order_up_to) == (reviewed.reorder_point[item], reviewed.order_up_to[item])


@pytest.mark.parametrize("target", [0.90, 0.95, 0.98, 0.99])
def test_a_replay_of_random_demand_reaches_the_fill_rate_of_the_formula(target):
    """Stock is moved period by period: receipts, demand, at each review an order; customers wait."""
    time, period, runs, length = 5, 3, 400, 3000
    demand = NegativeBinomial(4.0, 3.5)
    top = float(review.periodic_review(demand.over, time, period, target, "fill_rate").order_up_to)
    theory = service.periodic_review_service(top, demand.over(time + period), demand.over(time)).fill_rate
    sold = np.random.default_rng(6).negative_binomial(4.0**2 / (3.5**2 - 4.0), 4.0 / 3.5**2, (length, runs))
    stock, due = np.full(runs, top), np.zeros((length + time + 1, runs))
    delivered = ordered = np.zeros(runs)
    for now in range(length):
        stock = stock + due[now]
        delivered = delivered + np.minimum(sold[now], np.maximum(stock, 0))
        stock = stock - sold[now]
        if now % period == 0:
            due[now + time + 1] = top - stock - due[now + 1 :].sum(axis=0)
            ordered = ordered + due[now + time + 1]
    assert np.array_equal(top + ordered - sold.sum(axis=0), stock + due[length:].sum(axis=0))
    assert abs(delivered.sum() / sold.sum() - theory) < 0.001


@forall(continuous(), st.floats(0.3, 0.9), st.floats(1.0, 500.0), penalties, examples=20)
def test_policy_cost_is_the_integral_of_the_newsvendor_cost(demand, chance, quantity, penalty):
    point = float(demand.quantile(chance)) - quantity / 2
    edges = np.linspace(point, point + quantity, 4001)
    costs = newsvendor.newsvendor_cost(edges, demand, 1.0, penalty)
    expected = (30.0 * 2.0 + np.trapezoid(costs, edges)) / quantity
    found = reorder_point.reorder_policy_cost(point, quantity, demand, 2.0, 30.0, 1.0, penalty)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
