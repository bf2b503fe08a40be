"""What other projects do and this one relies on or works around. A failure here means: look at the decision again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pandera.polars as pa
import polars as pl
import pytest
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._daemon.sensor import MIN_INTERVAL_LOOP_TIME, is_under_min_interval
from dagster._time import get_current_timestamp
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType

from inventory_assets.defs.sensors import no_sooner_than
from inventory_assets.defs.storage import BATCH_EVENTS, BATCH_VARIABLE

DAILY = dg.DailyPartitionsDefinition("2024-01-01")


def test_an_unpartitioned_run_of_partitioned_assets_with_a_partitioned_upstream_is_refused():
    """Decides ADR 6: the refresh is a job of ops, because a run of assets cannot replace any set of days."""

    @dg.asset(partitions_def=DAILY)
    def above() -> None: ...

    @dg.asset(partitions_def=DAILY, deps=[above])
    def below() -> None: ...

    with pytest.raises(DagsterInvariantViolationError, match="non-partitioned run"):
        dg.materialize([above, below])
    assert dg.materialize([above, below], partition_key="2024-01-02").success


def events_of(compute) -> tuple[list[str], list[str]]:
    """Types of asset events of an op: in the event log, and in the result of its run."""

    @dg.job
    def only() -> None:
        dg.op(out=dg.Out(dg.Nothing), name="step")(compute)()

    with dg.DagsterInstance.ephemeral() as instance:
        result = only.execute_in_process(instance=instance, raise_on_error=False)
        logged = [entry.dagster_event for entry in instance.all_logs(result.run_id)]
    stored = [event.event_type_value for event in logged if event is not None]
    returned = [event.event_type_value for event in result.all_events]
    return [n for n in stored if n.startswith("ASSET_")], [n for n in returned if n.startswith("ASSET_")]


def test_an_op_may_evaluate_an_asset_check_and_name_a_partition():
    """Decides ADR 6: the ops of the refresh keep catalogue, partitions and checks as true as assets would."""

    def compute(context) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output]:
        yield dg.AssetMaterialization("table", partition="2024-01-02")
        yield dg.AssetCheckEvaluation(asset_key=dg.AssetKey("table"), check_name="keeps", passed=False, blocking=True)
        yield dg.Output(None)

    both = ["ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION"]
    assert events_of(compute) == (both, both)


def test_a_run_that_fails_returns_the_events_its_op_yielded_but_not_those_it_logged():
    """Decides that steps yield: whoever runs the job in a process of his own sees which check failed."""
    event = dg.AssetMaterialization("table")

    def logs(context) -> None:
        context.log_event(event)
        raise dg.Failure("refused")

    def yields(context) -> Iterator[dg.AssetMaterialization | dg.Output]:
        yield event
        raise dg.Failure("refused")

    assert events_of(logs) == (["ASSET_MATERIALIZATION"], [])
    assert events_of(yields) == (["ASSET_MATERIALIZATION"], ["ASSET_MATERIALIZATION"])


def test_a_failing_blocking_check_of_an_asset_fails_the_run_and_the_rows_stay():
    """Decides that rows are held against the contract before the write; a check only keeps others from going on."""
    seen = []

    @dg.asset(check_specs=[dg.AssetCheckSpec("keeps", asset="above", blocking=True)])
    def above() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False)])

    @dg.asset(deps=[above])
    def below() -> None:
        seen.append("below")

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([above, below], instance=instance, raise_on_error=False)
        assert not result.success
        assert instance.get_latest_materialization_event(dg.AssetKey("above")) is not None
    assert seen == []


def events_handed_over(home: Path, monkeypatch) -> list[int]:
    """How many events Dagster gives a storage at a time in a run over ten days."""
    sizes = []

    class Counting(ConsolidatedSqliteEventLogStorage):
        def store_event(self, event: dg.EventLogEntry) -> None:
            sizes.append(1)
            super().store_event(event)

        def store_event_batch(self, events) -> None:
            sizes.append(len(events))
            for event in events:
                super().store_event(event)

    @dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
    def kept() -> None: ...

    monkeypatch.setattr(f"{__name__}.Counting", Counting, raising=False)
    home.mkdir()
    storage = {"module": __name__, "class": "Counting", "config": {"base_dir": str(home / "events")}}
    with dg.DagsterInstance.local_temp(str(home), overrides={"event_log_storage": storage}) as instance:
        tags = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-01-10"}
        assert dg.materialize([kept], instance=instance, tags=tags).success
    return sizes


def test_the_daemon_goes_over_its_sensors_every_five_seconds_and_makes_one_wait_that_is_a_moment_early():
    """Decides the intervals asked for in `defs.sensors`: a second less than meant, else every other look is missed."""
    state: Any = SimpleNamespace(
        instigator_data=SensorInstigatorData(last_tick_start_timestamp=get_current_timestamp() - 9.99)
    )
    asked: Any = SimpleNamespace(min_interval_seconds=10)
    short: Any = SimpleNamespace(min_interval_seconds=no_sooner_than(10))
    assert MIN_INTERVAL_LOOP_TIME == 5
    assert is_under_min_interval(state, asked)
    assert not is_under_min_interval(state, short)


def test_dagster_hands_over_events_one_by_one_unless_a_variable_says_otherwise(tmp_path, monkeypatch):
    """Decides that `defs.storage` sets it: in one transaction each, a year's backfill costs a third of an hour."""
    monkeypatch.delenv(BATCH_VARIABLE, raising=False)
    assert set(events_handed_over(tmp_path / "one", monkeypatch)) == {1}
    monkeypatch.setenv(BATCH_VARIABLE, BATCH_EVENTS)
    assert max(events_handed_over(tmp_path / "many", monkeypatch)) >= 10


