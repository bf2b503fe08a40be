"""Forecast tables: expected demand by day, how far sums of it may lie off, and how accurate the models were."""

from __future__ import annotations

from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY, PROCESSED
from inventory_assets.contracts.model import Column, Reach, Table, count, day, flag, ratio, text

_UPSTREAM = (DAILY_INVENTORY_SUMMARY.path, DAILY_INVENTORY_SNAPSHOT.path)
_REACH = Reach(rule="the whole table, every night")
_ISSUED = day("issued_on", "Last business day whose demand the forecast knows.")
_CLASS = text(
    "class",
    "Pattern of the item's demand; `new` below 28 days of history, `dead` after 180 days without any.",
    allowed=("smooth", "erratic", "intermittent", "lumpy", "none", "new", "dead"),
)
_MODEL = text("model", "Model that was chosen for the class.")
_DAY_FIGURES = (
    ratio("mean", "Expected demand: the point forecast.", unit="units", minimum=0),
    ratio("p10", "Demand that is reached or not exceeded in one day of ten.", unit="units", minimum=0),
    ratio("p50", "Median of demand; 0 where most days see none.", unit="units", minimum=0),
    ratio("p90", "Demand that is exceeded in one day of ten.", unit="units", minimum=0),
    _MODEL,
    _CLASS,
    PROCESSED,
)


def _sum(percent: int) -> Column:
    return ratio(
        f"p{percent}", f"Units that the sum stays at or below in {percent} of 100 cases.", unit="units", minimum=0
    )


ITEM_DEMAND_FORECAST = Table(
    "analytics",
    "item_demand_forecast",
    "Expected demand of each item on each coming day, over all locations.",
    "item × day ahead",
    ("product_sku", "day"),
    (text("product_sku", "Item."), _ISSUED, day("day", "Day that is forecast."), *_DAY_FIGURES),
    cadence="whole",
    reach=_REACH,
    upstream=_UPSTREAM,
)
DEMAND_FORECAST = Table(
    "analytics",
    "demand_forecast",
    "Expected demand of each item at each location on each coming day. The means of an item's locations add up to its "
    "row in item_demand_forecast.",
    "item × location × day ahead",
    ("product_sku", "location_id", "day"),
    (
        text("product_sku", "Item."),
        text("location_id", "Store or sales channel."),
        _ISSUED,
        day("day", "Day that is forecast."),
        *_DAY_FIGURES,
    ),
    cadence="whole",
    reach=_REACH,
    upstream=_UPSTREAM,
)
CUMULATIVE_DEMAND_FORECAST = Table(
    "analytics",
    "cumulative_demand_forecast",
    "Demand of each item at each location over the next so many days together, with the measured error of that sum: "
    "what safety stock is computed from.",
    "item × location × number of days",
    ("product_sku", "location_id", "horizon_days"),
    (
        text("product_sku", "Item."),
        text("location_id", "Store or sales channel."),
        _ISSUED,
        count("horizon_days", "Days that are added up, from the day after `issued_on`."),
        ratio("cumulative_mean", "Expected demand of these days together.", unit="units", minimum=0),
        ratio(
            "cumulative_sd",
            "Standard deviation of the error of this sum, from forecasts made before; not √days × that of a day.",
            unit="units",
            minimum=0,
        ),
        _sum(50), _sum(80), _sum(90), _sum(95), _sum(98), _sum(99),
        PROCESSED,
    ),
    cadence="whole",
    reach=_REACH,
    upstream=_UPSTREAM,
)  # fmt: skip
FORECAST_ACCURACY = Table(
    "analytics",
    "forecast_accuracy",
    "How accurate each model was for items of each class at past origins, each of which knew only what came before it. "
    "The class `all` holds every item. Formulas: docs/forecasting.md.",
    "class × model",
    ("class", "model"),
    (
        text("class", "Pattern of demand at the origin, or all."),
        text("model", "Model."),
        _ISSUED,
        flag("is_chosen", "Whether the model forecasts this class now."),
        count("origins", "Origins scored."),
        count("cases", "Items scored, over all origins."),
        ratio("mase", "Mean absolute error ÷ that of the naive forecast in the past.", nullable=True, minimum=0),
        ratio("rmsse", "Root of mean squared error ÷ that of the naive forecast.", nullable=True, minimum=0),
        ratio("nrmse", "Root mean squared error ÷ mean demand.", nullable=True, minimum=0),
        ratio("wape", "Σ |error| ÷ Σ demand, of single days.", nullable=True, minimum=0),
        ratio("lead_wape", "Σ |error| ÷ Σ demand, of sums over 14 days.", nullable=True, minimum=0),
        ratio("bias", "Σ (forecast − demand) ÷ Σ demand; above 0: too high.", nullable=True),
        ratio("value_rmsse", "RMSSE weighted by the value of demand.", nullable=True, minimum=0),
        ratio("value_bias", "Bias of value.", nullable=True),
        ratio(
            "coverage_95",
            "Share of 14-day sums at or below their 95 % quantile; of chosen models.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        ratio(
            "pinball_95",
            "Mean pinball loss of that quantile ÷ mean demand of 14 days; of chosen models.",
            nullable=True,
            minimum=0,
        ),
        PROCESSED,
    ),
    cadence="whole",
    reach=_REACH,
    upstream=_UPSTREAM,
)

FORECAST: tuple[Table, ...] = (
    DEMAND_FORECAST,
    ITEM_DEMAND_FORECAST,
    CUMULATIVE_DEMAND_FORECAST,
    FORECAST_ACCURACY,
)
