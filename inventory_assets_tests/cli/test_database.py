from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.database.cluster import postmaster
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.operate.doctor import database
from inventory_assets_tests.live.databases import installation, open_folder


@pytest.fixture(scope="module")
def folder():
    """Data folder of an installation whose server is made by the first test that starts it."""
    with open_folder() as folder:
        yield folder
        EmbeddedServer(installation(folder)).stop(force=True)


@pytest.fixture
def run(folder, monkeypatch):
    """`inventory …` on it."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(folder))
    monkeypatch.setenv("INVENTORY_DATABASE__SHARED_BUFFERS_MB", "32")
    monkeypatch.delenv("INVENTORY_DATABASE_URL", raising=False)
    return lambda *arguments: CliRunner().invoke(app, ["db", *arguments])


def told(result):
    return json.loads(result.stdout)


def test_before_the_first_start_there_is_nothing_and_nothing_is_made(run, folder):
    status = run("status", "--json")
    assert status.exit_code == 3
    assert told(status)["state"] == "absent"
    assert run("stop").exit_code == 3
    assert run("url").stdout.startswith("postgresql://inventory@/inventory?host=")
    assert list(folder.iterdir()) == []
    assert list(database(installation(folder))) == []


def test_start_status_url_and_stop_say_what_they_did(run, folder):
    started = run("start", "--json")
    assert started.exit_code == 0, started.output
    assert (told(started)["started"], told(started)["migrated"]) == (True, True)
    again = told(run("start", "--json"))
    assert (again["started"], again["migrated"], again["pid"]) == (False, False, told(started)["pid"])
    status = told(run("status", "--json"))
    assert (status["state"], status["owner"], status["problem"]) == ("running", None, None)
    assert status["revision"] == status["newest_revision"]
    assert int(status["version"].split(".")[0]) >= 15
    assert told(run("url", "--json"))["url"] == status["url"]
    assert [finding.severity for finding in database(installation(folder))] == ["ok"]
    stopped = run("stop", "--json")
    assert (stopped.exit_code, told(stopped)) == (0, {"stopped": True})
    assert told(run("status", "--json"))["state"] == "stopped"


def test_doctor_names_a_killed_server_and_a_newer_schema(run, folder):
    import psycopg

    assert run("start").exit_code == 0
    embedded = EmbeddedServer(installation(folder))
    with psycopg.connect(embedded.place.url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        newer = list(database(installation(folder)))
        refused = run("start")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert [finding.severity for finding in newer] == ["error"]
    assert "9999" in newer[0].what
    assert refused.exit_code == 1
    assert "9999" in refused.stderr
    postmaster(embedded.place.cluster).kill()
    while postmaster(embedded.place.cluster) is not None:
        pass
    (finding,) = database(installation(folder))
    assert "stale" in finding.what
    assert "inventory db start" in finding.what


def test_a_database_by_url_is_never_started_or_stopped_here(run, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/live")
    for command, code in (("status", 1), ("start", 1), ("stop", 2), ("url", 0)):
        result = run(command)
        assert result.exit_code == code, command
        assert "hunter2" not in result.output
    assert "hunter2" in run("url", "--password").stdout
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "mysql://db/live")
    assert "INVENTORY_DATABASE_URL" in run("status", "--json").stdout


def test_batch_work_never_loads_the_live_layer(tmp_path):
    program = (
        "import sys\n"
        "from inventory_assets.definitions import defs\n"
        "from inventory_assets.cli import app\n"
        "from typer.testing import CliRunner\n"
        "defs() if callable(defs) else defs\n"
        "for command in ('status', 'doctor'): CliRunner().invoke(app, [command])\n"
        "print([name for name in sys.modules if name.startswith(('inventory_assets.live', 'psycopg', 'adbc'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "INVENTORY_DATA_DIR": str(tmp_path / "data")},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "data").exists()
