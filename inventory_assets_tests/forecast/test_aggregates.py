"""Fitted models of smooth series, and the weekly series of M4 by the official measures."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from inventory_assets.forecast import aggregates, metrics
from inventory_assets.forecast.diagnosis import diagnosed

HORIZON, PERIOD = 13, 52


@pytest.fixture(scope="module")
def weekly(shared_data):
    """History and what came of every M4 weekly series."""
    rows = pl.read_parquet(shared_data / "m4_weekly" / "weekly.parquet").sort("unique_id", "t")
    parts = {name: rows.filter(pl.col("split") == name).partition_by("unique_id") for name in ("train", "test")}
    histories, came = ([series["y"].to_numpy() for series in parts[name]] for name in ("train", "test"))
    return list(zip(histories, came, strict=True))


def scored(pairs, forecast) -> tuple[float, float]:
    actual = np.array([came for _, came in pairs])
    scale = np.array([np.abs(np.diff(history)).mean() for history, _ in pairs])
    found = np.array([forecast(history) for history, _ in pairs])
    return float(metrics.smape(actual, found).mean()), float(metrics.mase(actual, found, scale).mean())


@pytest.mark.shared_data
def test_the_naive_row_of_m4_weekly_is_reproduced_exactly(weekly):
    assert len(weekly) == 359
    found = scored(weekly, lambda history: aggregates.naive_forecast(history, HORIZON))
    assert tuple(round(value, 3) for value in found) == (9.161, 2.777)


@pytest.mark.shared_data
def test_the_default_for_smooth_series_beats_naive2_by_seven_percent_on_every_sixth_series(weekly):
    """All 359 are a benchmark (`benchmarks.forecast_m4`)."""
    some = weekly[::6]
    ours = scored(some, lambda history: aggregates.smooth_forecast(history, HORIZON, PERIOD))
    naive = scored(some, lambda history: aggregates.naive_forecast(history, HORIZON))
    assert metrics.overall_weighted_average(*ours, *naive) <= 0.93


def daily(noise: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(4)
    season = np.tile([20.0, 10.0, 10.0, 12.0, 15.0, 30.0, 5.0], 40)
    return season + 40 + 0.05 * np.arange(280) + random.normal(0, noise, 280)


def test_a_season_is_found_by_the_models_that_have_one():
    values = daily()
    known, came = values[:-28], values[-28:]
    errors = {name: np.abs(found.mean - came).mean() for name, found in aggregates.possible_fits(known, 28, 7).items()}
    assert set(errors) == set(aggregates.FITS)
    for name in ("Holt-Winters additive", "Holt-Winters multiplicative", "ARIMA"):
        assert errors[name] < 0.35 * errors["exponential smoothing"], name


def test_ljung_box_sees_the_season_a_model_missed():
    values = daily()
    assert aggregates.exponential_smoothing(values, 7, 7).pattern_left
    assert aggregates.ljung_box(np.random.default_rng(0).normal(size=400)) > 0.05
    assert np.isnan(aggregates.ljung_box(np.zeros(100)))


def test_a_decomposition_adds_up_and_tells_how_strong_the_season_is():
    values = daily()
    found = aggregates.decomposed(values, 7)
    assert found.trend + found.season + found.rest == pytest.approx(values)
    assert found.season_strength > 0.95
    assert aggregates.decomposed(np.random.default_rng(1).normal(10, 1, 280), 7).season_strength < 0.5


def test_too_short_a_series_is_said_to_be_too_short():
    with pytest.raises(aggregates.SeriesTooShortError, match="13 values are too few"):
        aggregates.decomposed(np.arange(13.0), 7)
    assert set(aggregates.possible_fits(np.arange(1.0, 11.0), 3, 7)) == {"exponential smoothing"}
    with pytest.raises(aggregates.SeriesTooShortError, match="above 0"):
        aggregates.holt_winters_multiplicative(np.maximum(0, daily() - 60), 3, 7)


def test_a_diagnosis_names_one_best_model_and_the_pattern_that_smoothing_misses():
    found = {each.model.split("(")[0]: each for each in diagnosed(daily(), 28)}
    assert [each.best for each in found.values()].count(True) == 1
    assert not found["exponential smoothing"].best
    assert found["exponential smoothing"].ljung_box < 0.05
    assert found["exponential smoothing"].season_strength > 0.95
    assert diagnosed(daily()[:41], 28) == []
