"""JSON Schemas of every type and version, from the models, and the AsyncAPI 3 document that puts them together.

Pure: texts and values. Writing them into docs/ is in `documents`, telling a compatible change from another one in
`compatibility`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.events.kinds import EventType

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_name(name: str, version: int) -> str:
    """Name of the schema of a type's version: file name without its ending, and key in the AsyncAPI document."""
    return f"{name}.v{version}"


def data_schema(declared: EventType, version: int) -> dict[str, Any]:
    """JSON Schema of the data of a type at a version."""
    schema = declared.versions[version].model_json_schema(by_alias=True)
    schema.pop("title", None)
    schema.pop("description", None)
    return {
        "$schema": DIALECT,
        "$id": f"{schema_name(declared.name, version)}.json",
        "title": f"{declared.name}, version {version}",
        "description": declared.meaning,
        **schema,
        "examples": [dict(declared.examples[version])],
    }


def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its name."""
    return {
        schema_name(declared.name, version): data_schema(declared, version)
        for declared in TYPES.values()
        for version in sorted(declared.versions)
    }


def example(declared: EventType, version: int) -> dict[str, Any]:
    """A whole event of a type in CloudEvents' structured mode."""
    ours = declared.sender == "this service"
    return {
        "specversion": "1.0",
        "id": f"example-{declared.name}-{version}",
        "source": SERVICE_SOURCE if ours else "/stores/STORE-001/till-3",
        "type": declared.name,
        "time": "2024-01-15T10:30:00Z",
        "datacontenttype": "application/json",
        "schemaversion": str(version),
        "data": dict(declared.examples[version]),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: what may be sent to this service and what it sends."""
    schemas: dict[str, Any] = {"CloudEvent": _cloud_event()}
    messages: dict[str, Any] = {}
    for name, schema in all_schemas().items():
        schemas[name], parts = _hoisted(schema)
        schemas |= parts
    for declared in TYPES.values():
        for version in sorted(declared.versions):
            messages[schema_name(declared.name, version)] = _message(declared, version)
    receives = [name for each in TYPES.values() if each.sender == "anyone" for name in _names(each)]
    sends = [
        name
        for each in TYPES.values()
        if each.sender != "anyone" or each.name == "inventory.updated"
        for name in _names(each)
    ]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "inventory-assets events",
            "version": "1.0.0",
            "description": "Events of a retail inventory: what may be sent, and what is told to others.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "events": _channel("/api/v1/events", "Events sent to this service.", receives),
            "outbox": _channel(None, "Events this service sends: webhooks, streams, topics.", sends),
        },
        "operations": {
            "receiveEvent": _operation("receive", "events", receives),
            "sendEvent": _operation("send", "outbox", sends),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _names(declared: EventType) -> list[str]:
    return [schema_name(declared.name, version) for version in sorted(declared.versions)]


def _channel(address: str | None, description: str, names: list[str]) -> dict[str, Any]:
    messages = {_key(name): {"$ref": f"#/components/messages/{name}"} for name in names}
    return {"address": address, "description": description, "messages": messages}


def _operation(action: str, channel: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_key(name)}"} for name in names],
    }


def _key(name: str) -> str:
    return name.replace(".", "_")


def _message(declared: EventType, version: int) -> dict[str, Any]:
    constants = {"type": {"const": declared.name}, "data": {"$ref": f"#/components/schemas/{_name(declared, version)}"}}
    if version > 1:
        constants["schemaversion"] = {"const": str(version)}
    return {
        "name": declared.name,
        "title": f"{declared.name}, version {version}",
        "summary": declared.meaning,
        "description": f"Effect on stock: {declared.effect}.",
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [{"$ref": "#/components/schemas/CloudEvent"}, {"type": "object", "properties": constants}]
        },
        "examples": [{"payload": example(declared, version)}],
    }


def _name(declared: EventType, version: int) -> str:
    return schema_name(declared.name, version)


def _hoisted(schema: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema with its parts beside it instead of inside, and the parts."""
    whole = _pointed(copy.deepcopy(dict(schema)))
    parts = whole.pop("$defs", {})
    whole.pop("$id")
    whole.pop("$schema")
    return whole, parts


def _pointed(node: Any) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(node, dict):
        return {
            name: value.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _pointed(value)
            for name, value in node.items()
        }
    return [_pointed(each) for each in node] if isinstance(node, list) else node


def _cloud_event() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "CloudEvents 1.0 in structured mode, with the extension attributes this service reads.",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**text, "maxLength": 128},
            "source": {**text, "maxLength": 256, "format": "uri-reference"},
            "type": {**text, "maxLength": 128},
            "time": {"type": "string", "format": "date-time"},
            "subject": {**text, "maxLength": 2048, "description": "item/location, both percent-encoded"},
            "datacontenttype": {"const": "application/json"},
            "schemaversion": {**text, "description": "Version of the data, 1 where not sent."},
            "priority": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 10}, {"pattern": "^([1-9]|10)$"}]},
            "traceparent": text,
            "correlationid": {**text, "maxLength": 128},
            "causationid": {**text, "maxLength": 128},
            "partitionkey": {**text, "maxLength": 128},
            "data": {},
        },
    }
