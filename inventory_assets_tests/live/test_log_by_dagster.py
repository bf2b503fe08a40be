from __future__ import annotations

import dagster as dg
import pytest

from inventory_assets.live.log.appending import append, raise_epoch
from inventory_assets.operate.forwarding import open_live
from inventory_assets.operate.live_log import live_engine
from inventory_assets.operate.live_masters import tell_masters
from inventory_assets.pipeline.open import open_workspace
from inventory_assets_tests.defs.installation import NOW, Installation, failed_steps, line, loaded
from inventory_assets_tests.live.events import entries, simulated
from inventory_assets_tests.live.processing import orders, work
from inventory_assets_tests.live.test_log_to_bronze import sale


@pytest.fixture
def installation(tmp_path, monkeypatch) -> Installation:
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
    (tmp_path / "landing").mkdir()
    return Installation(tmp_path, dg.DagsterInstance.ephemeral())


def tick(installation: Installation) -> dg.SensorExecutionData:
    from inventory_assets.defs.resources import resources

    with dg.build_sensor_context(installation.instance, resources=resources(), definitions=loaded()) as context:
        return loaded().get_sensor_def("landing").evaluate_tick(context)


def test_an_installation_of_files_never_makes_or_asks_a_database(installation):
    assert tick(installation).skip_message
    assert installation.refresh().success
    assert not installation.settings.database_folder.exists()
    assert "bronze/stock_events" not in installation.versions()


def test_events_are_taken_in_by_the_sensors_run_and_reach_the_position(installation, monkeypatch, engine, url):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    assert "nothing new" in str(tick(installation).skip_message)
    append(engine, entries(simulated()))
    assert len(tick(installation).run_requests or ()) == 1
    result = installation.refresh()
    assert result.success, failed_steps(result)
    assert installation.rows("gold/inventory_position").filter(stock_basis="opening").height > 20
    assert tick(installation).skip_message


def test_a_database_that_rests_leaves_files_alone_and_a_restored_one_stops_the_log(
    installation, monkeypatch, engine, url, connection
):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    append(engine, entries((sale(1, 5), sale(2, 4))))
    assert installation.refresh().success
    connection.execute("DELETE FROM event_log WHERE sequence = 2")
    raise_epoch(engine, "restored", NOW)
    assert len(tick(installation).run_requests or ()) == 1
    result = installation.refresh()
    assert "restored from a backup" in failed_steps(result)["refresh_bronze_events"]
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert installation.refresh().success


def test_a_refresh_tells_the_opened_log_of_new_files_and_the_night_proves_the_balances(
    installation, monkeypatch, engine, url, connection
):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    installation.land_lines("first", line(1), line(2))
    assert installation.refresh().success
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (0,)
    with live_engine(installation.settings) as live:
        open_live(open_workspace(installation.settings, lambda: NOW), live)
    installation.land_lines("second", line(1, receipt="R2"), line(2, receipt="R2"))
    assert installation.refresh().success
    told = connection.execute("SELECT source, type, left(event_id, 6) FROM event_log").fetchall()
    assert told == [("till", "stock.moved", "batch:")] * 2
    pairs = connection.execute("SELECT count(*) FROM live_pairs").fetchone()
    assert pairs == (installation.rows("gold/inventory_position").height,)
    with live_engine(installation.settings) as live:
        assert tell_masters(open_workspace(installation.settings, lambda: NOW), live) is None
    work(connection, orders())
    job = loaded().resolve_job_def("live_upkeep")
    assert job.execute_in_process(instance=installation.instance).success
    assert connection.execute("SELECT sequence, pairs FROM log_checkpoints").fetchall() == [(2, 2)]
    connection.execute("UPDATE inventory_state SET reserved = 1")
    assert not job.execute_in_process(instance=installation.instance, raise_on_error=False).success
