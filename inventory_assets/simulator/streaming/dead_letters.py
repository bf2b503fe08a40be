"""Events that could not be delivered: kept with the reason, in memory and, where a file is named, in that file.

Invariant: what was put into the file is on the disk when `put` returns. The file is JSON lines: `event` is the
CloudEvent as it was to be sent, so a dead letter can be sent again as it is.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inventory_assets.simulator.config import SimulatorError
from inventory_assets.simulator.happenings import Happening, StreamEvent

SHOWN = 1_000
"""Dead letters kept in memory: the newest ones."""


class DeadLetterError(SimulatorError):
    """A file of dead letters that cannot be read."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event nobody took.

    Attributes:
        event: the event.
        reason: why.
        at: when it was given up.
    """

    event: StreamEvent
    reason: str
    at: datetime


class DeadLetters:
    """All of them."""

    def __init__(self, file: Path | None = None) -> None:
        """Read and write nothing yet.

        Args:
            file: where they are appended; None keeps the newest in memory only.
        """
        self._file = file
        self.count = 0
        self.newest: deque[DeadLetter] = deque(maxlen=SHOWN)

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep some."""
        self.count += len(letters)
        self.newest.extend(letters)
        if self._file is None or not letters:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            for letter in letters:
                line = {"at": letter.at.isoformat(), "reason": letter.reason, "event": letter.event.cloud_event()}
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_dead_letters(file: Path) -> Iterator[StreamEvent]:
    """Events of a file of dead letters, or of a file with one CloudEvent of the simulator a line.

    Raises:
        DeadLetterError: the file is not there, or a line is neither.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    written = json.loads(line)
                    yield _event(written.get("event", written))
                except (ValueError, KeyError, AttributeError, TypeError) as error:
                    raise DeadLetterError(f"{file}, line {number}: no event of the simulator: {error!r}") from error
    except OSError as error:
        raise DeadLetterError(f"{file} cannot be read: {error.strerror}") from error


def _event(written: dict) -> StreamEvent:
    from urllib.parse import unquote

    subject = written.get("subject")
    return StreamEvent(
        written["id"],
        Happening(
            datetime.fromisoformat(written["time"]),
            written["type"],
            written["partitionkey"],
            written["data"],
            unquote(subject.partition("/")[0]) if subject else None,
            written.get("correlationid"),
            written.get("priority", 5),
        ),
    )
