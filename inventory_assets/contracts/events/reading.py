"""A request taken apart: headers and bytes in, events or problems out, one result an event.

CloudEvents 1.0 over HTTP in binary, structured and batched mode, and the other shapes of C1, alone or in a list.
Pure: the instant and the source of new ids are handed in. What happens to an accepted event is not here (`admission`).
Invariant: whatever the bytes are, the answer is a `Reading`; nothing but a bug raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote

from inventory_assets.contracts.events import shapes
from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.commands import PRIORITIES, Transaction
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id, make_envelope
from inventory_assets.contracts.events.fields import Payload
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.problems import Problem, Refused
from inventory_assets.contracts.events.wire import canonical, check_storable, dumps, loads, may_hold_unstorable
from inventory_assets.contracts.log_tables import TOLD_BY_BATCH
from inventory_assets.contracts.values import Value, changed

CE_PREFIX = "ce-"
BATCH, STRUCTURED = "application/cloudevents-batch", "application/cloudevents"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be.

    Attributes:
        body_bytes: bytes of a request.
        event_bytes: bytes of one event.
        events: events of a request.
        depth: levels of objects and lists in the data of an event.
    """

    body_bytes: int = 4_194_304
    event_bytes: int = 262_144
    events: int = 1000
    depth: int = 16


DEFAULT_LIMITS = Limits()


class Event(Value, frozen=True):
    """An event as received: its envelope, and its payload where its type is declared."""

    envelope: Envelope
    payload: Payload | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request said.

    Attributes:
        events: a result for each event, in order.
        batch: whether the sender sent a list, and gets one back.
        problem: why nothing could be taken from the request; then there are no events.
    """

    events: tuple[Event | Problem, ...] = ()
    batch: bool = False
    problem: Problem | None = None


def read_request(
    headers: Mapping[str, str],
    body: bytes,
    received_at: datetime,
    new_id: Callable[[], str],
    limits: Limits = DEFAULT_LIMITS,
    *,
    trusted: bool = False,
) -> Reading:
    """Events of a request.

    Args:
        headers: HTTP headers, names in any case.
        body: bytes of the body.
        received_at: when they came, UTC.
        new_id: gives an id to an event that has none and from which none follows.
        limits: how large it may be.
        trusted: whether types that only this service emits are taken, as when events are submitted again after a
            restore.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    if len(body) > limits.body_bytes:
        return Reading(problem=Problem("body_too_large", f"{len(body)} bytes; at most {limits.body_bytes}"))
    try:
        found, batch = _found(lowered, body)
    except Refused as refused:
        return Reading(problem=refused.problem)
    if len(found) > limits.events:
        detail = f"{len(found)} events; at most {limits.events}"
        return Reading(problem=Problem("too_many_events", detail), batch=batch)
    key = lowered.get("idempotency-key")
    weigh, texts = len(body) > limits.event_bytes, may_hold_unstorable(body)
    results = []
    for index, event in enumerate(found):
        given = None if key is None else (f"{key}/{index}" if batch else key)
        results.append(_read(event, given, received_at, new_id, limits, weigh=weigh, texts=texts, trusted=trusted))
    return Reading(tuple(results), batch)


def _found(headers: Mapping[str, str], body: bytes) -> tuple[list[object], bool]:
    content_type = headers.get("content-type", "")
    main = content_type.partition(";")[0].strip().lower()
    if main.startswith(STRUCTURED) and not main.endswith("+json"):
        raise Refused("content_type_unsupported", f"{main[:100]} is not JSON")
    if not shapes.is_json(content_type):
        raise Refused("content_type_unsupported", f"{main[:100]} is not JSON")
    if not main.startswith(STRUCTURED) and f"{CE_PREFIX}specversion" in headers:
        attributes = {
            name.removeprefix(CE_PREFIX): _decoded_header(name, value)
            for name, value in headers.items()
            if name.startswith(CE_PREFIX)
        }
        return [shapes.binary(attributes, body)], False
    value = loads(body)
    if main.startswith(BATCH) and not isinstance(value, list):
        raise Refused("shape_unknown", "a batch is a JSON list of events")
    if isinstance(value, list) and not (main.startswith(STRUCTURED) and not main.startswith(BATCH)):
        return value, True
    return [value], False


def _decoded_header(name: str, value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':  # noqa: PLR2004 - a quoted text
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise Refused("headers_invalid", f"{name[:64]} is not percent-encoded UTF-8") from error


def _read(
    event: object,
    key: str | None,
    received_at: datetime,
    new_id: Callable[[], str],
    limits: Limits,
    *,
    weigh: bool,
    texts: bool,
    trusted: bool,
) -> Event | Problem:
    given: str | None = None
    try:
        shaped = event if isinstance(event, shapes.Shaped) else shapes.take_apart(event, "")
        given = shaped.attributes.id if isinstance(shaped.attributes.id, str) else None
        check_storable(shaped.data, _data(shaped), limits.depth, texts=texts or shaped.data_name == "data_base64")
        if weigh and len(dumps(shaped.data)) > limits.event_bytes:
            detail = f"the data has more than {limits.event_bytes} bytes"
            return Problem("event_too_large", detail, event_id=given and given[:128])
        return _made(shaped, key, received_at, new_id, trusted=trusted)
    except Refused as refused:
        return replace(refused.problem, event_id=given and given[:128])


def _made(
    shaped: shapes.Shaped, key: str | None, received_at: datetime, new_id: Callable[[], str], *, trusted: bool
) -> Event | Problem:
    sent = shaped.attributes
    if sent.id is None and key is not None:
        sent = replace(sent, id=key, names={**sent.names, "id": "Idempotency-Key"})
    if shaped.needs_id and sent.id is None:
        raise Refused("envelope_invalid", "a CloudEvent has an id, or an Idempotency-Key header stands for it", "/id")
    made = make_envelope(sent, shaped.data, shaped.shape, received_at, lambda: "")
    if isinstance(made, tuple):
        detail = f"{made[0].pointer}: {made[0].detail}"
        return Problem("envelope_invalid", detail, made, sent.id if isinstance(sent.id, str) else None)
    if not trusted:
        _refuse_ours(made)
    payload = read_payload(made, shaped.data_name)
    if isinstance(payload, Problem):
        return payload
    if not made.id:
        made = changed(made, id=_identity(made, payload) or new_id())
    if not trusted and made.id.startswith(TOLD_BY_BATCH):
        raise Refused("reserved_id", f"ids that begin with {TOLD_BY_BATCH} are those of facts from files", "/id")
    if isinstance(payload, Transaction) and sent.priority is None:
        made = changed(made, priority=PRIORITIES[payload.priority])
    return Event(made, payload)


def _identity(envelope: Envelope, payload: Payload | None) -> str | None:
    """Id that follows from what a sender says who names none: the same when the same is sent again."""
    if isinstance(payload, Transaction):
        return payload.transaction_id
    if envelope.trace_id is not None:
        content = (envelope.type, envelope.time.isoformat(), canonical(envelope.data))
        return derived_id((envelope.source, envelope.trace_id), "\n".join(content))
    return None


def _refuse_ours(envelope: Envelope) -> None:
    declared = TYPES.get(envelope.type)
    if envelope.source == SERVICE_SOURCE:
        raise Refused("source_refused", f"{SERVICE_SOURCE} is this service", "/source")
    if declared is not None and declared.sender == "this service":
        raise Refused("reserved_type", f"{envelope.type} follows from a command or a fact", "/type")


def _data(shaped: shapes.Shaped) -> str:
    return f"/{shaped.data_name}"
