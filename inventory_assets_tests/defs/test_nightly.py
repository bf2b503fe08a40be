"""The nightly key check as Dagster runs it, and the sensor that carries its decisions on."""

from __future__ import annotations

from datetime import date

import dagster as dg

from inventory_assets.defs.resources import resources
from inventory_assets_tests.defs.installation import Installation, failed_steps, line, loaded, materialised

SALES = "silver/inventory_transactions"


def check(installation: Installation) -> dg.ExecuteInProcessResult:
    return loaded().resolve_job_def("nightly_key_check").execute_in_process(instance=installation.instance)


def asks(installation: Installation) -> bool:
    """Whether the sensor asks for a run."""
    with dg.build_sensor_context(installation.instance, sensor_name="landing", resources=resources()) as context:
        return bool(loaded().get_sensor_def("landing").evaluate_tick(context).run_requests)


def test_the_schedule_is_on_and_runs_at_night(installation):
    schedule = loaded().get_schedule_def("nightly_key_check_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "20 2 * * *"
    assert schedule.job.name == "nightly_key_check"


def test_a_key_on_two_days_passes_the_lane_and_is_settled_at_night(installation):
    installation.land_lines("a", line(1), line(1, day=date(2024, 5, 4)))
    taken = installation.refresh()
    assert taken.success, failed_steps(taken)
    assert installation.rows(SALES).height == 2
    assert not asks(installation)
    found = check(installation)
    assert found.success
    assert materialised(found) == {"silver/decisions": [None]}
    assert asks(installation), "the sensor sees the decisions"
    carried = installation.refresh()
    assert carried.success, failed_steps(carried)
    assert installation.rows(SALES)["event_date"].to_list() == [date(2024, 5, 1)]
    assert installation.quarantined() == {"duplicate_key_other_date": 1}
    assert not asks(installation)
    assert materialised(check(installation)) == {}


def test_an_empty_lake_has_nothing_to_check(installation):
    assert check(installation).success
    assert "silver/decisions" not in installation.versions()
