"""What runs once a night: the key check over all days. Its decisions are carried out by the next refresh."""

import dagster as dg

from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.defs.lane import mark_process
from inventory_assets.defs.lane_jobs import scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, OWNER, WHEN_IT_FAILS, key, op_kinds


@dg.op(
    pool=LAKE_POOL,
    tags=op_kinds("deltalake"),
    out=dg.Out(dg.Nothing),
    description="Finds keys that stand on several business days. The later day loses: its rows are taken out by a "
    "decision, and brought back by another one when the earlier day's rows are gone. Only keys of days that changed "
    "since the last check are looked for.",
)
def check_keys_over_days(context: dg.OpExecutionContext, store: Store) -> None:
    """Write the findings as decisions; the sensor sees them and asks for a refresh of their days."""
    from inventory_assets.pipeline.duplicate_keys import check_keys

    mark_process(context.instance, context.run_id)
    found = check_keys(store.workspace())
    numbers = {
        "rows_looked_for": found.rows_looked_for,
        "taken_out": found.taken_out,
        "brought_back": found.brought_back,
        "days_to_rebuild": len(found.days),
    }
    context.log.info(f"key check: {numbers}")
    if found.waiting:
        context.log.warning(f"{found.waiting} more rows are left to the next check")
    if found.written:
        context.log_event(dg.AssetMaterialization(key(DECISIONS.path), metadata=numbers))


@dg.job(
    executor_def=dg.in_process_executor,
    owners=[OWNER],
    metadata=WHEN_IT_FAILS,
    description="The key check of design §4: one row a key over the whole table. Its findings are rows of "
    "silver/decisions by the author `nightly key check`; running it twice adds nothing.",
)
def nightly_key_check() -> None:
    """One op, in the pool of all writers of the lake."""
    check_keys_over_days()


every_night = scheduled(
    "nightly_key_check_schedule",
    nightly_key_check,
    "20 2 * * *",
    "The key check, every night at 02:20 UTC.",
)
