"""A sensor that lets `replenish` run before the night: goods wanted at once, a parameter, low stock, a failed run."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from inventory_assets.defs.lane import ATTEMPT_TAG, OVER, in_a_row, live_runs, unfinished_in_a_row
from inventory_assets.defs.replenishment import replenish
from inventory_assets.defs.resources import Clock, Store
from inventory_assets.defs.specs import OWNER

SECONDS = 30
WHY_TAG = "inventory/replanned_because"
LONGEST_PAUSE = timedelta(hours=1)
RECENT_RUNS = 20


@dg.sensor(
    job=replenish,
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    owners=[OWNER],
    description="Lets `replenish` run soon after an emergency of the live log has reached bronze, after a planning "
    "parameter was set, and after the live layer told that stock is low (at most once a pair and "
    "`replanning.low_stock_seconds`): the night is too late for them. A run it asked for that failed is asked for "
    "again, after longer and longer pauses. Its cursor holds the versions it last looked at and the notices that wait; "
    "a run that has not begun yet answers for all that was asked meanwhile.",
)
def replanning(context: dg.SensorEvaluationContext, store: Store) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run where proposals are behind what people want or what stock says."""
    from inventory_assets.operate.low_stock import low_notices
    from inventory_assets.pipeline.low_stock import answered, due, heard, known_sequence, read, reason
    from inventory_assets.pipeline.replanning import WATCHED, reasons_to_replan

    workspace, settings = store.workspace(), store.settings()
    now, interval = Clock().now(), timedelta(seconds=settings.replanning.low_stock_seconds)
    memory = read(context.cursor)
    lows, seen = low_notices(settings, memory.notices)
    if seen is not None:
        memory = heard(memory, lows, seen, now, interval)
        context.update_cursor(memory.written())
    live = {record.dagster_run.job_name for record in live_runs(context.instance)}
    if replenish.name in live:
        return dg.SkipReason("`replenish` is under way")
    failed = failed_requests(context.instance)
    if failed and now - failed[0].update_timestamp < pause_after(len(failed)):
        return dg.SkipReason(
            f"{len(failed)} runs in a row failed; the next one {pause_after(len(failed))} after the last"
        )
    if failed:
        why = next(record.dagster_run.tags[WHY_TAG] for record in failed if WHY_TAG in record.dagster_run.tags)
        return dg.RunRequest(tags={WHY_TAG: why, ATTEMPT_TAG: str(len(failed) + 1)})
    looked = workspace.lake.pins(WATCHED)
    reasons = reasons_to_replan(workspace) if looked != memory.looked else []
    # a refresh under way, or one that failed, has yet to bring the stock that notices speak of into the position
    settled = not live and not unfinished_in_a_row(context.instance)
    pressing = due(memory, known_sequence(workspace.lake)) if settled and memory.waiting else ()
    memory = answered(memory, pressing, now)
    context.update_cursor(replace(memory, looked=looked).written())
    if pressing:
        reasons.append(reason(pressing))
    if not reasons:
        return dg.SkipReason("nobody asked for goods at once, the policies know every parameter, no new stock is low")
    return dg.RunRequest(tags={WHY_TAG: "; ".join(reasons)})


def failed_requests(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """Runs of `replenish` that failed since the last one that did not, newest first; none where nobody asked for them.

    One that people cancelled is no failure: they wanted it gone.
    """
    runs = RunsFilter(job_name=replenish.name, statuses=OVER)
    found = in_a_row(instance, runs, {DagsterRunStatus.FAILURE}, RECENT_RUNS)
    return found if any(WHY_TAG in record.dagster_run.tags for record in found) else []


def pause_after(failures: int) -> timedelta:
    """How long to wait before the next attempt: half a minute, then twice as long each time, an hour at most."""
    return min(timedelta(seconds=SECONDS) * 2 ** min(failures - 1, RECENT_RUNS), LONGEST_PAUSE)
