"""What people and nightly checks decided about bronze rows, laid over these rows before any rule looks at them.

A fix changes cells, given as text and cast here as a file's cells would be; the other decisions become flags that the
rules read. Deciding, storing and authorising decisions are not here. Invariant: laying the same decisions over a frame
twice gives the same frame, and a fix reaches every copy of the row that other files hold.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.model import Column
    from inventory_assets.contracts.sources import Profiles, SourceProfile

IDENTITY = ("source_file", "content_hash", "row_number")
"""Columns that identify a bronze row."""
FLAGS = ("_released", "_discarded", "_moved")
"""Flags laid over rows: waivable reasons waived, thrown away, key already stands on another date."""

_NIGHTLY = ("duplicate_key_other_date", "duplicate_key_gone")
_INTEGER = re.compile(r"[+-]?\d+")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MONEY_LIMIT = Decimal(10) ** 14
_WHOLE_LIMIT = 2**63
_UNREADABLE_LINE = "line:unreadable"
_NONEXISTENT = "time:nonexistent"


class CellError(ValueError):
    """A text is no value of its column's type."""


class NonexistentTimeError(CellError):
    """A local time that the zone's clocks skip."""


def read_instant(text: str, zone: str) -> datetime:
    """Instant of an ISO 8601 text; a naive one is local time in the zone, the earlier one where it stands twice.

    Raises:
        CellError: the text is no ISO 8601 time.
        NonexistentTimeError: clocks of the zone skip this time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CellError(f"{text!r} is no ISO 8601 time") from error
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    instant = moment.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment:
        raise NonexistentTimeError(f"{text} does not exist in {zone}")
    return instant


def read_cell(text: str, column: Column, zone: str) -> str | int | bool | Decimal | datetime:
    """Value of a text in a column's type.

    Raises:
        CellError: the text is no such value; nothing is rounded or cut to make it one.
    """
    if column.type == "String":
        return text
    if column.type == "Datetime":
        return read_instant(text, zone)
    if column.type == "Boolean":
        if text.lower() not in _BOOLEANS:
            raise CellError(f"{text!r} is neither true nor false")
        return _BOOLEANS[text.lower()]
    if column.type == "Int64":
        if not _INTEGER.fullmatch(text) or not -_WHOLE_LIMIT <= int(text) < _WHOLE_LIMIT:
            raise CellError(f"{text!r} is no whole number")
        return int(text)
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise CellError(f"{text!r} is no number") from error
    if not amount.is_finite() or abs(amount) >= _MONEY_LIMIT or amount != round(amount, 4):
        raise CellError(f"{text!r} is no amount with at most four decimals")
    return round(amount, 4)


def _changes(text: str | None) -> dict[str, str | None]:
    """Column → new text of a fix; a text that is no JSON object changes a column no feed has, so that it is seen."""
    try:
        cells = json.loads(text or "")
    except json.JSONDecodeError:
        cells = None
    if not isinstance(cells, dict):
        return {"changes": text}
    return {name: None if value is None else str(value).strip() for name, value in cells.items()}


def _fixed(row: dict[str, Any], changes: str | None, feed: Feed, profile: SourceProfile) -> dict[str, Any]:
    """The row with one fix applied; what does not cast is null and named in cast_errors."""
    row, cells = dict(row), _changes(changes)
    columns = {column.name: column for column in feed.columns}
    errors = [name for name in (row["cast_errors"] or "").split(",") if name and name not in cells]
    if row["row_error"] == _UNREADABLE_LINE or (row["row_error"] == _NONEXISTENT and set(feed.time) & cells.keys()):
        row["row_error"] = None
    # the location first: a naive time in the same fix is read in the new location's zone
    for name in sorted(cells, key=lambda name: (name != feed.location, name)):
        text = cells[name]
        if name not in columns:
            errors.append(name)
            continue
        row[name] = None
        if not text or text in (*profile.null_tokens.get(name, ()), *profile.null_tokens.get("*", ())):
            continue
        try:
            row[name] = read_cell(text, columns[name], profile.zone_of(row.get(feed.location or "")))
        except NonexistentTimeError:
            row["row_error"] = _NONEXISTENT
        except CellError:
            errors.append(name)
    row["cast_errors"] = ",".join(errors) or None
    if cells.keys() & {*feed.time, feed.location}:
        moment = next((row[name] for name in feed.time if row.get(name) is not None), None)
        zone = profile.zone_of(row.get(feed.location or ""))
        row["business_time_zone"] = zone if moment is not None else None
        row["event_date"] = moment.astimezone(ZoneInfo(zone)).date() if moment is not None else None
    return row


def repeat_content(feed: Feed, frame: pl.DataFrame | pl.LazyFrame) -> list[pl.Expr]:
    """What makes a row an exact repeat of another: all the producer sent, and for unreadable cells the raw line."""
    present = frame.collect_schema().names() if isinstance(frame, pl.LazyFrame) else frame.columns
    names = ["source_system", *feed.column_names, "cast_errors", "row_error"]
    content = [pl.col(name) for name in names if name in present]
    if "raw_data" in present:
        unread = pl.col("cast_errors").is_not_null() | pl.col("row_error").is_not_null()
        content.append(pl.when(unread).then(pl.col("raw_data")).alias("_raw"))
    if "content_hash" in present:
        content.append(pl.when(pl.col("row_number") == 0).then(pl.col("content_hash")).alias("_file"))
    return content


def days_with_fixes(decisions: pl.DataFrame) -> set[date | None]:
    """Days from which or to which a decided fix takes a row."""
    fixes = decisions.filter(pl.col("action") == "fix")
    return {*fixes["event_date"].to_list(), *fixes["new_event_date"].drop_nulls().to_list()}


def lay_over_lazily(
    bronze: pl.DataFrame | pl.LazyFrame, decisions: pl.DataFrame, profiles: Profiles, feed: Feed
) -> pl.LazyFrame:
    """As `lay_over`; the rows are collected only where there are decisions to lay over them."""
    if decisions.is_empty():
        return bronze.lazy().with_columns(pl.lit(False).alias(flag) for flag in FLAGS)
    return lay_over(bronze.lazy().collect(), decisions, profiles, feed).lazy()


def _ordered(decisions: pl.DataFrame, feed: Feed, actions: Collection[str]) -> pl.DataFrame:
    mine = decisions.filter((pl.col("feed") == feed.name) & pl.col("action").is_in(list(actions)))
    return mine.sort("decided_at", "decision_id").select(*IDENTITY, "action", "changes")


def fix_versions(
    bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, feed: Feed
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Rows no fix touches, and the touched rows as they came, after the first fix, after the second, and so on."""
    fixes = _ordered(decisions, feed, ["fix"])
    if fixes.is_empty():
        return bronze, []
    direct = bronze.join(fixes, on=IDENTITY, how="semi")
    if direct.is_empty():
        return bronze, []
    content = repeat_content(feed, bronze)
    named = [expression.alias(f"_content_{index}") for index, expression in enumerate(content)]
    keys = [f"_content_{index}" for index in range(len(named))]
    chosen = (
        direct.with_columns(named)
        .join(fixes.with_row_index("_at"), on=IDENTITY)
        .sort("_at")
        .group_by(keys, maintain_order=True)
        .agg("changes")
    )
    keyed = bronze.with_columns(named)
    touched = keyed.join(chosen, on=keys, how="inner", nulls_equal=True).drop(keys)
    rest = keyed.join(chosen, on=keys, how="anti", nulls_equal=True).drop(keys)
    rows, changes = touched.drop("changes").to_dicts(), touched["changes"].to_list()
    versions = [touched.drop("changes")]
    for step in range(max(map(len, changes))):
        rows = [
            _fixed(row, todo[step], feed, profiles[row["source_system"]]) if step < len(todo) else row
            for row, todo in zip(rows, changes, strict=True)
        ]
        versions.append(pl.DataFrame([{n: r[n] for n in bronze.columns} for r in rows], schema=bronze.schema))
    return rest, versions


