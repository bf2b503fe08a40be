"""On which days which override of demand held for which pair: pure functions over the settings.

The order of precedence is that of `parameters.resolved`, day by day instead of today. Classes and suppliers are those
of today: nobody keeps which class an item had. Invariant: a day of a pair belongs to one override at most.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory_assets.contracts.parameters import SCOPES
from inventory_assets.replenishment.parameters import PLACE

NONE = -1


def override_spans(history: pl.DataFrame) -> pl.DataFrame:
    """The days each override of demand was in force.

    Args:
        history: rows of `replenishment/planning_parameters`.

    Returns:
        Its settings with `level` (units a day), `valid_from` and `valid_until` (null: it still holds); without those
        that were overruled on the day they were set.
    """
    told = history.filter(pl.col("name") == "demand_override").sort("set_at", "parameter_id")
    overruled = pl.col("set_at").shift(-1).over(PLACE).dt.date() - pl.duration(days=1)
    return (
        told.with_columns(
            level=pl.col("value").cast(pl.Float64),
            valid_from=pl.col("set_at").dt.date(),
            valid_until=pl.min_horizontal("valid_until", overruled),
        )
        .filter(
            pl.col("level").is_not_null(),
            pl.col("valid_until").is_null() | (pl.col("valid_until") >= pl.col("valid_from")),
        )
        .drop("value", "name", "set_at")
    )


def holding(spans: pl.DataFrame, pairs: pl.DataFrame, first_day: date, days: int) -> NDArray[np.int32]:
    """Which override held for each pair on each day.

    Args:
        spans: rows of `override_spans`.
        pairs: product_sku, location_id, supplier_id, abc, xyz; the last three null where unknown.
        first_day: day of column 0.
        days: number of days.

    Returns:
        Row of the span, −1 without one; shape (pairs, days).
    """
    found = np.full((pairs.height, days), NONE, dtype=np.int32)
    told = list(enumerate(spans.to_dicts()))
    for number, span in sorted(told, key=lambda each: _breadth(each[1]), reverse=True):
        begin = max((span["valid_from"] - first_day).days, 0)
        end = days if span["valid_until"] is None else (span["valid_until"] - first_day).days + 1
        if begin < end:
            found[_covered(span, pairs), begin : max(end, 0)] = number
    return found


def _breadth(span: dict) -> tuple[int, int, bool]:
    """How broad a scope is: the narrowest of those that cover a pair decides; AX is narrower than A."""
    letters = len(span["scope_value"]) if span["scope"] == "class" else 0
    return SCOPES.index(span["scope"]), -letters, span["location_id"] is None


def _covered(span: dict, pairs: pl.DataFrame) -> NDArray[np.bool_]:
    value = pl.lit(span["scope_value"])
    inside = {
        "item": pl.col("product_sku") == value,
        "class": (pl.col("abc") == value) | (pl.col("abc") + pl.col("xyz") == value),
        "supplier": pl.col("supplier_id") == value,
        "default": pl.lit(value=True),
    }[span["scope"]]
    if span["location_id"] is not None:
        inside = inside & (pl.col("location_id") == span["location_id"])
    return pairs.with_columns(_inside=inside.fill_null(value=False))["_inside"].to_numpy()
