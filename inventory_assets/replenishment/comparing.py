"""Policies side by side on the same demand: what each would have reached, and what it would have cost.

All of them see the same days, re-estimate once a week from the past alone, lose what they cannot deliver, and are
measured over the same last days, and held at the wanted target as people use them. Comparing what they need for the
fill they reached is `equal_fill`.
Invariant: the comparison names the service it means, and shows formulas that lose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from inventory_assets.replenishment.demand_statistics import smoothed_statistics, trailing_statistics
from inventory_assets.replenishment.domain import require
from inventory_assets.replenishment.outcome import Prices, intervals
from inventory_assets.replenishment.policies import Reestimated, Rule, forecast_error, remembered, seed, textbook
from inventory_assets.replenishment.replay import Run, Terms, Units, replay

SEED, TEXTBOOK = "seed: mean·L + z·σ·√L", "textbook: mean·(L+R) + z·σ·√(L+R)"
OURS, OURS_BY_CYCLE = "forecast errors, fill rate", "forecast errors, cycle service"
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
        lead_time_sd: days, what the formulas that know of it are told.
    """

    lead_time: float = 7
    review_period: int = 7
    target: float = 0.95
    measure_days: int = 182
    lead_time_sd: float = 0.0


def recipes(setup: Setup) -> dict[str, RecipeAt]:
    """The formulas that are compared, by name; for one history of demand, whose statistics they keep."""
    from scipy import special

    lead, review, spread = setup.lead_time, setup.review_period, setup.lead_time_sd
    plain, smooth = remembered(trailing_statistics), remembered(smoothed_statistics)
    return {
        SEED: lambda target: seed(lead, float(special.ndtri(target)), None, plain),
        TEXTBOOK: lambda target: textbook(lead, review, float(special.ndtri(target)), None, plain),
        "textbook, last 90 days": lambda target: textbook(lead, review, float(special.ndtri(target)), 90, plain),
        OURS: lambda target: forecast_error(lead, review, target, spread, "fill_rate", smooth),
        OURS_BY_CYCLE: lambda target: forecast_error(lead, review, target, spread, "cycle_service", smooth),
    }


def run_rule(demand: Units, rule: Rule, setup: Setup, lead_times: ArrayLike | None = None) -> Run:
    """Replay one rule.

    Args:
        demand: whole units a day, shape (items, days).
        rule: see `policies`.
        setup: what it is tried under.
        lead_times: whole days of each order where they differ from the setup's; see `replay`.

    Returns:
        What happened in the measured days.

    Raises:
        InvalidInput: where fewer than eight weeks lie before the measured days.
    """
    before = demand.shape[1] - setup.measure_days
    require("measure_days", "too_high", np.asarray(before >= 56))  # noqa: PLR2004 - eight weeks
    learn = max(28, before - 4 * ceil(setup.lead_time + setup.review_period))
    lead = setup.lead_time if lead_times is None else lead_times
    terms = Terms("lost", review_period=setup.review_period, review_offset=learn % setup.review_period)
    return replay(demand, Reestimated(rule, learn=learn), lead, terms, measure_from=before)


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
