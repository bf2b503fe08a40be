"""The data of an event as its typed payload, at the newest version: checked as it came, then lifted.

The log keeps what came; whoever reads it reads the newest version. Types nobody declared have no payload.
Invariant: data that fits a version always fits the next one after its upcaster (held by a property test).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from inventory_assets.contracts.events.catalogue import TYPES
from inventory_assets.contracts.events.fields import PLACE_NAMES, Payload
from inventory_assets.contracts.events.kinds import EventType
from inventory_assets.contracts.events.problems import FieldError, Problem
from inventory_assets.contracts.events.wire import escape

if TYPE_CHECKING:
    from inventory_assets.contracts.events.envelope import Envelope

MAX_ERRORS = 20
_OTHER_PLACE_NAMES = frozenset(PLACE_NAMES) - {"location_id"}
_STORE_KEY = re.compile(r"store_(\d+)", re.ASCII)
_WAREHOUSE_KEY = re.compile(r"dc_\d+", re.ASCII)


def read_payload(envelope: Envelope, data_name: str = "data") -> Payload | Problem | None:
    """The payload at the newest version of its type; None for a type nobody declared.

    Args:
        envelope: the event.
        data_name: member that held the data, for pointers.
    """
    declared = TYPES.get(envelope.type)
    if declared is None:
        return None
    if envelope.version not in declared.versions:
        known = ", ".join(str(version) for version in sorted(declared.versions))
        detail = f"{envelope.type} has version {known}, not {envelope.version}"
        return Problem("version_unknown", detail, event_id=envelope.id)
    if not isinstance(envelope.data, dict):
        error = FieldError(f"/{data_name}", f"the data of {envelope.type} is a JSON object")
        return Problem("data_invalid", error.detail, (error,), envelope.id)
    return _lifted(declared, envelope, data_name)


def _lifted(declared: EventType, envelope: Envelope, data_name: str) -> Payload | Problem:
    data: dict[str, Any] = envelope.data
    version = envelope.version
    while True:
        model = declared.versions[version]
        try:
            payload = model.model_validate(located(model, data, envelope))
        except ValidationError as error:
            return _problem(error, envelope, data_name)
        if version == declared.current:
            return payload
        data = declared.upcasters[version](data)
        version += 1


def located(model: type[Payload], data: Mapping[str, Any], envelope: Envelope) -> Mapping[str, Any]:
    """The data with its location, taken from elsewhere where the data of such a type names none.

    From, in this order: a member of the data, a distribution centre's number (`dc_5`: its numbers are not those of
    stores), the subject (item/location), the partition key of 004 (`store_12` is store 12).
    """
    if not _has_place(model):
        return data
    if data.get("location_id") is not None and _OTHER_PLACE_NAMES.isdisjoint(data):
        return data
    named = {name: value for name, value in data.items() if value is not None or name not in PLACE_NAMES}
    centre = named.pop("dc_id", None)
    if any(name in named for name in PLACE_NAMES):
        return named
    place = f"dc_{centre}" if isinstance(centre, int) and not isinstance(centre, bool) else centre
    if place is None and envelope.pair is not None:
        place = envelope.pair[1]
    if place is None and envelope.partition_key is not None:
        store = _STORE_KEY.fullmatch(envelope.partition_key)
        place = store[1] if store else None
        if _WAREHOUSE_KEY.fullmatch(envelope.partition_key):
            place = envelope.partition_key
    return named if place is None else {**named, "location_id": place}


@functools.cache
def _has_place(model: type[Payload]) -> bool:
    return "location_id" in model.model_fields


def _problem(error: ValidationError, envelope: Envelope, data_name: str) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = tuple(
        FieldError("".join(f"/{escape(step)}" for step in (data_name, *each["loc"])), each["msg"])
        for each in found[:MAX_ERRORS]
    )
    placeless = all(each["type"] == "missing" and each["loc"][-1] in {*PLACE_NAMES} for each in found)
    code = "location_missing" if placeless else "data_invalid"
    detail = f"{envelope.type} version {envelope.version}: {errors[0].pointer}: {errors[0].detail}"
    return Problem(code, detail, errors, envelope.id)
