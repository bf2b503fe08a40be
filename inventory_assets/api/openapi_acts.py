"""The part of the OpenAPI document on what people do: dead letters, the batch-only mode, webhooks."""

from __future__ import annotations

from typing import get_args

from inventory_assets.api.acting import LONGEST_ACTOR, LONGEST_REASON
from inventory_assets.api.dead_letters import ALL, LETTER, LETTERS, USUAL_LIMIT
from inventory_assets.api.describing import (
    AT,
    BODY,
    CODE,
    COUNT,
    MAYBE_AT,
    MAYBE_TEXT,
    NEXT,
    TEXT,
    WHOLE,
    Json,
    answer,
    body_of,
    in_path,
    in_query,
    object_of,
    operation,
    printable,
    several,
)
from inventory_assets.api.modes import MODES
from inventory_assets.api.webhooks import ALIAS, DELIVERIES, WEBHOOK, WEBHOOKS
from inventory_assets.contracts.events.notices import Pattern
from inventory_assets.live.dead_letters.handling import HIGHEST_RAISED
from inventory_assets.live.dead_letters.looking import MOST_AT_ONCE, PATTERNS, STATUSES
from inventory_assets.live.modes import SCOPES
from inventory_assets.live.outbox.addresses import LONGEST_URL
from inventory_assets.live.outbox.webhooks import LONGEST_TEXT, MOST_NAMES, MOST_TYPES

_FILTERS = ("errorClass", "source", "type", "searchedItem", "pattern")
_KEY = ("sequence", "part")


def paths() -> Json:
    """The paths."""
    return {
        LETTERS: {
            "get": operation(
                "deadLetters", "Parts of events that failed for good", "In the order of the log; the open ones.",
                ("letterStatus", *_FILTERS, "limit", "cursor"), {"200": answer("DeadLetters")},
            )
        },
        f"{LETTERS}/patterns": {
            "get": operation(
                "deadLetterPatterns", "What failed together, and what is done about it",
                "Among the oldest open letters, by class of error and source.", (), {"200": answer("Patterns")},
            )
        },
        f"{LETTERS}/retry": {"post": _many("retryDeadLetters", "Put many back into the queue", "RetryMany", 429)},
        f"{LETTERS}/discard": {"post": _many("discardDeadLetters", "Give many up", "DiscardMany")},
        LETTER: {
            "get": operation(
                "deadLetter", "One with its event and every attempt", "", _KEY, {"200": answer("DeadLetterShown")}, 404
            )
        },
        f"{LETTER}/retry": {"post": _one("retryDeadLetter", "Put it back for three more attempts", "Retry", 429)},
        f"{LETTER}/edit": {
            "post": operation(
                "editDeadLetter", "Put a corrected event into the log instead",
                "It is a new event whose cause is the old one, with the whole data sent here.",
                _KEY, {"200": answer("Edited")}, 404, 409, 429, *BODY,
            ) | {"requestBody": body_of("Edit", {"typo": {"value": _EDIT}})}
        },
        f"{LETTER}/discard": {
            "post": _one("discardDeadLetter", "Give it up: it will never move stock", "Reasoned")
        },
        MODES: {"get": operation("modes", "What is batch only, and how much waits", "", (), {"200": answer("Modes")})},
        f"{MODES}/off": {"post": _switch("switchOff", "Batch only: events keep coming and wait")},
        f"{MODES}/on": {"post": _switch("switchOn", "Live again: what waited is applied")},
        WEBHOOKS: {
            "post": _register("registerWebhook", "Register an address"),
            "get": operation("webhooks", "Who is told what", "", (), {"200": answer("Webhooks")}),
        },
        ALIAS: {"post": _register("registerWebhookAlias", f"The same as {WEBHOOKS}")},
        WEBHOOK: {
            "get": operation("webhook", "One webhook", "", ("webhook",), {"200": answer("Webhook")}, 404),
            "delete": operation(
                "removeWebhook", "Forget it; the log of its deliveries stays", "", ("webhook", "reason", "actor"),
                {"204": {"description": "Done."}}, 404,
            ),
        },
        f"{WEBHOOK}/pause": {"post": _of_webhook("pauseWebhook", "Send nothing for a while", "Act", "Webhook")},
        f"{WEBHOOK}/resume": {
            "post": _of_webhook("resumeWebhook", "Go on where it stopped", "Resume", "Webhook", keyed=True)
        },
        f"{WEBHOOK}/rotate": {
            "post": _of_webhook("rotateWebhook", "Make a new secret, told only here", "Act", "Secret", keyed=True)
        },
        DELIVERIES: {
            "get": operation(
                "deliveries", "Every attempt to deliver", "The newest first.", ("webhook", "limit", "cursor"),
                {"200": answer("Deliveries")}, 404,
            )
        },
        f"{DELIVERIES}/{{delivery}}/redeliver": {
            "post": operation(
                "redeliver", "Send the event of a delivery once more", "Under the same message id.",
                ("webhook", "delivery"), {"202": answer("Delivery")}, 404, 409, *BODY,
            ) | {"requestBody": body_of("Act", required=False)}
        },
    }  # fmt: skip


