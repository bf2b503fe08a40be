"""Demand behind sales that an empty shelf cut short.

On a day that began without stock nothing could be sold: it is missing. On a day whose stock ran out, demand was *at
least* what was sold. Leaving such days out would lose the busiest ones, and taking sales for demand would lose what
was not sold; both feed back into smaller orders (Nahmias 1994). Demand of such a day is therefore the expected demand
given that it was at least that much, by the product-limit estimate of Kaplan and Meier (1958) of the item's own days.
It assumes that the stock a day begins with does not depend on that day's demand.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from inventory_assets.forecast.series import Panel

    FloatArray = NDArray[np.float64]

UNKNOWN = "unknown"
"""The stock basis by which no day out of stock can be told."""


def stockout_days(snapshot: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """Days without stock, from the days on which stock changed.

    A book below 0 is an error of the record: goods were there that it does not know. Such days cut nothing short.

    Args:
        snapshot: rows of `gold/daily_inventory_snapshot`.
        last_day: last day to tell.

    Returns:
        `product_sku`, `location_id`, `day`, and whether it was `empty` from its beginning on; otherwise it ran out.
    """
    pair = ["product_sku", "location_id"]
    next_change = pl.col("event_date").shift(-1).over(pair)
    ends = (next_change - timedelta(days=1)).fill_null(last_day).clip(upper_bound=last_day)
    stood_empty = (pl.col("opening_book").fill_null(0) <= 0) & (pl.col("received") + pl.col("returned") == 0)
    return (
        snapshot.sort(*pair, "event_date")
        .with_columns(ends.alias("_end"))
        .filter((pl.col("closing_book") == 0) & (pl.col("stock_basis") != UNKNOWN), pl.col("event_date") <= last_day)
        .select(*pair, "event_date", stood_empty.alias("_stood"), day=pl.date_ranges("event_date", "_end"))
        .explode("day")
        .select(*pair, "day", ((pl.col("day") > pl.col("event_date")) | pl.col("_stood")).alias("empty"))
    )


def marks(found: Panel, days: pl.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Days without stock as masks over a panel: those empty from the beginning, and those that ran out."""
    rows = (
        days.filter(pl.col("day").is_between(found.first_day, found.last_day))
        .join(found.keys.with_row_index("_series"), on=found.keys.columns, how="inner")
        .with_columns((pl.col("day") - found.first_day).dt.total_days().alias("_column"))
    )
    empty, ran_out = np.zeros(found.units.shape, dtype=bool), np.zeros(found.units.shape, dtype=bool)
    for mask, part in ((empty, rows.filter("empty")), (ran_out, rows.filter(~pl.col("empty")))):
        mask[part["_series"].to_numpy(), part["_column"].to_numpy()] = True
    return empty, ran_out


def unconstrained(units: FloatArray, empty: NDArray[np.bool_], ran_out: NDArray[np.bool_]) -> FloatArray:
    """Demand with days without stock missing, and days that ran out at their expected demand.

    Args:
        units: units sold, shape (series, days), nan where not observed.
        empty: days that had no stock from their beginning on, same shape.
        ran_out: days that began with stock and ended without, same shape.

    Returns:
        Demand, same shape; a day that ran out is never below what was sold on it.
    """
    found = np.where(empty & ~(units > 0), np.nan, units)
    cut = (ran_out | (empty & (units > 0))) & ~np.isnan(found)
    for row in np.flatnonzero(cut.any(axis=1)):
        known = ~np.isnan(found[row])
        found[row, cut[row]] = expected_beyond(found[row, known & ~cut[row]], found[row, cut[row]])
    return found


def expected_beyond(complete: FloatArray, least: FloatArray) -> FloatArray:
    """E[D | D ≥ c] for each lower bound c, from complete observations and the lower bounds themselves.

    Where the largest bounds lie beyond every complete observation, demand above them is taken to fall off
    geometrically, by the mean of the complete observations.

    Args:
        complete: demand of days that were not cut short, shape (n,).
        least: lower bounds of the others, shape (m,).

    Returns:
        Expected demand, shape (m,); the bounds themselves without any complete observation.
    """
    if not len(complete):
        return least.copy()
    values, events = np.unique(complete, return_counts=True)
    bounds = np.sort(least)
    at_risk = np.cumsum(events[::-1])[::-1] + len(bounds) - np.searchsorted(bounds, values, side="right")
    beyond = np.cumprod(1 - events / at_risk)
    """P(D > v) at each value seen."""
    survival = np.concatenate([[1.0], beyond])
    gaps = np.diff(np.concatenate([[0.0], values]))
    tail = survival[-1] * max(complete.mean(), 1.0)
    above = np.concatenate([np.cumsum((survival[:-1] * gaps)[::-1])[::-1], [0.0]]) + tail
    """∫ P(D > x) dx from the value before each one seen on."""
    place = np.searchsorted(values, least, side="left")
    within = np.where(place < len(values), values[np.minimum(place, len(values) - 1)] - least, 0.0)
    share = survival[place]
    rest = np.where(place < len(values), above[np.minimum(place + 1, len(values))], tail)
    excess = np.divide(share * within + rest, share, out=np.zeros_like(least), where=share > 0)
    return least + excess
