"""Which files one tick takes: a pure function of the listing and of what bronze holds.

Nothing is read here. What bronze holds is the only memory; a lost manifest or cursor costs time, never a row. Reading
is in `bronze`, listing in `landing`.

Invariant: every listed file is in exactly one part of the plan, or is held by bronze unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory_assets.ingest.landing import LandingFile, Listing, Unrecognised, is_complete

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What bronze holds of a path.

    Attributes:
        content_hash: hash of the bytes that were read.
        size: their number; None where only bronze itself was asked, which does not keep it.
        modified: time of writing at the reading; None likewise.
    """

    content_hash: str
    size: int | None = None
    modified: datetime | None = None

    def looks_like(self, file: LandingFile) -> bool:
        """Whether nothing says that the file was written again; only its hash can prove it."""
        return self.size in (None, file.size) and self.modified in (None, file.modified)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one tick.

    Attributes:
        max_files: files one run takes at most.
        max_bytes: bytes one run takes at most; a single larger file is taken alone.
        ready_after_seconds: a file is complete when unchanged for so long.
    """

    max_files: int
    max_bytes: int
    ready_after_seconds: float


@dataclass(frozen=True, slots=True)
class TickPlan:
    """What one tick does, each part sorted by path.

    Attributes:
        files: read these.
        waiting: written a moment ago; look again.
        rewritten: bronze holds the path with another size or time of writing. Hash them to be sure and report them;
            they are read as new files only by command.
        unrecognised: no feed or no format of ours; report them.
        remaining: complete, but beyond the limits; the next tick takes them.
    """

    files: tuple[LandingFile, ...] = ()
    waiting: tuple[LandingFile, ...] = ()
    rewritten: tuple[LandingFile, ...] = ()
    unrecognised: tuple[Unrecognised, ...] = ()
    remaining: tuple[LandingFile, ...] = ()


def plan_tick(
    listing: Listing,
    known: Mapping[str, KnownFile],
    now: datetime,
    limits: Limits,
) -> TickPlan:
    """Plan one tick.

    Args:
        listing: what lies in the landing folder.
        known: path → what bronze holds of it.
        now: instant of the tick, UTC.
        limits: bounds of the tick.

    Returns:
        The plan; oldest first by path, so that dated folders are taken in their order.
    """
    due: list[LandingFile] = []
    waiting: list[LandingFile] = []
    rewritten: list[LandingFile] = []
    for file in sorted(listing.files):
        held = known.get(file.path)
        if held is not None and held.looks_like(file):
            continue
        if not is_complete(file, now, limits.ready_after_seconds):
            waiting.append(file)
        elif held is not None:
            rewritten.append(file)
        else:
            due.append(file)
    taken = _within(due, limits)
    return TickPlan(
        files=tuple(due[:taken]),
        waiting=tuple(waiting),
        rewritten=tuple(rewritten),
        unrecognised=listing.unrecognised,
        remaining=tuple(due[taken:]),
    )


def _within(due: list[LandingFile], limits: Limits) -> int:
    """How many of the first files fit into the limits; one always does."""
    total = 0
    for position, file in enumerate(due):
        total += file.size
        if position >= limits.max_files or (position and total > limits.max_bytes):
            return position
    return len(due)
