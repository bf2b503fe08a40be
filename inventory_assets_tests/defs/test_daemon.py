"""The real daemon: its sensor carries files to DuckDB, and a killed run worker stops nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import psutil
import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.definitions.freshness import FreshnessState

from inventory_assets.defs.carriers import PROCESS_TAG
from inventory_assets.defs.lane import LANE, LANE_TAG
from inventory_assets.operate.instance import make_storage, prepare, services
from inventory_assets.operate.processes import start, stop, tail
from inventory_assets.operate.progress import Watch
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history

PATIENCE_SECONDS = 240
TAKEN_UP_SECONDS = 60


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """A data folder with a small simulated history, and its instance."""
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI", "INVENTORY_FIXED_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("INVENTORY_INGEST__READY_AFTER_SECONDS", "0")
    monkeypatch.setenv("INVENTORY_INGEST__INTERVAL_SECONDS", "2")
    monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
    monkeypatch.setenv("FRESHNESS_DAEMON_INTERVAL_SECONDS", "5")
    today = datetime.now(UTC).date()
    made = simulate_history(
        HistoryConfig.ending(today, days=3, stores=2, items=6, warehouses=1, lines_per_store_day=8, dirt=0.0)
    )
    (tmp_path / "sources.toml").write_text(sources_toml(made))
    write_history(made, tmp_path / "landing", tmp_path / "truth")
    return tmp_path


@pytest.fixture
def instance(data) -> Iterator[dg.DagsterInstance]:
    """The running instance; everything that was started is ended."""
    settings = Settings()
    home = settings.dagster_home
    prepare(home)
    _, daemon = services(data, home, 3999, os.environ)
    make_storage(home, daemon)
    running = start(daemon)
    family = psutil.Process(running.process.pid)
    seen = {family}
    try:
        with dg.DagsterInstance.from_config(str(home)) as opened:
            yield opened
        assert running.process.poll() is None
        seen |= set(family.children(recursive=True))
    finally:
        stop([running])
    assert [process for process in seen if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def wait_for(what: Callable[[], object], data: Path, seconds: float = PATIENCE_SECONDS) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain; the daemon says:\n{tail(data / 'logs' / 'dagster-daemon.log')}")


def lane_runs(instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    return list(instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}), ascending=True))


def freshness(instance: dg.DagsterInstance, asset: dg.AssetKey) -> FreshnessState | None:
    """What the daemon last said of the policy of an asset."""
    record = instance.get_freshness_state_records([asset]).get(asset)
    return record and record.freshness_state


def in_the_middle(instance: dg.DagsterInstance, data: Path) -> tuple[str, int] | None:
    """The first run and its worker, once it has written something."""
    for record in lane_runs(instance):
        mark = record.dagster_run.tags.get(PROCESS_TAG)
        if mark and any((data / "lakehouse" / "silver").glob("*/_delta_log/*1.json")):
            return record.dagster_run.run_id, int(mark.split("/")[2])
    return None


@pytest.mark.slow
def test_the_sensor_carries_files_to_duckdb_and_a_killed_worker_is_replaced(data, instance):
    run_id, worker = wait_for(lambda: in_the_middle(instance, data), data)
    os.kill(worker, signal.SIGKILL)
    killed_at = datetime.now(UTC)

    second = wait_for(lambda: next(iter(lane_runs(instance)[1:]), None), data, TAKEN_UP_SECONDS)
    assert second.create_timestamp >= killed_at.replace(microsecond=0)
    first = instance.get_run_by_id(run_id)
    assert first.status == DagsterRunStatus.FAILURE

    look = Watch(Settings())
    wait_for(lambda: look.look().stage == "done", data)
    wait_for(lambda: lane_runs(instance)[-1].dagster_run.status == DagsterRunStatus.SUCCESS, data)

    truth = pl.read_parquet(data / "truth" / "pos_days.parquet").filter(pl.col("class") == "sale")
    with duckdb.connect(str(data / "serving" / "inventory.duckdb"), read_only=True) as connection:
        published = connection.execute(
            "SELECT sum(total_quantity_sold), sum(total_revenue) FROM gold.daily_inventory_summary"
        ).fetchall()
    assert published == [(truth["units"].sum(), truth["amount"].sum())]
    assert len(lane_runs(instance)) <= 4, "one run at a time, none without work"
    published = dg.AssetKey(["serving", "inventory_duckdb"])
    wait_for(lambda: freshness(instance, published) == FreshnessState.PASS, data)
    files = len([path for path in (data / "landing").rglob("*") if path.is_file()])
    assert look.look().files_found == files
    assert look.look().files_waiting == ()
