"""Webhooks are signed, kept in order, sent again until taken, and every attempt can be looked at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.auditing import broken_rows
from inventory_assets.live.outbox import deliveries, reading, webhooks
from inventory_assets.live.outbox.addresses import TargetPolicy, TargetRefusedError
from inventory_assets.live.outbox.dispatcher import JITTER
from inventory_assets.live.outbox.signing import SecretUnfitError, read_secret, secret_text, signature
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.hooked import (
    ACT,
    LOOPBACK,
    Clock,
    attempts,
    dispatcher,
    hooked,
    registered,
    state,
    tell,
    until,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_signature_is_that_of_the_published_standard():
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_read_as_the_standard_writes_them_or_as_people_do():
    assert read_secret(secret_text(bytes(24))) == bytes(24)
    assert read_secret("webhook-secret") == b"webhook-secret"
    for wrong in ("short", "whsec_AAAA", "whsec_?", "x" * 65):
        with pytest.raises(SecretUnfitError):
            read_secret(wrong)


def test_what_happens_after_the_registration_is_delivered_in_order_signed_and_once(engine, clock):
    with hooked() as hook:
        tell(engine, 1)
        number, secret = registered(engine, hook.url)
        tell(engine, 2, 3, 4)
        dispatcher(engine, clock).serve_due()
        dispatcher(engine, clock).serve_due()
        assert hook.numbers == [2, 3, 4]
        assert len({each.id for each in hook.came}) == 3
        first = hook.came[0]
        assert all(each.signed_with(secret) for each in hook.came)
        assert not first.signed_with(secret_text(bytes(32)))
        assert first.headers["webhook-timestamp"] == str(int(NOON.timestamp()))
        assert first.headers["content-type"] == "application/cloudevents+json"
        assert first.path == "/hook?of=me"
        assert state(engine, number).position == 4
        assert [(each.status, each.attempt) for each in attempts(engine, number)] == [("delivered", 1)] * 3


def test_numbers_leave_with_all_their_digits(engine, clock):
    with hooked() as hook:
        registered(engine, hook.url)
        with engine.begin() as connection:
            event = '{"id": "1", "source": "/x", "type": "price.changed", "data": {"price": 12345678901234567.1200}}'
            connection.execute(
                text(
                    "INSERT INTO outbox (type, created_at, data) VALUES ('price.changed', :now, CAST(:event AS jsonb))"
                ),
                {"now": NOON, "event": event},
            )
        dispatcher(engine, clock).serve_due()
        assert b'"price":12345678901234567.1200' in hook.came[0].body


def test_a_webhook_is_told_only_what_it_asked_for_large_changes_among_it(engine, clock):
    with hooked() as hook, hooked() as other:
        registered(engine, hook.url, ("stock.large_change", "REORDER_ALERT"), locations=["S1"])
        all_, _ = registered(engine, other.url, number=2, items=["SKU-2"])
        tell(engine, 1, type_="inventory.updated")
        tell(engine, 2, type_="stock.large_change")
        tell(engine, 3, type_="stock.large_change", location="S2")
        tell(engine, 4, type_="reorder.triggered")
        tell(engine, 5, item="SKU-2")
        dispatcher(engine, clock).serve_due()
        assert hook.numbers == [2, 4]
        assert other.numbers == [5]
        assert {state(engine, each).position for each in (all_, webhooks.new_id(bytes([1]) * 8))} == {5}


def test_a_failed_delivery_is_tried_again_later_under_the_same_id_and_nothing_overtakes_it(engine, clock):
    with hooked() as hook:
        hook.answers.extend([200, 500, 503])
        number, secret = registered(engine, hook.url)
        tell(engine, 1, 2, 3)
        sender = dispatcher(engine, clock)
        sender.serve_due()
        assert hook.numbers == [1, 2]
        wait = state(engine, number).next_attempt_at - clock.now
        assert timedelta(seconds=9) <= wait <= timedelta(seconds=11)
        sender.serve_due()
        assert hook.numbers == [1, 2]
        clock.forward(11)
        sender.serve_due()
        assert hook.numbers == [1, 2, 2]
        clock.forward(111)
        sender.serve_due()
        assert hook.numbers == [1, 2, 2, 2, 3]
        assert len({each.id for each in hook.came}) == 3
        assert all(each.signed_with(secret) for each in hook.came)
        assert hook.came[3].headers["webhook-timestamp"] > hook.came[1].headers["webhook-timestamp"]
        told = [(each.attempt, each.status, each.response_status) for each in attempts(engine, number)]
        assert told == [
            (1, "delivered", 200), (1, "failed", 500), (2, "failed", 503), (3, "delivered", 200), (1, "delivered", 200),
        ]  # fmt: skip


def test_a_receiver_that_says_when_to_come_again_is_heard(engine, clock):
    with hooked() as hook:
        hook.answers.append(503)
        hook.headers["Retry-After"] = "3600"
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, clock).serve_due()
        assert state(engine, number).next_attempt_at == NOON + timedelta(hours=1)


def test_a_receiver_that_says_it_so_that_nobody_understands_is_tried_again_as_any_other(engine, clock):
    with hooked() as hook:
        hook.answers.append(503)
        hook.headers["Retry-After"] = "Mon, 1 Jan 99999999999 00:00:00 GMT"
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, clock).serve_due()
        waits = timedelta(seconds=LOOPBACK.retry_seconds[0])
        found = state(engine, number)
        assert found.failures == 1
        assert (1 - JITTER) * waits <= found.next_attempt_at - NOON <= (1 + JITTER) * waits


@pytest.mark.parametrize("name", ["hooks..example.com", f"{'a' * 64}.example.com"])
def test_a_name_that_no_resolver_takes_is_a_failed_delivery(engine, clock, name):
    number, _ = registered(engine, f"https://{name}/")
    tell(engine, 1)
    dispatcher(engine, clock).serve_due()
    ((status, failed),) = [(each.status, each.error) for each in attempts(engine, number)]
    assert status == "failed"
    assert f"{name} has no address" in failed
    assert state(engine, number).failures == 1


def test_after_repeated_failure_it_is_disabled_and_goes_on_where_it_stopped_when_resumed(engine, clock):
    with hooked() as hook:
        hook.answers.extend([500] * 3)
        number, _ = registered(engine, hook.url)
        tell(engine, 1, 2)
        sender = dispatcher(engine, clock)
        for _ in range(6):
            sender.serve_due()
            clock.forward(200)
        found = state(engine, number)
        assert found.status == "disabled"
        assert found.status_reason == "3 attempts failed; the last one: answered 500"
        assert hook.numbers == [1, 1, 1]
        with engine.begin() as connection:
            assert webhooks.resume(connection, number, ACT).status == "active"
        sender.serve_due()
        assert hook.numbers == [1, 1, 1, 1, 2]


def test_a_person_can_leave_out_the_event_it_stopped_at(engine, clock):
    with hooked() as hook:
        hook.answers.append(410)
        number, _ = registered(engine, hook.url)
        tell(engine, 1, 2)
        dispatcher(engine, clock).serve_due()
        assert state(engine, number).status == "disabled"
        assert "410" in state(engine, number).status_reason
        with engine.begin() as connection:
            webhooks.resume(connection, number, ACT, skip=True)
        dispatcher(engine, clock).serve_due()
        assert hook.numbers == [1, 2]


def test_a_paused_webhook_waits_and_a_pause_while_it_is_served_counts_from_the_next_event(engine, clock):
    def pause() -> None:
        with engine.begin() as connection:
            webhooks.pause(connection, number, ACT)

    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        hook.answers.append(pause)
        tell(engine, 1, 2)
        sender = dispatcher(engine, clock)
        sender.serve_due()
        assert hook.numbers == [1]
        with engine.begin() as connection:
            webhooks.resume(connection, number, ACT)
        sender.serve_due()
        assert hook.numbers == [1, 2]


def test_a_delivery_can_be_sent_again_under_the_same_id_even_when_paused(engine, clock):
    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        tell(engine, 1, 2)
        sender = dispatcher(engine, clock)
        sender.serve_due()
        first = attempts(engine, number)[0]
        with engine.begin() as connection:
            webhooks.pause(connection, number, ACT)
            asked = deliveries.redeliver(connection, first.id, ACT)
        assert asked.status == "waiting"
        sender.serve_due()
        assert hook.numbers == [1, 2, 1]
        assert hook.came[2].id == hook.came[0].id
        last = attempts(engine, number)[-1]
        assert (last.cause, last.attempt, last.status) == ("redelivery", 2, "delivered")
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM outbox"))
            with pytest.raises(deliveries.EventGoneError):
                deliveries.redeliver(connection, first.id, ACT)
            with pytest.raises(webhooks.WebhookUnknownError):
                deliveries.redeliver(connection, 10**6, ACT)


def test_while_a_secret_is_rotated_both_sign(engine, clock):
    with hooked() as hook:
        number, old = registered(engine, hook.url, secret="webhook-secret")
        with engine.begin() as connection:
            new = webhooks.rotate(connection, number, ACT, timedelta(hours=1), bytes)
        tell(engine, 1)
        dispatcher(engine, clock).serve_due()
        clock.forward(3601)
        tell(engine, 2)
        dispatcher(engine, clock).serve_due()
        during, after = hook.came
        assert (during.signed_with(old), during.signed_with(new)) == (True, True)
        assert (after.signed_with(old), after.signed_with(new)) == (False, True)
        with engine.connect() as connection:
            assert "whsec_" not in repr(webhooks.list_webhooks(connection))


def test_two_dispatchers_share_the_webhooks_and_send_nothing_twice(engine, clock):
    with hooked() as hook, hooked() as other:
        registered(engine, hook.url)
        registered(engine, other.url, number=2)
        tell(engine, *range(30))
        senders = [dispatcher(engine, clock, name=name) for name in ("one", "two")]
        threads = [threading.Thread(target=sender.serve_due) for sender in senders]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        for sender in senders:
            sender.serve_due()
        assert hook.numbers == other.numbers == list(range(30))


def test_who_lost_its_lease_writes_nothing_and_the_other_one_delivers(engine, clock):
    def steal() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE webhooks SET leased_by = 'two'"))

    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        hook.answers.append(steal)
        tell(engine, 1, 2)
        dispatcher(engine, clock).serve_due()
        assert (hook.numbers, state(engine, number).position, attempts(engine, number)) == ([1], 0, [])
        clock.forward(LOOPBACK.lease_seconds + 1)
        dispatcher(engine, clock, name="three").serve_due()
        assert hook.numbers == [1, 1, 2]


def test_a_dispatcher_killed_between_answer_and_record_delivers_again_under_the_same_id(engine, url, clock):
    program = """
