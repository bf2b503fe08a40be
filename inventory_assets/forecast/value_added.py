"""Forecast value added: how much closer to what came a forecast was with people's word than without it.

error = Σ over blocks of 14 days of |Σ forecast − Σ demand|, in units; value added = error without − error with. Sums
and not days, because orders rest on sums, and because the absolute error of single days prefers a forecast of 0 for an
item that sells on fewer than half of them. Source: Gilliland (2010), The Business Forecasting Deal, ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.backtest import LEAD_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ValueAdded:
    """What one word about one series was worth.

    Attributes:
        last: position of the last day measured.
        days: days measured.
        demand: units that came on them.
        without: units expected without it.
        with_it: units expected with it.
        error_without: error without it, units.
        error_with: error with it, units.
    """

    last: int
    days: int
    demand: float
    without: float
    with_it: float
    error_without: float
    error_with: float

    @property
    def gain(self) -> float:
        """Error without less error with, units: above 0 it helped."""
        return self.error_without - self.error_with


def value_added(
    came: FloatArray, without: FloatArray, with_it: FloatArray, block: int = LEAD_DAYS
) -> ValueAdded | None:
    """Compare two forecasts of the same days; None where no day can be measured.

    Args:
        came: demand from the first day on, shape (days,); nan where it is not known.
        without: the forecast without the word; nan where there was none.
        with_it: the forecast with it; nan on days it did not hold.
        block: days whose sum is one error; blocks are counted from the first day.
    """
    measured = ~(np.isnan(came) | np.isnan(without) | np.isnan(with_it))
    if not measured.any():
        return None
    at = np.flatnonzero(measured)
    sums = [np.bincount(at // block, weights=each[at]) for each in (came, without, with_it)]
    errors = [float(np.abs(each - sums[0]).sum()) for each in sums[1:]]
    return ValueAdded(int(at[-1]), len(at), *(float(each.sum()) for each in sums), *errors)
