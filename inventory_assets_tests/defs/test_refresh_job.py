"""The refresh job on a small simulated history, and the same days asked for by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.specs import is_daily, key
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.defs.installation import (
    NOW,
    Installation,
    evaluations,
    failed_checks,
    failed_steps,
    line,
    materialised,
)

SALES, SUMMARY = "silver/inventory_transactions", "gold/daily_inventory_summary"
WHOLE = {path for path, table in TABLES.items() if not is_daily(table)}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A simulated history that one run has carried to DuckDB, and that run."""
    folder: Path = tmp_path_factory.mktemp("history")
    config = HistoryConfig.ending(
        NOW.date(), days=5, stores=2, items=8, warehouses=1, lines_per_store_day=12, dirt=0.05
    )
    made = simulate_history(config)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("INVENTORY_DATA_DIR", str(folder))
        patch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
        patch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
        installation = Installation(folder, instance)
        installation.settings.sources_file.write_text(sources_toml(made))
        write_history(made, folder / "landing", folder / "truth")
        installation.settle()
        yield installation, installation.refresh()


def in_catalogue(installation: Installation, path: str) -> set[str]:
    """Partitions the asset catalogue shows as materialised."""
    return installation.instance.get_materialized_partitions(key(path))


def days_with_rows(installation: Installation, path: str) -> dict[str, int]:
    """Rows by day, days outside the partitions left out."""
    rows = installation.lake.day_rows(TABLES[path])
    return {str(day): n for day, n in rows.items() if day and n and date(2005, 1, 1) <= day <= NOW.date()}


def test_the_run_succeeds_with_every_check(history):
    installation, result = history
    assert result.success, failed_steps(result)
    assert failed_checks(result) == set()
    written = {path for path, version in installation.versions().items() if version}
    assert {path for path, name in evaluations(result) if name == "keeps_contract"} >= written - {"silver/decisions"}
    assert ("silver/day_balance", "every_row_accounted") in evaluations(result)


def test_the_catalogue_shows_each_written_day_and_no_day_without_rows(history):
    installation, result = history
    logged = materialised(result)
    daily = [path for path in installation.versions() if path not in WHOLE]
    assert len(daily) > 10
    for path in daily:
        expected = days_with_rows(installation, path)
        assert in_catalogue(installation, path) == set(expected), path
        writers = 2 if path in {"silver/quarantine", "silver/day_balance"} else 1
        assert len(logged.get(path, [])) <= writers * len(expected), "one event a day of each step that writes it"
    for path in installation.versions():
        if path in WHOLE and installation.rows(path).height:
            assert logged[path] == [None], path


def test_the_row_count_of_a_day_can_be_plotted(history):
    installation, result = history
    counts = {
        event.partition: event.step_materialization_data.materialization.metadata["dagster/partition_row_count"].value
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key == key(SALES)
    }
    assert counts == days_with_rows(installation, SALES)


def test_quarantined_rows_outside_the_partitions_break_nothing(history):
    installation, _ = history
    days = {day for day in installation.lake.day_rows(TABLES["silver/quarantine"]) if day}
    assert any(day.year == 2099 for day in days)
    assert any(day.year < 2005 for day in days)
    assert not {day for day in in_catalogue(installation, "silver/quarantine") if day.startswith(("2099", "1999"))}


def test_duckdb_carries_what_the_lake_holds(history):
    installation, _ = history
    with duckdb.connect(str(installation.data / "serving" / "inventory.duckdb"), read_only=True) as connection:
        units = connection.sql("SELECT sum(total_quantity_sold) FROM gold.daily_inventory_summary").fetchall()
    assert units == [(installation.rows(SALES)["quantity_sold"].sum(),)]
    shown = installation.instance.get_latest_materialization_event(dg.AssetKey(["serving", "inventory_duckdb"]))
    assert shown is not None


def test_a_second_run_writes_and_logs_nothing(history):
    installation, _ = history
    before = installation.versions()
    again = installation.refresh()
    assert again.success
    assert materialised(again) == {}
    assert evaluations(again) == {}
    assert installation.versions() == before


def test_a_range_of_days_is_built_again_in_one_run_and_no_other_day(history):
    installation, _ = history
    days = sorted(day for day in days_with_rows(installation, SALES))
    first, last = date.fromisoformat(days[1]), date.fromisoformat(days[3])
    asked = {(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)}
    for step, path in (("silver_facts", SALES), ("gold_sales", SUMMARY)):
        before, rows = installation.versions()[path], installation.rows(path)
        result = installation.materialise(step, first, last)
        assert result.success, failed_steps(result)
        assert set(materialised(result)[path]) == asked
        changed = installation.lake.changed_days(TABLES[path], before, installation.versions()[path])
        assert {day.isoformat() for day in changed if day} == asked & set(days)
        assert installation.rows(path).sort(rows.columns).equals(rows.sort(rows.columns)), "same input, same rows"
    after = installation.refresh()
    assert after.success, "whatever was built by hand, the lane goes on"


def test_a_table_without_days_is_built_again_whenever_somebody_asks(history):
    installation, _ = history
    for step, path in (("silver_masters", "silver/products"), ("gold_stock", "gold/inventory_position")):
        before, rows = installation.versions()[path], installation.rows(path)
        result = installation.materialise(step)
        assert result.success, failed_steps(result)
        assert installation.versions()[path] > before
        assert installation.rows(path).sort(rows.columns).equals(rows.sort(rows.columns))


def test_what_a_killed_run_wrote_is_checked_by_the_next_one(installation):
    """A run that dies between a commit and its check leaves no evaluation; the version of the table tells."""
    from inventory_assets.pipeline.open import open_workspace
    from inventory_assets.pipeline.silver import refresh_facts

    bronze_and_silver = ("begin", "refresh_bronze", "refresh_silver_masters", "refresh_silver_facts")
    installation.land_lines("a", line(1))
    assert installation.refresh(only=bronze_and_silver).success
    installation.land_lines("b", line(2))
    assert installation.refresh(only=bronze_and_silver[:2]).success
    refresh_facts(open_workspace(installation.settings, lambda: NOW))
    result = installation.refresh(only=bronze_and_silver)
    assert materialised(result) == {}
    assert evaluations(result)[SALES, "keeps_contract"]
    assert evaluations(result)["silver/day_balance", "every_row_accounted"]
    assert evaluations(installation.refresh(only=bronze_and_silver)) == {}


def test_a_day_that_loses_its_last_row_says_so(installation):
    silver = ("begin", "refresh_bronze", "refresh_silver_masters", "refresh_silver_facts")
    installation.land_lines("a", line(1))
    assert installation.refresh(only=silver).success
    assert in_catalogue(installation, SALES) == {"2024-05-01"}
    file = installation.rows("bronze/inventory_transactions").row(0, named=True)
    from inventory_assets.contracts.schemas import polars_schema
    from inventory_assets.contracts.silver import DECISIONS

    decision = {name: file.get(name) for name in DECISIONS.column_names} | {
        "decision_id": "1", "feed": "pos", "action": "discard", "changes": None, "actor": "tester", "reason": "test",
        "decided_at": NOW, "new_event_date": None,
    }  # fmt: skip
    installation.lake.append(DECISIONS, pl.DataFrame([decision], schema=polars_schema(DECISIONS), orient="row"))
    result = installation.refresh(only=silver)
    assert materialised(result)[SALES] == ["2024-05-01"]
    assert materialised(result)["silver/quarantine"] == ["2024-05-01"]
    assert installation.rows(SALES).is_empty()
