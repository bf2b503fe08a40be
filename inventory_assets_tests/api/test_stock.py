from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from inventory_assets.live.masters.publishing import Published, publish
from inventory_assets.live.masters.rules import EVERYTHING_COUNTS
from inventory_assets.live.processor.worker import Worker
from inventory_assets.settings import ListenerSettings, ProcessorSettings
from inventory_assets_tests.api.calling import EVENTS, Calls, sale, until

STOCK = "/api/v1/inventory"


@contextmanager
def worker_of(url: str, calls: Calls) -> Iterator[None]:
    """A worker on the service's database, by the same clock."""
    worker = Worker(url, ProcessorSettings(window_seconds=0.0), clock=calls.clock)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(10)


@pytest.fixture
def options() -> ListenerSettings:
    return ListenerSettings(look_seconds=0.1, wait_seconds=8.0, least_free_bytes=0)


@pytest.fixture
def shop(calls: Calls, url: str) -> Iterator[Calls]:
    """The service with a worker, and 100 of A counted at S1."""
    with worker_of(url, calls):
        counted = {"location_id": "S1", "lines": [{"product_sku": "A", "quantity": 100}]}
        event = sale(0, id="count", type="stock.counted", data=counted, time="2026-03-01T10:00:00Z")
        assert calls.post(event).status_code == 202
        until(lambda: calls.get(f"{STOCK}/A?storeId=S1").status_code == 200)
        yield calls


def reserve(shop: Calls, number: str, units: int, **more: object):
    body = {"reservationId": number, "storeId": "S1", "lines": [{"product_sku": "A", "quantity": units}], **more}
    return shop.post(body, "/api/v1/reservations")


def test_stock_history_and_as_of_agree(shop: Calls):
    start = shop.get(f"{STOCK}/a?storeId=S1")
    assert (start.json()["book"], start.json()["basis"]) == (100, "counted")
    for number, units in enumerate((-3, 5, -2)):
        answer = shop.post({"quantity": units, "reason": "X", "storeId": "S1"}, f"{STOCK}/A/adjust")
        assert answer.status_code == 200, answer.text
        assert answer.json()["stock"]["book"] == [97, 102, 100][number]
        assert answer.headers["ETag"] == f'"{answer.json()["stock"]["version"]}"'
    changes = shop.get(f"{STOCK}/A/history?storeId=S1").json()["changes"]
    assert [each["balance"] for each in changes] == [100, 102, 97, 100]
    for change in changes:
        then = shop.get(f"{STOCK}/A/as-of?storeId=S1&position={change['sequence']}").json()
        assert then["book"] == change["balance"]
    before = shop.get(f"{STOCK}/A/as-of?storeId=S1&time=2026-03-01T09:00:00Z").json()
    assert (before["book"], before["nullReason"]) == (None, "no opening or count yet")
    first = shop.get(f"{STOCK}/A/history?limit=3").json()
    second = shop.get(first["next"]).json()
    assert [each["id"] for each in first["changes"] + second["changes"]] == [each["id"] for each in changes]
    everywhere = shop.get(f"{STOCK}/A").json()
    assert everywhere["total"]["book"] == 100
    assert shop.get(f"{STOCK}/NOTHING").json()["type"] == "/problems/item_unknown"
    assert shop.get(f"{STOCK}/A/as-of?storeId=S1&position=99999").status_code == 422


def test_unknown_stock_is_null_with_the_reason_also_in_the_sum(shop: Calls):
    shop.post(sale(1, data={**sale(1)["data"], "product_sku": "A", "location_id": "S2"}))
    until(lambda: len(shop.get(f"{STOCK}/A").json()["stores"]) == 2)
    told = shop.get(f"{STOCK}/A").json()
    assert told["stores"][1]["onHand"] is None
    assert told["stores"][1]["nullReason"] == "no opening or count yet"
    assert (told["total"]["onHand"], told["total"]["unknownStores"]) == (None, ["S2"])


def test_of_many_adjustments_decided_on_one_version_one_is_stored(shop: Calls):
    tag = shop.get(f"{STOCK}/A?storeId=S1").headers["ETag"]

    def adjust(number: int) -> int:
        body = {"quantity": -1, "reason": "X", "storeId": "S1"}
        return shop.post(body, f"{STOCK}/A/adjust", if_match=tag, idempotency_key=f"k-{number}").status_code

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(adjust, range(8)))
    assert answers == [200] + [412] * 7
    assert shop.get(f"{STOCK}/A?storeId=S1").json()["book"] == 99
    assert shop.get(f"{STOCK}/A?storeId=S1", if_none_match=tag).status_code == 200
    now = shop.get(f"{STOCK}/A?storeId=S1").headers["ETag"]
    assert shop.get(f"{STOCK}/A?storeId=S1", if_none_match=now).status_code == 304


def test_a_repeated_adjustment_is_one_also_when_its_version_is_over(shop: Calls):
    tag = shop.get(f"{STOCK}/A?storeId=S1").headers["ETag"]
    body = {"quantity": -1, "reason": "X", "storeId": "S1"}
    for expected in ("accepted", "duplicate"):
        answer = shop.post(body, f"{STOCK}/A/adjust", if_match=tag, idempotency_key="once")
        assert (answer.status_code, answer.json()["event"]["status"]) == (200, expected)
    assert shop.get(f"{STOCK}/A?storeId=S1").json()["book"] == 99
    other = shop.post({**body, "quantity": -2}, f"{STOCK}/A/adjust", idempotency_key="once")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/id_conflict")


