"""Which part of the business a table is about, and how sensitive it is: what people filter the catalogue by."""

from __future__ import annotations

from typing import Literal, get_args

from inventory_assets.contracts.model import DataClass, Table
from inventory_assets.contracts.planning_figures import PLANNING_FIGURES
from inventory_assets.contracts.replenishment import REPLENISHMENT

Domain = Literal["sales", "stock", "purchasing", "masters", "customers", "quality", "replenishment"]

_TABLES: dict[Domain, tuple[str, ...]] = {
    "sales": (
        "bronze/inventory_transactions",
        "bronze/retail_events",
        "silver/inventory_transactions",
        "silver/returns",
        "silver/cancellations",
        "silver/given_away",
        "silver/non_merchandise",
        "gold/daily_inventory_summary",
        "gold/product_performance",
        "gold/store_performance",
        "analytics/demand_forecasting_features",
        "analytics/inventory_optimization_features",
        "analytics/demand_forecast",
        "analytics/item_demand_forecast",
        "analytics/cumulative_demand_forecast",
        "analytics/forecast_accuracy",
        "analytics/forecast_diagnostics",
        "analytics/forecast_value_added",
    ),
    "stock": (
        "bronze/warehouse_updates",
        "bronze/stock_openings",
        "bronze/stock_events",
        "silver/stock_statements",
        "silver/stock_reservations",
        "silver/stock_adjustments",
        "silver/warehouse_updates",
        "silver/stock_counts",
        "silver/stock_openings",
        "silver/stock_movements",
        "gold/stock_checkpoints",
        "gold/inventory_position",
        "gold/daily_inventory_snapshot",
    ),
    "purchasing": (
        "bronze/supplier_orders",
        "silver/supplier_orders",
        "gold/supplier_performance",
        "gold/open_supplier_orders",
        "gold/supply_coverage",
        "analytics/lead_time_stats",
    ),
    "masters": (
        "bronze/products",
        "bronze/locations",
        "bronze/suppliers",
        "silver/products",
        "silver/locations",
        "silver/suppliers",
    ),
    "customers": ("analytics/customer_behavior_features",),
    "replenishment": tuple(table.path for table in (*REPLENISHMENT, *PLANNING_FIGURES)),
    "quality": ("silver/quarantine", "silver/day_balance", "silver/decisions", "gold/quality_scores"),
}

DOMAINS: dict[str, Domain] = {path: domain for domain, paths in _TABLES.items() for path in paths}
"""Domain of every table by its path."""


def data_class(*tables: Table) -> DataClass:
    """The most sensitive class among the columns of tables."""
    found: set[DataClass] = {column.data_class for table in tables for column in table.columns}
    return max(found, key=get_args(DataClass).index)
