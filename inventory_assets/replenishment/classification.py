"""Which items deserve which care: ABC by value, XYZ by steadiness, and the four demand patterns of Syntetos-Boylan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import FloatArray, checked, require

ABC_CUTS = (0.80, 0.95)
"""Cumulative share of value at which class A ends and class B ends."""
XYZ_CUTS = (0.5, 1.0)
"""Coefficient of variation up to which demand is X and Y."""
INTERVAL_CUT, VARIATION_CUT = 1.32, 0.49
"""Mean interval between demands, and squared variation of their sizes, above which demand is intermittent, erratic."""


@dataclass(frozen=True, slots=True)
class DemandPattern:
    """How demand of an item comes.

    Attributes:
        interval: mean periods from one demand to the next (ADI); nan without demand.
        variation: squared coefficient of variation of the sizes of demands (CV²); nan without demand.
        pattern: "smooth", "erratic", "intermittent", "lumpy", or "none" without demand.
    """

    interval: FloatArray
    variation: FloatArray
    pattern: NDArray[np.str_]


def abc_classes(usage_value: ArrayLike, cuts: tuple[float, float] = ABC_CUTS) -> NDArray[np.str_]:
    """Class A, B or C by share of the value used in a year.

    Items are ranked by value; an item is A while the items before it make up less than 80 % of all value, so the item
    on the boundary belongs to the upper class. Among equal values the earlier row ranks first; items without value are
    C.

    Args:
        usage_value: yearly usage × unit cost, money, 0 or more, shape (items,).
        cuts: cumulative shares at which A and B end.

    Returns:
        "A", "B" or "C" for each item.

    Raises:
        InvalidInput: outside these domains.

    Source: Dickie (1951); requirement R4.
    """
    (value,) = checked(usage_value=usage_value)
    order = np.argsort(-value, kind="stable")
    ranked = value[order]
    total = ranked.sum()
    before = np.concatenate([[0.0], np.cumsum(ranked)[:-1]])
    share = before / total if total > 0 else np.ones_like(before)
    classes = np.full(value.shape, "C", dtype="<U1")
    classes[order] = np.where(ranked <= 0, "C", np.where(share < cuts[0], "A", np.where(share < cuts[1], "B", "C")))
    return classes


def xyz_classes(demand: ArrayLike, cuts: tuple[float, float] = XYZ_CUTS) -> NDArray[np.str_]:
    """Class X, Y or Z by the coefficient of variation of demand a week.

    Args:
        demand: units in each week, 0 or more, shape (items, weeks).
        cuts: coefficients up to which demand is X and Y.

    Returns:
        "X", "Y" or "Z" for each item; without any demand Z.

    Raises:
        InvalidInput: outside these domains.

    Source: requirement R4; deviation divided by the number of weeks.
    """
    (units,) = checked(demand=demand)
    mean = units.mean(axis=-1)
    variation = np.where(mean > 0, units.std(axis=-1) / np.where(mean > 0, mean, 1.0), np.inf)
    return np.where(variation <= cuts[0], "X", np.where(variation <= cuts[1], "Y", "Z"))


def pattern_of(interval: ArrayLike, variation: ArrayLike) -> NDArray[np.str_]:
    """The pattern by its two numbers: each is on the lower side at the cut-off itself.

    Args:
        interval: mean periods between demands, 1 or more; nan without demand.
        variation: squared coefficient of variation of sizes, 0 or more; nan without demand.

    Returns:
        "smooth", "erratic" (sizes vary), "intermittent" (gaps), "lumpy" (both), or "none".

    Source: Syntetos, Boylan & Croston (2005), figure 6.
    """
    gaps, sizes = np.broadcast_arrays(np.asarray(interval, dtype=float), np.asarray(variation, dtype=float))
    rare, varied = gaps > INTERVAL_CUT, sizes > VARIATION_CUT
    patterns = np.where(rare, np.where(varied, "lumpy", "intermittent"), np.where(varied, "erratic", "smooth"))
    return np.where(np.isnan(gaps) | np.isnan(sizes), "none", patterns)


def demand_patterns(demand: ArrayLike) -> DemandPattern:
    """Interval, variation and pattern of each item.

    Args:
        demand: units in each period, 0 or more, shape (items, periods).

    Returns:
        ADI = periods ÷ periods with demand, CV² of the demands above 0 (deviation divided by their number), pattern.

    Raises:
        InvalidInput: outside these domains.

    Source: Syntetos, Boylan & Croston (2005).
    """
    (units,) = checked(demand=demand)
    require("demand", "too_few", np.asarray(units.shape[-1] > 0))
    some = units > 0
    count = some.sum(axis=-1)
    known = np.where(count > 0, count, np.nan)
    mean = units.sum(axis=-1) / known
    variance = (np.where(some, units - mean[..., None], 0) ** 2).sum(axis=-1) / known
    interval, variation = units.shape[-1] / known, variance / mean**2
    return DemandPattern(interval, variation, pattern_of(interval, variation))
