"""Which columns a column is computed from, for tables whose columns do not simply keep the name they came with.

A source is a column whose value decides the cell, given which rows belong together; what only selects or groups rows is
named for the keys alone. A test changes every input column by itself and sees exactly the declared columns change.
Tables that are not here keep the names of their feed (silver) or fold all columns of their inputs (stock): for them the
lineage of the table says as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from inventory_assets.contracts import analytics, gold
from inventory_assets.contracts.model import Table

Sources = Mapping[str, tuple[str, ...]]
"""Column → columns it is computed from, each as "silver/returns.quantity_sold"."""

_SALES, _RETURNS, _SUMMARY = "silver/inventory_transactions", "silver/returns", "gold/daily_inventory_summary"
_ORDERS, _CANCELLATIONS = "silver/supplier_orders", "silver/cancellations"


def _of(path: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"{path}.{column}" for column in columns)


def _kept(path: str, *columns: str) -> dict[str, tuple[str, ...]]:
    """Columns that keep name and value."""
    return {column: _of(path, column) for column in columns}


_CANCELLED = {
    "cancelled_quantity": _of(_SALES, "quantity_sold", "cancelled_by_transaction_id"),
    "cancelled_amount": _of(_SALES, "total_amount", "cancelled_by_transaction_id"),
}
_BACK = {
    "returned_quantity": _of(_RETURNS, "quantity_sold"),
    "returned_amount": _of(_RETURNS, "total_amount"),
    **_CANCELLED,
}
_DAY = {"transaction_date": _of(_SALES, "transaction_date"), "event_date": _of(_SALES, "transaction_date")}
_DEMAND = {"demand_quantity": _CANCELLED["cancelled_quantity"]}
_UNITS, _AMOUNT, _PRICE = (_of(_SALES, name) for name in ("quantity_sold", "total_amount", "unit_price"))
_LATEST = (_ORDERS, "updated_at", "received_at")
_LEAD = _of(*_LATEST, "ordered_at")
_FILL_ORDERED = _of(*_LATEST, "quantity_ordered", "quantity_received")

_DECLARED: dict[str, Sources] = {
    gold.DAILY_INVENTORY_SUMMARY.path: {
        **_kept(_SALES, "store_id", "product_sku", "currency", "data_quality_score"),
        **_DAY, **_BACK, **_DEMAND,
        "total_quantity_sold": _UNITS,
        "total_revenue": _AMOUNT,
        "avg_unit_price": _PRICE,
        "last_transaction_time": _of(_SALES, "timestamp"),
        "first_transaction_time": _of(_SALES, "timestamp"),
        "given_away_quantity": _of("silver/given_away", "quantity_sold"),
        "adjusted_quantity": _of("silver/stock_adjustments", "quantity_sold"),
    },
    gold.PRODUCT_PERFORMANCE.path: {
        **_kept(_SALES, "product_sku", "currency"),
        **_DAY, **_BACK, **_DEMAND,
        "daily_quantity_sold": _UNITS,
        "daily_revenue": _AMOUNT,
        "avg_unit_price": _PRICE,
        "stores_sold": _of(_SALES, "store_id"),
    },
    gold.STORE_PERFORMANCE.path: {
        **_kept(_SALES, "store_id", "currency"),
        **_DAY, **_BACK,
        "daily_quantity_sold": _UNITS,
        "daily_revenue": _AMOUNT,
        "products_sold": _of(_SALES, "product_sku"),
        "active_cashiers": _of(_SALES, "cashier_id"),
    },
    gold.SUPPLIER_PERFORMANCE.path: {
        **_kept(_ORDERS, "source_system", "supplier_id"),
        "order_lines": _of(_ORDERS, "order_id", "line_number", "product_sku"),
        "received_lines": _of(_ORDERS, "received_at"),
        "promised_lines": _of(_ORDERS, "received_at", "expected_delivery"),
        "on_time_lines": _of(*_LATEST, "expected_delivery"),
        "on_time_rate": _of(*_LATEST, "expected_delivery"),
        "lead_time_lines": _LEAD,
        "lead_time_mean_days": _LEAD,
        "lead_time_std_days": _LEAD,
        "lead_time_median_days": _LEAD,
        "quantity_ordered": _FILL_ORDERED,
        "quantity_received": _of(*_LATEST, "quantity_received"),
        "fill_rate": _FILL_ORDERED,
        "first_ordered_at": _of(_ORDERS, "updated_at", "ordered_at"),
        "last_received_at": _of(*_LATEST),
    },
    analytics.DEMAND_FORECASTING_FEATURES.path: {
        **_kept(_SUMMARY, "store_id", "product_sku", "transaction_date", "currency", "total_quantity_sold",
                "total_revenue", "demand_quantity"),
        **{
            name: _of(_SUMMARY, "transaction_date")
            for name in ("day_of_week", "is_weekend", "is_month_end", "is_quarter_end", "month", "is_holiday",
                         "days_with_sales_30", "days_with_sales_90", "event_date")
        },
        **{
            name: _of(_SUMMARY, "total_quantity_sold")
            for name in ("quantity_sold_lag_1", "quantity_sold_lag_7", "quantity_sold_lag_14", "rolling_mean_30",
                         "rolling_std_30", "rolling_mean_90", "rolling_std_90")
        },
        "revenue_trend": _of(_SUMMARY, "total_revenue", "total_quantity_sold", "avg_unit_price"),
    },
    analytics.INVENTORY_OPTIMIZATION_FEATURES.path: {
        **_kept(_SUMMARY, "store_id", "product_sku", "currency"),
        **{name: _of(_SUMMARY, "transaction_date") for name in ("window_end", "last_sale_date")},
        **{
            name: _of(_SUMMARY, "demand_quantity")
            for name in ("avg_daily_sales", "sales_volatility", "days_with_sales", "average_demand_interval",
                         "squared_coefficient_of_variation")
        },
        "revenue": _of(_SUMMARY, "total_revenue"),
    },
    analytics.CUSTOMER_BEHAVIOR_FEATURES.path: {
        **_kept(_SALES, "source_system", "customer_id", "currency"),
        "first_purchase_at": _of(_SALES, "timestamp"),
        "last_purchase_at": _of(_SALES, "timestamp"),
        "recency_days": _of(_SALES, "transaction_date"),
        "transactions": _of(_SALES, "store_id", "transaction_id"),
        "units_bought": _UNITS,
        "revenue": _AMOUNT,
        "average_basket": _of(_SALES, "total_amount", "store_id", "transaction_id"),
        "distinct_items": _of(_SALES, "product_sku"),
        "units_returned": (*_of(_RETURNS, "quantity_sold"), *_of(_CANCELLATIONS, "quantity_sold")),
        "return_rate": (*_of(_RETURNS, "quantity_sold"), *_of(_CANCELLATIONS, "quantity_sold"), *_UNITS),
        "days_between_purchases": _of(_SALES, "transaction_date"),
    },
}  # fmt: skip

COLUMN_SOURCES: Mapping[str, Sources] = MappingProxyType(_DECLARED)
"""Sources of the columns of a table, by its path; columns that count rows or say when they were computed have none."""


def sources_of(table: Table) -> Sources:
    """Sources of the columns of a table; empty where the lineage of the table says as much."""
    return COLUMN_SOURCES.get(table.path, {})
