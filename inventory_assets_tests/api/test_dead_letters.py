"""Dead letters over HTTP: the same acts as at the command line, refused the same way, audited the same way."""

from __future__ import annotations

import pytest

from inventory_assets.live.auditing import broken_rows
from inventory_assets.settings import ListenerSettings
from inventory_assets_tests.api.calling import EVENTS, Calls
from inventory_assets_tests.live.processing import died, orders, work

LETTERS = "/api/v1/dead-letters"
GOOD = {"product_sku": "A", "location_id": "S", "quantity": 2, "update_type": "Increment"}
WHY = {"reason": "the till was mended", "actor": "ann"}


@pytest.fixture
def names(calls: Calls, connection) -> list[str]:
    """Five dead letters, the oldest first."""
    return [f"{sequence}/{part}" for sequence, part in died(calls.engine, connection, 5)]


def listed(calls: Calls, query: str = "") -> list[str]:
    answer = calls.get(f"{LETTERS}?{query}")
    assert answer.status_code == 200, answer.text
    return [each["letter"] for each in answer.json()["letters"]]


def audited(calls: Calls) -> list[tuple]:
    return calls.sql("SELECT actor, action, reason FROM audit_log ORDER BY id")


def test_letters_are_listed_by_filter_and_page_and_shown_with_every_attempt(calls: Calls, names: list[str]):
    seen, address = [], f"{LETTERS}?limit=2&class=validation"
    while address:
        page = calls.get(address).json()
        seen += [each["letter"] for each in page["letters"]]
        address = page["next"]
    assert seen == names
    assert listed(calls, "item=sku-2") == [names[2]]
    assert listed(calls, "class=timeout") == listed(calls, "status=discarded") == listed(calls, "source=/b") == []
    assert listed(calls, "status=all&type=InventoryUpdate&source=till") == names
    found = calls.get(f"{LETTERS}/{names[0]}").json()
    assert found["letter"]["errorClass"] == "validation"
    assert found["event"]["data"]["sku"] == "SKU-0"
    assert [each["status"] for each in found["attempts"]] == ["Retry", "Retry", "Failed"]
    unknown = calls.get(f"{LETTERS}/99/0")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/letter_unknown")
    assert unknown.json()["mend"]
    for wrong in (f"{LETTERS}/a/b", f"{LETTERS}?status=dead", f"{LETTERS}?cursor=MQ", f"{LETTERS}?colour=red"):
        assert calls.get(wrong).status_code == 422, wrong


def test_one_is_put_back_corrected_or_given_up_with_a_reason(calls: Calls, names: list[str], connection):
    assert calls.post({}, f"{LETTERS}/{names[0]}/retry").json()["errors"][0]["pointer"] == "/reason"
    told = calls.post(WHY | {"priority": 6}, f"{LETTERS}/{names[0]}/retry").json()
    assert (told["status"], told["resolvedBy"], told["resolution"]) == ("retried", "ann over HTTP", WHY["reason"])
    assert calls.sql("SELECT priority FROM event_queue") == [(6,)]
    again = calls.post(WHY, f"{LETTERS}/{names[0]}/retry")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/letter_closed")
    assert "retried by ann" in again.json()["detail"]
    bad = calls.post(WHY | {"data": {"quantity": 1}}, f"{LETTERS}/{names[1]}/edit")
    assert (bad.status_code, bad.json()["type"]) == (422, "/problems/data_invalid")
    assert bad.json()["errors"]
    nested: object = 1
    for _ in range(20):
        nested = [nested]
    assert calls.post(WHY | {"data": {"x": nested}}, f"{LETTERS}/{names[1]}/edit").status_code == 400
    assert calls.post(WHY | {"data": {"x": "\x00"}}, f"{LETTERS}/{names[1]}/edit").status_code == 400
    edited = calls.post(WHY | {"data": GOOD}, f"{LETTERS}/{names[1]}/edit").json()
    assert edited["status"] == "edited"
    given_up = calls.post({"reason": "a test"}, f"{LETTERS}/{names[2]}/discard").json()
    assert (given_up["status"], given_up["resolvedBy"]) == ("discarded", "somebody over HTTP")
    assert calls.post(WHY, f"{LETTERS}/99/0/discard").status_code == 404
    assert listed(calls) == names[3:]
    work(connection, orders())
    assert calls.sql("SELECT book, net FROM inventory_state") == [(None, 2)]
    assert audited(calls) == [
        ("ann over HTTP", "dead_letters.retried", WHY["reason"]),
        ("ann over HTTP", "dead_letters.edited", WHY["reason"]),
        ("somebody over HTTP", "dead_letters.discarded", "a test"),
    ]
    assert broken_rows(connection) == []


