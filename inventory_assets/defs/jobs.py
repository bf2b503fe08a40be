"""The refresh job: one in-process run from landing files to the published DuckDB file."""

import dagster as dg

from inventory_assets.defs.analytics import CUSTOMERS_STEP, DEMAND_STEP, ITEMS_STEP
from inventory_assets.defs.bronze import BRONZE_STEP
from inventory_assets.defs.gold import ORDERS_STEP, POSITION_STEP, SALES_STEP, SNAPSHOT_STEP, SUPPLIERS_STEP
from inventory_assets.defs.lane import REFRESH
from inventory_assets.defs.lane_jobs import begin, graph_job
from inventory_assets.defs.live_log import EVENTS_STEP
from inventory_assets.defs.maintenance import note_refresh
from inventory_assets.defs.publish import publish_now
from inventory_assets.defs.quality import SCORES_STEP
from inventory_assets.defs.resources import Store
from inventory_assets.defs.silver import FACTS_STEP, MASTERS_STEP, MOVEMENTS_STEP
from inventory_assets.defs.specs import op_kinds
from inventory_assets.defs.steps import as_op, op_of

STEPS = (
    BRONZE_STEP, EVENTS_STEP, MASTERS_STEP, FACTS_STEP, MOVEMENTS_STEP, SALES_STEP, SUPPLIERS_STEP, ORDERS_STEP,
    POSITION_STEP, SNAPSHOT_STEP, SCORES_STEP, DEMAND_STEP, ITEMS_STEP, CUSTOMERS_STEP,
)  # fmt: skip


@dg.op(
    ins={"after": dg.In(dg.Nothing)}, out={"done": dg.Out(dg.Nothing)}, pool="duckdb", tags=op_kinds("duckdb"),
    description="Tags the versions this refresh left, removes files replaced long ago, and replaces the DuckDB file if "
    "a publication is due.",
)  # fmt: skip
def serving(context: dg.OpExecutionContext, store: Store) -> None:
    """Publish what changed."""
    note_refresh(context, store)
    numbers = publish_now(store)
    if numbers["published"]:
        context.log_event(dg.AssetMaterialization(["serving", "inventory_duckdb"], metadata=numbers))


def _dependencies() -> dict[str, dict[str, dg.MultiDependencyDefinition]]:
    """Each step after those that write its inputs; masters before facts, because facts are flagged by them."""
    writer = {table.path: op_of(step) for step in STEPS for table in step.tables}
    after: dict[str, dict[str, dg.MultiDependencyDefinition]] = {}
    for step in STEPS:
        named = {writer[path] for table in step.tables for path in table.upstream if path in writer} - {op_of(step)}
        sources = sorted(named) or [begin.name]
        after[op_of(step)] = {
            "after": dg.MultiDependencyDefinition([dg.DependencyDefinition(s, "done") for s in sources])
        }
    everything = [dg.DependencyDefinition(op_of(step), "done") for step in STEPS]
    after[serving.name] = {"after": dg.MultiDependencyDefinition(everything)}
    return after


refresh = graph_job(
    REFRESH,
    "Takes new landing files into bronze and rebuilds exactly the days that changed, up to the DuckDB "
    "file. Running it with nothing new writes nothing.",
    [begin, *(as_op(step) for step in STEPS), serving],
    _dependencies(),
)
