"""Gold into forecasts: demand by item and location, models by class, what is expected and how far it may be off.

All four tables are written from one pass, each as a whole, by the job of the night. The last day is one that is over
everywhere: a day under way looks like little demand.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import (
    CUMULATIVE_DEMAND_FORECAST,
    DEMAND_FORECAST,
    FORECAST,
    FORECAST_ACCURACY,
    ITEM_DEMAND_FORECAST,
)
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.forecast import metrics
from inventory_assets.forecast.backtest import LEAD_DAYS, WINDOWS, backtest, cut, past_windows, summarised
from inventory_assets.forecast.intervals import LEVELS
from inventory_assets.forecast.issue import Issued, Uncertainty, issue, models_by_class, sum_spread, uncertainty
from inventory_assets.forecast.locations import shares
from inventory_assets.forecast.models import CANDIDATES, SES, alive
from inventory_assets.forecast.selection import ALL, choose, classes
from inventory_assets.forecast.series import Panel, like_items, like_rows, observed_days
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.demand import DEMAND_SOURCES, Demand, known_demand, left_out
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new
from inventory_assets.replenishment.parameters import outlier_days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]

OUTLIERS = "marks/outliers"
"""Name under which a table notes the checksum of the days left out."""
COMPARED = ("seasonal naive", "mean", "weighted moving average 28", SES, "SBA", "TSB", *CANDIDATES)
"""Models of the accuracy table."""
HIGH = 0.95


def refresh_forecast(workspace: Workspace, settings: ForecastSettings, *, anew: bool = False) -> Report:
    """Forecast demand again when sales, stock or days marked as outliers changed, or `anew`.

    Args:
        workspace: stores and clock.
        settings: horizon, history, like items.
        anew: forecast although nothing changed.
    """
    lake, report = workspace.lake, Report(FORECAST)
    pins = lake.pins(DEMAND_SOURCES)
    today = workspace.now().date()
    if not pins:
        return report
    outliers = outlier_days(lake.scan(PLANNING_PARAMETERS).collect(), today).sort(pl.all())
    noted = {OUTLIERS: crc32(outliers.write_csv().encode())}
    fresh = all(lake.noted(table, OUTLIERS) == noted[OUTLIERS] and nothing_new(lake, table, pins) for table in FORECAST)
    if fresh and not anew:
        return report
    demand = known_demand(lake, pins, settings, today)
    frames = {table.path: empty(table) for table in FORECAST}
    if demand is not None:
        frames = forecast(left_out(demand, outliers), settings, today)
    for table in FORECAST:
        report.add(table, lake.replace(table, frames[table.path], Scope(), {**pins, **noted}), None)
    return report


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
    model = models_by_class(groups, chosen, chosen[ALL])
    issued = issue(units, horizon, model)
    mean = like_items(issued.mean, observed_days(units), like_rows(demand.items, settings.like_items))
    issued = replace(issued, mean=mean)
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
