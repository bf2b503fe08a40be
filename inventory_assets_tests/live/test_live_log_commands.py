from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live import replays
from inventory_assets.live.auditing import Act
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.requeueing import filter_of
from inventory_assets_tests.live.processing import counted, orders, sold, work


@pytest.fixture
def run(tmp_path, monkeypatch, url):
    """`inventory live …` on an empty lake and the test's database."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    return lambda *arguments: CliRunner().invoke(app, ["live", *arguments])


def test_without_a_database_every_command_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("INVENTORY_DATABASE_URL", raising=False)
    for command in ("open", "rebuild", "replay", "replays", "checkpoint", "purge"):
        result = CliRunner().invoke(app, ["live", command])
        assert result.exit_code == 3
        assert "inventory db start" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_rebuild_names_what_differs_and_the_checkpoint_is_refused(run, engine, connection):
    append(engine, [entry_of(counted("A", "S", 9)), entry_of(counted("B", "S", 4)), entry_of(sold("B", "S", 1))])
    work(connection, orders())
    right = run("rebuild", "--verify", "--json")
    assert right.exit_code == 0, right.output
    told = json.loads(right.stdout)
    assert (told["pairs"], told["events_with_an_effect"], told["pairs_that_differ"]) == (2, 3, 0)
    assert run("purge").exit_code == 1
    assert json.loads(run("checkpoint", "--json").stdout)["pairs"] == 2
    assert run("purge", "--dry-run").exit_code == 0
    connection.execute("UPDATE inventory_state SET reserved = 5 WHERE item = 'B'")
    wrong = run("rebuild", "--verify")
    assert wrong.exit_code == 1
    assert "B at S: reserved is 5, the log says 0" in wrong.stderr
    assert run("rebuild").exit_code == 0
    assert run("checkpoint").exit_code == 1


def test_replay_counts_first_and_then_puts_back(run, engine, connection):
    append(engine, [entry_of(counted("A", "S", 9)), entry_of(counted("B", "S", 4))])
    connection.execute("DELETE FROM event_queue")
    dry = json.loads(run("replay", "--dry-run", "--item", "A", "--json").stdout)
    assert (dry["unapplied"], dry["requeued"]) == (1, 0)
    assert json.loads(run("replay", "--json", "--since", "2020-01-01").stdout)["requeued"] == 2
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (2,)


def test_replays_are_listed_the_newest_first_and_one_is_ended_once(run, engine):
    ann = Act(datetime(2026, 3, 1, 12, tzinfo=UTC), "ann", "a bug was mended")
    for day in (1, 2):
        with engine.begin() as connection:
            wanted = filter_of(0, datetime(2026, 3, day, tzinfo=UTC), (), ())
            asked = replays.request(driver_of(connection), wanted, ann, dry_run=day == 1)
        if day == 1:
            assert run("replays", "--cancel", str(asked.id), "--because", "the wrong day").exit_code == 0
    told = json.loads(run("replays", "--json").stdout)["replays"]
    assert [(each["status"], each["dry_run"]) for each in told] == [("waiting", False), ("cancelled", True)]
    shown = run("replays", "--limit", "1").stdout
    assert [words in shown for words in ("ann", "waiting", "dry run")] == [True, True, False]
    ended = run("replays", "--cancel", str(told[1]["id"]))
    assert (ended.exit_code, "is cancelled already" in ended.stderr) == (1, True)
    assert run("replays", "--cancel", "999").exit_code == 2
    with engine.begin() as connection:
        acts = driver_of(connection).execute("SELECT action, reason FROM audit_log ORDER BY id").fetchall()
    assert acts == [
        ("replay.requested", "a bug was mended"),
        ("replay.cancelled", "the wrong day"),
        ("replay.requested", "a bug was mended"),
    ]


def test_opening_needs_a_position(run):
    result = run("open")
    assert result.exit_code == 2
    assert "run the refresh first" in result.stderr
