"""What people's word about demand was worth: overrides and outlier marks, held against what then came."""

from __future__ import annotations

from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY, PROCESSED
from inventory_assets.contracts.model import Reach, Table, count, day, flag, ratio, text
from inventory_assets.contracts.parameters import MARKS, PLANNING_PARAMETERS, SCOPES
from inventory_assets.contracts.replenishment import INVENTORY_POLICY

FORECAST_VALUE_ADDED = Table(
    "analytics",
    "forecast_value_added",
    "Every override of demand and every outlier mark, as far as its days have passed: the forecast with it and without "
    "it against the demand that came. Errors are of sums over 14 days, which is what orders rest on. Formulas: "
    "docs/forecasting.md.",
    "setting × item × location",
    ("parameter_id", "product_sku", "location_id"),
    (
        text("parameter_id", "The setting, as in planning_parameters."),
        text("kind", "What was said about demand.", allowed=MARKS),
        text("product_sku", "Item."),
        text("location_id", "Store or sales channel."),
        text("scope", "What it was set for.", allowed=SCOPES),
        text("scope_value", "The item, class or supplier; * for all."),
        text("author", "Who set it.", data_class="personal"),
        text("reason", "Why."),
        day("valid_from", "First day it could change a forecast."),
        day("valid_until", "Last one: its end, the day before it was overruled, or a horizon after an outlier mark.",
            nullable=True),
        flag("is_over", "Whether all its days have passed."),
        day("measured_until", "Last day measured."),
        count("days", "Days measured: it held, demand of the day is known, and 28 days before it are."),
        ratio("demand", "Demand of these days.", unit="units", minimum=0),
        ratio("forecast_without", "What the model alone expected of them.", unit="units", minimum=0),
        ratio("forecast_with", "What was expected of them with it.", unit="units", minimum=0),
        ratio("error_without", "Σ over blocks of 14 days of |forecast − demand| of the model alone.", unit="units",
              minimum=0),
        ratio("error_with", "The same with it.", unit="units", minimum=0),
        ratio("value_added", "error_without − error_with: above 0 it helped.", unit="units"),
        PROCESSED,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table, every night; what ended more than two weeks ago stays as it was measured"),
    upstream=(DAILY_INVENTORY_SUMMARY.path, DAILY_INVENTORY_SNAPSHOT.path, PLANNING_PARAMETERS.path,
              INVENTORY_POLICY.path),
)  # fmt: skip
