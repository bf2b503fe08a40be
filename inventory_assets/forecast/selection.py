"""Which model forecasts a class of items: the one that forecast all items of the class best before.

Picking the best past model item by item chases noise: it lost 2.8 % to any fixed model (docs/forecasting.md). So
evidence is pooled over the items of a class and several origins, the default stays unless another model was clearly
better, and no class is given a model that was more than 1 % worse than plain exponential smoothing there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.forecast.models import CANDIDATES, DEFAULT, SES
from inventory_assets.replenishment.classification import demand_patterns, pattern_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

CLEARLY = 0.005
"""Share by which a model must have been better than the default to take its place."""
GATE = 0.01
"""Share by which the chosen model may have been worse than exponential smoothing."""
FEWEST_SERIES = 30
"""Series × origins below which a class has no evidence of its own and follows all items."""
NEW, DEAD, ALL = "new", "dead", "all"
NEW_BELOW_DAYS = 28
"""Observed days below which an item is new: it has no pattern yet."""


def classes(units: FloatArray, alive: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Class of each series: its Syntetos-Boylan pattern, or "new", or "dead".

    Args:
        units: demand, shape (series, days), nan where not observed.
        alive: whether it still has demand.
    """
    found = np.empty(len(units), dtype="<U12")
    seen = ~np.isnan(units)
    observed = seen.sum(axis=1)
    plain = demand_patterns(np.nan_to_num(units))
    interval = plain.interval * observed / units.shape[1]  # over the days observed, not over those before launch too
    found[:] = pattern_of(interval, plain.variation)
    found[observed < NEW_BELOW_DAYS] = NEW
    found[~alive] = DEAD
    return found


def choose(evidence: pl.DataFrame) -> dict[str, str]:
    """Model of each class.

    Args:
        evidence: rows of class × model × origin with `rmsse`, the mean over the series, and `series`, their number.
            The class "all" holds every series. Models that are no candidates are only compared with.

    Returns:
        Name of a candidate, or of exponential smoothing where the gate refuses every candidate, by class; always with
        the class "all".
    """
    means = (
        evidence.filter(pl.col("rmsse").is_not_nan() & (pl.col("series") > 0))
        .group_by("class", "model")
        .agg(
            (pl.col("rmsse") * pl.col("series")).sum() / pl.col("series").sum(),
            pl.col("series").sum(),
        )
    )
    by_class: dict[str, dict[str, float]] = {}
    cases: dict[str, int] = {}
    for name, model, rmsse, series in means.select("class", "model", "rmsse", "series").iter_rows():
        by_class.setdefault(name, {})[model] = rmsse
        cases[name] = max(series, cases.get(name, 0))
    whole = _best(by_class.get(ALL, {}))
    enough = {name: scores for name, scores in by_class.items() if cases[name] >= FEWEST_SERIES}
    return {**dict.fromkeys(by_class, whole), **{name: _best(scores) for name, scores in enough.items()}, ALL: whole}


def _best(scores: dict[str, float]) -> str:
    tried = {name: score for name, score in scores.items() if name in CANDIDATES}
    if not tried:
        return DEFAULT
    best = min(tried, key=lambda name: (tried[name], name))
    if DEFAULT in tried and tried[best] >= tried[DEFAULT] * (1 - CLEARLY):
        best = DEFAULT
    return SES if tried[best] > scores.get(SES, np.inf) * (1 + GATE) else best
