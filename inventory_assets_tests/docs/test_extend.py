"""docs/extend.md, followed word by word in an empty folder."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.publish.sql import query
from inventory_assets.settings import Settings
from inventory_assets_tests.docs.markdown import blocks

PUBLISHED = dg.AssetKey(["serving", "inventory_duckdb"])


def follow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write the page's files and run its commands, in order; the output of each command.

    `inventory` is called inside this process, where its libraries are loaded already; everything else is a process.
    """
    for name in os.environ:
        if name.startswith(("INVENTORY_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("INVENTORY_INGEST__READY_AFTER_SECONDS", "0")
    monkeypatch.chdir(folder)
    said = []
    for block in blocks("extend.md"):
        if block.language != "sh":
            file = folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code, encoding="utf-8")
            continue
        for command in block.code.splitlines():
            if command.startswith("inventory "):
                answer = CliRunner().invoke(app, shlex.split(command)[1:])
                code, output = answer.exit_code, answer.output
            else:
                done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
                code, output = done.returncode, done.stdout + done.stderr
            assert code == 0, f"line {block.line}: {command}\n{output[-4000:]}"
            said.append(output)
    return said


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("extending")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return folder, follow(folder, monkeypatch)


@pytest.mark.slow
@pytest.mark.xdist_group("extending")
class TestFollowed:
    def test_the_new_source_is_read_as_declared(self, followed):
        folder, said = followed
        settings = Settings(data_dir=folder / "data")
        assert "3 rows, 3 accepted" in said[1]
        [day] = query(settings.serving, "SELECT * FROM gold.store_performance").to_dicts()
        assert (str(day["transaction_date"]), day["currency"], str(day["daily_revenue"])) == (
            "2024-03-01", "EUR", "6.0000",
        )  # fmt: skip
        lake = Lake(settings.lake)
        assert lake.scan(TABLES["silver/non_merchandise"]).collect()["product_sku"].to_list() == ["DEPOSIT"]
        sales = lake.scan(TABLES["silver/inventory_transactions"]).collect().sort("line_number", "transaction_id")
        assert sales["customer_id"].to_list() == [None, "C-19"]
        assert sales["timestamp"].dt.strftime("%Y-%m-%d %H:%M").to_list() == ["2024-02-29 23:15", "2024-03-01 17:40"]

    def test_the_own_asset_wrote_what_it_read(self, followed):
        folder, said = followed
        weeks = pl.read_parquet(folder / "data" / "mine" / "weekly_revenue.parquet")
        assert weeks.select("store_id", "currency", pl.col("revenue").cast(pl.Float64)).rows() == [
            ("KIOSK-1", "EUR", 6.0)
        ]
        assert "1 passed" in said[-1]

    def test_the_own_asset_runs_when_the_published_file_changes_and_only_then(self, followed, monkeypatch):
        folder, _ = followed
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        import my_assets  # type: ignore[import-not-found]

        key = dg.AssetKey(["mine", "weekly_revenue"])
        with dg.DagsterInstance.ephemeral() as instance:
            cursor, requested = None, []
            for updated in (PUBLISHED, key, PUBLISHED):
                instance.report_runless_asset_event(dg.AssetMaterialization(updated))
                tick = dg.evaluate_automation_conditions(my_assets.defs, instance, cursor=cursor)
                cursor = tick.cursor
                requested.append(tick.get_num_requested(key))
        assert requested == [0, 0, 1], "the first tick only looks"

    def test_the_workspace_file_loads_both(self, followed):
        folder, _ = followed
        loaded = yaml.safe_load((folder / "workspace.yaml").read_text())["load_from"]
        assert loaded[0]["python_module"]["module_name"] == "inventory_assets.definitions"
        assert (folder / loaded[1]["python_file"]["relative_path"]).exists()
