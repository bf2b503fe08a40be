"""Forecast tables: expected demand by day, how far sums of it may lie off, and how accurate the models were."""

from __future__ import annotations

from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SNAPSHOT,
    DAILY_INVENTORY_SUMMARY,
    PROCESSED,
    SUPPLIER_PERFORMANCE,
)
from inventory_assets.contracts.model import Column, Reach, Table, count, day, flag, instant, ratio, text
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.silver import PRODUCTS, SUPPLIER_ORDERS, SUPPLIERS
from inventory_assets.contracts.value_added import FORECAST_VALUE_ADDED

_UPSTREAM = (
    DAILY_INVENTORY_SUMMARY.path, DAILY_INVENTORY_SNAPSHOT.path, SUPPLIER_PERFORMANCE.path, PRODUCTS.path,
    SUPPLIERS.path, PLANNING_PARAMETERS.path,
)  # fmt: skip
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
    flag("is_promoted", "Whether a promotion is known for the day; for an item at any of its locations."),
    ratio("uplift", "Factor by which known promotions raise `mean`; 1 without.", minimum=0),
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
    "Expected demand of each item on each coming day, over all locations, until the order after its next one arrives.",
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
    "row in item_demand_forecast, so all of them reach as far as the location that orders longest ahead.",
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
    "what safety stock is computed from. It reaches lead time + review period + one review.",
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
        count("promoted_days", "How many of these days hold a promotion."),
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

FORECAST_DIAGNOSTICS = Table(
    "analytics",
    "forecast_diagnostics",
    "What fitted models say about the largest categories of a location and the largest items of class A, by day: how "
    "strong trend and week are, how well each model did on the last 28 days, and whether it misses a pattern.",
    "series × model",
    ("kind", "name", "location_id", "model"),
    (
        text("kind", "What the series is.", allowed=("category", "item")),
        text("name", "Category, or item."),
        text("location_id", "Location of a category; `all` for an item."),
        text("model", "Model, with its order where it has one."),
        _ISSUED,
        flag("is_best", "Whether its error was the smallest of the series."),
        ratio("rmsse", "Root mean squared scaled error on the days held back.", nullable=True, minimum=0),
        ratio("aic", "Akaike's criterion of the fit; lower is better, within one family.", nullable=True),
        ratio(
            "ljung_box",
            "Probability of residuals as correlated as these if no pattern is left; below .05 one is.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        ratio("trend_strength", "1 − var(rest) ÷ var(trend + rest).", minimum=0, maximum=1),
        ratio("season_strength", "1 − var(rest) ÷ var(week + rest).", minimum=0, maximum=1),
        PROCESSED,
    ),
    cadence="whole",
    reach=_REACH,
    upstream=(DAILY_INVENTORY_SUMMARY.path, PRODUCTS.path),
)
LEAD_TIME_STATS = Table(
    "analytics",
    "lead_time_stats",
    "Days from order to receipt by supplier and item, over all lines received. Few deliveries of an item lean on the "
    "supplier's.",
    "supplier × item with a delivery",
    ("source_system", "supplier_id", "product_sku"),
    (
        text("source_system", "System that produced the rows."),
        text("supplier_id", "Supplier."),
        text("product_sku", "Item."),
        count("deliveries", "Lines received, with a known date of order."),
        ratio("mean_days", "Mean lead time of the item.", unit="days", minimum=0),
        ratio("sd_days", "Sample deviation; null below two deliveries.", unit="days", nullable=True, minimum=0),
        ratio("median_days", "Median lead time.", unit="days", minimum=0),
        ratio("p95_days", "Lead time that 95 of 100 deliveries stayed within.", unit="days", minimum=0),
        count("supplier_deliveries", "Lines received from the supplier."),
        ratio("expected_days", "Mean that leans on the supplier's.", unit="days", minimum=0),
        ratio("expected_sd_days", "Deviation that leans on the supplier's.", unit="days", minimum=0),
        instant("last_received_at", "Last delivery."),
        PROCESSED,
    ),
    cadence="whole",
    reach=_REACH,
    upstream=(SUPPLIER_ORDERS.path,),
)

FORECAST: tuple[Table, ...] = (
    DEMAND_FORECAST,
    ITEM_DEMAND_FORECAST,
    CUMULATIVE_DEMAND_FORECAST,
    FORECAST_ACCURACY,
)
"""The tables that one pass over demand writes."""
FORECAST_TABLES: tuple[Table, ...] = (*FORECAST, FORECAST_DIAGNOSTICS, LEAD_TIME_STATS, FORECAST_VALUE_ADDED)
