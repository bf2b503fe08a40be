"""stockpyl (Snyder, MIT licence) as an independent judge: 200 random inputs for each function it has.

Runs where stockpyl is installed. Its published figures are read by `test_examples` besides.
"""

from __future__ import annotations

import numpy as np
import pytest

from inventory_assets.replenishment import (
    discounts,
    joint,
    lot_schedule,
    lot_sizes,
    min_max,
    multi_echelon,
    newsvendor,
    reorder_point,
)
from inventory_assets.replenishment.distributions import (
    Gamma,
    Lognormal,
    NegativeBinomial,
    Normal,
    Poisson,
    standard_normal_loss,
)
from inventory_assets.replenishment.observed import Discrete
from inventory_assets_tests.replenishment.networks import CAMERA, EXAMPLE_6_5

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # of stockpyl
pytest.importorskip("stockpyl", reason="stockpyl is not installed: uv pip install 'stockpyl>=1.0.2,<1.1'")

COUNT = 200


class Draws:
    """Random parameters in the ranges of a shop, the same in every run."""

    def __init__(self) -> None:
        """Start at a fixed seed."""
        self.random = np.random.default_rng(20260923)
        self.setup = self._log(1, 500)
        self.holding = self._log(0.05, 20)
        self.penalty = self.holding * self._log(1.5, 50)
        self.rate = self._log(1, 5000)
        self.mean = self._log(1, 500)
        self.deviation = self.mean * self.random.uniform(0.05, 0.45, COUNT)
        self.quantity = self._log(1, 2000)
        self.time = self._log(0.1, 5)

    def _log(self, low, high):
        return np.exp(self.random.uniform(np.log(low), np.log(high), COUNT))


@pytest.fixture
def draws() -> Draws:
    return Draws()


def by_stockpyl(function, *columns, pick=None, **fixed):
    """A function of stockpyl, row by row; `pick` chooses from what it returns."""
    rows = [function(*(_plain(each) for each in row), **fixed) for row in zip(*columns, strict=True)]
    return np.array([row if pick is None else row[pick] for row in rows], dtype=float)


def _plain(value):
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def agree(found, expected, rtol=1e-9, atol=1e-9):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
    assert len(np.atleast_1d(expected)) >= COUNT


def test_order_quantities(draws):
    from stockpyl import eoq

    row = draws.setup, draws.holding, draws.rate
    ours = lot_sizes.economic_order_quantity(*row)
    agree(ours.quantity, by_stockpyl(eoq.economic_order_quantity, *row, pick=0))
    agree(ours.cost, by_stockpyl(eoq.economic_order_quantity, *row, pick=1))
    agree(
        lot_sizes.order_quantity_cost(draws.quantity, *row),
        by_stockpyl(eoq.economic_order_quantity, *row, draws.quantity, pick=1),
    )


def test_order_quantities_with_backorders(draws):
    from stockpyl import eoq

    row = draws.setup, draws.holding, draws.penalty, draws.rate
    ours = lot_sizes.economic_order_quantity_with_backorders(*row)
    for place, figure in enumerate((ours.quantity, ours.backordered, ours.cost)):
        agree(figure, by_stockpyl(eoq.economic_order_quantity_with_backorders, *row, pick=place))
    share = draws.random.uniform(0, 1, COUNT)
    agree(
        lot_sizes.backorder_cost(draws.quantity, share, *row),
        by_stockpyl(eoq.economic_order_quantity_with_backorders, *row, draws.quantity, share, pick=2),
    )


def test_production_quantities(draws):
    from stockpyl import eoq

    row = draws.setup, draws.holding, draws.rate, draws.rate * draws.random.uniform(1.01, 9, COUNT)
    ours = lot_sizes.economic_production_quantity(*row)
    agree(ours.quantity, by_stockpyl(eoq.economic_production_quantity, *row, pick=0))
    agree(ours.cost, by_stockpyl(eoq.economic_production_quantity, *row, pick=1))


@pytest.mark.parametrize("kind", ["all_units", "incremental"])
def test_discounts(draws, kind):
    from stockpyl import eoq

    starts = np.cumsum(np.column_stack([np.zeros(COUNT), draws.random.integers(1, 900, (COUNT, 3))]), axis=1)
    price = draws.random.uniform(1, 100, (COUNT, 1))
    prices = price * np.cumprod(np.column_stack([np.ones(COUNT), draws.random.uniform(0.8, 0.99, (COUNT, 3))]), axis=1)
    row = draws.setup, draws.random.uniform(0.05, 0.5, COUNT), draws.rate, starts, prices
    rule = getattr(discounts, f"{kind}_discount")(*row)
    theirs = getattr(eoq, f"economic_order_quantity_with_{kind}_discounts")
    for place, figure in enumerate((rule.quantity, rule.tier, rule.cost)):
        agree(figure, by_stockpyl(theirs, *row, pick=place))


