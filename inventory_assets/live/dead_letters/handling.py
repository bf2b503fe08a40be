"""What people do with dead letters: look, put back, correct, give up; one by one or many at once with a dry run.

Every act is one transaction with its row in the audit log, and says who and why. A part that is put back gets three
more attempts; its history stays. A corrected event is a new event of the log that names the old one as its cause. A
part that is given up or replaced never counts: a fact of the log says so (`event.voided`), for the lake, which knows no
dead letters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id
from inventory_assets.contracts.events.facts import EventVoided
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.log_tables import TOLD_BY_BATCH, VOIDED
from inventory_assets.live.auditing import audit
from inventory_assets.live.log.accepting import ROW_COLUMNS, LogRow, UnreadableEventError, entry_of, envelope_of
from inventory_assets.live.log.appending import append_within, prepared_group
from inventory_assets.live.log.entries import Entry, UnstorableEventError
from inventory_assets.live.log.stored_effects import read, written

if TYPE_CHECKING:
    from psycopg import Connection

MOST_AT_ONCE = 500
"""Letters one act touches at most; a larger one is refused as a whole."""
LONGEST_REASON = 1000
"""Characters of a reason that stand in the log; the audit log keeps it whole."""
HIGHEST_RAISED = 7
"""Priority a part that is put back has at most: it never meets those that must be fast, unless it was one."""
_COLUMNS = (
    "sequence, part, source, type, item, priority, attempts, error_class, error_code, error_message, died_at, status,"
    " recoveries, pattern, resolved_at, resolved_by, resolution"
)
_LIST = f"""
SELECT {_COLUMNS} FROM dead_letters
WHERE (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
  AND (%(source)s::text IS NULL OR source = %(source)s) AND (sequence, part) > (%(sequence)s, %(part)s)
ORDER BY sequence, part LIMIT %(limit)s
"""  # noqa: S608 - the columns are ours
_ONE = f"SELECT {_COLUMNS} FROM dead_letters WHERE sequence = %s AND part = %s"  # noqa: S608 - as above
_EVENT = f"SELECT {ROW_COLUMNS} FROM event_log WHERE sequence = %s"  # noqa: S608 - as above
_HISTORY = """
SELECT attempt, status, worker, started_at, ended_at, error_class, error_code, error_message
FROM processing_log WHERE sequence = %s AND part = %s ORDER BY attempt
"""
_TAKE = """
SELECT sequence, part FROM dead_letters
JOIN unnest(%s::bigint[], %s::smallint[]) AS asked (sequence, part) USING (sequence, part)
WHERE status = 'open' ORDER BY sequence, part FOR UPDATE OF dead_letters
"""
_REQUEUE = """
INSERT INTO event_queue (sequence, part, lane, priority, attempts, event_time, received_at)
SELECT sequence, part, lane, greatest(priority, %(raised)s), attempts, event_time, received_at
FROM dead_letters JOIN unnest(%(sequences)s::bigint[], %(parts)s::smallint[]) AS asked (sequence, part)
    USING (sequence, part)
"""
_RESOLVE = """
UPDATE dead_letters
SET status = %(status)s, resolved_at = %(at)s, resolved_by = %(actor)s, resolution = %(reason)s,
    recoveries = recoveries + %(recovered)s, pattern = coalesce(%(pattern)s, pattern)
FROM unnest(%(sequences)s::bigint[], %(parts)s::smallint[]) AS asked (sequence, part)
WHERE dead_letters.sequence = asked.sequence AND dead_letters.part = asked.part
"""
_MOVING = """
SELECT log.source, log.event_id, log.effects, part, item
FROM dead_letters JOIN unnest(%s::bigint[], %s::smallint[]) AS asked (sequence, part) USING (sequence, part)
JOIN event_log AS log USING (sequence)
WHERE log.effects <> '[]' ORDER BY sequence, part
"""
_NOTIFY = "SELECT pg_notify('inventory_log', 'retry')"

Key = tuple[int, int]
"""Sequence and part."""


class TooManyLettersError(ValueError):
    """An act names more dead letters than one act may touch."""


class UnknownLetterError(LookupError):
    """There is no such dead letter."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter; attributes as the columns of `tables.DEAD_LETTERS`."""

    sequence: int
    part: int
    source: str
    type: str
    item: str | None
    priority: int
    attempts: int
    error_class: str
    error_code: str
    error_message: str
    died_at: datetime
    status: str
    recoveries: int
    pattern: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None

    @property
    def key(self) -> Key:
        """Sequence and part."""
        return self.sequence, self.part


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a part."""

    attempt: int
    status: str
    worker: str
    started_at: datetime
    ended_at: datetime
    error_class: str | None
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A dead letter with its event and all its attempts."""

    letter: DeadLetter
    event: LogRow
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, when and why.

    Attributes:
        at: when.
        actor: who.
        reason: why, for people.
    """

    at: datetime
    actor: str
    reason: str


def listed(
    connection: Connection,
    *,
    status: str | None = "open",
    error_class: str | None = None,
    source: str | None = None,
    after: Key = (0, -1),
    limit: int = 100,
) -> list[DeadLetter]:
    """Dead letters in the order of the log.

    Args:
        connection: a psycopg connection.
        status: open, retried, edited or discarded; None for all.
        error_class: class of the last error.
        source: source of the event.
        after: key of the last one seen.
        limit: letters at most.
    """
    asked = {
        "status": status,
        "error_class": error_class,
        "source": source,
        "sequence": after[0],
        "part": after[1],
        "limit": limit,
    }
    return [DeadLetter(*row) for row in connection.execute(_LIST, asked)]


def shown(connection: Connection, key: Key) -> Shown:
    """One dead letter with its event and history.

    Raises:
        UnknownLetterError: there is none.
    """
    row = connection.execute(_ONE, key).fetchone()
    event = connection.execute(_EVENT, key[:1]).fetchone()
    if row is None or event is None:
        raise UnknownLetterError(
            f"there is no dead letter {key[0]}/{key[1]}; inventory live deadletters list shows them"
        )
    attempts = tuple(Attempt(*each) for each in connection.execute(_HISTORY, key))
    return Shown(DeadLetter(*row), LogRow(*event), attempts)


def retry(
    connection: Connection,
    keys: Sequence[Key],
    act: Act,
    *,
    raised: int = 1,
    pattern: str | None = None,
    recovered: bool = False,
    dry_run: bool = False,
) -> list[Key]:
    """Put open letters back into the queue, for three more attempts.

    Args:
        connection: a psycopg connection that commits each statement.
        keys: which ones.
        act: who and why.
        raised: priority they get at least, `HIGHEST_RAISED` at most.
        pattern: pattern found in them.
        recovered: whether no person decided it; counted, as it may happen so often only.
        dry_run: say what would be put back, and do nothing.

    Returns:
        Keys of those that were open.

    Raises:
        TooManyLettersError: more than one act may touch.
    """

    def put_back(found: list[Key]) -> None:
        asked = {**_arrays(found), "raised": min(raised, HIGHEST_RAISED)}
        connection.execute(_REQUEUE, asked)
        connection.execute(_NOTIFY)

    return _resolved(
        connection, keys, act, "retried", put_back, dry_run=dry_run, pattern=pattern, recovered=int(recovered)
    )


def discard(connection: Connection, keys: Sequence[Key], act: Act, *, dry_run: bool = False) -> list[Key]:
    """Give open letters up: what they would have done to stock is never done.

    Args:
        connection: a psycopg connection that commits each statement.
        keys: which ones.
        act: who and why.
        dry_run: say what would be given up, and do nothing.

    Returns:
        Keys of those that were open.

    Raises:
        TooManyLettersError: more than one act may touch.
    """

    def void(found: list[Key]) -> None:
        _append(connection, _voids(connection, found, "discarded", act))

    return _resolved(connection, keys, act, "discarded", void, dry_run=dry_run)


def edit_and_retry(connection: Connection, key: Key, data: Any, act: Act) -> int | None:  # noqa: ANN401 - any JSON
    """Put a corrected event into the log instead of a letter; it is processed like any other.

    Of an event with several items only the letter's item is taken from the correction, as the others were applied. What
    the lake told the log stays what the lake told.

    Args:
        connection: a psycopg connection that commits each statement.
        key: which letter.
        data: the whole corrected data of the event.
        act: who and why.

    Returns:
        Sequence of the corrected event; None where the letter was not open any more.

    Raises:
        UnknownLetterError: there is none.
        UnreadableEventError: the corrected data do not fit the type either; nothing was done.
    """
    found = shown(connection, key)
    entry = _corrected(found, data, act.at)
    sequence: int | None = None

    def append_corrected(taken: list[Key]) -> None:
        nonlocal sequence
        sequence = _append(connection, [entry, *_voids(connection, taken, "edited", act)])

    _resolved(connection, [key], act, "edited", append_corrected)
    return sequence


def _corrected(found: Shown, data: Any, at: datetime) -> Entry:  # noqa: ANN401 - any JSON
    row = found.event
    old = envelope_of(row)
    told = TOLD_BY_BATCH if old.id.startswith(TOLD_BY_BATCH) else ""
    envelope = replace(
        old,
        id=told + derived_id(old.key, f"edited {found.letter.part} {found.letter.attempts}"),
        data=data,
        received_at=at,
        causation_id=old.id,
    )
    payload = read_payload(envelope)
    if isinstance(payload, Problem):
        raise UnreadableEventError(payload)
    entry = entry_of(Event(envelope, payload))
    if entry.effects is None or len(row.items) <= 1:
        return entry
    own = [each for each in read(entry.effects, *entry.key) if each.item == found.letter.item]
    return replace(entry, items=tuple({each.item: None for each in own}), effects=written(own))


def _voids(
    connection: Connection, keys: Sequence[Key], outcome: Literal["discarded", "edited"], act: Act
) -> list[Entry]:
    """Facts that say of parts which would have moved stock that they never will."""
    asked = _arrays(keys)
    made = []
    for source, event_id, effects, part, item in connection.execute(_MOVING, (asked["sequences"], asked["parts"])):
        first = read(effects, source, event_id)[0]
        payload = EventVoided(
            event_source=source,
            event_id=event_id,
            product_sku=item,
            location_id=first.location,
            outcome=outcome,
            reason=act.reason[:LONGEST_REASON],
        )
        envelope = Envelope(
            id=derived_id((source, event_id), f"{VOIDED} {part}"),
            type=VOIDED,
            source=SERVICE_SOURCE,
            time=first.at,
            received_at=act.at,
            data=payload.model_dump(mode="json", exclude_none=True),
            causation_id=event_id,
        )
        made.append(entry_of(Event(envelope, payload), "decided"))
    return made


def _append(connection: Connection, entries: Sequence[Entry]) -> int | None:
    """Put entries into the log, in the transaction of the caller; returns the sequence of the first."""
    group, refused = prepared_group(entries)
    if refused:
        raise UnstorableEventError(next(iter(refused.values())).reason)
    return append_within(connection, group)[0].sequence if group else None


def _resolved(
    connection: Connection,
    keys: Sequence[Key],
    act: Act,
    status: Literal["retried", "edited", "discarded"],
    do: Callable[[list[Key]], None],
    *,
    dry_run: bool = False,
    pattern: str | None = None,
    recovered: int = 0,
) -> list[Key]:
    """Lock the open ones of some letters, do something with them, and say so in the audit log."""
    if len(keys) > MOST_AT_ONCE:
        raise TooManyLettersError(
            f"{len(keys)} dead letters in one act; {MOST_AT_ONCE} are allowed, take them in turns"
        )
    with connection.transaction():
        asked = _arrays(keys)
        found = [(row[0], row[1]) for row in connection.execute(_TAKE, (asked["sequences"], asked["parts"]))]
        if dry_run or not found:
            return found
        resolved = {"status": status, "at": act.at, "actor": act.actor, "reason": act.reason}
        connection.execute(_RESOLVE, {**_arrays(found), **resolved, "pattern": pattern, "recovered": recovered})
        do(found)
        detail = {"letters": [f"{sequence}/{part}" for sequence, part in found], "pattern": pattern}
        subject = f"{len(found)} dead letters" if len(found) > 1 else "dead letter {}/{}".format(*found[0])
        audit(connection, act.at, act.actor, f"dead_letters.{status}", subject, act.reason, detail)
    return found


def _arrays(keys: Sequence[Key]) -> dict[str, list[int]]:
    return {"sequences": [sequence for sequence, _ in keys], "parts": [part for _, part in keys]}
