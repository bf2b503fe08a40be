"""Old runs go, what Dagster shows stays: on a real instance with the project's own `dagster.yaml`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from sqlalchemy import func, select

from inventory_assets.defs import purge
from inventory_assets.defs.lane import GROWN_TAG, LANE, LANE_TAG, WRITTEN_TAG, recent_refreshes, unfinished_in_a_row
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.defs.installation import DAY, NOW, Installation, failed_steps, line, loaded

OLD = timedelta(days=30)
SALES_STEPS = ("refresh_bronze", "refresh_silver_facts", "refresh_gold_sales")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """DAGSTER_HOME with the project's `dagster.yaml`; only the newest refresh counts as read by the sensor."""
    monkeypatch.setattr(purge, "RECENT_RUNS", 1)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text("utf-8"), encoding="utf-8")
    return tmp_path / "dagster"


@pytest.fixture
def stored(home, installation) -> Iterator[Installation]:
    """An installation whose instance is on disk."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Installation(installation.data, instance)


def age(instance: dg.DagsterInstance, by: timedelta = OLD) -> None:
    """Let every run have ended so long ago."""
    moment = datetime.now(UTC).replace(tzinfo=None) - by
    with instance.run_storage.connect() as connection:
        connection.execute(RunsTable.update().values(create_timestamp=moment, update_timestamp=moment))


def run_purge(instance: dg.DagsterInstance) -> dict[str, Any]:
    """The job, and its numbers."""
    result = loaded().resolve_job_def("purge").execute_in_process(instance=instance)
    assert result.success
    (output,) = (
        event for event in result.all_events
        if event.is_successful_output and event.step_key == "delete_old_runs"
    )  # fmt: skip
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def shown(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI shows of assets, their partitions and checks."""
    assets = [each.key for each in loaded().resolve_all_asset_specs()]
    checks = list(loaded().resolve_asset_graph().asset_check_keys)
    log = instance.event_log_storage
    newest = {}
    for each in assets:
        ids = log.get_latest_storage_id_by_partition(each, dg.DagsterEventType.ASSET_MATERIALIZATION)
        event = instance.get_latest_materialization_event(each)
        newest[each] = (ids, event and (event.run_id, event.timestamp))
    return {
        "newest": newest,
        "partitions": {each: instance.get_materialized_partitions(each) for each in assets},
        "records": {
            each: (record.run_id, record.status, record.event.timestamp if record.event else None)
            for each, record in log.get_latest_asset_check_execution_by_key(checks).items()
        },
        "runs of what is shown": {
            ids and run for ids, run in newest.values() if run and instance.get_run_by_id(run[0]) is None
        },
    }


def ids(instance: dg.DagsterInstance, **filters: Any) -> set[str]:
    return set(instance.run_storage.get_run_ids(RunsFilter(**filters)))


def refresh(stored: Installation) -> str:
    """A refresh of sales; its run."""
    result = stored.refresh(SALES_STEPS)
    assert result.success, failed_steps(result)
    return result.run_id


def test_what_is_shown_is_the_same_before_and_after(stored):
    instance = stored.instance
    for number in range(2):  # each refresh writes the first day and one of its own
        stored.land_lines(
            f"f{number}", line(number, receipt=f"R{number}"), line(1, day=DAY + timedelta(days=number), receipt="X")
        )
        refresh(stored)
        idle = refresh(stored)  # nothing new: nobody needs its run
    assert stored.materialise("gold_sales", DAY, DAY).success
    stored.land_lines("last", line(7, receipt="L"))
    refresh(stored)
    age(instance)
    before, events = shown(instance), purge.count_events(instance.event_log_storage)
    runs = ids(instance)
    numbers = run_purge(instance)
    after = shown(instance)
    assert after == before
    assert len(before["partitions"][dg.AssetKey(["gold", "store_performance"])]) == 2
    gone = runs - ids(instance)
    assert idle in gone
    assert numbers["runs_deleted"] == len(gone)
    assert numbers["runs_still_shown"] == len(runs) - len(gone) - 1, "the run by hand is no run of the lane"
    assert numbers["events_after"] < events
    assert numbers["events_before"] > numbers["events_after"]
    again = shown_anew(stored)
    assert again == before, "a new process that derives everything anew shows the same"


def shown_anew(stored: Installation) -> dict[str, Any]:
    """What an instance opened anew shows, whose cached partition states were thrown away."""
    for spec in loaded().resolve_all_asset_specs():
        stored.instance.event_log_storage.wipe_asset_cached_status(spec.key)
    with dg.DagsterInstance.from_config(str(stored.data / "dagster")) as instance:
        return shown(instance)


