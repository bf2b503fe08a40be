"""Distributions known by their values: probabilities a planner states, or samples such as simulated or past demand.

They answer what `distributions.Demand` asks, with an axis more: the last one runs over values or samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked, require, whole

_ROUNDING = 1e-9
"""Probabilities may miss 1 by so much, and a quantile is not pushed a step further by it."""


@dataclass(frozen=True)
class Discrete:
    """Demand that takes stated whole values with stated probabilities.

    Attributes:
        values: whole units, shape (…, values), increasing.
        probabilities: same shape or broadcastable to it, summing to 1.
    """

    values: ArrayLike
    probabilities: ArrayLike
    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check values and probabilities."""
        values, chances = checked(values=self.values, probabilities=self.probabilities)
        whole("values", values)
        require("values", "not_increasing", (np.diff(values, axis=-1) > 0).all(axis=-1))
        total = chances.sum(axis=-1)
        require("probabilities", "too_low", total >= 1 - _ROUNDING)
        require("probabilities", "too_high", total <= 1 + _ROUNDING)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "probabilities", chances)

    @property
    def average(self) -> FloatArray:
        """Expected demand, units, shape (…)."""
        return (np.asarray(self.values) * np.asarray(self.probabilities)).sum(axis=-1)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units, shape (…)."""
        apart = np.asarray(self.values) - self.average[..., None]
        return np.sqrt((apart**2 * np.asarray(self.probabilities)).sum(axis=-1))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        return np.where(np.asarray(self.values) <= _column(x), np.asarray(self.probabilities), 0).sum(axis=-1)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest value with P(D ≤ value) ≥ probability."""
        reached = np.cumsum(np.asarray(self.probabilities), axis=-1) >= _column(probability) - _ROUNDING
        values, reached = np.broadcast_arrays(np.asarray(self.values), reached)
        first = np.where(reached.any(axis=-1), np.argmax(reached, axis=-1), values.shape[-1] - 1)
        return np.take_along_axis(values, first[..., None], axis=-1)[..., 0]

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺], from its definition."""
        return (np.maximum(np.asarray(self.values) - _column(x), 0) * np.asarray(self.probabilities)).sum(axis=-1)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[(D − x)⁺(D − x − 1)⁺], from its definition."""
        above = np.maximum(np.asarray(self.values) - _column(x), 0)
        return (above * np.maximum(above - 1, 0) * np.asarray(self.probabilities)).sum(axis=-1) / 2


@dataclass(frozen=True)
class Empirical:
    """Demand as it was observed or simulated: each sample equally likely.

    The p-quantile is a sample, the ⌈p·n⌉-th smallest: with n samples nothing above n/(n + 1) can be promised.

    Attributes:
        samples: units, shape (…, samples); nan where an item has fewer samples than others. At least one each.
    """

    samples: ArrayLike
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Sort the samples; nan go last."""
        samples = np.sort(np.asarray(self.samples, dtype=np.float64), axis=-1)
        require("samples", "infinite", ~np.isinf(samples))
        require("samples", "too_few", (~np.isnan(samples)).any(axis=-1))
        object.__setattr__(self, "samples", samples)

    @property
    def average(self) -> FloatArray:
        """Mean of the samples, units, shape (…)."""
        return np.nanmean(np.asarray(self.samples), axis=-1)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of the samples (divided by their number), units, shape (…)."""
        return np.nanstd(np.asarray(self.samples), axis=-1)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Share of samples ≤ x."""
        samples = np.asarray(self.samples)
        return (samples <= _column(x)).sum(axis=-1) / self._count()

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest sample with at least this share of samples at or below it."""
        wanted, count = np.broadcast_arrays(np.asarray(probability, dtype=np.float64), self._count())
        place = np.clip(np.ceil(wanted * count - _ROUNDING) - 1, 0, count - 1).astype(np.intp)
        samples = np.broadcast_to(np.asarray(self.samples), (*place.shape, np.shape(self.samples)[-1]))
        return np.take_along_axis(samples, place[..., None], axis=-1)[..., 0]

    def loss(self, x: ArrayLike) -> FloatArray:
        """Mean of (sample − x)⁺."""
        return np.nanmean(np.maximum(np.asarray(self.samples) - _column(x), 0), axis=-1)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """Half the mean of ((sample − x)⁺)²."""
        return np.nanmean(np.maximum(np.asarray(self.samples) - _column(x), 0) ** 2, axis=-1) / 2

    def _count(self) -> FloatArray:
        return (~np.isnan(np.asarray(self.samples))).sum(axis=-1).astype(np.float64)


def _column(x: ArrayLike) -> FloatArray:
    """The x with an axis for values or samples."""
    return np.asarray(x, dtype=np.float64)[..., None]