def test_joint_replenishment(draws):
    from stockpyl.eoq import joint_replenishment_problem_silver_heuristic

    items = 4
    line, holding = (draws.random.uniform(0.5, 40, (COUNT, items)) for _ in range(2))
    rate = draws.random.uniform(10, 5000, (COUNT, items))
    supplier = np.repeat(np.arange(COUNT), items)
    ours = joint.joint_replenishment(
        supplier, np.repeat(draws.setup, items), line.ravel(), holding.ravel(), rate.ravel()
    )
    row = draws.setup, line, holding, rate
    agree(ours.quantity.reshape(COUNT, items), by_stockpyl(joint_replenishment_problem_silver_heuristic, *row, pick=0))
    agree(ours.base_cycle, by_stockpyl(joint_replenishment_problem_silver_heuristic, *row, pick=1))
    agree(ours.multiple.reshape(COUNT, items), by_stockpyl(joint_replenishment_problem_silver_heuristic, *row, pick=2))
    agree(ours.cost, by_stockpyl(joint_replenishment_problem_silver_heuristic, *row, pick=3))


def test_wagner_whitin(draws):
    from stockpyl.wagner_whitin import wagner_whitin

    periods = 8
    demand = draws.random.integers(0, 300, (COUNT, periods)).astype(float)
    setup, price = (draws.random.uniform(1, high, (COUNT, periods)) for high in (400, 9))
    ours = lot_schedule.wagner_whitin(demand, setup, draws.holding[:, None], price)
    row = [periods] * COUNT, draws.holding, setup, demand, price
    agree(ours.cost, by_stockpyl(wagner_whitin, *row, pick=1))
    orders = [wagner_whitin(*(_plain(each) for each in one))[0][1:] for one in zip(*row, strict=True)]
    agree(ours.quantity, np.array(orders, dtype=float))


def test_newsvendor_with_normal_demand(draws):
    from stockpyl import newsvendor as nv

    row = draws.holding, draws.penalty, draws.mean, draws.deviation
    ours = newsvendor.newsvendor(Normal(draws.mean, draws.deviation), draws.holding, draws.penalty)
    agree(ours.level, by_stockpyl(nv.newsvendor_normal, *row, pick=0))
    agree(ours.cost, by_stockpyl(nv.newsvendor_normal, *row, pick=1), rtol=1e-8)
    later = newsvendor.newsvendor(Normal(draws.mean, draws.deviation).over(4), draws.holding, draws.penalty)
    agree(later.level, by_stockpyl(nv.newsvendor_normal, *row, pick=0, lead_time=3))
    level = draws.mean * draws.random.uniform(0.3, 2, COUNT)
    agree(
        newsvendor.newsvendor_cost(level, Normal(draws.mean, draws.deviation), draws.holding, draws.penalty),
        by_stockpyl(nv.newsvendor_normal_cost, level, *row),
        rtol=1e-8,
    )


def test_newsvendor_with_poisson_demand(draws):
    from stockpyl import newsvendor as nv

    row = draws.holding, draws.penalty, draws.mean
    ours = newsvendor.newsvendor(Poisson(draws.mean), draws.holding, draws.penalty)
    agree(ours.level, by_stockpyl(nv.newsvendor_poisson, *row, pick=0))
    agree(ours.cost, by_stockpyl(nv.newsvendor_poisson, *row, pick=1), rtol=1e-7)
    level = np.floor(draws.mean * draws.random.uniform(0.3, 2, COUNT))
    agree(
        newsvendor.newsvendor_cost(level, Poisson(draws.mean), draws.holding, draws.penalty),
        by_stockpyl(nv.newsvendor_poisson_cost, level, *row),
        rtol=1e-7,
    )


