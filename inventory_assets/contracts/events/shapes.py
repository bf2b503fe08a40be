"""The shapes of an event in JSON: which members hold which attribute, and where the data stands.

CloudEvents 1.0 (structured), 000 (`eventType, eventSource, eventData`), 003 (`name, payload`), 004 (`event_type,
payload, trace_id`), 001 III §14.2 (`eventType, version, source, data`). A shape is known by its members, so that one
address takes all of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inventory_assets.contracts.events.envelope import Attributes, Shape
from inventory_assets.contracts.events.problems import Refused
from inventory_assets.contracts.events.wire import loads

SPEC_VERSION = "1.0"
OWN_EXTENSIONS = {
    "priority": "priority",
    "schemaversion": "version",
    "traceid": "trace_id",
    "traceparent": "traceparent",
    "correlationid": "correlation_id",
    "causationid": "causation_id",
    "partitionkey": "partition_key",
}
"""Extension attributes of CloudEvents that are attributes of our envelope."""

_NAMES = {attribute: member for member, attribute in OWN_EXTENSIONS.items()}
_MEMBERS = tuple(_NAMES.get(each.name, each.name) for each in fields(Attributes)[:-2])
"""Members by the attributes they hold, in the order of `Attributes`."""
_NOT_EXTENSIONS = {*_MEMBERS, "specversion", "datacontenttype", "data", "data_base64"}


@dataclass(slots=True)
class Shaped:
    """An event taken apart by its shape.

    Attributes:
        shape: which one.
        attributes: unchecked attributes.
        data: the data.
        data_name: member that holds it, for pointers.
        needs_id: whether the shape requires the sender to name an id.
    """

    shape: Shape
    attributes: Attributes
    data: Any
    data_name: str
    needs_id: bool = False


@dataclass(frozen=True, slots=True)
class _Plain:
    shape: Shape
    data_name: str
    required: tuple[str, ...]
    members: Mapping[str, str]


_PLAIN = (
    _Plain(
        "000",
        "eventData",
        ("eventType", "eventSource", "eventData"),
        {
            "type": "eventType",
            "source": "eventSource",
            "time": "timestamp",
            "priority": "priority",
            "id": "eventId",
            "correlation_id": "correlationId",
        },
    ),
    _Plain(
        "004",
        "payload",
        ("event_type", "payload"),
        {
            "type": "event_type",
            "source": "source",
            "time": "ingest_timestamp",
            "version": "schema_version",
            "trace_id": "trace_id",
            "correlation_id": "correlation_id",
            "causation_id": "parent_event_id",
            "partition_key": "partition_key",
        },
    ),
    _Plain(
        "003",
        "payload",
        ("name", "payload", "id"),
        {"type": "name", "source": "source", "time": "timestamp", "version": "version", "id": "id"},
    ),
    _Plain(
        "001",
        "data",
        ("eventType", "data"),
        {"type": "eventType", "source": "source", "time": "timestamp", "version": "version", "id": "eventId"},
    ),
)


def take_apart(event: object, pointer: str) -> Shaped:
    """An event by its shape.

    Args:
        event: JSON value.
        pointer: where it stands in the body, for the message.

    Raises:
        Refused: `shape_unknown`, or `body_unreadable` for data that is said to be base64 or JSON and is not.
    """
    if not isinstance(event, dict):
        raise Refused("shape_unknown", "an event is a JSON object", pointer)
    if "specversion" in event:
        return structured(event)
    for plain in _PLAIN:
        if all(name in event for name in plain.required):
            values: dict[str, Any] = {name: event.get(member) for name, member in plain.members.items()}
            attributes = Attributes(**values, names=plain.members)
            return Shaped(plain.shape, attributes, event[plain.data_name], plain.data_name)
    shown = ", ".join(sorted(event)[:8])[:200]
    raise Refused("shape_unknown", f"no shape has the members {shown or '(none)'}", pointer)


def structured(event: Mapping[str, Any]) -> Shaped:
    """A CloudEvent in structured mode, or one of a batch.

    Raises:
        Refused: another version of the specification, two kinds of data, or data that cannot be read.
    """
    _check_spec_version(event.get("specversion"))
    if "data" in event and "data_base64" in event:
        raise Refused("shape_unknown", "an event has data or data_base64, not both", "/data_base64")
    data, name = event.get("data"), "data"
    if "data_base64" in event:
        data, name = _decoded(event["data_base64"], event.get("datacontenttype")), "data_base64"
    extensions: dict[str, Any] = {}
    if not event.keys() <= _NOT_EXTENSIONS:
        extensions |= {member: value for member, value in event.items() if member not in _NOT_EXTENSIONS}
    if not is_json(event.get("datacontenttype")):
        extensions["datacontenttype"] = event["datacontenttype"]
    attributes = Attributes(*map(event.get, _MEMBERS), extensions=extensions, names=_NAMES)
    return Shaped("cloudevents", attributes, data, name, needs_id=True)


def binary(attributes: Mapping[str, str], body: bytes) -> Shaped:
    """A CloudEvent in binary mode: attributes from the ce- headers (without the prefix, decoded), data from the body.

    Raises:
        Refused: another version of the specification, or a body that is no JSON.
    """
    _check_spec_version(attributes.get("specversion"))
    event = {name: value for name, value in attributes.items() if name not in {"data", "data_base64"}}
    return structured({**event, "data": loads(body) if body else None})


def is_json(content_type: object) -> bool:
    """Whether a content type says JSON; none at all does."""
    if content_type is None or content_type == "application/json":
        return True
    main = str(content_type).partition(";")[0].strip().lower()
    return main in {"", "application/json", "text/json"} or main.endswith("+json")


def _check_spec_version(version: object) -> None:
    if version != SPEC_VERSION:
        raise Refused("shape_unknown", f"specversion must be {SPEC_VERSION!r}", "/specversion")


def _decoded(text: object, content_type: object) -> object:
    if not is_json(content_type):
        return text
    try:
        if not isinstance(text, str):
            raise Refused("body_unreadable", "data_base64 must be a text", "/data_base64")
        return loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("body_unreadable", "data_base64 is not base64", "/data_base64") from error
