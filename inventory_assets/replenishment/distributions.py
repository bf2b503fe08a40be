"""Distributions of demand over an interval: what every formula about uncertainty asks for.

A distribution holds arrays, one element an item, and answers for all items at once. `loss(x)` is the expected shortage
E[(D − x)⁺] when x units are there, `second_loss(x)` what the loss adds up to above x: ∫ₓ^∞ loss(y) dy for continuous
demand, Σ_{y > x} loss(y) over whole y for counts. These two make the formulas of (r, Q) policies short and exact.

Sources: Zipkin (2000), *Foundations of Inventory Management*, appendix C; Snyder & Shen (2019), *Fundamentals of Supply
Chain Theory*, appendix C.3 (loss functions). Distributions known only by their values stand in `observed`.
Invariant: loss(x) − loss(x + d) lies between 0 and d for every d > 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked, require
from inventory_assets.replenishment.solving import falls_to


class Demand(Protocol):
    """Demand over one interval, for many items; shapes are those of the parameters, broadcast with the argument."""

    whole: ClassVar[bool]
    """Whether demand comes in whole units; then solutions are whole too."""

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        ...

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        ...

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        ...

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest x with P(D ≤ x) ≥ probability, units."""
        ...

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺], units short on average with x units there."""
        ...

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """Sum of the loss above x, units²; x whole for counts."""
        ...


def standard_normal_loss(z: ArrayLike) -> FloatArray:
    """Unit normal loss G(z) = φ(z) − z·(1 − Φ(z)).

    Args:
        z: standardised level, any shape.

    Returns:
        Expected shortage in standard deviations. Source: Silver, Pyke & Thomas (2017), appendix II, G_u(k); Snyder &
        Shen (2019), eq. (C.22).
    """
    from scipy import special

    z = np.asarray(z, dtype=np.float64)
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * special.ndtr(-z)


def standard_normal_safety_factor(loss: ArrayLike) -> FloatArray:
    """The z with G(z) = loss: the safety factor of a tolerated shortage.

    Args:
        loss: expected shortage in standard deviations, above 0.

    Returns:
        z; negative for a loss above φ(0) = 0.3989.

    Raises:
        InvalidInput: for a loss of 0 or less, which only infinite stock would reach.
    """
    from scipy import special

    wanted = np.asarray(loss, dtype=np.float64)
    require("loss", "missing", ~np.isnan(wanted))
    require("loss", "not_positive", wanted > 0)
    z = -wanted  # G(z) > −z, so this lies left of the solution; from there Newton on the concave log G cannot diverge
    for _ in range(100):
        found = standard_normal_loss(z)
        step = (np.log(found) - np.log(wanted)) * found / special.ndtr(-z)
        z = np.minimum(z + step, 35.0)  # beyond, G(z) is too small for a float
        if np.all(np.abs(step) <= 1e-14 * np.maximum(np.abs(z), 1)):
            break
    return z


@dataclass(frozen=True)
class Normal:
    """Normal demand. A deviation of 0 is certain demand.

    Below a coefficient of variation of about 1/3 it describes most demand; above, it gives weight to negative demand.

    Attributes:
        demand_mean: units.
        demand_sd: units.
    """

    demand_mean: ArrayLike
    demand_sd: ArrayLike
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the parameters and give them one shape."""
        _keep(self, demand_mean=self.demand_mean, demand_sd=self.demand_sd)

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        return np.asarray(self.demand_mean)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        return np.asarray(self.demand_sd)

    def over(self, periods: ArrayLike) -> Normal:
        """Demand over so many periods, independent of each other."""
        count = np.asarray(periods, dtype=np.float64)
        return Normal(self.average * count, self.deviation * np.sqrt(count))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        from scipy import special

        above, scale = np.asarray(x) - self.average, self._scale()
        return np.where(self.deviation > 0, special.ndtr(above / scale), above >= 0)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Mean + z·deviation with Φ(z) = probability."""
        from scipy import special

        return self.average + self.deviation * special.ndtri(np.asarray(probability, dtype=np.float64))

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺] = σ·G((x − μ)/σ). Source: Snyder & Shen (2019), eq. (C.31)."""
        above = np.asarray(x) - self.average
        return np.where(
            self.deviation > 0, self.deviation * standard_normal_loss(above / self._scale()), np.maximum(-above, 0)
        )

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[((D − x)⁺)²] = σ²/2·((z² + 1)(1 − Φ(z)) − z·φ(z)). Source: Snyder & Shen (2019), eq. (C.33)."""
        from scipy import special

        above = np.asarray(x) - self.average
        z = above / self._scale()
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        unit = ((z**2 + 1) * special.ndtr(-z) - z * density) / 2
        return np.where(self.deviation > 0, self.deviation**2 * unit, np.maximum(-above, 0) ** 2 / 2)

    def _scale(self) -> FloatArray:
        return np.where(self.deviation > 0, self.deviation, 1.0)


@dataclass(frozen=True)
class Gamma:
    """Gamma demand: skewed and never negative; for continuous demand with a high coefficient of variation.

    Attributes:
        demand_mean: units, above 0.
        demand_sd: units, above 0.
    """

    demand_mean: ArrayLike
    demand_sd: ArrayLike
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the parameters and give them one shape."""
        _keep(self, demand_mean=self.demand_mean, demand_sd=self.demand_sd)
        require("demand_mean", "not_positive", self.average > 0)
        require("demand_sd", "not_positive", self.deviation > 0)

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        return np.asarray(self.demand_mean)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        return np.asarray(self.demand_sd)

    @property
    def _shape_scale(self) -> tuple[FloatArray, FloatArray]:
        return (self.average / self.deviation) ** 2, self.deviation**2 / self.average

    def over(self, periods: ArrayLike) -> Gamma:
        """Demand over so many periods, independent of each other."""
        count = np.asarray(periods, dtype=np.float64)
        return Gamma(self.average * count, self.deviation * np.sqrt(count))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        from scipy import special

        shape, scale = self._shape_scale
        return special.gammainc(shape, np.maximum(x, 0) / scale)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest x with P(D ≤ x) ≥ probability."""
        from scipy import special

        shape, scale = self._shape_scale
        return scale * special.gammaincinv(shape, np.asarray(probability, dtype=np.float64))

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺] from the tails of gamma variables of the next shape. Source: Zipkin (2000), p. 457."""
        from scipy import special

        shape, scale = self._shape_scale
        at = np.maximum(x, 0)
        tail = self.average * special.gammaincc(shape + 1, at / scale) - at * special.gammaincc(shape, at / scale)
        return tail + np.maximum(-np.asarray(x), 0)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[((D − x)⁺)²]. Source: Zipkin (2000), p. 457."""
        from scipy import special

        shape, scale = self._shape_scale
        at, below = np.maximum(x, 0), np.maximum(-np.asarray(x), 0)
        square = self.average**2 + self.deviation**2
        tail = (
            square * special.gammaincc(shape + 2, at / scale)
            - 2 * at * self.average * special.gammaincc(shape + 1, at / scale)
            + at**2 * special.gammaincc(shape, at / scale)
        )
        return tail / 2 + below * self.average + below**2 / 2


@dataclass(frozen=True)
class Lognormal:
    """Demand whose logarithm is normal.

    Attributes:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm, above 0.
    """

    mu: ArrayLike
    sigma: ArrayLike
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the parameters and give them one shape."""
        _keep(self, mu=self.mu, sigma=self.sigma)

    @classmethod
    def with_moments(cls, demand_mean: ArrayLike, demand_sd: ArrayLike) -> Lognormal:
        """The one with this mean and standard deviation, units, both above 0."""
        mean, deviation = checked(demand_mean=demand_mean, demand_sd=demand_sd)
        require("demand_mean", "not_positive", mean > 0)
        require("demand_sd", "not_positive", deviation > 0)
        variance = np.log1p((deviation / mean) ** 2)
        return cls(np.log(mean) - variance / 2, np.sqrt(variance))

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        mu, sigma = np.asarray(self.mu), np.asarray(self.sigma)
        return np.exp(mu + sigma**2 / 2)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        return self.average * np.sqrt(np.expm1(np.asarray(self.sigma) ** 2))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        return 1 - self._tail(x, 0)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """exp(mu + z·sigma) with Φ(z) = probability."""
        from scipy import special

        z = special.ndtri(np.asarray(probability, dtype=np.float64))
        return np.exp(np.asarray(self.mu) + np.asarray(self.sigma) * z)

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺]. Source: Snyder & Shen (2019), eq. (4.102)."""
        at = np.maximum(x, 0)
        return self.average * self._tail(at, 1) - at * self._tail(at, 0) + np.maximum(-np.asarray(x), 0)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[((D − x)⁺)²], by the same steps as the loss."""
        at, below = np.maximum(x, 0), np.maximum(-np.asarray(x), 0)
        square = self.average**2 + self.deviation**2
        tail = square * self._tail(at, 2) - 2 * at * self.average * self._tail(at, 1) + at**2 * self._tail(at, 0)
        return tail / 2 + below * self.average + below**2 / 2

    def _tail(self, x: ArrayLike, power: int) -> FloatArray:
        """Share of E[D^power] that lies above x."""
        from scipy import special

        mu, sigma, at = np.asarray(self.mu), np.asarray(self.sigma), np.asarray(x, dtype=np.float64)
        z = (mu + power * sigma**2 - np.log(np.where(at > 0, at, 1.0))) / sigma
        return np.where(at > 0, special.ndtr(z), 1.0)


