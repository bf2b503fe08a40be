"""Analytics assets: features by day, by item and by customer."""

from collections.abc import Iterator

import dagster as dg

from inventory_assets.contracts.analytics import (
    CUSTOMER_BEHAVIOR_FEATURES,
    DEMAND_FORECASTING_FEATURES,
    INVENTORY_OPTIMIZATION_FEATURES,
)
from inventory_assets.defs.events import requested_days, results, stored_check, stored_results
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, spec


@dg.multi_asset(
    specs=[spec(DEMAND_FORECASTING_FEATURES)],
    check_specs=[stored_check(DEMAND_FORECASTING_FEATURES)],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=LAKE_POOL,
)
def demand_features(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """Calendar, lags and windows of the days whose last 90 days changed."""
    from inventory_assets.pipeline.analytics import refresh_demand_features

    workspace = store.workspace()
    report = refresh_demand_features(workspace, requested_days(context))
    yield from results(context, report, stored_results(workspace.lake, report))


@dg.multi_asset(
    specs=[spec(INVENTORY_OPTIMIZATION_FEATURES), spec(CUSTOMER_BEHAVIOR_FEATURES)],
    check_specs=[stored_check(INVENTORY_OPTIMIZATION_FEATURES), stored_check(CUSTOMER_BEHAVIOR_FEATURES)],
    pool=LAKE_POOL,
)
def behavior_features(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
    """How items sell and how customers buy, over the whole history."""
    from inventory_assets.pipeline.analytics import refresh_customer_features, refresh_item_features

    workspace = store.workspace()
    for refresh in (refresh_item_features, refresh_customer_features):
        report = refresh(workspace)
        yield from results(context, report, stored_results(workspace.lake, report))