def test_newsvendor_with_other_demand(draws):
    from scipy import stats
    from stockpyl import newsvendor as nv

    sigma = draws.random.uniform(0.1, 0.6, COUNT)
    ours = newsvendor.newsvendor(Lognormal(np.log(draws.mean), sigma), draws.holding, draws.penalty)
    frozen = [stats.lognorm(s, scale=m) for s, m in zip(sigma, draws.mean, strict=True)]
    theirs = by_stockpyl(nv.newsvendor_continuous, draws.holding, draws.penalty, frozen)
    agree(ours.level, theirs[:, 0])
    agree(ours.cost, theirs[:, 1], rtol=1e-5)
    values = np.arange(12)
    weights = draws.random.dirichlet(np.ones(12), COUNT)
    ours = newsvendor.newsvendor(Discrete(values, weights), draws.holding, draws.penalty)
    pmfs = [dict(zip(values.tolist(), row.tolist(), strict=True)) for row in weights]
    found = [
        nv.newsvendor_discrete(h, p, demand_pmf=pmf)
        for h, p, pmf in zip(draws.holding, draws.penalty, pmfs, strict=True)
    ]
    agree(ours.level, [each[0] for each in found])
    agree(ours.cost, [each[1] for each in found], rtol=1e-8)


def test_newsvendor_by_prices_and_before_a_price_change(draws):
    from stockpyl import newsvendor as nv

    cost = draws.random.uniform(1, 50, COUNT)
    price, salvage = cost * draws.random.uniform(1.05, 3, COUNT), cost * draws.random.uniform(0, 0.95, COUNT)
    extra = draws.random.uniform(0, 2, (2, COUNT))
    for demand, theirs, moments in (
        (Normal(draws.mean, draws.deviation), nv.newsvendor_normal_explicit, (draws.mean, draws.deviation)),
        (Poisson(draws.mean), nv.newsvendor_poisson_explicit, (draws.mean,)),
    ):
        ours = newsvendor.newsvendor_profit(demand, price, cost, salvage, *extra)
        row = price, cost, salvage, *moments, *extra
        agree(ours.level, by_stockpyl(theirs, *row, pick=0))
        agree(ours.profit, by_stockpyl(theirs, *row, pick=1), rtol=1e-7)
    later = cost + draws.random.uniform(-0.9, 0.9, COUNT) * np.minimum(draws.holding, draws.penalty)
    later = np.maximum(later, 0)
    ours = newsvendor.myopic_base_stock(Normal(draws.mean, draws.deviation), draws.holding, draws.penalty, cost, later)
    row = draws.holding, draws.penalty, cost, later, draws.mean, draws.deviation
    agree(ours.level, by_stockpyl(nv.myopic, *row, pick=0))
    agree(ours.cost, by_stockpyl(nv.myopic, *row, pick=1), rtol=1e-8)


def _normal_reorder(draws):
    row = draws.holding, draws.penalty, draws.setup, draws.mean, draws.deviation, draws.time
    demand = Normal(draws.mean, draws.deviation).over(draws.time)
    return row, (demand, draws.mean, draws.setup, draws.holding, draws.penalty)


def test_reorder_policy_cost(draws):
    from stockpyl import rq

    (holding, penalty, setup, mean, deviation, time), ours = _normal_reorder(draws)
    point = mean * time * draws.random.uniform(0.5, 1.5, COUNT)
    theirs = by_stockpyl(rq.r_q_cost, point, draws.quantity, holding, penalty, setup, mean, deviation, time)
    agree(reorder_point.reorder_policy_cost(point, draws.quantity, *ours), theirs, rtol=1e-4)  # theirs: quadrature
    theirs = by_stockpyl(rq.r_q_optimal_r_for_q, draws.quantity, holding, penalty, mean, deviation, time)
    found = reorder_point.cheapest_reorder_point(draws.quantity, ours[0], holding, penalty)
    edges = [
        newsvendor.newsvendor_cost(level, ours[0], holding, penalty)
        for level in (theirs, theirs + draws.quantity, found, found + draws.quantity)
    ]
    assert np.all(np.abs(edges[0] - edges[1]) <= 1e-5)
    assert np.all(np.abs(edges[2] - edges[3]) <= 1e-5 * np.maximum(edges[2], 1))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("r_q_eoqb_approximation", reorder_point.eoq_with_backorders_policy),
        ("r_q_eoqss_approximation", reorder_point.eoq_with_safety_stock),
        ("r_q_loss_function_approximation", reorder_point.loss_function_policy),
        ("r_q_eil_approximation", reorder_point.expected_inventory_policy),
    ],
)
def test_approximate_reorder_policies(draws, theirs, ours):
    from stockpyl import rq

    row, mine = _normal_reorder(draws)
    if "eil" in theirs:  # its penalty is a unit, not a unit and period
        penalty = draws.holding * 3 * np.maximum(np.sqrt(2 * draws.setup * draws.mean / draws.holding) / draws.mean, 1)
        row, mine = (row[0], penalty, *row[2:]), (*mine[:4], penalty)
    found = ours(*mine)
    expected = [getattr(rq, theirs)(*(_plain(each) for each in one)) for one in zip(*row, strict=True)]
    scale = np.maximum(draws.mean * draws.time, 1)
    agree(found.order_quantity, [each[1] for each in expected], rtol=1e-5)
    agree(found.reorder_point / scale, np.array([each[0] for each in expected]) / scale, rtol=1e-4, atol=1e-3)


