"""Which model forecasts a class of items: the one that forecast all items of the class best before.

Picking the best past model item by item chases noise: it lost 2.8 % to any fixed model (docs/forecasting.md). So
evidence is pooled over the items of a class and several origins, the default stays unless another model was clearly
better and nearly always, and no class is given a model that was more than 1 % worse than plain exponential smoothing
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.forecast.learned import LEARNED
from inventory_assets.forecast.models import CANDIDATES, DEFAULT, SES
from inventory_assets.forecast.series import NEW_BELOW_DAYS
from inventory_assets.replenishment.classification import demand_patterns, pattern_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

CLEARLY = 0.005
"""Share by which a model must have been better than the default to take its place."""
GATE = 0.01
"""Share by which the chosen model may have been worse than exponential smoothing."""
STEADILY = 0.75
"""Share of origins at which it must have been the better one."""
FEWEST_CASES = 30
"""Series × origins below which a class has no evidence of its own and follows all items."""
NEW, DEAD, ALL = "new", "dead", "all"


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
    known = evidence.filter(pl.col("rmsse").is_not_nan() & (pl.col("series") > 0))
    standing: dict[str, dict[str, _Standing]] = {}
    for (name, model), rows in known.sort("origin").group_by("class", "model", maintain_order=True):
        by_origin = dict(zip(rows["origin"].to_list(), rows["rmsse"].to_list(), strict=True))
        series = rows["series"].to_numpy()
        mean = float((rows["rmsse"].to_numpy() * series).sum() / series.sum())
        standing.setdefault(str(name), {})[str(model)] = _Standing(mean, by_origin, int(series.sum()))
    whole = _best(standing.get(ALL, {}))
    found = {
        name: _best(models) if max(each.cases for each in models.values()) >= FEWEST_CASES else whole
        for name, models in standing.items()
    }
    return {**found, ALL: whole}


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a model did in a class: mean RMSSE over all cases, that of each origin, and the number of cases."""

    mean: float
    by_origin: dict[int, float]
    cases: int

    def steadily_under(self, other: _Standing) -> bool:
        """Whether it was the better one at three of four origins at least, and clearly so on the whole."""
        both = self.by_origin.keys() & other.by_origin.keys()
        wins = sum(self.by_origin[origin] < other.by_origin[origin] for origin in both)
        return self.mean < other.mean * (1 - CLEARLY) and wins >= STEADILY * len(both)


def _best(models: dict[str, _Standing]) -> str:
    tried = {name: each for name, each in models.items() if name in CANDIDATES or name == LEARNED}
    if not tried:
        return DEFAULT
    best = min(tried, key=lambda name: (tried[name].mean, name))
    if DEFAULT in tried and not tried[best].steadily_under(tried[DEFAULT]):
        best = DEFAULT
    smoothing = models.get(SES)
    return SES if smoothing is not None and tried[best].mean > smoothing.mean * (1 + GATE) else best
