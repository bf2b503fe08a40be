"""What failed together in a window, and what helps (L11).

Pure. Timeouts are a sign of overload: smaller batches, more time. Many events of one source that cannot be read are a
sign of bad data: a registered correction, then again. All else is taken for chance: again, with attempts counted anew,
and a raised priority, but only so often.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory_assets.contracts.events.notices import Pattern

WINDOW = timedelta(minutes=5)
TIMEOUTS, VALIDATIONS = 5, 3
"""More than so many in a window are a pattern."""
MOST_RECOVERIES = 2
"""How often dead letters are put back without a person."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as far as patterns are found in it.

    Attributes:
        sequence: its event.
        part: which part of it.
        event_id: id of the event at its source.
        source: source of the event.
        type: its type.
        error_class: class of its last error.
        died_at: when it failed for good.
        recoveries: how often it was put back without a person.
    """

    sequence: int
    part: int
    event_id: str
    source: str
    type: str
    error_class: str
    died_at: datetime
    recoveries: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Letters that failed together.

    Attributes:
        pattern: what it looks like.
        error_class: class of their errors.
        source: their source.
        letters: all of them, oldest first.
    """

    pattern: Pattern
    error_class: str
    source: str
    letters: tuple[Letter, ...]

    @property
    def since(self) -> datetime:
        """When the first of them died."""
        return self.letters[0].died_at

    @property
    def recoverable(self) -> tuple[Letter, ...]:
        """Letters that may be put back without a person."""
        return tuple(each for each in self.letters if each.recoveries < MOST_RECOVERIES)


def findings(letters: Iterable[Letter], now: datetime) -> list[Finding]:
    """Patterns among open letters, by class and source; a window ends with the latest letter of its group.

    Args:
        letters: open dead letters.
        now: the time; letters of later are left for the next look.
    """
    groups: dict[tuple[str, str], list[Letter]] = {}
    for each in sorted(letters, key=lambda letter: (letter.died_at, letter.sequence, letter.part)):
        if each.died_at <= now:
            groups.setdefault((each.error_class, each.source), []).append(each)
    found = []
    for (error_class, source), group in sorted(groups.items()):
        recent = sum(each.died_at > group[-1].died_at - WINDOW for each in group)
        pattern: Pattern = "RandomFailure"
        if error_class == "timeout" and recent > TIMEOUTS:
            pattern = "SystemOverload"
        elif error_class == "validation" and recent > VALIDATIONS:
            pattern = "DataQualityIssue"
        found.append(Finding(pattern, error_class, source, tuple(group)))
    return found
