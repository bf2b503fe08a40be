"""The event log in batches holds what Dagster's own storage holds for the same events, table by table."""

import os
import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage

from inventory_assets.defs.storage import BATCH_VARIABLE, EventLog

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-10")
COMPARED = ("event_logs", "asset_keys", "asset_event_tags", "asset_check_executions")
BY_THE_DATABASE = {"create_timestamp"}
FIRST, LAST = "2024-01-02", "2024-01-05"


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("keeps", asset="kept")],
)
def kept(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """A range of days with numbers a day, a tag, an observation and a check."""
    context.log_event(dg.AssetObservation("kept", partition=FIRST))
    for number, day in enumerate(context.partition_keys):
        context.add_asset_metadata({"rows": number}, partition_key=day)
    return dg.MaterializeResult(
        metadata={"seconds": 0.5}, tags={"quality": "good"}, check_results=[dg.AssetCheckResult(passed=True)]
    )


@dg.asset(deps=[kept])
def broken() -> None:
    """Fails, so that the run has failure events too."""
    raise dg.Failure("on purpose")


def materialise(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """A run over a range of days, one step of which fails."""
    job = dg.Definitions([kept, broken], jobs=[dg.define_asset_job("both", "*")])
    tags = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
    return job.resolve_job_def("both").execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def stored(path: str) -> dict[str, list[dict]]:
    """Rows of the tables of an event log file."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [
                {name: row[name] for name in row.keys() if name not in BY_THE_DATABASE}  # noqa: SIM118 - a sqlite3.Row
                for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")
            ]
            for table in COMPARED
        }


@pytest.fixture
def entries(monkeypatch) -> list[dg.EventLogEntry]:
    """Every event of such a run, as Dagster's own storage tells them."""
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialise(instance)
        return list(instance.all_logs(result.run_id))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [2, 7, 500])
def test_batches_leave_the_rows_that_single_events_leave_in_dagsters_own_storage(entries, tmp_path, size, backwards):
    """Of any size and in any order: a batch may hold several kinds of events of one asset, any of them last."""
    entries = entries[::-1] if backwards else entries
    ours, theirs = EventLog(str(tmp_path / "ours")), ConsolidatedSqliteEventLogStorage(str(tmp_path / "theirs"))
    for entry in entries:
        theirs.store_event(entry)
    for begin in range(0, len(entries), size):
        ours.store_event_batch(entries[begin : begin + size])
    found, wanted = stored(ours.get_db_path()), stored(theirs.get_db_path())
    assert found == wanted
    kinds = {row["dagster_event_type"] for row in wanted["event_logs"]}
    assert kinds >= {"ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION", "STEP_FAILURE"}
    assert len(wanted["asset_event_tags"]) >= 4, "each day carries the tag"


def test_a_batch_is_stored_as_a_whole_or_not_at_all(entries, tmp_path):
    log = EventLog(str(tmp_path))
    with pytest.raises(AttributeError):
        log.store_event_batch([*entries, None])
    assert stored(log.get_db_path())["event_logs"] == []


@pytest.fixture
def instance(tmp_path, monkeypatch) -> dg.DagsterInstance:
    """An instance as our `dagster.yaml` describes it."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    storage = {"custom": {"module": "inventory_assets.defs.storage", "class": "Storage",
                          "config": {"base_dir": str(tmp_path)}}}  # fmt: skip
    return dg.DagsterInstance.local_temp(str(tmp_path), overrides={"storage": storage})


def test_an_instance_keeps_all_events_of_a_run_in_one_file(instance, tmp_path):
    with instance:
        assert isinstance(instance.event_log_storage, EventLog)
        result = materialise(instance)
        assert os.environ[BATCH_VARIABLE]
        told = [event.event_type_value for event in result.all_events]
        held = [entry.dagster_event_type.value for entry in instance.all_logs(result.run_id) if entry.is_dagster_event]
        for kind in ("ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION", "STEP_FAILURE", "PIPELINE_FAILURE"):
            assert held.count(kind) == told.count(kind) > 0, kind
        assert instance.get_materialized_partitions(kept.key) == {f"2024-01-0{day}" for day in range(2, 6)}
        latest = instance.get_latest_materialization_event(kept.key)
        assert latest is not None
        assert latest.asset_materialization.partition == LAST
    files = {path.name for path in Path(tmp_path, "history").rglob("*.db")}
    assert "event_log.db" in files
    assert not any(result.run_id in name for name in files)


def test_who_is_given_a_reference_opens_the_same_events(instance):
    """As every run worker and code server is."""
    with instance:
        result = materialise(instance)
        with dg.DagsterInstance.from_ref(instance.get_ref()) as again:
            assert isinstance(again.event_log_storage, EventLog)
            assert len(again.all_logs(result.run_id)) == len(instance.all_logs(result.run_id)) > 10
