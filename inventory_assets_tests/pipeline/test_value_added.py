"""What people's word about demand was worth: overrides and outlier marks, held against what then came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from inventory_assets.contracts.forecast import ITEM_DEMAND_FORECAST
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.contracts.value_added import FORECAST_VALUE_ADDED
from inventory_assets.forecast.value_added import value_added
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.forecast import refresh_forecast
from inventory_assets.pipeline.forecast_shown import value_added_shown
from inventory_assets.pipeline.value_added import refresh_value_added
from inventory_assets.replenishment.overrides import holding, override_spans
from inventory_assets.settings import ForecastSettings, Settings
from inventory_assets_tests.pipeline.gold_rows import FIRST, summary
from inventory_assets_tests.pipeline.running import workspace_at

DAYS = 160
SETTINGS = ForecastSettings(horizon_days=14)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def demand() -> np.ndarray:
    """Twelve steady items of 4 a day in two shops; item 0 sells 10 a day from day 100 to 127, item 1 had a burst."""
    units = np.full((12, 2, DAYS), 4)
    units[0, :, 100:128] = 10
    units[1, :, 90:97] = 60
    return units


def said(number: int, name: str, value: str | None, item: str, on: int, **more: object) -> dict[str, object]:
    """A setting made on a day."""
    return {
        "parameter_id": f"p{number}", "scope": "item", "scope_value": item, "location_id": None, "name": name,
        "value": value, "valid_until": None, "author": "mona", "reason": "fair in town",
        "set_at": datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(days=on), **more,
    }  # fmt: skip


def settings_of(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(PLANNING_PARAMETERS))


TOLD = settings_of(
    said(1, "demand_override", "10", "I00", 100, valid_until=day(127)),
    said(2, "demand_override", "9", "I02", 100, valid_until=day(113), location_id="S1"),
    said(3, "demand_override", "6", "I03", 100),
    said(4, "demand_override", None, "I03", 107),
    *(said(10 + number, "outlier_day", str(day(90 + number)), "I01", 97) for number in range(7)),
)


def at(folder, number: int = DAYS, told: pl.DataFrame = TOLD):
    """A lake with gold and settings, as it stands on the morning of a day."""
    now = day(number)
    workspace = workspace_at(Settings(data_dir=folder), datetime(now.year, now.month, now.day, 4, tzinfo=UTC))
    workspace.lake.replace(DAILY_INVENTORY_SUMMARY, summary(demand()), Scope())
    workspace.lake.append(PLANNING_PARAMETERS, told)
    return workspace


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    workspace = at(tmp_path_factory.mktemp("worth"))
    refresh_value_added(workspace, SETTINGS)
    return workspace


def rows_of(workspace, parameter: str) -> list[dict]:
    rows = workspace.lake.scan(FORECAST_VALUE_ADDED).filter(pl.col("parameter_id") == parameter)
    return rows.sort("product_sku", "location_id").collect().to_dicts()


def test_value_added_is_the_error_of_sums_over_14_days_without_less_that_with():
    came = np.r_[np.full(14, 2.0), np.full(7, 5.0), np.nan]
    found = value_added(came, np.full(22, 3.0), np.r_[np.nan, np.full(21, 2.0)])
    assert found is not None
    assert (found.days, found.last, found.demand) == (20, 20, 13 * 2 + 7 * 5)
    assert (found.error_without, found.error_with, found.gain) == (13 + 14, 21, 6)
    assert value_added(came, np.full(22, np.nan), came) is None


def test_an_override_that_knew_of_a_fair_added_value_and_one_that_did_not_took_some(measured):
    check(measured.lake.scan(FORECAST_VALUE_ADDED).collect(), FORECAST_VALUE_ADDED)
    fair = rows_of(measured, "p1")
    assert [row["location_id"] for row in fair] == ["S1", "S2"]
    for row in fair:
        assert (row["days"], row["demand"], row["forecast_with"], row["error_with"]) == (28, 280, 280, 0)
        first, second = row["error_without"] - 0, row["forecast_without"]
        assert 14 * 4 < second < 280, "the second fortnight meets a forecast that has seen the first"
        assert row["value_added"] == pytest.approx(first) == pytest.approx(280 - second)
        assert (row["is_over"], row["measured_until"], row["author"]) == (True, day(127), "mona")
    (wrong,) = rows_of(measured, "p2")
    assert wrong["location_id"] == "S1"
    assert wrong["error_with"] == 14 * 5
    assert wrong["value_added"] == pytest.approx(wrong["error_without"] - 70)
    assert wrong["value_added"] < -60


def test_an_override_counts_until_the_day_before_it_was_taken_back(measured):
    row = rows_of(measured, "p3")[0]
    assert (row["valid_until"], row["days"], row["forecast_with"]) == (day(106), 7, 42)


def test_marks_of_a_burst_are_worth_what_the_forecast_after_it_gained(measured):
    one = rows_of(measured, "p10")
    assert len(one) == 2
    for row in one:
        assert (row["kind"], row["valid_from"], row["valid_until"]) == ("outlier_day", day(97), day(110))
        assert row["error_with"] < 3
        assert row["error_without"] > 30
    alike = [(row["error_with"], row["error_without"]) for row in rows_of(measured, "p16")]
    assert alike == [(row["error_with"], row["error_without"]) for row in one], "marks of one day are measured together"
    assert "| demand_override |" in value_added_shown(measured.lake)
    assert "mona" not in value_added_shown(measured.lake)


def test_only_days_that_passed_count_and_what_is_settled_is_not_measured_again(tmp_path):
    early = at(tmp_path, 110)
    refresh_value_added(early, SETTINGS)
    row = rows_of(early, "p1")[0]
    assert (row["is_over"], row["days"], row["measured_until"]) == (False, 10, day(109))
    later = at(tmp_path, DAYS, TOLD.clear())
    assert refresh_value_added(later, SETTINGS).changed
    row = rows_of(later, "p1")[0]
    assert (row["is_over"], row["days"]) == (True, 28)
    later.lake.replace(DAILY_INVENTORY_SUMMARY, summary(demand() * 3), Scope())
    assert refresh_value_added(later, SETTINGS).changed
    assert rows_of(later, "p1")[0] == row, "it ended more than two weeks ago"
    assert not refresh_value_added(later, SETTINGS).changed
    refresh_value_added(later, SETTINGS, anew=True)
    assert rows_of(later, "p1")[0]["demand"] == 3 * 280


def test_the_narrowest_override_owns_a_day_of_a_pair():
    spans = override_spans(
        settings_of(
            said(1, "demand_override", "1", "*", 0, scope="default"),
            said(2, "demand_override", "2", "A", 2, scope="class"),
            said(3, "demand_override", "3", "AX", 4, scope="class"),
            said(4, "demand_override", "4", "I1", 6, location_id="S1", valid_until=day(7)),
            said(5, "demand_override", "5", "I1", 6, location_id="S1", valid_until=day(7)),
        )
    )
    assert spans["parameter_id"].to_list() == ["p1", "p2", "p3", "p5"], "p4 was overruled on its day"
    pairs = pl.DataFrame(
        {"product_sku": ["I1", "I1", "I2"], "location_id": ["S1", "S2", "S1"], "supplier_id": [None, None, "X"],
         "abc": ["A", "A", None], "xyz": ["X", "Y", None]}
    )  # fmt: skip
    level = np.array([*spans["level"], np.nan])[holding(spans, pairs, FIRST, 9)]
    assert level.tolist() == [[1, 1, 2, 2, 3, 3, 5, 5, 3], [1, 1, 2, 2, 2, 2, 2, 2, 2], [1] * 9]


def test_a_mark_changes_the_forecast_of_the_next_night_and_another_setting_does_not(tmp_path):
    burst = settings_of(said(1, "service_target", ".9", "I01", 50))
    workspace = at(tmp_path, 97, burst)
    refresh_forecast(workspace, SETTINGS)
    before = workspace.lake.scan(ITEM_DEMAND_FORECAST).filter(pl.col("product_sku") == "I01").collect()["mean"].mean()
    workspace.lake.append(PLANNING_PARAMETERS, settings_of(said(2, "service_target", ".8", "I01", 60)))
    assert not refresh_forecast(workspace, SETTINGS).changed
    workspace.lake.append(PLANNING_PARAMETERS, TOLD.filter(pl.col("name") == "outlier_day"))
    assert refresh_forecast(workspace, SETTINGS).changed
    after = workspace.lake.scan(ITEM_DEMAND_FORECAST).filter(pl.col("product_sku") == "I01").collect()["mean"].mean()
    assert before > 10
    assert after == pytest.approx(8, rel=0.05)
