"""`inventory init` writes a folder that validates, can be taken in, and is never overwritten unasked."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path / "data"))
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_every_template_is_accepted_whole(run, tmp_path):
    folder = tmp_path / "templates"
    made = run("init", str(folder), "--json")
    assert made.exit_code == 0, made.output
    files = json.loads(made.stdout)["files"]
    assert {Path(file).name for file in files} == {"README.md", "sources.toml", *(f"{name}.csv" for name in FEEDS)}
    for name in FEEDS:
        verdict = run("validate", str(folder / name / f"{name}.csv"), "--json")
        assert verdict.exit_code == 0, verdict.output
        said = json.loads(verdict.stdout)
        assert (said["feed"], said["rows"], said["accepted"], said["warnings"]) == (name, 1, 1, [])


def test_the_templates_are_one_story_from_opening_to_sale(run, tmp_path):
    folder = tmp_path / "templates"
    run("init", str(folder))
    settings = Settings()
    for name in FEEDS:
        landed = Path(settings.landing) / name / "source=tills" / f"{name}.csv"
        landed.parent.mkdir(parents=True)
        shutil.copy(folder / name / f"{name}.csv", landed)
    shutil.copy(folder / "sources.toml", settings.sources_file)
    workspace = workspace_at(settings, datetime(2030, 1, 1, tzinfo=UTC))
    refresh_everything(workspace, settings)
    assert workspace.lake.scan(TABLES["silver/quarantine"]).collect().is_empty()
    [position] = workspace.lake.scan(TABLES["gold/inventory_position"]).collect().to_dicts()
    assert (position["book"], position["stock_basis"]) == (12 + 24 - 2, "opening")
    [supplier] = workspace.lake.scan(TABLES["gold/supplier_performance"]).collect().to_dicts()
    assert (supplier["on_time_rate"], supplier["fill_rate"]) == (1.0, 1.0)


def test_nothing_is_overwritten_unless_asked_for(run, tmp_path):
    folder = tmp_path / "templates"
    run("init", str(folder))
    mine, missing = folder / "pos" / "pos.csv", folder / "stock" / "stock.csv"
    mine.write_text("mine")
    missing.unlink()
    again = run("init", str(folder))
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert mine.read_text() == "mine"
    assert not missing.exists(), "nothing at all is written"
    assert run("init", str(folder), "--force").exit_code == 0
    assert mine.read_text().startswith("transaction_id,")
    assert missing.exists()


def test_examples_never_go_where_they_would_be_taken_in(run, tmp_path):
    refused = run("init", str(tmp_path / "data" / "landing" / "templates"))
    assert refused.exit_code == 2
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "file").write_text("")
    refused = run("init", str(tmp_path / "file"))
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr
