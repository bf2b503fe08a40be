"""The OpenAPI 3.1 document of the service, with examples; served as it is, without anything from outside.

The schemas of the data of each event type are in docs/events/; here an event is its envelope. A test holds the document
to the routes, and schemathesis holds the service to the document.
"""

from __future__ import annotations

import functools

import msgspec

from inventory_assets.api import openapi_acts as acts
from inventory_assets.api import openapi_proposals as proposals
from inventory_assets.api import openapi_replays as replays
from inventory_assets.api.describing import (
    BODY,
    CODE,
    COUNT,
    DAY,
    INSTANT,
    NEXT,
    TEXT,
    WHOLE,
    Json,
    answer,
    body_of,
    in_header,
    in_path,
    in_query,
    object_of,
    operation,
    printable,
    ref,
    several,
)
from inventory_assets.api.problems import TYPE_BASE
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.schemas import example
from inventory_assets.live.views.events import STATUSES

ADDRESS = "/openapi.json"
SHOWN = ("receipt_line_added", "InventoryUpdate", "Transaction", "StockAdjustment", "stock.counted", "stock.reserve")
"""Types whose examples stand in the document."""


@functools.cache
def document_text() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(openapi())


def openapi() -> Json:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Inventory: events and stock",
            "version": "1",
            "description": "Events in, stock out. An answer of 202 to an event follows its commit to disk. Every "
            "refusal is a problem document (RFC 9457); 429 and 503 carry Retry-After.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": _paths() | acts.paths() | proposals.paths() | replays.paths(),
        "components": {
            "schemas": _schemas() | acts.schemas() | proposals.schemas() | replays.schemas(),
            "parameters": _parameters() | acts.parameters() | proposals.parameters() | replays.parameters(),
        },
    }


def _paths() -> Json:
    return {
        "/api/v1/events": {"post": _post_events(), "get": _search()},
        "/api/v1/events/{id}": {"get": _status()},
        "/api/v1/inventory/{sku}": {
            "get": operation(
                "stock", "Stock of an item now", "With a store also an ETag; without, all stores and the sum.",
                ("sku", "storeId"), {"200": answer("Stock", "Stocks"), "304": {"description": "As before."}}, 404,
            )
        },
        "/api/v1/inventory/{sku}/history": {
            "get": operation(
                "stockHistory", "Every change with the balance after it", "The newest first.",
                ("sku", "storeId", "limit", "cursor"), {"200": answer("Changes")},
            )
        },
        "/api/v1/inventory/{sku}/as-of": {
            "get": operation(
                "stockAsOf", "Stock as it was",
                "As it stood at `time`, as far as the log knew at `position`. One of the two is needed.",
                ("sku", "neededStore", "time", "position"), {"200": answer("StockAsOf")},
            )
        },
        "/api/v1/inventory/{sku}/available-to-promise": {"get": _promise()},
        "/api/v1/inventory/{sku}/adjust": {"post": _adjust()},
        "/api/v1/reservations": {"post": _command("reserve", "Hold units", "Reserve", "201")},
        "/api/v1/reservations/{reservationId}": {
            "get": operation(
                "reservation", "A reservation as it stands", "", ("reservationId",), {"200": answer("Reservation")}, 404
            )
        },
        "/api/v1/reservations/{reservationId}/commit": {
            "post": _command("commitReservation", "Sell what is held", "Commit", "200", "reservationId")
        },
        "/api/v1/reservations/{reservationId}/release": {
            "post": _command("releaseReservation", "Give back what is held", "Release", "200", "reservationId")
        },
        "/healthz": {"get": operation("health", "Whether the process answers", "", (), {"200": answer("Health")})},
        "/readyz": {
            "get": operation("ready", "Whether events are taken", "", (), {"200": answer("Ready")}, 429)
        },
        "/metrics": {
            "get": operation(
                "metrics", "Metrics for Prometheus", "", (),
                {"200": {"description": "Metrics.", "content": {"text/plain": {"schema": TEXT}}}},
            )
        },
        ADDRESS: {"get": operation("openapi", "This document", "", (), {"200": answer("Anything")})},
    }  # fmt: skip


def _post_events() -> Json:
    shown: Json = {name: {"value": example(TYPES[name], TYPES[name].current)} for name in SHOWN}
    batch = {"value": [each["value"] for each in shown.values()][:2]}
    single = {"schema": {"$ref": "#/components/schemas/CloudEvent"}, "examples": shown}
    many = {
        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}, "maxItems": 1000},
        "examples": {"batch": batch},
    }
    made = operation(
        "sendEvents",
        "Send an event or a list of them",
        "CloudEvents 1.0 in binary, structured or batched mode, or one of four other shapes, described with the types "
        "in docs/events.md. The same source and id is one event, however often it is sent.",
        ("idempotencyKey",),
        {
            "202": answer("Taken", "Results"),
            "207": answer("Results"),
        },
        409, *BODY, 429,
    )  # fmt: skip
    made["responses"]["202"]["headers"] = {"X-Event-ID": {"schema": TEXT}, "Location": {"schema": TEXT}}
    made["requestBody"] = {
        "required": True,
        "content": {
            "application/cloudevents+json": single,
            "application/cloudevents-batch+json": many,
            "application/json": {"schema": {"anyOf": [single["schema"], many["schema"]]}, "examples": shown},
        },
    }
    return made


def _search() -> Json:
    names = ("searchedItem", "type", "source", "status", "from", "to", "limit", "cursor")
    return operation("searchEvents", "Search events", "The newest first.", names, {"200": answer("Events")})


def _status() -> Json:
    return operation(
        "eventStatus", "How far an event is", "With every attempt.", ("eventId", "source"), {"200": answer("Event")},
        404, 409,
    )  # fmt: skip


def _promise() -> Json:
    made = operation(
        "availableToPromise",
        "What can be promised by a day",
        "From on hand, reservations and receipts due: today, and every day until `until` on which it changes. Without "
        "`until` the next 30 days.",
        ("sku", "neededStore", "until"),
        {"200": answer("Promises")},
        404,
    )
    shown = {
        "item": "A1", "storeId": "S1", "until": "2026-03-31", "onHand": 12, "reserved": 2, "unavailable": 0,
        "available": 10, "inTransit": 0, "nullReason": None, "version": 7,
        "promises": [
            {"from": "2026-03-01", "receipts": 0, "available": 10},
            {"from": "2026-03-09", "receipts": 40, "available": 50},
        ],
        "undatedReceipts": 0, "receiptsToldAt": "2026-03-01T09:58:00Z", "receiptsReason": None,
    }  # fmt: skip
    made["responses"]["200"]["content"]["application/json"]["examples"] = {"receipt in a week": {"value": shown}}
    return made


def _adjust() -> Json:
    made = operation(
        "adjustStock",
        "Correct the stock of an item at a store",
        "Makes a StockAdjustment and waits a moment for it: 200 with the stock after it, or 202. With If-Match it is "
        "stored only as long as the stock has that version.",
        ("sku", "storeId", "ifMatch", "idempotencyKey"),
        {"200": answer("Adjusted"), "202": answer("Adjusted")},
        409, 412, *BODY, 429,
    )  # fmt: skip
    shown = {"breakage": {"value": {"quantity": -2, "reason": "BREAKAGE", "reference": "B-17", "storeId": "STORE-001"}}}
    return made | {"requestBody": body_of("Adjust", shown)}


def _command(name: str, summary: str, body: str, done: str, *parameters: str) -> Json:
    answers = {done: answer("Decided"), "200": answer("Decided"), "202": answer("Adjusted")}
    made = operation(name, summary, "", (*parameters, "idempotencyKey"), answers, 409, *BODY, 429)
    return made | {"requestBody": body_of(body)}


def _parameters() -> Json:
    return {
        "sku": in_path("sku", "Item; upper and lower case are one."),
        "eventId": in_path("id", "Id of the event.", {**CODE, "maxLength": 128}),
        "reservationId": in_path("reservationId", "Number of the reservation."),
        "storeId": in_query("storeId", CODE, "Store or warehouse."),
        "neededStore": {**in_query("storeId", CODE, "Store or warehouse."), "required": True},
        "searchedItem": in_query("item", CODE, "Item the event touches."),
        "type": in_query("type", {**CODE, "maxLength": 128}, "Type of the event."),
        "source": in_query("source", {**CODE, "maxLength": 256}, "Source of the event."),
        "status": in_query("status", {"enum": list(STATUSES)}, "How far it is."),
        "from": in_query("from", INSTANT, "Event time from here on."),
        "to": in_query("to", INSTANT, "Event time before here."),
        "until": in_query("until", DAY, "Last day looked at, UTC."),
        "time": in_query("time", INSTANT, "What happened later does not count."),
        "position": in_query("position", {**WHOLE, "maximum": 2**63 - 1}, "What the log took later is not known yet."),
        "limit": in_query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows of a page."),
        "cursor": in_query("cursor", {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "From `next` of a page."),
        "ifMatch": in_header("If-Match", {"type": "string", "pattern": r'^"[0-9]{1,18}"$'}, "ETag of the stock."),
        "idempotencyKey": in_header(
            "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9._-]+$"},
            "Names the request, so that sending it again does it once; of events it stands for an id they do not name.",
        ),
    }  # fmt: skip


