from __future__ import annotations

import pytest

from inventory_assets.settings import ListenerSettings
from inventory_assets_tests.api.calling import EVENTS, Calls, sale

MODES = "/api/v1/modes"


@pytest.mark.parametrize("options", [ListenerSettings(max_queued=2, look_seconds=30, least_free_bytes=0)])
def test_the_live_side_is_switched_off_and_on_in_part_also_when_the_queue_is_full(calls: Calls):
    assert calls.get(MODES).json() == {"batchOnly": [], "waiting": 0}
    assert calls.post([sale(1), sale(2)]).status_code == 202
    assert calls.post(sale(3)).status_code == 429
    off = {"scope": "item", "key": "sku-1", "reason": "a recount", "actor": "ann"}
    told = calls.post(off, f"{MODES}/off").json()
    assert told == {"scope": "item", "key": "SKU-1", "mode": "batch only", "changed": True}
    assert calls.post(off, f"{MODES}/off").json()["changed"] is False
    assert calls.post({"reason": "trouble"}, f"{MODES}/off").json()["scope"] == "all"
    found = calls.get(MODES).json()
    assert found["waiting"] == 2
    assert {(each["scope"], each["key"], each["actor"], each["reason"]) for each in found["batchOnly"]} == {
        ("item", "SKU-1", "ann over HTTP", "a recount"), ("all", "", "somebody over HTTP", "trouble"),
    }  # fmt: skip
    assert calls.post(off | {"reason": "done"}, f"{MODES}/on").json()["changed"] is True
    assert [each["scope"] for each in calls.get(MODES).json()["batchOnly"]] == ["all"]
    acts = calls.sql("SELECT action, subject, reason FROM audit_log ORDER BY id")
    assert acts == [
        ("live.off", "item SKU-1", "a recount"), ("live.off", "all", "trouble"), ("live.on", "item SKU-1", "done"),
    ]  # fmt: skip


def test_a_switch_says_what_and_why(calls: Calls):
    for body, problem in (
        ({}, "parameter_invalid"),
        ({"reason": "x", "scope": "store", "key": "S"}, "parameter_invalid"),
        ({"reason": "x", "scope": "item"}, "mode_unclear"),
        ({"reason": "x", "key": "A"}, "mode_unclear"),
    ):
        answer = calls.post(body, f"{MODES}/off")
        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{problem}"), body
    assert calls.post([], f"{MODES}/off").status_code == 400
    assert calls.get(f"{MODES}/off").status_code == 405
    assert calls.get(EVENTS).status_code == 200
    assert calls.sql("SELECT count(*) FROM audit_log") == [(0,)]
