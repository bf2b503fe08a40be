"""The nightly key check: keys that stand on several days, as decisions that the next refresh carries out.

Only keys of days that changed since the last check, and those of rows taken out before, are looked for; they are
looked for in all days. What was looked at stands in the log of `silver/decisions`, so a check that dies is made again.
Which rows go is decided in `medallion.duplicate_keys`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import DECISIONS, QUARANTINE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.medallion.duplicate_keys import BACK, PLACE, held_rows, judge_keys, with_key
from inventory_assets.medallion.silver_deciding import Wish, decide
from inventory_assets.medallion.silver_decisions import days_to_read
from inventory_assets.pipeline.quarantine import stored
from inventory_assets.pipeline.silver import DAY_FEEDS, DayFeed
from inventory_assets.pipeline.workspace import Day, Workspace, blocks, dirty_days

AUTHOR = "nightly key check"
KEYS_AT_ONCE = 5_000_000
"""Keys looked for in one pass over a feed's tables."""
MOST_DECISIONS = 100_000
"""Decisions of one check and feed; what is beyond waits for the next one."""


@dataclass(slots=True)
class KeyCheck:
    """What a check found.

    Attributes:
        rows_looked_for: rows of changed days.
        taken_out: rows whose key stands on an earlier day.
        brought_back: rows whose key stands on no earlier day any more.
        waiting: rows left to the next check.
        days: days that are rebuilt.
        written: decisions stored.
    """

    rows_looked_for: int = 0
    taken_out: int = 0
    brought_back: int = 0
    waiting: int = 0
    days: set[Day] = field(default_factory=set)
    written: int = 0


def check_keys(workspace: Workspace, *, dry_run: bool = False) -> KeyCheck:
    """Look for keys that stand on several days, and decide which rows go and which come back.

    Args:
        workspace: stores, profiles, clock.
        dry_run: only say what would be decided.
    """
    lake, done = workspace.lake, KeyCheck()
    pins = lake.pins((QUARANTINE, *(table for feed in DAY_FEEDS.values() for table in feed.tables)))
    found = [empty(DECISIONS)]
    for feed in DAY_FEEDS.values():
        tables = [table for table in feed.tables if table.path in pins]
        if tables:
            found.append(_of_feed(workspace, feed, tables, pins, done))
    decisions = pl.concat(found)
    if dry_run:
        return done
    if decisions.height:
        lake.append(DECISIONS, decisions)
        done.written = decisions.height
    if done.rows_looked_for and not done.waiting:  # noting empty commits would make new ones every night
        lake.note(DECISIONS, pins)
    return done


def _of_feed(
    workspace: Workspace, feed: DayFeed, tables: list[Table], pins: dict[str, int], done: KeyCheck
) -> pl.DataFrame:
    lake = workspace.lake
    held = held_rows(lake.scan(QUARANTINE, pins.get(QUARANTINE.path)).filter(pl.col("feed") == feed.name).collect())
    keyed = pl.concat([with_key(table, lake.scan(table, pins[table.path])) for table in tables])
    marks = _suspects(lake, tables, pins, keyed, done)
    marks = pl.concat([marks, held.filter(pl.col("_reason") != "conflict")["_mark"]]).unique()
    if marks.is_empty():
        return empty(DECISIONS)
    kept = keyed.filter(pl.col("_mark").is_in(marks.implode())).collect(engine="streaming")
    verdicts = judge_keys(kept, held.filter(pl.col("_mark").is_in(marks.implode())))
    decisions = _decisions(workspace, feed, verdicts)
    done.waiting += max(0, decisions.height - MOST_DECISIONS)
    decisions = decisions.head(MOST_DECISIONS)
    brought_back = decisions.filter(pl.col("action") == BACK).height
    done.brought_back += brought_back
    done.taken_out += decisions.height - brought_back
    done.days |= set(decisions["event_date"].to_list())
    return decisions


def _suspects(lake: Lake, tables: list[Table], pins: dict[str, int], keyed: pl.LazyFrame, done: KeyCheck) -> pl.Series:
    """Marks of keys that stand on a changed day and on another one; hardly ever of another key."""
    changed: set[Day] = set()
    rows: dict[Day, int] = {}
    for table in tables:
        changed |= dirty_days(lake, (DECISIONS,), table, pins[table.path])
        for day, count in lake.day_rows(table, pins[table.path]).items():
            rows[day] = rows.get(day, 0) + count
    found = [pl.Series("_mark", [], dtype=pl.UInt64)]
    for block in blocks(changed & rows.keys(), rows, len(rows) + 1, KEYS_AT_ONCE):
        done.rows_looked_for += sum(rows[day] for day in block)
        inside = pl.col("event_date").is_in([day for day in block if day is not None])
        looked_for = keyed.filter(inside).select("_mark").unique().collect(engine="streaming")["_mark"]
        days = (
            keyed.filter(pl.col("_mark").is_in(looked_for.implode()))
            .group_by("_mark")
            .agg(pl.col("event_date").min().alias("first"), pl.col("event_date").max().alias("last"))
            .filter(pl.col("first") != pl.col("last"))
        )
        found.append(days.collect(engine="streaming")["_mark"])
    return pl.concat(found)


def _decisions(workspace: Workspace, feed: DayFeed, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Decisions about the bronze rows that the verdicts mean."""
    if verdicts.is_empty():
        return empty(DECISIONS)
    lake, history = workspace.lake, stored(workspace.lake, feed.name)
    # a row moved by a fix stands in bronze on the day it came with
    days = days_to_read(history, FEEDS[feed.name], verdicts["event_date"].unique().to_list())
    files = verdicts["source_file"].unique().implode()
    bronze = (
        lake.scan(feed.bronze, days=days)
        .filter(pl.col("source_file").is_in(files))
        .join(verdicts.lazy().select(*PLACE, "_key", "action", "first_day"), on=PLACE, how="inner")
        .collect()
        .sort("event_date", *PLACE)
    )
    wishes = [
        Wish(
            action,
            AUTHOR,
            f"the key {key} stands on no earlier day any more"
            if action == BACK
            else f"the key {key} stands on {first_day} already",
        )
        for action, key, first_day in bronze.select("action", "_key", "first_day").iter_rows()
    ]
    rows = bronze.drop("action", "_key", "first_day")
    return decide(rows, wishes, history, FEEDS[feed.name], workspace.profiles, workspace.now())
