"""The simulated day is valid, deterministic, in order, and consistent with itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.contracts.events.catalogue import RETAIL_TYPES
from inventory_assets.contracts.events.reading import Event, read_request
from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.stream import stream_day
from inventory_assets.stock.books import Books

DAY = date(2025, 3, 7)
CONFIG = HistoryConfig(start=DAY, days=1, stores=3, items=30)
NOW = datetime(2025, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def day() -> list[dict]:
    return list(stream_day(CONFIG, DAY))


@pytest.fixture(scope="module")
def read(day: list[dict]) -> list[Event]:
    headers = {"content-type": "application/cloudevents-batch+json"}
    found = []
    for first in range(0, len(day), 1000):
        body = json.dumps(day[first : first + 1000]).encode()
        found += read_request(headers, body, NOW, lambda: "new").events
    return found


def test_every_event_is_taken_and_all_fifteen_types_occur(day, read):
    assert [type(event) for event in read] == [Event] * len(day)
    assert {event.envelope.type for event in read} == {*RETAIL_TYPES, "stock.opened"}
    assert not [event for event in read if event.payload.unknown_members]


def test_the_same_seed_gives_the_same_day_and_another_seed_another(day):
    assert list(stream_day(CONFIG, DAY)) == day
    other = list(stream_day(HistoryConfig(start=DAY, days=1, stores=3, items=30, seed=8), DAY))
    assert other != day


def test_ids_are_unique_and_times_rise(read):
    assert len({event.envelope.key for event in read}) == len(read)
    times = [event.envelope.time for event in read]
    assert times == sorted(times)


def test_receipts_lines_and_payments_belong_together(read):
    heads, lines, totals, paid = {}, Counter(), Counter(), {}
    for event in read:
        match event.envelope.type:
            case "receipt_created":
                heads[event.payload.receipt_id] = event.payload
            case "receipt_line_added":
                assert event.payload.receipt_id in heads
                lines[event.payload.receipt_id] += 1
                totals[event.payload.receipt_id] += event.payload.quantity * event.payload.unit_price
            case "payment_processed":
                paid[event.payload.receipt_id] = event.payload.amount
    assert heads
    assert {key: head.item_count for key, head in heads.items()} == lines
    assert {key: head.total for key, head in heads.items()} == dict(totals) == paid


def test_the_stores_own_figures_are_those_of_the_rules(read):
    books = Books.open({}, {}, lambda _pair, _count: 0)
    compared = 0
    for event in read:
        books.enter(event, NOW)
        payload = event.payload
        if event.envelope.type in {"inventory_updated", "stockout_detected"}:
            quantity = getattr(payload, "quantity", 0)
            assert books.accounts[payload.product_sku, payload.location_id].on_hand == quantity
            compared += 1
    assert compared > 20
    assert all(account.stock.book >= 0 for account in books.accounts.values())


def test_the_command_writes_lines_at_a_rate(tmp_path):
    target = tmp_path / "day.jsonl"
    base = ["simulate", "stream", "--day", "2025-03-07", "--stores", "1", "--items", "5"]
    began = time.monotonic()
    result = CliRunner().invoke(app, [*base, "--events", "21", "--rate", "50", "--out", str(target)])
    assert result.exit_code == 0, result.output
    assert time.monotonic() - began >= 20 / 50
    written = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert len(written) == 21
    shown = CliRunner().invoke(app, [*base, "--events", "21"])
    assert [json.loads(line) for line in shown.stdout.splitlines()] == written
