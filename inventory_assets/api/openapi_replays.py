"""The part of the OpenAPI document that says what `api.replays` does."""

from __future__ import annotations

from inventory_assets.api.acting import LONGEST_ACTOR, LONGEST_REASON
from inventory_assets.api.describing import (
    AT,
    BODY,
    CODE,
    COUNT,
    INSTANT,
    MAYBE_AT,
    MAYBE_TEXT,
    NEXT,
    TEXT,
    WHOLE,
    Json,
    answer,
    body_of,
    in_path,
    object_of,
    operation,
    printable,
    several,
)
from inventory_assets.api.parameters import LARGEST
from inventory_assets.api.replays import LONGEST_CONSUMER, LONGEST_TYPE, MOST_ITEMS, MOST_TYPES, REPLAY, REPLAYS
from inventory_assets.live.outbox.again import MOST, USUAL
from inventory_assets.live.replays import STATUSES

_EXAMPLE: Json = {
    "reason": "parts left the queue when a disk was full", "actor": "ann", "since": "2026-03-01T00:00:00Z",
    "items": ["A1"], "dryRun": True,
}  # fmt: skip

_AGAIN: Json = {"reason": "they lost a day", "consumer": "wh_5f0c000000000000", "since": "2026-03-01T00:00:00Z"}


def paths() -> Json:
    """Addresses of replays."""
    said = (
        "What counts and was not applied is applied, as `inventory live replay` does it; what was applied, waits or is "
        "a dead letter is left alone. With a `consumer` nothing is applied: that webhook is told again what it was "
        "told, in the same order, under the same message ids. A worker carries it out; one is open at a time."
    )
    return {
        REPLAYS: {
            "post": operation(
                "requestReplay", "Ask for a replay", said, ("idempotencyKey",), {"202": answer("Replay")}, 404,
                409, *BODY,
            ) | {"requestBody": body_of("ReplayAsked", {"dryRun": {"value": _EXAMPLE}, "consumer": {"value": _AGAIN}})},
            "get": operation(
                "replays", "Replays and what came of them", "The newest first.", ("limit", "cursor"),
                {"200": answer("Replays")},
            ),
        },
        REPLAY: {
            "get": operation("replay", "How far a replay is", "", ("replay",), {"200": answer("Replay")}, 404)
        },
        f"{REPLAY}/cancel": {
            "post": operation(
                "cancelReplay", "End a replay where it is",
                "What it has put back stays; deliveries that still wait are not made, also once all were queued.",
                ("replay",),
                {"200": answer("Replay")}, 404, 409, *BODY,
            ) | {"requestBody": body_of("Reasoned")}
        },
    }  # fmt: skip


def parameters() -> Json:
    """Parameters of these addresses."""
    number = {**WHOLE, "minimum": 1, "maximum": LARGEST}
    return {"replay": in_path("replay", "Number of the replay.", number) | {"example": 1}}


def schemas() -> Json:
    """Schemas of these addresses."""
    sequence = {**WHOLE, "maximum": LARGEST}
    result = object_of(
        dict.fromkeys(
            ("lost", "appended", "unapplied", "requeued", "applied", "waiting", "dead", "setBack"), WHOLE
        )
    )  # fmt: skip
    again = object_of({"found": WHOLE, "queued": WHOLE, "more": {"type": "boolean"}, "last": COUNT})
    return {
        "ReplayAsked": object_of(
            {"reason": {**printable(LONGEST_REASON), "description": "Why, for the audit log."}},
            {
                "actor": {**printable(LONGEST_ACTOR), "description": "Who, for the audit log."},
                "after": {**sequence, "description": "Only events behind this sequence; of a consumer, this outboxId."},
                "since": {**INSTANT, "description": "Only events that happened since then; of a consumer, were told."},
                "types": {
                    "type": "array", "minItems": 1, "maxItems": MOST_TYPES,
                    "items": {**CODE, "maxLength": LONGEST_TYPE}, "description": "Only these types; aliases too.",
                },
                "items": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": CODE},
                "dryRun": {"type": "boolean", "description": "Only count."},
                "consumer": {
                    **printable(LONGEST_CONSUMER), "description": "Number of the webhook that is told again.",
                },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL,
                    "description": "Deliveries at most; only with a consumer.",
                },
            },
            closed=True,
        ),
        "Replay": object_of(
            {
                "id": WHOLE,
                "wanted": object_of(
                    {
                        "after": WHOLE, "since": MAYBE_TEXT, "types": {"type": "array", "items": TEXT},
                        "items": {"type": "array", "items": TEXT},
                    },
                    {"consumer": TEXT, "limit": WHOLE},
                ),
                "dryRun": {"type": "boolean"}, "requestedAt": AT, "requestedBy": TEXT, "reason": TEXT,
                "status": {"enum": list(STATUSES)}, "attempts": WHOLE, "position": COUNT, "upto": COUNT,
                "endedAt": MAYBE_AT, "result": {"anyOf": [result, again, {"type": "null"}]}, "error": MAYBE_TEXT,
            }
        ),
        "Replays": object_of({"replays": several("Replay"), "next": NEXT}),
    }  # fmt: skip
