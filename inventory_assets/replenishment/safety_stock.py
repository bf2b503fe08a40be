"""Safety stock: the level that reaches a wanted service, in every form a planner may state it.

Always in three steps: the demand to be survived (`lead_time_demand`, `demand_with_forecast_errors`, or samples in
`observed.Empirical`), the level that gives the named service, and safety stock = level − expected demand. It can be
negative: with a large order quantity a modest fill rate is reached below the expected demand. What to do with that is
the policy's decision, not the formula's.

For periodic review pass demand over lead time *and* review period. A level for the lead time alone is the common
mistake: with R = L it misses a 95 % target by 13 points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.distributions import Demand, Normal, standard_normal_safety_factor
from inventory_assets.replenishment.domain import FloatArray, checked, require, whole
from inventory_assets.replenishment.solving import falls_to


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the inventory position and the safety stock in it.

    Attributes:
        level: units: the reorder point r, or the order-up-to level S.
        safety_stock: units: level − expected demand.
    """

    level: FloatArray
    safety_stock: FloatArray


def lead_time_demand(
    demand_mean: ArrayLike, demand_sd: ArrayLike, lead_time: ArrayLike, lead_time_sd: ArrayLike = 0.0
) -> Normal:
    """Normal demand over a lead time that may vary: mean D·L, variance L·σ_d² + D²·σ_L².

    Args:
        demand_mean: D, units a period, 0 or more.
        demand_sd: σ_d, units, of one period, 0 or more; periods independent of each other.
        lead_time: L, expected periods, 0 or more; with periodic review add the review period.
        lead_time_sd: σ_L, periods, 0 or more; independent of demand.

    Returns:
        The distribution with these moments. With Z·√(its variance) it gives the safety stock of R2 of the requirements,
        Z·σ·√L where the lead time is certain.

    Raises:
        InvalidInput: outside these domains.

    Source: Hadley & Whitin (1963), section 3-4; Chopra & Meindl (2016), chapter 12.
    """
    mean, deviation, time, spread = checked(
        demand_mean=demand_mean, demand_sd=demand_sd, lead_time=lead_time, lead_time_sd=lead_time_sd
    )
    return Normal(mean * time, np.sqrt(time * deviation**2 + (mean * spread) ** 2))


def correlated_demand(
    demand_mean: ArrayLike, demand_sd: ArrayLike, lead_time: ArrayLike, correlation: ArrayLike
) -> Normal:
    """Normal demand over a lead time where a period resembles the one before it.

    Demand is autoregressive of order 1, so that periods k apart correlate with φᵏ and the variance of the sum is
    σ²·(L + 2·Σ_{k<L} (L − k)·φᵏ). With φ = 0.5 and L = 7, √L·σ is 36 % too little.

    Args:
        demand_mean: D, units a period, 0 or more.
        demand_sd: σ, units, of one period, 0 or more.
        lead_time: L, whole periods, 0 or more; with periodic review add the review period.
        correlation: φ of a period with the one before, above −1 and below 1.

    Returns:
        The distribution with these moments.

    Raises:
        InvalidInput: outside these domains.

    Source: Zinn, Marmorstein & Charnes (1992); the sum in closed form is elementary.
    """
    mean, deviation, time, phi = checked(
        demand_mean=demand_mean, demand_sd=demand_sd, lead_time=lead_time, correlation=correlation
    )
    require("correlation", "too_low", phi > -1)
    require("correlation", "too_high", phi < 1)
    whole("lead_time", time)
    weighted = phi * (time * (1 - phi) - (1 - phi**time)) / (1 - phi) ** 2  # Σ_{k<L} (L − k)·φᵏ
    return Normal(mean * time, deviation * np.sqrt(np.maximum(time + 2 * weighted, 0)))


def pooled_demand(demand_mean: ArrayLike, demand_sd: ArrayLike, correlation: ArrayLike = 0.0) -> Normal:
    """Normal demand of several locations served from one stock.

    Args:
        demand_mean: units of each location over one interval, 0 or more, shape (…, locations).
        demand_sd: units, 0 or more, same shape.
        correlation: of any two locations, −1 to 1, shape (…) or a number; too negative a number has no meaning for
            many locations.

    Returns:
        Demand of all of them: variance Σσ² + ρ·((Σσ)² − Σσ²). With ρ = 0 and n equal locations, safety stock is √n
        times that of one instead of n times; with ρ = 1 nothing is gained.

    Raises:
        InvalidInput: outside these domains.

    Source: Eppen (1979).
    """
    mean, deviation = checked(demand_mean=demand_mean, demand_sd=demand_sd)
    (rho,) = checked(correlation=correlation)
    require("correlation", "too_high", rho <= 1)
    alone, together = (deviation**2).sum(axis=-1), deviation.sum(axis=-1) ** 2
    variance = alone + rho * (together - alone)
    require("correlation", "too_low", variance >= 0)
    return Normal(mean.sum(axis=-1), np.sqrt(variance))


