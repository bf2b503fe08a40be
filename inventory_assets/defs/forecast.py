"""Forecasts, what is measured beside them, and the job of the night that writes them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.forecast import (
    FORECAST,
    FORECAST_ACCURACY,
    FORECAST_DIAGNOSTICS,
    ITEM_DEMAND_FORECAST,
    LEAD_TIME_STATS,
)
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.value_added import FORECAST_VALUE_ADDED
from inventory_assets.defs.jobs import serving
from inventory_assets.defs.lane_jobs import lane_job, scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset, as_op
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Report


def _forecast(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.forecast import refresh_forecast

    return refresh_forecast(store.workspace(), store.settings().forecast, anew=ask.anew), ()


def _diagnostics(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.forecast_further import refresh_diagnostics

    return refresh_diagnostics(store.workspace(), anew=ask.anew), ()


def _lead_times(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.forecast_further import refresh_lead_times

    return refresh_lead_times(store.workspace(), anew=ask.anew), ()


def _value_added(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.value_added import refresh_value_added

    return refresh_value_added(store.workspace(), store.settings().forecast, anew=ask.anew), ()


def _drawn(lake: "Lake", table: Table) -> Mapping[str, Any]:
    from inventory_assets.pipeline.forecast_shown import (
        accuracy_shown,
        decomposition_shown,
        fan_shown,
        value_added_shown,
    )

    if table is FORECAST_DIAGNOSTICS:
        return {"decomposition": dg.MetadataValue.md(decomposition_shown(lake))}
    if table is ITEM_DEMAND_FORECAST:
        return {"fan chart": dg.MetadataValue.md(fan_shown(lake))}
    if table is FORECAST_ACCURACY:
        return {"accuracy by class": dg.MetadataValue.md(accuracy_shown(lake))}
    if table is FORECAST_VALUE_ADDED:
        return {"value added": dg.MetadataValue.md(value_added_shown(lake))}
    return {}


FORECAST_STEP = Step(
    "demand_forecasts",
    FORECAST,
    _forecast,
    "Demand of every item and location on the days ahead, the spread of its sums, and the accuracy of the models.",
    drawn=_drawn,
)

DIAGNOSTICS_STEP = Step(
    "forecast_diagnostics",
    (FORECAST_DIAGNOSTICS,),
    _diagnostics,
    "Fitted models of the largest categories and items: strength of trend and week, errors, patterns they miss.",
    drawn=_drawn,
)
LEAD_TIMES_STEP = Step(
    "lead_time_stats", (LEAD_TIME_STATS,), _lead_times, "Days from order to receipt, by supplier and item."
)
VALUE_ADDED_STEP = Step(
    "forecast_value_added",
    (FORECAST_VALUE_ADDED,),
    _value_added,
    "What overrides and outlier marks were worth: error of the forecast with and without each, once its days passed.",
    drawn=_drawn,
)
NIGHT_STEPS = (LEAD_TIMES_STEP, FORECAST_STEP, DIAGNOSTICS_STEP, VALUE_ADDED_STEP)

demand_forecasts = as_asset(FORECAST_STEP)
forecast_diagnostics = as_asset(DIAGNOSTICS_STEP)
lead_time_stats = as_asset(LEAD_TIMES_STEP)
forecast_value_added = as_asset(VALUE_ADDED_STEP)


nightly_forecast = lane_job(
    "nightly_forecast",
    "Forecasts demand anew from what gold holds, and publishes it. With nothing new it writes nothing. "
    "docs/forecasting.md says how.",
    *(as_op(step) for step in NIGHT_STEPS),
    serving,
)
forecast_every_night = scheduled(
    "nightly_forecast_schedule",
    nightly_forecast,
    Settings().forecast.schedule,
    "Forecasts of demand once a night, in the lane: they wait for a refresh under way.",
)
