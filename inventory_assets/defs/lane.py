"""The refresh lane: one run at a time carries everything from landing to DuckDB; dead runs free it by themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from inventory_assets.defs.carriers import PROCESS_TAG, is_gone, process_mark

if TYPE_CHECKING:
    from inventory_assets.pipeline.cadence import Refreshed

LANE_TAG, LANE = "inventory/lane", "refresh"
REFRESH = "refresh"
"""Name of the job the sensor asks for; other jobs of the lane keep it waiting, but are not its failures."""
WRITTEN_TAG, GROWN_TAG = "inventory/bytes_written", "inventory/bytes_grown"
RECENT_RUNS = 200
LONGEST_PAUSE = timedelta(minutes=10)
OVER = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
ATTEMPT_TAG = "inventory/attempt"
TURN_SECONDS = 1.0
CARRIED = [
    DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING,
]  # fmt: skip
LIVE = [DagsterRunStatus.QUEUED, *CARRIED]


def mark_process(instance: dg.DagsterInstance, run_id: str) -> None:
    """Note in the run which process carries it, so that its death can be told from slowness."""
    instance.add_run_tags(run_id, {PROCESS_TAG: process_mark(os.getpid())})


def carried_here(context: dg.AssetExecutionContext) -> None:
    """Note the process of a run of assets at its first step; steps of other executors have processes of their own."""
    if context.job_def.executor_def.name != dg.in_process_executor.name:
        return
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and PROCESS_TAG not in run.tags:
        mark_process(context.instance, context.run_id)


def live_runs(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """Runs of the lane that are not over, newest first."""
    return instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}, statuses=LIVE))


def sweep(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Fail runs of any job whose process is gone, or that nothing ever began to carry; returns their ids.

    Not only those of the lane: a dead backfill, maintenance or nightly check holds the lake's pool as well.
    """
    dead = []
    for record in instance.get_run_records(RunsFilter(statuses=CARRIED)):
        run = record.dagster_run
        if is_gone(instance, record, now, marks_itself=run.tags.get(LANE_TAG) == LANE):
            instance.report_run_failed(run, "The process of this run is gone; its work is taken up by the next run.")
            dead.append(run.run_id)
    return dead


def await_turn(instance: dg.DagsterInstance, run_id: str) -> None:
    """Wait until older runs of the lane are over.

    The queue lets one run of the lane pass at a time; a run started past it (`dagster job execute`) waits here.
    """
    mine = next(record.storage_id for record in live_runs(instance) if record.dagster_run.run_id == run_id)
    begun = {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
    while any(r.storage_id < mine and r.dagster_run.status in begun for r in live_runs(instance)):
        sweep(instance, datetime.now().astimezone())
        time.sleep(TURN_SECONDS)


def unfinished_in_a_row(instance: dg.DagsterInstance, limit: int = 10) -> Sequence[dg.RunRecord]:
    """The newest refreshes that ended without success, up to the last success."""
    refreshes = RunsFilter(job_name=REFRESH, tags={LANE_TAG: LANE}, statuses=OVER)
    return in_a_row(instance, refreshes, {DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}, limit)


def in_a_row(
    instance: dg.DagsterInstance, runs: RunsFilter, statuses: Collection[DagsterRunStatus], limit: int
) -> Sequence[dg.RunRecord]:
    """The newest of some runs, as long as each ended in one of these ways."""
    records = list(instance.get_run_records(runs, limit=limit))
    others = (n for n, record in enumerate(records) if record.dagster_run.status not in statuses)
    return records[: next(others, len(records))]


def recent_refreshes(instance: dg.DagsterInstance) -> list[Refreshed]:
    """Refreshes that succeeded and said what they wrote, newest first."""
    from inventory_assets.pipeline.cadence import Refreshed

    over = RunsFilter(job_name=REFRESH, tags={LANE_TAG: LANE}, statuses=[DagsterRunStatus.SUCCESS])
    found = []
    for record in instance.get_run_records(over, limit=RECENT_RUNS):
        tags = record.dagster_run.tags
        if WRITTEN_TAG in tags and record.start_time and record.end_time:
            began, ended = (datetime.fromtimestamp(at, UTC) for at in (record.start_time, record.end_time))
            found.append(Refreshed(began, ended, int(tags[WRITTEN_TAG]), int(tags[GROWN_TAG])))
    return found


def pause_after(failures: int) -> timedelta:
    """How long to wait before the next attempt: none after the first failure, then longer and longer."""
    return min(timedelta(seconds=5 * (2 ** max(failures - 1, 0) - 1)), LONGEST_PAUSE)
