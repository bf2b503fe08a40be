"""What runs by the clock: on by default, and never in the way of the sensor."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from inventory_assets.defs.lane import LANE, LANE_TAG
from inventory_assets.defs.resources import resources
from inventory_assets_tests.defs.installation import Installation, failed_steps, line, loaded


@pytest.fixture
def stored(installation, tmp_path) -> Iterator[Installation]:
    """An installation whose instance other processes could open, as a schedule wants it."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Installation(installation.data, instance)


def ask(installation: Installation, name: str = "hourly_suppliers") -> dg.ScheduleExecutionData:
    """One tick of a schedule."""
    with dg.build_schedule_context(installation.instance, resources=resources()) as context:
        return loaded().get_schedule_def(name).evaluate_tick(context)


def land_order(installation: Installation) -> str:
    return installation.land(
        "supplier/source=erp/o.csv", "order_id,line_number,supplier_id,product_sku,quantity_ordered\nO1,1,V1,A1,5\n"
    )


def test_every_schedule_and_sensor_is_on(installation):
    states = {each.name: each.default_status.value for each in [*(loaded().schedules or ()), *(loaded().sensors or ())]}
    assert set(states.values()) == {"RUNNING"}
    assert set(states) == {
        "hourly_suppliers", "daily_snapshot", "hourly_watch", "nightly_key_check_schedule", "nightly_purge",
        "nightly_forecast_schedule", "nightly_replenishment", "weekly_maintenance", "nightly_live_upkeep", "landing",
        "replanning",
    }  # fmt: skip


def test_waiting_files_of_suppliers_are_asked_for_and_no_others(stored):
    stored.land_lines("a", line(1))
    assert ask(stored).skip_message == "no file of a supplier waits"
    path = land_order(stored)
    (request,) = ask(stored).run_requests or []
    assert request.run_config["ops"] == {"refresh_bronze": {"config": {"files": [path]}}}
    result = loaded().resolve_job_def("refresh").execute_in_process(
        instance=stored.instance, run_config=request.run_config
    )  # fmt: skip
    assert result.success, failed_steps(result)
    assert stored.rows("bronze/supplier_orders").height == 1
    assert "bronze/inventory_transactions" not in stored.versions()
    assert ask(stored).skip_message == "no file of a supplier waits"


def test_the_lane_is_left_to_a_run_under_way_and_to_the_sensor_after_a_failure(stored):
    land_order(stored)
    job = loaded().resolve_job_def("refresh")
    stored.instance.create_run_for_job(job, tags={LANE_TAG: LANE}, status=DagsterRunStatus.FAILURE)
    assert "the sensor tries again" in str(ask(stored).skip_message)
    live = stored.instance.create_run_for_job(job, tags={LANE_TAG: LANE}, status=DagsterRunStatus.NOT_STARTED)
    assert ask(stored).skip_message == f"run {live.run_id} of the lane is under way"


def test_the_daily_snapshot_takes_what_waits_and_needs_no_configuration(stored):
    stored.land_lines("a", line(1))
    (request,) = ask(stored, "daily_snapshot").run_requests or []
    assert not request.run_config
    assert loaded().get_schedule_def("daily_snapshot").job_name == "refresh"
