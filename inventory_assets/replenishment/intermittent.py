"""The demand rate of items with gaps: Croston's method and the correction of its bias.

The plain recursion for many items at once, for policies and tests. Choosing among models and their backtests are the
business of forecasting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked


def syntetos_boylan_rate(demand: ArrayLike, smoothing: ArrayLike = 0.1) -> FloatArray:
    """Demand a period by Syntetos and Boylan: (1 − α/2)·z/p, z and p the smoothed size and interval of demands.

    Size and interval start at those of the first demand (whose interval counts from the start) and change with each
    later one.

    Args:
        demand: units in each period, 0 or more, shape (…, periods).
        smoothing: α, between 0 and 1, shape (…) or a number.

    Returns:
        Expected units a period, shape (…); 0 without any demand.

    Raises:
        InvalidInput: outside these domains.

    Source: Croston (1972); Syntetos & Boylan (2005), eq. (1).
    """
    (units,) = checked(demand=demand)
    (alpha,) = checked(smoothing=smoothing)
    size = interval = np.zeros(units.shape[:-1])
    waited = np.zeros(units.shape[:-1])
    for period in range(units.shape[-1]):
        now, waited = units[..., period], waited + 1
        first, here = interval == 0, now > 0
        size = np.where(here, np.where(first, now, size + alpha * (now - size)), size)
        interval = np.where(here, np.where(first, waited, interval + alpha * (waited - interval)), interval)
        waited = np.where(here, 0, waited)
    return np.where(interval > 0, (1 - alpha / 2) * size / np.where(interval > 0, interval, 1), 0.0)
