"""Silver into gold: sales by store, item and day, and supplier performance."""

from __future__ import annotations

from collections.abc import Collection

from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SUMMARY,
    PRODUCT_PERFORMANCE,
    STORE_PERFORMANCE,
    SUPPLIER_PERFORMANCE,
)
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    GIVEN_AWAY,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    SUPPLIER_ORDERS,
)
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.medallion.gold_sales import sales_tables
from inventory_assets.medallion.gold_suppliers import supplier_performance
from inventory_assets.pipeline.workspace import Day, Report, Workspace, blocks, day_scope, dirty_from

SALES_TABLES = (DAILY_INVENTORY_SUMMARY, PRODUCT_PERFORMANCE, STORE_PERFORMANCE)
SALES_INPUTS = (SALES, RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS)


def refresh_sales(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Rebuild the three daily sales tables for the dirty days, or for the days asked for."""
    lake = workspace.lake
    report = Report(SALES_TABLES)
    pins = lake.pins(SALES_INPUTS)
    dirty = dirty_from(lake, SALES_TABLES, SALES_INPUTS, pins) - {None}
    wanted = dirty if days is None else set(days) - {None}
    processed = workspace.now().date()
    planned = list(
        blocks(wanted, lake.day_rows(SALES, pins.get(SALES.path)), workspace.block_days, workspace.block_rows)
    )
    for block in planned:
        sales, returns, given, adjusted = (
            lake.scan(table, pins.get(table.path), block) for table in (SALES, RETURNS, GIVEN_AWAY, STOCK_ADJUSTMENTS)
        )
        frames = sales_tables(sales, returns, given, adjusted, processed)
        consumed = pins if dirty <= wanted and block is planned[-1] else None
        for table in SALES_TABLES:
            rows = frames[table.path]
            commit = lake.replace(table, rows, day_scope(block), consumed)
            report.add(table, commit, block)
    return report


def refresh_suppliers(workspace: Workspace, *, anew: bool = False) -> Report:
    """Rebuild supplier performance when supplier orders changed, or `anew`."""
    lake = workspace.lake
    report = Report((SUPPLIER_PERFORMANCE,))
    pins = lake.pins((SUPPLIER_ORDERS,))
    if not pins:
        return report
    if not anew and lake.consumed(SUPPLIER_PERFORMANCE, SUPPLIER_ORDERS) == pins[SUPPLIER_ORDERS.path]:
        return report
    orders = lake.scan(SUPPLIER_ORDERS, pins[SUPPLIER_ORDERS.path])
    rows = supplier_performance(orders, workspace.now().date()).collect()
    commit = lake.replace(SUPPLIER_PERFORMANCE, rows, Scope(), pins)
    report.add(SUPPLIER_PERFORMANCE, commit, None)
    return report
