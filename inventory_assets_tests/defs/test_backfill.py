"""A range of days built again in one run, without a daemon: in this process, by command, by `dagster asset`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta

import dagster as dg
import polars as pl
import pytest
from dagster import DagsterRunStatus

from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs import backfill
from inventory_assets.defs.jobs import STEPS
from inventory_assets.defs.specs import is_daily, key
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.instance import make_storage, prepare, services
from inventory_assets.pipeline.workspace import day_scope
from inventory_assets.publish.sql import query
from inventory_assets_tests.defs.installation import DAY, Installation, line
from inventory_assets_tests.pipeline.running import facts

pytestmark = pytest.mark.xdist_group("backfill")
DAYS = [DAY + timedelta(days=n) for n in range(12)]
FIRST, LAST = DAYS[3], DAYS[6]
SALES, STORES = TABLES["silver/inventory_transactions"], TABLES["gold/store_performance"]
BY_DAY = [table.path for step in STEPS if step.daily for table in step.tables]


@pytest.fixture
def sold(installation: Installation) -> Installation:
    """Twelve days of sales, in all layers."""
    installation.land_lines("days", *(line(n, day=day, receipt=f"R{day}") for day in DAYS for n in (1, 2)))
    assert installation.refresh().success
    return installation


def damage(lake: Lake, *days: date) -> None:
    """Lose the sales of some days, as no commit of ours does."""
    for table in (SALES, STORES):
        lake.replace(table, lake.scan(table).filter(pl.lit(value=False)).collect(), day_scope(days))


def cells(installation: Installation) -> dict[str, pl.DataFrame]:
    """Facts of every table that is kept by day."""
    return {path: facts(installation.lake, TABLES[path]) for path in BY_DAY}


@pytest.mark.parametrize(
    ("first", "last", "tables", "said"),
    [
        (LAST, FIRST, (), "is after"),
        (date(1999, 1, 1), LAST, (), "leaves the partitions"),
        (FIRST, date(2999, 1, 1), (), "leaves the partitions"),
        (FIRST, LAST, ("gold/nothing",), "there is no table 'gold/nothing'"),
        (FIRST, LAST, ("gold/inventory_position",), "replaced as a whole"),
    ],
)
def test_a_request_that_makes_no_sense_says_what_to_ask_instead(first, last, tables, said):
    with pytest.raises(backfill.BackfillError, match=said):
        backfill.request(first, last, tables)
    with pytest.raises(backfill.BackfillError, match="layers: "):
        backfill.request(FIRST, LAST, layers=("platinum",))


def test_a_refused_request_ends_with_code_2_and_a_reason(capsys):
    assert backfill.main([str(LAST), str(FIRST)]) == 2
    assert "the range is empty" in json.loads(capsys.readouterr().out)["reason"]


def test_a_dry_run_builds_nothing(installation, monkeypatch, capsys):
    prepare(installation.data / "dagster")
    monkeypatch.setenv("DAGSTER_HOME", str(installation.data / "dagster"))
    assert backfill.main([str(FIRST), str(LAST), "--dry-run", "--table", STORES.path]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["days"], len(told["tables"]), told["by"]) == (4, 3, "this process")
    assert installation.versions() == {}


def test_a_request_without_names_means_every_table_kept_by_day_and_a_table_brings_those_of_its_step():
    assert backfill.request(FIRST, LAST).tables == BY_DAY
    assert all(is_daily(TABLES[path]) for path in BY_DAY if TABLES[path].layer in ("gold", "analytics"))
    one = backfill.request(FIRST, LAST, tables=(STORES.path,))
    assert set(one.tables) == {"gold/daily_inventory_summary", "gold/product_performance", STORES.path}
    assert one.days == [str(day) for day in DAYS[3:7]]


def test_a_range_is_built_again_in_one_run_and_only_that_range(sold):
    """Although nothing is dirty: what was lost is back, in DuckDB too."""
    before, marks = cells(sold), {path: sold.lake.version(TABLES[path]) for path in BY_DAY}
    damage(sold.lake, FIRST, LAST)
    told = list(backfill.carry(sold.instance, backfill.request(FIRST, LAST)))
    assert told[-1]["success"], told[-1]
    runs = [run for run in sold.instance.get_runs() if run.run_id in told[-1]["runs"]]
    assert [run.tags["dagster/asset_partition_range_end"] for run in runs] == [str(LAST)]
    for path in BY_DAY:
        assert sold.instance.get_materialized_partitions(key(path)) >= {str(day) for day in DAYS[3:7]}, path
    for path in (SALES.path, "silver/day_balance", "silver/stock_movements", "gold/daily_inventory_summary"):
        table = TABLES[path]
        assert sold.lake.changed_days(table, marks[path], sold.lake.version(table)) == set(DAYS[3:7]), path
    after = cells(sold)
    assert {path for path in BY_DAY if not after[path].equals(before[path], null_equal=True)} == set()
    published = query(sold.settings.serving, "SELECT count(*) FROM gold.store_performance").rows()
    assert published == [(len(DAYS),)]


@pytest.fixture
def by_command(tmp_path, monkeypatch) -> dict[str, str]:
    """Environment of a data folder with receipts of twelve days and an instance, for commands; no daemon."""
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI", "INVENTORY_FIXED_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    environment = {
        **os.environ, "INVENTORY_DATA_DIR": str(tmp_path),
        "INVENTORY_INGEST__READY_AFTER_SECONDS": "0", "INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS": "0",
    }  # fmt: skip
    installation = Installation(tmp_path, dg.DagsterInstance.ephemeral())
    installation.land_lines("days", *(line(n, day=day, receipt=f"R{day}") for day in DAYS for n in (1, 2)))
    prepare(tmp_path / "dagster")
    webserver, _ = services(tmp_path, tmp_path / "dagster", 0, environment)
    make_storage(tmp_path / "dagster", webserver)
    return dict(webserver.environment)


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_both_commands_build_a_range_in_one_run_where_no_daemon_lives(by_command, tmp_path):
    lake = Lake(str(tmp_path / "lakehouse"))
    first = run(by_command, "inventory_assets.cli", "backfill", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["by"], len(told["runs"]), told["days"]) == ("this process", 1, len(DAYS))

    before = facts(lake, STORES)
    assert before.height == len(DAYS), "the refresh after it took the files in"
    damage(lake, FIRST, LAST)
    select = ",".join(backfill.request(FIRST, LAST).tables)
    module = ("-m", "inventory_assets.definitions")
    second = run(
        by_command, "dagster", "asset", "materialize", "--select", select, "--partition-range", f"{FIRST}...{LAST}",
        *module,
    )  # fmt: skip
    assert second.returncode == 0, second.stderr[-2000:]
    assert facts(lake, STORES).equals(before)
    with dg.DagsterInstance.from_config(by_command["DAGSTER_HOME"]) as instance:
        newest = instance.get_runs(limit=1)[0]
        assert newest.status == DagsterRunStatus.SUCCESS
        assert newest.tags["dagster/asset_partition_range_start"] == str(FIRST)
        assert instance.get_materialized_partitions(key(STORES.path)) == {str(day) for day in DAYS}
