"""The one envelope every event has inside, whatever shape it came in, and how its attributes are checked.

Not here: the shapes on the wire (`reading`, `shapes`), the data (`payloads`). Invariant: an `Envelope` made by
`make_envelope` has bounded, storable attributes and aware UTC instants.
"""

from __future__ import annotations

import functools
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json.encoder import encode_basestring_ascii
from typing import Any, Literal
from urllib.parse import quote, unquote

import msgspec

from inventory_assets.contracts.events.catalogue import canonical
from inventory_assets.contracts.events.fields import instant
from inventory_assets.contracts.events.problems import FieldError
from inventory_assets.contracts.events.wire import canonical as canonical_text
from inventory_assets.contracts.values import Value

Shape = Literal["cloudevents", "000", "003", "004", "001"]
"""Form in which an event came: CloudEvents in any mode, or the shape of one of the source documents."""

SERVICE_SOURCE = "/inventory-assets"
"""Source of the events this service emits; nobody else may use it."""
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://inventory-assets/events")
"""Namespace of derived event ids. Never change it: a changed id is another event."""

DEFAULT_PRIORITY = 5
MAX_EXTENSION, MAX_EXTENSIONS = 1024, 20
"""Characters of a further attribute, and how many there may be."""
_NEEDED = {"type", "source"}
_OPTIONAL = ("subject", "trace_id", "correlation_id", "causation_id", "partition_key")
_LONGEST = {"id": 128, "source": 256, "type": 128, "subject": 2048} | dict.fromkeys(_OPTIONAL[1:], 128)

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_VERSION = re.compile(r"[vV]?(\d{1,4})(\.\d{1,4}){0,2}", re.ASCII)
_PRIORITY = re.compile(r"[1-9]|10")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*", re.ASCII)
_EXTENSION = re.compile(r"[a-z0-9]{1,64}", re.ASCII)


