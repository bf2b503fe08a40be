"""Daily demand of every item at every location as one dense array: what statistics, classes and back-tests are made of.

Demand is sales less those cancelled. A warehouse sells nothing: what it ships to other locations and issues is its
demand. A day before the first demand of a pair says nothing (the item was not there yet); a later day without a sale is
0. Stock-outs are not censored here: the forecasts do that where the stock basis is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory_assets.replenishment.domain import FloatArray

PAIR = ("product_sku", "location_id")
SHIPPED = ("transfer_out", "issue")
"""Kinds of movements that are the demand of a warehouse."""


@dataclass(frozen=True, slots=True)
class History:
    """Demand by pair and day.

    Attributes:
        pairs: product_sku, location_id and last_demand_day, sorted; row i of the array is pair i.
        first_day: day of column 0.
        demand: units, shape (pairs, days); nan where a day says nothing.
    """

    pairs: pl.DataFrame
    first_day: date
    demand: FloatArray

    @property
    def last_day(self) -> date:
        """Day of the last column."""
        return self.first_day + timedelta(days=self.demand.shape[1] - 1)

    @property
    def units(self) -> FloatArray:
        """Demand with 0 for days that say nothing."""
        return np.nan_to_num(self.demand, nan=0.0)


def daily_demand(summary: pl.DataFrame, movements: pl.DataFrame, locations: pl.DataFrame) -> pl.DataFrame:
    """Demand by pair and day: product_sku, location_id, day, units.

    Args:
        summary: `gold/daily_inventory_summary` (store_id, product_sku, transaction_date, demand_quantity).
        movements: `silver/stock_movements` (kind, product_sku, location_id, quantity, event_date).
        locations: current `silver/locations` (location_id, location_type).
    """
    sold = summary.select(
        "product_sku", location_id="store_id", day="transaction_date", units=pl.col("demand_quantity")
    )
    warehouses = locations.filter(pl.col("location_type") == "warehouse").select("location_id")
    shipped = (
        movements.filter(pl.col("kind").is_in(SHIPPED))
        .join(warehouses, on="location_id", how="semi")
        .select("product_sku", "location_id", day="event_date", units=-pl.col("quantity"))
    )
    both = pl.concat([sold, shipped]).filter(pl.col("day").is_not_null())
    return both.group_by(*PAIR, "day").agg(pl.col("units").sum()).sort(*PAIR, "day")


def history(daily: pl.DataFrame, last_day: date, days: int, outliers: pl.DataFrame | None = None) -> History | None:
    """The last days of every pair that ever had demand; None without any.

    Args:
        daily: rows of `daily_demand`.
        last_day: last column.
        days: columns at most; fewer where the data begin later.
        outliers: product_sku, location_id (null: every location), day: days that say nothing.
    """
    told = daily.filter(pl.col("day") <= last_day)
    some = told.filter(pl.col("units") > 0)
    if some.is_empty():
        return None
    ends = some.group_by(PAIR).agg(first=pl.col("day").min(), last_demand_day=pl.col("day").max()).sort(PAIR)
    begin: date = max(some["day"].min(), last_day - timedelta(days=days - 1))  # type: ignore[type-var,assignment]
    width = (last_day - begin).days + 1
    pairs = ends.with_row_index("row")
    inside = told.filter(pl.col("day") >= begin).join(pairs.select("row", *PAIR), on=PAIR)
    array = np.zeros((pairs.height, width))
    array[inside["row"].to_numpy(), _columns(inside["day"], begin)] = inside["units"].to_numpy()
    launched = _columns(pairs["first"], begin)
    array[np.arange(width)[None, :] < launched[:, None]] = np.nan
    if outliers is not None and outliers.height:
        for row, day in _marked(pairs, outliers, begin, last_day):
            array[row, (day - begin).days] = np.nan
    return History(pairs.select(*PAIR, "last_demand_day"), begin, array)


def _columns(days: pl.Series, begin: date) -> NDArray[np.int64]:
    return days.to_physical().to_numpy().astype(np.int64) - pl.Series([begin]).to_physical()[0]


def _marked(pairs: pl.DataFrame, outliers: pl.DataFrame, begin: date, last_day: date) -> list[tuple[int, date]]:
    inside = outliers.filter(pl.col("day").is_between(begin, last_day))
    here = inside.filter(pl.col("location_id").is_not_null()).join(pairs, on=PAIR)
    everywhere = inside.filter(pl.col("location_id").is_null()).drop("location_id").join(pairs, on="product_sku")
    return [*here.select("row", "day").rows(), *everywhere.select("row", "day").rows()]


def weekly(units: FloatArray, weeks: int = 52) -> FloatArray:
    """Units of the last whole weeks, shape (pairs, weeks); fewer weeks where the history is shorter, at least one."""
    whole = min(weeks, units.shape[1] // 7)
    if whole == 0:
        return units.sum(axis=1, keepdims=True)
    return units[:, -7 * whole :].reshape(len(units), whole, 7).sum(axis=2)
