"""Demand as a matrix: launches, deaths, cancellations, new items and their likeness."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory_assets.forecast.models import alive
from inventory_assets.forecast.series import (
    SeriesError,
    active_weeks,
    days_since_demand,
    like_items,
    panel,
)

FIRST = date(2026, 1, 1)


def rows(*units: tuple[str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(item, FIRST + timedelta(days=day), amount) for item, day, amount in units],
        schema={"item": pl.String, "day": pl.Date, "units": pl.Int64},
        orient="row",
    )


def test_days_before_the_launch_are_missing_and_days_after_it_are_zero():
    found = panel(rows(("A", 2, 5), ("A", 4, 1), ("B", 0, 3)), ["item"], FIRST, FIRST + timedelta(days=5))
    assert np.isnan(found.units[0, :2]).all()
    assert found.units[0, 2:].tolist() == [5, 0, 1, 0]
    assert found.units[1].tolist() == [3, 0, 0, 0, 0, 0]


def test_a_day_on_which_everything_was_cancelled_is_no_launch():
    found = panel(rows(("A", 0, 0), ("A", 3, 2), ("C", 1, 0)), ["item"], FIRST, FIRST + timedelta(days=3))
    assert found.keys["item"].to_list() == ["A"]
    assert np.isnan(found.units[0, :3]).all()


def test_rows_of_a_day_add_up_and_days_outside_are_not_looked_at():
    given = rows(("A", 1, 2), ("A", 1, 3), ("A", 9, 7))
    assert panel(given, ["item"], FIRST, FIRST + timedelta(days=2)).units[0].tolist()[1:] == [5, 0]


def test_a_panel_that_ends_before_it_begins_is_refused():
    with pytest.raises(SeriesError, match="before it begins"):
        panel(rows(("A", 1, 2)), ["item"], FIRST, FIRST - timedelta(days=1))


def test_an_item_is_dead_after_180_observed_days_without_demand():
    units = np.zeros((2, 200))
    units[0, 20], units[1, 19] = 1, 1
    assert days_since_demand(units).tolist() == [179, 180]
    assert alive(units).tolist() == [True, False]
    units[1, 100:120] = np.nan
    assert alive(units).tolist() == [True, True], "days out of stock prove nothing"


def test_weeks_with_demand_are_counted_back_from_the_last_day():
    units = np.zeros((1, 16))
    units[0, [0, 3, 15]] = 1
    assert active_weeks(units).tolist() == [2]


def test_a_new_item_borrows_from_the_item_it_is_like_until_it_stands_alone():
    mean = np.array([[10.0], [2.0], [2.0], [2.0]])
    observed = np.array([400, 7, 28, 7])
    found = like_items(mean, observed, np.array([-1, 0, 0, -1]))
    assert found[:, 0].tolist() == [10.0, (7 * 2 + 21 * 10) / 28, 2.0, 2.0]
