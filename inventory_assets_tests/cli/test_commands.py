from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.commands.landing import declare_source


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`inventory …` on an empty data folder."""
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path / "data"))
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, list(arguments), **options)


def test_version_names_the_package(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("inventory-assets 0.")


@pytest.mark.parametrize("command", ["demo", "doctor", "status", "sql", "validate", "reread"])
def test_every_command_explains_itself(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("demo", "--from", "somewhere"),
        ("demo", "--from", "scms"),
        ("demo", "--file", "x.csv"),
        ("simulate", "history", "--dirt", "0.9"),
        ("load", "stock"),
    ],
)
def test_wrong_use_is_2(run, arguments):
    assert run(*arguments).exit_code == 2


def test_a_bad_setting_is_2_and_names_its_variable(run, monkeypatch):
    monkeypatch.setenv("INVENTORY_PUBLISH__KEEP_FILES", "none")
    result = run("status")
    assert result.exit_code == 2
    assert "INVENTORY_PUBLISH__KEEP_FILES" in result.stderr


def test_an_empty_installation_is_3_for_status_and_sql(run):
    status = run("status", "--json")
    assert status.exit_code == 3
    assert json.loads(status.stdout)["stage"] == "empty"
    answer = run("sql", "SELECT 1")
    assert answer.exit_code == 3
    assert answer.stdout == ""
    assert "published" in answer.stderr


def test_status_and_doctor_write_nothing(run, tmp_path):
    run("status")
    run("doctor")
    assert not (tmp_path / "data").exists()


def test_status_names_files_nobody_reads(run, tmp_path):
    stray = tmp_path / "data" / "landing" / "sales" / "monday.csv"
    stray.parent.mkdir(parents=True)
    stray.write_text("a\n1\n")
    findings = json.loads(run("status", "--json").stdout)["findings"]
    assert findings[0]["severity"] == "warning"
    assert "sales/monday.csv" in findings[0]["what"]


def test_doctor_prints_findings_as_json_the_worst_first(run):
    result = run("doctor", "--json")
    severities = [finding["severity"] for finding in json.loads(result.stdout)]
    order = ["error", "warning", "info", "ok"]
    assert severities == sorted(severities, key=order.index)
    assert result.exit_code == (1 if "error" in severities else 0)


def test_opening_balances_go_to_the_landing_folder_and_faults_are_1(run, tmp_path):
    good = tmp_path / "openings.csv"
    good.write_text("location_id,product_sku,quantity,as_of\nSTORE-1,A1,5,2024-01-01\n")
    result = run("load", "stock", str(good), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == {"stock": 1}
    assert list((tmp_path / "data" / "landing" / "stock").rglob("*.csv"))
    bad = tmp_path / "bad.csv"
    bad.write_text("location_id,product_sku,quantity,as_of\nSTORE-1,A1,many,2024-01-01\n")
    refused = run("load", "stock", str(bad))
    assert refused.exit_code == 1
    assert "many" in refused.stderr
    assert run("load", "scms", str(tmp_path / "missing.csv")).exit_code == 1


def test_a_simulated_history_lands_with_its_profile_and_again_is_the_same(run, tmp_path):
    arguments = ("simulate", "history", "--days", "3", "--stores", "1", "--items", "5", "--end", "2024-03-01", "--json")
    first = run(*arguments)
    assert first.exit_code == 0, first.output
    landing = tmp_path / "data" / "landing"
    before = {path: path.read_bytes() for path in landing.rglob("*") if path.is_file()}
    assert len(before) == json.loads(first.stdout)["files"] > 0
    assert "[simulated]" in (tmp_path / "data" / "sources.toml").read_text()
    run(*arguments)
    assert before == {path: path.read_bytes() for path in landing.rglob("*") if path.is_file()}


def test_a_declared_source_stays_and_others_are_kept(tmp_path):
    file = tmp_path / "data" / "sources.toml"
    assert declare_source(file, "till", "[till]\ncurrency = 'EUR'\n")
    assert not declare_source(file, "till", "[till]\ncurrency = 'USD'\n")
    assert declare_source(file, "web", "[web]\ncurrency = 'GBP'\n")
    assert "EUR" in file.read_text()
    assert "GBP" in file.read_text()
    assert "USD" not in file.read_text()


def test_a_rewritten_file_is_read_again_by_command_only(run, tmp_path):
    row = "supplier_id,supplier_name,modified_at\nSUP-1,{name},{day}T00:00:00Z\n"
    landed = tmp_path / "data" / "landing" / "suppliers" / "suppliers.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text(row.format(name="Old", day="2026-01-01"))
    assert run("reread", "suppliers/suppliers.csv").exit_code == 0
    landed.write_text(row.format(name="Renamed", day="2026-02-01"))
    assert run("reread", "suppliers/none.csv").exit_code == 3
    again = run("reread", "suppliers/suppliers.csv", "--json")
    assert json.loads(again.stdout) == {"read": "suppliers/suppliers.csv"}
    names = run("sql", "SELECT supplier_name FROM silver.suppliers", "--json")
    status = json.loads(run("status", "--json").stdout)
    assert status["rows"]["bronze/suppliers"] == 2
    assert status["rows"]["silver/suppliers"] == 2
    assert names.exit_code == 0
