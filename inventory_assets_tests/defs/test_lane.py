"""The landing sensor against a real instance and real folders: what it asks for, and when it stays quiet."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.events import EngineEventData
from dagster._core.origin import JobPythonOrigin
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG

from inventory_assets.defs import carriers, lane
from inventory_assets.defs.carriers import LAUNCHER_TAG, PROCESS_TAG, START_TIMEOUT
from inventory_assets.defs.lane import LANE, LANE_TAG
from inventory_assets.defs.publish import writing
from inventory_assets.ingest.landing import LandingError
from inventory_assets.pipeline.ingest import ingest
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.publish import refresh_published
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets_tests.defs.installation import NOW, Installation, line, loaded

LIVE_WITHOUT_PROCESS = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)


def tick(installation: Installation) -> dg.SensorExecutionData:
    """One evaluation of the sensor, as the daemon makes it."""
    resources = loaded().resources
    with dg.build_sensor_context(installation.instance, sensor_name="landing", resources=resources) as context:
        return loaded().get_sensor_def("landing").evaluate_tick(context)


def asked(installation: Installation) -> dict | None:
    """Configuration of the run a tick asks for, None where it asks for none."""
    requests = tick(installation).run_requests or []
    assert len(requests) <= 1
    return requests[0].run_config["ops"]["refresh_bronze"]["config"] if requests else None


def quiet(installation: Installation) -> str:
    """Why a tick asks for nothing."""
    data = tick(installation)
    assert not data.run_requests
    return str(data.skip_message)


def run(
    installation: Installation,
    status: DagsterRunStatus,
    process: str | None = None,
    age: timedelta = timedelta(),
    *,
    launcher: str | None = None,
    lane_of: str | None = LANE,
    tags: dict[str, str] | None = None,
) -> str:
    """A run of the lane, or of the nightly check, as the instance knows it."""
    named = {LANE_TAG: lane_of, PROCESS_TAG: process, LAUNCHER_TAG: launcher, **(tags or {})}
    tags = {name: value for name, value in named.items() if value is not None}
    job = loaded().resolve_job_def("refresh" if lane_of else "nightly_key_check")
    where = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("inventory_assets"), "__repository__").get_job_origin(
        job.name
    )
    code = ReconstructableRepository.for_module("inventory_assets.definitions", "defs").get_python_origin()
    made = installation.instance.create_run_for_job(
        job, tags=tags, status=status, remote_job_origin=where, job_code_origin=JobPythonOrigin(job.name, code)
    )
    if age:
        shift(installation, made.run_id, age)
    return made.run_id


def tell_pid(installation: Installation, run_id: str, pid: int) -> None:
    """What a run worker says first, as a code server's child."""
    begun = installation.instance.get_run_by_id(run_id)
    installation.instance.report_engine_event(
        f"Started process for run (pid: {pid}).", begun, EngineEventData.in_process(pid)
    )


def shift(installation: Installation, run_id: str, age: timedelta) -> None:
    """Let the last thing that happened to a run lie in the past."""
    from dagster._core.storage.runs.schema import RunsTable

    moment = datetime.now(UTC).replace(tzinfo=None) - age
    with installation.instance.run_storage.connect() as connection:
        connection.execute(
            RunsTable.update()
            .where(RunsTable.c.run_id == run_id)
            .values(create_timestamp=moment, update_timestamp=moment)
        )


def status_of(installation: Installation, run_id: str) -> DagsterRunStatus:
    found = installation.instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


