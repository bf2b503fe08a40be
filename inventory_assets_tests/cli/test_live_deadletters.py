from __future__ import annotations

import json

import psycopg
import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.log.appending import append
from inventory_assets.live.queue.claiming import wake_retries
from inventory_assets_tests.live.conftest import connection, engine, server, url  # noqa: F401 - fixtures
from inventory_assets_tests.live.databases import NOON, entry
from inventory_assets_tests.live.processing import orders, work

GOOD = {"product_sku": "A", "location_id": "S", "quantity": 2, "update_type": "Increment"}


@pytest.fixture
def run(url, tmp_path, monkeypatch, engine, connection):  # noqa: F811
    """The command line on a database with three dead letters."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    append(
        engine, [entry(number, type="InventoryUpdate", effects=None, envelope='{"version": 2}') for number in (1, 2, 3)]
    )
    for _ in range(3):
        work(connection, orders())
        wake_retries(connection, NOON.replace(hour=14))

    def call(*arguments: str, code: int = 0, text: str | None = None):
        result = CliRunner().invoke(app, ["live", *arguments, "--json"], input=text)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else result.stderr

    return call


def test_dead_letters_are_shown_put_back_corrected_and_given_up(run, connection: psycopg.Connection):  # noqa: F811
    names = [f"{each['sequence']}/{each['part']}" for each in run("deadletters", "list")]
    assert len(names) == 3
    assert len(run("deadletters", "show", names[0])["attempts"]) == 3
    tried = run("deadletters", "discard", "--class", "validation", "--because", "x", "--dry-run")
    assert (tried["letters"], len(run("deadletters", "list"))) == (names, 3)
    assert run("deadletters", "retry", names[0], "--because", "the till was mended")["letters"] == [names[0]]
    assert "data_invalid" in run("deadletters", "edit", names[1], "--data", "-", "--because", "x", code=1, text="{}")
    run("deadletters", "edit", names[1], "--data", "-", "--because", "x", text=json.dumps(GOOD))
    assert run("deadletters", "discard", names[2], names[0], "--because", "a test")["not_open"] == [names[0]]
    work(connection, orders())
    assert connection.execute("SELECT book, net FROM inventory_state").fetchall() == [(None, 2)]
    acts = connection.execute("SELECT action FROM audit_log ORDER BY id").fetchall()
    assert acts == [(f"dead_letters.{each}",) for each in ("retried", "edited", "discarded")]
    run("deadletters", "retry", "--because", "x", code=2)
    run("deadletters", "show", "99/0", code=2)


def test_a_switch_is_shown_everywhere_and_audited(run, connection: psycopg.Connection):  # noqa: F811
    assert run("modes")["batch_only"] == []
    run("off", "--item", "a", "--because", "stocktaking")
    (found,) = run("modes")["batch_only"]
    assert (found["scope"], found["key"], found["reason"]) == ("item", "A", "stocktaking")
    said = CliRunner().invoke(app, ["status"]).stdout
    assert "only the batch side works on: item A" in said
    assert "3 parts of events failed for good" in said
    run("on", "--item", "A", "--because", "done")
    assert run("modes")["batch_only"] == []
    assert connection.execute("SELECT action FROM audit_log ORDER BY id").fetchall() == [("live.off",), ("live.on",)]
    run("off", code=2)
    run("off", "--item", "A", "--location", "S", "--because", "x", code=2)
