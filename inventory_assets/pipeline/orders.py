"""Supplier orders into gold: what is still to come, and which locations' supplies we are told of.

What is overdue depends on the day, so the tables also note the UTC day and the rules they were computed by: a new day,
a changed setting or a changed word list makes them dirty although nothing arrived.
"""

from __future__ import annotations

import json
from zlib import crc32

import polars as pl

from inventory_assets.contracts.gold import OPEN_SUPPLIER_ORDERS, SUPPLIER_PERFORMANCE, SUPPLY_COVERAGE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import LOCATIONS, SUPPLIER_ORDERS, WAREHOUSE_UPDATES
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.medallion.supplier_orders import coverage, current_lines, open_orders, order_receipts
from inventory_assets.pipeline.workspace import Report, Workspace

ORDER_TABLES = (SUPPLY_COVERAGE, OPEN_SUPPLIER_ORDERS)
ORDER_INPUTS = (SUPPLIER_ORDERS, WAREHOUSE_UPDATES, SUPPLIER_PERFORMANCE, LOCATIONS)
DAY, RULES = "clock/day", "rules/orders"
"""Names under which a table notes the day and the rules it was computed by."""


def refresh_orders(workspace: Workspace, *, anew: bool = False) -> Report:
    """Rebuild open orders and coverage when orders, receipts, locations, rules or the day changed, or `anew`."""
    lake, today = workspace.lake, workspace.now().date()
    report = Report(ORDER_TABLES)
    pins = lake.pins(ORDER_INPUTS)
    assumed = any(workspace.profiles[name].assume.nothing_on_order for name in workspace.profiles)
    if not (pins.keys() & {SUPPLIER_ORDERS.path, WAREHOUSE_UPDATES.path} or (assumed and LOCATIONS.path in pins)):
        return report
    marks = {**pins, **_marks(workspace)}
    stale = [table for table in ORDER_TABLES if any(lake.noted(table, name) != mark for name, mark in marks.items())]
    if not stale and not anew:
        return report
    lines = current_lines(lake.scan(SUPPLIER_ORDERS, pins.get(SUPPLIER_ORDERS.path))).collect()
    warehouse = lake.scan(WAREHOUSE_UPDATES, pins.get(WAREHOUSE_UPDATES.path))
    frames = {
        SUPPLY_COVERAGE: coverage(
            lines, warehouse, lake.scan(LOCATIONS, pins.get(LOCATIONS.path)).collect(), workspace.profiles, today
        ),
        OPEN_SUPPLIER_ORDERS: open_orders(
            lines,
            order_receipts(warehouse).collect(),
            lake.scan(SUPPLIER_PERFORMANCE, pins.get(SUPPLIER_PERFORMANCE.path)).collect(),
            workspace.profiles,
            today,
            workspace.stop_counting_after_days,
        ),
    }
    for table, frame in frames.items():
        if not anew and lake.version(table) is not None and _same_facts(lake, table, frame):
            lake.note(table, marks)
        else:
            report.add(table, lake.replace(table, frame, Scope(), marks), None)
    return report


def orders_due(workspace: Workspace) -> bool:
    """Whether a day has begun that the open orders have not seen; never where no order was ever reported."""
    lake = workspace.lake
    seen = lake.noted(OPEN_SUPPLIER_ORDERS, DAY)
    return seen is not None and seen != _marks(workspace)[DAY]


def _marks(workspace: Workspace) -> dict[str, int]:
    """The day and a checksum of the rules, as numbers a commit can note."""
    profiles = {name: workspace.profiles[name] for name in sorted(workspace.profiles)}
    named = {
        name: [dict(sorted(each.order_states.items())), each.orders_complete, each.assume.nothing_on_order]
        for name, each in profiles.items()
    }
    rules = json.dumps([workspace.stop_counting_after_days, named])
    return {DAY: workspace.now().date().toordinal(), RULES: crc32(rules.encode())}


def _same_facts(lake: Lake, table: Table, frame: pl.DataFrame) -> bool:
    """Whether a table holds these rows already, the day of their computation apart."""
    facts = table.fact_columns
    stored = lake.scan(table).select(facts).collect()
    return stored.sort(table.key).equals(frame.select(facts).sort(table.key), null_equal=True)