def demand_with_forecast_errors(forecast: ArrayLike, errors: ArrayLike) -> Normal:
    """Normal demand over an interval with the deviation of past errors of forecasts for *that whole interval*.

    The error of a sum is not √L times the error of one period, because errors of one forecast share its level: such
    scaling under-covers. A bias counts as error (root mean square, not standard deviation).

    Args:
        forecast: expected demand over the interval, units, 0 or more, shape (items,) or a number.
        errors: demand − forecast over intervals of this length in the past, units, shape (items, origins); nan where
            an item has fewer. At least two each.

    Returns:
        The distribution.

    Raises:
        InvalidInput: outside these domains; `errors:too_few` for items with fewer than two errors.

    Source: Prak, Teunter & Syntetos (2017); Saoud, Kourentzes & Boylan (2022); requirement R2.
    """
    past = np.asarray(errors, dtype=np.float64)
    require("errors", "infinite", ~np.isinf(past))
    require("errors", "too_few", (~np.isnan(past)).sum(axis=-1) >= 2)  # noqa: PLR2004 - one error has no spread
    (mean,) = checked(demand_mean=forecast)
    return Normal(mean, np.sqrt(np.nanmean(past**2, axis=-1)))


def level_for_cycle_service(demand: Demand, cycle_service: ArrayLike) -> Level:
    """The level at which a share of cycles passes without a stock-out: r = F⁻¹(cycle service).

    For normal demand the safety stock is Z·σ; for other distributions and samples it is their quantile less the mean.

    Args:
        demand: over the lead time (continuous review) or lead time and review period (periodic).
        cycle_service: share of cycles, between 0 and 1. The size of the order does not enter.

    Returns:
        The level and the safety stock in it.

    Raises:
        InvalidInput: outside these domains.

    Source: Silver, Pyke & Thomas (2017), chapter 6, "P1"; Chopra & Meindl (2016), chapter 12.
    """
    (share,) = checked(cycle_service=cycle_service)
    level = demand.quantile(share)
    return Level(level, level - demand.average)


def level_for_fill_rate(
    demand: Demand,
    order_quantity: ArrayLike,
    fill_rate: ArrayLike,
    *,
    lead_time_demand: Demand | None = None,
    lost: ArrayLike = False,
    exact: bool = True,
) -> Level:
    """The level at which a share of units is delivered at once.

    Continuous review: n(r) − n(r + Q) = (1 − β)·Q. Periodic review: n(S) − n_L(S) = (1 − β)·Q with Q = demand between
    reviews and n_L the loss of demand over the lead time alone. The textbook rule σ·G(z) = (1 − β)·Q leaves the second
    term out: it counts customers who still wait from the cycle before a second time, and so asks for a little more.

    Args:
        demand: over the lead time (continuous review) or lead time and review period (periodic).
        order_quantity: Q, units, above 0; for periodic review the expected demand between two reviews.
        fill_rate: β, share of units, between 0 and 1.
        lead_time_demand: over the lead time alone: then review is periodic.
        lost: periodic review: whether who gets nothing goes away instead of waiting. Then only the share β of the
            demand of the lead time takes stock, and the level is lower by (1 − β) of it.
        exact: false for the textbook rule.

    Returns:
        The level and the safety stock in it; whole for counts, then the fill rate is at least the wanted one.

    Raises:
        InvalidInput: outside these domains.

    Source: Silver, Pyke & Thomas (2017), chapter 6, "P2"; Nahmias (2009), section 5.5; exact: Hadley & Whitin (1963),
        sections 4-9 and 5-6, Johnson, Lee, Davis & Hall (1995).
    """
    quantity, share = checked(order_quantity=order_quantity, fill_rate=fill_rate)
    short = (1 - share) * quantity
    if not exact:
        if isinstance(demand, Normal) and (demand.deviation > 0).all():
            level = demand.average + demand.deviation * standard_normal_safety_factor(short / demand.deviation)
            return Level(level, level - demand.average)
        return _level(demand, demand.loss, short)
    if lead_time_demand is not None:
        earlier = lead_time_demand
        found = _level(demand, lambda x: demand.loss(x) - earlier.loss(x), short)
        spared = np.where(lost, (1 - share) * earlier.average, 0.0)
        return Level(found.level - spared, found.safety_stock - spared)
    return _level(demand, lambda x: demand.loss(x) - demand.loss(x + quantity), short)


def level_for_ready_rate(demand: Demand, order_quantity: ArrayLike, ready_rate: ArrayLike) -> Level:
    """The reorder point at which stock is on hand for a share of the time, under continuous review.

    Args:
        demand: over the lead time.
        order_quantity: Q, units, above 0.
        ready_rate: share of time, between 0 and 1.

    Returns:
        The level with 1 − (n(r) − n(r + Q))/Q = ready rate. For units asked for one by one this is the fill rate too.
        With ready rate p/(p + h) it is the cheapest reorder point for this Q.

    Raises:
        InvalidInput: outside these domains.

    Source: Silver, Pyke & Thomas (2017), chapter 6, "P3"; Axsäter (2015), section 5.3.
    """
    quantity, share = checked(order_quantity=order_quantity, ready_rate=ready_rate)
    return _level(demand, lambda x: demand.loss(x) - demand.loss(x + quantity), (1 - share) * quantity)


def _level(demand: Demand, short: Callable[[FloatArray], FloatArray], tolerated: FloatArray) -> Level:
    """The smallest level with no more short than tolerated."""
    level = falls_to(short, tolerated, demand.average, demand.deviation + 1, whole=demand.whole)
    return Level(level, level - demand.average)