def test_an_adjustment_without_a_worker_is_202_with_an_address(calls: Calls):
    calls.application.service.settings.__dict__["wait_seconds"] = 0.1
    answer = calls.post({"quantity": 1, "reason": "X"}, f"{STOCK}/B/adjust?storeId=S1")
    assert answer.status_code == 202
    assert calls.get(answer.headers["Location"]).json()["status"] == "Pending"
    conditional = calls.post({"quantity": 1, "reason": "X"}, f"{STOCK}/B/adjust?storeId=S1", if_match='"0"')
    assert (conditional.status_code, conditional.json()["type"]) == (503, "/problems/deadline_passed")


def test_faults_of_an_adjustment_name_the_member(calls: Calls):
    wrong = calls.post({"quantity": 1.5, "reason": "X"}, f"{STOCK}/B/adjust")
    assert wrong.status_code == 422
    assert {each["pointer"] for each in wrong.json()["errors"]} == {"/quantity", "/storeId"}
    for body, pointer in (({"colour": 1}, "/colour"), ({"quantity": 1}, "/reason")):
        told = calls.post(body, f"{STOCK}/B/adjust?storeId=S1").json()
        assert pointer in {each["pointer"] for each in told["errors"]}
    assert calls.post(b"[1]", f"{STOCK}/B/adjust").status_code == 400
    assert calls.post({"quantity": 1, "reason": "X"}, f"{STOCK}/B/adjust?storeId=S", if_match="*").status_code == 422


def test_reservations_hold_sell_and_give_back(shop: Calls):
    made = reserve(shop, "R1", 30)
    assert (made.status_code, made.json()["fact"]) == (201, "stock.reserved")
    state = shop.get(f"{STOCK}/A?storeId=S1").json()
    assert (state["onHand"], state["reserved"], state["available"]) == (100, 30, 70)
    told = shop.get("/api/v1/reservations/R1").json()
    assert (told["status"], told["storeId"], told["lines"]) == ("open", "S1", [{"product_sku": "A", "quantity": 30}])
    refused = reserve(shop, "R2", 71)
    assert (refused.status_code, refused.json()["reason"]) == (409, "insufficient")
    assert refused.json()["lines"][0]["available"] == 70
    assert reserve(shop, "R1", 1).json()["reason"] == "reservation_exists"
    assert shop.post({}, "/api/v1/reservations/R1/commit").json()["fact"] == "reservation.committed"
    state = shop.get(f"{STOCK}/A?storeId=S1").json()
    assert (state["onHand"], state["reserved"], state["available"]) == (70, 0, 70)
    assert shop.post({}, "/api/v1/reservations/R1/commit").json()["reason"] == "reservation_committed"
    again = shop.post({}, "/api/v1/reservations/R1/release")
    assert (again.status_code, again.json()["fact"]) == (200, None)
    assert shop.post({}, "/api/v1/reservations/NONE/commit").json()["reason"] == "reservation_unknown"
    assert shop.get("/api/v1/reservations/NONE").json()["type"] == "/problems/reservation_unknown"


def test_metrics_follow_the_queue_and_name_no_item(shop: Calls):
    shop.post([sale(number) for number in range(20)])
    until(lambda: shop.sql("SELECT count(*) FROM event_queue") == [(0,)])
    until(lambda: 'inventory_attempts_total{status="Completed"}' in shop.get("/metrics").text)
    told = shop.get("/metrics").text
    assert "inventory_dead_letters_open 0.0" in told
    assert 'inventory_batch_only{scope="item"} 0.0' in told
    assert "inventory_state_writes_saved_ratio 0." in told
    assert 'inventory_events_total{outcome="accepted"} 21.0' in told
    assert "inventory_database_up 1.0" in told
    assert "SKU-1" not in told
    assert "sale-1" not in told
    assert shop.get(f"{EVENTS}/sale-1").json()["status"] == "Completed"


def test_a_promise_counts_what_is_available_and_the_receipts_until_its_day(shop: Calls, engine):
    address = f"{STOCK}/A/available-to-promise"
    today = shop.clock().date()
    assert reserve(shop, "R", 30).status_code == 201
    until(lambda: shop.get(f"{STOCK}/A?storeId=S1").json()["reserved"] == 30)
    untold = shop.get(f"{address}?storeId=S1").json()
    assert untold["promises"] == [{"from": str(today), "receipts": 0, "available": 70}]
    assert untold["receiptsReason"] == "the lake has told nothing of receipts yet"
    days = [str(today + timedelta(days=number)) for number in (-1, 2, 9)]
    receipts = json.dumps([[day, 10 * number] for number, day in enumerate(days, 1)] + [[None, 5]])
    pair = ("A", "S1", None, None, 1, 65, receipts, None)
    publish(engine, Published("", EVERYTHING_COUNTS, [], [], [pair]), shop.clock())
    told = shop.get(f"{address}?storeId=S1&until={days[2]}").json()
    assert [(each["from"], each["available"]) for each in told["promises"]] == [
        (str(today), 70), (days[1], 90), (days[2], 120),
    ]  # fmt: skip
    assert (told["undatedReceipts"], told["receiptsReason"]) == (15, None)
    assert [each["from"] for each in shop.get(f"{address}?storeId=S1&until={days[1]}").json()["promises"]] == [
        str(today), days[1],
    ]  # fmt: skip
    for wrong in ("", "?storeId=S1&until=2026-02-31", "?storeId=S1&until=2000-01-01"):
        assert shop.get(address + wrong).status_code == 422
    assert shop.get(f"{STOCK}/NOTHING/available-to-promise?storeId=S1").status_code == 404
