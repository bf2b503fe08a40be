"""The sensor that lets `replenish` run before the night: emergencies of the log, and parameters that were set."""

from __future__ import annotations

import time

import dagster as dg

from inventory_assets.contracts.log_tables import RETAIL_EVENTS
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY, ORDER_PROPOSALS
from inventory_assets.contracts.schemas import empty
from inventory_assets.defs import replanning as replanning_sensor
from inventory_assets.defs.lane import ATTEMPT_TAG, LANE, LANE_TAG
from inventory_assets.defs.replanning import WHY_TAG
from inventory_assets.ingest.events import bronze_events
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.planning import set_parameters
from inventory_assets.pipeline.proposals import decide_about
from inventory_assets.pipeline.replanning import reasons_to_replan
from inventory_assets.pipeline.replenishment import refresh_proposals
from inventory_assets.replenishment.parameters import Setting
from inventory_assets_tests.defs.installation import NOW, Installation, loaded
from inventory_assets_tests.replenishment.test_emergencies import log_rows

AT = {"event_time": NOW, "received_at": NOW}


def tick(installation: Installation, cursor: str | None = None) -> dg.SensorExecutionData:
    with dg.build_sensor_context(
        installation.instance, sensor_name="replanning", resources=loaded().resources, cursor=cursor
    ) as context:
        return loaded().get_sensor_def("replanning").evaluate_tick(context)


def why(data: dg.SensorExecutionData) -> str | None:
    """Why a run is asked for, None where none is."""
    requests = data.run_requests or []
    assert len(requests) <= 1
    return requests[0].tags[WHY_TAG] if requests else None


def workspace_of(installation: Installation):
    return open_workspace(installation.settings, installation.settings.now)


def asked(installation: Installation, *events: dict) -> None:
    """Emergencies of the log in bronze."""
    workspace = workspace_of(installation)
    rows = log_rows(*({**AT, **each} for each in events))
    workspace.lake.append(RETAIL_EVENTS, bronze_events(rows, workspace.profiles, NOW)[RETAIL_EVENTS])


def test_it_is_on_from_the_start_and_runs_replenish(installation):
    sensor = loaded().get_sensor_def("replanning")
    assert (sensor.default_status, sensor.job_name) == (dg.DefaultSensorStatus.RUNNING, "replenish")
    assert why(tick(installation)) is None


def test_an_emergency_is_asked_for_once_and_news_of_other_kinds_are_not(installation):
    asked(installation, {"type": "motion.detected", "data": "{}"}, {"disposition": "filtered"})
    first = tick(installation)
    assert why(first) is None
    asked(installation, {"event_id": "E-7", "sequence": 7}, {"event_id": "E-8", "sequence": 8})
    second = tick(installation, first.cursor)
    assert why(second) == "emergencies for P9 are no proposals yet"
    assert why(tick(installation, second.cursor)) is None
    assert why(tick(installation)) is not None, "without a cursor the tables alone tell"
    refresh_proposals(workspace_of(installation))
    assert why(tick(installation)) is None
    made = installation.rows("replenishment/order_proposals")
    assert made.select("product_sku", "urgency").rows() == [("P9", "emergency")] * 2
    workspace = workspace_of(installation)
    lock = installation.settings.writer_lock
    assert decide_about(workspace, lock, made["proposal_id"].to_list(), "reject", "mona", "no").height == 2
    workspace.lake.replace(ORDER_PROPOSALS, empty(ORDER_PROPOSALS), Scope())
    assert why(tick(installation)) is None, "what was decided is not asked for again"


def test_a_run_that_is_waiting_answers_for_what_comes_meanwhile(installation):
    asked(installation, {})
    job = loaded().resolve_job_def("replenish")
    waiting = installation.instance.create_run_for_job(job, tags={LANE_TAG: LANE}, status=dg.DagsterRunStatus.STARTED)
    held = tick(installation)
    assert (why(held), held.cursor) == (None, None), "it looks again when that run is over"
    installation.instance.report_run_failed(waiting)
    assert why(tick(installation, held.cursor)) is not None


def test_a_parameter_is_a_reason_once_there_are_policies_that_do_not_know_it(installation):
    workspace = workspace_of(installation)
    setting = Setting("item", "P9", "service_target", ".98", "mona", "must not run out")
    set_parameters(workspace, installation.settings.writer_lock, [setting])
    assert reasons_to_replan(workspace) == []
    lake = workspace.lake
    lake.replace(INVENTORY_POLICY, empty(INVENTORY_POLICY), Scope())
    assert why(tick(installation)) == "parameters were set since the policies were computed"
    lake.replace(INVENTORY_POLICY, empty(INVENTORY_POLICY), Scope(), lake.pins((PLANNING_PARAMETERS,)))
    assert why(tick(installation)) is None


def run_of(installation: Installation, status: str, why: str | None) -> None:
    """A run of `replenish` that ended so."""
    job = loaded().resolve_job_def("replenish")
    tags = {LANE_TAG: LANE} | ({} if why is None else {WHY_TAG: why})
    run = installation.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    match status:
        case "failed":
            installation.instance.report_run_failed(run)
        case "cancelled":
            installation.instance.report_run_canceled(run)
        case _:
            installation.instance.handle_new_event(success_of(run))


def success_of(run: dg.DagsterRun):
    from dagster._core.events import DagsterEvent, DagsterEventType
    from dagster._core.events.log import EventLogEntry

    event = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name=run.job_name)
    return EventLogEntry(None, "debug", "", run.run_id, time.time(), job_name=run.job_name, dagster_event=event)


def test_a_requested_run_that_failed_is_asked_for_again_after_longer_and_longer_pauses(installation, monkeypatch):
    asked(installation, {})
    first = tick(installation)
    cursor = first.cursor
    assert why(first) is not None
    run_of(installation, "failed", why(first))
    held = tick(installation, cursor)
    assert why(held) is None
    assert "1 runs in a row failed" in str(held.skip_message)
    monkeypatch.setattr(replanning_sensor, "SECONDS", 0)
    again = tick(installation, cursor)
    assert why(again) == why(first)
    assert again.run_requests[0].tags[ATTEMPT_TAG] == "2"
    run_of(installation, "failed", why(again))
    assert tick(installation, cursor).run_requests[0].tags[ATTEMPT_TAG] == "3"
    run_of(installation, "succeeded", why(again))
    assert why(tick(installation, cursor)) is None, "it is done"


def test_a_cancelled_run_and_one_of_the_night_are_not_asked_for_again(installation, monkeypatch):
    monkeypatch.setattr(replanning_sensor, "SECONDS", 0)
    run_of(installation, "failed", None)
    assert why(tick(installation)) is None, "the night comes again"
    run_of(installation, "failed", "stock is low: A at S1")
    assert why(tick(installation)) == "stock is low: A at S1"
    run_of(installation, "cancelled", "stock is low: A at S1")
    assert why(tick(installation)) is None, "somebody wanted it gone"


def test_pauses_grow_from_half_a_minute_to_an_hour():
    assert [replanning_sensor.pause_after(number).total_seconds() for number in (1, 2, 3, 8, 20)] == [
        30,
        60,
        120,
        3600,
        3600,
    ]
