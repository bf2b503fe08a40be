"""Which files one tick takes: a pure function of the listing and of what bronze holds.

Nothing is read here. What bronze holds is the only memory; a lost manifest or cursor costs time, never a row. Reading
is in `bronze`, listing in `landing`.

Invariant: every listed file is in exactly one part of the plan, or is held by bronze unchanged, or is in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory_assets.ingest.landing import LandingFile, Listing, Unrecognised, is_complete

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
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
        max_attempts: runs after which a file that fails is recorded as unreadable.
        ready_after_seconds: a file is complete when unchanged for so long.
    """

    max_files: int
    max_bytes: int
    max_attempts: int
    ready_after_seconds: float


@dataclass(frozen=True, slots=True)
class TickPlan:
    """What one tick does, each part sorted by path.

    Attributes:
        files: read these.
        refuse: failed too often; record each as one unreadable row (`bronze.refused_file`).
        waiting: written a moment ago; look again.
        rewritten: bronze holds the path with another size or time of writing. Hash them to be sure and report them;
            they are read as new files only by command.
        unrecognised: no feed or no format of ours; report them.
        remaining: complete, but beyond the limits; the next tick takes them.
    """

    files: tuple[LandingFile, ...] = ()
    refuse: tuple[LandingFile, ...] = ()
    waiting: tuple[LandingFile, ...] = ()
    rewritten: tuple[LandingFile, ...] = ()
    unrecognised: tuple[Unrecognised, ...] = ()
    remaining: tuple[LandingFile, ...] = ()

    @property
    def has_work(self) -> bool:
        """Whether a run is due."""
        return bool(self.files or self.refuse)


def plan_tick(
    listing: Listing,
    known: Mapping[str, KnownFile],
    in_flight: Collection[str],
    attempts: Mapping[str, int],
    now: datetime,
    limits: Limits,
) -> TickPlan:
    """Plan one tick.

    Args:
        listing: what lies in the landing folder.
        known: path → what bronze holds of it.
        in_flight: paths that a live run is reading.
        attempts: path → runs that failed on it since it was last written.
        now: instant of the tick, UTC.
        limits: bounds of the tick.

    Returns:
        The plan; oldest first by path, so that dated folders are taken in their order.
    """
    due: list[LandingFile] = []
    parts: dict[str, list[LandingFile]] = {"refuse": [], "waiting": [], "rewritten": []}
    for file in sorted(listing.files):
        held = known.get(file.path)
        if file.path in in_flight or (held is not None and held.looks_like(file)):
            continue
        if not is_complete(file, now, limits.ready_after_seconds):
            parts["waiting"].append(file)
        elif held is not None:
            parts["rewritten"].append(file)
        elif attempts.get(file.path, 0) >= limits.max_attempts:
            parts["refuse"].append(file)
        else:
            due.append(file)
    taken = _within(due, limits)
    return TickPlan(
        files=tuple(due[:taken]),
        refuse=tuple(parts["refuse"]),
        waiting=tuple(parts["waiting"]),
        rewritten=tuple(parts["rewritten"]),
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
