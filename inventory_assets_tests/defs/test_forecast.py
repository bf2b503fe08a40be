"""The job of the night as Dagster runs it: after a refresh, with pictures, published, and free when nothing is new."""

from __future__ import annotations

import base64
from datetime import timedelta

import dagster as dg
import numpy as np
import pytest

from inventory_assets.contracts.forecast import FORECAST, FORECAST_DIAGNOSTICS
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.publish.sql import query
from inventory_assets_tests.defs.installation import DAY, Installation, failed_steps, loaded, materialised
from inventory_assets_tests.defs.test_by_hand import metadata
from inventory_assets_tests.pipeline.gold_rows import summary


def night(installation: Installation) -> dg.ExecuteInProcessResult:
    return loaded().resolve_job_def("nightly_forecast").execute_in_process(instance=installation.instance)


def drawn(markdown: object) -> str:
    """The first picture inside Markdown."""
    return base64.b64decode(str(markdown).split("base64,")[1].split(")")[0]).decode()


def test_the_schedule_is_on_and_runs_at_night(installation):
    schedule = loaded().get_schedule_def("nightly_forecast_schedule")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "20 4 * * *"
    assert schedule.job.name == "nightly_forecast"


def test_a_night_forecasts_draws_publishes_and_the_next_one_writes_nothing(installation, monkeypatch):
    monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
    first = DAY - timedelta(days=89)
    installation.lake.replace(DAILY_INVENTORY_SUMMARY, summary(np.tile([1, 2, 3], (3, 1, 30)), first), Scope())
    done = night(installation)
    assert done.success, failed_steps(done)
    assert {path for path in materialised(done) if path.startswith("analytics/")} == {
        each.path for each in (*FORECAST, FORECAST_DIAGNOSTICS)
    }, "no supplier ever delivered: there are no lead times"
    shown = metadata(done)
    fan = drawn(shown["analytics/item_demand_forecast"]["fan chart"])
    assert fan.startswith("<svg xmlns")
    assert "http" not in fan.replace("http://www.w3.org/2000/svg", ""), "a picture asks nobody for anything"
    assert "RMSSE of all items" in drawn(shown["analytics/forecast_accuracy"]["accuracy by class"])
    assert ": 90 days up to 2024-05-01 as trend + week" in drawn(
        shown["analytics/forecast_diagnostics"]["decomposition"]
    )
    found = query(
        installation.settings.serving,
        "SELECT count(*), min(day), sum(mean) FROM analytics.demand_forecast WHERE location_id = 'S1'",
    ).rows()[0]
    assert found[0] == 3 * 28
    assert found[1] == DAY + timedelta(days=1)
    assert found[2] == pytest.approx(3 * 28 * 2, rel=0.1)
    versions = installation.versions()
    assert night(installation).success
    assert installation.versions() == versions
