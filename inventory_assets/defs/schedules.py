"""Refreshes by the clock, beside those the sensor asks for when something arrives.

The sensor sees a file within seconds; these hold when it is switched off, and when nothing arrives but a day ends.
Schedules of other jobs stand beside their jobs. Invariant: the lane has one run at a time, whoever asks.
"""

import dagster as dg

from inventory_assets.defs.bronze import BRONZE_STEP
from inventory_assets.defs.jobs import refresh
from inventory_assets.defs.lane import live_runs, unfinished_in_a_row
from inventory_assets.defs.lane_jobs import scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import OWNER
from inventory_assets.defs.steps import op_of

SUPPLIER_FEEDS = ("supplier", "suppliers")


@dg.schedule(
    name="hourly_suppliers",
    job=refresh,
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    owners=[OWNER],
    description="Takes waiting files of suppliers in once an hour, also while the sensor is off or holds refreshes "
    "back. It skips where none waits, and where a run of the lane takes them anyway.",
)
def hourly_suppliers(context: dg.ScheduleEvaluationContext, store: Store) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run of the supplier files that wait."""
    from inventory_assets.pipeline.ingest import plan

    live = live_runs(context.instance)
    if live:
        return dg.SkipReason(f"run {live[0].dagster_run.run_id} of the lane is under way")
    if unfinished_in_a_row(context.instance):
        return dg.SkipReason("the last refresh did not succeed; the sensor tries again, with growing pauses")
    files = [
        file.path
        for file in plan(store.workspace(), store.settings().ingest).files
        if file.feed in SUPPLIER_FEEDS
    ]  # fmt: skip
    if not files:
        return dg.SkipReason("no file of a supplier waits")
    return dg.RunRequest(run_config=dg.RunConfig(ops={op_of(BRONZE_STEP): {"config": {"files": files}}}))


daily_snapshot = scheduled(
    "daily_snapshot",
    refresh,
    "10 12 * * *",
    "A refresh at 12:10 UTC, when the business day of yesterday is over in every time zone: its closing "
    "stock is in `gold/daily_inventory_snapshot` afterwards. It writes nothing where the sensor has done all of it.",
)
