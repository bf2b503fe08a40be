"""Looking at dead letters: which there are, one with its event and history, and those an act is to touch.

Nothing is changed here (`handling`). Invariant: a page and what follows its last letter show every letter once, in the
order of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from inventory_assets.contracts.events.catalogue import canonical
from inventory_assets.contracts.events.notices import Pattern
from inventory_assets.live.log.accepting import ROW_COLUMNS, LogRow

if TYPE_CHECKING:
    from psycopg import Connection

MOST_AT_ONCE = 500
"""Letters one act touches at most; a larger one is refused as a whole."""
Status = Literal["open", "retried", "edited", "discarded"]
STATUSES: tuple[Status, ...] = get_args(Status)
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
_SEQUENCE_DIGITS, _PART_DIGITS = 18, 4
_COLUMNS = (
    "sequence, part, source, type, item, priority, attempts, error_class, error_code, error_message, died_at, status,"
    " recoveries, pattern, resolved_at, resolved_by, resolution"
)
_LIST = f"""
SELECT {_COLUMNS} FROM dead_letters
WHERE (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(error_class)s::text IS NULL OR error_class = %(error_class)s)
  AND (%(source)s::text IS NULL OR source = %(source)s)
  AND (%(type)s::text IS NULL OR type = %(type)s)
  AND (%(item)s::text IS NULL OR item = %(item)s)
  AND (%(pattern)s::text IS NULL OR pattern = %(pattern)s)
  AND (sequence, part) > (%(sequence)s, %(part)s)
ORDER BY sequence, part LIMIT %(limit)s
"""  # noqa: S608 - the columns are ours
_ONE = f"SELECT {_COLUMNS} FROM dead_letters WHERE sequence = %s AND part = %s"  # noqa: S608 - as above
_EVENT = f"SELECT {ROW_COLUMNS} FROM event_log WHERE sequence = %s"  # noqa: S608 - as above
_HISTORY = """
SELECT attempt, status, worker, started_at, ended_at, error_class, error_code, error_message
FROM processing_log WHERE sequence = %s AND part = %s ORDER BY attempt
"""

Key = tuple[int, int]
"""Sequence and part."""


class TooManyLettersError(ValueError):
    """An act names more dead letters than one act may touch."""


class UnknownLetterError(LookupError):
    """There is no such dead letter."""


class LetterNameError(ValueError):
    """Which letters are meant cannot be told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; None is any.

    Attributes:
        status: what became of it.
        error_class: class of its last error.
        source: source of the event.
        type: type of the event.
        item: item of the part.
        pattern: pattern found in it last.
    """

    status: Status | None = "open"
    error_class: str | None = None
    source: str | None = None
    type: str | None = None
    item: str | None = None
    pattern: str | None = None

    @property
    def narrows(self) -> bool:
        """Whether it says more than the status."""
        return any((self.error_class, self.source, self.type, self.item, self.pattern))


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
    status: Status
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
class Chosen:
    """Letters an act is to touch.

    Attributes:
        keys: which ones.
        more: whether the filter means more than these.
    """

    keys: tuple[Key, ...]
    more: bool = False


OPEN = Wanted()


def name_of(key: Key) -> str:
    """A letter's name: SEQUENCE/PART."""
    return f"{key[0]}/{key[1]}"


def key_of(name: str) -> Key:
    """The letter of a name; without a part the first.

    Raises:
        LetterNameError: it names none.
    """
    sequence, _, part = name.partition("/")
    parts = (sequence, part or "0")
    if not all(each.isascii() and each.isdecimal() for each in parts) or not (
        len(sequence) <= _SEQUENCE_DIGITS and len(part) <= _PART_DIGITS
    ):
        raise LetterNameError(f"{name[:50]}: a dead letter is SEQUENCE/PART, as the list names it")
    return int(sequence), int(part or 0)


def check_number(letters: int) -> None:
    """Refuse an act on too many letters.

    Raises:
        TooManyLettersError: more than one act may touch.
    """
    if letters > MOST_AT_ONCE:
        raise TooManyLettersError(f"{letters} dead letters in one act; {MOST_AT_ONCE} are allowed, take them in turns")


def listed(
    connection: Connection, wanted: Wanted = OPEN, *, after: Key | None = None, limit: int = 100
) -> list[DeadLetter]:
    """Dead letters in the order of the log.

    Args:
        connection: a psycopg connection.
        wanted: which ones; items in any case, types by any of their names.
        after: key of the last one seen.
        limit: letters at most.
    """
    sequence, part = after or (0, -1)
    asked = {
        "status": wanted.status,
        "error_class": wanted.error_class,
        "source": wanted.source,
        "type": wanted.type and canonical(wanted.type),
        "item": wanted.item and wanted.item.upper(),
        "pattern": wanted.pattern,
        "sequence": sequence,
        "part": part,
        "limit": limit,
    }
    return [DeadLetter(*row) for row in connection.execute(_LIST, asked)]


def chosen(connection: Connection, names: Sequence[str], wanted: Wanted, limit: int) -> Chosen:
    """Letters that are named, or the first open ones a filter means.

    Args:
        connection: a psycopg connection.
        names: names of letters; none where a filter says which.
        wanted: the filter; its status is not looked at.
        limit: letters a filter means at most.

    Raises:
        LetterNameError: neither names nor a filter, both, or a name that is none.
        TooManyLettersError: more than one act may touch.
    """
    if bool(names) == wanted.narrows:
        raise LetterNameError("say which dead letters: either their names, or a filter that narrows them down")
    check_number(max(len(names), limit))
    if names:
        return Chosen(tuple(dict.fromkeys(key_of(each) for each in names)))
    found = [each.key for each in listed(connection, replace(wanted, status="open"), limit=limit + 1)]
    return Chosen(tuple(found[:limit]), len(found) > limit)


def shown(connection: Connection, key: Key) -> Shown:
    """One dead letter with its event and history.

    Raises:
        UnknownLetterError: there is none.
    """
    row = connection.execute(_ONE, key).fetchone()
    event = connection.execute(_EVENT, key[:1]).fetchone()
    if row is None or event is None:
        raise UnknownLetterError(f"there is no dead letter {name_of(key)}; the list shows which there are")
    attempts = tuple(Attempt(*each) for each in connection.execute(_HISTORY, key))
    return Shown(DeadLetter(*row), LogRow(*event), attempts)
