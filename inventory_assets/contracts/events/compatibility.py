"""Which changes of a schema break somebody who sends data that fitted it before.

A version may grow: new members that are not required, new values of an enumeration, wider bounds. Everything else needs
a new version with an upcaster. Invariant: an empty answer means that data valid before stays valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LOWER, _UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


def incompatibilities(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What a new schema of the same version takes away, each with the place.

    Args:
        old: schema as published.
        new: schema as it would be.
    """
    return list(_differences(_Side(old, old), _Side(new, new), "data"))


class _Side:
    """A node of a schema with the document it stands in."""

    def __init__(self, document: Mapping[str, Any], node: Mapping[str, Any]) -> None:
        self.document = document
        while "$ref" in node:
            node = document["$defs"][node["$ref"].rpartition("/")[2]]
        self.node = node

    def at(self, node: Mapping[str, Any]) -> _Side:
        return _Side(self.document, node)


def _differences(old: _Side, new: _Side, path: str) -> Iterator[str]:
    yield from _alternatives(old, new, path)
    yield from _types(old.node, new.node, path)
    yield from _values(old.node, new.node, path)
    yield from _bounds(old.node, new.node, path)
    before, after = old.node.get("properties", {}), new.node.get("properties", {})
    for name, node in before.items():
        if name not in after:
            yield f"{path}/{name}: removed"
        else:
            yield from _differences(old.at(node), new.at(after[name]), f"{path}/{name}")
    for name in sorted({*new.node.get("required", ())} - {*old.node.get("required", ())}):
        yield f"{path}/{name}: required now"
    if new.node.get("additionalProperties") is False and old.node.get("additionalProperties") is not False:
        yield f"{path}: further members are refused now"
    if "items" in new.node:
        yield from _differences(old.at(old.node.get("items", {})), new.at(new.node["items"]), f"{path}/*")


def _alternatives(old: _Side, new: _Side, path: str) -> Iterator[str]:
    """Each former alternative must still fit one of the present ones."""
    if "anyOf" not in old.node and "anyOf" not in new.node:
        return
    present = new.node.get("anyOf", [new.node])
    for former in old.node.get("anyOf", [old.node]):
        if not any(not list(_differences(old.at(former), new.at(each), path)) for each in present):
            yield f"{path}: {former.get('type', former.get('$ref', 'a former alternative'))} no longer fits"


def _types(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
    before, after = old.get("type"), new.get("type")
    if "anyOf" in old or "anyOf" in new or after is None or before == after:
        return
    if (before, after) != ("integer", "number"):
        yield f"{path}: {before or 'anything'} became {after}"


def _values(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
    after = _allowed(new)
    if after is None:
        return
    before = _allowed(old)
    if before is None:
        yield f"{path}: only {', '.join(map(str, after))} now"
        return
    for value in before:
        if value not in after:
            yield f"{path}: {value} is no longer allowed"


def _allowed(node: Mapping[str, Any]) -> list[Any] | None:
    return [node["const"]] if "const" in node else node.get("enum")


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in _LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{path}: {name} {old.get(name, 'none')} became {new[name]}"
    for name in _UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{path}: {name} {old.get(name, 'none')} became {new[name]}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{path}: pattern {old.get('pattern', 'none')} became {new['pattern']}"
