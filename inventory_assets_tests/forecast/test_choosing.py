"""Choice by class, backtest without a look ahead, spread of sums, division among locations."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.forecast import metrics
from inventory_assets.forecast.backtest import backtest, past_windows
from inventory_assets.forecast.issue import issue, sum_spread, uncertainty
from inventory_assets.forecast.locations import shares, totals
from inventory_assets.forecast.models import CANDIDATES, DEFAULT, PLAIN, SES, alive
from inventory_assets.forecast.profile import calendar, pooled, weekday_profile
from inventory_assets.forecast.selection import ALL, choose, classes

WEEK = np.array([1.6, 1.2, 1.0, 1.0, 1.2, 1.0, 0.0])


@pytest.fixture(scope="module")
def shop():
    """300 lumpy items over 300 days, closed on the seventh day of the week."""
    random = np.random.default_rng(21)
    rate = random.gamma(1.0, 0.3, (300, 1))
    comes = random.random((300, 300)) < np.minimum(rate * WEEK[np.arange(300) % 7], 0.9)
    return np.where(comes, random.negative_binomial(2, 0.3, comes.shape) + 1, 0).astype(float)


def evidence(*rows: tuple[str, str, int, float, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["class", "model", "origin", "rmsse", "series"], orient="row")


def test_the_default_stays_unless_another_model_was_clearly_and_steadily_better():
    def chosen(*scores: float) -> str:
        rows = [("lumpy", DEFAULT, origin, 0.8, 50) for origin in range(4)]
        rows += [("lumpy", "steady level", origin, score, 50) for origin, score in enumerate(scores)]
        return choose(evidence(*rows))["lumpy"]

    assert chosen(0.7, 0.7, 0.7, 0.7) == "steady level"
    assert chosen(0.799, 0.799, 0.799, 0.799) == DEFAULT, "by less than half a percent"
    assert chosen(0.5, 0.5, 0.81, 0.81) == DEFAULT, "at half of the origins only"


def test_no_class_gets_a_model_that_was_more_than_one_percent_worse_than_smoothing():
    worse = evidence(("smooth", DEFAULT, 0, 0.82, 90), ("smooth", SES, 0, 0.8, 90))
    near = evidence(("smooth", DEFAULT, 0, 0.805, 90), ("smooth", SES, 0, 0.8, 90))
    assert choose(worse)["smooth"] == SES
    assert choose(near)["smooth"] == DEFAULT


def test_a_class_without_enough_cases_follows_all_items():
    rows = evidence(
        (ALL, DEFAULT, 0, 0.8, 900), (ALL, "quick level", 0, 0.7, 900),
        ("erratic", DEFAULT, 0, 0.5, 3), ("erratic", "quick level", 0, 0.9, 3),
    )  # fmt: skip
    assert choose(rows) == {ALL: "quick level", "erratic": "quick level"}
    assert choose(rows.clear()) == {ALL: DEFAULT}


def test_classes_follow_syntetos_and_boylan_over_the_days_observed():
    units = np.zeros((5, 140))
    units[0], units[1, ::4], units[2, 20::2] = 3, 3, 5
    units[3, 130:], units[4, 0] = 2, 1
    units[2, :120], units[3, :130] = np.nan, np.nan
    units[2, 120:] = 5
    assert classes(units, np.array([True] * 4 + [False])).tolist() == ["smooth", "intermittent", "new", "new", "dead"]
    units[2, 80:] = np.tile([5.0, 5.0], 30)
    assert classes(units, np.ones(5, dtype=bool))[2] == "smooth", "days before launch are no gaps between demands"


def test_a_forecast_does_not_know_what_comes_after_its_origin(shop):
    origin = 240
    told = issue(shop[:, : origin + 1], 14, np.full(len(shop), DEFAULT))
    changed = shop.copy()
    changed[:, origin + 1 :] = 1e6
    again = backtest(changed, [origin], 14, [DEFAULT], np.ones(len(shop)))
    before = backtest(shop, [origin], 14, [DEFAULT], np.ones(len(shop)))
    assert again["series"].to_list() == before["series"].to_list()
    assert (issue(changed[:, : origin + 1], 14, np.full(len(shop), DEFAULT)).mean == told.mean).all()
    cut = calendar(pooled(shop[:, : origin + 1]), origin, 14).ahead
    assert (cut == calendar(np.concatenate([pooled(shop[:, : origin + 1]), np.full(59, 9e9)]), origin, 14).ahead).all()


def test_the_pooled_profile_finds_the_closed_day_and_beats_the_level_alone(shop):
    profile = weekday_profile(pooled(shop), 279)
    assert profile[6] == 0
    assert profile == pytest.approx(WEEK / WEEK.mean(), abs=0.12)
    found = backtest(shop, past_windows(300, 28, 4), 28, (*CANDIDATES, *PLAIN), np.ones(300))
    means = dict(found.filter(pl.col("class") == ALL).group_by("model").agg(pl.col("rmsse").mean()).rows())
    assert means[DEFAULT] < 0.99 * min(means[name] for name in PLAIN)


def test_the_course_of_last_year_is_used_where_there_is_one():
    days = np.arange(364 + 200)
    season = 1 + 0.5 * np.sin(2 * np.pi * days / 364)
    units = np.tile(10 * season, (50, 1))
    origin = 364 + 160
    ahead = issue(units[:, : origin + 1], 28, np.full(50, DEFAULT)).mean[0]
    came = units[0, origin + 1 : origin + 29]
    flat = PLAIN[SES](units[:, : origin + 1], origin, 28)[0]
    assert np.abs(ahead - came).mean() < 0.35 * np.abs(flat - came).mean()


def test_a_dead_item_is_expected_to_sell_nothing(shop):
    units = shop.copy()
    units[0, 100:] = 0
    issued = issue(units, 28, np.full(len(units), DEFAULT))
    assert issued.mean[0].sum() == 0
    assert (issued.mean[alive(units)].sum(axis=1) > 0).all()


def test_quantiles_of_sums_cover_what_comes(shop):
    covered = []
    for origin in (210, 224, 238, 252, 266, 280):
        known = shop[:, : origin + 1]
        found = uncertainty(known, issue(known, 14, np.full(len(shop), DEFAULT)))
        came = shop[:, origin + 1 : origin + 15].sum(axis=1)
        covered.append([metrics.coverage(came, found.quantiles[:, 13, place]) for place in (3, 4)])
        assert (np.diff(found.quantiles, axis=2) >= 0).all()
        assert (found.deviation >= 0).all()
    assert np.mean(covered, axis=0) == pytest.approx([0.90, 0.95], abs=0.02)


def test_errors_that_follow_each_other_are_measured_and_not_scaled_by_the_root_of_days():
    """Demand with memory: the error of a sum is larger than √14 times that of a day."""
    random = np.random.default_rng(8)
    shocks = random.normal(0, 1, (200, 500))
    state = np.zeros_like(shocks)
    for day in range(1, 500):
        state[:, day] = 0.9 * state[:, day - 1] + shocks[:, day]
    units = np.maximum(0, 30 + 3 * state)
    known = units[:, :486]
    issued = issue(known, 14, np.full(200, DEFAULT))
    one, sums = sum_spread(known, issued, 1).deviation, sum_spread(known, issued, 14).deviation
    actual = np.sqrt(np.mean((units[:, 486:].sum(axis=1) - issued.mean.sum(axis=1)) ** 2))
    assert np.median(sums) > 1.4 * np.sqrt(14) * np.median(one)
    assert np.median(sums) == pytest.approx(actual, rel=0.2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_locations_add_up_to_their_item(seed, items):
    random = np.random.default_rng(seed)
    pairs = int(random.integers(items, 4 * items + 1))
    item = np.concatenate([np.arange(items), random.integers(0, items, pairs - items)])
    units = np.where(random.random((pairs, 90)) < 0.2, random.integers(1, 50, (pairs, 90)), 0).astype(float)
    units[random.random(units.shape) < 0.1] = np.nan
    at = [30, 60, 89]
    found = shares(units, item, at, random.random(pairs) < 0.8)
    added = np.zeros((items, len(at)))
    np.add.at(added, item, found)
    assert added == pytest.approx(1, abs=1e-9)
    assert (found >= 0).all()


def test_an_item_misses_only_the_location_without_stock():
    units = np.array([[2.0, 4.0, np.nan], [np.nan, 1.0, 1.0]])
    assert totals(units, np.array([0, 0])).tolist() == [[2.0, 5.0, 4.0]], "3 + 1: the mean of the pair stands in"
