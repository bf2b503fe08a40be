"""Gold into forecasts: demand by item and location, models by class, what is expected and how far it may be off.

All four tables are written from one pass, each as a whole, by the job of the night. The last day is one that is over
everywhere: a day under way looks like little demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import (
    DEMAND_FORECAST,
    FORECAST,
    FORECAST_ACCURACY,
    ITEM_DEMAND_FORECAST,
)
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.forecast import metrics
from inventory_assets.forecast.backtest import LEAD_DAYS, WINDOWS, backtest, cut, past_windows, summarised
from inventory_assets.forecast.issue import issue, models_by_class, sum_spread
from inventory_assets.forecast.learned import learned_model
from inventory_assets.forecast.models import CANDIDATES, SES, alive
from inventory_assets.forecast.selection import ALL, choose, classes
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.demand import DEMAND_SOURCES, Demand, known_demand, left_out
from inventory_assets.pipeline.forecast_days import forecast_days
from inventory_assets.pipeline.horizons import HORIZON_SOURCES, deciding_checksum, horizons
from inventory_assets.pipeline.promotions import Promotions, members_of, promotions_checksum, promotions_of
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new
from inventory_assets.replenishment.parameters import outlier_days
from inventory_assets.replenishment.promotions import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]

OUTLIERS, HORIZONS, PROMOTIONS = "marks/outliers", "marks/horizons", "marks/promotions"
"""Names under which a table notes checksums: of the days left out, of what horizons follow from, of promotions."""
COMPARED = ("seasonal naive", "mean", "weighted moving average 28", SES, "SBA", "TSB", *CANDIDATES)
"""Models of the accuracy table."""
HIGH = 0.95


def refresh_forecast(workspace: Workspace, settings: ForecastSettings, *, anew: bool = False) -> Report:
    """Forecast demand again when sales, stock, lead times or days marked as outliers changed, or `anew`.

    Args:
        workspace: stores and clock.
        settings: horizons, history, like items.
        anew: forecast although nothing changed.
    """
    lake, report = workspace.lake, Report(FORECAST)
    pins = lake.pins(DEMAND_SOURCES)
    today = workspace.now().date()
    if not pins:
        return report
    pins |= lake.pins(HORIZON_SOURCES)
    parameters = lake.scan(PLANNING_PARAMETERS).collect()
    outliers = outlier_days(parameters, today).sort(pl.all())
    planned = settings_of(parameters)
    noted = {
        OUTLIERS: crc32(outliers.write_csv().encode()), HORIZONS: deciding_checksum(parameters, today),
        PROMOTIONS: promotions_checksum(planned),
    }  # fmt: skip
    fresh = all(
        nothing_new(lake, table, pins) and all(lake.noted(table, name) == noted[name] for name in noted)
        for table in FORECAST
    )
    if fresh and not anew:
        return report
    demand = known_demand(lake, pins, settings, today)
    frames = {table.path: empty(table) for table in FORECAST}
    if demand is not None:
        own, known = horizons(lake, pins, demand, parameters, settings, today), left_out(demand, outliers)
        ahead = max(settings.horizon_days, int(own.max()))
        frames = forecast(known, settings, today, own, promotions_of(known, members_of(lake, pins), planned, ahead))
    for table in FORECAST:
        report.add(table, lake.replace(table, frames[table.path], Scope(), {**pins, **noted}), None)
    return report


def forecast(
    demand: Demand,
    settings: ForecastSettings,
    today: date,
    own: NDArray[np.int64] | None = None,
    promotions: Promotions | None = None,
) -> dict[str, pl.DataFrame]:
    """The four tables of demand.

    Args:
        demand: what is known.
        settings: days of the windows models are compared on, and like items.
        today: UTC day of the computation.
        own: days ahead of each pair; by default those of a window.
        promotions: what is known of promotions of this demand.

    Returns:
        Frames by path of the table.
    """
    demand = demand if promotions is None else promotions.usual
    units, window = demand.items.units, settings.horizon_days
    windows = past_windows(demand.items.days, window, WINDOWS)
    compared = (*COMPARED, *learned_model(settings.learned_model))
    evidence = backtest(units, windows, window, compared, demand.price)
    chosen = choose(evidence)
    groups = classes(units, alive(units))
    model = models_by_class(groups, chosen, chosen[ALL])
    reach = np.full(len(demand.pairs.units), window, dtype=np.int64) if own is None else own
    frames = forecast_days(demand, model, reach, settings, promotions)
    named = pl.DataFrame({"model": model, "class": groups}, schema={"model": pl.String, "class": pl.String})
    keyed = pl.concat([demand.items.keys, named], how="horizontal")
    for table in (ITEM_DEMAND_FORECAST, DEMAND_FORECAST):
        frames[table] = frames[table].join(keyed, on="product_sku", how="left", maintain_order="left")
    found = _chosen_quantiles(demand, windows, window, chosen)
    frames[FORECAST_ACCURACY] = _accuracy(summarised(evidence), found, chosen)
    stamps = {"issued_on": demand.items.last_day, "processing_date": today}
    return {
        table.path: frame.with_columns(pl.lit(value).alias(name) for name, value in stamps.items())
        .select(table.column_names)
        .cast(polars_schema(table))
        for table, frame in frames.items()
    }


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
