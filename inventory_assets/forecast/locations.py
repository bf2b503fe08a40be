"""An item's forecast over its locations: shares by discounted demand, so that locations add up to the item.

Demand of an item as a whole is steadier than that of one shop, and its model is chosen there; how it divides among
locations changes slowly. With one smoothing constant for all, this equals forecasting each location by itself and
adding up, because the level is linear in demand; with the item's own model it keeps what the item's model knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.levels import discounted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

SHARE_ALPHA = 0.02
"""Smoothing of a location's level; its memory of about 50 days is that of the steady level."""


def shares(units: FloatArray, item: NDArray[np.intp], at: Sequence[int], alive: NDArray[np.bool_]) -> FloatArray:
    """Share of each location in the demand of its item at the origins.

    Args:
        units: demand of item × location, shape (pairs, days), nan where not observed.
        item: number of the item of each pair.
        at: columns of the origins.
        alive: pairs that still have demand; others get nothing.

    Returns:
        Shape (pairs, origins), adding up to 1 over the pairs of an item; equal shares where none has demand yet.
    """
    level = np.where(alive[:, None], np.nan_to_num(discounted(units, at, SHARE_ALPHA)), 0.0)
    items = int(item.max(initial=-1)) + 1
    total = np.zeros((items, len(at)))
    np.add.at(total, item, level)
    count = np.bincount(item, minlength=items)
    found = total[item]
    return np.where(found > 0, level / np.where(found > 0, found, 1.0), (1.0 / np.maximum(count, 1))[item][:, None])


def totals(units: FloatArray, item: NDArray[np.intp]) -> FloatArray:
    """Demand of items as the sum over their locations; a day missing at some counts there as the mean of that pair.

    Args:
        units: demand of item × location, shape (pairs, days); nan before launch and where demand cannot be known.
        item: number of the item of each pair.

    Returns:
        Shape (items, days); nan where no location was observed.
    """
    seen = ~np.isnan(units)
    count = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, units, 0.0).sum(axis=1) / count
    launched = np.cumsum(seen, axis=1) > 0
    filled = np.where(seen, units, np.where(launched, mean[:, None], 0.0))
    items = int(item.max(initial=-1)) + 1
    found = np.zeros((items, units.shape[1]))
    known = np.zeros((items, units.shape[1]))
    np.add.at(found, item, filled)
    np.add.at(known, item, seen.astype(float))
    return np.where(known > 0, found, np.nan)
