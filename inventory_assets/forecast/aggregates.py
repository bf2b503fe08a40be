"""Models for smooth series: a category at a location, an item of class A by week, a published series.

They have trends, seasons and autocorrelation that lumpy items do not show, and there are few of them, so each may have
a model fitted by maximum likelihood. `statsmodels` fits exponential smoothing, Holt-Winters and ARIMA and tells whether
their residuals still hold a pattern (Ljung-Box); `statsforecast` has Theta and damped trend for the default.
Both are imported when called. Series are complete: a missing day is no input here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LONGEST = 520
"""Newest values a fit looks at: ten years of weeks, beyond which a fit gets slower and no better."""
RESIDUAL_LAGS = 14
PATTERN_LEFT_BELOW = 0.05
"""Ljung-Box probability below which residuals still hold a pattern."""
ARIMA_ORDERS = ((0, 1, 1), (1, 0, 1), (1, 1, 1))
ARIMA_STEPS = 30
"""Iterations of a fit; more change the forecast of such short models no more."""


class SeriesTooShortError(ValueError):
    """A series too short for the model asked for."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model of one series.

    Attributes:
        model: name, with the order or form that was taken.
        mean: expected values ahead, never below 0 where the series never was.
        residuals: one-step errors in the sample.
        aic: Akaike's criterion.
        ljung_box: probability of residuals as correlated as these if there is no pattern left in them.
    """

    model: str
    mean: FloatArray
    residuals: FloatArray
    aic: float
    ljung_box: float

    @property
    def pattern_left(self) -> bool:
        """Whether the residuals still hold a pattern the model misses."""
        return self.ljung_box < PATTERN_LEFT_BELOW


@dataclass(frozen=True, slots=True)
class Decomposed:
    """A series as trend + season + rest.

    Attributes:
        trend: slow course.
        season: what repeats every period.
        rest: what is left.
        trend_strength: 1 − var(rest) ÷ var(trend + rest), at least 0.
        season_strength: 1 − var(rest) ÷ var(season + rest), at least 0.
    """

    trend: FloatArray
    season: FloatArray
    rest: FloatArray
    trend_strength: float
    season_strength: float


def exponential_smoothing(values: FloatArray, horizon: int, period: int) -> Fitted:
    """Level only; `period` is not used. Source: Hyndman & Athanasopoulos, 8.1."""
    return _smoothing(values, horizon, period, "exponential smoothing", trend=None, seasonal=None)


def holt_winters_additive(values: FloatArray, horizon: int, period: int) -> Fitted:
    """Level, damped trend, season that adds. Source: Hyndman & Athanasopoulos, 8.3."""
    return _smoothing(values, horizon, period, "Holt-Winters additive", trend="add", seasonal="add")


def holt_winters_multiplicative(values: FloatArray, horizon: int, period: int) -> Fitted:
    """Level, damped trend, season that multiplies; only for values above 0. Source: Hyndman & Athanasopoulos, 8.3.

    Raises:
        SeriesTooShortError: fewer than two periods, or a value that is not above 0.
    """
    if (values <= 0).any():
        raise SeriesTooShortError("a season that multiplies needs values above 0; take the additive one")
    return _smoothing(values, horizon, period, "Holt-Winters multiplicative", trend="add", seasonal="mul")


def arima(values: FloatArray, horizon: int, period: int) -> Fitted:
    """The best of `ARIMA_ORDERS` by Akaike's criterion, after the mean of each place in the period was taken out.

    Raises:
        SeriesTooShortError: fewer than two periods.

    Source: Box & Jenkins (1970); the seasonal means as in a regression on seasonal dummies.
    """
    from statsmodels.tsa.arima.model import ARIMA

    _need(values, 2 * period)
    season = _seasonal_means(values, period)
    flat = values[-LONGEST:] - season[np.arange(len(values))[-LONGEST:] % period]
    with _quiet():
        fits = []
        for order in ARIMA_ORDERS:
            steps = {"maxiter": ARIMA_STEPS, "disp": 0}  # one for each fit, which writes into it
            fits.append((order, ARIMA(flat, order=order).fit(method_kwargs=steps)))
    order, best = min(fits, key=lambda fit: float(fit[1].aic))
    ahead = np.asarray(best.forecast(horizon)) + season[np.arange(len(values), len(values) + horizon) % period]
    return _fitted(f"ARIMA{order}", values, ahead, np.asarray(best.resid)[1:], float(best.aic), sum(order) - order[1])


FITS: MappingProxyType[str, Callable[[FloatArray, int, int], Fitted]] = MappingProxyType(
    {
        "exponential smoothing": exponential_smoothing,
        "Holt-Winters additive": holt_winters_additive,
        "Holt-Winters multiplicative": holt_winters_multiplicative,
        "ARIMA": arima,
    }
)


def possible_fits(values: FloatArray, horizon: int, period: int) -> dict[str, Fitted]:
    """Every model of `FITS` that the series is long and positive enough for."""
    found = {}
    for name, fit in FITS.items():
        try:
            found[name] = fit(values, horizon, period)
        except SeriesTooShortError:
            continue
    return found


def decomposed(values: FloatArray, period: int) -> Decomposed:
    """Trend, season and rest by loess, robust against single odd values.

    Raises:
        SeriesTooShortError: fewer than two periods.

    Source: Cleveland et al. (1990), STL; the strengths by Wang, Smith & Hyndman (2006).
    """
    from statsmodels.tsa.seasonal import STL

    _need(values, 2 * period)
    found = STL(values, period=period, robust=True).fit()
    trend, season, rest = (np.asarray(each, dtype=float) for each in (found.trend, found.seasonal, found.resid))
    return Decomposed(trend, season, rest, _strength(trend, rest), _strength(season, rest))


def ljung_box(residuals: FloatArray, parameters: int = 0, lags: int = RESIDUAL_LAGS) -> float:
    """Probability of residuals as correlated as these if there were no pattern in them; nan where too few."""
    from statsmodels.stats.diagnostic import acorr_ljungbox

    used = min(lags, len(residuals) // 2 - 1)
    if used <= parameters or np.ptp(residuals) == 0:
        return float("nan")
    return float(acorr_ljungbox(residuals, lags=[used], model_df=parameters)["lb_pvalue"].iloc[0])


def smooth_forecast(values: FloatArray, horizon: int, period: int) -> FloatArray:
    """The default for smooth series: mean of the seasonal Theta model and of damped-trend exponential smoothing.

    Two simple models that err differently; of the M4 weekly series their mean has an OWA of .85 (docs/benchmarks.md). A
    series of fewer than two periods gets no season.

    Args:
        values: the series, shape (n,), complete.
        horizon: values ahead.
        period: values of a season; 1 for none.

    Returns:
        Expected values, shape (horizon,).

    Source: Assimakopoulos & Nikolopoulos (2000); Gardner & McKenzie (1985).
    """
    from statsforecast.models import AutoETS, Theta

    newest = np.ascontiguousarray(values[-LONGEST:], dtype=float)
    season = period if len(newest) >= 2 * period else 1
    with _quiet():
        both = [
            np.asarray(model.forecast(newest, horizon)["mean"])
            for model in (Theta(season_length=season), AutoETS(season_length=1, model="AAN", damped=True))
        ]
    return np.mean(both, axis=0)


def naive_forecast(values: FloatArray, horizon: int) -> FloatArray:
    """The last value, repeated. Naive2 of M4 equals it for weekly series, whose frequency there is 1."""
    return np.repeat(values[-1], horizon).astype(float)


def _smoothing(
    values: FloatArray, horizon: int, period: int, name: str, *, trend: str | None, seasonal: str | None
) -> Fitted:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    _need(values, 2 * period if seasonal else 4)
    form: dict[str, Any] = {"trend": trend, "damped_trend": trend is not None, "seasonal": seasonal}
    with _quiet():
        fit = ExponentialSmoothing(
            values[-LONGEST:], seasonal_periods=period if seasonal else None, initialization_method="heuristic", **form
        ).fit()
    ahead = np.asarray(fit.forecast(horizon), dtype=float)
    return _fitted(name, values, ahead, np.asarray(fit.resid, dtype=float), float(fit.aic), 0)


def _fitted(
    name: str, values: FloatArray, ahead: FloatArray, residuals: FloatArray, aic: float, parameters: int
) -> Fitted:
    mean = np.maximum(ahead, 0.0) if (values >= 0).all() else ahead
    return Fitted(name, mean, residuals, aic, ljung_box(residuals, parameters))


def _seasonal_means(values: FloatArray, period: int) -> FloatArray:
    place = np.arange(len(values)) % period
    means = np.bincount(place, weights=values, minlength=period) / np.bincount(place, minlength=period)
    return means - means.mean()


def _strength(part: FloatArray, rest: FloatArray) -> float:
    whole = float(np.var(part + rest))
    return max(0.0, 1.0 - float(np.var(rest)) / whole) if whole > 0 else 0.0


def _need(values: FloatArray, least: int) -> None:
    if len(values) < least:
        raise SeriesTooShortError(f"{len(values)} values are too few: the model needs {least} of them")


@contextmanager
def _quiet() -> Iterator[None]:
    """Fits warn of slow convergence; what a fit is worth is told by backtests and Ljung-Box instead."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
