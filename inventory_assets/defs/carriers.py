"""Who carries a run, and whether that process still lives: marks in tags, and what Dagster's own events say.

What is done about a run that nobody carries is `lane`. Invariant: a run is called gone only where no process of this
machine can still carry it on, or where one that could would have said so long ago; on other hosts nobody can tell.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunRecord
from dagster._core.storage.tags import GRPC_INFO_TAG

PROCESS_TAG = "inventory/process"
LAUNCHER_TAG = "inventory/launcher"
START_TIMEOUT = timedelta(seconds=180)
"""How long a run may take from its launch to its first event while the process that launches it lives."""
LAUNCH_GRACE = timedelta(seconds=20)
"""The same where that process is gone: the code server may have been asked just before."""
SUBMIT_TIMEOUT = timedelta(seconds=30)
"""How long a run may stay between being made and being queued; one process does both at once."""
MARK_TIMEOUT = timedelta(seconds=45)
"""How long a started run of the lane may take to name its process: it is the first thing it does."""
FIRST_EVENTS = 20
CLOCK_SLACK_SECONDS = 2.0
HERE = ("localhost", "127.0.0.1", "")


def boot_id() -> str:
    """Identity of this boot of the machine, empty where the system has none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def process_mark(pid: int) -> str:
    """What tells a process from all others: host, boot, pid, start."""
    import psutil

    return f"{socket.gethostname()}/{boot_id()}/{pid}/{int(psutil.Process(pid).create_time())}"


def process_lives(mark: str) -> bool:
    """Whether the process of a mark is still there; on another host nobody can tell, so it counts as alive."""
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


def pid_lived_on(pid: int, at: datetime) -> bool:
    """Whether the process that had a pid at an instant is still there; one begun later only has its number."""
    import psutil

    try:
        process = psutil.Process(pid)
        begun = process.create_time() <= at.timestamp() + CLOCK_SLACK_SECONDS
        return begun and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_gone(instance: DagsterInstance, record: RunRecord, now: datetime, *, marks_itself: bool) -> bool:
    """Whether no process carries a run that is not over.

    A queued run waits its turn however long that takes.

    Args:
        instance: the Dagster instance.
        record: the run.
        now: the time.
        marks_itself: whether naming its process is the first thing the run does.
    """
    run, silence = record.dagster_run, now - record.update_timestamp
    if run.status == DagsterRunStatus.QUEUED:
        return False
    mark = run.tags.get(PROCESS_TAG)
    if mark is not None:
        return not process_lives(mark)
    worker = _worker(instance, record)
    if worker is not None:
        return not pid_lived_on(*worker)
    if run.status == DagsterRunStatus.NOT_STARTED:
        return silence > SUBMIT_TIMEOUT
    if run.status == DagsterRunStatus.STARTED:
        return marks_itself and silence > MARK_TIMEOUT
    launcher = run.tags.get(LAUNCHER_TAG)
    launching = launcher is None or process_lives(launcher)
    return silence > (START_TIMEOUT if launching else LAUNCH_GRACE)


def _worker(instance: DagsterInstance, record: RunRecord) -> tuple[int, datetime] | None:
    """Pid of the process a code server of this machine started for a run, and when the process said so."""
    run = record.dagster_run
    if not _is_local(run.tags.get(GRPC_INFO_TAG)):
        return None
    found = instance.get_records_for_run(
        run.run_id, of_type=DagsterEventType.ENGINE_EVENT, limit=FIRST_EVENTS, ascending=True
    )
    for each in found.records:
        event = each.event_log_entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None:
            return int(str(pid.value)), datetime.fromtimestamp(each.event_log_entry.timestamp, UTC)
    return None


def _is_local(code_server: str | None) -> bool:
    """Whether the tag that names a run's code server names one of this machine."""
    import json

    return code_server is not None and json.loads(code_server).get("host", "") in (*HERE, socket.gethostname())
