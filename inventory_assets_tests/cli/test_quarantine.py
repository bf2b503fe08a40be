"""`inventory quarantine …` on a real lake."""

from __future__ import annotations

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import workspace_at
from inventory_assets_tests.pipeline.test_quarantine import NOW, A, Shop, line

WHO = ("--because", "asked the shop", "--author", "anna")


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    settings = Settings(data_dir=tmp_path_factory.mktemp("shop"))
    shop = Shop(settings, workspace_at(settings, NOW))
    ahead = "2026-06-09T10:00:00Z"
    shop.land(A, line(1), line(2, quantity="two"), line(3, at=ahead), line(4, at=ahead), line(5, price="-1"))
    shop.land("pos/source=web/w.csv", line(1, at=ahead))
    shop.refresh()
    return shop


@pytest.fixture
def run(shop, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(shop.settings.data_dir))
    monkeypatch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI"):
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(app, ["quarantine", *arguments])


def test_list_shows_rows_reasons_and_what_to_do(run):
    plain = run("list")
    assert plain.exit_code == 0
    assert f"{A}#2" in plain.stdout
    assert "`fix` the column" in plain.stdout
    found = json.loads(run("list", "--reason", "event_time_ahead", "--source", "till", "--json").stdout)
    assert (found["rows"], [row["row"] for row in found["shown"]]) == (2, [f"{A}#3", f"{A}#4"])
    assert found["reasons"][0]["reason"] == "event_time_ahead"
    assert json.loads(run("list", "--day", "none", "--json").stdout)["rows"] == 0
    few = run("list", "--limit", "1", "--json")
    assert len(json.loads(few.stdout)["shown"]) == 1


def test_show_prints_the_row_as_sent_and_the_way_out(run):
    told = json.loads(run("show", f"{A}#2", "--json").stdout)
    assert told["reasons"][0]["reason"] == "type:quantity_sold"
    assert told["read"]["raw_data"].startswith("R,2,S1,A1,two")
    assert told["cells"]["quantity_sold"] is None
    assert "R,2,S1,A1,two" in run("show", f"{A}#2").stdout
    assert run("show", f"{A}#99").exit_code == 1
    assert "names no row" in run("show", "nonsense").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("release", f"{A}#2"),
        ("release", f"{A}#2", "--because", "x"),
        ("release", f"{A}#2", "--because", " ", "--author", "anna"),
        ("release", *WHO),
        ("release", f"{A}#2", "--reason", "conflict", *WHO),
        ("release", "--reason", "nonsense", *WHO),
        ("discard", "--day", "monday", *WHO),
        ("list", "--feed", "nonsense"),
        ("fix", f"{A}#2", *WHO),
        ("fix", f"{A}#2", "--set", "quantity_sold", *WHO),
        ("fix", f"{A}#2", "--set", "units=2", *WHO),
    ],
)
def test_wrong_use_is_2_and_writes_nothing(run, shop, arguments):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert shop.decisions() == 0


def test_a_value_that_does_not_cast_and_more_rows_than_the_limit_are_1_and_write_nothing(run, shop):
    refused = run("fix", f"{A}#2", "--set", "quantity_sold=zwei", *WHO)
    assert refused.exit_code == 1
    assert "'zwei' is no whole number" in refused.stderr
    many = run("release", "--reason", "event_time_ahead", "--limit", "2", *WHO)
    assert many.exit_code == 1
    assert "3 rows are meant, more than --limit 2" in many.stderr
    assert shop.decisions() == 0


def test_decisions_are_written_once_with_who_and_why_and_the_next_refresh_carries_them_out(run, shop):
    dry = json.loads(run("release", "--reason", "event_time_ahead", "--dry-run", "--json", *WHO).stdout)
    assert (dry["written"], len(dry["verdicts"]), dry["verdicts"][0]["then"]) == (0, 3, "accepted")
    assert shop.decisions() == 0
    bulk = json.loads(run("release", "--reason", "event_time_ahead", "--source", "till", "--json", *WHO).stdout)
    assert bulk["written"] == 2
    again = run("release", "--reason", "event_time_ahead", "--source", "till", *WHO)
    assert (again.exit_code, "nothing was written" in again.stdout) == (0, True)
    fixed = run("fix", f"{A}#2", "--set", "quantity_sold=2", "--set", "reason=typed in", *WHO)
    assert fixed.exit_code == 0
    assert "accepted" in fixed.stdout
    partly = run("release", "--file", A, *WHO)
    assert partly.exit_code == 1, "what cannot be released is said"
    assert "does not help" in partly.stderr
    assert run("discard", f"{A}#5", *WHO).exit_code == 0
    stored = shop.lake.scan(DECISIONS).collect().filter(pl.col("action") != "release")
    assert stored.select("actor", "reason", "decided_at").unique().rows() == [("anna", "asked the shop", NOW)]
    shop.refresh()
    assert [sale[1] for sale in shop.sales()] == [1, 2, 3, 4]
    assert [row["row"] for row in json.loads(run("list", "--json").stdout)["shown"]] == ["pos/source=web/w.csv#1"]
    assert json.loads(run("list", "--reason", "discarded", "--json").stdout)["rows"] == 1
    assert "anna" in run("show", f"{A}#2").stdout
