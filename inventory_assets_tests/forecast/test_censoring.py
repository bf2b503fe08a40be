"""Demand behind empty shelves: what is cut short, by how much it is put right, and where nothing is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from inventory_assets.forecast.censoring import expected_beyond, marks, stockout_days, unconstrained
from inventory_assets.forecast.levels import mean_level
from inventory_assets.forecast.series import Panel

ITEMS, DAYS = 300, 365


@pytest.fixture(scope="module")
def truth():
    """Negative-binomial demand whose mean is known: 6 units a day."""
    return np.random.default_rng(11).negative_binomial(2, 0.25, (ITEMS, DAYS)).astype(float)


def test_after_a_fifth_of_days_without_stock_the_mean_is_within_three_percent(truth):
    """Half of these days begin empty, on the others a random stock runs out, more often when demand is high."""
    random = np.random.default_rng(12)
    empty = random.random(truth.shape) < 0.1
    stock = np.where(random.random(truth.shape) < 0.3, random.integers(1, 14, truth.shape), 10_000)
    sold = np.where(empty, 0.0, np.minimum(truth, stock))
    ran_out = ~empty & (sold == stock)
    cut = (empty | ran_out).mean()
    assert 0.15 < cut < 0.25
    at = [DAYS - 1]
    true, naive = mean_level(truth, at).mean(), mean_level(sold, at).mean()
    left_out = mean_level(np.where(empty | ran_out, np.nan, sold), at).mean()
    ours = mean_level(unconstrained(sold, empty, ran_out), at).mean()
    assert abs(ours / true - 1) < 0.03
    assert naive / true < 0.88
    assert left_out / true < 0.97, "days that ran out are the busy ones: leaving them out is no cure"


def test_a_year_of_planning_from_its_own_sales_does_not_drift_and_the_naive_one_does():
    """Each Monday stock is filled to a week of the estimated mean; what is not on the shelf cannot be sold."""

    def ends_at(censored: bool) -> float:
        random = np.random.default_rng(5)
        items = 100
        sold, empty, ran_out = (np.full((items, 0), value) for value in (0.0, False, False))
        estimate = np.full(items, 6.0)
        for _ in range(52):
            stock = np.ceil(7 * estimate * 1.05)
            for _ in range(7):
                demand = random.negative_binomial(2, 0.25, items).astype(float)
                went = np.minimum(demand, stock)
                sold = np.column_stack([sold, went])
                empty = np.column_stack([empty, stock == 0])
                ran_out = np.column_stack([ran_out, (stock > 0) & (went == stock)])
                stock = stock - went
            recent = slice(max(0, sold.shape[1] - 84), None)
            known = sold[:, recent]
            if censored:
                known = unconstrained(known, empty[:, recent], ran_out[:, recent])
            estimate = mean_level(known, [known.shape[1] - 1])[:, 0]
        return float(estimate.mean() / 6.0)

    assert abs(ends_at(censored=True) - 1) < 0.03
    assert ends_at(censored=False) < 0.85


def test_a_demand_cut_short_is_never_below_what_was_sold():
    assert expected_beyond(np.array([1.0, 2.0, 3.0]), np.array([2.0]))[0] == pytest.approx(2.5)
    assert expected_beyond(np.array([1.0, 2.0]), np.array([9.0]))[0] > 9
    assert expected_beyond(np.array([]), np.array([4.0])).tolist() == [4.0]


def snapshot(*rows: tuple) -> pl.DataFrame:
    """Rows of day, opening book, received, closing book, basis of one item at one shop."""
    return pl.DataFrame(
        [("A", "S", date(2026, 1, day), opening, received, 0, closing, basis)
         for day, opening, received, closing, basis in rows],
        schema=["product_sku", "location_id", "event_date", "opening_book", "received", "returned", "closing_book",
                "stock_basis"],
        orient="row",
    )  # fmt: skip


def test_days_without_stock_last_until_the_next_change():
    found = stockout_days(
        snapshot((2, 5, 0, 0, "counted"), (5, 0, 9, 9, "counted"), (7, 9, 0, 0, "counted")), date(2026, 1, 8)
    )
    days = {(row["day"].day, row["empty"]) for row in found.iter_rows(named=True)}
    assert days == {(2, False), (3, True), (4, True), (7, False), (8, True)}


def test_a_delivery_that_sells_out_on_its_day_ran_out():
    found = stockout_days(snapshot((2, 0, 5, 0, "opening")), date(2026, 1, 2))
    assert found["empty"].to_list() == [False]


@pytest.mark.parametrize(("closing", "basis"), [(None, "unknown"), (0, "unknown"), (-3, "counted")])
def test_nothing_is_cut_short_where_stock_is_unknown_or_its_record_wrong(closing, basis):
    rows = snapshot((2, 5, 0, closing, basis)).cast({"closing_book": pl.Int64})
    assert stockout_days(rows, date(2026, 1, 9)).is_empty()


def test_marks_stand_on_the_days_of_the_panel():
    keys = pl.DataFrame({"product_sku": ["A"], "location_id": ["S"]})
    found = Panel(keys, date(2026, 1, 1), np.ones((1, 4)))
    days = pl.DataFrame(
        {"product_sku": "A", "location_id": "S", "day": [date(2026, 1, 2), date(2026, 1, 4), date(2026, 2, 1)],
         "empty": [True, False, True]}
    )  # fmt: skip
    empty, ran_out = marks(found, days)
    assert empty[0].tolist() == [False, True, False, False]
    assert ran_out[0].tolist() == [False, False, False, True]
