"""An event as the log keeps it, and its rows as text for COPY.

Pure: no clock, no database. Invariant: what comes through `prepared` can be stored, or is refused by name alone,
so that one bad event never costs the group it came with.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from inventory_assets.contracts.values import Value
from inventory_assets.live.tables import LANES

Disposition = Literal["accepted", "decided", "filtered", "quarantined"]

LONGEST_NAME = 512
"""Characters a source or an event id may have; both stand in an index."""
MOST_PARTS = 32_767
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ESCAPED = re.compile("[\\\\\t\n\r]")
_NULL_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class UnstorableEventError(ValueError):
    """An event holds something the database cannot keep."""


class Entry(Value, frozen=True):
    """An event to be appended.

    Attributes:
        source: system it comes from.
        event_id: its id there; (source, id) is one event for ever.
        type: type and version, as the contract names it.
        event_time: when it happened, aware.
        received_at: when it reached us, aware.
        priority: 1 to 10; 11 for emergencies.
        items: the items it touches, in the order of its lines; each is a part of its own in the queue.
        envelope: the remaining attributes, a JSON object as text.
        data: what it says, a JSON object as text.
        fingerprint: see `fingerprint`.
        disposition: accepted events wait in the queue; decided ones are facts a command became and were applied with
            it; filtered and quarantined ones are kept and can be released.
        effects: what it does to stock (`stored_effects`); None for a command, which is one part of the queue, in the
            lane of its first item, and does what the facts it becomes do.
    """

    source: str
    event_id: str
    type: str
    event_time: datetime
    received_at: datetime
    priority: int
    items: tuple[str, ...]
    envelope: str
    data: str
    fingerprint: bytes
    disposition: Disposition = "accepted"
    effects: str | None = "[]"

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one event."""
        return self.source, self.event_id


class Prepared(Value, frozen=True):
    """An entry whose rows are built; only sequence and epoch are missing, which are drawn under the lock.

    Attributes:
        entry: the entry.
        log: the rest of its row of `event_log`.
        ids: the rest of its row of `event_ids`.
        queue: the rest of its rows of `event_queue`, one a part; none where it does not wait.
    """

    entry: Entry
    log: str
    ids: str
    queue: tuple[str, ...] = ()


def fingerprint(type_: str, data: object) -> bytes:
    """What tells a repeated delivery from another event under the same id.

    Args:
        type_: type of the event.
        data: its data as Python values; the order of keys does not matter. Instants the listener filled in itself do
            not belong here, as a repeat would carry another one.
    """
    text = json.dumps([type_, data], sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def lane_of(item: str) -> int:
    """Lane of an item: one item is always worked on in one lane."""
    return zlib.crc32(item.encode()) % LANES


def prepared(entry: Entry) -> Prepared:
    """Build the rows of an entry.

    Raises:
        UnstorableEventError: it holds what the database cannot keep.
    """
    _check(entry)
    event_time, received_at = entry.event_time.isoformat(), _shared_instant(entry.received_at)
    source, event_id = copy_text(entry.source), copy_text(entry.event_id)
    effects = "\\N" if entry.effects is None else copy_text(entry.effects)
    log = (
        f"{source}\t{event_id}\t{copy_text(entry.type)}\t{event_time}\t{received_at}\t{entry.priority}"
        f"\t{copy_text(_array(entry.items))}\t{entry.disposition}\t{copy_text(entry.envelope)}"
        f"\t{copy_text(entry.data)}\t{effects}"
    )
    if "\0" in log:
        raise _holds_null(entry)
    ids = f"{source}\t{event_id}\t\\\\x{entry.fingerprint.hex()}\t{received_at}"
    try:
        if not log.isascii():
            log.encode()
    except UnicodeEncodeError as error:
        raise UnstorableEventError(f"{_named(entry)} holds half of a surrogate pair, which is no character") from error
    if entry.disposition != "accepted":
        return Prepared(entry, log, ids)
    items = entry.items[:1] if entry.effects is None else entry.items
    lanes = [lane_of(item) for item in items] or [lane_of("/".join(entry.key))]
    rest = f"{entry.priority}\t{event_time}\t{received_at}"
    return Prepared(entry, log, ids, tuple([f"{part}\t{lane}\t{rest}" for part, lane in enumerate(lanes)]))


@functools.lru_cache(64)
def _shared_instant(at: datetime) -> str:
    """Text of an instant that all events of a request share."""
    return at.isoformat()


LOG_COLUMNS = (
    "sequence", "epoch", "source", "event_id", "type", "event_time", "received_at", "priority", "items", "disposition",
    "envelope", "data", "effects",
)  # fmt: skip
IDS_COLUMNS = ("sequence", "source", "event_id", "fingerprint", "received_at")
QUEUE_COLUMNS = ("sequence", "part", "lane", "priority", "event_time", "received_at")
"""Columns in the order of the rows above."""


def _check(entry: Entry) -> None:
    if not entry.source or not entry.event_id:
        raise UnstorableEventError(f"{_named(entry)} needs a source and an id")
    if max(len(entry.source), len(entry.event_id)) > LONGEST_NAME:
        raise UnstorableEventError(f"{_named(entry)}: source and id have {LONGEST_NAME} characters at most")
    if entry.event_time.tzinfo is None or entry.received_at.tzinfo is None:
        raise UnstorableEventError(f"{_named(entry)} needs instants with a time zone")
    if not 1 <= entry.priority <= 11:  # noqa: PLR2004 - the bounds of the column
        raise UnstorableEventError(f"{_named(entry)}: priority {entry.priority} is not between 1 and 11")
    if len(entry.items) > MOST_PARTS:
        raise UnstorableEventError(f"{_named(entry)} has {len(entry.items)} parts, {MOST_PARTS} at most")
    for text in (entry.data, entry.envelope):
        if "\\u0000" in text and _NULL_CHARACTER.search(text):
            raise _holds_null(entry)


def _holds_null(entry: Entry) -> UnstorableEventError:
    return UnstorableEventError(f"{_named(entry)} holds the character U+0000, which PostgreSQL cannot keep")


def _named(entry: Entry) -> str:
    return f"event {entry.event_id[:80]!r} of {entry.source[:80]!r}"


def copy_text(value: str) -> str:
    """A text as COPY takes it."""
    if value.isprintable() and "\\" not in value:
        return value
    return value.translate(_ESCAPES) if _ESCAPED.search(value) else value


def _array(values: Iterable[str]) -> str:
    return f"{{{','.join([_quoted(value) for value in values])}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
