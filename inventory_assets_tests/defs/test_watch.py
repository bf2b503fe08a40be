"""Freshness: policies of what people read, and checks by the clock that see silence when nothing arrives."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.freshness import BY_PEOPLE, READ_LAYERS, policy
from inventory_assets.defs.watch import WATCHED
from inventory_assets.settings import FreshnessSettings
from inventory_assets_tests.defs.installation import (
    NOW,
    Installation,
    evaluations,
    failed_checks,
    failed_steps,
    line,
    loaded,
    materialised,
)

SOURCES = ("silver/day_balance", "sources_keep_sending")
STORES = ("gold/store_performance", "newest_day_is_current")


def watch(installation: Installation) -> dg.ExecuteInProcessResult:
    return loaded().resolve_job_def("watch").execute_in_process(instance=installation.instance)


def said(result: dg.ExecuteInProcessResult, path: str, name: str) -> dg.AssetCheckEvaluation:
    """Evaluation of a check."""
    return next(
        each for each in result.get_asset_check_evaluations()
        if (each.check_name, "/".join(each.asset_key.path)) == (name, path)
    )  # fmt: skip


def land_days(installation: Installation, newest: date, days: int = 20) -> None:
    """Receipts of that many days in a row."""
    each = (newest - timedelta(days=back) for back in range(days))
    installation.land_lines(f"upto{newest}", *(line(1, day=day, receipt=f"R{day}") for day in each))
    result = installation.refresh()
    assert result.success, failed_steps(result)


def test_everything_that_people_read_has_a_policy_and_nothing_else(installation):
    specs = {"/".join(spec.key.path): spec for spec in loaded().resolve_all_asset_specs()}
    with_policy = {path for path, spec in specs.items() if spec.freshness_policy is not None}
    assert with_policy == {
        path for path in specs if path.split("/")[0] in READ_LAYERS and path not in BY_PEOPLE
    }  # fmt: skip
    assert "serving/inventory_duckdb" in with_policy


def test_where_nothing_is_expected_there_is_no_policy():
    assert {policy(path, FreshnessSettings(fail_hours=0)) for path in TABLES} == {None}


def test_tables_of_suppliers_may_rest_longer():
    daily, seldom = (policy(path, FreshnessSettings()) for path in ("gold/store_performance", "gold/supply_coverage"))
    assert isinstance(daily, dg.FreshnessPolicy)
    assert (daily.fail_window.to_timedelta(), daily.warn_window.to_timedelta()) == (
        timedelta(hours=50), timedelta(hours=26)
    )  # fmt: skip
    assert seldom.fail_window.to_timedelta() == 7 * timedelta(hours=50)


def test_the_clock_sees_that_everything_stopped_although_nothing_arrives(installation):
    land_days(installation, NOW.date() - timedelta(days=5))
    found = watch(installation)
    assert found.success
    assert {SOURCES, STORES} <= failed_checks(found)
    evaluation = said(found, *SOURCES)
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.description == "pos/till: nothing since 2024-05-27, 5 days; its longest gap is 1"
    assert evaluation.metadata["runbook"].value == "docs/runbooks/sources_keep_sending.md"
    assert said(found, *STORES).metadata["days_behind"].value == 5
    assert materialised(found) == {}

    land_days(installation, NOW.date())
    assert failed_checks(watch(installation)) == set()


def test_a_backfill_of_old_days_does_not_hide_that_new_ones_are_missing(installation):
    newest = NOW.date() - timedelta(days=5)
    land_days(installation, newest)
    assert installation.materialise("gold_sales", newest - timedelta(days=9), newest - timedelta(days=8)).success
    assert STORES in failed_checks(watch(installation))


def test_a_history_of_days_long_past_warns_of_nothing(installation):
    land_days(installation, date(2010, 12, 9))
    found = watch(installation)
    assert failed_checks(found) == set()
    assert said(found, *STORES).description == (
        "the newest day is 2010-12-09, 4,923 days back: a history, of which nothing more is expected"
    )
    assert "days_behind" not in said(found, *STORES).metadata


def test_an_empty_lake_has_no_findings(installation):
    found = watch(installation)
    assert found.success
    assert failed_checks(found) == set()
    assert len(evaluations(found)) == len(WATCHED)
