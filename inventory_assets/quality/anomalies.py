"""Sources that fell silent and days with unusually many or few rows, from the counts of `silver/day_balance`.

Only rows that were accepted count, so a source that sends nothing usable is as silent as one that sends nothing.
There is no clock here: time is the newest business day any source reached, so that the same lake gives the same
findings. That nothing at all arrives is seen by `quality.currency`, which is told the day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import exp, log
from statistics import median

import polars as pl

from inventory_assets.contracts.silver import DAY_BALANCE, QUARANTINE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.medallion.silver_common import BRONZE, EXACT_REPEAT
from inventory_assets.quality.checks import Finding

WATCHED = ("pos", "warehouse")
"""Feeds that arrive day by day and report what happened. Masters and openings come when somebody changes them, and an
update of a supplier may carry the promised day, which lies ahead."""
JUDGED_DAYS = 7
"""Days before a source's newest one that are judged; older ones are history. The newest may still be arriving."""
WEEKS, LEAST_WEEKS = 8, 4
"""Weeks of the same weekday a day is compared with, and how many of them there must be."""
DEVIATIONS, SIGMA = 6.0, 1.4826
"""Allowed distance in standard deviations, estimated as 1.4826 × median absolute deviation. Promotions give the days of
a shop heavy tails: at 5 clean simulated histories still raise warnings, at 6 they do not."""
LEAST_FACTOR = 2.0
"""Half as many rows as usual or twice as many are never unusual."""
DAMPING = 10
"""Added to both numbers before they are compared, so that a few rows more or less mean little."""
GAPS, LEAST_DAYS = 60, 14
"""Gaps between days with rows that tell what is usual, and days with rows before anything is."""
ENDED_AFTER = 28
"""Days after which a silent source counts as ended."""

Source = tuple[str, str]
Counts = dict[Source, dict[date, int]]


@dataclass(frozen=True, slots=True)
class UnusualDay:
    """A day of a source with other numbers of rows than that weekday has: fewer than `low` or more than `high`."""

    feed: str
    source_system: str
    day: date
    rows: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that sent nothing for longer than it ever pauses."""

    feed: str
    source_system: str
    last_day: date
    days: int
    usual: int


def accepted_rows(day_balance: pl.DataFrame) -> Counts:
    """Accepted rows of each watched source by day, from rows of `silver/day_balance`."""
    placed = ~pl.col("outcome").is_in([BRONZE, EXACT_REPEAT, QUARANTINE.name])
    sums = (
        day_balance.filter(placed & pl.col("feed").is_in(WATCHED) & pl.col("event_date").is_not_null())
        .group_by("feed", "source_system", "event_date")
        .agg(pl.col("rows").sum())
        .sort("feed", "source_system", "event_date")
    )
    found: Counts = {}
    for feed, system, day, rows in sums.iter_rows():
        found.setdefault((feed, system), {})[day] = rows
    return found


def unusual_days(counts: Counts) -> Iterator[UnusualDay]:
    """Recent days further from the median of their weekday than days of that source are.

    A day without a row between a source's first and newest day counts as 0 rows.
    """
    for (feed, system), rows in counts.items():
        first, newest = min(rows), max(rows)
        for day in (newest - timedelta(days=back) for back in range(JUDGED_DAYS, 0, -1)):
            known = min((day - first).days, 7 * WEEKS)
            if known < 7 * LEAST_WEEKS:
                continue
            before = [rows.get(day - timedelta(days=back), 0) for back in range(1, known + 1)]
            usual = [median(before[n::7]) for n in range(7)]  # [6]: a week before, the day's own weekday
            distances = (abs(_distance(each, usual[n % 7])) for n, each in enumerate(before))
            allowed = max(DEVIATIONS * SIGMA * median(distances), log(LEAST_FACTOR))
            if abs(_distance(rows.get(day, 0), usual[6])) > allowed:
                middle = usual[6] + DAMPING
                low, high = max(middle / exp(allowed) - DAMPING, 0), middle * exp(allowed) - DAMPING
                yield UnusualDay(feed, system, day, rows.get(day, 0), low, high)


def _distance(rows: int, usual: float) -> float:
    """How many times more or fewer rows than usual, as a logarithm."""
    return log((rows + DAMPING) / (usual + DAMPING))


def silence(days: Iterable[date], upto: date) -> tuple[int, int] | None:
    """Days a series has been silent at `upto` and its longest usual gap; None where it is not, or cannot be told.

    Silent is what lies further behind than the longest of its last gaps and a day. After `ENDED_AFTER` days it counts
    as ended, and before `LEAST_DAYS` days with rows nothing is usual.
    """
    known = sorted(days)[-GAPS - 1 :]
    if len(known) < LEAST_DAYS:
        return None
    usual = max((later - earlier).days for earlier, later in pairwise(known))
    silent = (upto - known[-1]).days
    return (silent, usual) if usual + 1 < silent <= ENDED_AFTER else None


def silent_sources(counts: Counts, upto: date | None = None) -> Iterator[Silence]:
    """Sources silent at a day, by default the newest day of all of them."""
    upto = upto or max((max(rows) for rows in counts.values()), default=date.min)
    for (feed, system), rows in counts.items():
        found = silence(rows, upto)
        if found is not None:
            yield Silence(feed, system, max(rows), *found)


def volumes_are_usual(lake: Lake, _days: Collection[date | None] | None = None) -> Finding:
    """Whether the recent days of every source have as many rows as their weekday usually has."""
    found = list(unusual_days(accepted_rows(lake.scan(DAY_BALANCE).collect())))
    words = "; ".join(
        f"{each.feed}/{each.source_system} {each.day}: {each.rows} rows, usually {each.low:.0f} to {each.high:.0f}"
        for each in found[:5]
    )
    return Finding(not found, words or "every recent day has its usual number of rows", {"unusual_days": len(found)})


def no_source_is_silent(lake: Lake, _days: Collection[date | None] | None = None) -> Finding:
    """Whether every source that sends regularly has sent lately, seen from the newest day of any source."""
    found = list(silent_sources(accepted_rows(lake.scan(DAY_BALANCE).collect())))
    words = "; ".join(
        f"{each.feed}/{each.source_system}: nothing since {each.last_day}, {each.days} days; its longest gap is "
        f"{each.usual}"
        for each in found[:5]
    )
    return Finding(not found, words or "every source has sent lately", {"silent_sources": len(found)})
