"""What is done about dead letters without a person, every few minutes, and what people are told of it.

Overload: put back as they are, and the caller takes smaller batches. Chance: put back with a raised priority. Bad data:
put back where a correction is registered for the type; the rest waits for a person. Each new finding is an incident in
the outbox (`deadletter.alert`), once for the letters it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id
from inventory_assets.contracts.events.notices import DeadLetterAlert
from inventory_assets.contracts.events.wire import dumps
from inventory_assets.contracts.events.writing import structured_event
from inventory_assets.live.auditing import Act
from inventory_assets.live.dead_letters.handling import (
    HIGHEST_RAISED,
    LetterClosedError,
    edit_and_retry,
    retry,
)
from inventory_assets.live.dead_letters.looking import MOST_AT_ONCE, Key, name_of, shown
from inventory_assets.live.dead_letters.patterns import Finding, Letter, findings
from inventory_assets.live.log.accepting import UnreadableEventError, envelope_of
from inventory_assets.live.log.appending import append_within, copy_rows
from inventory_assets.live.log.entries import copy_text

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.contracts.events.notices import Pattern

Correction = Callable[[Any], Any]
"""From the data of an event that cannot be read to data that can, or None where it knows no better."""

_OPEN = """
SELECT dead_letters.sequence, part, event_id, dead_letters.source, dead_letters.type, error_class, died_at, recoveries,
       pattern
FROM dead_letters JOIN event_log USING (sequence) WHERE status = 'open' ORDER BY died_at LIMIT %s
"""
_NAMED = """
UPDATE dead_letters SET pattern = %s
FROM unnest(%s::bigint[], %s::smallint[]) AS asked (sequence, part)
WHERE dead_letters.sequence = asked.sequence AND dead_letters.part = asked.part
"""
_ACTOR = "recovery"
_RECOVERIES: Mapping[Pattern, str] = {
    "SystemOverload": "put back as they are, and batches become smaller",
    "DataQualityIssue": "corrected and put back where a correction is registered for the type",
    "RandomFailure": f"put back with priority {HIGHEST_RAISED}",
}
_REQUIRED: Mapping[Pattern, str] = {
    "SystemOverload": "Look at load and locks; the events are tried again in smaller batches.",
    "DataQualityIssue": "Correct the events, or register a correction for their type, and retry them.",
    "RandomFailure": "Look at the errors; retry, correct or discard what recovery could not help.",
}


def recover(
    connection: Connection, now: datetime, corrections: Mapping[str, Correction] | None = None
) -> list[Finding]:
    """Find what failed together, tell of it, and put back what may be.

    Args:
        connection: a psycopg connection that commits each statement.
        now: the time.
        corrections: registered corrections by type of event.

    Returns:
        What was found.
    """
    found, named = _looked(connection, now)
    for each in found:
        _tell(connection, each, [_key(letter) for letter in each.letters if named[_key(letter)] != each.pattern], now)
        act = Act(now, _ACTOR, f"{each.pattern}: {each.error_class} of {each.source}")
        if each.pattern == "DataQualityIssue":
            _correct(connection, each, corrections or {}, act)
        else:
            raised = HIGHEST_RAISED if each.pattern == "RandomFailure" else 1
            keys = [_key(letter) for letter in each.recoverable]
            retry(connection, keys, act, raised=raised, pattern=each.pattern, recovered=True)
    return found


@dataclass(frozen=True, slots=True)
class ShownPattern:
    """A finding as people are shown it.

    Attributes:
        pattern: what it looks like.
        error_class: class of the errors.
        source: source of the events.
        since: when the first of them died.
        letters: how many there are.
        recoverable: how many may be put back without a person.
        recovery: what is done about them without one.
        required_action: what a person does.
        first: names of the first ten.
    """

    pattern: Pattern
    error_class: str
    source: str
    since: datetime
    letters: int
    recoverable: int
    recovery: str
    required_action: str
    first: tuple[str, ...]


def shown_patterns(connection: Connection, now: datetime) -> list[ShownPattern]:
    """What failed together among the oldest open letters; nothing is done about it.

    Args:
        connection: a psycopg connection.
        now: the time.
    """
    return [
        ShownPattern(
            each.pattern,
            each.error_class,
            each.source,
            each.since,
            len(each.letters),
            len(each.recoverable),
            _RECOVERIES[each.pattern],
            _REQUIRED[each.pattern],
            tuple(name_of(_key(letter)) for letter in each.letters[:10]),
        )
        for each in _looked(connection, now)[0]
    ]


def alert(finding: Finding, keys: Sequence[Key], now: datetime) -> Envelope:
    """The incident of a finding.

    Args:
        finding: what was found.
        keys: letters nobody was told of.
        now: the time.
    """
    letters = [letter for letter in finding.letters if _key(letter) in set(keys)]
    severity = "warning" if finding.pattern == "RandomFailure" else "critical"
    payload = DeadLetterAlert(
        Title=f"{len(letters)} events of {finding.source} failed: {finding.error_class}",
        Severity=severity,
        AffectedEvents=len(letters),
        Pattern=finding.pattern,
        RequiredAction=_REQUIRED[finding.pattern],
        Events=[letter.event_id for letter in letters[:10]],
        since=finding.since,
    )
    return Envelope(
        id=derived_id(
            (letters[0].source, letters[0].event_id), f"deadletter.alert {finding.pattern} {now.isoformat()}"
        ),
        type="deadletter.alert",
        source=SERVICE_SOURCE,
        time=now,
        received_at=now,
        data=payload.model_dump(mode="json", exclude_none=True, by_alias=True),
    )


def _looked(connection: Connection, now: datetime) -> tuple[list[Finding], dict[Key, str | None]]:
    """Findings among the oldest open letters, and the pattern each letter was named with."""
    rows = connection.execute(_OPEN, (MOST_AT_ONCE,)).fetchall()
    return findings((Letter(*row[:8]) for row in rows), now), {(row[0], row[1]): row[8] for row in rows}


def _tell(connection: Connection, finding: Finding, keys: Sequence[Key], now: datetime) -> None:
    if not keys:
        return
    envelope = alert(finding, keys, now)
    data, at = copy_text(dumps(structured_event(envelope))), now.astimezone(UTC).isoformat()
    with connection.transaction():
        connection.execute(_NAMED, (finding.pattern, [key[0] for key in keys], [key[1] for key in keys]))
        append_within(connection, ())
        copy_rows(connection, "outbox", ("type", "created_at", "data"), [f"{envelope.type}\t{at}\t{data}"])
        connection.execute("SELECT pg_notify('inventory_outbox', '')")


def _correct(connection: Connection, finding: Finding, corrections: Mapping[str, Correction], act: Act) -> None:
    for letter in finding.recoverable:
        correction = corrections.get(letter.type)
        if correction is None:
            continue
        better = correction(envelope_of(shown(connection, _key(letter)).event).data)
        if better is None:
            continue
        try:
            edit_and_retry(connection, _key(letter), better, act)
        except (UnreadableEventError, LetterClosedError):
            continue


def _key(letter: Letter) -> Key:
    return letter.sequence, letter.part