def test_exact_reorder_policy_for_counts(draws):
    from stockpyl import rq

    mean, setup = draws.random.uniform(0.3, 5, COUNT), draws.random.uniform(1, 25, COUNT)
    holding = draws.random.uniform(0.5, 5, COUNT)
    penalty, time = holding * draws.random.uniform(1.5, 30, COUNT), draws.random.uniform(0.2, 3, COUNT)
    ours = reorder_point.exact_policy(Poisson(mean * time), mean, setup, holding, penalty)
    row = holding, penalty, setup, mean, time
    theirs = by_stockpyl(rq.r_q_poisson_exact, *row)
    agree(ours.reorder_point, theirs[:, 0])
    agree(ours.order_quantity, theirs[:, 1])
    agree(ours.cost, theirs[:, 2], rtol=1e-7)


def test_min_max_policies(draws):
    from stockpyl import ss

    mean, setup = draws.random.uniform(0.5, 5, COUNT), draws.random.uniform(1, 15, COUNT)
    holding = draws.random.uniform(0.5, 3, COUNT)
    penalty = holding * draws.random.uniform(1.5, 15, COUNT)
    ours = min_max.exact_min_max(Poisson(mean), setup, holding, penalty)
    row = holding, penalty, setup, [True] * COUNT, mean
    theirs = [ss.s_s_discrete_exact(*(_plain(each) for each in one)) for one in zip(*row, strict=True)]
    agree(ours.reorder_point, [each[0] for each in theirs])
    agree(ours.order_up_to, [each[1] for each in theirs])
    agree(ours.cost, [each[2] for each in theirs], rtol=1e-8)
    point = np.floor(mean * draws.random.uniform(0.2, 1.5, COUNT))
    top = point + draws.random.integers(1, 15, COUNT)
    agree(
        min_max.min_max_cost(point, top, Poisson(mean), setup, holding, penalty),
        by_stockpyl(ss.s_s_cost_discrete, point.astype(int), top.astype(int), *row),
        rtol=1e-7,
    )
    row = draws.mean, draws.deviation, draws.setup, draws.holding, draws.penalty
    ours = min_max.power_approximation(*row)
    row = draws.holding, draws.penalty, draws.setup, draws.mean, draws.deviation
    agree(ours[0], by_stockpyl(ss.s_s_power_approximation, *row, pick=0))
    agree(ours[1], by_stockpyl(ss.s_s_power_approximation, *row, pick=1))


def test_loss_functions(draws):
    from stockpyl import loss_functions as lf

    z = draws.random.uniform(-4, 4, COUNT)
    agree(standard_normal_loss(z), by_stockpyl(lf.standard_normal_loss, z, pick=0), rtol=1e-7)
    agree(Normal(0, 1).second_loss(z), by_stockpyl(lf.standard_normal_second_loss, z, pick=0), rtol=1e-6)
    level = draws.mean * draws.random.uniform(0.3, 2, COUNT)
    row = level, draws.mean, draws.deviation
    agree(Normal(*row[1:]).loss(level), by_stockpyl(lf.normal_loss, *row, pick=0), rtol=1e-7)
    agree(Normal(*row[1:]).second_loss(level), by_stockpyl(lf.normal_second_loss, *row, pick=0), rtol=1e-6, atol=1e-7)
    sigma = draws.random.uniform(0.1, 0.8, COUNT)
    lognormal = Lognormal(np.log(draws.mean), sigma)
    agree(lognormal.loss(level), by_stockpyl(lf.lognormal_loss, level, np.log(draws.mean), sigma, pick=0), rtol=1e-7)
    shape, scale = (draws.mean / draws.deviation) ** 2, draws.deviation**2 / draws.mean
    gamma = Gamma(draws.mean, draws.deviation)
    agree(gamma.loss(level), by_stockpyl(lf.gamma_loss, level, shape, scale, pick=0), rtol=1e-6, atol=1e-8)
    agree(
        gamma.second_loss(level), by_stockpyl(lf.gamma_second_loss, level, shape, scale, pick=0), rtol=1e-5, atol=1e-6
    )


