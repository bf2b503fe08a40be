"""The figures of a simulated run: service, stock, turns, orders, cost, with intervals.

Service is named: *fill* is the share of units delivered on the day, over units, over value, or as the mean of the
items; *cycle service* the share of replenishment cycles (from one arrival to the next) in which nothing was short.
Intervals come from drawing items again (bootstrap), because items differ more than days do. Invariant: a share without
a denominator is nan, never 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.domain import FloatArray, checked, require
from inventory_assets.replenishment.replay import Run

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, each a number or shape (items,).

    Attributes:
        unit_cost: money a unit, above 0.
        holding_cost_rate: share of the value a year, above 0.
        fixed_cost: money an order line, 0 or more.
        stockout_cost: money a unit short, above 0.
    """

    unit_cost: ArrayLike = 1.0
    holding_cost_rate: ArrayLike = 0.25
    fixed_cost: ArrayLike = 0.0
    stockout_cost: ArrayLike = 1.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its interval.

    Attributes:
        value: over all items.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


NAMES = (
    "fill_units", "fill_value", "fill_item_mean", "cycle_service", "stock_value", "stock_units", "turns",
    "days_of_cover", "orders", "ordering_cost", "holding_cost", "shortage_cost", "cost",
)  # fmt: skip
"""Every figure; money and orders are those of a year."""


def item_fill(run: Run) -> FloatArray:
    """Share of units each item delivered on the day; nan without demand."""
    return _share(run.at_once, run.demanded)


def figures(run: Run, prices: Prices | None = None) -> dict[str, float]:
    """Figures of a run over all its items, by `NAMES`.

    Args:
        run: what happened.
        prices: of the items.

    Returns:
        Shares, mean stock at the end of days (units, value), turns (cost of goods delivered a year ÷ mean stock value),
        days of cover, orders and money a year.

    Raises:
        InvalidInput: for prices outside their domains.
    """
    weights = np.ones((1, run.demanded.size))
    return {name: float(value[0]) for name, value in sampled_figures(run, prices or Prices(), weights).items()}


def intervals(
    run: Run, prices: Prices | None = None, *, rng: np.random.Generator, draws: int = 500, level: float = 0.95
) -> dict[str, Figure]:
    """Figures of a run with bootstrap intervals over its items.

    Args:
        run: what happened.
        prices: of the items.
        rng: source of randomness.
        draws: samples of items, each as many as there are.
        level: share of the draws inside an interval.

    Returns:
        By `NAMES`.

    Source: Efron & Tibshirani (1993), chapter 13, percentile interval.
    """
    costs = prices or Prices()
    drawn = sampled_figures(run, costs, item_draws(run.demanded.size, draws, rng))
    outside = (1 - level) / 2
    found = figures(run, costs)
    return {
        name: Figure(found[name], *(float(each) for each in np.nanquantile(drawn[name], [outside, 1 - outside])))
        for name in NAMES
    }


def difference(
    one: Run, other: Run, prices: Prices | None = None, *, rng: np.random.Generator, draws: int = 500
) -> dict[str, Figure]:
    """How much each figure of one run differs from another's of the same items, as a share of the other's.

    The same items are drawn for both, so that what is common to them cancels out.

    Args:
        one: a run.
        other: the run it is compared with.
        prices: of the items.
        rng: source of randomness.
        draws: samples of items.

    Returns:
        one/other − 1 by `NAMES`, with 95 % intervals.
    """
    require("demand", "too_few", np.asarray(one.demanded.size == other.demanded.size))
    costs = prices or Prices()
    weights = np.vstack([np.ones(one.demanded.size), item_draws(one.demanded.size, draws, rng)])
    here, there = sampled_figures(one, costs, weights), sampled_figures(other, costs, weights)
    found = {}
    for name in NAMES:
        change = _share(here[name], there[name]) - 1
        drawn = change[1:]
        low, high = np.nanquantile(drawn, [0.025, 0.975]) if not np.isnan(drawn).all() else (np.nan, np.nan)
        found[name] = Figure(float(change[0]), float(low), float(high))
    return found


def item_draws(items: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """How often each item is in each of so many samples, shape (draws, items)."""
    return rng.multinomial(items, np.full(items, 1 / items), size=draws).astype(np.float64)


def sampled_figures(run: Run, prices: Prices, weights: FloatArray) -> dict[str, FloatArray]:
    """Every figure for every sample of items, shape (draws,)."""
    unit, rate, setup, shortage = checked(
        unit_cost=prices.unit_cost,
        holding_cost_rate=prices.holding_cost_rate,
        fixed_cost=prices.fixed_cost,
        stockout_cost=prices.stockout_cost,
    )
    years = run.days / YEAR_DAYS
    stock = run.stock_days / run.days
    short = run.demanded - run.at_once
    fill = item_fill(run)
    asked = ~np.isnan(fill)

    def over(values: ArrayLike) -> FloatArray:
        return weights @ np.broadcast_to(np.asarray(values, dtype=np.float64), run.demanded.shape)

    delivered_value, stock_value = over((run.at_once + run.late) * unit), over(stock * unit)
    held = over(stock * unit * rate)
    ordering, short_cost = over(run.orders * setup) / years, over(short * shortage) / years
    return {
        "fill_units": _share(over(run.at_once), over(run.demanded)),
        "fill_value": _share(over(run.at_once * unit), over(run.demanded * unit)),
        "fill_item_mean": _share(over(np.where(asked, fill, 0.0)), over(asked.astype(np.float64))),
        "cycle_service": _share(over(run.clean_cycles), over(run.cycles)),
        "stock_value": stock_value,
        "stock_units": over(stock),
        "turns": _share(delivered_value / years, stock_value),
        "days_of_cover": _share(stock_value * run.days, over(run.demanded * unit)),
        "orders": over(run.orders) / years,
        "ordering_cost": ordering,
        "holding_cost": held,
        "shortage_cost": short_cost,
        "cost": ordering + held + short_cost,
    }


def _share(part: ArrayLike, whole: ArrayLike) -> FloatArray:
    above, below = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0)