class Envelope(Value, frozen=True):
    """An event.

    Attributes:
        id: unique within its source; together they make the event the same one when it comes again.
        type: declared name of its type, or what the sender called it.
        source: who says so.
        time: when it happened, UTC.
        received_at: when it reached us, UTC.
        data: as it came, at the version it came in.
        version: version of the type's data.
        subject: what it is about; `item/location` with both percent-encoded, where it is about one pair.
        priority: 1 to 10.
        trace_id: W3C trace id or the sender's own.
        correlation_id: what belongs together.
        causation_id: id of the event this one follows from.
        partition_key: the sender's key for partitions of a broker.
        shape: form it came in.
        extensions: further CloudEvents attributes, as text.
    """

    id: str
    type: str
    source: str
    time: datetime
    received_at: datetime
    data: Any
    version: int = 1
    subject: str | None = None
    priority: int = DEFAULT_PRIORITY
    trace_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    partition_key: str | None = None
    shape: Shape = "cloudevents"
    extensions: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one event: source and id."""
        return (self.source, self.id)

    @property
    def pair(self) -> tuple[str, str] | None:
        """Item and location of the subject, where it names both."""
        item, slash, location = (self.subject or "").partition("/")
        return (unquote(item), unquote(location)) if slash and item and location and "/" not in location else None


@dataclass(slots=True)
class Attributes:
    """Attributes of an event as its shape gives them, unchecked; None where not sent.

    Attributes:
        id: see `Envelope`; the same for the following ones.
        type: see `Envelope`.
        source: see `Envelope`.
        time: text of the instant.
        version: number or text.
        subject: see `Envelope`.
        priority: number or text of one.
        trace_id: own id of a trace.
        traceparent: W3C header.
        correlation_id: see `Envelope`.
        causation_id: see `Envelope`.
        partition_key: see `Envelope`.
        extensions: further attributes.
        names: name of an attribute in the sender's shape, where it differs, for messages.
    """

    id: Any = None
    type: Any = None
    source: Any = None
    time: Any = None
    version: Any = None
    subject: Any = None
    priority: Any = None
    trace_id: Any = None
    traceparent: Any = None
    correlation_id: Any = None
    causation_id: Any = None
    partition_key: Any = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@functools.lru_cache(16_384)
def subject_of(item: str, location: str) -> str:
    """Subject of an event about one item at one location."""
    return f"{quote(item, safe='')}/{quote(location, safe='')}"


def derived_id(event: tuple[str, str], ordinal: int | str) -> str:
    """Id of an event that follows from another one: the same whenever it is derived again.

    Args:
        event: source and id of the other event; an id alone is unique within its source only.
        ordinal: which of the events that follow.
    """
    # uuid.uuid5, written out: it is made for every notice, and the class costs more than the hash.
    name = "\n".join((*event, str(ordinal))).encode()
    made = hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()
    bits = (int.from_bytes(made[:16], "big") & ~(0xF000 << 64) & ~(0xC000 << 48)) | 5 << 76 | 0x8000 << 48
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def fingerprint(envelope: Envelope, data: str | None = None) -> str:
    """What an event says, as a hash: two events with one key and different fingerprints contradict each other.

    Times are left out: one that was not sent is that of reception, and differs when the event comes again.

    Args:
        envelope: the event.
        data: its data as canonical text, where that was made already.
    """
    subject = "null" if envelope.subject is None else encode_basestring_ascii(envelope.subject)
    said = canonical_text(envelope.data) if data is None else data
    text = f"[{encode_basestring_ascii(envelope.type)},{envelope.version},{subject},{said}]"
    return hashlib.sha256(text.encode()).hexdigest()


def make_envelope(
    sent: Attributes,
    data: object,
    shape: Shape,
    received_at: datetime,
    fallback_id: Callable[[], str],
) -> Envelope | tuple[FieldError, ...]:
    """The envelope, or everything that is wrong with its attributes.

    Args:
        sent: attributes of the event.
        data: its data.
        shape: form it came in.
        received_at: when it came; also its time where it names none.
        fallback_id: gives an id where the event has none.
    """
    check = _Check(sent)
    event_id, event_type, source = check.text("id"), check.text("type"), check.text("source")
    texts = {name: check.text(name) for name in _OPTIONAL if getattr(sent, name) is not None}
    time, version, priority = check.time(received_at), check.version(), check.priority()
    extensions = check.extensions()
    if check.errors or event_type is None or source is None:
        return tuple(check.errors)
    if sent.traceparent is not None and "trace_id" not in texts:
        texts["trace_id"] = _trace_id(sent.traceparent)
    return Envelope(
        id=fallback_id() if event_id is None else event_id,
        type=canonical(event_type),
        source=source,
        time=time,
        received_at=received_at,
        data=data,
        version=version,
        priority=priority,
        shape=shape,
        extensions=extensions,
        **texts,
    )


class _Check:
    """Reads attributes one by one and remembers what is wrong with them."""

    def __init__(self, sent: Attributes) -> None:
        self.sent = sent
        self.errors: list[FieldError] = []

    def _wrong(self, name: str, detail: str) -> None:
        self.errors.append(FieldError("/" + self.sent.names.get(name, name), detail))

    def text(self, name: str) -> str | None:
        value = getattr(self.sent, name)
        if isinstance(value, str) and len(value) <= _LONGEST[name] and value.isprintable() and (kept := value.strip()):
            return kept
        if value is None and name not in _NEEDED:
            return None
        if not isinstance(value, str) or not value.strip():
            self._wrong(name, "must be a text that is not empty")
        elif len(value) > _LONGEST[name]:
            self._wrong(name, f"must have at most {_LONGEST[name]} characters")
        elif not _PRINTABLE.fullmatch(value):
            self._wrong(name, "must not hold control characters")
        else:
            return value.strip()
        return None

    def time(self, received_at: datetime) -> datetime:
        try:
            found = received_at if self.sent.time is None else instant(self.sent.time)
        except ValueError as error:
            self._wrong("time", str(error))
            return received_at
        if isinstance(found, datetime):
            return found
        self._wrong("time", "an instant is a text such as 2024-01-15T10:30:00Z")
        return received_at

    def version(self) -> int:
        value = self.sent.version
        if value is None or value == "1":
            return 1
        found = _VERSION.fullmatch(str(value))
        if found is None or int(found[1]) == 0 or isinstance(value, bool):
            self._wrong("version", "must be a version such as 1 or 1.0")
            return 1
        return int(found[1])

    def priority(self) -> int:
        value = self.sent.priority
        if value is None:
            return DEFAULT_PRIORITY
        if isinstance(value, int | str) and not isinstance(value, bool) and _PRIORITY.fullmatch(str(value)):
            return int(value)
        self._wrong("priority", "must be a whole number from 1 to 10")
        return DEFAULT_PRIORITY

    def extensions(self) -> dict[str, str]:
        if not self.sent.extensions:
            return {}
        if len(self.sent.extensions) > MAX_EXTENSIONS:
            self._wrong("", f"at most {MAX_EXTENSIONS} extension attributes")
            return {}
        kept: dict[str, str] = {}
        for name, value in self.sent.extensions.items():
            as_text = str(value).lower() if isinstance(value, bool) else str(value)
            if not _EXTENSION.fullmatch(name):
                self._wrong(name[:64], "is no attribute of CloudEvents 1.0; extensions are lower-case letters, digits")
            elif isinstance(value, dict | list):
                self._wrong(name, "an extension attribute is a text, a number, true or false")
            elif len(as_text) > MAX_EXTENSION or (as_text and not _PRINTABLE.fullmatch(as_text)):
                self._wrong(name, f"must have at most {MAX_EXTENSION} characters and no control characters")
            elif value is not None:
                kept[name] = as_text
        return kept


def _trace_id(traceparent: object) -> str | None:
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return found[1] if found else None
