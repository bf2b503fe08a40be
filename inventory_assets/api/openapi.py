"""The OpenAPI 3.1 document of the service, with examples; served as it is, without anything from outside.

The schemas of the data of each event type are in docs/events/; here an event is its envelope. A test holds the document
to the routes, and schemathesis holds the service to the document.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from inventory_assets.api.problems import ALL_PROBLEMS, MEDIA_TYPE, TYPE_BASE
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.schemas import example
from inventory_assets.live.views.events import STATUSES

ADDRESS = "/openapi.json"
SHOWN = ("receipt_line_added", "InventoryUpdate", "Transaction", "StockAdjustment", "stock.counted", "stock.reserve")
"""Types whose examples stand in the document."""

Json = dict[str, Any]

_TEXT = {"type": "string"}
_CODE = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[!-~]+$"}
_INSTANT = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?[Zz]$"}
_DAY = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
_COUNT = {"type": ["integer", "null"]}
_WHOLE = {"type": "integer", "minimum": 0}
_NEXT = {"type": ["string", "null"], "description": "Address of the next page."}
_REFERENCE = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[!-~]+$"}


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
        "paths": _paths(),
        "components": {"schemas": _schemas(), "parameters": _parameters()},
    }


def _paths() -> Json:
    return {
        "/api/v1/events": {"post": _post_events(), "get": _search()},
        "/api/v1/events/{id}": {"get": _status()},
        "/api/v1/inventory/{sku}": {
            "get": _operation(
                "stock", "Stock of an item now", "With a store also an ETag; without, all stores and the sum.",
                ("sku", "storeId"), {"200": _json("Stock", "Stocks"), "304": {"description": "As before."}}, 404,
            )
        },
        "/api/v1/inventory/{sku}/history": {
            "get": _operation(
                "stockHistory", "Every change with the balance after it", "The newest first.",
                ("sku", "storeId", "limit", "cursor"), {"200": _json("Changes")},
            )
        },
        "/api/v1/inventory/{sku}/as-of": {
            "get": _operation(
                "stockAsOf", "Stock as it was",
                "As it stood at `time`, as far as the log knew at `position`. One of the two is needed.",
                ("sku", "neededStore", "time", "position"), {"200": _json("StockAsOf")},
            )
        },
        "/api/v1/inventory/{sku}/available-to-promise": {"get": _promise()},
        "/api/v1/inventory/{sku}/adjust": {"post": _adjust()},
        "/api/v1/reservations": {"post": _command("reserve", "Hold units", "Reserve", "201")},
        "/api/v1/reservations/{reservationId}": {
            "get": _operation(
                "reservation", "A reservation as it stands", "", ("reservationId",), {"200": _json("Reservation")}, 404
            )
        },
        "/api/v1/reservations/{reservationId}/commit": {
            "post": _command("commitReservation", "Sell what is held", "Commit", "200", "reservationId")
        },
        "/api/v1/reservations/{reservationId}/release": {
            "post": _command("releaseReservation", "Give back what is held", "Release", "200", "reservationId")
        },
        "/healthz": {"get": _operation("health", "Whether the process answers", "", (), {"200": _json("Health")})},
        "/readyz": {
            "get": _operation("ready", "Whether events are taken", "", (), {"200": _json("Ready")}, 429)
        },
        "/metrics": {
            "get": _operation(
                "metrics", "Metrics for Prometheus", "", (),
                {"200": {"description": "Metrics.", "content": {"text/plain": {"schema": _TEXT}}}},
            )
        },
        ADDRESS: {"get": _operation("openapi", "This document", "", (), {"200": _json("Anything")})},
    }  # fmt: skip


def _operation(
    name: str, summary: str, description: str, parameters: tuple[str, ...], answers: Json, *problems: int
) -> Json:
    made: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": [{"$ref": f"#/components/parameters/{each}"} for each in parameters],
        "responses": answers | _problems(400, 403, 408, 421, 422, 503, *problems),
    }
    return made | ({"description": description} if description else {})


def _json(*names: str) -> Json:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> Json:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {
            "description": "; ".join(sorted({each.title for each in ALL_PROBLEMS.values() if each.status == status})),
            "content": content,
        }
        for status in sorted(set(statuses))
    }


def _body(name: str, examples: Json | None = None) -> Json:
    content: Json = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    if examples:
        content["examples"] = examples
    return {"required": True, "content": {"application/json": content}}


def _post_events() -> Json:
    shown: Json = {name: {"value": example(TYPES[name], TYPES[name].current)} for name in SHOWN}
    batch = {"value": [each["value"] for each in shown.values()][:2]}
    single = {"schema": {"$ref": "#/components/schemas/CloudEvent"}, "examples": shown}
    many = {
        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}, "maxItems": 1000},
        "examples": {"batch": batch},
    }
    made = _operation(
        "sendEvents",
        "Send an event or a list of them",
        "CloudEvents 1.0 in binary, structured or batched mode, or one of four other shapes, described with the types "
        "in docs/events.md. The same source and id is one event, however often it is sent.",
        ("idempotencyKey",),
        {
            "202": _json("Taken", "Results"),
            "207": _json("Results"),
        },
        409, 413, 415, 429,
    )  # fmt: skip
    made["responses"]["202"]["headers"] = {"X-Event-ID": {"schema": _TEXT}, "Location": {"schema": _TEXT}}
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
    return _operation("searchEvents", "Search events", "The newest first.", names, {"200": _json("Events")})


def _status() -> Json:
    return _operation(
        "eventStatus", "How far an event is", "With every attempt.", ("eventId", "source"), {"200": _json("Event")},
        404, 409,
    )  # fmt: skip


def _promise() -> Json:
    made = _operation(
        "availableToPromise",
        "What can be promised by a day",
        "From on hand, reservations and receipts due: today, and every day until `until` on which it changes. Without "
        "`until` the next 30 days.",
        ("sku", "neededStore", "until"),
        {"200": _json("Promises")},
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
    made = _operation(
        "adjustStock",
        "Correct the stock of an item at a store",
        "Makes a StockAdjustment and waits a moment for it: 200 with the stock after it, or 202. With If-Match it is "
        "stored only as long as the stock has that version.",
        ("sku", "storeId", "ifMatch", "idempotencyKey"),
        {"200": _json("Adjusted"), "202": _json("Adjusted")},
        409, 412, 413, 415, 429,
    )  # fmt: skip
    shown = {"breakage": {"value": {"quantity": -2, "reason": "BREAKAGE", "reference": "B-17", "storeId": "STORE-001"}}}
    return made | {"requestBody": _body("Adjust", shown)}


def _command(name: str, summary: str, body: str, done: str, *parameters: str) -> Json:
    answers = {done: _json("Decided"), "200": _json("Decided"), "202": _json("Adjusted")}
    made = _operation(name, summary, "", (*parameters, "idempotencyKey"), answers, 409, 413, 415, 429)
    return made | {"requestBody": _body(body)}


def _parameters() -> Json:
    return {
        "sku": _path("sku", "Item; upper and lower case are one."),
        "eventId": {**_path("id", "Id of the event."), "schema": {**_CODE, "maxLength": 128}},
        "reservationId": _path("reservationId", "Number of the reservation."),
        "storeId": _query("storeId", _CODE, "Store or warehouse."),
        "neededStore": {**_query("storeId", _CODE, "Store or warehouse."), "required": True},
        "searchedItem": _query("item", _CODE, "Item the event touches."),
        "type": _query("type", {**_CODE, "maxLength": 128}, "Type of the event."),
        "source": _query("source", {**_CODE, "maxLength": 256}, "Source of the event."),
        "status": _query("status", {"enum": list(STATUSES)}, "How far it is."),
        "from": _query("from", _INSTANT, "Event time from here on."),
        "to": _query("to", _INSTANT, "Event time before here."),
        "until": _query("until", _DAY, "Last day looked at, UTC."),
        "time": _query("time", _INSTANT, "What happened later does not count."),
        "position": _query("position", {**_WHOLE, "maximum": 2**63 - 1}, "What the log took later is not known yet."),
        "limit": _query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows of a page."),
        "cursor": _query("cursor", {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "From `next` of a page."),
        "ifMatch": _header("If-Match", {"type": "string", "pattern": r'^"[0-9]{1,18}"$'}, "ETag of the stock."),
        "idempotencyKey": _header(
            "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9._-]+$"},
            "Stands for an id the event does not name; in a list with the place in it.",
        ),
    }  # fmt: skip


def _path(name: str, description: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": _CODE}


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _object(needed: Json, optional: Json | None = None, *, closed: bool = False) -> Json:
    made: Json = {"type": "object", "required": list(needed), "properties": needed | (optional or {})}
    return made | ({"additionalProperties": False} if closed else {})


def _schemas() -> Json:
    def ref(name: str) -> Json:
        return {"$ref": f"#/components/schemas/{name}"}

    def several(name: str) -> Json:
        return {"type": "array", "items": ref(name)}

    amounts = dict.fromkeys(("book", "onHand", "shortfall", "unavailable", "available"), _COUNT)
    plain = {"reserved": {"type": "integer"}, "inTransit": {"type": "integer"}, "basis": _TEXT}
    reason = {"nullReason": {"type": ["string", "null"]}}
    units = {"type": "integer", "minimum": 1, "maximum": 10_000_000}
    line = _object({"product_sku": _CODE, "quantity": units})
    return {
        "CloudEvent": _object(
            {
                "specversion": {"const": "1.0"},
                "id": {**_CODE, "maxLength": 128},
                "source": {**_CODE, "maxLength": 256},
                "type": {**_CODE, "maxLength": 128},
            },
            {
                "time": _INSTANT,
                "subject": {**_CODE, "maxLength": 2048},
                "datacontenttype": {"const": "application/json"},
                "schemaversion": {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"},
                "priority": {"type": "integer", "minimum": 1, "maximum": 10},
                "data": {"type": "object"},
            },
            closed=True,
        ),
        "Taken": _object(
            {
                "status": {"enum": ["accepted", "duplicate", "filtered", "quarantined"]},
                "eventId": _TEXT,
                "source": _TEXT,
                "sequence": _WHOLE,
                "statusUrl": _TEXT,
            },
            {"estimatedSeconds": _WHOLE, "reason": _TEXT, "unknownMembers": {"type": "array", "items": _TEXT}},
        ),
        "Results": _object(
            {"taken": _WHOLE, "refused": _WHOLE, "results": {"type": "array", "items": {"type": "object"}}}
        ),
        "Event": _object(
            {"eventId": _TEXT, "source": _TEXT, "type": _TEXT, "status": {"enum": list(STATUSES)}, "sequence": _WHOLE},
            {"attempts": {"type": "array", "items": {"type": "object"}}},
        ),
        "Events": _object({"events": several("Event"), "next": _NEXT}),
        "Stock": _object({"item": _TEXT, "storeId": _TEXT, "version": _WHOLE} | amounts | plain | reason),
        "Stocks": _object({"item": _TEXT, "total": {"type": "object"}, "stores": several("Stock")}),
        "StockAsOf": _object({"item": _TEXT, "storeId": _TEXT, "position": _WHOLE} | amounts | plain | reason),
        "Promise": _object({"from": _DAY, "receipts": _WHOLE, "available": _WHOLE}),
        "Promises": _object(
            {"item": _TEXT, "storeId": _TEXT, "until": _DAY, "promises": several("Promise"), "undatedReceipts": _WHOLE},
            {
                "onHand": _COUNT,
                "reserved": {"type": "integer"},
                "unavailable": _COUNT,
                "available": _COUNT,
                "inTransit": {"type": "integer"},
                "version": _WHOLE,
                "receiptsToldAt": {"type": ["string", "null"]},
                "receiptsReason": {"type": ["string", "null"]},
            }
            | reason,
        ),
        "Changes": _object({"item": _TEXT, "changes": {"type": "array", "items": {"type": "object"}}, "next": _NEXT}),
        "Adjust": _object(
            {
                "quantity": {"type": "integer", "minimum": -10_000_000, "maximum": 10_000_000},
                "reason": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[ -~]*[!-~][ -~]*$"},
            },
            {"reference": _REFERENCE, "note": {"type": "string", "maxLength": 1000}, "storeId": _CODE},
            closed=True,
        ),
        "Adjusted": _object({"event": ref("Taken"), "stock": {"anyOf": [ref("Stock"), {"type": "null"}]}}),
        "Reserve": _object(
            {"storeId": _CODE, "lines": {"type": "array", "items": line, "minItems": 1, "maxItems": 1000}},
            {
                "reservationId": _CODE,
                "partial": {"type": "boolean"},
                "expiresInSeconds": {"type": "integer", "minimum": 1, "maximum": 31_536_000},
                "reference": _REFERENCE,
            },
            closed=True,
        ),
        "Reservation": _object(
            {
                "reservationId": _TEXT,
                "storeId": _TEXT,
                "status": {"enum": ["open", "committed", "released", "expired"]},
                "lines": {"type": "array", "items": {"type": "object"}},
            }
        ),
        "Commit": _object({}, {"reference": _REFERENCE}, closed=True),
        "Release": _object({}, {"reason": {"type": "string", "maxLength": 1000}}, closed=True),
        "Decided": _object({"event": ref("Taken"), "fact": {"type": ["string", "null"]}}),
        "Health": _object({"status": _TEXT}),
        "Ready": _object({"status": _TEXT, "waiting": _WHOLE}),
        "Anything": {},
        "Problem": _object(
            {
                "type": {"type": "string", "pattern": f"^{TYPE_BASE}"},
                "title": _TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": _TEXT,
            },
            {"mend": _TEXT, "eventId": _TEXT, "errors": several("FieldError")},
        ),
        "FieldError": _object({"pointer": _TEXT, "detail": _TEXT}),
    }
