"""Maintenance and restore as jobs of the lane, and how the sensor paces refreshes."""

from __future__ import annotations

import json
import time

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.storage.runs.schema import RunsTable

from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import SALES
from inventory_assets.defs.lane import GROWN_TAG, LANE, LANE_TAG, WRITTEN_TAG
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.lakehouse.tags import Tags
from inventory_assets_tests.defs.installation import NOW, Installation, line, loaded
from inventory_assets_tests.defs.test_lane import asked, quiet, tick


def execute(installation: Installation, job: str, op: str, **config: object) -> dg.ExecuteInProcessResult:
    """A job of the lane with its op configured."""
    return (
        loaded()
        .resolve_job_def(job)
        .execute_in_process(
            instance=installation.instance, raise_on_error=False, run_config={"ops": {op: {"config": config}}}
        )
    )


def over(installation: Installation, minutes_ago: float, written: int, grown: int) -> None:
    """A refresh that took ten seconds and ended so long ago."""
    tags = {LANE_TAG: LANE, WRITTEN_TAG: str(written), GROWN_TAG: str(grown)}
    job = loaded().resolve_job_def("refresh")
    made = installation.instance.create_run_for_job(job, tags=tags, status=DagsterRunStatus.SUCCESS)
    ended = time.time() - 60 * minutes_ago
    with installation.instance.run_storage.connect() as connection:
        connection.execute(
            RunsTable.update().where(RunsTable.c.run_id == made.run_id).values(start_time=ended - 10, end_time=ended)
        )


def test_a_refresh_tags_the_day_and_notes_what_it_wrote(installation):
    installation.land_lines("a", line(1))
    result = installation.refresh()
    assert result.success
    assert Tags(installation.lake).on(NOW.date()).versions == installation.versions()
    run = installation.instance.get_run_by_id(result.run_id)
    assert int(run.tags[WRITTEN_TAG]) == int(run.tags[GROWN_TAG]) > 0


def test_maintenance_runs_in_the_lane_reports_and_leaves_nothing_to_refresh(installation, tmp_path):
    for number in range(3):
        installation.land_lines(f"f{number}", line(number, receipt=f"R{number}"))
        assert installation.refresh().success
    report = tmp_path / "report.json"
    result = execute(installation, "maintain", "maintain_lake", report=str(report))
    assert result.success
    done = {each["table"]: each for each in json.loads(report.read_text())}
    assert done["bronze/inventory_transactions"]["merged"] == 3
    run = installation.instance.get_run_by_id(result.run_id)
    assert run.tags[LANE_TAG] == LANE
    after = installation.versions()
    assert installation.refresh().success
    assert installation.versions() == after
    assert installation.rows("silver/inventory_transactions").height == 3


def test_restored_tables_are_computed_again_by_the_next_refresh(installation):
    installation.land_lines("a", line(1))
    assert installation.refresh().success
    installation.lake.replace(SALES, empty(SALES), Scope())
    result = execute(installation, "restore", "restore_tables", day=str(NOW.date()), tables=["silver/returns"])
    assert result.success
    assert installation.rows("silver/inventory_transactions").height == 0
    assert execute(installation, "restore", "restore_tables", day=str(NOW.date())).success
    assert installation.rows("silver/inventory_transactions").height == 1
    assert installation.refresh().success


def test_a_day_without_a_tag_fails_the_restore_and_names_those_there_are(installation):
    installation.land_lines("a", line(1))
    assert installation.refresh().success
    result = execute(installation, "restore", "restore_tables", day="2001-01-01")
    assert not result.success
    failures = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    assert f"tagged days: {NOW.date()}" in str(failures[0].step_failure_data.user_failure_data.description)


def test_refreshes_that_write_too_much_are_held_back_and_the_files_wait(installation):
    installation.land_lines("a", line(1))
    for minute in range(20, 0, -1):
        over(installation, minute, 10**9, 10)
    assert quiet(installation).startswith("1 files wait: refreshes follow each other so closely")


def test_an_idle_lane_and_one_that_writes_little_are_not_held_back(installation):
    name = installation.land_lines("a", line(1))
    for hour in range(20, 0, -1):
        over(installation, 120 * hour, 10**9, 10)
    assert (asked(installation) or {})["files"] == [name]
    for minute in range(40, 0, -1):
        over(installation, minute, 1_000, 1_000)
    assert (asked(installation) or {})["files"] == [name]


def test_failed_maintenance_is_no_failure_of_the_refresh(installation):
    job = loaded().resolve_job_def("maintain")
    installation.instance.create_run_for_job(job, tags={LANE_TAG: LANE}, status=DagsterRunStatus.FAILURE)
    assert quiet(installation).startswith("nothing new")
    live = installation.instance.create_run_for_job(job, tags={LANE_TAG: LANE}, status=DagsterRunStatus.NOT_STARTED)
    installation.land_lines("a", line(1))
    assert quiet(installation) == f"run {live.run_id} of the lane is under way"
    assert tick(installation).run_requests in (None, [])


def test_the_schedule_is_on_by_default():
    schedule = loaded().get_schedule_def("weekly_maintenance")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "maintain"
