from __future__ import annotations

import json
from datetime import timedelta

import pytest

from inventory_assets.settings import ListenerSettings
from inventory_assets_tests.api.calling import EVENTS, Calls, sale


def test_an_event_is_in_the_log_when_202_is_answered(calls: Calls):
    answer = calls.post(sale(1, priority=8))
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["status"] == "accepted"
    assert body["estimatedSeconds"] == 5
    assert answer.headers["X-Event-ID"] == "sale-1"
    assert answer.headers["Location"] == body["statusUrl"]
    assert calls.sql("SELECT event_id, disposition FROM event_log") == [("sale-1", "accepted")]
    told = calls.get(body["statusUrl"]).json()
    assert told["status"] == "Pending"
    assert told["data"]["unit_price"] == "12.99"
    assert told["attempts"] == []


def test_the_same_event_is_one_and_another_under_its_id_is_409_and_kept(calls: Calls):
    assert calls.post(sale(1)).json()["status"] == "accepted"
    again = calls.post(sale(1))
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    other = sale(1)
    other["data"] = {**other["data"], "quantity": 9}
    conflict = calls.post(other)
    assert conflict.status_code == 409
    assert conflict.headers["content-type"] == "application/problem+json"
    assert conflict.json()["type"] == "/problems/id_conflict"
    calls.post(other)
    assert calls.sql("SELECT data::jsonb ->> 'quantity' FROM event_conflicts") == [("9",)]
    assert calls.sql("SELECT data ->> 'quantity' FROM event_log") == [("2",)]


def test_a_batch_answers_for_each_event_in_order(calls: Calls):
    events = [sale(1), {"specversion": "1.0"}, sale(2), sale(1)]
    answer = calls.post(events)
    assert answer.status_code == 207
    told = answer.json()
    assert (told["taken"], told["refused"]) == (3, 1)
    assert [each["httpStatus"] for each in told["results"]] == [202, 422, 202, 202]
    assert [each["status"] for each in told["results"]] == ["accepted", 422, "accepted", "duplicate"]
    assert calls.post([sale(3)]).status_code == 202


def test_an_idempotency_key_stands_for_an_id(calls: Calls):
    shape = {"eventType": "StockAdjustment", "eventSource": "erp", "eventData": {
        "product_sku": "A", "location_id": "S1", "quantity": -1, "reason_code": "LOST"}}  # fmt: skip
    first = calls.post(shape, idempotency_key="k-1").json()
    again = calls.post(shape, idempotency_key="k-1").json()
    assert (first["eventId"], first["status"], again["status"]) == ("k-1", "accepted", "duplicate")


def test_binary_mode_is_taken(calls: Calls):
    event = sale(7)
    headers = {f"ce_{name}": str(event[name]) for name in ("specversion", "id", "source", "type", "time")}
    assert calls.post(event["data"], **headers).json()["eventId"] == "sale-7"


@pytest.mark.parametrize("options", [ListenerSettings(refused_sources=frozenset({"/till"}), look_seconds=0.1)])
def test_a_refused_source_is_403(calls: Calls):
    answer = calls.post(sale(1))
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/source_refused")
    assert calls.sql("SELECT count(*) FROM event_log") == [(0,)]


def test_an_id_of_a_fact_from_files_is_refused_from_outside(calls: Calls):
    answer = calls.post(sale(1, id="batch:1"))
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/reserved_id")
    assert answer.json()["mend"]
    told = calls.post([sale(2), sale(3, id="batch:1")])
    assert [each["httpStatus"] for each in told.json()["results"]] == [202, 403]
    assert calls.sql("SELECT event_id FROM event_log") == [("sale-2",)]


@pytest.mark.parametrize("options", [ListenerSettings(taken_types=frozenset({"Transaction"}), look_seconds=0.1)])
def test_the_filter_keeps_news_aside_and_never_facts(calls: Calls):
    news = sale(1, type="customer_entered", data={"location_id": "S1", "sensor_id": "D", "zone": "E",
                                                  "customer_count": 1})  # fmt: skip
    answer = calls.post([news, sale(2)]).json()
    assert [each["status"] for each in answer["results"]] == ["filtered", "accepted"]
    assert calls.get(answer["results"][0]["statusUrl"]).json()["status"] == "Filtered"
    assert calls.sql("SELECT count(*) FROM event_queue") == [(1,)]


