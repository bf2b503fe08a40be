"""Replays over HTTP, from the wish to what came of it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import create_engine, event

from inventory_assets.live import replays
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.replays import LEASE, MOST_ATTEMPTS, ReplayEndedError
from inventory_assets.operate import replaying
from inventory_assets.settings import Settings
from inventory_assets_tests.api.calling import NOW, Calls, until
from inventory_assets_tests.live.processing import counted

REPLAYS = "/api/v1/replays"
ASKED = {"reason": "the queue was emptied by hand", "actor": "ann"}


@pytest.fixture
def emptied(calls: Calls) -> Calls:
    """The service on a log whose three events left the queue unapplied."""
    append(calls.engine, [entry_of(counted(item, "S", 9)) for item in "ABC"])
    calls.sql("DELETE FROM event_queue")
    return calls


def test_a_replay_is_asked_for_and_carried_out_by_a_worker(emptied: Calls, installed):
    wish = ASKED | {"items": ["a"], "types": ["stock.counted"], "since": "2020-01-01T00:00:00Z", "after": 0}
    asked = emptied.post(wish | {"dryRun": True}, REPLAYS)
    assert (asked.status_code, asked.headers["location"], asked.json()["status"]) == (202, f"{REPLAYS}/1", "waiting")
    other = emptied.post(ASKED, REPLAYS)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/replay_open")
    assert "replay 1" in other.json()["detail"]
    assert replaying.look(installed, emptied.engine, "w") is not None
    shown = emptied.get(f"{REPLAYS}/1").json()
    assert (shown["status"], shown["position"], shown["upto"], shown["error"]) == ("done", 3, 3, None)
    assert shown["result"] == {
        "lost": 0, "appended": 0, "unapplied": 1, "requeued": 0, "applied": 0, "waiting": 0, "dead": 0, "setBack": 0,
    }  # fmt: skip
    later = emptied.post(ASKED, REPLAYS).json()["id"]
    replaying.look(installed, emptied.engine, "w")
    assert [each["result"]["requeued"] for each in emptied.get(REPLAYS).json()["replays"]] == [3, 0]
    assert emptied.sql("SELECT count(*) FROM event_queue") == [(3,)]
    assert replaying.look(installed, emptied.engine, "w") is None
    first, second = emptied.sql("SELECT action, subject, actor, reason, detail FROM audit_log ORDER BY id")
    assert first[:4] == ("replay.requested", "replay 1", "ann over HTTP", ASKED["reason"])
    assert first[4] == {
        "after": 0, "dry_run": True, "items": ["A"], "since": "2020-01-01T00:00:00+00:00", "types": ["stock.counted"],
    }  # fmt: skip
    assert second[1] == f"replay {later}"


def test_the_same_request_under_one_key_is_one_replay_also_after_a_thread_has_done_it(emptied: Calls, installed):
    one, again = (emptied.post(ASKED, REPLAYS, idempotency_key="k-1") for _ in range(2))
    assert one.json() == again.json()
    other = emptied.post(ASKED | {"dryRun": True}, REPLAYS, idempotency_key="k-1")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/key_taken")
    with replaying.replaying(installed, emptied.engine, "w"):
        until(lambda: emptied.get(f"{REPLAYS}/1").json()["status"] == "done")
    assert emptied.post(ASKED, REPLAYS, idempotency_key="k-1").json()["status"] == "done"
    assert emptied.sql("SELECT count(*) FROM audit_log") == [(1,)]


def test_a_replay_is_cancelled_before_and_while_it_is_carried_out(emptied: Calls, installed):
    emptied.post(ASKED, REPLAYS)
    assert emptied.post({"reason": "no"}, f"{REPLAYS}/1/cancel").json()["status"] == "cancelled"
    assert replaying.look(installed, emptied.engine, "w") is None
    assert emptied.post({"reason": "no"}, f"{REPLAYS}/1/cancel").status_code == 409
    assert emptied.post({"reason": "no"}, f"{REPLAYS}/9/cancel").status_code == 404
    emptied.post(ASKED, REPLAYS)

    def meanwhile() -> bool:
        emptied.post({"reason": "too slow"}, f"{REPLAYS}/2/cancel")
        return False

    replaying.look(installed, emptied.engine, "w", meanwhile)
    assert emptied.get(f"{REPLAYS}/2").json()["status"] == "cancelled"
    assert emptied.sql("SELECT count(*) FROM event_queue") == [(0,)]


def test_a_worker_that_stops_hands_it_back_and_one_that_was_killed_is_replaced(emptied: Calls, installed, url: str):
    emptied.post(ASKED, REPLAYS)
    replaying.look(installed, emptied.engine, "w", lambda: True)
    assert (emptied.get(f"{REPLAYS}/1").json()["status"], emptied.get(f"{REPLAYS}/1").json()["attempts"]) == (
        "waiting", 0,
    )  # fmt: skip
    with psycopg.connect(url, autocommit=True) as connection:
        now = NOW
        for attempt in range(MOST_ATTEMPTS):
            assert replays.take(connection, f"killed-{attempt}", now) is not None
            assert replays.take(connection, "other", now + LEASE) is None
            now += LEASE + timedelta(seconds=1)
        with pytest.raises(ReplayEndedError):
            replays.note(connection, 1, "killed-0", now, 1, 3)
        assert not replays.finish(connection, 1, "killed-0", now, {}, None)
        assert replays.take(connection, "last", now) is None
        failed = replays.get(connection, 1)
    assert (failed.status, failed.attempts) == ("failed", MOST_ATTEMPTS)
    assert "given up after" in str(failed.error)


def test_a_request_that_cannot_be_read_says_what_is_wrong(calls: Calls):
    for body in (
        {}, {"reason": "x", "since": "yesterday"}, {"reason": "x", "after": -1}, {"reason": "x", "types": []},
        {"reason": "x", "customer": "y"},
    ):  # fmt: skip
        answer = calls.post(body, REPLAYS)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/parameter_invalid"), body
    assert calls.get(f"{REPLAYS}/0").status_code == 422
    assert calls.sql("SELECT count(*) FROM replays") == [(0,)]


def test_a_database_that_is_away_is_told_of_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(replaying, "LOOK_SECONDS", 0.05)
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    asked = []
    event.listen(away, "do_connect", lambda *_: asked.append(1))
    with replaying.replaying(Settings(data_dir=tmp_path), away, "w"):
        until(lambda: len(asked) > 3)
    assert [each.getMessage().partition(":")[0] for each in caplog.records] == ["replays wait for the database"]
