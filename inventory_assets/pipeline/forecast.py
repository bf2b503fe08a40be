"""Gold into forecasts: demand by item and location, models by class, what is expected and how far it may be off.

All four tables are written from one pass, each as a whole, by the job of the night. The last day is one that is over
everywhere: a day under way looks like little demand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import (
    CUMULATIVE_DEMAND_FORECAST,
    DEMAND_FORECAST,
    FORECAST,
    FORECAST_ACCURACY,
    ITEM_DEMAND_FORECAST,
)
from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.forecast import metrics
from inventory_assets.forecast.backtest import LEAD_DAYS, backtest, cut, past_windows, summarised
from inventory_assets.forecast.censoring import marks, stockout_days, unconstrained
from inventory_assets.forecast.intervals import LEVELS
from inventory_assets.forecast.issue import Issued, Uncertainty, issue, models_by_class, sum_spread, uncertainty
from inventory_assets.forecast.locations import shares, totals
from inventory_assets.forecast.models import CANDIDATES, SES, alive
from inventory_assets.forecast.selection import ALL, choose, classes
from inventory_assets.forecast.series import Panel, like_items, observed_days, panel
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]

SOURCES = (DAILY_INVENTORY_SUMMARY, DAILY_INVENTORY_SNAPSHOT)
WINDOWS = 4
"""Windows of past days, each as long as the horizon, on which models are compared."""
COMPARED = ("seasonal naive", "mean", "weighted moving average 28", SES, "SBA", "TSB", *CANDIDATES)
"""Models of the accuracy table."""
PAIR = ("product_sku", "location_id")
HIGH = 0.95


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


def refresh_forecast(workspace: Workspace, settings: ForecastSettings, *, anew: bool = False) -> Report:
    """Forecast demand again when sales or stock changed, or `anew`.

    Args:
        workspace: stores and clock.
        settings: horizon, history, like items.
        anew: forecast although nothing changed.
    """
    lake, report = workspace.lake, Report(FORECAST)
    pins = lake.pins(SOURCES)
    today = workspace.now().date()
    if not pins or (not anew and all(nothing_new(lake, table, pins) for table in FORECAST)):
        return report
    demand = known_demand(lake, pins, settings, today)
    frames = {table.path: empty(table) for table in FORECAST} if demand is None else forecast(demand, settings, today)
    for table in FORECAST:
        report.add(table, lake.replace(table, frames[table.path], Scope(), pins), None)
    return report


def known_demand(lake: Lake, pins: Mapping[str, int], settings: ForecastSettings, today: date) -> Demand | None:
    """Demand up to the last day that is over, None without any.

    Args:
        lake: where gold is.
        pins: versions to read.
        settings: how much history.
        today: UTC day of the computation; demand of this day and later ones is not complete.
    """
    day = pl.col("transaction_date")
    rows = (
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


def forecast(demand: Demand, settings: ForecastSettings, today: date) -> dict[str, pl.DataFrame]:
    """The four tables of demand.

    Args:
        demand: what is known.
        settings: horizon and like items.
        today: UTC day of the computation.

    Returns:
        Frames by path of the table.
    """
    units, horizon = demand.items.units, settings.horizon_days
    windows = past_windows(demand.items.days, horizon, WINDOWS)
    evidence = backtest(units, windows, horizon, COMPARED, demand.price)
    chosen = choose(evidence)
    groups = classes(units, alive(units))
    issued = issue(units, horizon, models_by_class(groups, chosen, chosen[ALL]))
    mean = like_items(issued.mean, observed_days(units), _like_rows(demand.items, settings.like_items))
    issued = replace(issued, mean=mean)
    model = models_by_class(groups, chosen, chosen[ALL])
    by_location = _at_locations(demand, issued)
    spread = uncertainty(demand.pairs.units, by_location)
    stamps = {"issued_on": demand.items.last_day, "processing_date": today}
    item_days = _days(demand.items, issued, uncertainty(units, issued), model, groups)
    pair_days = _days(demand.pairs, by_location, spread, model[demand.item], groups[demand.item])
    sums = _sums(demand.pairs, by_location, spread)
    accuracy = _accuracy(summarised(evidence), _chosen_quantiles(demand, windows, horizon, chosen), chosen)
    frames = {
        ITEM_DEMAND_FORECAST: item_days, DEMAND_FORECAST: pair_days, CUMULATIVE_DEMAND_FORECAST: sums,
        FORECAST_ACCURACY: accuracy,
    }  # fmt: skip
    return {
        table.path: frame.with_columns(pl.lit(value).alias(name) for name, value in stamps.items())
        .select(table.column_names)
        .cast(polars_schema(table))
        for table, frame in frames.items()
    }


def _at_locations(demand: Demand, issued: Issued) -> Issued:
    """The items' forecasts divided among their locations, now and at past origins."""
    here = alive(demand.pairs.units)
    share = shares(demand.pairs.units, demand.item, [*issued.at, demand.pairs.days - 1], here)
    past = [path[demand.item] * share[:, place, None] for place, path in enumerate(issued.past)]
    return replace(issued, mean=issued.mean[demand.item] * share[:, -1, None], past=past)


