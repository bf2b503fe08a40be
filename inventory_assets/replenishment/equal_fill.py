"""Two policies at the fill they both reached: stock and cost along the curve of each, with intervals over items.

A formula that promises 95 % and reaches 87 % cannot be compared with one that reaches 95 %. So each is replayed at
several safety levels, and its figures are interpolated to one and the same achieved fill rate. Not here: replaying.
Invariant: nothing is extrapolated; a fill beyond a curve gives nan.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inventory_assets.replenishment.domain import FloatArray
from inventory_assets.replenishment.outcome import Figure, Prices, item_draws, sampled_figures
from inventory_assets.replenishment.replay import Run

COMPARED = ("stock_value", "holding_cost", "ordering_cost", "shortage_cost", "cost")
"""Figures that are interpolated."""


def at_equal_fill(
    ours: Sequence[Run],
    theirs: Sequence[Run],
    fill: float,
    prices: Prices,
    *,
    rng: np.random.Generator,
    draws: int = 1000,
) -> dict[str, Figure]:
    """How much less or more one policy needs than another where both reach the same fill rate by value.

    Between two safety levels the logarithm of a figure is linear in the logarithm of the share that is short: stock
    grows without bounds as that share goes to 0. The same items are drawn for both policies.

    Args:
        ours: runs of the policy at several safety levels.
        theirs: runs of the policy it is compared with, on the same items.
        fill: share of value delivered at once, between 0 and 1.
        prices: of the items.
        rng: source of randomness of the intervals.
        draws: samples of items.

    Returns:
        ours/theirs − 1 by `COMPARED`, with 95 % intervals over the samples in which both curves hold the fill rate; nan
        where one of them does not reach it with all items.
    """
    items = ours[0].demanded.size
    weights = np.vstack([np.ones(items), item_draws(items, draws, rng)])
    here, there = (_at_fill(runs, fill, prices, weights) for runs in (ours, theirs))
    found = {}
    for name in COMPARED:
        both = there[name] > 0
        change = np.divide(here[name], there[name], out=np.full(len(weights), np.nan), where=both) - 1
        drawn = change[1:][~np.isnan(change[1:])]
        low, high = np.quantile(drawn, [0.025, 0.975]) if drawn.size else (np.nan, np.nan)
        found[name] = Figure(float(change[0]), float(low), float(high))
    return found


def _at_fill(runs: Sequence[Run], fill: float, prices: Prices, weights: FloatArray) -> dict[str, FloatArray]:
    """Each figure of a policy at a fill rate, for every sample of items."""
    points = [sampled_figures(run, prices, weights) for run in runs]
    short = np.log(np.maximum(1 - np.stack([each["fill_value"] for each in points]), 1e-12))
    order = np.argsort(short, axis=0)
    along = np.take_along_axis(short, order, axis=0)
    wanted, found = np.log(1 - fill), {}
    for name in COMPARED:
        told = np.take_along_axis(np.stack([each[name] for each in points]), order, axis=0)
        logs = np.log(np.maximum(told, 1e-300))
        found[name] = np.array(
            [
                np.exp(np.interp(wanted, along[:, draw], logs[:, draw], left=np.nan, right=np.nan))
                for draw in range(len(weights))
            ]
        )
    return found