def test_an_event_from_the_future_goes_to_quarantine_also_after_the_clock_stepped_back(calls: Calls):
    now = calls.clock.now
    assert calls.post(sale(1, time=(now + timedelta(minutes=4)).isoformat())).json()["status"] == "accepted"
    ahead = calls.post(sale(2, time=(now + timedelta(minutes=6)).isoformat())).json()
    assert (ahead["status"], ahead["reason"]) == ("quarantined", "event_time_ahead")
    calls.clock.step(timedelta(hours=-1))
    assert calls.post(sale(3, time=now.isoformat())).json()["status"] == "quarantined"
    assert calls.post(sale(4, time=calls.clock.now.isoformat())).json()["status"] == "accepted"
    assert calls.sql("SELECT disposition FROM event_log ORDER BY sequence") == [
        ("accepted",), ("quarantined",), ("quarantined",), ("accepted",),
    ]  # fmt: skip


def test_limits_are_413_and_nothing_is_stored(calls: Calls):
    assert calls.post(b" " * 4_194_305).status_code == 413
    assert calls.post([sale(number) for number in range(1001)]).json()["type"] == "/problems/too_many_events"
    deep: object = 1
    for _ in range(30):
        deep = [deep]
    assert calls.post(sale(1, data={"x": deep})).json()["type"] == "/problems/too_deep"
    assert calls.post(b"[" * 100_000).status_code == 400
    assert calls.post(b"{}", content_encoding="gzip").status_code == 415
    assert calls.sql("SELECT count(*) FROM event_log") == [(0,)]


def test_an_event_is_found_by_its_id_where_one_source_has_it(calls: Calls):
    calls.post([sale(1), sale(1, source="/other")])
    assert calls.get(f"{EVENTS}/sale-1").status_code == 409
    assert calls.get(f"{EVENTS}/sale-1").json()["sources"] == ["/till", "/other"]
    assert calls.get(f"{EVENTS}/sale-1?source=/other").json()["source"] == "/other"
    assert calls.get(f"{EVENTS}/nothing").json()["type"] == "/problems/event_unknown"


def test_an_id_with_a_slash_keeps_its_address(calls: Calls):
    told = calls.post(sale(1, id="a/b ü?#"))
    assert calls.get(told.json()["statusUrl"]).json()["eventId"] == "a/b ü?#"
    assert "X-Event-ID" not in told.headers


@pytest.mark.parametrize("half", ["\ud800", "\udc00x", "a\udfff\ud800"])
def test_half_of_a_surrogate_pair_is_answered_with_a_problem_wherever_it_stands(calls: Calls, half: str):
    for event in (
        sale(1, id=half), sale(1, **{half: "x"}), sale(1, type=half), sale(1, data={half: 1}), [sale(1, source=half)]
    ):  # fmt: skip
        told = calls.post(event)
        assert 400 <= told.status_code < 500 or told.status_code == 207, told.text
    told = calls.post({half: "x"}, "/api/v1/modes/off")
    assert told.status_code == 422
    assert "\ufffd" in told.json()["detail"]
    assert calls.sql("SELECT count(*) FROM event_log") == [(0,)]


@pytest.mark.parametrize("event_id", ["a\nSet-Cookie: b", "a\x00b", "a\x7fb"])
def test_an_id_that_is_refused_for_its_characters_is_in_no_header(calls: Calls, event_id: str):
    told = calls.post(sale(1, id=event_id))
    assert told.status_code == 422
    assert told.json()["errors"][0]["pointer"] == "/id"
    assert not {"x-event-id", "set-cookie"} & told.headers.keys()


