"""What promotions do to demand: a factor for each kind, learned from the past, applied to the days ahead.

Days with a promotion are left out of what the usual level of a series is taken from: how much one promotion brought
says little about the weeks after it. What all promotions of a kind brought together, against the usual level of the
same series just before, is the effect: Σ w·demand ÷ Σ w·usual, with w = 1 ÷ (1 + mean usual demand of the series), so
that slow series count by their units and a fast one no more than its days (the weights of a negative binomial mean; of
the level itself they would favour days before which it happened to be low, and find too much). It is drawn towards the
effect of the other kinds as if `PRIOR` weighted units had shown that, and that one likewise towards no effect. A series
that was hardly ever without a promotion has no usual level to hold it against: it is left as it is, past and ahead.
Invariant: only days up to the last known one are looked at, and each against levels of the days before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.forecast.levels import discounted, mean_level
from inventory_assets.forecast.models import history, winsorised
from inventory_assets.forecast.series import NEW_BELOW_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

ALPHA = 0.05
PRIOR = 10.0
"""Weighted units of usual demand that the effect an effect is drawn towards counts for."""
MOST_SERIES = 4_000
"""Series an effect is learned from; of more, every second, third, … is."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Promotions taken apart from demand.

    Attributes:
        usual: demand with promoted days missing, shape (series, days).
        flat: demand with promoted days divided by their factor, same shape.
        factor: factor of each kind; the first, of no promotion, is 1.
        apart: series whose promotions are told apart, shape (series,).
    """

    usual: FloatArray
    flat: FloatArray
    factor: FloatArray
    apart: NDArray[np.bool_]

    def lift(self, kind: NDArray[np.int16]) -> FloatArray:
        """Factor of each day of kinds of promotions, shape (series, days)."""
        return np.where(self.apart[:, None], self.factor[kind], 1.0)


def taken_apart(units: FloatArray, kind: NDArray[np.int16], kinds: int) -> Effect:
    """Tell promotions from usual demand.

    Args:
        units: demand, shape (series, days), nan where not observed.
        kind: number of the kind of promotion of each day, 0 for none, same shape.
        kinds: how many kinds there are, none included.
    """
    promoted = kind > 0
    apart = (~np.isnan(units) & ~promoted).sum(axis=1) >= NEW_BELOW_DAYS
    out = promoted & apart[:, None]
    usual = np.where(out, np.nan, units)
    factor = _factors(units, usual, np.where(out, kind, 0), kinds)
    return Effect(usual, units / factor[np.where(out, kind, 0)], factor, apart)


def _factors(units: FloatArray, usual: FloatArray, kind: NDArray[np.int16], kinds: int) -> FloatArray:
    rows = np.flatnonzero((kind > 0).any(axis=1))
    factor = np.ones(kinds)
    if not len(rows):
        return factor
    rows = rows[:: -(-len(rows) // MOST_SERIES)]
    exposure = history(usual).exposure
    days = units.shape[1]
    level = discounted(usual[rows], range(days), ALPHA, exposure)
    expected = np.full_like(level, np.nan)
    expected[:, 1:] = level[:, :-1] * exposure[1:]
    came = winsorised(units)[rows]
    known_before = np.cumsum(~np.isnan(usual[rows]), axis=1) >= NEW_BELOW_DAYS
    told = (kind[rows] > 0) & known_before & ~np.isnan(came) & (np.nan_to_num(expected) > 0)
    weight = np.broadcast_to(1.0 / (1.0 + mean_level(usual[rows], [days - 1])), told.shape)[told]
    of, brought, base = kind[rows][told], weight * came[told], weight * expected[told]
    sums, bases = (np.bincount(of, weights=each, minlength=kinds)[1:] for each in (brought, base))
    others = (sums.sum() - sums + PRIOR) / (bases.sum() - bases + PRIOR)
    factor[1:] = (sums + PRIOR * others) / (bases + PRIOR)
    return factor
