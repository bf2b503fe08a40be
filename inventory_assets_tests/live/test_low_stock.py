"""Low stock told by the live layer lets `replenish` run, once the lake holds what was sold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from inventory_assets.operate.low_stock import low_notices
from inventory_assets_tests.defs.test_replanning import tick, why
from inventory_assets_tests.live.processing import Clock, accept, counted, orders, sold, work
from inventory_assets_tests.live.test_log_by_dagster import failed_steps, installation

__all__ = ["installation"]


def test_a_low_stock_notice_asks_for_a_plan_once_the_lake_holds_its_event(
    installation, monkeypatch, engine, url, connection
):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    now = datetime.now(UTC).replace(microsecond=0)
    given, times = orders(Clock(now)), iter(now - timedelta(minutes=9) + timedelta(seconds=n) for n in range(99))
    first = tick(installation)
    assert why(first) is None
    accept(
        engine,
        [counted("A", "S1", 20, next(times)), counted("B", "S1", 20, next(times)), sold("A", "S1", 18, next(times))],
    )
    work(connection, given)
    (low,), seen = low_notices(installation.settings, 0)
    assert (low.item, low.location, low.sequence) == ("A", "S1", 3)
    early = tick(installation, first.cursor)
    assert why(early) is None, "the lake does not know yet that it was sold"
    result = installation.refresh()
    assert result.success, failed_steps(result)
    asked = tick(installation, early.cursor)
    assert why(asked) == "stock is low: A at S1"
    assert why(tick(installation, asked.cursor)) is None
    accept(
        engine,
        [counted("A", "S1", 20, next(times)), sold("A", "S1", 19, next(times)), sold("B", "S1", 19, next(times))],
    )
    work(connection, given)
    assert installation.refresh().success
    again = tick(installation, asked.cursor)
    assert why(again) == "stock is low: B at S1", "A was a reason within the hour"
    assert low_notices(installation.settings, seen)[1] > seen
    waiting = installation.instance.create_run_for_job(
        job_def(), tags={"inventory/lane": "refresh"}, status=dg.DagsterRunStatus.STARTED
    )
    accept(engine, [counted("C", "S1", 20, next(times)), sold("C", "S1", 19, next(times))])
    work(connection, given)
    held = tick(installation, again.cursor)
    assert why(held) is None
    installation.instance.report_run_canceled(waiting)
    assert installation.refresh().success
    assert why(tick(installation, held.cursor)) == "stock is low: C at S1", "what came while a run was waiting"


def job_def() -> dg.JobDefinition:
    from inventory_assets_tests.defs.installation import loaded

    return loaded().resolve_job_def("replenish")


def test_without_a_database_or_with_one_that_rests_nothing_is_low(installation, monkeypatch):
    assert low_notices(installation.settings, None) == ([], None)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert low_notices(installation.settings, 4) == ([], 4)