def _schemas() -> Json:
    amounts = dict.fromkeys(("book", "onHand", "shortfall", "unavailable", "available"), COUNT)
    plain = {"reserved": {"type": "integer"}, "inTransit": {"type": "integer"}, "basis": TEXT}
    reason = {"nullReason": {"type": ["string", "null"]}}
    units = {"type": "integer", "minimum": 1, "maximum": 10_000_000}
    line = object_of({"product_sku": CODE, "quantity": units})
    return {
        "CloudEvent": object_of(
            {
                "specversion": {"const": "1.0"},
                "id": {**CODE, "maxLength": 128},
                "source": {**CODE, "maxLength": 256},
                "type": {**CODE, "maxLength": 128},
            },
            {
                "time": INSTANT,
                "subject": {**CODE, "maxLength": 2048},
                "datacontenttype": {"const": "application/json"},
                "schemaversion": {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"},
                "priority": {"type": "integer", "minimum": 1, "maximum": 10},
                "data": {"type": "object"},
            },
            closed=True,
        ),
        "Taken": object_of(
            {
                "status": {"enum": ["accepted", "duplicate", "filtered", "quarantined"]},
                "eventId": TEXT,
                "source": TEXT,
                "sequence": WHOLE,
                "statusUrl": TEXT,
            },
            {"estimatedSeconds": WHOLE, "reason": TEXT, "unknownMembers": {"type": "array", "items": TEXT}},
        ),
        "Results": object_of(
            {"taken": WHOLE, "refused": WHOLE, "results": {"type": "array", "items": {"type": "object"}}}
        ),
        "Event": object_of(
            {"eventId": TEXT, "source": TEXT, "type": TEXT, "status": {"enum": list(STATUSES)}, "sequence": WHOLE},
            {"attempts": {"type": "array", "items": {"type": "object"}}},
        ),
        "Events": object_of({"events": several("Event"), "next": NEXT}),
        "Stock": object_of({"item": TEXT, "storeId": TEXT, "version": WHOLE} | amounts | plain | reason),
        "Stocks": object_of({"item": TEXT, "total": {"type": "object"}, "stores": several("Stock")}),
        "StockAsOf": object_of({"item": TEXT, "storeId": TEXT, "position": WHOLE} | amounts | plain | reason),
        "Promise": object_of({"from": DAY, "receipts": WHOLE, "available": WHOLE}),
        "Promises": object_of(
            {"item": TEXT, "storeId": TEXT, "until": DAY, "promises": several("Promise"), "undatedReceipts": WHOLE},
            {
                "onHand": COUNT,
                "reserved": {"type": "integer"},
                "unavailable": COUNT,
                "available": COUNT,
                "inTransit": {"type": "integer"},
                "version": WHOLE,
                "receiptsToldAt": {"type": ["string", "null"]},
                "receiptsReason": {"type": ["string", "null"]},
            }
            | reason,
        ),
        "Changes": object_of({"item": TEXT, "changes": {"type": "array", "items": {"type": "object"}}, "next": NEXT}),
        "Adjust": object_of(
            {
                "quantity": {"type": "integer", "minimum": -10_000_000, "maximum": 10_000_000},
                "reason": printable(100),
            },
            {"reference": CODE, "note": {"type": "string", "maxLength": 1000}, "storeId": CODE},
            closed=True,
        ),
        "Adjusted": object_of({"event": ref("Taken"), "stock": {"anyOf": [ref("Stock"), {"type": "null"}]}}),
        "Reserve": object_of(
            {"storeId": CODE, "lines": {"type": "array", "items": line, "minItems": 1, "maxItems": 1000}},
            {
                "reservationId": CODE,
                "partial": {"type": "boolean"},
                "expiresInSeconds": {"type": "integer", "minimum": 1, "maximum": 31_536_000},
                "reference": CODE,
            },
            closed=True,
        ),
        "Reservation": object_of(
            {
                "reservationId": TEXT,
                "storeId": TEXT,
                "status": {"enum": ["open", "committed", "released", "expired"]},
                "lines": {"type": "array", "items": {"type": "object"}},
            }
        ),
        "Commit": object_of({}, {"reference": CODE}, closed=True),
        "Release": object_of({}, {"reason": {"type": "string", "maxLength": 1000}}, closed=True),
        "Decided": object_of({"event": ref("Taken"), "fact": {"type": ["string", "null"]}}),
        "Health": object_of({"status": TEXT}),
        "Ready": object_of({"status": TEXT, "waiting": WHOLE}),
        "Anything": {},
        "Problem": object_of(
            {
                "type": {"type": "string", "pattern": f"^{TYPE_BASE}"},
                "title": TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": TEXT,
            },
            {"mend": TEXT, "eventId": TEXT, "errors": several("FieldError")},
        ),
        "FieldError": object_of({"pointer": TEXT, "detail": TEXT}),
    }
