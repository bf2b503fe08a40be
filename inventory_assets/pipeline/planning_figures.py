"""What planners look at beside proposals: alerts, projection, exceptions, counts, key figures, supplier risk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SNAPSHOT,
    DAILY_INVENTORY_SUMMARY,
    INVENTORY_POSITION,
    OPEN_SUPPLIER_ORDERS,
    SUPPLIER_PERFORMANCE,
)
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.planning_figures import INVENTORY_KPIS, SUPPLIER_RISK
from inventory_assets.contracts.replenishment import (
    CYCLE_COUNT_PROPOSALS,
    EXCEPTIONS,
    INVENTORY_POLICY,
    ORDER_PROPOSALS,
    PROPOSAL_DECISIONS,
    REORDER_ALERTS,
    STOCK_PROJECTION,
)
from inventory_assets.contracts.silver import PRODUCTS, STOCK_COUNTS, STOCK_MOVEMENTS, SUPPLIER_ORDERS
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.medallion.supplier_orders import current_lines
from inventory_assets.pipeline.replenishment import DAY, PROPOSAL_INPUTS, current, proposal_inputs, stale
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.replenishment.counting import cycle_counts
from inventory_assets.replenishment.exceptional import exceptions
from inventory_assets.replenishment.kpi_facts import Window, stock_days, sums
from inventory_assets.replenishment.kpi_figures import decision_figures, kpis, supplier_figures
from inventory_assets.replenishment.projecting import alerts, projection, receipts_due
from inventory_assets.replenishment.proposing import stock_now
from inventory_assets.replenishment.supplier_risks import supplier_risk

WATCHED_TABLES = (STOCK_PROJECTION, REORDER_ALERTS, EXCEPTIONS, CYCLE_COUNT_PROPOSALS)
WATCHED_INPUTS = (*PROPOSAL_INPUTS, ORDER_PROPOSALS, OPEN_SUPPLIER_ORDERS)
FIGURE_TABLES = (INVENTORY_KPIS, SUPPLIER_RISK)
FIGURE_INPUTS = (
    DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY, INVENTORY_POSITION, INVENTORY_POLICY, PRODUCTS, STOCK_COUNTS,
    SUPPLIER_PERFORMANCE, SUPPLIER_ORDERS, ORDER_PROPOSALS, PROPOSAL_DECISIONS,
)  # fmt: skip
WINDOW_DAYS = 90
"""Days key figures look at."""
COUNTED_BACK_DAYS = 400


def refresh_watched(workspace: Workspace, *, anew: bool = False) -> Report:
    """Projection, alerts, exceptions and counts of the day."""
    lake, today = workspace.lake, workspace.now().date()
    report = Report(WATCHED_TABLES)
    pins = stale(lake, WATCHED_TABLES, WATCHED_INPUTS, today, anew=anew)
    if pins is None:
        return report
    inputs = proposal_inputs(workspace, pins)
    open_orders = lake.scan(OPEN_SUPPLIER_ORDERS, pins.get(OPEN_SUPPLIER_ORDERS.path)).collect()
    stock = stock_now(inputs)
    projected = projection(stock, receipts_due(open_orders, today), today)
    since = today - timedelta(days=COUNTED_BACK_DAYS)
    moved = lake.scan(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path)).filter(pl.col("event_date") >= since)
    frames = {
        STOCK_PROJECTION: projected,
        REORDER_ALERTS: alerts(stock, projected, inputs.last, today),
        EXCEPTIONS: exceptions(inputs, projected, open_orders),
        CYCLE_COUNT_PROPOSALS: cycle_counts(
            inputs.policy,
            inputs.position,
            moved.select("product_sku", "location_id", "quantity", "event_time").collect(),
            workspace.now(),
        ),
    }
    return _written(workspace, report, frames, pins, today)


def refresh_figures(workspace: Workspace, *, anew: bool = False) -> Report:
    """Key figures and supplier risk of the day."""
    lake, today = workspace.lake, workspace.now().date()
    report = Report(FIGURE_TABLES)
    pins = stale(lake, FIGURE_TABLES, FIGURE_INPUTS, today, anew=anew)
    if pins is None:
        return report

    def rows(table: Table) -> pl.LazyFrame:
        return lake.scan(table, pins.get(table.path))

    policy, performance = rows(INVENTORY_POLICY).collect(), rows(SUPPLIER_PERFORMANCE).collect()
    orders = current_lines(rows(SUPPLIER_ORDERS)).select("supplier_id", "expected_delivery", "received_at").collect()
    frames = {
        INVENTORY_KPIS: _kpis(workspace, pins, policy, performance, today),
        SUPPLIER_RISK: supplier_risk(performance, orders, policy, today),
    }
    return _written(workspace, report, frames, pins, today)


def _kpis(
    workspace: Workspace, pins: Mapping[str, int], policy: pl.DataFrame, performance: pl.DataFrame, today: date
) -> pl.DataFrame:
    lake = workspace.lake

    def rows(table: Table) -> pl.LazyFrame:
        return lake.scan(table, pins.get(table.path))

    newest = rows(DAILY_INVENTORY_SNAPSHOT).filter(pl.col("event_date") < today).select(pl.col("event_date").max())
    last = newest.collect().item() or today - timedelta(days=1)
    window = Window(last - timedelta(days=WINDOW_DAYS - 1), last)
    # the snapshot has a row on the first of each month, so a month before the window tells how it began
    snapshot = rows(DAILY_INVENTORY_SNAPSHOT).filter(
        pl.col("event_date").is_between(window.first - timedelta(days=31), window.last)
    )
    first = rows(DAILY_INVENTORY_SNAPSHOT).select(pl.col("event_date").min()).collect().item()
    if first is not None and first > window.first:
        window = Window(first, last)
    changed = snapshot.select(
        "product_sku", "location_id", "event_date", "opening_book", "closing_book", "received", "count_variance"
    ).collect()
    sold = rows(DAILY_INVENTORY_SUMMARY).filter(pl.col("transaction_date").is_between(window.first, window.last))
    counted = rows(STOCK_COUNTS).filter(pl.col("event_date").is_between(window.first, window.last))
    master = current(lake, PRODUCTS, pins)
    currencies = master.filter(pl.col("unit_cost").is_not_null())["currency"].drop_nulls().unique().to_list()
    return kpis(
        sums(
            stock_days(changed, window),
            sold.select(
                "store_id", "product_sku", "transaction_date", "demand_quantity",
                revenue=pl.col("total_revenue") - pl.col("cancelled_amount"),
            ).collect(),
            changed.filter(pl.col("event_date") >= window.first).select(
                "product_sku", "location_id", "event_date", "received"
            ),
            master.select("product_sku", "unit_cost").unique("product_sku", keep="last"),
            policy,
            rows(INVENTORY_POSITION).collect(),
            _counts(counted.collect(), changed),
            window,
        ),
        [
            *supplier_figures(performance),
            *decision_figures(rows(ORDER_PROPOSALS).collect(), rows(PROPOSAL_DECISIONS).collect()),
        ],
        currencies[0] if len(currencies) == 1 else None,
        window,
        today,
    )  # fmt: skip


def _counts(counted: pl.DataFrame, snapshot: pl.DataFrame) -> pl.DataFrame:
    """Counted days whose stock was known before: what was expected, and what was found more or less."""
    names = ["product_sku", "location_id", "event_date"]
    days = counted.group_by(names).agg(counted=pl.col("quantity").last())
    known = snapshot.filter(pl.col("opening_book").is_not_null(), pl.col("count_variance").is_not_null())
    joined = days.join(known.select(*names, "count_variance"), on=names)
    return joined.with_columns(expected=pl.col("counted") - pl.col("count_variance")).drop("count_variance")


def _written(
    workspace: Workspace, report: Report, frames: Mapping[Table, pl.DataFrame], pins: Mapping[str, int], today: date
) -> Report:
    for table, frame in frames.items():
        commit = workspace.lake.replace(table, frame, Scope(), {**pins, DAY: today.toordinal()})
        report.add(table, commit, None)
    return report
