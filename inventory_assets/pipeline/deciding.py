"""Deciding about rows: a request is looked at, then stored as rows of `silver/decisions`; nothing else is written.

The next refresh carries a decision out (`pipeline.silver`, `pipeline.released`); what may be decided is in
`medallion.silver_deciding`. Invariant: a request that is made twice stores its decisions once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS, Feed
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import DECISIONS, PRODUCTS, QUARANTINE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.medallion.silver_common import collected
from inventory_assets.medallion.silver_deciding import (
    Row,
    Wish,
    cell_faults,
    check_columns,
    decide,
    last_decisions,
    objection,
)
from inventory_assets.medallion.silver_decisions import IDENTITY, apply_fixes, days_to_read, repeat_content
from inventory_assets.pipeline.quarantine import bronze_rows, stored
from inventory_assets.pipeline.released import FileGoneError, read_row_by_row
from inventory_assets.pipeline.silver import DAY_FEEDS, MASTERS, known_items
from inventory_assets.pipeline.workspace import Day, Workspace, ordered

ACCEPTED = "accepted"
MOST_ROWS_LOOKED_AT = 2_000_000
"""Bronze rows that are sorted to say beforehand what becomes of a row; above it nothing is said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one row.

    Attributes:
        row: its reference.
        reasons: why it is in quarantine, empty where it is not.
        decision_id: the decision; None where the last one says the same already.
        days: days that are rebuilt.
        then: what becomes of the row: accepted, or the reasons that keep it out; empty where nobody looked.
    """

    row: str
    reasons: tuple[str, ...]
    decision_id: str | None
    days: tuple[Day, ...]
    then: str


@dataclass(slots=True)
class Decided:
    """Outcome of a request.

    Attributes:
        verdicts: rows decided about now or before.
        refused: reference of a row → why nothing was decided about it.
        written: decisions stored; 0 in a dry run.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    written: int = 0


def request(workspace: Workspace, rows: pl.DataFrame, wish: Wish, *, dry_run: bool = False) -> Decided:
    """Decide about rows, after looking whether it can be done.

    Args:
        workspace: stores, profiles, clock.
        rows: identities with their feed, from `quarantine.selected` or `quarantine.named`.
        wish: what is wanted.
        dry_run: say what would be decided, and write nothing.

    Raises:
        FixError: a fix names a column that a feed of the rows does not have; nothing was written.
    """
    feeds = rows["feed"].unique().sort().to_list()
    if wish.cells is not None:
        for feed in feeds:
            check_columns(wish.cells, FEEDS[feed])
    done = Decided()
    found = [_of_feed(workspace, FEEDS[feed], rows.filter(pl.col("feed") == feed), wish, done) for feed in feeds]
    decisions = pl.concat([empty(DECISIONS), *found])
    if decisions.height and not dry_run:
        workspace.lake.append(DECISIONS, decisions)
        done.written = decisions.height
    return done


def name_of(row: Row) -> str:
    """Reference of a row."""
    return f"{row[0]}#{row[2]}"


def _of_feed(workspace: Workspace, feed: Feed, wanted: pl.DataFrame, wish: Wish, done: Decided) -> pl.DataFrame:
    """Decisions about rows of one feed; rows nothing can be decided about go to `done.refused`."""
    lake, history = workspace.lake, stored(workspace.lake, feed.name)
    held = lake.scan(QUARANTINE).filter(pl.col("feed") == feed.name).collect()
    rows, shown = _rows(lake, feed, wanted, held, history)
    reasons = {tuple(row[:3]): tuple(row[3].split(",")) for row in held.select(*IDENTITY, "reasons").iter_rows()}
    good: list[dict[str, Any]] = []
    told: dict[Row, str] = {}
    now = {_identity(row): row for row in apply_fixes(rows, history, workspace.profiles, feed).iter_rows(named=True)}
    last = last_decisions(history)
    for row in rows.iter_rows(named=True):
        identity = _identity(row)
        if wish.repeats(last.get(identity)):
            good.append(row)
            continue
        why = objection(wish.action, row["row_number"], reasons.get(shown[identity], ()), _about(history, identity))
        if why is None and wish.cells is not None:
            profile = workspace.profiles[row["source_system"]]
            why = "; ".join(cell_faults(now[identity], wish.cells, feed, profile)) or None
        if why is None and wish.action == "release" and row["row_number"] == 0:
            try:
                told[identity] = _told(read_row_by_row(workspace, *identity[:2]).result.frame)
            except FileGoneError as error:
                why = str(error)
        if why is not None:
            done.refused[name_of(shown[identity])] = why
            continue
        good.append(row)
    kept = pl.DataFrame(good, schema=rows.schema)
    found = decide(kept, [wish] * kept.height, history, feed, workspace.profiles, workspace.now())
    everything = pl.concat([history, found])
    told |= {row: then for row, then in _outcomes(workspace, feed, everything, kept).items() if row not in told}
    ids = {_identity(row): row["decision_id"] for row in found.iter_rows(named=True)}
    for row in good:
        identity = _identity(row)
        days = {row["event_date"], *_about(everything, identity)["new_event_date"].drop_nulls()}
        done.verdicts.append(
            Verdict(
                name_of(shown[identity]), reasons.get(shown[identity], ()), ids.get(identity), tuple(ordered(days)),
                told.get(identity, ""),
            )
        )  # fmt: skip
    return found


