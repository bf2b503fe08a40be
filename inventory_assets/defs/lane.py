"""The refresh lane: one run at a time carries everything from landing to DuckDB; dead runs free it by themselves."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

if TYPE_CHECKING:
    from inventory_assets.pipeline.cadence import Refreshed

LANE_TAG, LANE = "inventory/lane", "refresh"
REFRESH = "refresh"
"""Name of the job the sensor asks for; other jobs of the lane keep it waiting, but are not its failures."""
WRITTEN_TAG, GROWN_TAG = "inventory/bytes_written", "inventory/bytes_grown"
RECENT_RUNS = 200
PROCESS_TAG = "inventory/process"
START_TIMEOUT = timedelta(seconds=180)
MARK_TIMEOUT = timedelta(seconds=45)
"""How long a started run may take to name its process: it is the first thing it does."""
LONGEST_PAUSE = timedelta(minutes=10)
TURN_SECONDS = 1.0
LIVE = [
    DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]  # fmt: skip


def boot_id() -> str:
    """Identity of this boot of the machine, empty where the system has none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def process_mark(pid: int) -> str:
    """What tells a process from all others: host, boot, pid, start."""
    import psutil

    return f"{socket.gethostname()}/{boot_id()}/{pid}/{int(psutil.Process(pid).create_time())}"


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


def process_lives(mark: str) -> bool:
    """Whether the process of a run is still there; on another host nobody can tell, so it counts as alive."""
    import psutil

    host, boot, pid, started = mark.rsplit("/", 3)
    if host != socket.gethostname():
        return True
    if boot != boot_id():
        return False
    try:
        process = psutil.Process(int(pid))
        return int(process.create_time()) == int(started) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def live_runs(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """Runs of the lane that are not over, newest first."""
    return instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}, statuses=LIVE))


def sweep(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Fail runs of the lane whose process is gone, or that nothing ever began to carry; returns their ids.

    A queued run waits its turn however long that takes. One on its way must start within `START_TIMEOUT` of the last
    thing that happened to it, and a started one must name its process within `MARK_TIMEOUT`.
    """
    dead = []
    for record in live_runs(instance):
        run = record.dagster_run
        mark = run.tags.get(PROCESS_TAG)
        patience = MARK_TIMEOUT if run.status == DagsterRunStatus.STARTED else START_TIMEOUT
        silent = run.status != DagsterRunStatus.QUEUED and now - record.update_timestamp > patience
        if silent if mark is None else not process_lives(mark):
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
    over = RunsFilter(
        job_name=REFRESH,
        tags={LANE_TAG: LANE},
        statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED],
    )
    records = list(instance.get_run_records(over, limit=limit))
    ended = (n for n, r in enumerate(records) if r.dagster_run.status == DagsterRunStatus.SUCCESS)
    return records[: next(ended, len(records))]


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
