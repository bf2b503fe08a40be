"""A sensor that lets `replenish` run before the night, where somebody asked for goods at once or set a parameter."""

import json

import dagster as dg

from inventory_assets.defs.lane import live_runs
from inventory_assets.defs.replenishment import replenish
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import OWNER

SECONDS = 30
WHY_TAG = "inventory/replanned_because"


@dg.sensor(
    job=replenish,
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    owners=[OWNER],
    description="Lets `replenish` run soon after an emergency of the live log has reached bronze, and after a planning "
    "parameter was set: the night is too late for both. Its cursor holds the versions it last looked at; what it asks "
    "for follows from the tables, and a run that has not begun yet answers for all that was asked meanwhile.",
)
def replanning(context: dg.SensorEvaluationContext, store: Store) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run where proposals are behind what people want."""
    from inventory_assets.pipeline.replanning import WATCHED, reasons_to_replan

    workspace = store.workspace()
    looked = json.dumps(workspace.lake.pins(WATCHED), sort_keys=True)
    if looked == context.cursor:
        return dg.SkipReason("no event and no parameter since the last look")
    if any(record.dagster_run.job_name == replenish.name for record in live_runs(context.instance)):
        return dg.SkipReason("`replenish` is under way")
    reasons = reasons_to_replan(workspace)
    context.update_cursor(looked)
    if not reasons:
        return dg.SkipReason("nobody asked for goods at once, and the policies know every parameter")
    return dg.RunRequest(tags={WHY_TAG: "; ".join(reasons)})
