"""The nightly job of replenishment as Dagster runs it, up to the DuckDB file."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from inventory_assets.contracts.tables import PLANNED
from inventory_assets.publish.sql import query
from inventory_assets_tests.defs.installation import (
    NOW,
    Installation,
    failed_checks,
    failed_steps,
    line,
    loaded,
    materialised,
)


def night(installation: Installation) -> dg.ExecuteInProcessResult:
    return loaded().resolve_job_def("replenish").execute_in_process(
        instance=installation.instance, raise_on_error=False
    )  # fmt: skip


def test_the_schedule_is_on_and_comes_after_the_forecasts(installation):
    schedule = loaded().get_schedule_def("nightly_replenishment")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.job.name) == ("50 4 * * *", "replenish")


def test_a_night_of_an_empty_lake_writes_nothing(installation):
    done = night(installation)
    assert done.success, failed_steps(done)
    assert not [path for path in materialised(done) if path.startswith("replenishment/")]


def test_a_night_carries_policies_and_proposals_into_the_published_file(installation):
    days = [NOW.date() - timedelta(days=back) for back in range(1, 50)]
    installation.land_lines("sales", *(line(1, day=day, receipt=f"R{day:%m%d}") for day in days))
    installation.land(
        "stock/source=till/s.csv", "location_id,product_sku,quantity,as_of\nS1,A1,100,2024-04-01T00:00:00Z\n"
    )
    ordered = "supplier_id,order_id,product_sku,location_id,ordered_at,expected_delivery,quantity_ordered,received_at\n"
    installation.land(
        "supplier/source=till/o.csv", ordered + "SUP,O1,A1,S1,2024-04-10,2024-04-15,5,2024-04-15T10:00:00Z\n"
    )
    master = "product_sku,product_name,unit_cost,supplier_id,modified_at\nA1,Candle,2.10,SUP,2024-01-01T00:00:00Z\n"
    installation.land("products/source=till/p.csv", master)
    installation.settle()
    taken = installation.refresh()
    assert taken.success, failed_steps(taken)
    done = night(installation)
    assert done.success, failed_steps(done)
    assert not failed_checks(done)
    assert {path for path in materialised(done) if path.startswith("replenishment/")} == {
        table.path for table in PLANNED
    } - {"replenishment/policy_backtest"}
    policy = query(installation.settings.serving, "SELECT * FROM inventory_policy").to_dicts()
    assert [(row["lead_time_days"], row["null_reason"]) for row in policy] == [(5.4166666666666667, None)]
    assert policy[0]["order_up_to"] >= 0.95 * policy[0]["protected_mean"], (
        "a twentieth of what is asked for may be lost"
    )
    why = query(installation.settings.serving, "SELECT null_reason FROM inventory_kpis WHERE kpi = 'order_fill'")
    assert set(why["null_reason"]) == {"no source reports orders that were not filled"}
    again = night(installation)
    assert again.success
    assert not [path for path in materialised(again) if path.startswith("replenishment/")]
