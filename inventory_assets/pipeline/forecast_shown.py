"""Pictures of the newest forecast as Markdown: a fan of the largest items, accuracy by class."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from inventory_assets.contracts.forecast import FORECAST_ACCURACY, ITEM_DEMAND_FORECAST
from inventory_assets.contracts.gold import PRODUCT_PERFORMANCE
from inventory_assets.forecast.pictures import as_markdown, bars, fan_chart
from inventory_assets.lakehouse.lake import Lake

FANS = 3
"""Items that are drawn: those of which most is expected."""
PAST_DAYS = 84


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