def test_many_are_put_back_or_given_up_by_filter_with_a_dry_run_and_a_cap(calls: Calls, names: list[str]):
    asked = WHY | {"filter": {"class": "validation"}, "limit": 3, "dryRun": True}
    told = calls.post(asked, f"{LETTERS}/discard").json()
    assert told == {"letters": names[:3], "notOpen": [], "more": True, "dryRun": True}
    assert (listed(calls), audited(calls)) == (names, [])
    told = calls.post(asked | {"dryRun": False}, f"{LETTERS}/discard").json()
    assert (told["letters"], told["more"]) == (names[:3], True)
    told = calls.post(WHY | {"letters": names[2:4]}, f"{LETTERS}/retry").json()
    assert (told["letters"], told["notOpen"], told["more"]) == (names[3:4], names[2:3], False)
    assert calls.sql("SELECT count(*) FROM event_queue") == [(1,)]
    for body, problem in (
        (WHY, "letters_unclear"),
        (WHY | {"letters": names, "filter": {"item": "A"}}, "letters_unclear"),
        (WHY | {"letters": ["seven"]}, "letters_unclear"),
        (WHY | {"filter": {"class": "validation"}, "limit": 501}, "parameter_invalid"),
        (WHY | {"letters": ["1/0"] * 501}, "parameter_invalid"),
        (WHY | {"filter": {"colour": "red"}}, "parameter_invalid"),
        ({"reason": " ", "letters": names}, "parameter_invalid"),
        ({"reason": "a\nb", "letters": names}, "parameter_invalid"),
    ):
        answer = calls.post(body, f"{LETTERS}/discard")
        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{problem}"), body
    assert [row[1] for row in audited(calls)] == ["dead_letters.discarded", "dead_letters.retried"]


def test_patterns_are_told_with_what_is_done_about_them(calls: Calls, names: list[str]):
    (found,) = calls.get(f"{LETTERS}/patterns").json()["patterns"]
    assert (found["pattern"], found["letters"], found["recoverable"]) == ("DataQualityIssue", 5, 5)
    assert found["first"] == names
    assert "correction" in found["recovery"]
    assert "retry" in found["requiredAction"]
    assert listed(calls) == names


@pytest.mark.parametrize("options", [ListenerSettings(max_queued=1, look_seconds=30, least_free_bytes=0)])
def test_a_full_queue_refuses_what_would_wait_in_it_and_nothing_else(calls: Calls, names: list[str]):
    for path, body in (
        (f"{LETTERS}/retry", WHY | {"letters": names[:2]}),
        (f"{LETTERS}/retry", WHY | {"filter": {"class": "validation"}}),
    ):
        answer = calls.post(body, path)
        assert (answer.status_code, answer.json()["type"]) == (429, "/problems/queue_full")
        assert answer.headers["Retry-After"]
    assert calls.post(WHY, f"{LETTERS}/{names[0]}/retry").status_code == 200
    assert calls.post(WHY, f"{LETTERS}/{names[1]}/retry").status_code == 429
    assert calls.post(WHY | {"data": GOOD}, f"{LETTERS}/{names[1]}/edit").status_code == 429
    assert calls.post(WHY, f"{LETTERS}/{names[1]}/discard").status_code == 200
    assert calls.get(EVENTS).status_code == 200
