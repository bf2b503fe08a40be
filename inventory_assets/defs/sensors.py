"""One sensor plans all sources: it looks at the landing folder and the live log, and asks for at most one run."""

import dagster as dg

from inventory_assets.defs.bronze import BRONZE_STEP
from inventory_assets.defs.jobs import refresh
from inventory_assets.defs.lane import ATTEMPT_TAG, live_runs, pause_after, recent_refreshes, sweep, unfinished_in_a_row
from inventory_assets.defs.resources import Clock, Store
from inventory_assets.defs.specs import OWNER
from inventory_assets.defs.steps import op_of
from inventory_assets.settings import Settings

FILES_TAG = "inventory/files"


def no_sooner_than(interval_seconds: int) -> int:
    """What to ask of Dagster's daemon for a look in every so many seconds.

    It goes over its sensors every 5 seconds and leaves one out that was looked at a moment less ago than asked, which
    then waits for the next round: 10 seconds asked are 10 or 15.
    """
    return max(1, interval_seconds - 1)


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=no_sooner_than(Settings().ingest.interval_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    owners=[OWNER],
    description="Looks for complete new files in the landing folder, for events of the live log, for decisions about "
    "rows, and for work a dead run, a postponed publication or a new day left behind. It keeps nothing: progress is "
    "what bronze holds, so a tick that fails loses nothing.",
)
def landing(context: dg.SensorEvaluationContext, store: Store) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when files are waiting or work was left behind."""
    from inventory_assets.operate.live_log import events_wait
    from inventory_assets.pipeline.cadence import bounds, next_pause
    from inventory_assets.pipeline.ingest import plan
    from inventory_assets.pipeline.orders import orders_due
    from inventory_assets.pipeline.publish import publication_due
    from inventory_assets.pipeline.silver import decisions_waiting

    now = Clock().now()  # runs are stamped by the machine's clock, whatever clock the data is read by
    for run_id in sweep(context.instance, now):
        context.log.warning(f"the process of run {run_id} is gone; the run was failed")
    live = live_runs(context.instance)
    if live:
        return dg.SkipReason(f"run {live[0].dagster_run.run_id} of the lane is under way")
    unfinished = unfinished_in_a_row(context.instance)
    pause = pause_after(len(unfinished))
    if pause and now - unfinished[0].update_timestamp < pause:
        return dg.SkipReason(f"{len(unfinished)} runs in a row did not succeed; next attempt {pause} after the last")
    workspace, settings = store.workspace(), store.settings()
    planned = plan(workspace, settings.ingest)
    for path in planned.rewritten:
        context.log.warning(f"{path} was rewritten under its name; read it again with `inventory reread {path}`")
    for path in planned.locked:
        context.log.warning(f"{path} cannot be read by this user; it is taken in once it can")
    for other in planned.unrecognised:
        context.log.warning(f"not taken in: {other}")
    due = decisions_waiting(workspace.lake) or publication_due(workspace, settings) or orders_due(workspace)
    due = due or events_wait(settings, workspace.lake)
    if not planned.files and not unfinished and not due:
        return dg.SkipReason(
            f"nothing new; {len(planned.waiting)} files still being written, {len(planned.rewritten)} rewritten "
            f"under their name, {len(planned.unrecognised)} of no known feed"
        )
    recent = recent_refreshes(context.instance)
    held_back = next_pause(recent, bounds(settings.maintenance))
    if held_back and now - recent[0].ended < held_back and not unfinished and not publication_due(workspace, settings):
        return dg.SkipReason(
            f"{len(planned.files)} files wait: refreshes follow each other so closely that they would write too much; "
            f"the next one begins {held_back} after the last"
        )
    attempt = len(unfinished) + 1
    batch = {
        "files": [file.path for file in planned.files],
        "last_attempt": attempt >= settings.ingest.max_attempts,
    }
    return dg.RunRequest(
        tags={FILES_TAG: str(len(planned.files)), ATTEMPT_TAG: str(attempt)},
        run_config=dg.RunConfig(ops={op_of(BRONZE_STEP): {"config": batch}}),
    )