_EDIT: Json = {
    "reason": "the till sent dozens",
    "actor": "ann",
    "data": {"product_sku": "A1", "location_id": "S1", "quantity": 12, "update_type": "Increment"},
}
_MANY: Json = {"reason": "the till is mended", "filter": {"class": "timeout"}, "limit": 100, "dryRun": True}
_REGISTER: Json = {
    "url": "https://your-flow-url",
    "events": ["inventory.updated", "transaction.created"],
    "secret": "webhook-secret",
}


def parameters() -> Json:
    """The parameters that are not those of events and stock."""
    return {
        "letterStatus": in_query("status", {"enum": [*STATUSES, ALL], "default": "open"}, "What became of it."),
        "errorClass": in_query("class", CODE, "Class of the last error, such as timeout or validation."),
        "pattern": in_query("pattern", {"enum": list(PATTERNS)}, "Pattern found in it last."),
        "sequence": in_path("sequence", "Sequence of the event.", {**WHOLE, "maximum": 10**18 - 1}) | {"example": 1},
        "part": in_path("part", "Which part of it.", {**WHOLE, "maximum": 9_999}) | {"example": 0},
        "webhook": in_path("id", "Number of the webhook."),
        "delivery": in_path("delivery", "Number of the delivery.", {**WHOLE, "minimum": 1, "maximum": 2**63 - 1}),
        "reason": in_query("reason", printable(LONGEST_REASON), "Why, for the audit log."),
        "actor": in_query("actor", printable(LONGEST_ACTOR), "Who, for the audit log."),
    }


def schemas() -> Json:
    """The schemas."""
    actor = {"actor": {**printable(LONGEST_ACTOR), "description": "Who, for the audit log."}}
    why = {"reason": {**printable(LONGEST_REASON), "description": "Why, for the audit log."}}
    priority = {"priority": {"type": "integer", "minimum": 1, "maximum": HIGHEST_RAISED}}
    some = {
        "letters": {
            "type": "array", "minItems": 1, "maxItems": MOST_AT_ONCE,
            "items": {"type": "string", "pattern": r"^[0-9]{1,18}/[0-9]{1,4}$"},
        },
        "filter": object_of(
            {},
            {
                "class": CODE, "source": {**CODE, "maxLength": 256}, "type": {**CODE, "maxLength": 128}, "item": CODE,
                "pattern": {"enum": list(PATTERNS)},
            },
            closed=True,
        ),
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_AT_ONCE, "default": USUAL_LIMIT},
        "dryRun": {"type": "boolean"},
    }  # fmt: skip
    names = {"type": "array", "minItems": 1, "maxItems": MOST_NAMES, "items": CODE}
    perhaps_names = {"type": ["array", "null"], "items": TEXT}
    webhook = {
        "id": TEXT, "url": TEXT, "types": {"type": "array", "items": TEXT}, "items": perhaps_names,
        "locations": perhaps_names, "description": TEXT, "status": {"enum": ["active", "paused", "disabled"]},
        "statusReason": MAYBE_TEXT, "failures": WHOLE, "nextAttemptAt": MAYBE_AT, "position": WHOLE,
        "createdAt": AT, "createdBy": TEXT, "updatedAt": AT,
    }  # fmt: skip
    letter = {
        "letter": TEXT, "sequence": WHOLE, "part": WHOLE, "source": TEXT, "type": TEXT, "item": MAYBE_TEXT,
        "priority": WHOLE, "attempts": WHOLE, "errorClass": TEXT, "errorCode": TEXT, "errorMessage": TEXT,
        "diedAt": AT, "status": {"enum": list(STATUSES)}, "recoveries": WHOLE, "pattern": MAYBE_TEXT,
        "resolvedAt": MAYBE_AT, "resolvedBy": MAYBE_TEXT, "resolution": MAYBE_TEXT,
    }  # fmt: skip
    return {
        "Act": object_of({}, why | actor, closed=True),
        "Reasoned": object_of(why, actor, closed=True),
        "Retry": object_of(why, actor | priority, closed=True),
        "Edit": object_of(why | {"data": {"type": "object"}}, actor, closed=True),
        "RetryMany": object_of(why, actor | some | priority, closed=True),
        "DiscardMany": object_of(why, actor | some, closed=True),
        "DeadLetter": object_of(letter),
        "DeadLetters": object_of({"letters": several("DeadLetter"), "next": NEXT}),
        "DeadLetterShown": object_of(
            {
                "letter": object_of(letter),
                "event": object_of({"sequence": WHOLE, "eventId": TEXT, "data": {}}),
                "attempts": {"type": "array", "items": object_of({"attempt": WHOLE, "status": TEXT})},
            }
        ),
        "Many": object_of(
            {
                "letters": {"type": "array", "items": TEXT},
                "notOpen": {"type": "array", "items": TEXT},
                "more": {"type": "boolean"},
                "dryRun": {"type": "boolean"},
            }
        ),
        "Edited": object_of({"letter": TEXT, "status": {"const": "edited"}, "sequence": WHOLE}),
        "Patterns": object_of(
            {
                "patterns": {
                    "type": "array",
                    "items": object_of(
                        {
                            "pattern": {"enum": list(get_args(Pattern))}, "errorClass": TEXT, "source": TEXT,
                            "since": AT, "letters": WHOLE, "recoverable": WHOLE, "recovery": TEXT,
                            "requiredAction": TEXT, "first": {"type": "array", "items": TEXT},
                        }
                    ),
                }
            }
        ),
        "Switch": object_of(why, actor | {"scope": {"enum": list(SCOPES)}, "key": printable(256)}, closed=True),
        "Switched": object_of(
            {"scope": {"enum": list(SCOPES)}, "key": TEXT, "mode": TEXT, "changed": {"type": "boolean"}}
        ),
        "Modes": object_of(
            {
                "batchOnly": {
                    "type": "array",
                    "items": object_of({"scope": TEXT, "key": TEXT, "since": AT, "actor": TEXT, "reason": TEXT}),
                },
                "waiting": WHOLE,
            }
        ),
        "Register": object_of(
            {"url": {"type": "string", "minLength": 1, "maxLength": LONGEST_URL}},
            {
                "events": {
                    "type": "array", "minItems": 1, "maxItems": MOST_TYPES, "items": {**CODE, "maxLength": 128},
                    "description": "Types of events, their aliases too; `*` or none for all.",
                },
                "items": names, "locations": names, "description": printable(LONGEST_TEXT), "secret": printable(200),
                **why, **actor,
            },
            closed=True,
        ),
        "Webhook": object_of(webhook),
        "Registered": object_of(webhook | {"secret": TEXT}),
        "Webhooks": object_of({"webhooks": several("Webhook")}),
        "Resume": object_of(
            {}, why | actor | {"skip": {"type": "boolean", "description": "Leave out the event it stopped at."}},
            closed=True,
        ),
        "Secret": object_of({"id": TEXT, "secret": TEXT, "bothUntil": AT}),
        "Delivery": object_of(
            {
                "id": WHOLE, "webhook": TEXT, "outboxId": COUNT, "messageId": TEXT,
                "type": TEXT, "cause": {"enum": ["event", "redelivery", "replay", "test"]}, "attempt": WHOLE,
                "requestedAt": AT, "endedAt": MAYBE_AT, "status": {"enum": ["waiting", "delivered", "failed"]},
                "responseStatus": COUNT, "error": MAYBE_TEXT,
                "seconds": {"type": ["number", "null"]}, "replay": COUNT, "notBefore": MAYBE_AT,
            }
        ),
        "Deliveries": object_of({"deliveries": several("Delivery"), "next": NEXT}),
    }  # fmt: skip


