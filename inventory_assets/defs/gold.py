"""Gold assets: sales by day, suppliers, and the stock position."""

from collections.abc import Iterator

import dagster as dg

from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SNAPSHOT,
    DAILY_INVENTORY_SUMMARY,
    INVENTORY_POSITION,
    PRODUCT_PERFORMANCE,
    STOCK_CHECKPOINTS,
    STORE_PERFORMANCE,
    SUPPLIER_PERFORMANCE,
)
from inventory_assets.defs.events import requested_days, results, stored_check, stored_results
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, spec

SALES_TABLES = (DAILY_INVENTORY_SUMMARY, PRODUCT_PERFORMANCE, STORE_PERFORMANCE)
STATE_TABLES = (STOCK_CHECKPOINTS, INVENTORY_POSITION)


@dg.multi_asset(
    specs=[spec(table) for table in SALES_TABLES],
    check_specs=[stored_check(table) for table in SALES_TABLES],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=LAKE_POOL,
)
def gold_sales(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Sales by store and item, by item and by store, of the days whose facts changed."""
    from inventory_assets.pipeline.gold import refresh_sales

    workspace = store.workspace()
    report = refresh_sales(workspace, requested_days(context))
    yield from results(context, report, stored_results(workspace.lake, report))


@dg.multi_asset(specs=[spec(SUPPLIER_PERFORMANCE)], check_specs=[stored_check(SUPPLIER_PERFORMANCE)], pool=LAKE_POOL)
def gold_suppliers(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """How well suppliers deliver."""
    from inventory_assets.pipeline.gold import refresh_suppliers

    workspace = store.workspace()
    report = refresh_suppliers(workspace)
    yield from results(context, report, stored_results(workspace.lake, report))


@dg.multi_asset(
    specs=[spec(table) for table in STATE_TABLES],
    check_specs=[stored_check(table) for table in STATE_TABLES],
    pool=LAKE_POOL,
)
def gold_stock(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Month-end checkpoints of the keys that changed, and the position of every item at every location."""
    from inventory_assets.pipeline.stock import refresh_position

    workspace = store.workspace()
    report = refresh_position(workspace)
    yield from results(context, report, stored_results(workspace.lake, report))


@dg.multi_asset(
    specs=[spec(DAILY_INVENTORY_SNAPSHOT)],
    check_specs=[stored_check(DAILY_INVENTORY_SNAPSHOT)],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=LAKE_POOL,
)
def gold_snapshot(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Closing stock of the days that changed, forward to the next count of their keys."""
    from inventory_assets.pipeline.stock import refresh_snapshot

    workspace = store.workspace()
    report = refresh_snapshot(workspace, requested_days(context))
    yield from results(context, report, stored_results(workspace.lake, report))
