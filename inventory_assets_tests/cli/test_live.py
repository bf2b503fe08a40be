from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.database.ready import is_embedded
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.operate.processes import end_orphans, free_port
from inventory_assets.settings import Settings
from inventory_assets_tests.live.databases import open_folder


def environment_of(folder: Path) -> dict[str, str]:
    """Of processes that serve a folder and need little."""
    return {
        **os.environ,
        "INVENTORY_DATA_DIR": str(folder),
        "INVENTORY_DATABASE__SHARED_BUFFERS_MB": "32",
        "INVENTORY_LISTENER__LEAST_FREE_BYTES": "0",
        "PYTHONFAULTHANDLER": "1",
    }


@pytest.mark.parametrize("command", ["api", "worker", "all"])
def test_every_command_explains_itself(command):
    assert CliRunner().invoke(app, ["live", command, "--help"]).exit_code == 0


def test_an_address_others_can_reach_is_wrong_use(monkeypatch, tmp_path):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVENTORY_LISTENER__HOST", "0.0.0.0")
    for command in ("api", "all"):
        result = CliRunner().invoke(app, ["live", command])
        assert result.exit_code == 2
        assert "no authentication yet" in result.stderr
    assert not any(tmp_path.iterdir())


def test_all_serves_applies_outlives_a_killed_service_and_database_and_ends_with_one_ctrl_c():
    import psutil

    with open_folder() as folder:
        port = free_port(8400)
        environment = environment_of(folder)
        command = [sys.executable, "-m", "inventory_assets.cli", "live", "all", "--port", str(port)]
        with hearing(), subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            family = psutil.Process(process.pid)
            try:
                address = f"http://127.0.0.1:{port}"
                assert _ready(address)["status"] == "ready"
                counted = {"location_id": "S1", "lines": [{"product_sku": "A", "quantity": 7}]}
                event = {"specversion": "1.0", "id": "c", "source": "/wms", "type": "stock.counted", "data": counted}
                told = httpx.post(f"{address}/api/v1/events", json=event)
                assert told.status_code == 202
                assert _stock(address) == 7
                doctor = CliRunner().invoke(
                    app, ["doctor"], env={**environment, "INVENTORY_LISTENER__PORT": str(port), "COLUMNS": "300"}
                )
                assert f"127.0.0.1:{port} takes events" in doctor.stdout
                names = [" ".join(each.cmdline()[-4:]) for each in family.children(recursive=True)]
                assert sum("--workers 2" in name for name in names) == 2
                assert sum(name.endswith("webhook run") for name in names) == 1
                api = next(each for each in family.children(recursive=True) if "api" in each.cmdline())
                api.kill()
                assert _ready(address)["status"] == "ready"
                assert httpx.post(f"{address}/api/v1/events", json=event).json()["status"] == "duplicate"
                killed = EmbeddedServer(Settings(data_dir=folder)).status().pid
                assert killed
                psutil.Process(killed).kill()
                _asked(f"{address}/api/v1/events/c?source=/wms")
                assert EmbeddedServer(Settings(data_dir=folder)).status().pid != killed
                process.send_signal(signal.SIGINT)
                _ended(process)
            finally:
                for each in [family, *family.children(recursive=True)] if family.is_running() else []:
                    each.kill()
        settings = Settings(data_dir=folder)
        assert is_embedded(settings)
        assert EmbeddedServer(settings).status().state == "stopped"
        assert not [each for each in psutil.process_iter() if str(folder) in " ".join(_command(each))]


DEMO = """
import time
from inventory_assets.commands.demo import live_beside, stream_beside
from inventory_assets.settings import Settings
settings = Settings()
with live_beside(settings) as (_, address):
    with stream_beside(settings, address, "online-retail", 7, wanted=True) as (_, sent):
        print(sent, flush=True)
        time.sleep(600)
"""


def test_what_a_killed_demo_left_of_the_live_service_is_ended_by_the_next_one():
    import psutil

    with open_folder() as folder:
        command = [sys.executable, "-c", DEMO]
        with subprocess.Popen(command, env=environment_of(folder), stdout=subprocess.PIPE, text=True) as demo:
            assert demo.stdout is not None
            assert demo.stdout.readline() == "True\n"
            left = [each for each in psutil.Process(demo.pid).children(recursive=True) if "inventory_assets.cli" in
                    each.cmdline()]  # fmt: skip
            demo.kill()
        try:
            assert {" ".join(each.cmdline()[3:5]) for each in left} == {
                "live api", "live worker", "webhook run", "simulate stream",
            }  # fmt: skip
            assert end_orphans(folder) >= len(left)
            assert not [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        finally:
            for each in left:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            EmbeddedServer(Settings(data_dir=folder)).stop(force=True)


@contextmanager
def hearing() -> Iterator[None]:
    """Let Ctrl-C reach what is started: a shell that runs tests in the background has them, and so that, ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ended(process: subprocess.Popen[str]) -> None:
    """It ends well; if not, it says where it stands."""
    try:
        _, said = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail(f"it did not end:\n{process.communicate()[1]}")
    assert process.returncode == 0, said


def _command(process) -> list[str]:
    import psutil

    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _ready(address: str) -> dict:
    return _asked(f"{address}/readyz").json()


def _stock(address: str) -> int:
    return _asked(f"{address}/api/v1/inventory/A?storeId=S1").json()["book"]


def _asked(address: str) -> httpx.Response:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(address, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        if answer.status_code == 200:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{address} did not answer in time")