def test_dagsters_own_sqlite_storage_writes_every_asset_event_into_two_files(tmp_path):
    """Decides `defs.storage`: a file a run and a copy of its asset events double what a backfill leaves behind."""

    @dg.asset
    def kept() -> None: ...

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run_id = dg.materialize([kept], instance=instance).run_id
    files = {path.name: path for path in tmp_path.rglob("*.db")}
    assert {f"{run_id}.db", "index.db"} <= set(files)
    query = "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
    for name in (f"{run_id}.db", "index.db"):
        with sqlite3.connect(files[name]) as connection:
            assert connection.execute(query).fetchall() == [(1,)], name


def test_the_private_parts_of_dagsters_storage_that_ours_builds_on_are_there():
    """Decides `defs.storage`: where one of them changes, compare the two storages again (`test_storage`) and adapt."""
    wanted = {
        "_connect": ["self"],
        "_event_to_row": ["self", "event"],
        "_has_asset_key_index_cols_on_connection": ["self", "conn"],
        "_store_asset_event": ["self", "conn", "event", "event_id"],
        "_store_asset_event_tags": ["self", "conn", "events", "event_ids"],
        "store_asset_check_event": ["self", "event", "event_id"],
        "store_event_batch": ["self", "events"],
    }
    found = {name: list(signature(getattr(ConsolidatedSqliteEventLogStorage, name)).parameters) for name in wanted}
    assert found == wanted


@pytest.fixture
def table(tmp_path) -> str:
    """A Delta table of whole numbers by day."""
    uri = str(tmp_path / "table")
    fields = [Field("day", PrimitiveType("date")), Field("units", PrimitiveType("long"))]
    DeltaTable.create(uri, Schema(fields), partition_by=["day"])
    return uri


def test_delta_rs_accepts_a_repeated_app_transaction(table):
    """Decides that `append_once` looks at what the table holds: the transaction only records, it refuses nothing."""
    rows = pl.DataFrame({"day": [date(2024, 1, 1)], "units": [1]})
    for _ in range(2):
        properties = CommitProperties(app_transactions=[Transaction("batch", 7)])
        write_deltalake(table, rows, mode="append", commit_properties=properties)
    assert DeltaTable(table).transaction_version("batch") == 7
    assert pl.read_delta(table).height == 2