@dataclass(frozen=True)
class Poisson:
    """Poisson demand: single units at random, variance = mean; for slow movers.

    Attributes:
        demand_mean: units.
    """

    demand_mean: ArrayLike
    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the parameter."""
        _keep(self, demand_mean=self.demand_mean)

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        return np.asarray(self.demand_mean)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        return np.sqrt(self.average)

    def over(self, periods: ArrayLike) -> Poisson:
        """Demand over so many periods, independent of each other."""
        return Poisson(self.average * np.asarray(periods, dtype=np.float64))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        return 1 - self._from(np.floor(x) + 1)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest whole x with P(D ≤ x) ≥ probability."""
        return _whole_quantile(self, probability)

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺] = μ·P(D ≥ x) − x·P(D > x), x whole. Source: Snyder & Shen (2019), eq. (C.41)."""
        at = np.asarray(x, dtype=np.float64)
        full = np.floor(at)
        return self.average * self._from(full) - at * self._from(full + 1)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[(D − x)⁺(D − x − 1)⁺]. Source: Snyder & Shen (2019), eq. (C.38) to (C.42)."""
        at = np.floor(np.asarray(x, dtype=np.float64))
        return (
            self.average**2 * self._from(at - 1)
            - 2 * at * self.average * self._from(at)
            + at * (at + 1) * self._from(at + 1)
        ) / 2

    def _from(self, x: FloatArray) -> FloatArray:
        """P(D ≥ x), x whole."""
        from scipy import special

        return np.where(x > 0, special.gammainc(np.maximum(x, 1), self.average), 1.0)


