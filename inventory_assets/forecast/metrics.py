"""Measures of forecasts, each with its formula; y is what came, f the forecast, over h days of a series.

All take arrays of shape (series, h) unless said otherwise and return one number a series, or one over all where the
formula is a ratio of sums. A measure whose denominator is 0 is nan. Sources: Hyndman & Koehler (2006) for MASE; the
competitors' guides of M4 (sMAPE, OWA) and M5 (RMSSE, weights); Gneiting & Raftery (2007) for the pinball loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def naive_absolute_scale(history: FloatArray, period: int = 1) -> FloatArray:
    """Mean |y_t − y_(t−period)| over the history: the scale of MASE.

    Args:
        history: shape (series, days), nan where not observed; pairs with such a day are left out.
        period: 1, or a season.
    """
    return _mean(np.abs(history[:, period:] - history[:, :-period]))


def naive_squared_scale(history: FloatArray) -> FloatArray:
    """Mean (y_t − y_(t−1))² over the history from the first demand on: the scale of RMSSE."""
    return _mean((history[:, 1:] - history[:, :-1]) ** 2)


def mase(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> FloatArray:
    """Mean |y − f| ÷ `naive_absolute_scale`."""
    return _ratio(_mean(np.abs(actual - forecast)), scale)


def rmsse(actual: FloatArray, forecast: FloatArray, scale: FloatArray) -> FloatArray:
    """√(mean (y − f)² ÷ `naive_squared_scale`)."""
    return np.sqrt(_ratio(_mean((actual - forecast) ** 2), scale))


def normalised_rmse(actual: FloatArray, forecast: FloatArray, mean_demand: FloatArray) -> FloatArray:
    """√(mean (y − f)²) ÷ mean demand a day of the history."""
    return _ratio(np.sqrt(_mean((actual - forecast) ** 2)), mean_demand)


def smape(actual: FloatArray, forecast: FloatArray) -> FloatArray:
    """Mean 200·|y − f| ÷ (|y| + |f|), as M4 has it; a pair of zeros counts as 0."""
    below = np.abs(actual) + np.abs(forecast)
    return _mean(200 * np.divide(np.abs(actual - forecast), below, out=np.zeros_like(below), where=below > 0))


def wape(actual: FloatArray, forecast: FloatArray) -> float:
    """Σ |y − f| ÷ Σ y over everything given; of sums over h days where those are given."""
    return _share(np.nansum(np.abs(actual - forecast)), np.nansum(np.where(np.isnan(forecast), 0, actual)))


def bias(actual: FloatArray, forecast: FloatArray, weight: ArrayLike = 1.0) -> float:
    """Σ w·(f − y) ÷ Σ w·y over everything given: above 0 where forecasts are too high.

    Args:
        actual: shape (series, h).
        forecast: the same.
        weight: one for each series (price, for a bias by value), or 1.
    """
    weights = np.broadcast_to(np.asarray(weight, dtype=float), actual.shape[:1])[:, None]
    return _share(
        np.nansum(weights * (forecast - actual)), np.nansum(weights * np.where(np.isnan(forecast), 0, actual))
    )


def weighted(measure: FloatArray, weight: FloatArray) -> float:
    """Σ w·m ÷ Σ w over the series whose measure is known."""
    known = ~np.isnan(measure)
    return _share((measure[known] * weight[known]).sum(), weight[known].sum())


def pinball(actual: FloatArray, quantile: FloatArray, level: float) -> FloatArray:
    """Loss of a quantile: (y − q)·τ where y ≥ q, (q − y)·(1 − τ) otherwise; any shape."""
    return np.maximum(level * (actual - quantile), (level - 1) * (actual - quantile))


def coverage(actual: FloatArray, quantile: FloatArray, weight: ArrayLike = 1.0) -> float:
    """Share of cases with y ≤ q, by weight; any shape. Near the level for a good quantile of a continuous quantity."""
    known = ~(np.isnan(actual) | np.isnan(quantile))
    weights = np.broadcast_to(np.asarray(weight, dtype=float), actual.shape)[known]
    return _share((weights * (actual[known] <= quantile[known])).sum(), weights.sum())


def overall_weighted_average(smape_: float, mase_: float, smape_naive2: float, mase_naive2: float) -> float:
    """OWA of M4: ½·(sMAPE ÷ sMAPE of Naive2 + MASE ÷ MASE of Naive2), of means over all series."""
    return 0.5 * (smape_ / smape_naive2 + mase_ / mase_naive2)


def _mean(values: FloatArray) -> FloatArray:
    """Mean over the last axis of what is known."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(float))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def _share(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")
