"""A consumer of the outbox is told again what it was told: it alone, in order, under the same ids, safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.outbox import again
from inventory_assets.live.outbox.dispatcher import REDELIVERY, Dispatcher
from inventory_assets.operate import replaying
from inventory_assets_tests.api.calling import Calls
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.hooked import Clock, Hook, attempts, dispatcher, hooked, registered, state, tell

REPLAYS = "/api/v1/replays"


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver."""
    with hooked() as hook:
        yield hook


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(calls: Calls, clock: Clock) -> Dispatcher:
    return dispatcher(calls.engine, clock)


@pytest.fixture
def told(calls: Calls, hook: Hook, sender: Dispatcher) -> str:
    """A webhook that was told of six events, two of them of another type, one each hour from noon on."""
    number, _ = registered(calls.engine, hook.url)
    tell(calls.engine, 1, 2, 3, 4)
    tell(calls.engine, 5, 6, type_="stock.low", item="SKU-2")
    calls.sql("UPDATE outbox SET created_at = created_at + (id - 1) * interval '1 hour'")
    sender.serve_due()
    assert hook.numbers == [1, 2, 3, 4, 5, 6]
    return number


def asked(calls: Calls, webhook: str, key: str | None = None, **wanted: object) -> dict:
    headers = {} if key is None else {"idempotency_key": key}
    answer = calls.post({"reason": "they lost a day", "consumer": webhook, **wanted}, REPLAYS, **headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def made(calls: Calls, installed, webhook: str, **wanted: object) -> dict:
    """A replay that was asked for and carried out."""
    number = asked(calls, webhook, **wanted)["id"]
    replaying.look(installed, calls.engine, "w")
    return calls.get(f"{REPLAYS}/{number}").json()


def test_a_range_is_delivered_again_in_order_to_one_consumer_alone_and_moves_no_stock(
    calls: Calls, installed, hook: Hook, sender: Dispatcher, told: str
):
    with hooked() as other:
        registered(calls.engine, other.url, number=2)
        dry = made(calls, installed, told, after=1, limit=3, dryRun=True)
        assert (dry["status"], dry["result"]) == ("done", {"found": 3, "queued": 0, "more": True, "last": 4})
        assert sender.serve_due() == 0
        done = made(calls, installed, told, after=1, limit=3)
        assert done["result"] == {"found": 3, "queued": 3, "more": True, "last": 4}
        sender.serve_due()
        assert (hook.numbers, other.numbers) == ([1, 2, 3, 4, 5, 6, 2, 3, 4], [])
    again_came, first_came = hook.came[6:], hook.came[1:4]
    assert [(each.id, each.body) for each in again_came] == [(each.id, each.body) for each in first_came]
    assert [each.headers.get(REDELIVERY) for each in (*first_came, *again_came)] == [None] * 3 + [
        f"replay {done['id']}"
    ] * 3
    assert state(calls.engine, told).position == 6
    assert calls.sql("SELECT (SELECT count(*) FROM event_queue), (SELECT count(*) FROM ledger)") == [(0, 0)]
    rows = [each for each in attempts(calls.engine, told) if each.cause == "replay"]
    assert [(each.outbox_id, each.attempt, each.status, each.replay) for each in rows] == [
        (number, 2, "delivered", done["id"]) for number in (2, 3, 4)
    ]
    (detail,) = calls.sql("SELECT actor, action, reason, detail FROM audit_log ORDER BY id DESC LIMIT 1")
    assert detail[:3] == ("somebody over HTTP", "replay.requested", "they lost a day")
    assert (detail[3]["consumer"], detail[3]["after"], detail[3]["limit"]) == (f"webhook:{told}", 1, 3)


def test_a_range_is_named_by_time_type_and_item_and_never_wider_than_what_the_consumer_wants(
    calls: Calls, installed, told: str
):
    from_three = (NOON + timedelta(hours=2)).isoformat().replace("+00:00", "Z")
    for wanted, found in (
        ({"since": from_three}, [3, 4, 5, 6]),
        ({"since": from_three, "types": ["STOCK_LOW", "stock.low"], "items": ["sku-2"]}, [5, 6]),
        ({"types": ["inventory.updated"], "items": ["sku-2"]}, []),
    ):
        done = made(calls, installed, f"webhook:{told}", **wanted)
        rows = calls.sql("SELECT outbox_id FROM deliveries WHERE replay = :replay ORDER BY id", replay=done["id"])
        assert [row for (row,) in rows] == found, wanted
    calls.sql("UPDATE webhooks SET types = '{stock.low}'")
    assert made(calls, installed, told, dryRun=True)["result"]["found"] == 2
    calls.sql("UPDATE outbox_positions SET position = 5")
    assert made(calls, installed, told, dryRun=True)["result"]["found"] == 1


def test_the_same_request_under_one_key_is_made_once_and_one_begun_again_queues_nothing_twice(
    calls: Calls, installed, hook: Hook, sender: Dispatcher, told: str, monkeypatch
):
    monkeypatch.setattr(again, "STRETCH", 2)
    first = asked(calls, told, "k-1")
    looks = iter([False, True])
    replaying.look(installed, calls.engine, "killed", lambda: next(looks))
    assert calls.get(f"{REPLAYS}/{first['id']}").json()["status"] == "waiting"
    assert calls.sql("SELECT count(*) FROM deliveries WHERE replay = 1") == [(2,)]
    sender.serve_due()
    replaying.look(installed, calls.engine, "next")
    repeated = asked(calls, told, "k-1")
    assert (repeated["id"], repeated["result"]) == (first["id"], {"found": 6, "queued": 6, "more": False, "last": 6})
    assert replaying.look(installed, calls.engine, "next") is None
    sender.serve_due()
    assert hook.numbers == [1, 2, 3, 4, 5, 6] * 2
    clash = calls.post({"reason": "x", "consumer": told, "after": 1}, REPLAYS, idempotency_key="k-1")
    assert (clash.status_code, clash.json()["type"]) == (409, "/problems/key_taken")


def test_a_delivery_that_fails_is_tried_again_before_the_next_one_and_holds_up_nothing_else(
    calls: Calls, installed, hook: Hook, sender: Dispatcher, clock: Clock, told: str
):
    made(calls, installed, told, limit=3)
    hook.answers.extend([200, 500])
    tell(calls.engine, 7)
    sender.serve_due()
    assert hook.numbers[6:] == [1, 2, 7]
    sender.serve_due()
    assert len(hook.came) == 9
    hook.answers.extend([500, 500])
    for seconds in (12, 112):
        clock.forward(seconds)
        sender.serve_due()
    assert hook.numbers[9:] == [2, 2, 3]
    rows = calls.sql("SELECT outbox_id, attempt, status FROM deliveries WHERE cause = 'replay' ORDER BY 1, 2")
    assert rows == [
        (1, 2, "delivered"), (2, 2, "failed"), (2, 3, "failed"), (2, 4, "failed"), (3, 2, "delivered"),
    ]  # fmt: skip
    assert state(calls.engine, told).status == "active"


def test_a_paused_consumer_is_told_when_it_goes_on_and_what_waits_is_withdrawn_with_the_replay_or_the_webhook(
    calls: Calls, installed, hook: Hook, sender: Dispatcher, told: str
):
    address = f"/api/v1/webhooks/{told}"
    calls.post({}, f"{address}/pause")
    number = made(calls, installed, told, after=4)["id"]
    assert sender.serve_due() == 0
    calls.post({}, f"{address}/resume")
    sender.serve_due()
    assert hook.numbers[6:] == [5, 6]
    assert calls.post({"reason": "no"}, f"{REPLAYS}/{number}/cancel").status_code == 409
    number = made(calls, installed, told)["id"]
    assert calls.post({"reason": "no"}, f"{REPLAYS}/{number}/cancel").json()["status"] == "cancelled"
    assert sender.serve_due() == 0
    assert calls.sql("SELECT detail FROM audit_log ORDER BY id DESC LIMIT 1") == [({"withdrawn": 6},)]
    made(calls, installed, told)
    assert calls.client.delete(address).status_code == 204
    assert calls.sql("SELECT DISTINCT error FROM deliveries WHERE status = 'failed' ORDER BY 1") == [
        (f"not sent: replay {number} was cancelled",), ("not sent: the webhook was removed",),
    ]  # fmt: skip


def test_a_receiver_that_wants_no_more_is_disabled_by_a_replay_as_well(
    calls: Calls, installed, hook: Hook, sender: Dispatcher, told: str
):
    hook.answers.append(410)
    made(calls, installed, told)
    sender.serve_due()
    assert state(calls.engine, told).status == "disabled"
    assert hook.numbers[6:] == [1]


def test_a_consumer_that_is_none_and_a_limit_without_one_are_refused(calls: Calls, installed, told: str):
    unknown = calls.post({"reason": "x", "consumer": "wh_0"}, REPLAYS)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/webhook_unknown")
    for wanted in ({"limit": 5}, {"consumer": told, "limit": 10_001}, {"consumer": told, "limit": 0}, {"consumer": ""}):
        answer = calls.post({"reason": "x", **wanted}, REPLAYS)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/parameter_invalid"), wanted
    number = asked(calls, told)["id"]
    calls.client.delete(f"/api/v1/webhooks/{told}")
    replaying.look(installed, calls.engine, "w")
    assert calls.get(f"{REPLAYS}/{number}").json()["status"] == "failed"


def test_the_command_line_replays_a_consumer_as_the_service_does(
    calls: Calls, url: str, hook: Hook, sender: Dispatcher, told: str, monkeypatch
):
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)

    def said(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["live", "replay", *arguments])
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    wanted = ("--consumer", told, "--after", "4", "--because", "lost", "--key", "k-1", "--json")
    first, repeated = (json.loads(said(*wanted)) for _ in range(2))
    assert first == repeated == {"replay": 1, "dry_run": False, "found": 2, "queued": 2, "more": False, "last": 6}
    sender.serve_due()
    assert hook.numbers[6:] == [5, 6]
    assert "another" in said("--consumer", told, "--key", "k-1", code=2)
    assert "wh_0" in said("--consumer", "wh_0", code=2)
    assert "--consumer" in said("--limit", "3", code=2)
    assert calls.get(f"{REPLAYS}/1").json()["reason"] == "lost"
