from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from inventory_assets.ingest.landing import content_hash
from inventory_assets.operate import instance
from inventory_assets.operate.instance import AlreadyRunningError
from inventory_assets_tests.conftest import ROOT


@pytest.mark.parametrize("name", instance.TEMPLATES)
def test_the_packaged_template_is_the_file_at_the_root(name):
    assert instance.template(name) == (ROOT / name).read_text("utf-8")


def test_prepare_copies_the_templates_and_keeps_edited_ones(tmp_path):
    home = tmp_path / "dagster"
    instance.prepare(home)
    assert yaml.safe_load((home / "dagster.yaml").read_text())["concurrency"]["pools"]["default_limit"] == 1
    assert instance.own_files(home) == []
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    instance.prepare(home)
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert instance.own_files(home) == ["dagster.yaml"]


def test_a_copy_nobody_edited_follows_the_project_to_its_next_version(tmp_path):
    home, now = tmp_path / "dagster", instance.template
    before = {name: f"# before\n{now(name)}" for name in instance.TEMPLATES}
    home.mkdir()
    for name, text in before.items():
        (home / name).write_text(text)
    (home / instance.COPIED).write_text(json.dumps({n: content_hash(text.encode()) for n, text in before.items()}))
    (home / "workspace.yaml").write_text("load_from: []\n")
    assert instance.own_files(home) == ["dagster.yaml", "workspace.yaml"]
    instance.prepare(home)
    assert (home / "dagster.yaml").read_text() == now("dagster.yaml")
    assert (home / "workspace.yaml").read_text() == "load_from: []\n"
    (home / "dagster.yaml").unlink()
    instance.prepare(home)
    assert instance.own_files(home) == ["workspace.yaml"]


def test_the_instance_loads_with_the_limits_the_lake_relies_on(tmp_path, monkeypatch):
    from dagster import DagsterInstance

    instance.prepare(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.from_config(str(tmp_path)) as loaded:
        concurrency = loaded.get_concurrency_config()
        assert concurrency.pool_config.default_pool_limit == 1
        assert concurrency.pool_config.pool_granularity.value == "run"
        assert concurrency.run_queue_config.tag_concurrency_limits == [
            {"key": "inventory/lane", "value": "refresh", "limit": 1}
        ]
        assert concurrency.run_queue_config.max_concurrent_runs == 4
        assert loaded.run_coordinator.dequeue_interval_seconds == 1
        assert loaded.run_monitoring_enabled
        assert not loaded.telemetry_enabled
        assert not loaded.run_retries_enabled
        assert loaded.get_tick_retention_settings
    assert (tmp_path / "schedules").is_dir(), "storage lies inside the instance folder"


def test_services_get_absolute_folders_and_the_loopback_address(tmp_path):
    home = tmp_path / "dagster"
    webserver, daemon = instance.services(tmp_path, home, 3999, {"PATH": "/bin", "INVENTORY_DATA_DIR": "elsewhere"})
    assert webserver.command[:3] == (sys.executable, "-m", "dagster_webserver")
    assert webserver.command[3:7] == ("-h", "127.0.0.1", "-p", "3999")
    for service in (webserver, daemon):
        assert service.environment["INVENTORY_DATA_DIR"] == str(tmp_path)
        assert service.environment["DAGSTER_HOME"] == str(home)
        assert service.log.parent == tmp_path / "logs"


def test_a_data_folder_has_one_owner_and_the_lock_ends_with_it(tmp_path):
    code = (
        "import sys, pathlib; from inventory_assets.operate.instance import sole_owner, AlreadyRunningError\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "try:\n    with sole_owner(folder): print('mine')\nexcept AlreadyRunningError as error: print(error)"
    )

    def other() -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    with instance.sole_owner(tmp_path):
        assert "serves" in other()
        assert "INVENTORY_DATA_DIR" in other()
        with pytest.raises(AlreadyRunningError), instance.sole_owner(tmp_path):
            pass
    assert other() == "mine\n"


@pytest.mark.slow
def test_storage_is_made_once_and_a_refused_instance_is_said(tmp_path):
    import os

    home = tmp_path / "dagster"
    instance.prepare(home)
    webserver, _ = instance.services(tmp_path, home, 3999, os.environ)
    (home / "dagster.yaml").write_text("no_such_section: {}\n")
    with pytest.raises(instance.InstanceError, match="no_such_section"):
        instance.make_storage(home, webserver)
    (home / "dagster.yaml").unlink()
    instance.prepare(home)
    instance.make_storage(home, webserver)
    assert (home / "schedules").is_dir()
    assert (home / instance.MARKER).exists()
