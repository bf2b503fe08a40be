"""Boosted trees are one candidate more where they are installed, and nothing without them."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from inventory_assets.forecast import learned
from inventory_assets.forecast.backtest import backtest, past_windows
from inventory_assets.forecast.issue import issue
from inventory_assets.forecast.learned import LEARNED, LearnedModelMissingError, learned_model, learned_paths
from inventory_assets.forecast.models import DEFAULT
from inventory_assets.forecast.selection import ALL, choose

installed = pytest.mark.skipif(importlib.util.find_spec("lightgbm") is None, reason="the extra lightgbm is not there")


def without_the_library(monkeypatch) -> None:
    """Make it unfindable, as where the extra was not asked for."""
    monkeypatch.setattr(learned, "PACKAGE", "a_package_nobody_has")


def test_without_the_extra_it_takes_no_part_and_asking_for_it_says_what_to_install(monkeypatch):
    without_the_library(monkeypatch)
    assert learned_model("auto") == learned_model("off") == ()
    with pytest.raises(LearnedModelMissingError, match=r"pip install 'inventory-assets\[lightgbm\]'"):
        learned_model("on")


def test_nothing_imports_the_library_until_trees_are_grown():
    assert "lightgbm" not in sys.modules or importlib.util.find_spec("lightgbm") is not None
    units = np.random.default_rng(1).poisson(2.0, (6, 90)).astype(float)
    before = "lightgbm" in sys.modules
    issue(units, 14, np.full(6, DEFAULT))
    backtest(units, past_windows(90, 14, 2), 14, (DEFAULT,), np.ones(6))
    assert ("lightgbm" in sys.modules) == before


@installed
def test_with_the_extra_it_takes_part_unless_it_is_switched_off():
    assert learned_model("auto") == learned_model("on") == (LEARNED,)
    assert learned_model("off") == ()


@pytest.fixture(scope="module")
def bursts() -> np.ndarray:
    """Items that sell ten on one day of the week, each on its own: no pooled weekday knows that, last week does."""
    random = np.random.default_rng(2)
    place = random.integers(0, 7, (120, 1))
    return np.where(np.arange(240)[None, :] % 7 == place, random.poisson(10, (120, 240)), 0.0)


@installed
def test_it_is_chosen_where_it_is_clearly_better_and_what_it_knows_ends_at_the_origin(bursts):
    windows = past_windows(240, 14, 3)
    evidence = backtest(bursts, windows, 14, (DEFAULT, LEARNED), np.ones(len(bursts)))
    assert choose(evidence)[ALL] == LEARNED
    origin = windows[0]
    changed = bursts.copy()
    changed[:, origin + 1 :] = 1e6
    told, again = (learned_paths(each[:, : origin + 1], [origin], 14)[0] for each in (bursts, changed))
    assert (told == again).all(), "the same days give the same forecast"
    assert (told >= 0).all()
    best = (np.argmax(told[:, :7], axis=1) + origin + 1) % 7
    assert (best == np.argmax(bursts[:, :7], axis=1)).mean() > 0.9


@installed
def test_it_can_forecast_as_issued_with_its_past(bursts):
    issued = issue(bursts[:, :120], 14, np.full(len(bursts), LEARNED))
    assert issued.mean.shape == (120, 14)
    assert issued.mean.mean() == pytest.approx(bursts[:, 60:120].mean(), rel=0.25)
    assert len(issued.past) == len(issued.at) > 4
    short = learned_paths(bursts[:3, :45], [44], 7)[0]
    assert short.shape == (3, 7), "too little to learn from: the mean of 30 days"
    assert np.allclose(short, bursts[:3, 15:45].mean(axis=1)[:, None])
