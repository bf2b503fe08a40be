"""The endless flow is valid, deterministic, correlated, and follows the hours; its files are read by the batch side."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.events.catalogue import RETAIL_TYPES
from inventory_assets.contracts.events.reading import Event, read_request
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.ingest.landing import list_landing
from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.streaming import (
    EventFactory,
    EventStreamer,
    EventType,
    LandingSink,
    Replay,
    StreamConfig,
    StreamConfigError,
    StreamEvent,
)
from inventory_assets.simulator.streaming.landing_sink import SOURCE_SYSTEM, rows
from inventory_assets.simulator.streaming.patterns import activity
from inventory_assets.stock.books import Books
from inventory_assets_tests.simulator.receiver import receiving

START = datetime(2026, 3, 4, 16, tzinfo=UTC)
CONFIG = HistoryConfig(start=START.date(), days=1, stores=3, items=20)
RATE, SECONDS = 1 / 3, 7 * 3600


def flow(seconds: int = SECONDS, start: datetime = START, **options) -> list[StreamEvent]:
    factory = EventFactory(CONFIG, start, rate=RATE, **options)
    taken = []
    for second in range(0, seconds, 60):
        taken += factory.take(round(60 * RATE), start + timedelta(seconds=second))
    return taken


@pytest.fixture(scope="module")
def half_a_day() -> list[StreamEvent]:
    return flow()


@pytest.fixture(scope="module")
def read(half_a_day) -> list[Event]:
    headers = {"content-type": "application/cloudevents-batch+json"}
    found = []
    for first in range(0, len(half_a_day), 1000):
        body = json.dumps([event.cloud_event() for event in half_a_day[first : first + 1000]]).encode()
        found += read_request(headers, body, START + timedelta(days=1), lambda: "new").events
    return found


def test_every_event_is_taken_and_all_fifteen_types_occur(half_a_day, read):
    assert [type(event) for event in read] == [Event] * len(half_a_day)
    assert {event.envelope.type for event in read} == {*RETAIL_TYPES, "stock.opened"}
    assert set(EventType) == set(RETAIL_TYPES)
    assert not [event for event in read if event.payload.unknown_members]


def test_the_same_seed_and_start_give_the_same_events_and_another_start_others(half_a_day):
    assert flow(3600) == half_a_day[: len(flow(3600))]
    assert not {event.id for event in flow(600, START + timedelta(seconds=1))} & {event.id for event in half_a_day}


def test_ids_are_unique_times_never_fall_and_none_lies_ahead(half_a_day):
    assert len({event.id for event in half_a_day}) == len(half_a_day)
    times = [event.timestamp for event in half_a_day]
    assert times == sorted(times)
    factory = EventFactory(CONFIG, START)
    assert all(event.timestamp <= START for event in factory.take(500, START))


def test_receipts_lines_and_payments_belong_together(half_a_day):
    heads, lines, paid = {}, Counter(), {}
    for event in half_a_day:
        match event.event_type:
            case "receipt_created":
                heads[event.correlation_id] = event
            case "receipt_line_added":
                assert event.correlation_id in heads
                lines[event.correlation_id] += 1
            case "payment_processed":
                head = heads[event.correlation_id]
                assert event.payload["amount"] == head.payload["total"]
                assert event.timestamp >= head.timestamp
                paid[event.correlation_id] = event
            case "promotion_applied":
                assert event.correlation_id in heads
    heads.popitem()  # the last one may be cut off by the end
    assert {key: head.payload["item_count"] for key, head in heads.items()} == {key: lines[key] for key in heads}
    unpaid = set(heads) - set(paid)
    assert all(half_a_day[-1].timestamp - heads[key].timestamp < timedelta(minutes=2) for key in unpaid)


def test_the_shops_own_figures_are_those_of_the_rules_and_reorders_bring_trucks(read):
    books = Books.open({}, {}, lambda _pair, _count: 0)
    compared = Counter()
    for event in read:
        books.enter(event, START + timedelta(days=1))
        payload, type_ = event.payload, event.envelope.type
        if type_ in {"inventory_updated", "stockout_detected"}:
            quantity = getattr(payload, "quantity", 0)
            assert books.accounts[payload.product_sku, payload.location_id].on_hand == quantity
        compared[type_] += 1
    assert compared["inventory_updated"] > 20
    assert compared["truck_arrived"] > 5
    assert compared["stockout_detected"] > 0
    assert all(account.stock.book >= 0 for account in books.accounts.values())


def test_shops_are_busy_by_hour_weekday_and_holiday():
    def busy(month: int, day: int, hour: int, year: int = 2025, kind: str = "store") -> float:
        return activity(datetime(year, month, day, hour, tzinfo=UTC), kind)

    assert busy(3, 5, 18) > busy(3, 5, 9) > busy(3, 5, 3) == 0
    assert busy(3, 5, 3, kind="online") > 0
    assert busy(3, 8, 12) > busy(3, 4, 12)
    assert busy(12, 25, 12) < busy(12, 18, 12)
    assert busy(12, 23, 12) > busy(12, 16, 12)


def test_customers_come_only_where_the_shop_is_open(half_a_day):
    from zoneinfo import ZoneInfo

    from inventory_assets.simulator.world import STORE_ZONES

    for event in half_a_day:
        if event.event_type == "customer_entered":
            zone = STORE_ZONES[int(event.partition_key[1:]) - 1]
            local = event.timestamp.astimezone(ZoneInfo(zone))
            assert 8 * 60 + 30 <= local.hour * 60 + local.minute < 22 * 60 + 35, (event.partition_key, local)


def test_single_and_weighted_events_are_of_the_types_asked_for():
    factory = EventFactory(CONFIG, START)
    for kind in EventType:
        event = factory.generate_event(kind, START)
        assert (event.event_type, event.timestamp) == (kind, START)
    weights = {EventType.RECEIPT_CREATED: 0.3, EventType.CUSTOMER_ENTERED: 0.4, EventType.INVENTORY_UPDATED: 0.3}
    mixed = Counter(event.event_type for event in factory.generate_mixed_events(1_000, START, weights))
    assert set(mixed) == set(weights)
    assert 330 < mixed["customer_entered"] < 470
    with pytest.raises(ValueError, match="weights"):
        factory.generate_mixed_events(1, START, {})
    busy = sum(factory.should_generate_event(EventType.RECEIPT_CREATED, START) for _ in range(300))
    quiet = sum(
        factory.should_generate_event(EventType.RECEIPT_CREATED, START.replace(hour=6, minute=30)) for _ in range(300)
    )
    assert busy > quiet


def test_the_configuration_of_004_is_read_and_a_wrong_key_is_named(tmp_path):
    file = tmp_path / "config.json"
    example = {
        "realtime": {
            "emit_interval_ms": 500, "burst": 100, "azure_connection_string": "Endpoint=sb://x", "max_batch_size": 256,
            "batch_timeout_ms": 1000, "retry_attempts": 3, "backoff_multiplier": 2.0, "circuit_breaker_enabled": True,
            "monitoring_interval": 30, "max_buffer_size": 10000, "enable_dead_letter_queue": True,
        },
        "stream": {"hub": "retail-events"},
        "volume": {"stores": 5},
    }  # fmt: skip
    file.write_text(json.dumps(example))
    config = StreamConfig.from_file(file)
    assert config.rate == 200
    assert "sb://" not in repr(config)
    assert config.at_rate(1_000).rate == pytest.approx(1_000)
    file.write_text(json.dumps({"realtime": {"burts": 1}}))
    with pytest.raises(StreamConfigError, match=r"realtime\.burts"):
        StreamConfig.from_file(file)
    file.write_text("[]")
    with pytest.raises(StreamConfigError, match="sections"):
        StreamConfig.from_file(file)


def test_the_landing_folder_holds_complete_files_of_known_feeds_and_a_repeated_batch_the_same_ones(
    half_a_day, tmp_path
):
    def deliver() -> dict[str, bytes]:
        options = StreamConfig().at_rate(1_000)
        sink = LandingSink(tmp_path / "landing")
        asyncio.run(EventStreamer(options, Replay(iter(half_a_day)), sink, paced=False).run())
        assert sink.left_out["customer_entered"] > 0
        found = [path for path in (tmp_path / "landing").rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in found}

    once = deliver()
    assert deliver() == once
    listing = list_landing(str(tmp_path / "landing"))
    assert not listing.unrecognised
    assert {file.feed for file in listing.files} == {"pos", "warehouse", "stock"}
    assert {file.source_system for file in listing.files} == {SOURCE_SYSTEM}
    lines = Counter()
    for path, content in once.items():
        feed = FEEDS[Path(path).relative_to(tmp_path / "landing").parts[0]]
        for line in content.splitlines():
            row = json.loads(line)
            assert set(row) <= set(feed.column_names)
            assert set(feed.required) <= set(row)
            lines[feed.name] += 1
    assert lines == Counter(feed for event in half_a_day for feed, _ in rows(event))


def test_the_command_sends_to_a_service_and_says_what_was_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    base = ["simulate", "stream", "--stores", "1", "--items", "5", "--start", "2026-03-04T12:00:00", "--rate", "0"]
    with receiving() as receiver:
        receiver.plan.extend(["away", "ok", "drop"])
        result = CliRunner().invoke(app, [*base, "--events", "600", "--to", receiver.url])
        assert result.exit_code == 0, result.output
        assert "600 events" in result.output
        assert len(receiver.stored) == 600

        receiver.stored.clear()
        receiver.refused = {"sim-7-20260304T120000000000-000000005"}
        result = CliRunner().invoke(app, [*base, "--events", "20", "--to", receiver.url])
        assert result.exit_code == 1
        letters = tmp_path / "stream" / "dead-letters.jsonl"
        assert str(letters) in result.output
        receiver.refused = set()
        result = CliRunner().invoke(app, ["simulate", "stream", "--resend", str(letters), "--to", receiver.url])
        assert result.exit_code == 0, result.output
        assert len(receiver.stored) == 20


@pytest.mark.parametrize("arguments", [["--to", "ftp://x", "--out", "y"], ["--duration", "soon"], ["--config", "none"]])
def test_the_command_refuses_what_it_does_not_understand(arguments):
    assert CliRunner().invoke(app, ["simulate", "stream", *arguments]).exit_code == 2


def test_an_interrupted_command_delivers_what_it_made_and_a_reader_may_leave(tmp_path):
    command = [sys.executable, "-m", "inventory_assets.cli", "simulate", "stream", "--stores", "1", "--items", "5"]
    with receiving() as receiver:
        process = subprocess.Popen(
            [*command, "--rate", "200", "--to", receiver.url],
            stderr=subprocess.PIPE, text=True, env={"INVENTORY_DATA_DIR": str(tmp_path), "PATH": ""},
        )  # fmt: skip
        for _ in range(600):
            if len(receiver.stored) > 100:
                break
            process.poll()
            assert process.returncode is None, process.stderr.read()
            import time

            time.sleep(0.05)
        process.terminate()
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0, said
        assert said.startswith(f"{len(receiver.stored):,} events in ")
    lines = subprocess.run(
        f"{' '.join(command)} --rate 0 | head -3", shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert len(lines.stdout.splitlines()) == 3
    assert not lines.stderr
