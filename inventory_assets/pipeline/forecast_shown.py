"""The newest forecast as Markdown: fans and parts of the largest items, accuracy by class, what people's word won."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import FORECAST_ACCURACY, FORECAST_DIAGNOSTICS, ITEM_DEMAND_FORECAST
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY, PRODUCT_PERFORMANCE
from inventory_assets.contracts.value_added import FORECAST_VALUE_ADDED
from inventory_assets.forecast.aggregates import decomposed
from inventory_assets.forecast.diagnosis import WEEK
from inventory_assets.forecast.pictures import as_markdown, bars, decomposition, fan_chart
from inventory_assets.forecast.series import panel
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.preview import markdown

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

FANS = 3
"""Items that are drawn: those of which most is expected."""
PAST_DAYS = 84
YEAR_DAYS = 365
LEAST_DECOMPOSED = 2 * WEEK
FEW = 5
"""Settings of which least, and of which most was won, that are listed."""


def fan_shown(lake: Lake) -> str:
    """A fan chart of each of the items of which most is expected."""
    ahead = lake.scan(ITEM_DEMAND_FORECAST).sort("product_sku", "day").collect()
    if ahead.is_empty():
        return "Nothing is forecast yet."
    most = ahead.group_by("product_sku").agg(pl.col("mean").sum()).sort("mean", "product_sku", descending=[True, False])
    return "\n\n".join(_fan(lake, ahead, item) for item in most["product_sku"].head(FANS).to_list())


def accuracy_shown(lake: Lake) -> str:
    """RMSSE of every model by class, the chosen one in the strong colour."""
    rows = lake.scan(FORECAST_ACCURACY).filter(pl.col("rmsse").is_not_null()).sort("class", "rmsse", "model").collect()
    if rows.is_empty():
        return "There is no past long enough to compare models on."
    drawn = []
    for (name,), group in rows.group_by("class", maintain_order=True):
        title = f"RMSSE of {name} items ({group['cases'].max()} cases); lower is better"
        marked = group.filter("is_chosen")["model"].to_list()
        picture = bars(title, group.select("model", "rmsse").rows(), marked[0] if marked else "")
        drawn.append(as_markdown(picture, title))
    return "\n\n".join(drawn)


def decomposition_shown(lake: Lake) -> str:
    """Trend, week and rest of the largest items that were diagnosed, over the last year."""
    wanted = lake.scan(FORECAST_DIAGNOSTICS).filter(pl.col("kind") == "item").select("name", "issued_on").unique()
    items = wanted.sort("name").collect()
    if items.is_empty():
        return "No item has a history long enough to take apart."
    last = items["issued_on"][0]
    days = [last - timedelta(days=number) for number in range(YEAR_DAYS)]
    sold = (
        lake.scan(DAILY_INVENTORY_SUMMARY, days=days)
        .filter(pl.col("product_sku").is_in(items["name"].to_list()))
        .select("product_sku", pl.col("transaction_date").alias("day"), pl.col("demand_quantity").alias("units"))
        .collect()
    )
    series = panel(sold, ("product_sku",), days[-1], last)
    drawn = []
    for (item,), units in zip(series.keys.rows(), series.units, strict=True):
        known = units[~np.isnan(units)]
        if len(known) >= LEAST_DECOMPOSED:
            drawn.append(_taken_apart(item, known, last))
    return "\n\n".join(drawn)


def _taken_apart(item: str, known: NDArray[np.float64], last: date) -> str:
    """A picture of the parts of a series that ends on a day."""
    parts = decomposed(known, WEEK)
    weekday = (np.arange(len(known)) - len(known) + 1 + last.weekday()) % WEEK
    week = [float(parts.season[weekday == place].mean()) for place in range(WEEK)]
    strengths = f"strength of trend {parts.trend_strength:.2f}, of week {parts.season_strength:.2f}"
    title = f"{item}: {len(known)} days up to {last} as trend + week + rest ({strengths})"
    return as_markdown(decomposition(title, known.tolist(), parts.trend.tolist(), week, parts.rest.tolist()), title)


def value_added_shown(lake: Lake) -> str:
    """What overrides and marks were worth in all, and those of which most was won or lost; authors are not shown."""
    rows = lake.scan(FORECAST_VALUE_ADDED).collect()
    if rows.is_empty():
        return "No day of an override or outlier mark has passed yet."
    units = ("demand", "error_without", "error_with", "value_added")
    whole = rows.group_by("kind").agg(
        pl.col("parameter_id").n_unique().alias("settings"), pl.len().alias("series"),
        (pl.col("value_added") > 0).sum().alias("helped"), *(pl.col(name).sum().round(1) for name in units),
    )  # fmt: skip
    ordered = rows.sort("value_added", "parameter_id", "product_sku", "location_id")
    most = pl.concat([ordered.head(FEW), ordered.tail(FEW)]).unique(maintain_order=True)
    named = most.select(
        "kind", "product_sku", "location_id", "reason", "valid_from", "measured_until", "days",
        *(pl.col(name).round(1) for name in units),
    )  # fmt: skip
    says = "Units; value added = error without − error with, above 0 it helped."
    return "\n\n".join([says, markdown(whole.sort("kind")), "Least and most:", markdown(named)])


def _fan(lake: Lake, ahead: pl.DataFrame, item: str) -> str:
    rows = ahead.filter(pl.col("product_sku") == item)
    last = rows["issued_on"][0]
    days = [last - timedelta(days=PAST_DAYS - 1 - number) for number in range(PAST_DAYS)]
    sold = (
        lake.scan(PRODUCT_PERFORMANCE, days=days)
        .filter(pl.col("product_sku") == item)
        .group_by("transaction_date")
        .agg(pl.col("demand_quantity").sum())
        .collect()
    )
    by_day = dict(sold.rows())
    title = f"{item}: demand of {PAST_DAYS} days, expected demand of {rows.height} (band: 10 % to 90 %)"
    past = [float(by_day.get(day, 0)) for day in days]
    figures = (rows[name].to_list() for name in ("mean", "p10", "p90"))
    return as_markdown(fan_chart(title, past, *figures), title)
