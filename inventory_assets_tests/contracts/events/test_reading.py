"""Every shape and mode comes to one envelope; what is wrong has a code and a place; nothing else happens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, fingerprint
from inventory_assets.contracts.events.problems import PROBLEMS, Problem
from inventory_assets.contracts.events.reading import Event, Limits
from inventory_assets_tests.contracts.events.requests import (
    BATCH,
    CLOUD_EVENT,
    JSON,
    NOW,
    SALE,
    STRUCTURED,
    cloud_event,
    event_of,
    problem_of,
    read,
)

AT = datetime(2024, 1, 15, 10, 30, 0, 123456, tzinfo=UTC)


def binary_headers(**more: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Ce-Specversion": "1.0",
        "ce-id": "e-1",
        "CE-Source": "/stores/1",
        "ce-type": "receipt_line_added",
        "ce-time": str(CLOUD_EVENT["time"]),
    }
    return headers | {f"ce-{name}": value for name, value in more.items()}


def test_the_three_modes_of_cloudevents_say_the_same():
    structured = event_of(CLOUD_EVENT, STRUCTURED)
    assert event_of(SALE, binary_headers()) == structured
    batch = read([CLOUD_EVENT, CLOUD_EVENT], BATCH)
    assert batch.batch
    assert batch.events == (structured, structured)
    assert structured.envelope.time == AT
    assert structured.envelope.received_at == NOW
    assert (structured.envelope.priority, structured.envelope.version) == (5, 1)


def test_binary_mode_decodes_headers_and_reads_extensions():
    sent = event_of(
        SALE,
        binary_headers(
            priority="8",
            schemaversion="1.0",
            subject=quote("PROD%2F1/Köln"),
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            partitionkey="store_1",
            correlationid="c-1",
            tenant="a%20b",
        ),
    ).envelope
    assert (sent.priority, sent.version, sent.partition_key, sent.correlation_id) == (8, 1, "store_1", "c-1")
    assert sent.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert sent.pair == ("PROD/1", "Köln")
    assert sent.extensions == {"tenant": "a b"}


def test_data_may_come_as_base64():
    data = base64.b64encode(json.dumps(SALE).encode()).decode()
    sent = {name: value for name, value in CLOUD_EVENT.items() if name != "data"} | {"data_base64": data}
    assert event_of(sent, STRUCTURED) == event_of(CLOUD_EVENT, STRUCTURED)
    assert problem_of({**sent, "data_base64": "!"}, STRUCTURED).code == "body_unreadable"
    assert problem_of({**sent, "data": {}}, STRUCTURED).code == "shape_unknown"


def test_the_shape_of_000_is_read_with_its_old_version_and_lifted():
    sent = {
        "eventType": "InventoryUpdate",
        "eventSource": "Power Apps",
        "eventData": {"ItemNumber": "a001", "Quantity": 150, "UpdateType": "Absolute", "location_id": "S1"},
        "timestamp": "2024-01-15T10:30:00Z",
        "priority": 9,
    }
    event = event_of(sent)
    assert (event.envelope.type, event.envelope.source, event.envelope.priority) == ("InventoryUpdate", "Power Apps", 9)
    assert event.envelope.version == 1
    assert event.envelope.data == sent["eventData"]
    assert (event.payload.product_sku, event.payload.quantity, event.payload.update_type) == ("A001", 150, "Absolute")


def test_a_transaction_of_000_brings_its_id_and_priority():
    sent = {
        "eventType": "TransactionCreate",
        "eventSource": "API",
        "eventData": {
            "TransactionID": "t-1",
            "Type": "Issue",
            "ItemNumber": "A001",
            "Quantity": 3,
            "FromLocation": "S1",
            "Priority": "High",
        },
    }
    event = event_of(sent)
    assert (event.envelope.type, event.envelope.id, event.envelope.priority) == ("Transaction", "t-1", 8)
    assert event.envelope.time == NOW
    assert [(line.product_sku, line.quantity) for line in event.payload.lines] == [("A001", 3)]
    assert event_of({**sent, "priority": 2}).envelope.priority == 2


def test_the_shape_of_003():
    data = {"product_sku": "A", "location_id": "S1", "quantity": -1, "reason": "breakage"}
    sent = {
        "id": "5a0c0f0e-7d3f-4a55-8e4b-0a3b51c3a111",
        "name": "StockAdjustment",
        "timestamp": "2024-01-15T10:30:00Z",
        "version": "1.0",
        "source": "wms",
        "payload": data,
    }
    event = event_of(sent)
    assert (event.envelope.id, event.envelope.source, event.envelope.version) == (sent["id"], "wms", 1)
    assert (event.payload.quantity, event.payload.reason_code) == (-1, "breakage")


def test_the_shape_of_004_finds_the_store_in_the_partition_key():
    line = {"receipt_id": "R1", "line_number": 1, "product_id": 77, "quantity": 2, "unit_price": 3.5}
    sent = {
        "event_type": "receipt_line_added",
        "payload": line,
        "trace_id": "TR_1704067200_00001",
        "ingest_timestamp": "2024-01-01T12:00:00.000Z",
        "schema_version": "1.0",
        "source": "retail-datagen",
        "correlation_id": None,
        "partition_key": "store_123",
    }
    event = event_of(sent)
    assert (event.payload.location_id, event.payload.product_sku) == ("123", "77")
    assert event.envelope.trace_id == "TR_1704067200_00001"
    assert event_of(sent).envelope.id == event.envelope.id
    assert event_of({**sent, "payload": {**line, "line_number": 2}}).envelope.id != event.envelope.id
    assert problem_of({**sent, "partition_key": None}).code == "location_missing"


def test_stores_and_distribution_centres_with_one_number_stay_apart():
    data = {"product_id": 1, "reason": "SALE", "quantity_delta": -1, "store_id": None, "dc_id": 5}
    assert event_of(cloud_event("inventory_updated", data)).payload.location_id == "dc_5"
    assert event_of(cloud_event("inventory_updated", {**data, "store_id": 5, "dc_id": None})).payload.location_id == "5"


def test_the_shape_of_001_is_an_assertion_of_another_system():
    sent = {
        "eventType": "inventory.updated",
        "version": "1.0",
        "timestamp": "2024-01-15T10:30:00Z",
        "source": "inventory-service",
        "data": {
            "productSku": "PROD-ABC123",
            "storeId": "STORE-001",
            "previousStock": 125,
            "newStock": 123,
            "changeReason": "sale",
            "transactionId": "TXN-2024-001234",
        },
    }
    event = event_of(sent)
    assert (event.payload.new_stock, event.payload.location_id) == (123, "STORE-001")
    assert event.envelope.id == "new-1"


def test_an_idempotency_key_stands_for_a_missing_id_only():
    keyed = {**JSON, "Idempotency-Key": "k"}
    sent = {"eventType": "custom", "eventSource": "API", "eventData": {}}
    assert event_of(sent, keyed).envelope.id == "k"
    assert [each.envelope.id for each in read([sent, sent], keyed).events] == ["k/0", "k/1"]
    assert event_of(CLOUD_EVENT, keyed).envelope.id == "e-1"
    assert event_of({**CLOUD_EVENT, "id": None}, keyed).envelope.id == "k"
    assert problem_of({**CLOUD_EVENT, "id": None}).errors[0].pointer == "/id"


def test_a_type_nobody_declared_is_taken_whatever_its_data():
    for data in ({"any": ["thing", 1.5]}, [1], "text", None):
        event = event_of(cloud_event("task.assigned", data))
        assert event.payload is None
        assert event.envelope.data == data


def test_members_nobody_declared_are_kept_and_named():
    event = event_of(cloud_event("receipt_line_added", {**SALE, "till": 3, "colour": "red"}))
    assert event.payload.unknown_members == ("colour", "till")
    assert event.envelope.data["till"] == 3


def test_one_bad_event_of_a_batch_fails_alone():
    bad = cloud_event("receipt_line_added", {**SALE, "quantity": "2"}, id="e-2")
    first, second, third, fourth = read([CLOUD_EVENT, bad, 7, CLOUD_EVENT], BATCH).events
    assert isinstance(first, Event)
    assert isinstance(fourth, Event)
    assert (second.code, second.event_id, third.code) == ("data_invalid", "e-2", "shape_unknown")
    assert second.errors[0].pointer == "/data/quantity"


def test_every_wrong_field_is_named_in_the_senders_words():
    data = {"ItemNumber": "", "Quantity": -1, "UpdateType": "absolute", "location_id": "S1"}
    sent = {"eventType": "InventoryUpdate", "eventSource": "API", "eventData": data, "priority": 5}
    found = problem_of(sent)
    assert {error.pointer for error in found.errors} == {
        "/eventData/ItemNumber",
        "/eventData/Quantity",
        "/eventData/UpdateType",
    }
    document = found.document("/api/v1/events")
    assert (document["type"], document["status"]) == ("/problems/data_invalid", 422)
    assert document["errors"][0].keys() == {"pointer", "detail"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"id": "x" * 129}, "/id"),
        ({"id": 7}, "/id"),
        ({"source": "a\nb"}, "/source"),
        ({"source": None}, "/source"),
        ({"type": " "}, "/type"),
        ({"time": "2024-01-15T10:30:00"}, "/time"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "/time"),
        ({"time": "2024-02-30T10:30:00Z"}, "/time"),
        ({"time": "20240115T103000Z"}, "/time"),
        ({"time": 1705314600}, "/time"),
        ({"priority": 0}, "/priority"),
        ({"priority": "11"}, "/priority"),
        ({"priority": True}, "/priority"),
        ({"schemaversion": "newest"}, "/schemaversion"),
        ({"schemaversion": 0}, "/schemaversion"),
        ({"subject": "s" * 2049}, "/subject"),
        ({"Upper": "x"}, "/Upper"),
        ({"nested": {}}, "/nested"),
    ],
)
def test_attributes_are_bounded(change, pointer):
    found = problem_of({**CLOUD_EVENT, **change})
    assert (found.code, found.errors[0].pointer) == ("envelope_invalid", pointer)


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", JSON, "body_unreadable"),
        (b"{", JSON, "body_unreadable"),
        (b"\xff", JSON, "body_unreadable"),
        (b'{"specversion":"1.0","id":"a","id":"b"}', JSON, "body_unreadable"),
        (b'{"a":NaN}', JSON, "body_unreadable"),
        (b'{"a":1e999999}', JSON, "number_out_of_range"),
        (b'{"a":' + b"9" * 5000 + b"}", JSON, "number_out_of_range"),
        (b'{"a":9223372036854775808}', JSON, "number_out_of_range"),
        (b"[" * 100_000, JSON, "too_deep"),
        (b"{}", JSON, "shape_unknown"),
        (b"7", JSON, "shape_unknown"),
        (b"{}", {"Content-Type": "text/xml"}, "content_type_unsupported"),
        (b"{}", {"Content-Type": "application/cloudevents+avro"}, "content_type_unsupported"),
        (b"{}", BATCH, "shape_unknown"),
        (b"[]", STRUCTURED, "shape_unknown"),
        (b'{"specversion":"0.3"}', JSON, "shape_unknown"),
        (b"{}", {**JSON, "ce-specversion": "%ff"}, "headers_invalid"),
    ],
)
def test_unreadable_requests_are_refused_by_code(body, headers, code):
    assert problem_of(body, headers).code == code


def test_what_no_table_can_keep_is_refused_with_its_place():
    for text in ("nul \x00", "half \ud800"):
        found = problem_of(cloud_event("custom", {"a": [{"b/c": text}]}))
        assert (found.code, found.errors[0].pointer) == ("text_unstorable", "/data/a/0/b~1c")
        assert problem_of(cloud_event("custom", {text: 1})).code == "text_unstorable"


def test_limits_hold_for_body_batch_event_and_depth():
    assert problem_of(b" " * 11, limits=Limits(body_bytes=10)).code == "body_too_large"
    assert problem_of([CLOUD_EVENT] * 3, limits=Limits(events=2)).code == "too_many_events"
    large = cloud_event("custom", {"text": "x" * 500})
    assert problem_of(large, limits=Limits(event_bytes=400)).code == "event_too_large"
    small, other = read([large, CLOUD_EVENT], limits=Limits(event_bytes=400)).events
    assert (small.code, small.event_id, type(other)) == ("event_too_large", "e-1", Event)
    nested = {"a": {"b": {"c": 1}}}
    assert isinstance(read(cloud_event("custom", nested), limits=Limits(depth=3)).events[0], Event)
    found = problem_of(cloud_event("custom", nested), limits=Limits(depth=2))
    assert (found.code, found.errors[0].pointer) == ("too_deep", "/data/a/b")


def test_what_this_service_says_is_not_taken_from_others():
    issued = cloud_event("stock.issued", TYPES["stock.issued"].examples[1])
    assert problem_of(issued).code == "reserved_type"
    assert problem_of({**CLOUD_EVENT, "source": SERVICE_SOURCE}).code == "source_refused"
    ours = {**CLOUD_EVENT, "id": " batch:1"}
    assert (problem_of(ours).code, problem_of(ours).errors[0].pointer) == ("reserved_id", "/id")
    assert event_of(ours, trusted=True).envelope.id == "batch:1"
    numbered = {**TYPES["Transaction"].examples[1], "TransactionID": "batch:2"}
    named = {"eventType": "Transaction", "eventSource": "erp", "eventData": numbered}
    assert problem_of(named).code == "reserved_id"
    assert event_of({**issued, "source": SERVICE_SOURCE}, trusted=True).payload.lines[0].quantity == 2


def test_the_fingerprint_is_that_of_what_is_said_however_it_is_written():
    first = fingerprint(event_of(CLOUD_EVENT).envelope)
    rewritten = dict(reversed(SALE.items())) | {"quantity": 2.0, "unit_price": 12.990}
    assert fingerprint(event_of({**CLOUD_EVENT, "data": rewritten, "time": None}).envelope) == first
    assert fingerprint(event_of({**CLOUD_EVENT, "data": {**SALE, "quantity": 3}}).envelope) != first
    assert fingerprint(event_of({**CLOUD_EVENT, "subject": "A/S"}).envelope) != first


def test_money_keeps_its_digits():
    body = json.dumps(cloud_event("receipt_line_added", SALE)).replace("12.99", "12345678901234.5678").encode()
    event = event_of(body)
    assert event.payload.unit_price == Decimal("12345678901234.5678")
    assert event.envelope.data["unit_price"] == Decimal("12345678901234.5678")
    text = cloud_event("receipt_line_added", {**SALE, "unit_price": "12345678901234.5678"})
    assert event_of(text).payload.unit_price == event.payload.unit_price


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = """specversion id source type time subject data data_base64 datacontenttype priority schemaversion
    traceparent eventType eventSource eventData event_type payload name timestamp partition_key trace_id"""
members = st.sampled_from(MEMBERS.split())
known = st.sampled_from(
    ["1.0", "InventoryUpdate", "Transaction", "stock.counted", "inventory_updated", "price.changed"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.dictionaries(members, known | json_values, max_size=9).map(lambda value: json.dumps(value).encode()),
        st.lists(st.dictionaries(members, known | json_values), max_size=3).map(lambda v: json.dumps(v).encode()),
    ),
    st.sampled_from([JSON, STRUCTURED, BATCH, binary_headers(), {}]),
)
@example(b'{"specversion":"1.0","id":"a","source":"b","type":"c","data_base64":"e30=","datacontenttype":7}', JSON)
def test_any_bytes_end_as_an_event_or_a_declared_problem(body, headers):
    reading = read(body, headers)
    for found in (*reading.events, *([reading.problem] if reading.problem else [])):
        if isinstance(found, Problem):
            assert found.code in PROBLEMS
            assert 400 <= json.loads(json.dumps(found.document()))["status"] < 500


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(TYPES)), st.data())
def test_damaged_data_of_any_type_never_raises(name, data):
    declared = TYPES[name]
    version = data.draw(st.sampled_from(sorted(declared.versions)))
    sent = dict(declared.examples[version])
    spoilt = data.draw(st.sampled_from(sorted(sent)))
    sent[spoilt] = data.draw(json_values)
    raw = json.dumps(cloud_event(name, sent, schemaversion=str(version))).encode()
    reading = read(raw, trusted=True)
    assert reading.problem is None or reading.problem.code in PROBLEMS
