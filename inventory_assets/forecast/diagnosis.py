"""What fitted models say about a smooth series: how strong its season is, which model fits, what they all miss.

Each model is fitted to all days but the last ones and scored on those. A Ljung-Box probability below .05 says that the
residuals still hold a pattern; a forecast of such a series can be made better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast import metrics
from inventory_assets.forecast.aggregates import decomposed, possible_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

WEEK = 7


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One model of one series.

    Attributes:
        model: name of the model.
        aic: Akaike's criterion of the fit.
        rmsse: root mean squared scaled error on the days held back.
        ljung_box: probability of the residuals if no pattern is left; nan where it cannot be told.
        best: whether its error was the smallest.
        trend_strength: of the series, 0 to 1.
        season_strength: of the series' week, 0 to 1.
    """

    model: str
    aic: float
    rmsse: float
    ljung_box: float
    best: bool
    trend_strength: float
    season_strength: float


def diagnosed(values: FloatArray, held_back: int) -> list[Diagnosis]:
    """Every model the series is long enough for; none for a series of less than two weeks beside those held back.

    Args:
        values: demand of each day, complete, shape (days,).
        held_back: last days, that the fits do not see.
    """
    known, came = values[:-held_back], values[-held_back:]
    if len(known) < 2 * WEEK:
        return []
    parts = decomposed(known, WEEK)
    scale = metrics.naive_squared_scale(known[None, :])
    fits = possible_fits(known, held_back, WEEK)
    errors = {name: float(metrics.rmsse(came[None, :], fit.mean[None, :], scale)[0]) for name, fit in fits.items()}
    least = min((error for error in errors.values() if not np.isnan(error)), default=np.nan)
    return [
        Diagnosis(
            fit.model, fit.aic, errors[name], fit.ljung_box, errors[name] == least, parts.trend_strength,
            parts.season_strength,
        )
        for name, fit in fits.items()
    ]  # fmt: skip
