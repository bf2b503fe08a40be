"""What would become of a file, without taking it in.

The report counts what reading alone decides (bronze level); with the silver function of the feed it says where every
row would end. Printing is the command's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.ingest.bronze import FileRead, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from inventory_assets.contracts.sources import Profiles
    from inventory_assets.ingest.landing import LandingFile

    SilverFunction = Callable[[pl.DataFrame], Mapping[str, pl.DataFrame]]
    """Bronze rows of one feed → frames by table path, `silver/quarantine` and `silver/day_balance` among them."""

QUARANTINE, DAY_BALANCE, EXACT_REPEAT = "silver/quarantine", "silver/day_balance", "exact_repeat"
DERIVED = frozenset({DAY_BALANCE, "silver/stock_movements"})
"""Tables that hold no bronze row of their own."""
TYPE_PREFIX = "type:"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row that would not be accepted."""

    row_number: int
    reason: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What would become of a file.

    Attributes:
        path: the file.
        feed: feed it was read as.
        source_system: source whose profile was used.
        content_hash: hash of its bytes.
        rows: rows in the file.
        accepted: rows that would be accepted.
        quarantined: rows that would be quarantined.
        reasons: reason → rows; a row with two casts that failed counts under both.
        refused: why the whole file would be refused; None where it would not.
        added_columns: columns the contract does not know; they would be kept.
        warnings: what a person should know about the file.
        problems: the first rows that would not be accepted.
        outcomes: silver table → rows, and `exact_repeat`; empty where no silver function was given.
    """

    path: str
    feed: str
    source_system: str
    content_hash: str
    rows: int
    accepted: int
    quarantined: int
    reasons: dict[str, int]
    refused: str | None
    added_columns: tuple[str, ...]
    warnings: tuple[str, ...]
    problems: tuple[Problem, ...]
    outcomes: dict[str, int]


def validate_file(
    content: bytes,
    file: LandingFile,
    profiles: Profiles,
    read_at: datetime,
    silver: Mapping[str, SilverFunction] | None = None,
    max_problems: int = 20,
) -> ValidationReport:
    """Read a file as ingestion would, and report instead of keeping.

    Args:
        content: the file's bytes.
        file: what it is; `landing.file_at` makes one for a file outside the landing folder.
        profiles: zones and null tokens of the source systems.
        read_at: instant taken as that of the reading, UTC.
        silver: feed → function that splits its bronze rows; without it the report ends at bronze.
        max_problems: how many rows are listed.
    """
    read = read_file(content, file, profiles, read_at)
    rows = 0 if read.refused is not None else read.frame.height
    spoilt = _bronze_problems(read)
    outcomes: dict[str, int] = {}
    if silver is not None and file.feed in silver:
        frames = silver[file.feed](read.frame)
        outcomes = _outcomes(frames)
        held = frames[QUARANTINE]
        spoilt = held.select("row_number", "reason", "detail", "reasons").with_columns(pl.col("reasons").str.split(","))
    quarantined = 0 if read.refused is not None else spoilt.height
    return ValidationReport(
        path=file.path,
        feed=file.feed,
        source_system=file.source_system,
        content_hash=read.content_hash,
        rows=rows,
        accepted=rows - quarantined,
        quarantined=quarantined,
        reasons=_counts(spoilt),
        refused=read.refused,
        added_columns=read.added_columns,
        warnings=read.warnings,
        problems=_problems(spoilt, max_problems),
        outcomes=outcomes,
    )


def _bronze_problems(read: FileRead) -> pl.DataFrame:
    """Rows that reading alone rules out, with all their reasons, the deciding one first."""
    casts = pl.col("cast_errors").str.split(",").list.eval(pl.lit(TYPE_PREFIX) + pl.element())
    reasons = pl.concat_list(
        pl.when(pl.col("row_error").is_not_null())
        .then(pl.concat_list("row_error"))
        .otherwise(pl.lit([], pl.List(pl.String))),
        pl.when(pl.col("cast_errors").is_not_null()).then(casts).otherwise(pl.lit([], pl.List(pl.String))),
    )
    return (
        read.frame.filter(pl.col("row_error").is_not_null() | pl.col("cast_errors").is_not_null())
        .with_columns(reasons=reasons)
        .select("row_number", pl.col("reasons").list.first().alias("reason"),
                pl.coalesce("row_error_detail", "raw_data").alias("detail"), "reasons")
    )  # fmt: skip


def _counts(spoilt: pl.DataFrame) -> dict[str, int]:
    counted = spoilt.select(pl.col("reasons").explode()).drop_nulls().group_by("reasons").len().sort("len", "reasons")
    return dict(counted.reverse().iter_rows())


def _problems(spoilt: pl.DataFrame, most: int) -> tuple[Problem, ...]:
    first = spoilt.sort("row_number").head(most).select("row_number", "reason", "detail")
    return tuple(Problem(*row) for row in first.iter_rows())


def _outcomes(frames: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Rows a silver table, and exact repeats, as the balance of the days counts them."""
    counted = {path: frame.height for path, frame in frames.items() if path not in DERIVED and frame.height}
    repeats = frames[DAY_BALANCE].filter(pl.col("outcome") == EXACT_REPEAT)["rows"].sum()
    return counted | ({EXACT_REPEAT: int(repeats)} if repeats else {})