def test_status_follows_queue_and_processing_log(calls: Calls):
    address = calls.post(sale(1)).json()["statusUrl"]
    attempt = (
        "INSERT INTO processing_log (sequence, part, attempt, status, worker, started_at, ended_at, error_class,"
        " error_message) SELECT sequence, 0, :attempt, :status, 'w', :at, :at, 'Timeout', 'slow' FROM event_log"
    )
    calls.sql("UPDATE event_queue SET attempts = 1, not_before = :at", at=calls.clock.now)
    calls.sql(attempt, attempt=1, status="Retry", at=calls.clock.now)
    told = calls.get(address).json()
    assert (told["status"], told["attemptsSoFar"]) == ("Retry", 1)
    assert told["attempts"][0]["error"] == {"class": "Timeout", "code": None, "message": "slow"}
    with calls.engine.connect() as connection:
        from sqlalchemy import text

        from inventory_assets.live.locks import SPACE, lane_key

        (lane,) = calls.sql("SELECT lane FROM event_queue")[0]
        calls.sql("UPDATE event_queue SET not_before = NULL")
        connection.execute(text(f"SELECT pg_advisory_xact_lock({SPACE}, {lane_key(lane)})"))
        assert calls.get(address).json()["status"] == "Processing"
    calls.sql("DELETE FROM event_queue")
    calls.sql(attempt, attempt=2, status="Failed", at=calls.clock.now)
    assert calls.get(address).json()["status"] == "Failed"
    calls.sql(attempt, attempt=3, status="Completed", at=calls.clock.now)
    assert calls.get(address).json()["status"] == "Completed"


def test_pages_hold_every_event_once_while_others_come_in(calls: Calls):
    calls.post([sale(number) for number in range(25)])
    seen, address = [], f"{EVENTS}?limit=7&item=sku-1"
    while address:
        page = calls.get(address).json()
        seen += [each["eventId"] for each in page["events"]]
        address = page["next"]
        calls.post(sale(100 + len(seen)))
    assert seen == [f"sale-{number}" for number in range(24, -1, -1) if number % 5 == 1]
    everything, address = [], f"{EVENTS}?limit=10"
    while address:
        page = calls.get(address).json()
        everything += [each["eventId"] for each in page["events"]]
        address = page["next"]
    assert len(everything) == len(set(everything)) == calls.sql("SELECT count(*) FROM event_log")[0][0]


def test_search_filters_by_type_source_status_and_time(calls: Calls):
    calls.post([sale(1), sale(2, source="/b"), sale(3, type="price.changed", data={
        "product_sku": "SKU-3", "previous_price": "1", "new_price": "2", "currency": "USD"})])  # fmt: skip
    calls.post(sale(4, time="2026-02-01T00:00:00Z"))
    calls.sql("DELETE FROM event_queue WHERE sequence = (SELECT min(sequence) FROM event_queue)")

    def found(query: str) -> set[str]:
        answer = calls.get(f"{EVENTS}?{query}")
        assert answer.status_code == 200, answer.text
        return {each["eventId"] for each in answer.json()["events"]}

    assert found("type=price.changed") == {"sale-3"}
    assert found("source=/b") == {"sale-2"}
    assert found("status=Completed") == {"sale-1"}
    assert found("status=Pending&type=receipt_line_added") == {"sale-2", "sale-4"}
    assert found("to=2026-02-02T00:00:00Z") == {"sale-4"}
    assert found("item=SKU-1&from=2026-02-02T00:00:00Z") == {"sale-1"}
    for wrong in ("limit=0", "cursor=%00", "from=yesterday", "status=x", "colour=red", "limit=1&limit=2", "item=%00"):
        assert calls.get(f"{EVENTS}?{wrong}").json()["type"] == "/problems/parameter_invalid", wrong


def test_every_refusal_is_a_problem_document(calls: Calls):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", EVENTS, 405),
        ("GET", "/api/v1/inventory/%FF", 400),
        ("POST", EVENTS, 400),
    ):
        answer = calls.client.request(method, path, content=b"{" if method == "POST" else None)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.content)["status"] == status
    assert calls.client.delete(EVENTS).headers["allow"] == "GET, POST, HEAD"


def test_pages_of_other_sites_and_other_names_are_refused(calls: Calls):
    assert calls.get(EVENTS, host="inventory.example").status_code == 421
    assert calls.get(EVENTS, origin="https://evil.example").status_code == 403
    assert calls.get(EVENTS, origin="http://localhost:3000").status_code == 200