import sys
from inventory_assets.live.database.opening import open_engine
from inventory_assets.settings import DatabaseSettings
from inventory_assets_tests.live.hooked import Clock, dispatcher
dispatcher(open_engine(sys.argv[1], DatabaseSettings()), Clock(), name="killed").serve_due()
"""
    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        tell(engine, 1, 2)
        process = subprocess.Popen([sys.executable, "-c", program, url])

        def kill() -> None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

        hook.answers.extend([200, kill])
        assert process.wait(timeout=60) == -signal.SIGKILL
        assert hook.numbers == [1, 2]
        assert state(engine, number).position == 1
        sender = dispatcher(engine, clock)
        sender.serve_due()
        assert hook.numbers == [1, 2]
        clock.forward(LOOPBACK.lease_seconds + 1)
        sender.serve_due()
        assert hook.numbers == [1, 2, 2]
        assert hook.came[2].id == hook.came[1].id
        assert hook.came[2].body == hook.came[1].body


def test_the_service_is_woken_by_a_notice_and_stops_in_order(engine, url):
    clock = Clock()
    with hooked() as hook:
        registered(engine, hook.url)
        sender = dispatcher(engine, clock)
        thread = threading.Thread(target=sender.run, args=(url,))
        thread.start()
        try:
            tell(engine, 1)
            until(lambda: hook.numbers == [1])
            tell(engine, 2, 3)
            until(lambda: hook.numbers == [1, 2, 3], seconds=10)  # far less than the 30 s between two looks
        finally:
            sender.stop()
            tell(engine, 4)  # wakes it from its wait
            thread.join(timeout=35)
        assert not thread.is_alive()


def test_after_a_restore_that_took_the_outbox_back_new_events_are_told(engine, clock):
    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        with engine.begin() as connection:
            reading.advance(connection, webhooks.consumer_of(number), 1_000, clock.now)
        sender = dispatcher(engine, clock)
        sender.serve_due()
        assert state(engine, number).position == 0
        tell(engine, 1)
        sender.serve_due()
        assert hook.numbers == [1]


def test_removed_webhooks_hold_nothing_back_and_their_log_stays_for_a_while(engine, clock):
    with hooked() as hook:
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, clock).serve_due()
        with engine.begin() as connection:
            assert reading.least_position(connection) == 1
            webhooks.remove(connection, number, ACT)
            assert reading.least_position(connection) is None
            with pytest.raises(webhooks.WebhookUnknownError):
                webhooks.pause(connection, number, ACT)
        assert len(attempts(engine, number)) == 1
        with engine.begin() as connection:
            assert deliveries.forget_deliveries(connection, NOON + timedelta(days=1)) == 1


def test_registrations_that_cannot_work_are_refused(engine):
    for types in ((), ("no.such.type",), tuple(f"t{n}" for n in range(101))):
        with pytest.raises(webhooks.WebhookRefusedError):
            registered(engine, "http://127.0.0.1/", types)
    with pytest.raises(TargetRefusedError, match="PLAIN_HTTP"):
        registered(engine, "http://127.0.0.1/", policy=TargetPolicy())
    with pytest.raises(webhooks.WebhookRefusedError, match="locations"):
        registered(engine, "http://127.0.0.1/", locations=[])


def test_the_command_registers_tests_pauses_shows_redelivers_and_removes(engine, url, monkeypatch):
    for name, value in {
        "DATABASE_URL": url, "WEBHOOKS__PLAIN_HTTP": "true", "WEBHOOKS__NETWORKS": '["127.0.0.0/8"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"INVENTORY_{name}", value)

    def said(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["webhook", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    def told(*arguments: str):
        return json.loads(said(*arguments, "--json"))

    with hooked() as hook:
        assert "no webhooks" in said("list")
        made = told("add", hook.url, "--event", "stock.low", "--description", "to the team")
        number = made["id"]
        assert said("test", number).startswith("delivered")
        assert hook.came[0].signed_with(made["secret"])
        hook.answers.append(500)
        assert "answered 500" in said("test", number, code=1)
        assert told("pause", number)["status"] == "paused"
        assert told("resume", number)["status"] == "active"
        tell(engine, 7, type_="stock.low")
        dispatcher(engine, Clock()).serve_due()
        delivery = next(each for each in told("log", number) if each["cause"] == "event")
        asked = told("redeliver", str(delivery["id"]))
        assert (asked["message_id"], asked["status"]) == (delivery["message_id"], "waiting")
        dispatcher(engine, Clock()).serve_due()
        assert len(hook.came) == 4
        again = told("rotate", number, "--key", "r-1")["secret"]
        assert again != made["secret"]
        assert told("rotate", number, "--key", "r-1")["secret"] == again
        said("resume", number, "--skip", "--key", "r-1", code=2)
        assert again not in said("list")
        assert said("remove", number)
        assert "no webhooks" in said("list")
        said("pause", number, code=2)
        said("add", "https://user@example.com/", code=2)
        said("add", hook.url, "--event", "nonsense", code=2)


def test_every_change_is_audited_also_one_nobody_made(engine, connection, clock):
    def acts() -> list[tuple]:
        return connection.execute("SELECT actor, action, reason FROM audit_log ORDER BY id").fetchall()

    with hooked() as hook:
        hook.answers.append(410)
        number, _ = registered(engine, hook.url)
        tell(engine, 1)
        dispatcher(engine, clock).serve_due()
        assert acts() == [
            ("test", "webhook.registered", "to see"),
            ("dispatcher", "webhook.disabled", state(engine, number).status_reason),
        ]
        with engine.begin() as changing:
            webhooks.resume(changing, number, ACT, skip=True)
            with pytest.raises(webhooks.WebhookUnknownError):
                webhooks.pause(changing, "nobody", ACT)
        assert acts()[2:] == [("test", "webhook.resumed", "to see")]
        with engine.connect() as undone:
            webhooks.remove(undone, number, ACT)
            undone.rollback()
        assert (len(acts()), state(engine, number).status) == (3, "active")
        assert broken_rows(connection) == []
