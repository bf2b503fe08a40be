"""One sensor plans all sources: it lists the landing folder and asks for at most one run of the lane."""

from datetime import timedelta

import dagster as dg

from inventory_assets.defs.bronze import BRONZE_STEP
from inventory_assets.defs.jobs import refresh
from inventory_assets.defs.lane import BATCH_TAG, attempts, failures_in_a_row, last_run, live_runs, sweep
from inventory_assets.defs.resources import Clock, Store
from inventory_assets.defs.steps import op_of
from inventory_assets.settings import Settings

LONGEST_PAUSE = timedelta(minutes=10)


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=Settings().ingest.interval_seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for complete new files in the landing folder, and for work a dead run or a postponed "
    "publication left behind. Progress is what bronze holds; the cursor is only a note.",
)
def landing(context: dg.SensorEvaluationContext, store: Store, clock: Clock) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when files are waiting or work was left behind."""
    from inventory_assets.pipeline.ingest import plan
    from inventory_assets.pipeline.publish import publication_due

    machine_now = Clock().now()
    dead = sweep(context.instance, machine_now)
    live = live_runs(context.instance)
    if live:
        return dg.SkipReason(f"run {live[0].dagster_run.run_id} of the lane is under way")
    workspace, settings = store.workspace(), store.settings()
    failed = failures_in_a_row(context.instance)
    newest = last_run(context.instance)
    if failed and newest is not None and not dead:
        pause = min(timedelta(seconds=5 * 2 ** (failed - 1)), LONGEST_PAUSE)
        if machine_now - newest.update_timestamp < pause:
            return dg.SkipReason(f"{failed} runs failed in a row; next attempt {pause} after the last")
    planned = plan(workspace, settings.ingest)
    for path in planned.rewritten:
        context.log.warning(f"{path} was rewritten under its name; read it again with `inventory reread {path}`")
    if not planned.files and not failed and not publication_due(workspace, settings):
        return dg.SkipReason(f"nothing new; {len(planned.waiting)} files still being written")
    tried = attempts(context.instance, planned.identity)
    batch = {
        "files": [file.path for file in planned.files],
        "last_attempt": tried + 1 >= settings.ingest.max_attempts,
    }
    request = dg.RunRequest(
        run_key=f"{planned.identity}/{tried}/{machine_now.isoformat()}",
        tags={BATCH_TAG: planned.identity},
        run_config=dg.RunConfig(ops={op_of(BRONZE_STEP): {"config": batch}}),
    )
    return dg.SensorResult(run_requests=[request], cursor=planned.identity)
