"""What people do when something is wrong, by the commands of the documentation: batch only, rollback, restore."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.auditing import broken_rows
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.log.reading import LogBehindError
from inventory_assets.operate.live_log import live_log
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets_tests.faults.campaign import long_only
from inventory_assets_tests.live.databases import installation
from inventory_assets_tests.live.processes import (
    EVENTS,
    Processes,
    asked,
    assert_kept,
    await_applied,
    counted,
    moved,
    one,
    processes,
    reserved,
    until,
)

Run = Callable[..., Result]
BOOKS = "SELECT json_object_agg(item, book - reserved) FROM inventory_state"


@pytest.fixture
def run(monkeypatch, folder: Path) -> Run:
    """`inventory …` on the data folder."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(folder))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def send(live: Processes, *events: dict[str, Any]) -> set[tuple[str, str]]:
    assert asked(live.port, "POST", EVENTS, list(events))[0] == 202
    return {(each["source"], each["id"]) for each in events}


def test_batch_only_and_back_by_the_documented_commands(run: Run, url, connection, folder, monkeypatch):
    """The rollback plan of docs/live-checklist.md: off, events wait, a worker that was mended, a subset, all again."""
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    with processes(url, folder, 1) as live:
        kept = send(live, counted("A", "S", 10), counted("B", "S", 10))
        await_applied(url)
        assert told(run("live", "off", "--because", "stock looks wrong", "--json"))["changed"] is True
        assert run("live", "off", "--because", "again").stdout.strip() == "all: was batch only already, nothing changed"
        kept |= send(live, moved("s1", "A", "S", 3), reserved("R1", "B", "S", 4))
        assert live.get("/readyz")[0] == 200
        shown = told(run("live", "modes", "--json"))
        assert [(each["scope"], each["reason"]) for each in shown["batch_only"]] == [("all", "stock looks wrong")]
        assert shown["waiting"] == 2
        live.kill("0")
        assert told(run("live", "rebuild", "--verify", "--json"))["pairs_that_differ"] == 0
        live.start("0")
        told(run("live", "off", "--item", "B", "--because", "subset first", "--json"))
        told(run("live", "on", "--because", "mended", "--json"))
        until(lambda: one(url, BOOKS) == {"A": 7, "B": 10})
        assert told(run("live", "modes", "--json"))["waiting"] == 1
        told(run("live", "on", "--item", "B", "--because", "looks right", "--json"))
        await_applied(url)
        assert one(url, BOOKS) == {"A": 7, "B": 6}
        assert "everything is live" in run("live", "modes").stdout
    assert told(run("live", "rebuild", "--verify", "--json"))["pairs_that_differ"] == 0
    assert_kept(url, kept)
    acts = [row[0] for row in connection.execute("SELECT action FROM audit_log ORDER BY id")]
    assert acts == ["live.off", "live.off", "live.on", "live.on"]
    assert broken_rows(connection) == []
    assert run("live", "off", "--because", "x", "--item", "A", "--location", "S").exit_code == 2


def test_without_a_database_the_switches_say_what_to_do(run: Run, monkeypatch):
    monkeypatch.delenv("INVENTORY_DATABASE_URL", raising=False)
    for command in (("off", "--because", "x"), ("on", "--because", "x"), ("modes",), ("restored", "--because", "x")):
        result = run("live", *command)
        assert result.exit_code == 3
        assert "inventory db start" in result.stderr


def read_in(space: Workspace, settings: Settings) -> None:
    """What a refresh does with the log."""
    with live_log(settings) as log:
        take_in_log(space, log)


@pytest.mark.slow
@long_only
def test_a_copy_of_the_stopped_cluster_is_restored_and_what_followed_replayed(run: Run, folder, monkeypatch):
    monkeypatch.delenv("INVENTORY_DATABASE_URL", raising=False)
    monkeypatch.setenv("INVENTORY_DATABASE__SHARED_BUFFERS_MB", "32")
    settings = installation(folder)
    server, backup = EmbeddedServer(settings), folder / "backup"
    space = Workspace(Lake(settings.lake), str(folder), load_profiles(), lambda: datetime.now(UTC))
    try:
        assert run("db", "start").exit_code == 0
        url = server.place.url
        with processes(url, folder, 1) as live:
            kept = send(live, counted("A", "S", 10), counted("B", "S", 5))
            await_applied(url)
        assert run("db", "stop").exit_code == 0
        subprocess.run(["cp", "-a", str(server.place.folder), str(backup)], check=True)
        assert run("db", "start").exit_code == 0
        with processes(url, folder, 1) as live:
            kept |= send(live, moved("s1", "A", "S", 3), reserved("R1", "B", "S", 4), reserved("R2", "B", "S", 2))
            await_applied(url)
        wanted = one(url, BOOKS)
        read_in(space, settings)

        assert run("db", "stop").exit_code == 0
        shutil.rmtree(server.place.folder)
        subprocess.run(["cp", "-a", str(backup), str(server.place.folder)], check=True)
        assert run("db", "start").exit_code == 0
        raised = told(run("live", "restored", "--because", "copy of the night", "--json"))
        assert raised == {"epoch": 2, "after_sequence": 2}
        with pytest.raises(LogBehindError, match="restored from a backup"):
            read_in(space, settings)
        dry = told(run("live", "replay", "--dry-run", "--json"))
        assert (dry["lost"] > 3, dry["appended"]) == (True, 0)
        assert told(run("live", "replay", "--json"))["appended"] == dry["lost"]
        with processes(url, folder, 1, api=False):
            await_applied(url)
        assert one(url, BOOKS) == wanted == {"A": 7, "B": 1}
        assert told(run("live", "rebuild", "--verify", "--json"))["pairs_that_differ"] == 0
        read_in(space, settings)
        held = [space.lake.scan(table).select("source_system", "event_id").collect() for table in LOG_BRONZE]
        assert sum(each.height for each in held) == one(url, "SELECT count(*) FROM event_log")
        assert all(each.is_unique().all() for each in held)
        assert_kept(url, kept)
    finally:
        server.stop(force=True)
