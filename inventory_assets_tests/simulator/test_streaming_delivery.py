"""Whatever the receiver does, nothing is lost, nothing is doubled, and nothing overtakes."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import date, timedelta
from itertools import islice

import pytest

from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.happenings import StreamEvent
from inventory_assets.simulator.stream import day_events
from inventory_assets.simulator.streaming import EventStreamer, HttpSink, Replay, StreamConfig, StreamerError
from inventory_assets.simulator.streaming.config import RealtimeConfig
from inventory_assets.simulator.streaming.dead_letters import DeadLetters, read_dead_letters
from inventory_assets.simulator.streaming.http_sink import read_answer
from inventory_assets.simulator.streaming.sinks import (
    BatchFailedError,
    BatchRefusedError,
    SinkAwayError,
    SinkUnusableError,
)
from inventory_assets_tests.simulator.receiver import Receiver, receiving

DAY = date(2025, 3, 7)
EVENTS = list(islice(day_events(HistoryConfig(start=DAY, days=1, stores=1, items=10), DAY), 60))
QUICK = {
    "emit_interval_ms": 10, "burst": 10, "max_batch_size": 10, "batch_timeout_ms": 50, "first_backoff_ms": 10,
    "longest_backoff_ms": 40, "breaker_reset_ms": 60, "request_timeout_ms": 400, "stop_timeout_ms": 2_000,
}  # fmt: skip


def config(**options: object) -> StreamConfig:
    return StreamConfig(realtime=RealtimeConfig(**{**QUICK, **options}))


def streamed(receiver: Receiver, events: list[StreamEvent] = EVENTS, letters: DeadLetters | None = None, **options):
    """Stream events into a receiver; the streamer and its statistics."""
    streamer = EventStreamer(
        config(**options), Replay(iter(events)), HttpSink(receiver.url, timeout_seconds=0.4), dead_letters=letters
    )
    return streamer, asyncio.run(streamer.run())


def ids(events) -> list[str]:
    return [event.id for event in events]


@pytest.mark.parametrize(
    "plan",
    [
        ["ok"],
        ["away", "busy", "ok", "away"],
        ["drop", "hang up", "drop", "ok", "drop"],
        ["slow", "ok"],
        ["broken", "broken", "ok"],
        ["unreadable", "unreadable"],
        ["half", "half", "ok", "half"],
        ["large"],
        ["away"] * 12 + ["hang up"] * 3,
    ],
    ids=lambda plan: f"{plan[0]} x{len(plan)}",
)
def test_every_event_is_stored_once_and_in_order_whatever_the_receiver_does(plan):
    with receiving() as receiver:
        receiver.plan.extend(plan)
        streamer, figures = streamed(receiver)
        assert not receiver.plan
        assert sorted(key[1] for key in receiver.stored) == sorted(ids(EVENTS))
        if "half" not in plan:
            assert [key[1] for key in receiver.stored] == ids(EVENTS)
        assert figures["events_sent_successfully"] == figures["events_generated"] == len(EVENTS)
        assert figures["events_failed"] == streamer.dead_letters.count == 0
        again = sum(count - 1 for count in receiver.offers.values())
        assert figures["events_repeated"] <= again


def test_a_receiver_that_says_when_to_come_again_is_left_alone_until_then():
    with receiving() as receiver:
        receiver.plan.extend(["away"])
        receiver.retry_after = "1"
        streamed(receiver, EVENTS[:5])
        first, second = (at for at, _, _ in receiver.requests)
        assert second - first >= 1


def test_a_receiver_is_left_alone_for_five_minutes_at_most():
    async def sent(url: str) -> None:
        sink = HttpSink(url)
        await sink.open()
        try:
            await sink.send(EVENTS[:1])
        finally:
            await sink.close()

    with receiving() as receiver:
        receiver.plan.extend(["away"])
        receiver.retry_after = "999999"
        with pytest.raises(SinkAwayError) as raised:
            asyncio.run(sent(receiver.url))
        assert raised.value.retry_after == 300


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (202, b"<html>", BatchFailedError),
        (202, b"{}", BatchFailedError),
        (202, b'{"results": [{"status": "accepted"}]}', BatchFailedError),
        (202, b'{"results": [{"status": "accepted"}, {"status": "odd"}]}', BatchFailedError),
        (202, b'{"results": [{"status": "accepted", "eventId": "b"}, {"status": "accepted"}]}', BatchFailedError),
        (500, b'{"results": [{"status": "accepted"}, {"status": "accepted"}]}', BatchFailedError),
        (503, b"", SinkAwayError),
        (401, b"", SinkUnusableError),
        (422, b"", BatchRefusedError),
    ],
)
def test_what_the_receiver_did_not_say_about_an_event_is_not_believed(status, body, raised):
    with pytest.raises(raised):
        read_answer(status, body, ["a", "b"], None, "receiver")


def test_results_of_a_batch_that_was_refused_in_part_are_read_one_by_one():
    results = [{"httpStatus": 202, "status": "duplicate", "eventId": "a"}, {"httpStatus": 422, "status": 422}]
    verdicts = read_answer(207, json.dumps({"results": results}).encode(), ["a", "b"], None, "receiver")
    assert [each.status for each in verdicts] == ["repeated", "refused"]


def test_after_five_failures_the_receiver_is_left_in_peace_and_then_asked_once():
    with receiving() as receiver:
        receiver.plan.extend(["hang up"] * 6)
        _, figures = streamed(receiver, EVENTS[:10], first_backoff_ms=1, longest_backoff_ms=1, breaker_reset_ms=300)
        times = [at for at, _, _ in receiver.requests]
        assert len(times) == 7
        assert figures["circuit_breaker_opened"] == 2
        assert times[5] - times[4] >= 0.28
        assert times[6] - times[5] >= 0.28
        assert figures["circuit_breaker_state"] == "closed"


def test_poison_and_refused_events_become_dead_letters_and_the_others_arrive(tmp_path):
    with receiving() as receiver:
        receiver.poison = {EVENTS[13].id}
        receiver.refused = {EVENTS[31].id, EVENTS[32].id}
        letters = DeadLetters(tmp_path / "letters" / "dead.jsonl")
        _, figures = streamed(receiver, letters=letters, retry_attempts=1, circuit_breaker_enabled=False)
        dead = {EVENTS[number].id for number in (13, 31, 32)}
        assert {key[1] for key in receiver.stored} == set(ids(EVENTS)) - dead
        assert figures["events_failed"] == 3
        assert {letter.event.id for letter in letters.newest} == dead
        assert "422" in next(letter.reason for letter in letters.newest if letter.event.id == EVENTS[31].id)

        receiver.poison, receiver.refused = set(), set()
        again = list(read_dead_letters(tmp_path / "letters" / "dead.jsonl"))
        assert {event.id for event in again} == dead
        streamed(receiver, again)
        stored = {key[1]: data for key, data in receiver.stored.items()}
        assert stored == {event.id: json.loads(json.dumps(event.payload)) for event in EVENTS}


def test_an_event_that_clashes_with_another_one_is_a_dead_letter():
    with receiving() as receiver:
        streamed(receiver, EVENTS[:4])
        receiver.clashes = {EVENTS[2].id}
        streamer, figures = streamed(receiver, EVENTS[:4])
        assert figures["events_repeated"] == 3
        assert [letter.event.id for letter in streamer.dead_letters.newest] == [EVENTS[2].id]


@pytest.mark.parametrize("act", ["denied", "redirect"])
def test_a_receiver_that_wants_nothing_from_us_ends_the_stream_and_what_was_made_is_kept(act):
    with receiving() as receiver:
        receiver.plan.extend(["ok", act])
        streamer = EventStreamer(config(), Replay(iter(EVENTS)), HttpSink(receiver.url))
        with pytest.raises(StreamerError, match=r"401|307"):
            asyncio.run(streamer.run())
        taken = {key[1] for key in receiver.stored}
        kept = {letter.event.id for letter in streamer.dead_letters.newest}
        made = sum(asyncio.run(streamer.get_statistics())["events_by_type"].values())
        assert len(taken) + len(kept) == made
        assert not taken & kept
        assert taken | kept == set(ids(EVENTS[:made]))


def test_a_stop_while_the_receiver_is_away_keeps_every_event_made(tmp_path):
    letters = DeadLetters(tmp_path / "dead.jsonl")

    async def session() -> EventStreamer:
        sink = HttpSink("http://127.0.0.1:9")  # nobody listens there
        streamer = EventStreamer(config(stop_timeout_ms=100), Replay(iter(EVENTS)), sink, dead_letters=letters)
        began = time.monotonic()
        async with streamer.streaming_session():
            await asyncio.sleep(0.2)
            health = await streamer.get_health_status()
            assert not health["overall_healthy"]
            assert not health["components"]["sink"]["healthy"]
        assert time.monotonic() - began < 2
        return streamer

    streamer = asyncio.run(session())
    figures = asyncio.run(streamer.get_statistics())
    assert figures["connection_failures"] >= 1
    kept = ids(read_dead_letters(tmp_path / "dead.jsonl"))
    assert kept == ids(EVENTS[: len(kept)])
    assert figures["events_generated"] == len(kept) == figures["events_failed"] > 0


def test_the_buffer_stays_within_its_bound_and_an_outage_loses_nothing():
    with receiving() as receiver:
        receiver.plan.extend(["away"] * 6)
        receiver.retry_after = "0"
        _, figures = streamed(receiver, max_buffer_size=15, circuit_breaker_enabled=False)
        assert figures["most_buffered"] <= 15
        assert [key[1] for key in receiver.stored] == ids(EVENTS)


def test_hooks_are_told_and_a_hook_that_fails_stops_nothing():
    seen, sent, told = [], [], []
    with receiving() as receiver:
        receiver.plan.extend(["away"])
        streamer = EventStreamer(config(), Replay(iter(EVENTS)), HttpSink(receiver.url))
        streamer.add_event_generated_hook(lambda event: seen.append(event.event_type))
        streamer.add_event_generated_hook(lambda event: 1 / 0 if event is EVENTS[3] else None)
        streamer.add_batch_sent_hook(sent.extend)
        streamer.add_error_hook(lambda error, context: told.append((type(error).__name__, context)))
        asyncio.run(streamer.run())
        assert seen == [event.event_type for event in EVENTS]
        assert sent == EVENTS
        assert {name for name, _ in told} == {"SinkAwayError", "ZeroDivisionError"}
        assert len(receiver.stored) == len(EVENTS)


def test_a_session_makes_the_events_of_its_duration_and_no_more():
    with receiving() as receiver:

        async def session() -> dict:
            streamer = EventStreamer(config(burst=3), Replay(iter(EVENTS)), HttpSink(receiver.url))
            async with streamer.streaming_session(timedelta(milliseconds=100)):
                pass
            return await streamer.get_statistics()

        assert asyncio.run(session())["events_generated"] == 30
        assert len(receiver.stored) == 30
