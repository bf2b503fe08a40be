"""Gold into demand as forecasts take it: units of every item and location by day, as far as they tell about demand.

A day under way looks like little demand, so the last day is one that is over everywhere. Days without stock are taken
care of where stock is known; days that people marked as outliers are left out with `left_out`. Not here: forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY
from inventory_assets.forecast.censoring import marks, stockout_days, unconstrained
from inventory_assets.forecast.locations import totals
from inventory_assets.forecast.series import Panel, panel
from inventory_assets.lakehouse.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]

DEMAND_SOURCES = (DAILY_INVENTORY_SUMMARY, DAILY_INVENTORY_SNAPSHOT)
PAIR = ("product_sku", "location_id")


@dataclass(frozen=True, slots=True)
class Demand:
    """What is known of demand.

    Attributes:
        pairs: demand of item × location, with days without stock taken care of.
        items: demand of the items, in the order of their first pair.
        item: row in `items` of each pair.
        price: revenue ÷ units sold of each item.
    """

    pairs: Panel
    items: Panel
    item: NDArray[np.intp]
    price: FloatArray

    def until(self, last: int) -> Demand:
        """What was known at the end of the day of a column, save for prices."""
        pairs = replace(self.pairs, units=self.pairs.units[:, : last + 1])
        return replace(self, pairs=pairs, items=replace(self.items, units=totals(pairs.units, self.item)))


def daily_sales(lake: Lake, pins: Mapping[str, int], today: date) -> pl.DataFrame:
    """What was asked for on each day before today: product_sku, location_id, day, units, sold, revenue."""
    day = pl.col("transaction_date")
    return (
        lake.scan(DAILY_INVENTORY_SUMMARY, pins.get(DAILY_INVENTORY_SUMMARY.path))
        .filter(day < today)
        .select(
            "product_sku",
            pl.col("store_id").alias("location_id"),
            day.alias("day"),
            pl.col("demand_quantity").alias("units"),
            pl.col("total_quantity_sold").alias("sold"),
            pl.col("total_revenue").cast(pl.Float64).alias("revenue"),
        )
        .collect()
    )


def known_demand(lake: Lake, pins: Mapping[str, int], settings: ForecastSettings, today: date) -> Demand | None:
    """Demand up to the last day that is over, None without any.

    Args:
        lake: where gold is.
        pins: versions to read.
        settings: how much history.
        today: UTC day of the computation; demand of this day and later ones is not complete.
    """
    rows = daily_sales(lake, pins, today)
    if rows.filter(pl.col("units") > 0).is_empty():
        return None
    first, last = rows.select(pl.col("day").min().alias("first"), pl.col("day").max().alias("last")).row(0)
    pairs = panel(rows, PAIR, max(first, last - timedelta(days=settings.history_days - 1)), last)
    if not len(pairs.units):
        return None
    snapshot = lake.scan(DAILY_INVENTORY_SNAPSHOT, pins.get(DAILY_INVENTORY_SNAPSHOT.path)).collect()
    empty_days, ran_out = marks(pairs, stockout_days(snapshot, last))
    pairs = replace(pairs, units=unconstrained(pairs.units, empty_days, ran_out))
    names = pairs.keys.select("product_sku").unique(maintain_order=True)
    numbered = pairs.keys.join(names.with_row_index("_item"), on="product_sku", how="left", maintain_order="left")
    item = numbered["_item"].to_numpy().astype(np.intp)
    prices = rows.group_by("product_sku").agg(pl.col("revenue").sum() / pl.col("sold").sum().clip(lower_bound=1))
    price = names.join(prices, on="product_sku", how="left", maintain_order="left")["revenue"].to_numpy()
    return Demand(pairs, Panel(names, pairs.first_day, totals(pairs.units, item)), item, price)


def left_out(demand: Demand, outliers: pl.DataFrame) -> Demand:
    """Demand without the days that people marked as outliers: they tell nothing, they are not 0.

    Args:
        demand: what is known.
        outliers: product_sku, location_id (null: at every location), day.
    """
    units = outlying(demand.pairs, outliers)
    if not units.any():
        return demand
    pairs = replace(demand.pairs, units=np.where(units, np.nan, demand.pairs.units))
    items = replace(demand.items, units=totals(pairs.units, demand.item))
    return replace(demand, pairs=pairs, items=items)


def outlying(pairs: Panel, outliers: pl.DataFrame) -> NDArray[np.bool_]:
    """Which days of the pairs are marked, shape (pairs, days)."""
    found = np.zeros(pairs.units.shape, dtype=bool)
    inside = outliers.filter(pl.col("day").is_between(pairs.first_day, pairs.last_day))
    if inside.is_empty():
        return found
    rows = pairs.keys.with_row_index("_pair")
    here = inside.filter(pl.col("location_id").is_not_null()).join(rows, on=PAIR)
    everywhere = inside.filter(pl.col("location_id").is_null()).drop("location_id").join(rows, on="product_sku")
    for marked in (here, everywhere):
        found[marked["_pair"].to_numpy(), (marked["day"] - pairs.first_day).dt.total_days().to_numpy()] = True
    return found