@dg.op(out=dg.Out(dg.Nothing))
def _write(context: dg.OpExecutionContext) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output]:
    for day in range(5):
        yield dg.AssetMaterialization(["gold", "store_performance"], partition=str(DAY + timedelta(days=day)))
    yield dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["gold", "store_performance"]), check_name="keeps_contract", passed=True, metadata={}
    )
    yield dg.Output(None)


@dg.job(name="refresh", executor_def=dg.in_process_executor, tags={LANE_TAG: LANE})
def _small_refresh() -> None:
    """A refresh of the same five days, again and again."""
    _write()


def refresh_often(instance: dg.DagsterInstance, times: int = 6) -> None:
    for _ in range(times):
        assert _small_refresh.execute_in_process(instance=instance).success


def test_events_files_tags_and_evaluations_are_bounded_however_often_the_lane_runs(stored):
    instance = stored.instance
    log = instance.event_log_storage
    sizes, events = [], []
    for _ in range(3):
        refresh_often(instance)
        age(instance)
        run_purge(instance)
        sizes.append(sum(file.stat().st_size for file in (stored.data / "dagster" / "history").glob("*.db")))
        events.append(purge.count_events(log))
    assert max(events[1:]) <= 1.2 * events[0]
    assert max(sizes[1:]) <= 1.2 * sizes[0]
    with log.index_connection() as connection:
        assert connection.execute(select(func.count()).select_from(AssetCheckExecutionsTable)).scalar_one() == 1
    with instance.run_storage.connect() as connection:
        tagged = {run_id for (run_id,) in connection.execute(select(RunTagsTable.c.run_id))}
    assert tagged <= ids(instance), "tags of deleted runs are gone"
    assert len(instance.get_materialized_partitions(dg.AssetKey(["gold", "store_performance"]))) == 5


def test_live_runs_young_runs_and_runs_of_people_stay(stored):
    instance = stored.instance
    jobs = {name: loaded().resolve_job_def(name) for name in ("refresh", "restore", "nightly_key_check")}
    live = instance.create_run_for_job(jobs["refresh"], tags={LANE_TAG: LANE}, status=DagsterRunStatus.STARTED)
    people = instance.create_run_for_job(jobs["restore"], tags={LANE_TAG: LANE}, status=DagsterRunStatus.SUCCESS)
    old = instance.create_run_for_job(jobs["nightly_key_check"], status=DagsterRunStatus.SUCCESS)
    age(instance)
    young = instance.create_run_for_job(jobs["nightly_key_check"], status=DagsterRunStatus.SUCCESS)
    wanted, _ = purge.deletable(instance, datetime.now(UTC) - timedelta(days=7))
    assert wanted == [old.run_id]
    list(purge.delete(instance, wanted))
    assert ids(instance) == {live.run_id, people.run_id, young.run_id}


def test_the_sensor_reads_the_same_failures_and_the_same_pace(stored, monkeypatch):
    monkeypatch.setattr(purge, "RECENT_RUNS", 6)
    instance = stored.instance
    job = loaded().resolve_job_def("refresh")
    tags = {LANE_TAG: LANE, WRITTEN_TAG: "10", GROWN_TAG: "5"}
    for status in [*[DagsterRunStatus.SUCCESS] * 9, *[DagsterRunStatus.FAILURE] * 3]:
        made = instance.create_run_for_job(job, tags=tags, status=status)
        with instance.run_storage.connect() as connection:
            connection.execute(
                RunsTable.update().where(RunsTable.c.run_id == made.run_id).values(start_time=1.0, end_time=2.0)
            )
    age(instance)
    failed = [record.dagster_run.run_id for record in unfinished_in_a_row(instance)]
    assert len(failed) == 3
    assert run_purge(instance)["runs_deleted"] == 6
    assert [record.dagster_run.run_id for record in unfinished_in_a_row(instance)] == failed
    assert len(recent_refreshes(instance)) == 3


def test_a_purge_killed_in_the_middle_is_finished_by_the_next_one(stored, monkeypatch):
    monkeypatch.setattr(purge, "TOGETHER", 4)
    instance = stored.instance
    refresh_often(instance, 8)
    age(instance)
    before = shown(instance)
    wanted, _ = purge.deletable(instance, datetime.now(UTC) - timedelta(days=7))
    assert next(purge.delete(instance, wanted)) == 4
    wanted_after, _ = purge.deletable(instance, datetime.now(UTC) - timedelta(days=7))
    assert wanted_after == wanted[4:]
    assert run_purge(instance)["runs_deleted"] == 3
    assert shown(instance) == before


def test_the_clock_of_the_data_does_not_decide_what_is_old(stored):
    """The installation's clock stands in 2024; runs are stamped by the machine."""
    assert NOW.year < datetime.now(UTC).year
    refresh_often(stored.instance, 2)
    assert run_purge(stored.instance)["runs_deleted"] == 0
