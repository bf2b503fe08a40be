"""Comparing policies at the fill they both reached, on runs whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inventory_assets.replenishment import policies
from inventory_assets.replenishment.equal_fill import at_equal_fill
from inventory_assets.replenishment.outcome import Prices, figures
from inventory_assets.replenishment.replay import Run, Terms, replay

PRICES = Prices(unit_cost=2.0, stockout_cost=1e-9)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """One policy at several safety levels, from 60 to 99 % of units."""
    demand = np.random.default_rng(2).negative_binomial(2, 0.3, (60, 200))
    return [
        replay(demand, policies.Levels(s, s), 7, Terms(review_period=7), opening=s, measure_from=30)
        for s in (40, 55, 70, 90, 120)
    ]


def test_a_policy_that_holds_twice_as_much_everywhere_needs_twice_as_much_at_equal_fill(runs):
    wasteful = [replace(run, stock_days=2 * run.stock_days) for run in runs]
    found = at_equal_fill(runs[:4], wasteful[1:], 0.9, PRICES, rng=np.random.default_rng(1), draws=50)
    stock = found["stock_value"]
    assert stock.value == pytest.approx(-0.5, abs=0.02)
    assert stock.low <= stock.value <= stock.high < 0
    assert found["cost"].value == pytest.approx(stock.value), "holding is all these prices name"


def test_at_a_level_that_was_replayed_nothing_is_interpolated(runs):
    reached = figures(runs[2], PRICES)
    other = [replace(run, stock_days=run.stock_days * 3) for run in runs]
    found = at_equal_fill(
        [runs[2], runs[4]], other, reached["fill_value"], PRICES, rng=np.random.default_rng(1), draws=2
    )
    assert found["stock_value"].value == pytest.approx(-2 / 3)


def test_nothing_is_said_about_a_fill_that_one_of_them_does_not_reach(runs):
    found = at_equal_fill(runs, runs[:2], 0.98, PRICES, rng=np.random.default_rng(1), draws=5)
    assert np.isnan(found["stock_value"].value)
