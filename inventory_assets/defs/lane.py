"""The refresh lane: one run at a time carries everything from landing to DuckDB; dead runs free it by themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

LANE_TAG, LANE = "inventory/lane", "refresh"
PROCESS_TAG = "inventory/process"
BATCH_TAG = "inventory/batch"
START_TIMEOUT = timedelta(seconds=180)
LIVE = [
    DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]  # fmt: skip


def boot_id() -> str:
    """Identity of this boot of the machine, empty where the system has none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def mark_process(instance: dg.DagsterInstance, run_id: str) -> None:
    """Note in the run which process carries it, so that its death can be told from slowness."""
    import psutil

    started = int(psutil.Process().create_time())
    instance.add_run_tags(run_id, {PROCESS_TAG: f"{os.getpid()}/{started}/{boot_id()}"})


def process_lives(tag: str) -> bool:
    """Whether the process of a run is still there: same pid, same start, same boot."""
    import psutil

    pid, started, boot = tag.split("/", 2)
    if boot != boot_id():
        return False
    try:
        return int(psutil.Process(int(pid)).create_time()) == int(started)
    except psutil.NoSuchProcess:
        return False


def live_runs(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """Runs of the lane that are not over."""
    return instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}, statuses=LIVE))


def last_run(instance: dg.DagsterInstance) -> dg.RunRecord | None:
    """The newest run of the lane."""
    records = instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}), limit=1)
    return records[0] if records else None


def sweep(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Fail runs of the lane whose process is gone; returns their ids."""
    dead = []
    for record in live_runs(instance):
        run = record.dagster_run
        tag = run.tags.get(PROCESS_TAG)
        waited = now - record.create_timestamp
        starting = run.status in {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED}
        gone = not process_lives(tag) if tag else starting and waited > START_TIMEOUT
        if gone:
            instance.report_run_failed(run, "The process of this run is gone; its work is taken up by the next run.")
            dead.append(run.run_id)
    return dead


def failures_in_a_row(instance: dg.DagsterInstance, limit: int = 10) -> int:
    """How many of the newest runs of the lane failed without a success between."""
    count = 0
    for record in instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}), limit=limit):
        if record.dagster_run.status == DagsterRunStatus.SUCCESS:
            break
        count += record.dagster_run.status == DagsterRunStatus.FAILURE
    return count


def attempts(instance: dg.DagsterInstance, batch: str) -> int:
    """How many runs were made for a batch of files."""
    return len(instance.get_run_records(RunsFilter(tags={BATCH_TAG: batch})))