def apply_fixes(bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, feed: Feed) -> pl.DataFrame:
    """Bronze rows with every decided fix applied, in the order in which the fixes were decided.

    A fix of a time or of the location gives the row a new business day. Exact repeats of a fixed row are fixed alike,
    otherwise the copy in another file would come back unfixed.

    Args:
        bronze: rows with lineage columns.
        decisions: rows of `silver/decisions`.
        profiles: zones and null tokens of the source systems.
        feed: feed of the rows.

    Returns:
        The same rows in any order. A value that does not cast is null and named in `cast_errors`, and so is a column
        the feed does not have.
    """
    rest, versions = fix_versions(bronze, decisions, profiles, feed)
    return pl.concat([rest, versions[-1]]) if versions else bronze


def days_to_read(decisions: pl.DataFrame, feed: Feed, days: Iterable[date | None]) -> set[date | None]:
    """Days whose bronze rows may stand in one of the given days: these, and those from which a fix moves a row."""
    wanted = set(days)
    moves = decisions.filter((pl.col("feed") == feed.name) & (pl.col("action") == "fix"))
    pairs = moves.select("event_date", "new_event_date").iter_rows()
    return wanted | {old for old, new in pairs if new in wanted}


def days_moved_to(decisions: pl.DataFrame, days: Collection[date | None]) -> set[date | None]:
    """Days to which fixes, later overruled ones too, move rows of the given days: what is decided there shows here."""
    moves = decisions.filter(pl.col("action") == "fix", pl.col("new_event_date").is_not_null())
    return {new for old, new in moves.select("event_date", "new_event_date").iter_rows() if old in days}


