"""How many days ahead each series is forecast: until the order after the next one has arrived.

An order placed now arrives after the lead time, the next one is placed a review later and covers demand until the one
after it: max(7, ⌈lead time + review⌉ + review) days (requirement F1). Sums farther ahead than most items need are
measured at origins of their own: farther back, because a past sum has to be over, and farther apart, because long sums
that overlap say the same thing again. Not here: where lead times come from (`pipeline.horizons`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.intervals import past_origins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

LEAST_DAYS = 7
FAR_STEP, FAR_ORIGINS = 10, 48
"""Days between the origins of far sums, and how many of them there are at most."""
FEWEST_FAR_ORIGINS = 4
"""Origins whose sum must be over before a sum that long is told."""
PEERS = 400
"""Series whose errors are pooled with those of the series that are forecast far."""


def own_horizons(lead: FloatArray, review: FloatArray, otherwise: int, most: int) -> IntArray:
    """Days ahead of each series.

    Args:
        lead: days from order to receipt, nan where unknown.
        review: days between two looks.
        otherwise: days ahead where no lead time is known.
        most: the longest horizon.
    """
    wanted = np.maximum(LEAST_DAYS, np.ceil(lead + review) + review)
    return np.minimum(np.where(np.isnan(wanted), otherwise, wanted), most).astype(np.int64)


def item_horizons(own: IntArray, item: NDArray[np.intp]) -> IntArray:
    """Days ahead of each item: those of its location that needs most, so that locations add up on every day."""
    found = np.zeros(int(item.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(found, item, own)
    return found


def far_origins(days: int, measured: int, horizon: int) -> list[int]:
    """Columns of the origins of sums longer than `measured` days, oldest first."""
    return past_origins(days - measured, min(horizon, days // 3), FAR_ORIGINS, FAR_STEP)


def longest_measured(days: int, measured: int, horizon: int) -> int:
    """The longest sum, up to the horizon, of which enough past ones are over; `measured` where none beyond it is.

    Args:
        days: known days.
        measured: days of sums that are told by themselves.
        horizon: longest horizon of all series.
    """
    at = far_origins(days, measured, horizon)
    if len(at) < FEWEST_FAR_ORIGINS:
        return min(measured, horizon)
    return min(horizon, max(measured, days - 1 - at[FEWEST_FAR_ORIGINS - 1]))


def with_peers(wanted: NDArray[np.bool_], most: int = PEERS) -> NDArray[np.intp]:
    """Rows of the series wanted and, evenly spread over the others, up to `most` more."""
    others = np.flatnonzero(~wanted)
    chosen = others[np.unique(np.linspace(0, len(others) - 1, min(most, len(others))).astype(np.intp))]
    return np.sort(np.concatenate([np.flatnonzero(wanted), chosen]))
