"""What would become of a file: the same reading and sorting as in a run, with nothing written.

Rows that stand in other files do not count, so a contradiction with them shows only when the file is taken in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath

import polars as pl

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import DAY_BALANCE, DECISIONS, QUARANTINE
from inventory_assets.contracts.sources import Profiles
from inventory_assets.ingest.bronze import read_file
from inventory_assets.ingest.landing import file_at
from inventory_assets.medallion.silver_common import collected
from inventory_assets.pipeline.silver import DAY_FEEDS, MASTERS


class UnknownFeedError(ValueError):
    """It cannot be told which feed a file belongs to."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows that would be quarantined for one reason.

    Attributes:
        reason: the deciding reason.
        rows: how many.
        first_row: position of the first one in the file, 0 for the file itself.
        detail: what is wrong with that one, for people.
    """

    reason: str
    rows: int
    first_row: int
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would become of a file.

    Attributes:
        feed: its feed.
        source_system: its source system.
        rows: rows in the file.
        accepted: rows that would be accepted.
        exact_repeats: rows that repeat another one of the file; counted once.
        reasons: why the others would be quarantined, most frequent first.
        warnings: what else a person should know.
    """

    feed: str
    source_system: str
    rows: int
    accepted: int
    exact_repeats: int
    reasons: tuple[Reason, ...]
    warnings: tuple[str, ...]


def feed_of(file: PurePath, named: str | None) -> str:
    """Feed of a file: the named one, or the innermost folder of its path that is called like one.

    Raises:
        UnknownFeedError: there is neither, or the name is none.
    """
    found = named or next((part for part in reversed(file.parts[:-1]) if part in FEEDS), None)
    if found not in FEEDS:
        raise UnknownFeedError(f"{file}: which feed is it? name one of {', '.join(FEEDS)} with --feed")
    return found


def validate(
    file: Path, feed: str, source_system: str, profiles: Profiles, known_items: pl.Series, now: datetime
) -> Verdict:
    """Read and sort a file as a run would.

    Args:
        file: the file.
        feed: its feed.
        source_system: its source system.
        profiles: contracts of the source systems.
        known_items: item codes of the product master.
        now: time of the reading, UTC.
    """
    content = file.read_bytes()
    modified = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    landed = file_at(f"{feed}/source={source_system}/{file.name}", content, modified)
    read = read_file(content, landed, profiles, now)
    decisions = empty(DECISIONS)
    if feed in MASTERS:
        frames = collected(MASTERS[feed][1](read.frame, decisions, profiles))
    else:
        days = set(read.frame["event_date"].to_list())
        frames = collected(DAY_FEEDS[feed].build(read.frame, decisions, known_items, profiles, days))
    refused = frames[QUARANTINE.path]
    balance = frames[DAY_BALANCE.path]
    repeats = int(balance.filter(pl.col("outcome") == "exact_repeat")["rows"].sum())
    rows = 0 if read.refused else read.frame.height
    return Verdict(
        feed=feed,
        source_system=source_system,
        rows=rows,
        accepted=max(0, rows - refused.height - repeats),
        exact_repeats=repeats,
        reasons=_reasons(refused),
        warnings=read.warnings,
    )


def _reasons(refused: pl.DataFrame) -> tuple[Reason, ...]:
    found = (
        refused.sort("row_number")
        .group_by("reason")
        .agg(
            rows=pl.len(),
            first_row=pl.col("row_number").first(),
            detail=pl.coalesce("detail", "row_json").first(),
        )
        .sort("rows", "reason", descending=[True, False])
    )
    return tuple(Reason(**row) for row in found.to_dicts())
