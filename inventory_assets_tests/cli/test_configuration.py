from __future__ import annotations

import json

from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.commands.configuration import MASK, PAGE, described, masked, page
from inventory_assets.settings import Settings


def test_the_page_is_current():
    assert PAGE.read_text("utf-8") == page(), "run make docs"


def test_no_secret_is_shown(monkeypatch):
    monkeypatch.setenv("INVENTORY_STORAGE_OPTIONS__AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("INVENTORY_LAKE_URI", "s3://key:hunter2@bucket/lake")
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
        assert result.exit_code == 0
        assert "hunter2" not in result.output
        assert MASK in result.output
        assert "bucket/lake" in result.output


def test_the_origin_of_a_value_is_told(monkeypatch):
    monkeypatch.setenv("INVENTORY_INGEST__INTERVAL_SECONDS", "3")
    rows = {row["variable"]: row for row in json.loads(CliRunner().invoke(app, ["config", "show", "--json"]).stdout)}
    assert rows["INVENTORY_INGEST__INTERVAL_SECONDS"] == {
        "variable": "INVENTORY_INGEST__INTERVAL_SECONDS",
        "value": 3,
        "origin": "environment",
    }
    assert rows["INVENTORY_BLOCK_DAYS"]["origin"] == "default"


def test_every_setting_has_a_description():
    assert [row.variable for row in described(Settings(), {}) if not row.description] == []


def test_credentials_in_a_uri_are_masked():
    assert masked("s3://key:secret@bucket/x") == f"s3://{MASK}@bucket/x"
    assert masked("abfss://container@account/x") == "abfss://container@account/x"
    assert masked("/plain/path@home") == "/plain/path@home"
