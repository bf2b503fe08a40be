"""Making a decision about a row: what may be decided, what a fix must hold, and the identity that makes it idempotent.

What a stored decision does to rows is in `silver_decisions`; storing it is not here. Invariants: what the last decision
about a row says already is not said again; a fix that is stored names columns of its feed and values that cast.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from inventory_assets.contracts.reasons import explained
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.medallion.silver_decisions import IDENTITY, CellError, apply_fixes, read_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.sources import Profiles, SourceProfile

WHOLE_FILE = ("file:unreadable", "file:refused")
ELSEWHERE = "duplicate_key_other_date"
DISCARDED = "discarded"

Cells = dict[str, str | None]
"""Column → new text of a fix; None or an empty text empties the cell."""
Row = tuple[str, str, int]
"""Identity of a bronze row: source file, content hash, row number."""


class FixError(ValueError):
    """A fix names a column the feed does not have, or nothing."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done with rows.

    Attributes:
        action: release, fix or discard.
        author: who decides.
        because: why.
        cells: fix: the new cells.
    """

    action: str
    author: str
    because: str
    cells: Cells | None = None

    @property
    def changes(self) -> str | None:
        """The new cells as they are stored: one text for the same cells, whatever their order."""
        if self.cells is None:
            return None
        return json.dumps({name: text or None for name, text in self.cells.items()}, sort_keys=True, ensure_ascii=False)

    def repeats(self, decision: Mapping[str, Any] | None) -> bool:
        """Whether a stored decision says the same."""
        return decision is not None and (decision["action"], decision["changes"]) == (self.action, self.changes)


def check_columns(cells: Cells, feed: Feed) -> None:
    """Hold the columns of a fix against the feed.

    Raises:
        FixError: there is none, or one is no column of the feed.
    """
    if not cells:
        raise FixError("a fix needs at least one column=value")
    unknown = sorted(set(cells) - set(feed.column_names))
    if unknown:
        raise FixError(
            f"`{feed.name}` has no column {', '.join(unknown)}; its columns are {', '.join(feed.column_names)}"
        )


def cell_faults(row: Mapping[str, Any], cells: Cells, feed: Feed, profile: SourceProfile) -> list[str]:
    """Why the cells of a fix are no values of their columns, one sentence each; empty where they all are.

    Args:
        row: the row as it is now; a naive time is read in the zone of its location, the new one if the fix changes it.
        cells: the new cells; a null token of the source empties a cell.
        feed: its feed.
        profile: profile of its source.
    """
    columns = {column.name: column for column in feed.columns}
    place = feed.location or ""
    zone = profile.zone_of((cells.get(place) or "").strip() or None if place in cells else row.get(place))
    faults = []
    emptied = set()
    for name, text in cells.items():
        told = (text or "").strip()
        if not told or told in (*profile.null_tokens.get(name, ()), *profile.null_tokens.get("*", ())):
            emptied.add(name)
            continue
        try:
            read_cell(told, columns[name], zone)
        except CellError as error:
            faults.append(f"{name}: {error}")
    kept = [name for name in feed.time if name not in emptied and (name in cells or row[name] is not None)]
    if emptied & set(feed.time) and not kept:
        faults.append(
            f"{', '.join(sorted(emptied & set(feed.time)))}: the row would belong to no day; discard it instead"
        )
    return faults


def objection(action: str, number: int, reasons: Sequence[str], history: pl.DataFrame) -> str | None:
    """Why a row cannot be released, fixed or discarded; None where it can.

    Args:
        action: what is wanted.
        number: position of the row in its file, 0 for the file itself.
        reasons: why it is in quarantine, empty where it is not.
        history: decisions about it, in order.
    """
    decided = history["action"].to_list()
    if number == 0:
        if action == "fix":
            return "it stands for a whole file: release reads the file row by row, discard drops it"
        if not reasons and "release" in decided:
            return "the rows of this file are in bronze by now; decide about them one by one"
    return _no_release(reasons, decided) if action == "release" else None


def _no_release(reasons: Sequence[str], decided: Sequence[str]) -> str | None:
    """Why a release would change nothing."""
    taken_back = DISCARDED in reasons or (bool(decided) and decided[-1] == "discard")
    if not reasons and not taken_back:
        return "it is not in quarantine, there is nothing to release"
    stuck = [code for code in reasons if not explained(code).waivable]
    if taken_back and ELSEWHERE not in stuck:
        return None
    return "; ".join(f"a release does not help against {code}: {explained(code).mend}" for code in stuck) or None


def decide(
    rows: pl.DataFrame,
    wishes: Sequence[Wish],
    decisions: pl.DataFrame,
    feed: Feed,
    profiles: Profiles,
    now: datetime,
) -> pl.DataFrame:
    """Decisions to store, one for each row whose last decision does not say the same.

    Args:
        rows: bronze rows, each once.
        wishes: what is wanted for each of them, in their order.
        decisions: decisions stored so far.
        feed: feed of the rows.
        profiles: profiles of the sources.
        now: the instant; a decision is never older than the one it follows.

    Returns:
        Rows of `silver/decisions`, in the order of the rows.
    """
    last = last_decisions(decisions.filter(pl.col("feed") == feed.name))
    made = []
    for row, wish in zip(rows.iter_rows(named=True), wishes, strict=True):
        identity: Row = (row["source_file"], row["content_hash"], row["row_number"])
        before = last.get(identity)
        if wish.repeats(before):
            continue
        previous = before["decision_id"] if before is not None else ""
        after = before["decided_at"] + timedelta(microseconds=1) if before is not None else now
        made.append(
            {
                "decision_id": _identity(feed.name, identity, wish, previous), "feed": feed.name,
                **{name: row[name] for name in IDENTITY}, "action": wish.action, "changes": wish.changes,
                "actor": wish.author, "reason": wish.because, "decided_at": max(now, after),
                "event_date": row["event_date"], "new_event_date": None,
            }
        )  # fmt: skip
    found = pl.DataFrame(made, schema=polars_schema(DECISIONS))
    return _with_new_days(found, rows, decisions, feed, profiles)


def last_decisions(decisions: pl.DataFrame) -> dict[Row, dict[str, Any]]:
    """The last decision about each row."""
    newest = decisions.sort("decided_at", "decision_id").unique(list(IDENTITY), keep="last", maintain_order=True)
    return {(r["source_file"], r["content_hash"], r["row_number"]): r for r in newest.iter_rows(named=True)}


def _identity(feed: str, row: Row, wish: Wish, previous: str) -> str:
    """The same decision after the same history is the same decision, whoever makes it and whenever."""
    content = json.dumps([feed, *row, wish.action, wish.changes, previous], ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _with_new_days(
    found: pl.DataFrame, rows: pl.DataFrame, decisions: pl.DataFrame, feed: Feed, profiles: Profiles
) -> pl.DataFrame:
    """Fixes with the day their row moves to, all earlier fixes counted."""
    fixes = found.filter(pl.col("action") == "fix")
    if fixes.is_empty():
        return found
    touched = rows.join(fixes, on=IDENTITY, how="semi")
    fixed = apply_fixes(touched, pl.concat([decisions, fixes]), profiles, feed)
    days = fixed.select(*IDENTITY, pl.col("event_date").alias("_day"))
    moved = (pl.col("action") == "fix") & pl.col("_day").ne_missing(pl.col("event_date"))
    return (
        found.join(days, on=IDENTITY, how="left", maintain_order="left")
        .with_columns(pl.when(moved).then("_day").alias("new_event_date"))
        .drop("_day")
    )
