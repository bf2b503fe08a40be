"""What people do with dead letters: put back, correct, give up; one by one or many at once with a dry run.

Every act is one transaction with its row in the audit log, and says who and why. A part that is put back gets three
more attempts; its history stays. A corrected event is a new event of the log that names the old one as its cause. A
part that is given up or replaced never counts: a fact of the log says so (`event.voided`), for the lake, which knows no
dead letters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id
from inventory_assets.contracts.events.facts import EventVoided
from inventory_assets.contracts.events.payloads import read_payload
from inventory_assets.contracts.events.problems import Problem, Refused
from inventory_assets.contracts.events.reading import DEFAULT_LIMITS, Event
from inventory_assets.contracts.events.wire import check_storable, dumps
from inventory_assets.contracts.log_tables import TOLD_BY_BATCH, VOIDED
from inventory_assets.contracts.values import changed
from inventory_assets.live.auditing import Act, audit
from inventory_assets.live.dead_letters.looking import Chosen, Key, Shown, check_number, name_of, shown
from inventory_assets.live.log.accepting import UnreadableEventError, entry_of, envelope_of
from inventory_assets.live.log.appending import append_within, prepared_group
from inventory_assets.live.log.entries import Entry, UnstorableEventError
from inventory_assets.live.log.stored_effects import read, written

if TYPE_CHECKING:
    from psycopg import Connection

LONGEST_REASON = 1000
"""Characters of a reason that stand in the log; the audit log keeps it whole."""
HIGHEST_RAISED = 7
"""Priority a part that is put back has at most: it never meets those that must be fast, unless it was one."""
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


class LetterClosedError(RuntimeError):
    """The dead letter is not open any more: somebody put it back, corrected it, or gave it up."""


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
        connection: a psycopg connection; the act is a transaction, or part of the one it stands in.
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
        connection: a psycopg connection; the act is a transaction, or part of the one it stands in.
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


@dataclass(frozen=True, slots=True)
class Done:
    """What an act on several letters did, by their names.

    Attributes:
        letters: those that were open, and are done unless it was a dry run.
        not_open: those that were not.
        more: whether the filter means more than these.
        dry_run: whether nothing was done.
    """

    letters: tuple[str, ...]
    not_open: tuple[str, ...]
    more: bool
    dry_run: bool


def done_of(found: Chosen, done: Sequence[Key], *, dry_run: bool) -> Done:
    """What an act did.

    Args:
        found: letters it was to touch.
        done: those that were open.
        dry_run: whether nothing was done.
    """
    open_ones = set(done)
    left = tuple(name_of(key) for key in found.keys if key not in open_ones)
    return Done(tuple(name_of(key) for key in done), left, found.more, dry_run)


def check_done(connection: Connection, key: Key, done: Sequence[Key]) -> None:
    """Say why the only letter of an act was not touched, if it was not.

    Args:
        connection: a psycopg connection.
        key: the letter.
        done: what the act returned.

    Raises:
        UnknownLetterError: there is none.
        LetterClosedError: it is not open any more.
    """
    if key not in done:
        letter = shown(connection, key).letter
        raise LetterClosedError(
            f"dead letter {name_of(key)} is not open any more: {letter.status} by {letter.resolved_by}"
        )


def edit_and_retry(connection: Connection, key: Key, data: Any, act: Act) -> int:  # noqa: ANN401 - any JSON
    """Put a corrected event into the log instead of a letter; it is processed like any other.

    Of an event with several items only the letter's item is taken from the correction, as the others were applied. What
    the lake told the log stays what the lake told.

    Args:
        connection: a psycopg connection; the act is a transaction, or part of the one it stands in.
        key: which letter.
        data: the whole corrected data of the event.
        act: who and why.

    Returns:
        Sequence of the corrected event.

    Raises:
        UnknownLetterError: there is none.
        LetterClosedError: it is not open any more.
        UnreadableEventError: the corrected data do not fit the type either; nothing was done.
        UnstorableEventError: the database cannot keep them.
    """
    entry = _corrected(shown(connection, key), data, act.at)
    sequence = 0

    def append_corrected(taken: list[Key]) -> None:
        nonlocal sequence
        sequence = _append(connection, [entry, *_voids(connection, taken, "edited", act)])

    check_done(connection, key, _resolved(connection, [key], act, "edited", append_corrected))
    return sequence


def _corrected(found: Shown, data: Any, at: datetime) -> Entry:  # noqa: ANN401 - any JSON
    row = found.event
    old = envelope_of(row)
    _check_size(data)
    told = TOLD_BY_BATCH if old.id.startswith(TOLD_BY_BATCH) else ""
    envelope = changed(
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
    return changed(entry, items=tuple({each.item: None for each in own}), effects=written(own))


def _check_size(data: Any) -> None:  # noqa: ANN401 - any JSON
    """Hold corrected data to the limits of those that come in."""
    try:
        check_storable(data, "/data", DEFAULT_LIMITS.depth, texts=True)
    except Refused as refused:
        raise UnreadableEventError(refused.problem) from refused
    if len(dumps(data)) > DEFAULT_LIMITS.event_bytes:
        problem = Problem("event_too_large", f"the data has more than {DEFAULT_LIMITS.event_bytes} bytes")
        raise UnreadableEventError(problem)


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
    check_number(len(keys))
    with connection.transaction():
        asked = _arrays(keys)
        found = [(row[0], row[1]) for row in connection.execute(_TAKE, (asked["sequences"], asked["parts"]))]
        if dry_run or not found:
            return found
        resolved = {"status": status, "at": act.at, "actor": act.actor, "reason": act.reason}
        connection.execute(_RESOLVE, {**_arrays(found), **resolved, "pattern": pattern, "recovered": recovered})
        do(found)
        detail = {"letters": [name_of(key) for key in found], "pattern": pattern}
        subject = f"{len(found)} dead letters" if len(found) > 1 else f"dead letter {name_of(found[0])}"
        audit(connection, act, f"dead_letters.{status}", subject, detail)
    return found


def _arrays(keys: Sequence[Key]) -> dict[str, list[int]]:
    return {"sequences": [sequence for sequence, _ in keys], "parts": [part for _, part in keys]}