def _identity(row: Mapping[str, Any]) -> Row:
    return (row["source_file"], row["content_hash"], row["row_number"])


def _about(decisions: pl.DataFrame, row: Row) -> pl.DataFrame:
    """Decisions about a row, in order."""
    named = [pl.col(name) == value for name, value in zip(IDENTITY, row, strict=True)]
    return decisions.filter(named).sort("decided_at", "decision_id")


def _told(rows: pl.DataFrame) -> str:
    """What reading a file row by row gives, in words."""
    spoilt = rows.filter(pl.col("row_error").is_not_null() | pl.col("cast_errors").is_not_null()).height
    return f"{rows.height} rows are read one by one, {spoilt} of them with something that cannot be read"


def _rows(
    lake: Lake, feed: Feed, wanted: pl.DataFrame, held: pl.DataFrame, history: pl.DataFrame
) -> tuple[pl.DataFrame, dict[Row, Row]]:
    """Bronze rows to decide about, and the identity each was named by.

    Where another file's copy of a row was decided about before, that copy stands for it, so that all decisions about
    a row follow each other.
    """
    there = held.join(wanted, on=IDENTITY, how="semi")
    days = days_to_read(history, feed, there["event_date"].to_list()) if there.height == wanted.height else None
    rows = bronze_rows(lake, feed.name, wanted, days)
    decided = bronze_rows(lake, feed.name, history, set(rows["event_date"].to_list()))
    copies: dict[tuple, dict[str, Any]] = {}
    for content, row in zip(_contents(decided, feed), decided.sort(IDENTITY).iter_rows(named=True), strict=True):
        copies.setdefault(content, row)
    chosen: dict[Row, dict[str, Any]] = {}
    shown: dict[Row, Row] = {}
    own = set(history.select(IDENTITY).iter_rows())
    for content, row in zip(_contents(rows, feed), rows.sort(IDENTITY).iter_rows(named=True), strict=True):
        copy = row if _identity(row) in own else copies.get(content, row)
        chosen[_identity(copy)] = copy
        shown[_identity(copy)] = _identity(row)
    return pl.DataFrame(list(chosen.values()), schema=rows.schema), shown


def _contents(rows: pl.DataFrame, feed: Feed) -> list[tuple]:
    ordered_rows = rows.sort(IDENTITY)
    return ordered_rows.select(*repeat_content(feed, ordered_rows), "event_date").rows()


def _outcomes(workspace: Workspace, feed: Feed, decisions: pl.DataFrame, rows: pl.DataFrame) -> dict[Row, str]:
    """What becomes of rows under some decisions: `ACCEPTED`, or the reasons that keep them out.

    The days are sorted as a refresh would, in memory; copies of a row in other files are looked through.
    """
    lake = workspace.lake
    pins = lake.pins((BRONZE[feed.name], PRODUCTS))
    about = decisions.join(rows, on=IDENTITY, how="semi")
    days: set[Day] = {*rows["event_date"].to_list(), *about["new_event_date"].drop_nulls().to_list()}
    read = None if feed.name in MASTERS else days_to_read(decisions, feed, days)
    counted = lake.day_rows(BRONZE[feed.name])
    if rows.is_empty() or sum(n for day, n in counted.items() if read is None or day in read) > MOST_ROWS_LOOKED_AT:
        return {}
    bronze = lake.scan(BRONZE[feed.name], days=read).collect()
    if feed.name in MASTERS:
        frames = MASTERS[feed.name][1](bronze, decisions, workspace.profiles)
    else:
        known = known_items(lake, pins)
        frames = DAY_FEEDS[feed.name].build(bronze, decisions, known, workspace.profiles, days)
    held = collected({QUARANTINE.path: frames[QUARANTINE.path]})[QUARANTINE.path]
    reasons = {tuple(row[:3]): row[3] for row in held.select(*IDENTITY, "reasons").iter_rows()}
    return {row: reasons.get(first, ACCEPTED) for row, first in _first_copies(workspace, feed, bronze, decisions, rows)}


def _first_copies(
    workspace: Workspace, feed: Feed, bronze: pl.DataFrame, decisions: pl.DataFrame, rows: pl.DataFrame
) -> Collection[tuple[Row, Row]]:
    """Each row with the copy of it that silver keeps or shows."""
    fixed = apply_fixes(bronze, decisions, workspace.profiles, feed).sort(IDENTITY)
    parts = [part.alias(f"_same_{n}") for n, part in enumerate(repeat_content(feed, fixed))]
    same = [*(f"_same_{n}" for n in range(len(parts))), "event_date"]
    firsts = [pl.col(name).first().over(same).alias(f"_first_{name}") for name in IDENTITY]
    found = fixed.with_columns(parts).with_columns(firsts).join(rows, on=IDENTITY, how="semi")
    names = [f"_first_{name}" for name in IDENTITY]
    return list(zip(found.select(IDENTITY).rows(), found.select(names).rows(), strict=True))