def test_delta_rs_stores_one_and_a_half_as_one(table):
    """Decides that dtypes are held against the contract before each write."""
    write_deltalake(table, pl.DataFrame({"day": [date(2024, 1, 1)], "units": [1.5]}), mode="append")
    assert pl.read_delta(table)["units"].to_list() == [1]


def test_delta_rs_refuses_rows_outside_the_days_a_replacement_names(table):
    """Decides that `replace` leans on the predicate: a step cannot write a day it was not asked for."""
    rows = pl.DataFrame({"day": [date(2024, 1, 1), date(2024, 1, 2)], "units": [1, 2]})
    with pytest.raises(DeltaError, match="failed validation check"):
        write_deltalake(table, rows, mode="overwrite", predicate="day IN ('2024-01-01')")
    assert pl.read_delta(table).is_empty()


def test_delta_rs_keeps_the_days_a_replacement_does_not_name(table):
    """Decides ADR 3: a day is replaced by itself, the others are not rewritten."""
    rows = pl.DataFrame({"day": [date(2024, 1, 1), date(2024, 1, 2)], "units": [1, 2]})
    write_deltalake(table, rows, mode="append")
    write_deltalake(table, rows.head(1), mode="overwrite", predicate="day IN ('2024-01-01', '2024-01-03')")
    removed = [path for path in DeltaTable(table).file_uris() if "day=2024-01-02" in path]
    assert len(removed) == 1
    assert pl.read_delta(table).sort("day").equals(rows)


def test_pandera_does_not_look_at_the_values_of_a_lazy_frame():
    """Decides that frames are collected before they are checked."""
    schema = pa.DataFrameSchema({"units": pa.Column(pl.Int64, pa.Check.ge(0))})
    wrong = pl.DataFrame({"units": [-1]})
    schema.validate(wrong.lazy()).collect()
    with pytest.raises(pa.errors.SchemaError):
        schema.validate(wrong)


def test_polars_divides_by_a_literal_through_its_reciprocal_but_a_single_row_directly():
    """Decides `medallion.exact.constant`: the last digit must not depend on how rows were cut."""
    values = pl.DataFrame({"x": [float(n) for n in range(1, 200)]}).with_columns(y=pl.Series([49.0] * 199))
    by_literal = values.select(pl.col("x") / 49.0)["x"].to_list()
    exact = [n / 49.0 for n in range(1, 200)]
    one_by_one = [values[n : n + 1].select(pl.col("x") / 49.0)["x"].item() for n in range(199)]
    by_column = values.select(pl.col("x") / pl.col("y"))["x"].to_list()
    assert by_literal != exact
    assert one_by_one == exact
    assert by_column == exact


def test_duckdb_gives_a_process_the_old_file_while_a_connection_to_its_path_is_open(tmp_path):
    """Decides `publish.layout.resolve`: a publication has a path of its own, so no reader gets the one before."""
    path, other = str(tmp_path / "a.duckdb"), str(tmp_path / "b.duckdb")
    for name, value in ((path, 1), (other, 2)):
        with duckdb.connect(name) as connection:
            connection.execute(f"CREATE TABLE t AS SELECT {value} AS x")
    with duckdb.connect(path, read_only=True) as first:
        Path(other).replace(path)
        with duckdb.connect(path, read_only=True) as second:
            assert second.execute("SELECT x FROM t").fetchall() == [(1,)]
        assert first.execute("SELECT x FROM t").fetchall() == [(1,)]
    with duckdb.connect(path, read_only=True) as third:
        assert third.execute("SELECT x FROM t").fetchall() == [(2,)]


def test_two_writers_of_one_duckdb_file_exclude_each_other_across_processes(tmp_path):
    """Decides ADR 5: a publication is built on a private path, where no reader stands in the way."""
    import subprocess
    import sys

    path = str(tmp_path / "a.duckdb")
    code = f"import duckdb; duckdb.connect({path!r})"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert other.returncode
    assert "lock" in other.stderr.lower()
