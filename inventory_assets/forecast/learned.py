"""One model over all items: boosted trees on what was sold lately (requirement F2), where `lightgbm` is installed.

It is a candidate like the others: it forecasts a class only where it was clearly and steadily better on past
windows. What it knows of a series at an origin: demand of the last day, of the same weekday one and two weeks
before, its mean and share of days with demand over 30 days, its mean over all days, and of the day ahead its weekday
and distance. All in units of the series' own mean, so that slow and fast items teach each other. Each day ahead is
forecast from the origin itself, not from forecasts of the days between: fed with means instead of lumps, trees that
learned from lumps drift. Invariant: at an origin it is fitted to days up to it; the same demand gives the same
forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

LEARNED = "boosted trees"
PACKAGE = "lightgbm"
WEEK, RECENT = 7, 30
SPACING, LONGEST_PAST = 4, 400
"""Days between the origins that are learned from, and how far back they go."""
MOST_ROWS = 200_000
FEWEST_ROWS = 500
"""Rows below which nothing is learned: the forecast is the mean of 30 days."""
ORIGINS_A_FIT = 9
"""Past origins that share a fit; it knows the days up to the oldest of them."""
OPTIONS = {
    "objective": "tweedie", "tweedie_variance_power": 1.2, "learning_rate": 0.08, "num_leaves": 15,
    "min_data_in_leaf": 100, "lambda_l2": 1.0, "deterministic": True, "force_row_wise": True, "seed": 7,
    "verbosity": -1, "num_threads": 1,
}  # fmt: skip
ROUNDS = 120


class LearnedModelMissingError(RuntimeError):
    """The learned model was asked for and its library is not there."""


def learned_model(wanted: str) -> tuple[str, ...]:
    """The candidate that takes part: none or this one.

    Args:
        wanted: "auto" takes it where its library is installed, "on" insists, "off" never.

    Raises:
        LearnedModelMissingError: it is insisted on and not installed.
    """
    installed = find_spec(PACKAGE) is not None
    if wanted == "on" and not installed:
        raise LearnedModelMissingError(
            f"INVENTORY_FORECAST__LEARNED_MODEL=on needs the package {PACKAGE}, which is not installed; install the "
            "extra with `pip install 'inventory-assets[lightgbm]'`, or set it to auto or off"
        )
    return (LEARNED,) if installed and wanted != "off" else ()


def learned_paths(units: FloatArray, at: Sequence[int], horizon: int | Sequence[int]) -> list[FloatArray]:
    """Forecasts at the origins.

    Args:
        units: demand, shape (series, days), nan where not observed.
        at: columns of the origins, oldest first.
        horizon: days ahead; one number, or one for each origin.

    Returns:
        For each origin the expected units of each day ahead, shape (series, horizon).
    """
    ahead = [horizon] * len(at) if isinstance(horizon, int) else list(horizon)
    found = []
    for first in range(0, len(at), ORIGINS_A_FIT):
        group = slice(first, first + ORIGINS_A_FIT)
        longest = max(ahead[group])
        fitted = _fitted(units[:, : at[first] + 1], longest)
        for origin, days in zip(at[group], ahead[group], strict=True):
            found.append(_path(fitted, units[:, : origin + 1], days))
    return found


def _fitted(known: FloatArray, horizon: int) -> Any:  # noqa: ANN401 - a type of the optional library
    """Trees fitted to the days up to the last column; None where there is too little to learn from."""
    import lightgbm  # pyright: ignore[reportMissingImports] - an extra

    last = known.shape[1] - 1
    origins = list(range(last - 1, max(RECENT, last - LONGEST_PAST), -SPACING))
    rows, targets, weights = [], [], []
    random = np.random.default_rng(len(origins) * 1_000 + horizon)
    for origin in origins:
        days = min(horizon, last - origin)
        chosen = np.unique(random.integers(1, days + 1, 2))
        before = known[:, : origin + 1]
        scale, some = _scale(before)
        for day in chosen.tolist():
            came = known[:, origin + day]
            told = some & ~np.isnan(came)
            rows.append(_features(before, scale, day)[told])
            targets.append(came[told] / scale[told])
            weights.append(np.sqrt(scale[told]))
    count = sum(len(each) for each in targets)
    if count < FEWEST_ROWS:
        return None
    kept = np.sort(random.permutation(count)[:MOST_ROWS])
    taught = lightgbm.Dataset(
        np.concatenate(rows)[kept], np.concatenate(targets)[kept], weight=np.concatenate(weights)[kept],
        categorical_feature=[0],
    )  # fmt: skip
    return lightgbm.train(OPTIONS, taught, ROUNDS)


def _path(fitted: Any, known: FloatArray, horizon: int) -> FloatArray:  # noqa: ANN401 - a type of the optional library
    """What is expected on the days after the last column."""
    scale, some = _scale(known)
    if fitted is None:
        mean = np.where(some, _mean(known[:, -RECENT:]), 0.0)
        return np.repeat(mean[:, None], horizon, axis=1)
    told = np.stack([fitted.predict(_features(known, scale, day)) for day in range(1, horizon + 1)], axis=1)
    return np.where(some[:, None], np.maximum(told, 0.0) * scale[:, None], 0.0)


def _features(known: FloatArray, scale: FloatArray, day: int) -> FloatArray:
    """What is known at the last column of the day so many days after it, shape (series, 8)."""
    origin = known.shape[1] - 1
    back = WEEK - (day - 1) % WEEK - 1
    recent = known[:, -RECENT:]
    return np.stack(
        [
            np.full(len(known), (origin + day) % WEEK),
            np.full(len(known), day),
            known[:, -1] / scale,
            known[:, origin - back] / scale,
            known[:, origin - back - WEEK] / scale,
            _mean(recent) / scale,
            _mean(np.where(np.isnan(recent), np.nan, (np.nan_to_num(recent) > 0).astype(float))),
            np.log(scale),
        ],
        axis=1,
    )


def _scale(known: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Mean of each series over the days observed, 1 where it is 0; and where it is not."""
    mean = _mean(known)
    some = mean > 0
    return np.where(some, mean, 1.0), some


def _mean(values: FloatArray) -> FloatArray:
    seen = ~np.isnan(values)
    return np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
