"""What figures of real data rest on: lines counted once, lead times of orders that overtake, effects of promotions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks.dominicks import Juice, effects, regressed
from benchmarks.policies import published_once
from benchmarks.scms_lead_times import LeadTimes


def test_days_that_stand_in_both_sheets_count_once_and_repeated_lines_stay():
    line = {"Invoice": "536365", "StockCode": "85123A", "Quantity": 6}
    lines = pl.DataFrame(
        [{"Sheet": "a", **line}, {"Sheet": "a", **line}, {"Sheet": "a", **line, "Quantity": 8},
         {"Sheet": "b", **line}, {"Sheet": "b", **line}, {"Sheet": "b", **line, "Invoice": "536366"}]
    )  # fmt: skip
    found = published_once(lines)
    assert found.select("Invoice", "Quantity").rows() == [("536365", 6), ("536365", 6), ("536365", 8), ("536366", 6)]


def test_units_under_way_vary_less_than_one_lead_time_where_orders_overtake():
    days = np.random.default_rng(1).gamma(2, 15, 400).round().astype(np.int64) + 1
    rng = np.random.default_rng(2)
    for review in (1, 7):
        placed = -np.arange(review, days.max() + review, review)  # at random moments between two orders
        moment = rng.integers(0, review, 4000)
        under_way = (rng.choice(days, (4000, placed.size)) > moment[:, None] - placed).sum(axis=1) * review
        expected = LeadTimes(days, days).deviation(review)
        assert np.sqrt(under_way.var() - (moment.var() if review > 1 else 0)) == pytest.approx(expected, rel=0.1)
        assert expected < 0.6 * days.std()
    assert LeadTimes(days, days).deviation(10_000) == pytest.approx(days.std(ddof=1)), "hardly two orders at once"


def test_effects_of_promotions_are_those_that_were_put_in_and_the_future_is_not_looked_at():
    rng = np.random.default_rng(3)
    deal, feature = (rng.random((2, 40, 80)) < 0.3).astype(float)
    level = rng.normal(3, 1, (40, 1))
    units = np.exp(level + 0.3 * deal + 0.9 * feature + rng.normal(0, 0.1, deal.shape))
    units[rng.random(units.shape) < 0.05] = np.nan
    known = Juice(pl.DataFrame(), units, deal, feature, np.zeros_like(units), 1)
    assert effects(known, 76) == pytest.approx([0.3, 0.9], abs=0.02)
    plain = np.nanmean(units[:, :76], axis=1, keepdims=True).repeat(4, axis=1)
    better = regressed(known, 76, plain)
    assert np.nanmean(np.abs(better - units[:, 76:])) < 0.5 * np.nanmean(np.abs(plain - units[:, 76:]))
    other = units.copy()
    other[:, 76:] *= 9
    assert (regressed(Juice(pl.DataFrame(), other, deal, feature, known.log_price, 1), 76, plain) == better).all()
