"""Quarantine as people look at it: rows listed by what is wrong with them, named, and shown with their history.

Deciding about them is in `pipeline.deciding`, printing in the command.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.silver import DECISIONS, QUARANTINE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.medallion.silver_decisions import IDENTITY, apply_fixes
from inventory_assets.pipeline.workspace import Day, Workspace

REFERENCE = re.compile(r"(?P<path>.+?)(?:@(?P<hash>[0-9a-f]{8,32}))?#(?P<row>\d+)")
SHORT_HASH = 8


class QuarantineError(ValueError):
    """The rows named or selected are not what a decision can be made about."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which quarantined rows; None in a field stands for all.

    Attributes:
        reason: a code among the row's reasons; `type` stands for every column.
        feed: feed.
        source: source system.
        day: business day in a list of one, where [None] is rows without a day.
        file: path below the landing folder.
        discarded: whether rows a person discarded are among them.
    """

    reason: str | None = None
    feed: str | None = None
    source: str | None = None
    day: tuple[Day] | None = None
    file: str | None = None
    discarded: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, so that it would be all of quarantine."""
        return (self.reason, self.feed, self.source, self.day, self.file) == (None,) * 5


def selected(lake: Lake, wanted: Selection) -> pl.DataFrame:
    """Rows of `silver/quarantine`, the newest day first, with `row` in front: the reference to name them by."""
    rows = lake.scan(QUARANTINE)
    if wanted.feed is not None:
        rows = rows.filter(pl.col("feed") == wanted.feed)
    if wanted.source is not None:
        rows = rows.filter(pl.col("source_system") == wanted.source)
    if wanted.file is not None:
        rows = rows.filter(pl.col("source_file") == wanted.file)
    if wanted.day is not None:
        rows = rows.filter(pl.col("event_date").eq_missing(pl.lit(wanted.day[0], pl.Date)))
    if wanted.reason is not None:
        code = pl.element()
        named = (code == wanted.reason) | code.str.starts_with(wanted.reason.rstrip(":") + ":")
        rows = rows.filter(pl.col("reasons").str.split(",").list.eval(named).list.any())
    if not wanted.discarded and wanted.reason != "discarded":
        rows = rows.filter(pl.col("reason") != "discarded")
    order = ["event_date", "feed", "source_file", "row_number"]
    found = rows.collect().sort(order, descending=[True, False, False, False], nulls_last=True)
    return found.select(reference().alias("row"), pl.all())


def reference(*, exact: bool = False) -> pl.Expr:
    """Reference of a row: path and number, with the first digits of the content hash where these do not tell it."""
    short = pl.format("{}#{}", "source_file", "row_number")
    full = pl.format("{}@{}#{}", "source_file", pl.col("content_hash").str.slice(0, SHORT_HASH), "row_number")
    several = pl.col("content_hash").n_unique().over("source_file", "row_number") > 1
    return full if exact else pl.when(several).then(full).otherwise(short)


def named(lake: Lake, references: Sequence[str]) -> pl.DataFrame:
    """Bronze identities of rows named by a person, with their feed.

    Args:
        lake: the lake.
        references: `path#row`, or `path@hash#row` where the path was read with several contents.

    Raises:
        QuarantineError: one names no row, or more than one; or there is none.
    """
    if not references:
        raise QuarantineError("no row is named; write rows as `inventory quarantine list` prints them")
    found = []
    for text in references:
        match = REFERENCE.fullmatch(text)
        feed = text.split("/", maxsplit=1)[0]
        if match is None or feed not in FEEDS:
            raise QuarantineError(
                f"{text!r} names no row; write it as `inventory quarantine list` prints it: <feed>/<path>#<row>"
            )
        rows = (
            lake.scan(BRONZE[feed])
            .filter(pl.col("source_file") == match["path"], pl.col("row_number") == int(match["row"]))
            .select(*IDENTITY)
            .unique()
            .collect()
        )
        given = match["hash"]
        if given is not None:
            rows = rows.filter(pl.col("content_hash").str.starts_with(given))
        if rows.is_empty():
            raise QuarantineError(f"{text}: bronze holds no such row")
        if rows.height > 1:
            several = ", ".join(rows.select(reference(exact=True)).to_series().sort())
            raise QuarantineError(f"{text}: the file was read with several contents; name one of {several}")
        found.append(rows.with_columns(feed=pl.lit(feed)))
    return pl.concat(found).unique(maintain_order=True)


def shown(workspace: Workspace, text: str) -> dict[str, Any]:
    """All that is known of a row: as sent, as typed, its reasons and what was decided about it."""
    lake = workspace.lake
    identity = named(lake, [text])
    feed = identity["feed"].item()
    row = bronze_rows(lake, feed, identity, None).row(0, named=True)
    held = lake.scan(QUARANTINE).filter(pl.col("feed") == feed).collect().join(identity, on=IDENTITY, how="semi")
    history = stored(lake, feed).join(identity, on=IDENTITY, how="semi")
    now = apply_fixes(pl.DataFrame([row], schema=lake.scan(BRONZE[feed]).collect_schema()), history,
                      workspace.profiles, FEEDS[feed]).row(0, named=True)  # fmt: skip
    return {
        "row": identity.select(reference()).item(),
        "feed": feed,
        "reasons": held["reasons"].item().split(",") if held.height else [],
        "detail": held["detail"].item() if held.height else row["row_error_detail"],
        "cells": {name: now[name] for name in FEEDS[feed].column_names},
        "read": {name: row[name] for name in row if name not in FEEDS[feed].column_names},
        "event_date": now["event_date"],
        "decisions": history.sort("decided_at").drop(*IDENTITY, "feed").to_dicts(),
    }


def stored(lake: Lake, feed: str) -> pl.DataFrame:
    """Decisions about rows of a feed."""
    return lake.scan(DECISIONS).filter(pl.col("feed") == feed).unique("decision_id").collect()


def bronze_rows(lake: Lake, feed: str, identities: pl.DataFrame, days: Collection[Day] | None) -> pl.DataFrame:
    """Bronze rows of some identities, looked for on some days (None: all)."""
    files = identities["source_file"].unique().implode()
    rows = lake.scan(BRONZE[feed], days=days).filter(pl.col("source_file").is_in(files))
    return rows.join(identities.lazy().select(*IDENTITY), on=IDENTITY, how="semi").collect()
