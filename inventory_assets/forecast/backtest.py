"""Rolling-origin backtest: every model at past origins, scored against what came, by class.

At an origin a model sees the days up to it. Classes are those at the origin. Measures are defined in `metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.forecast import metrics
from inventory_assets.forecast.learned import LEARNED, learned_paths
from inventory_assets.forecast.models import CANDIDATES, PLAIN, alive, candidate_paths, history
from inventory_assets.forecast.selection import ALL, classes
from inventory_assets.forecast.series import observed_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LEAD_DAYS = 14
"""Days whose sum is scored beside single days: a lead time and a review."""
LEAST_DAYS = 56
"""Days a series must have been observed before an origin to be scored there."""
WINDOWS = 4
"""Windows of past days, each as long as the horizon, on which models are compared."""
MEASURES = ("mase", "rmsse", "nrmse", "wape", "lead_wape", "bias", "value_rmsse", "value_bias")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is known at an origin, and what came after it, of the series that are scored there.

    Attributes:
        origin: column of the origin.
        rows: series that are scored.
        known: their demand up to the origin.
        came: their demand after it, days not observed as nan.
        groups: class of each.
        value: weight of each: units of the last 28 days × price.
        price: price of each.
    """

    origin: int
    rows: NDArray[np.intp]
    known: FloatArray
    came: FloatArray
    groups: NDArray[np.str_]
    value: FloatArray
    price: FloatArray


def past_windows(days: int, horizon: int, windows: int, least: int = LEAST_DAYS) -> list[int]:
    """Columns of the origins of `windows` windows of `horizon` days that follow each other up to the last day."""
    found = [days - 1 - horizon * (number + 1) for number in range(windows)]
    return [origin for origin in reversed(found) if origin + 1 >= least]


def cut(
    units: FloatArray, origin: int, horizon: int, price: FloatArray, wanted: NDArray[np.bool_] | None = None
) -> Cut:
    """Split demand at an origin.

    Args:
        units: demand, shape (series, days), nan where not observed.
        origin: column of the origin.
        horizon: days after it.
        price: price of each series, money a unit.
        wanted: which series; by default those observed for `LEAST_DAYS` and alive.
    """
    known = units[:, : origin + 1]
    scored = (observed_days(known) >= LEAST_DAYS) & alive(known) if wanted is None else wanted
    rows = np.flatnonzero(scored)
    known = known[rows]
    value = np.nan_to_num(known[:, -28:]).sum(axis=1) * price[rows]
    came = units[rows, origin + 1 : origin + 1 + horizon]
    return Cut(origin, rows, known, came, classes(known, alive(known)), value, price[rows])


def forecasts(made: Cut, horizon: int, models: Sequence[str]) -> dict[str, FloatArray]:
    """Forecasts of the models at a cut, each of shape (series, horizon)."""
    candidates = [name for name in models if name in CANDIDATES]
    found = {name: PLAIN[name](made.known, made.origin, horizon) for name in models if name in PLAIN}
    if candidates:
        paths = candidate_paths(history(made.known), [made.origin], horizon, candidates)
        found |= {name: paths[name][0] for name in candidates}
    if LEARNED in models:
        (found[LEARNED],) = learned_paths(made.known, [made.origin], horizon)
    return found


def scores(made: Cut, forecast: Mapping[str, FloatArray]) -> pl.DataFrame:
    """Measures of forecasts by class and model.

    Args:
        made: the cut.
        forecast: by name of the model, shape (series, horizon).

    Returns:
        One row for each class, and "all", and model: `origin`, `series` and the `MEASURES`.
    """
    absolute, squared = metrics.naive_absolute_scale(made.known), metrics.naive_squared_scale(made.known)
    seen = ~np.isnan(made.known)
    mean = np.where(seen, made.known, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    groups = {name: made.groups == name for name in np.unique(made.groups).tolist()}
    rows = []
    for model, path in forecast.items():
        mase, rmsse = metrics.mase(made.came, path, absolute), metrics.rmsse(made.came, path, squared)
        nrmse = metrics.normalised_rmse(made.came, path, mean)
        expected = np.where(np.isnan(made.came), np.nan, path)
        ahead = [np.nansum(each[:, :LEAD_DAYS], axis=1, keepdims=True) for each in (made.came, expected)]
        for name, inside in {**groups, ALL: np.ones(len(made.rows), dtype=bool)}.items():
            came, path_ = made.came[inside], expected[inside]
            rows.append(
                {
                    "class": name, "model": model, "origin": made.origin, "series": int(inside.sum()),
                    "mase": _known_mean(mase[inside]), "rmsse": _known_mean(rmsse[inside]),
                    "nrmse": _known_mean(nrmse[inside]), "wape": metrics.wape(came, path_),
                    "lead_wape": metrics.wape(ahead[0][inside], ahead[1][inside]),
                    "bias": metrics.bias(came, path_),
                    "value_rmsse": metrics.weighted(rmsse[inside], made.value[inside]),
                    "value_bias": metrics.bias(came, path_, made.price[inside]),
                }
            )  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA)


def backtest(
    units: FloatArray, origins: Sequence[int], horizon: int, models: Sequence[str], price: FloatArray
) -> pl.DataFrame:
    """Scores of models at several origins; see `scores`."""
    found = [pl.DataFrame(schema=_SCHEMA)]
    for origin in origins:
        made = cut(units, origin, horizon, price)
        if len(made.rows):
            found.append(scores(made, forecasts(made, horizon, models)))
    return pl.concat(found)


def summarised(evidence: pl.DataFrame) -> pl.DataFrame:
    """Mean of each measure over the origins, by class and model; origins count by their number of series."""
    weight = pl.col("series")
    return (
        evidence.group_by("class", "model")
        .agg(
            *(
                (pl.col(name).fill_nan(None) * weight).sum() / weight.filter(pl.col(name).is_not_nan()).sum()
                for name in MEASURES
            ),
            pl.col("origin").n_unique().cast(pl.Int64).alias("origins"),
            weight.sum().alias("cases"),
        )
        .sort("class", "model")
    )


_SCHEMA = {
    "class": pl.String, "model": pl.String, "origin": pl.Int64, "series": pl.Int64,
    **dict.fromkeys(MEASURES, pl.Float64),
}  # fmt: skip


def _known_mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