@dataclass(frozen=True)
class NegativeBinomial:
    """Negative binomial demand: counts with a variance above the mean; for most retail items.

    Attributes:
        demand_mean: units, above 0.
        demand_sd: units; its square must be above the mean (otherwise take `Poisson`).
    """

    demand_mean: ArrayLike
    demand_sd: ArrayLike
    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the parameters and give them one shape."""
        _keep(self, demand_mean=self.demand_mean, demand_sd=self.demand_sd)
        require("demand_mean", "not_positive", self.average > 0)
        require("demand_sd", "too_low", self.deviation**2 > self.average)

    @property
    def average(self) -> FloatArray:
        """Expected demand, units."""
        return np.asarray(self.demand_mean)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of demand, units."""
        return np.asarray(self.demand_sd)

    @property
    def _size(self) -> FloatArray:
        return self.average**2 / (self.deviation**2 - self.average)

    def over(self, periods: ArrayLike) -> NegativeBinomial:
        """Demand over so many periods, independent of each other."""
        count = np.asarray(periods, dtype=np.float64)
        return NegativeBinomial(self.average * count, self.deviation * np.sqrt(count))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(D ≤ x)."""
        return 1 - self._from(np.floor(x) + 1, 0)

    def quantile(self, probability: ArrayLike) -> FloatArray:
        """Smallest whole x with P(D ≤ x) ≥ probability."""
        return _whole_quantile(self, probability)

    def loss(self, x: ArrayLike) -> FloatArray:
        """E[(D − x)⁺], x whole. Source: Zipkin (2000), p. 457.6, by tails of the next size."""
        at = np.asarray(x, dtype=np.float64)
        full = np.floor(at)
        return self.average * self._from(full, 1) - at * self._from(full + 1, 0)

    def second_loss(self, x: ArrayLike) -> FloatArray:
        """½E[(D − x)⁺(D − x − 1)⁺], by tails of the next two sizes."""
        at = np.floor(np.asarray(x, dtype=np.float64))
        square = self.average**2 * (self._size + 1) / self._size  # E[D(D − 1)]
        return (
            square * self._from(at - 1, 2)
            - 2 * at * self.average * self._from(at, 1)
            + at * (at + 1) * self._from(at + 1, 0)
        ) / 2

    def _from(self, x: FloatArray, larger: int) -> FloatArray:
        """P(X ≥ x) of a negative binomial with this success probability and a size larger by so much, x whole."""
        from scipy import special

        failure = 1 - self.average / self.deviation**2
        return np.where(x > 0, special.betainc(np.maximum(x, 1), self._size + larger, failure), 1.0)


def _keep(distribution: object, **parameters: ArrayLike) -> None:
    """Replace the parameters of a frozen dataclass by checked arrays of one shape."""
    for name, array in zip(parameters, checked(**parameters), strict=True):
        object.__setattr__(distribution, name, array)


def _whole_quantile(demand: Demand, probability: ArrayLike) -> FloatArray:
    """Smallest whole x, 0 or more, with P(D ≤ x) ≥ probability."""
    wanted, average, deviation = np.broadcast_arrays(
        np.asarray(probability, dtype=np.float64), demand.average, demand.deviation
    )
    found = falls_to(lambda x: 1 - demand.cdf(x), 1 - wanted, average, deviation + 1, whole=True)
    return np.maximum(found, 0)