def _like_rows(items: Panel, like: Mapping[str, str]) -> NDArray[np.intp]:
    """Row of the item each is like, −1 where none is named or the named one is not known."""
    row = {name: place for place, name in enumerate(items.keys["product_sku"].to_list())}
    return np.array([row.get(like.get(name, ""), -1) for name in row], dtype=np.intp)


def _days(
    series: Panel, issued: Issued, spread: Uncertainty, model: NDArray[np.str_], groups: NDArray[np.str_]
) -> pl.DataFrame:
    """One row for each series and day ahead."""
    horizon = issued.mean.shape[1]
    ahead = [series.last_day + timedelta(days=number + 1) for number in range(horizon)]
    chosen = pl.Series("model", model, dtype=pl.String), pl.Series("class", groups, dtype=pl.String)
    figures = {"mean": issued.mean, **{
        name: spread.day_quantiles[:, :, place] for place, name in enumerate(("p10", "p50", "p90"))
    }}  # fmt: skip
    return _repeated(series.keys.with_columns(chosen), horizon).with_columns(
        pl.Series("day", ahead * series.keys.height, dtype=pl.Date),
        *(pl.Series(name, values.ravel()) for name, values in figures.items()),
    )


def _sums(series: Panel, issued: Issued, spread: Uncertainty) -> pl.DataFrame:
    """One row for each series and number of days."""
    horizon = issued.mean.shape[1]
    figures = {"cumulative_mean": np.cumsum(issued.mean, axis=1), "cumulative_sd": spread.deviation}
    figures |= {f"p{round(100 * level)}": spread.quantiles[:, :, place] for place, level in enumerate(LEVELS)}
    return _repeated(series.keys, horizon).with_columns(
        pl.Series("horizon_days", np.tile(np.arange(1, horizon + 1), series.keys.height)),
        *(pl.Series(name, values.ravel()) for name, values in figures.items()),
    )


def _repeated(rows: pl.DataFrame, times: int) -> pl.DataFrame:
    """Each row `times` times, one after the other."""
    return rows[np.repeat(np.arange(rows.height), times)]


def _chosen_quantiles(
    demand: Demand, windows: list[int], horizon: int, chosen: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Coverage, and pinball loss ÷ mean, of the 95 % quantile of 14-day sums at the newest past origin, by class."""
    if not windows:
        return {}
    made = cut(demand.items.units, windows[-1], horizon, demand.price)
    if not len(made.rows):
        return {}
    issued = issue(made.known, horizon, models_by_class(made.groups, chosen, chosen[ALL]))
    days = min(LEAD_DAYS, horizon)
    quantile = sum_spread(made.known, issued, days, (HIGH,)).quantiles[:, 0]
    came = made.came[:, :days].sum(axis=1)
    found = {}
    for name in (*np.unique(made.groups).tolist(), ALL):
        inside = ~np.isnan(came) & ((made.groups == name) | (name == ALL))
        loss = metrics.pinball(came[inside], quantile[inside], HIGH).sum()
        total = came[inside].sum()
        found[name] = metrics.coverage(came[inside], quantile[inside]), float(loss / total) if total > 0 else np.nan
    return found


def _accuracy(
    means: pl.DataFrame, quantiles: Mapping[str, tuple[float, float]], chosen: Mapping[str, str]
) -> pl.DataFrame:
    """The summary with the chosen models marked and what is known of their quantiles."""
    marked = pl.DataFrame(
        {
            "class": list(chosen),
            "model": list(chosen.values()),
            "is_chosen": [True] * len(chosen),
            "coverage_95": [quantiles.get(name, (None, None))[0] for name in chosen],
            "pinball_95": [quantiles.get(name, (None, None))[1] for name in chosen],
        },
        schema={"class": pl.String, "model": pl.String, "is_chosen": pl.Boolean, "coverage_95": pl.Float64,
                "pinball_95": pl.Float64},
    )  # fmt: skip
    joined = means.join(marked, on=["class", "model"], how="left")
    return joined.with_columns(pl.col("is_chosen").fill_null(value=False), pl.col(pl.Float64).fill_nan(None))
