"""Policies side by side on the same demand: what each would have reached, and what it would have cost.

All of them see the same days, re-estimate once a week from the past alone, lose what they cannot deliver, and are
measured over the same last days. *Nominal* rows hold each formula at the wanted target as people use it; *equal fill*
rows give each the target at which it really reached the wanted fill rate, so that their stock can be compared.
Invariant: the comparison names the service it means, and shows formulas that lose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inventory_assets.replenishment.domain import FloatArray, require
from inventory_assets.replenishment.outcome import Prices, figures, intervals
from inventory_assets.replenishment.policies import Reestimated, Rule, forecast_error, seed, textbook
from inventory_assets.replenishment.replay import Run, Terms, Units, replay

RecipeAt = Callable[[float], Rule]
"""A rule for a target between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the policies are tried under.

    Attributes:
        lead_time: whole days.
        review_period: whole days.
        target: wanted fill rate, between 0 and 1.
        measure_days: last days that are measured.
    """

    lead_time: int = 7
    review_period: int = 7
    target: float = 0.95
    measure_days: int = 182


def recipes(setup: Setup) -> dict[str, RecipeAt]:
    """The formulas that are compared, by name."""
    from scipy import special

    lead, review = setup.lead_time, setup.review_period
    return {
        "seed: mean·L + z·σ·√L": lambda target: seed(lead, float(special.ndtri(target))),
        "textbook: mean·(L+R) + z·σ·√(L+R)": lambda target: textbook(lead, review, float(special.ndtri(target))),
        "textbook, last 90 days": lambda target: textbook(lead, review, float(special.ndtri(target)), 90),
        "forecast errors, fill rate": lambda target: forecast_error(lead, review, target),
    }


def run_rule(demand: Units, rule: Rule, setup: Setup) -> Run:
    """Replay one rule.

    Args:
        demand: whole units a day, shape (items, days).
        rule: see `policies`.
        setup: what it is tried under.

    Returns:
        What happened in the measured days.

    Raises:
        InvalidInput: where fewer than eight weeks lie before the measured days.
    """
    before = demand.shape[1] - setup.measure_days
    require("measure_days", "too_high", np.asarray(before >= 56))  # noqa: PLR2004 - eight weeks
    learn = max(28, before - 4 * (setup.lead_time + setup.review_period))
    terms = Terms("lost", review_period=setup.review_period, review_offset=learn % setup.review_period)
    return replay(demand, Reestimated(rule, learn=learn), setup.lead_time, terms, measure_from=before)


def nominal(
    demand: Units, prices: Prices, setup: Setup, rng: np.random.Generator, draws: int = 200
) -> list[dict[str, Any]]:
    """Every formula at the wanted target, with intervals over items.

    Args:
        demand: whole units a day, shape (items, days).
        prices: of the items.
        setup: what the formulas are tried under.
        rng: source of randomness of the intervals.
        draws: samples of items.

    Returns:
        A row a formula: policy, and each figure of `outcome.NAMES` with its `_low` and `_high`.
    """
    rows = []
    for name, recipe in recipes(setup).items():
        found = intervals(run_rule(demand, recipe(setup.target), setup), prices, rng=rng, draws=draws)
        row: dict[str, Any] = {"policy": name}
        for figure, told in found.items():
            row |= {figure: told.value, f"{figure}_low": told.low, f"{figure}_high": told.high}
        rows.append(row)
    return rows


def target_for(demand: Units, recipe: RecipeAt, prices: Prices, setup: Setup, rounds: int = 8) -> float | None:
    """The target at which a formula reaches the wanted fill rate by value; None where .9995 does not.

    Args:
        demand: whole units a day, shape (items, days).
        recipe: the formula.
        prices: of the items.
        setup: the wanted fill rate and terms.
        rounds: halvings of the interval; eight leave a 256th of it.
    """

    def reached(target: float) -> float:
        return figures(run_rule(demand, recipe(target), setup), prices)["fill_value"]

    low, high = 0.3, 0.9995
    if reached(high) < setup.target:
        return None
    for _ in range(rounds):
        middle = _between(low, high)
        low, high = (low, middle) if reached(middle) >= setup.target else (middle, high)
    return high


def _between(low: float, high: float) -> float:
    """Middle of two targets in log odds, because the last points of service are the dear ones."""
    odds: FloatArray = np.log(np.array([low, high]) / (1 - np.array([low, high])))
    return float(1 / (1 + np.exp(-odds.mean())))