def _one(name: str, summary: str, body: str, *problems: int) -> Json:
    made = operation(name, summary, "", _KEY, {"200": answer("DeadLetter")}, 404, 409, *BODY, *problems)
    return made | {"requestBody": body_of(body)}


def _many(name: str, summary: str, body: str, *problems: int) -> Json:
    said = f"Those named, or the first open ones a filter means; {MOST_AT_ONCE} at most. A dry run only tells which."
    made = operation(name, summary, said, (), {"200": answer("Many")}, *BODY, *problems)
    return made | {"requestBody": body_of(body, {"dryRun": {"value": _MANY}})}


def _switch(name: str, summary: str) -> Json:
    said = "Everything, unless an item, a category or a location is named; from the next micro-batch on."
    made = operation(name, summary, said, (), {"200": answer("Switched")}, *BODY)
    return made | {"requestBody": body_of("Switch", {"item": {"value": {"reason": "a recount", "scope": "item",
                                                                       "key": "A1"}}})}  # fmt: skip


def _register(name: str, summary: str) -> Json:
    said = (
        "It is told what happens from now on. Only this answer has the secret. With an Idempotency-Key the same again "
        "is refused (409) and names what was made."
    )
    made = operation(name, summary, said, ("idempotencyKey",), {"201": answer("Registered")}, 409, *BODY)
    return made | {"requestBody": body_of("Register", {"source": {"value": _REGISTER}})}


def _of_webhook(name: str, summary: str, body: str, told: str, *, keyed: bool = False) -> Json:
    said = "With an Idempotency-Key it is done once, and answered as the first time." if keyed else ""
    parameters, problems = (("webhook", "idempotencyKey"), (404, 409)) if keyed else (("webhook",), (404,))
    made = operation(name, summary, said, parameters, {"200": answer(told)}, *problems, *BODY)
    return made | {"requestBody": body_of(body, required=False)}