def test_loss_functions_of_counts(draws):
    from stockpyl import loss_functions as lf

    level = np.floor(draws.mean * draws.random.uniform(0.3, 2, COUNT))
    poisson = Poisson(draws.mean)
    agree(poisson.loss(level), by_stockpyl(lf.poisson_loss, level, draws.mean, pick=0), rtol=1e-6, atol=1e-8)
    agree(
        poisson.second_loss(level), by_stockpyl(lf.poisson_second_loss, level, draws.mean, pick=0), rtol=1e-5, atol=1e-6
    )
    deviation = np.sqrt(draws.mean * draws.random.uniform(1.1, 6, COUNT))
    binomial = NegativeBinomial(draws.mean, deviation)
    for ours, name in (
        (binomial.loss, "negative_binomial_loss"),
        (binomial.second_loss, "negative_binomial_second_loss"),
    ):
        theirs = [
            getattr(lf, name)(x, mean=mean, sd=sd)[0]
            for x, mean, sd in zip(level.tolist(), draws.mean.tolist(), deviation.tolist(), strict=True)
        ]
        agree(ours(level), theirs, rtol=1e-5, atol=1e-5)
    weights = draws.random.dirichlet(np.ones(12), COUNT)
    stated, at = Discrete(np.arange(12), weights), draws.random.integers(0, 12, COUNT)
    for ours, name in ((stated.loss, "discrete_loss"), (stated.second_loss, "discrete_second_loss")):
        theirs = [
            getattr(lf, name)(int(x), pmf=dict(enumerate(row.tolist())))[0] for x, row in zip(at, weights, strict=True)
        ]
        agree(ours(at), theirs, rtol=1e-8)


def _their_tree(network):
    from stockpyl.supply_chain_network import SupplyChainNetwork
    from stockpyl.supply_chain_node import SupplyChainNode

    index = {name: place for place, name in enumerate(network)}
    tree = SupplyChainNetwork()
    for name, stage in network.items():
        node = SupplyChainNode(index[name], network=tree)
        node.local_holding_cost, node.processing_time = stage.holding_cost, stage.time
        node.external_inbound_cst, node.external_outbound_cst = stage.waits_outside or None, stage.promise
        node.demand_bound_constant = stage.bound
        if stage.promise is not None:
            from stockpyl.demand_source import DemandSource

            node.demand_source = DemandSource(type="N", mean=0, standard_deviation=stage.demand_sd)
        tree.add_node(node)
    tree.add_edges_from_list(
        [(index[other], index[name]) for name, stage in network.items() for other in stage.suppliers]
    )
    return tree


def _random_tree(random):
    """Up to six stages; every stage without customers faces demand."""
    size = int(random.integers(2, 7))
    links = {n: [] for n in range(size)}  # suppliers
    customers = set()
    for n in range(1, size):
        other = int(random.integers(n))
        supplier, customer = (other, n) if random.random() < 0.5 else (n, other)
        links[customer].append(supplier)
        customers.add(supplier)
    return {
        str(n): multi_echelon.Stage(
            holding_cost=float(random.uniform(0.5, 5)),
            time=int(random.integers(0, 4)),
            suppliers=tuple(str(each) for each in links[n]),
            demand_sd=0.0 if n in customers else float(random.uniform(1, 20)),
            bound=1.645,
            waits_outside=0 if links[n] else int(random.integers(0, 3)),
            promise=None if n in customers else int(random.integers(0, 3)),
        )
        for n in range(size)
    }


def test_guaranteed_service_networks():
    from stockpyl.gsm_tree import optimize_committed_service_times

    random = np.random.default_rng(4)
    networks = [EXAMPLE_6_5, CAMERA, *(_random_tree(random) for _ in range(COUNT))]
    theirs = [optimize_committed_service_times(_their_tree(each))[1] for each in networks]
    agree([multi_echelon.place_stock(each).cost for each in networks], theirs)
    np.testing.assert_allclose(theirs[:2], [8.277916867529369, 18.8240044725922])
