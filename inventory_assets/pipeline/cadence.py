"""How long to wait between refreshes, so that rewriting the same day again and again stays bounded.

A refresh rewrites whole days and whole tables, whatever little came in. One that follows a silence runs at once; only
where refreshes have followed each other for a while is the next one held back, until as much has come in as pays for
what it will write. Pure functions: no clock, no lake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_assets.settings import MaintenanceSettings


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh that is over.

    Attributes:
        began: when it began.
        ended: when it ended.
        written: bytes of data files it wrote.
        grown: bytes the newest versions of all tables grew by; negative where they shrank.
    """

    began: datetime
    ended: datetime
    written: int
    grown: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be written.

    Attributes:
        amplification: bytes written for each byte grown, in the long run.
        burst: how long refreshes may follow each other without a pause.
        longest: longest pause.
    """

    amplification: float
    burst: timedelta
    longest: timedelta


def bounds(settings: MaintenanceSettings) -> Bounds:
    """What may be written, as the settings say."""
    return Bounds(
        settings.write_amplification,
        timedelta(seconds=settings.burst_seconds),
        timedelta(seconds=settings.longest_pause_seconds),
    )


def next_pause(recent: Sequence[Refreshed], allowed: Bounds) -> timedelta:
    """How long after the end of the last refresh the next one may begin.

    At the rate at which the lake grew in the current streak, the pause lasts until `amplification` × what it grew by
    covers what the streak wrote and what the next refresh will write, taken to be as much as the last one.

    Args:
        recent: refreshes, newest first.
        allowed: what may be written.

    Returns:
        The pause, zero outside a streak longer than `allowed.burst`.
    """
    streak = _streak(recent, 2 * allowed.longest)
    if not streak:
        return timedelta()
    lasted = streak[0].ended - streak[-1].began
    cost = next((each.written for each in streak if each.written), 0)
    grown = sum(each.grown for each in streak)
    owed = sum(each.written for each in streak) + cost - allowed.amplification * grown
    if lasted <= allowed.burst or not cost or owed <= 0:
        return timedelta()
    if grown <= 0:
        return allowed.longest
    seconds = owed / (allowed.amplification * grown) * lasted.total_seconds()
    return timedelta(seconds=min(seconds, allowed.longest.total_seconds()))


def _streak(recent: Sequence[Refreshed], gap: timedelta) -> list[Refreshed]:
    """The newest refreshes between which no more than `gap` passed."""
    streak = list(recent[:1])
    for earlier in recent[1:]:
        if streak[-1].began - earlier.ended > gap:
            break
        streak.append(earlier)
    return streak
