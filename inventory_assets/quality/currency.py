"""Whether data still arrives, by the clock: sources and tables against the day it is.

`quality.anomalies` compares sources with each other and sees nothing when all of them stop. Here the day is given, and
nothing needs to arrive for the question to be asked. Invariant: a history whose newest day lies further back than
`ENDED_AFTER` days expects nothing and never warns.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import DAY_BALANCE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.quality.anomalies import (
    ENDED_AFTER,
    LEAST_DAYS,
    accepted_rows,
    silence,
    silent_sources,
)
from inventory_assets.quality.checks import Finding


def sources_keep_sending(lake: Lake, today: date) -> Finding:
    """Whether every source that sends regularly has sent lately, seen from the clock."""
    counts = accepted_rows(lake.scan(DAY_BALANCE).collect())
    found = list(silent_sources(counts, today))
    words = "; ".join(
        f"{each.feed}/{each.source_system}: nothing since {each.last_day}, {each.days} days; its longest gap is "
        f"{each.usual}"
        for each in found[:5]
    )
    days = {day for rows in counts.values() for day in rows}
    return Finding(
        not found, words or _said(days, today), {"silent_sources": len(found), **_behind(days, today)}
    )  # fmt: skip


def newest_day_is_current(lake: Lake, table: Table, today: date) -> Finding:
    """Whether the newest business day of a table is as near to the clock as its days usually are."""
    days = {day for day, rows in lake.day_rows(table).items() if day is not None and rows}
    found = silence(days, today)
    words = _said(days, today)
    if found is not None:
        behind, usual = found
        words = f"the newest day is {max(days)}, {behind} days back; the longest gap between its days is {usual}"
    return Finding(found is None, words, _behind(days, today))


def _behind(days: Iterable[date], today: date) -> dict[str, int | float]:
    """Days the newest one lies back, to plot; nothing for a history, whose number would only grow."""
    newest = max(days, default=None)
    behind = (today - newest).days if newest else None
    return {"days_behind": behind} if behind is not None and behind <= ENDED_AFTER else {}


def _said(days: Iterable[date], today: date) -> str:
    known = sorted(days)
    if not known:
        return "no day has rows yet"
    behind = (today - known[-1]).days
    if behind > ENDED_AFTER:
        return f"the newest day is {known[-1]}, {behind:,} days back: a history, of which nothing more is expected"
    if len(known) < LEAST_DAYS:
        return f"the newest day is {known[-1]}; {len(known)} days are too few to say how often data comes"
    return f"the newest day is {known[-1]}"
