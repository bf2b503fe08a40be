from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at

HEADER = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`inventory …` on an empty data folder."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path / "data"))
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, list(arguments), **options)


@pytest.mark.parametrize("command", ["maintain", "restore"])
def test_every_command_explains_itself(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_nothing_there_yet_is_3_and_wrong_names_are_2(run):
    assert run("maintain", "--dry-run").exit_code == 3
    assert run("restore", "--to", "2026-01-01").exit_code == 3
    assert run("sql", "SELECT 1", "--as-of", "2026-01-01").exit_code == 3
    assert run("maintain", "--dry-run", "--table", "silver/nonsense").exit_code == 2
    assert run("restore", "--to", "yesterday").exit_code == 2


def test_maintained_tables_are_asked_as_of_a_day_and_restored(run, tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    workspace = workspace_at(settings, datetime.now(UTC))
    for number in range(2):
        landed = tmp_path / "data" / "landing" / "pos" / "source=till" / f"{number}.csv"
        landed.parent.mkdir(parents=True, exist_ok=True)
        landed.write_text(f"{HEADER}R{number},1,S1,A1,2,1.50,2024-05-01T10:00:00Z\n")
        now = datetime.fromtimestamp(landed.stat().st_mtime + 60, UTC)
        refresh_everything(workspace_at(settings, now), settings)
    dry = json.loads(run("maintain", "--dry-run", "--table", "bronze/inventory_transactions", "--json").stdout)
    assert [(each["table"], each["merged"], each["after"]) for each in dry] == [
        ("bronze/inventory_transactions", 2, None)
    ]
    done = run("maintain", "--json")
    assert done.exit_code == 0, done.output
    merged = {each["table"]: each["merged"] for each in json.loads(done.stdout)}
    assert merged["bronze/inventory_transactions"] == 2
    today = workspace.now().date()
    assert run("restore", "--to", "2001-01-01").exit_code == 3
    restored = run("restore", "--to", f"{today}", "--json")
    assert restored.exit_code == 0, restored.output
    assert {each["outcome"] for each in json.loads(restored.stdout)} == {"left: it has the same rows"}
    asked = run(
        "sql", "SELECT sum(total_quantity_sold) AS units FROM daily_inventory_summary", "--as-of", f"{today}", "--json"
    )
    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.stdout)[0]["units"] in (4, "4")