@pytest.fixture(scope="module")
def gone() -> str:
    """Mark of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = carriers.process_mark(process.pid)
        assert carriers.process_lives(mark)
        process.communicate(b"\n")
    return mark


def test_an_empty_installation_asks_for_nothing(installation):
    assert quiet(installation).startswith("nothing new; 0 files still being written")


def test_complete_files_are_asked_for_by_name(installation):
    first = installation.land_lines("a", line(1))
    second = installation.land_lines("b", line(2))
    assert asked(installation) == {"files": [first, second], "last_attempt": False}


def test_what_a_run_has_taken_in_is_not_asked_for_again(installation):
    installation.land_lines("a", line(1))
    config = asked(installation)
    assert config
    assert installation.refresh(only=("begin", "refresh_bronze"), **config).success
    assert quiet(installation).startswith("nothing new")


def test_a_file_still_being_written_waits(installation):
    installation.land("pos/source=till/a.csv", "transaction_id,", age_seconds=1)
    assert quiet(installation).startswith("nothing new; 1 files still being written")
    complete = installation.land_lines("b", line(1))
    config = asked(installation)
    assert config
    assert config["files"] == [complete]


def test_a_new_day_is_asked_for_where_supplier_orders_are_followed(installation):
    header = "supplier_id,product_sku,expected_delivery,quantity_ordered,order_id,updated_at"
    installation.land("supplier/a.csv", f"{header}\nV1,A,2024-05-20T00:00:00Z,5,O1,2024-05-02T00:00:00Z\n")
    yesterday = open_workspace(installation.settings, lambda: NOW - timedelta(days=1))
    ingest(yesterday, ["supplier/a.csv"], batch_rows=100)
    refresh_all(yesterday)
    assert asked(installation) == {"files": [], "last_attempt": False}
    assert installation.refresh(only=("begin", "refresh_gold_orders", "refresh_gold_stock")).success
    assert installation.rows("gold/open_supplier_orders")["overdue_days"].to_list() == [12]
    refresh_published(open_workspace(installation.settings, lambda: NOW), installation.settings, writing)
    assert quiet(installation).startswith("nothing new")


def test_no_run_is_asked_for_while_one_is_on_its_way(installation):
    installation.land_lines("a", line(1))
    mine = carriers.process_mark(os.getpid())
    for status in (*LIVE_WITHOUT_PROCESS, DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED):
        live = run(installation, status, mine)
        assert quiet(installation) == f"run {live} of the lane is under way"
        installation.instance.delete_run(live)
    assert asked(installation)


def test_a_run_whose_process_is_gone_is_failed_and_its_work_asked_for_again(installation, gone):
    name = installation.land_lines("a", line(1))
    dead = run(installation, DagsterRunStatus.STARTED, gone)
    assert asked(installation) == {"files": [name], "last_attempt": False}
    assert status_of(installation, dead) == DagsterRunStatus.FAILURE


@pytest.mark.parametrize("lane_of", [LANE, None])
def test_dead_runs_of_every_job_are_swept_because_they_hold_the_pool(installation, gone, lane_of):
    dead = run(installation, DagsterRunStatus.STARTED, gone, lane_of=lane_of)
    alive = run(installation, DagsterRunStatus.STARTED, carriers.process_mark(os.getpid()), lane_of=lane_of)
    tick(installation)
    assert status_of(installation, dead) == DagsterRunStatus.FAILURE
    assert status_of(installation, alive) == DagsterRunStatus.STARTED


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED])
def test_a_run_killed_before_it_named_its_process_is_known_by_the_pid_its_worker_told(installation, status):
    server = {GRPC_INFO_TAG: '{"host": "localhost", "socket": "/tmp/none"}'}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worked = run(installation, status, lane_of=None, tags=server)
        tell_pid(installation, worked, process.pid)
        tick(installation)
        assert status_of(installation, worked) == status, "its worker lives"
        process.communicate(b"\n")
    tick(installation)
    assert status_of(installation, worked) == DagsterRunStatus.FAILURE
    elsewhere = run(installation, status, lane_of=None, tags={GRPC_INFO_TAG: '{"host": "other", "port": 4000}'})
    tell_pid(installation, elsewhere, process.pid)
    tick(installation)
    assert status_of(installation, elsewhere) == status, "a pid of another host says nothing here"


def test_a_pid_used_again_by_a_later_process_does_not_keep_a_dead_run_alive():
    assert carriers.pid_lived_on(os.getpid(), datetime.now(UTC))
    begun = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    assert not carriers.pid_lived_on(os.getpid(), begun - timedelta(seconds=30))


def test_a_launch_is_given_up_soon_after_its_launcher_died_and_late_where_it_lives(installation, gone):
    installation.land_lines("a", line(1))
    age = carriers.LAUNCH_GRACE + timedelta(seconds=5)
    assert age < timedelta(seconds=30) < START_TIMEOUT
    slow = run(installation, DagsterRunStatus.STARTING, age=age, launcher=carriers.process_mark(os.getpid()))
    assert quiet(installation) == f"run {slow} of the lane is under way"
    installation.instance.delete_run(slow)
    fresh = run(installation, DagsterRunStatus.STARTING, launcher=gone)
    assert quiet(installation) == f"run {fresh} of the lane is under way"
    shift(installation, fresh, age)
    assert asked(installation)
    assert status_of(installation, fresh) == DagsterRunStatus.FAILURE


def test_a_run_that_was_made_and_never_queued_is_failed_soon(installation):
    installation.land_lines("a", line(1))
    made = run(installation, DagsterRunStatus.NOT_STARTED, age=carriers.SUBMIT_TIMEOUT + timedelta(seconds=1))
    assert asked(installation)
    assert status_of(installation, made) == DagsterRunStatus.FAILURE


@pytest.mark.parametrize("status", [*LIVE_WITHOUT_PROCESS, DagsterRunStatus.NOT_STARTED])
def test_a_run_that_never_named_its_process_is_failed_after_a_while(installation, status):
    installation.land_lines("a", line(1))
    silent = run(installation, status, age=START_TIMEOUT + timedelta(seconds=5))
    assert asked(installation)
    assert status_of(installation, silent) == DagsterRunStatus.FAILURE


def test_a_run_may_wait_in_the_queue_as_long_as_it_must(installation):
    installation.land_lines("a", line(1))
    waiting = run(installation, DagsterRunStatus.QUEUED, age=timedelta(hours=5))
    assert quiet(installation) == f"run {waiting} of the lane is under way"


def test_a_run_that_waited_long_in_the_queue_still_gets_its_time_to_start(installation):
    installation.land_lines("a", line(1))
    waited = run(installation, DagsterRunStatus.QUEUED, age=timedelta(hours=5))
    queued = installation.instance.get_run_by_id(waited)
    assert queued is not None
    installation.instance.report_run_canceling(queued)  # any event: the last thing that happened is now
    assert quiet(installation) == f"run {waited} of the lane is under way"


def test_a_live_process_is_told_from_a_reused_pid_another_boot_and_another_host(gone):
    mine = carriers.process_mark(os.getpid())
    host, boot, pid, started = mine.rsplit("/", 3)
    assert carriers.process_lives(mine)
    assert not carriers.process_lives(gone)
    assert not carriers.process_lives(f"{host}/{boot}/{pid}/{int(started) - 60}")
    assert not carriers.process_lives(f"{host}/another-boot/{pid}/{started}")
    assert carriers.process_lives(f"not-{socket.gethostname()}/{boot}/{pid}/{started}"), "nobody can tell from here"


def test_a_killed_worker_that_nobody_has_waited_for_counts_as_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        mark = carriers.process_mark(process.pid)
        process.kill()
        deadline = time.monotonic() + 10
        while carriers.process_lives(mark) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not carriers.process_lives(mark)
        assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    finally:
        process.communicate()


def test_the_first_failure_is_tried_again_at_once_and_further_ones_wait_longer_and_longer(installation):
    installation.land_lines("a", line(1))
    run(installation, DagsterRunStatus.FAILURE)
    assert asked(installation), "a single failure may have been bad luck"
    run(installation, DagsterRunStatus.FAILURE)
    assert quiet(installation).startswith("2 runs in a row did not succeed; next attempt 0:00:05 after")
    run(installation, DagsterRunStatus.FAILURE)
    assert quiet(installation).startswith("3 runs in a row did not succeed; next attempt 0:00:15 after")
    pauses = [lane.pause_after(failures).total_seconds() for failures in range(12)]
    assert pauses == [0, 0, 5, 15, 35, 75, 155, 315, 600, 600, 600, 600]


def test_the_last_attempt_is_said_after_the_third_failure_whatever_else_has_arrived(installation):
    installation.land_lines("a", line(1))
    for failures, last in ((1, False), (2, True), (3, True)):
        run(installation, DagsterRunStatus.FAILURE, age=timedelta(hours=1))
        installation.land_lines(f"new{failures}", line(failures))
        config = asked(installation)
        assert config
        assert config["last_attempt"] is last, failures


def test_a_success_forgets_the_failures_before_it(installation):
    installation.land_lines("a", line(1))
    for status in (DagsterRunStatus.FAILURE, DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS):
        run(installation, status)
    config = asked(installation)
    assert config
    assert config["last_attempt"] is False


@pytest.mark.parametrize("status", [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED])
def test_work_that_a_run_left_behind_is_taken_up_without_a_new_file(installation, status):
    run(installation, status)
    assert asked(installation) == {"files": [], "last_attempt": False}


def test_a_publication_that_is_due_is_asked_for_without_a_new_file(installation, monkeypatch):
    installation.land_lines("a", line(1))
    assert installation.refresh().success
    installation.land_lines("b", line(2))
    monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "60")
    assert installation.refresh().success
    assert quiet(installation).startswith("nothing new"), "the last publication is too recent"
    monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
    config = asked(installation)
    assert config == {"files": [], "last_attempt": False}
    assert installation.refresh(**config).success
    assert quiet(installation).startswith("nothing new")


def test_a_rewritten_file_is_named_and_not_read_again(installation):
    installation.land_lines("a", line(1))
    assert installation.refresh(only=("begin", "refresh_bronze")).success
    installation.land("pos/source=till/a.csv", "other,content\n1,2\n", age_seconds=30)
    assert "1 rewritten under their name" in quiet(installation)


def test_a_file_of_no_feed_is_counted_and_stops_nothing(installation):
    installation.land("tills/a.csv", "a,b\n")
    assert "1 of no known feed" in quiet(installation)
    assert installation.land_lines("a", line(1)) in (asked(installation) or {})["files"]


def test_a_landing_folder_that_cannot_be_listed_fails_the_tick_and_loses_nothing(installation, gone):
    landing = installation.data / "landing"
    landing.write_text("a file where a folder should be")
    dead = run(installation, DagsterRunStatus.STARTED, gone)
    with pytest.raises(LandingError, match="landing cannot be listed"):
        tick(installation)
    assert status_of(installation, dead) == DagsterRunStatus.FAILURE, "sweeping needs no landing folder"
    landing.unlink()
    name = installation.land_lines("a", line(1))
    assert (asked(installation) or {})["files"] == [name]


def test_a_run_started_past_the_queue_waits_for_the_older_one(installation, gone):
    older = run(installation, DagsterRunStatus.STARTED, carriers.process_mark(os.getpid()))
    younger = run(installation, DagsterRunStatus.STARTED)
    lane.await_turn(installation.instance, older)
    from threading import Thread

    waiting = Thread(target=lane.await_turn, args=(installation.instance, younger), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    installation.instance.add_run_tags(older, {PROCESS_TAG: gone})
    waiting.join(10)
    assert not waiting.is_alive()
    assert status_of(installation, older) == DagsterRunStatus.FAILURE
