"""Webhooks over HTTP: registered as source 000 does it, the secret told once, every change audited."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory_assets.live.auditing import broken_rows
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.settings import ListenerSettings, Settings
from inventory_assets_tests.api.calling import Calls
from inventory_assets_tests.live.hooked import LOOPBACK, Clock, dispatcher, hooked, tell

WEBHOOKS = "/api/v1/webhooks"
SOURCE = {
    "url": "https://your-flow-url/secret-path?sig=token",
    "events": ["inventory.updated", "transaction.created"],
    "secret": "webhook-secret",
}


@pytest.fixture
def most() -> int:
    """Webhooks there may be."""
    return 100


@pytest.fixture
def installed(server: Settings, url: str, options: ListenerSettings, most: int) -> Settings:
    """Webhooks may go to loopback addresses."""
    assert EmbeddedServer(server).place.url
    webhooks = LOOPBACK.model_copy(update={"max_webhooks": most})
    return server.model_copy(update={"listener": options, "webhooks": webhooks})


def registered(calls: Calls, url: str, **more: object) -> dict:
    answer = calls.post({"url": url, **more}, WEBHOOKS)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_webhook_is_registered_as_source_000_does_it_and_its_secret_is_told_once(calls: Calls, connection):
    answer = calls.post(SOURCE, "/api/webhooks/register")
    made = answer.json()
    assert (answer.status_code, made["types"]) == (201, SOURCE["events"])
    assert made["secret"].startswith("whsec_")
    assert answer.headers["Cache-Control"] == "no-store"
    address = answer.headers["Location"]
    assert address == f"{WEBHOOKS}/{made['id']}"
    shown, all_ = calls.get(address), calls.get(WEBHOOKS)
    assert all_.json()["webhooks"] == [shown.json()] == [{name: made[name] for name in made if name != "secret"}]
    assert calls.sql("SELECT actor, action, subject FROM audit_log") == [
        ("somebody over HTTP", "webhook.registered", f"webhook {made['id']}")
    ]
    ((detail,),) = calls.sql("SELECT detail::text FROM audit_log")
    assert "your-flow-url" in detail
    assert "token" not in detail
    assert "secret" not in detail
    assert broken_rows(connection) == []


def test_the_same_registration_under_one_key_is_one_webhook(calls: Calls):
    url = "https://example.com/hook"
    made = calls.post({"url": url}, WEBHOOKS, idempotency_key="k-1")
    again = calls.post({"url": url}, WEBHOOKS, idempotency_key="k-1")
    assert (made.status_code, again.status_code, again.json()["type"]) == (201, 409, "/problems/webhook_known")
    assert made.json()["id"] in again.json()["detail"]
    assert calls.post({"url": url}, WEBHOOKS, idempotency_key="k-2").json()["id"] != made.json()["id"]
    assert calls.sql("SELECT count(*) FROM webhooks") == [(2,)]
    assert calls.sql("SELECT count(*) FROM audit_log") == [(2,)]


@pytest.mark.parametrize("most", [3])
def test_no_more_webhooks_than_there_may_be_also_of_those_sent_at_once(calls: Calls, most: int):
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda number: calls.post({"url": f"https://example.com/{number}"}, WEBHOOKS), range(6))
        )
    assert sorted(each.status_code for each in answers) == [201] * most + [409] * most
    refused = next(each.json() for each in answers if each.status_code == 409)
    assert refused["type"] == "/problems/too_many_webhooks"
    assert "3 may be (INVENTORY_WEBHOOKS__MAX_WEBHOOKS)" in refused["detail"]
    (first, *_) = calls.get(WEBHOOKS).json()["webhooks"]
    assert calls.client.delete(f"{WEBHOOKS}/{first['id']}").status_code == 204
    assert registered(calls, "https://example.com/9")["status"] == "active"
    assert calls.sql("SELECT count(*) FROM webhooks") == [(most,)]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "https://user@example.com/"}, "target_refused"),
        ({"url": "gopher://example.com/"}, "target_refused"),
        ({"secret": "short"}, "secret_unfit"),
        ({"events": ["no.such.type"]}, "webhook_refused"),
        ({"events": []}, "parameter_invalid"),
        ({"url": None}, "parameter_invalid"),
        ({"items": ["A", "\x00"]}, "parameter_invalid"),
        ({"colour": "red"}, "parameter_invalid"),
    ],
)
def test_a_registration_that_cannot_work_is_refused(calls: Calls, change: dict, problem: str):
    answer = calls.post(SOURCE | change, WEBHOOKS)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{problem}")
    assert calls.sql("SELECT count(*) FROM webhooks") == [(0,)]


def test_webhooks_are_paused_resumed_rotated_and_removed_and_each_act_is_audited(calls: Calls):
    made = registered(calls, "https://example.com/hook", actor="ann", reason="for the team")
    address = f"{WEBHOOKS}/{made['id']}"
    paused = calls.post({"actor": "ben", "reason": "they move"}, f"{address}/pause").json()
    assert (paused["status"], paused["statusReason"]) == ("paused", "paused by ben over HTTP: they move")
    assert calls.post(b"", f"{address}/resume").json()["status"] == "active"
    rotated = calls.post({}, f"{address}/rotate")
    assert rotated.headers["Cache-Control"] == "no-store"
    assert rotated.json()["secret"] != made["secret"]
    assert calls.client.delete(f"{address}?reason=gone&actor=ann").status_code == 204
    assert calls.sql("SELECT actor, action, reason FROM audit_log ORDER BY id") == [
        ("ann over HTTP", "webhook.registered", "for the team"),
        ("ben over HTTP", "webhook.paused", "they move"),
        ("somebody over HTTP", "webhook.resumed", None),
        ("somebody over HTTP", "webhook.rotated", None),
        ("ann over HTTP", "webhook.removed", "gone"),
    ]
    for answer in (
        calls.get(address), calls.get(f"{address}/deliveries"), calls.client.delete(address),
        calls.post({}, f"{address}/pause"), calls.post({}, f"{address}/rotate"),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/webhook_unknown")
    assert calls.sql("SELECT count(*) FROM audit_log") == [(5,)]


def test_deliveries_are_read_by_pages_and_sent_again(calls: Calls):
    with hooked() as hook:
        made = registered(calls, hook.url, events=["inventory.updated"], items=["sku-1"])
        tell(calls.engine, 1, 2, 3)
        sender = dispatcher(calls.engine, Clock())
        sender.serve_due()
        assert hook.came[0].signed_with(made["secret"])
        address = f"{WEBHOOKS}/{made['id']}/deliveries"
        first = calls.get(f"{address}?limit=2").json()
        second = calls.get(first["next"]).json()
        found = first["deliveries"] + second["deliveries"]
        assert second["next"] is None
        assert [each["status"] for each in found] == ["delivered"] * 3
        assert [each["messageId"] for each in found] == [each.id for each in reversed(hook.came)]
        asked = calls.post({"reason": "lost there"}, f"{address}/{found[2]['id']}/redeliver")
        assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
        sender.serve_due()
        assert hook.numbers == [1, 2, 3, 1]
        other = registered(calls, hook.url)
        wrong = calls.post({}, f"{WEBHOOKS}/{other['id']}/deliveries/{found[2]['id']}/redeliver")
        assert (wrong.status_code, wrong.json()["type"]) == (404, "/problems/webhook_unknown")
        calls.sql("DELETE FROM outbox")
        gone = calls.post({}, f"{address}/{found[2]['id']}/redeliver")
        assert (gone.status_code, gone.json()["type"]) == (409, "/problems/event_gone")
    acts = calls.sql("SELECT action FROM audit_log ORDER BY id")
    assert acts == [("webhook.registered",), ("webhook.redelivered",), ("webhook.registered",)]


def test_rotating_and_leaving_out_an_event_under_one_key_are_done_once_and_answered_alike(calls: Calls):
    with hooked() as hook:
        made = registered(calls, hook.url)
        address = f"{WEBHOOKS}/{made['id']}"
        hook.answers.append(410)
        tell(calls.engine, 1, 2, 3)
        dispatcher(calls.engine, Clock()).serve_due()
        with ThreadPoolExecutor(4) as pool:
            skip = {"skip": True, "reason": "refused there"}
            skipped = list(pool.map(lambda _: calls.post(skip, f"{address}/resume", idempotency_key="s"), range(4)))
            rotated = list(pool.map(lambda _: calls.post({}, f"{address}/rotate", idempotency_key="r"), range(4)))
        assert {each.status_code for each in (*skipped, *rotated)} == {200}
        assert len({each.text for each in skipped}) == 1
        assert len({each.text for each in rotated}) == 1
        dispatcher(calls.engine, Clock()).serve_due()
        assert hook.numbers == [1, 2, 3]
        assert hook.came[-1].signed_with(rotated[0].json()["secret"])
        assert hook.came[-1].signed_with(made["secret"])
        for body, key in (({"skip": True}, "r"), ({}, "s")):
            clash = calls.post(body, f"{address}/resume", idempotency_key=key)
            assert (clash.status_code, clash.json()["type"]) == (409, "/problems/key_taken")
        assert calls.post({}, f"{address}/rotate", idempotency_key="r-2").status_code == 200
        assert calls.post({}, f"{address}/rotate", idempotency_key="r").text == rotated[0].text
        assert calls.post({}, f"{address}/rotate").status_code == 200
        replaced = calls.post({}, f"{address}/rotate", idempotency_key="r")
        assert (replaced.status_code, replaced.json()["type"]) == (409, "/problems/secret_replaced")
        acts = [act for (act,) in calls.sql("SELECT action FROM audit_log ORDER BY id")]
        assert (acts.count("webhook.resumed"), acts.count("webhook.rotated")) == (1, 3)
        ((kept,),) = calls.sql("SELECT string_agg(answer::text, '') FROM webhook_keys")
        assert rotated[0].json()["secret"] not in kept
        assert calls.client.delete(address).status_code == 204
        assert calls.sql("SELECT count(*) FROM webhook_keys") == [(0,)]
