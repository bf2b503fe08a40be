"""What the next run takes in: a pure function of the listing, what bronze holds and how often it was tried.

Not here: looking at the folder (`landing`), reading bytes (`bronze`), asking for a run (`defs`). Progress is what
bronze holds; nothing else is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory_assets.ingest.landing import LandingFile, is_complete


@dataclass(frozen=True, slots=True)
class Known:
    """What bronze holds under a path: hash of the content, and size and time as last listed (None: not remembered)."""

    content_hash: str
    size: int | None
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run takes.

    Attributes:
        files: files at most.
        size: bytes at most; one larger file is taken by itself.
        ready_after_seconds: a file is complete when unchanged for so long.
    """

    files: int
    size: int
    ready_after_seconds: float


@dataclass(frozen=True, slots=True)
class TickPlan:
    """What to do with the files of a listing.

    Attributes:
        files: complete new files for the next run, in order of their paths.
        waiting: files that may still be written.
        touched: files bronze holds under another size or time; their content decides whether they were rewritten.
        remaining: new files left for later runs.
    """

    files: tuple[LandingFile, ...]
    waiting: tuple[LandingFile, ...]
    touched: tuple[LandingFile, ...]
    remaining: int


def plan_tick(listing: Iterable[LandingFile], known: Mapping[str, Known], now: datetime, limits: Limits) -> TickPlan:
    """Sort the files of a listing into what is new, what still grows and what changed under its name.

    Args:
        listing: files of the landing folder.
        known: what bronze holds, by path.
        now: the time of the machine that wrote the files.
        limits: how much one run takes.
    """
    new, waiting, touched = [], [], []
    for file in sorted(listing):
        held = known.get(file.path)
        if held is not None:
            if (held.size, held.modified) != (file.size, file.modified):
                touched.append(file)
        elif is_complete(file, now, limits.ready_after_seconds):
            new.append(file)
        else:
            waiting.append(file)
    taken, size = [], 0
    for file in new[: limits.files]:
        if taken and size + file.size > limits.size:
            break
        taken.append(file)
        size += file.size
    return TickPlan(tuple(taken), tuple(waiting), tuple(touched), len(new) - len(taken))
