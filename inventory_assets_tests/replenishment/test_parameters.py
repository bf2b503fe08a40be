"""Parameters: the narrowest scope decides, what ended has no effect, and every setting keeps who and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from inventory_assets.contracts.parameters import MANY, PARAMETERS, PLANNING_PARAMETERS, ParameterError, parsed
from inventory_assets.contracts.schemas import check, empty
from inventory_assets.replenishment.parameters import Setting, in_force, outlier_days, resolved, setting_row

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
TODAY = NOW.date()
PAIRS = pl.DataFrame(
    {"product_sku": ["P1", "P1", "P2"], "location_id": ["S1", "S2", "S1"], "supplier_id": ["SUP", "SUP", None],
     "abc": ["A", "A", "C"], "xyz": ["X", "X", "Z"]}
)  # fmt: skip


def history(*settings: Setting) -> pl.DataFrame:
    """The table after these settings, one minute after the other."""
    rows = empty(PLANNING_PARAMETERS)
    for minute, setting in enumerate(settings):
        rows = pl.concat([rows, setting_row(setting, NOW + timedelta(minutes=minute), rows)])
    return check(rows, PLANNING_PARAMETERS)


def put(scope: str, which: str, name: str, value: str | None, **more) -> Setting:
    return Setting(scope, which, name, value, "mona", "because", **more)


def test_the_narrowest_scope_decides():
    order = [
        put("default", "*", "service_target", "0.90"),
        put("supplier", "SUP", "service_target", "0.91"),
        put("class", "A", "service_target", "0.92"),
        put("class", "AX", "service_target", "0.93"),
        put("item", "P1", "service_target", "0.94"),
        put("item", "P1", "service_target", "0.99", location_id="S2"),
    ]
    seen = [
        resolved(PAIRS, history(*reversed(order[:count])), TODAY)["service_target"].to_list()
        for count in range(1, len(order) + 1)
    ]
    assert [row[0] for row in seen] == [0.90, 0.91, 0.92, 0.93, 0.94, 0.94]
    assert [row[1] for row in seen] == [0.90, 0.91, 0.92, 0.93, 0.94, 0.99]
    assert {row[2] for row in seen} == {0.90}, "an item without a supplier takes the default"
    told = resolved(PAIRS, history(*order), TODAY)["set_by"].to_list()
    assert told == [
        "service_target: item P1", "service_target: item P1 at S2", "service_target: default *"
    ]  # fmt: skip


def test_without_a_setting_the_default_holds():
    found = resolved(PAIRS, empty(PLANNING_PARAMETERS), TODAY)
    assert found["review_period"].to_list() == [7, 7, 7]
    assert found["lead_time"].to_list() == [None, None, None]
    assert found["set_by"].to_list() == [None, None, None]
    assert {*PARAMETERS} - {*MANY} <= {*found.columns}


def test_what_ended_or_was_taken_back_has_no_effect():
    ended = history(put("item", "P1", "pack", "6", valid_until=TODAY))
    assert resolved(PAIRS, ended, TODAY)["pack"][0] == 6
    assert resolved(PAIRS, ended, TODAY + timedelta(days=1))["pack"][0] == 1
    back = history(put("item", "P1", "pack", "6"), put("item", "P1", "pack", None))
    assert back.height == 2, "taking back is a row of its own"
    assert resolved(PAIRS, back, TODAY)["pack"][0] == 1
    overruled = history(put("item", "P1", "pack", "6"), put("item", "P1", "pack", "8", valid_until=TODAY))
    assert resolved(PAIRS, overruled, TODAY + timedelta(days=1))["pack"][0] == 1, "the later row ended the earlier"


def test_setting_the_same_twice_is_one_row():
    once = history(put("item", "P1", "pack", "6"))
    assert setting_row(put("item", "P1", "pack", " 6 "), NOW + timedelta(hours=1), once).is_empty()
    assert setting_row(put("item", "P2", "pack", None), NOW, once).is_empty(), "there is nothing to take back"
    again = history(put("item", "P1", "pack", "6"), put("item", "P1", "pack", "7"), put("item", "P1", "pack", "6"))
    assert again.height == 3


def test_outlier_days_add_up_and_can_be_taken_back():
    rows = history(
        put("item", "P1", "outlier_day", "2026-05-01"),
        put("item", "P1", "outlier_day", "2026-05-02", location_id="S1"),
        put("item", "P2", "outlier_day", "2026-05-03"),
        put("item", "P2", "outlier_day", None),
    )
    assert outlier_days(rows, TODAY).sort("day").rows() == [
        ("P1", None, date(2026, 5, 1)), ("P1", "S1", date(2026, 5, 2))
    ]  # fmt: skip
    assert in_force(rows, TODAY).height == 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (put("item", "P1", "packs", "6"), "there is no parameter"),
        (put("item", "P1", "pack", "0"), "lies outside 1"),
        (put("item", "P1", "pack", "1.5"), "no whole number"),
        (put("item", "P1", "service_target", "95"), "share between 0 and 1"),
        (put("item", "P1", "fixed_cost", "nan"), "lies outside"),
        (put("item", "P1", "fixed_cost", "inf"), "no number"),
        (put("item", "P1", "service", "fill"), "none of fill_rate"),
        (put("item", "P1", "order_days", "1,8"), "days of the week"),
        (put("item", "P1", "closed_days", "24.12."), "list of dates"),
        (put("shop", "P1", "pack", "6"), "scope 'shop'"),
        (put("default", "P1", "pack", "6"), "the scope default takes"),
        (put("item", "*", "pack", "6"), "the scope default takes"),
        (put("item", "P1", "pack", "6", valid_until=TODAY - timedelta(days=1)), "that day is over"),
        (Setting("item", "P1", "pack", "6", " ", "why"), "author and reason"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(setting, says):
    with pytest.raises(ParameterError, match=says):
        setting_row(setting, NOW, empty(PLANNING_PARAMETERS))


def test_every_default_is_a_value_its_parameter_may_have():
    for parameter in PARAMETERS.values():
        if parameter.default is not None:
            assert parsed(parameter.name, str(parameter.default)) == parameter.default