def lay_over(bronze: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles, feed: Feed) -> pl.DataFrame:
    """Bronze rows with fixes applied and a flag a decision (`FLAGS`).

    Later decisions overrule earlier ones, whichever copy of the row they name: a release or a fix takes a discard
    back; that the key stands on another date is taken back by the check that said so, or by a fix, because it may have
    changed the key. The row that stands for a released file is gone: its rows are in bronze (`pipeline.released`).
    """
    fixed = apply_fixes(bronze, decisions, profiles, feed)
    marks = _ordered(decisions, feed, ["release", "fix", "discard", *_NIGHTLY])
    marks = marks.join(fixed, on=IDENTITY, how="semi") if not marks.is_empty() else marks
    if marks.is_empty():
        return fixed.with_columns(pl.lit(False).alias(flag) for flag in FLAGS)
    marked = fixed.join(marks, on=IDENTITY, how="semi")
    content = marked.select(*repeat_content(feed, marked), "event_date").rows()
    group = dict(zip(marked.select(IDENTITY).rows(), content, strict=True))
    states: dict[tuple, dict[str, bool]] = {}
    for *identity, action, _ in marks.iter_rows():
        state = states.setdefault(group[tuple(identity)], dict.fromkeys(FLAGS, False))
        state["_released"] |= action == "release"
        state["_discarded"] = action == "discard" or (state["_discarded"] and action in _NIGHTLY)
        state["_moved"] = action == _NIGHTLY[0] or (state["_moved"] and action not in ("fix", _NIGHTLY[1]))
    flags = pl.DataFrame(
        [{**dict(zip(IDENTITY, identity, strict=True)), **states[same]} for identity, same in group.items()],
        schema={**{name: fixed.schema[name] for name in IDENTITY}, **dict.fromkeys(FLAGS, pl.Boolean())},
    )
    flagged = fixed.join(flags, on=IDENTITY, how="left").with_columns(pl.col(FLAGS).fill_null(value=False))
    read = pl.col("_released") & ~pl.col("_discarded") & (pl.col("row_number") == 0)
    files = flagged.filter(read).select("source_system", "content_hash").unique()
    if files.is_empty():
        return flagged
    whole = flagged.filter(pl.col("row_number") == 0).join(files, on=files.columns, how="anti")
    return pl.concat([flagged.filter(pl.col("row_number") != 0), whole])
