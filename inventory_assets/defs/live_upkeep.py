"""What the live log needs once a night: a proven checkpoint, and the removal of old events behind it."""

import dagster as dg

from inventory_assets.defs.lane import mark_process
from inventory_assets.defs.lane_jobs import scheduled
from inventory_assets.defs.resources import Clock, Store
from inventory_assets.defs.specs import OWNER, WHEN_IT_FAILS, op_kinds


@dg.op(
    tags=op_kinds("postgres"),
    out=dg.Out(dg.Nothing),
    description="Folds the log and compares it with the state; where they are equal, keeps the balances with their "
    "hash and removes events older than 30 days that the lake holds. Nothing where there is no live database.",
)
def prove_and_purge(context: dg.OpExecutionContext, store: Store) -> None:
    """A checkpoint, then a purge; fails where the state is not what the log says."""
    mark_process(context.instance, context.run_id)
    settings = store.settings()
    if not settings.has_live_database:
        context.log.info("there is no live database")
        return

    from inventory_assets.live.database.opening import database_url
    from inventory_assets.operate.live_history import checkpoint, purge_log
    from inventory_assets.operate.live_log import live_engine

    lake, now = store.workspace().lake, Clock().now()
    with live_engine(settings) as engine:
        made = checkpoint(engine, database_url(settings), lake, now)
        context.log.info(f"{made.pairs} balances proven at sequence {made.sequence}, hash {made.hash.hex()}")
        upto = purge_log(engine, lake, now)
    context.log.info(f"events up to sequence {upto} are in the lake alone")


@dg.job(
    executor_def=dg.in_process_executor,
    owners=[OWNER],
    metadata=WHEN_IT_FAILS,
    description="Proves the live state by its log and keeps the log small. It writes nothing of the lake.",
)
def live_upkeep() -> None:
    """One op."""
    prove_and_purge()


nightly_live_upkeep = scheduled(
    "nightly_live_upkeep",
    live_upkeep,
    "40 2 * * *",
    "Checkpoint and purge of the live log, every night at 02:40 UTC; nothing without a live database.",
)
