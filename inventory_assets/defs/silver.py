"""Silver assets: masters as a whole, facts by day."""

from collections.abc import Iterator

import dagster as dg

from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    DAY_BALANCE,
    DECISIONS,
    GIVEN_AWAY,
    LOCATIONS,
    NON_MERCHANDISE,
    PRODUCTS,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    STOCK_COUNTS,
    STOCK_MOVEMENTS,
    STOCK_OPENINGS,
    SUPPLIER_ORDERS,
    SUPPLIERS,
    WAREHOUSE_UPDATES,
)
from inventory_assets.defs.events import check_result, requested_days, results, stored_check, stored_results
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, key, spec

MASTERS = (PRODUCTS, LOCATIONS, SUPPLIERS)
FACTS = (
    SALES, RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS, NON_MERCHANDISE, WAREHOUSE_UPDATES, STOCK_COUNTS,
    SUPPLIER_ORDERS, STOCK_OPENINGS, QUARANTINE, DAY_BALANCE,
)  # fmt: skip
BALANCE_CHECK = "every_row_accounted"

decisions = spec(DECISIONS)


@dg.multi_asset(specs=[spec(t) for t in MASTERS], check_specs=[stored_check(t) for t in MASTERS], pool=LAKE_POOL)
def silver_masters(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Item, location and supplier masters with their history."""
    from inventory_assets.pipeline.silver import refresh_master

    workspace = store.workspace()
    for table in MASTERS:
        report = refresh_master(workspace, table.name).only(table)
        yield from results(context, report, stored_results(workspace.lake, report))


@dg.multi_asset(
    specs=[spec(table) for table in FACTS],
    check_specs=[
        *(stored_check(table) for table in FACTS),
        dg.AssetCheckSpec(BALANCE_CHECK, asset=key(DAY_BALANCE.path), blocking=True,
                          description="Every bronze row is in one silver table, in quarantine, or an exact repeat."),
    ],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=LAKE_POOL,
)  # fmt: skip
def silver_facts(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Sales, returns, warehouse records, orders and openings of the dirty days, or of the days asked for."""
    from inventory_assets.pipeline.silver import refresh_facts
    from inventory_assets.quality.checks import every_row_accounted

    workspace = store.workspace()
    report = refresh_facts(workspace, requested_days(context))
    checks = stored_results(workspace.lake, report)
    balance = every_row_accounted(workspace.lake, set(report.replaced[DAY_BALANCE.path].days))
    checks[DAY_BALANCE.path].append(check_result(DAY_BALANCE.path, BALANCE_CHECK, balance))
    yield from results(context, report, checks)


@dg.multi_asset(
    specs=[spec(STOCK_MOVEMENTS)],
    check_specs=[stored_check(STOCK_MOVEMENTS)],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=LAKE_POOL,
)
def silver_movements(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Signed stock movements of the days whose facts changed."""
    from inventory_assets.pipeline.stock import refresh_movements

    workspace = store.workspace()
    report = refresh_movements(workspace, requested_days(context))
    yield from results(context, report, stored_results(workspace.lake, report))
