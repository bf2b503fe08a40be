"""DAMA dimensions of silver tables by business day: whole-number counts first, each score one division of two of them.

Which days are scored and where scores are written is not here; the formulas in words stand in docs/quality.md.
Invariant: every count is a sum of whole numbers, so the scores are the same cell by cell whatever the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.quality import DIMENSIONS, QUALITY_SCORES
from inventory_assets.contracts.schemas import MONEY, polars_schema
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    GIVEN_AWAY,
    LOCATIONS,
    NON_MERCHANDISE,
    PRODUCTS,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    STOCK_COUNTS,
    STOCK_OPENINGS,
    SUPPLIER_ORDERS,
    SUPPLIERS,
    WAREHOUSE_UPDATES,
)
from inventory_assets.medallion.silver_common import BRONZE, EXACT_REPEAT

ACCURATE_FROM = 0.9
"""Row score from which a row counts as accurate."""
MISSING = ("key:null", "time:missing", "quantity:null", "price:null")
"""Reasons of quarantine that name a missing value."""
CONFLICTING = ("conflict", "duplicate_key_other_date")
"""Reasons of quarantine that name a key that stands already."""

_MEASURES = tuple(c.name for c in QUALITY_SCORES.columns if c.name == "rows" or c.name.startswith("rows_"))
_KEY = list(QUALITY_SCORES.key)
_AMOUNT = ("total_amount", "quantity_sold", "unit_price")


@dataclass(frozen=True, slots=True)
class Scored:
    """A table that is scored.

    Attributes:
        table: the table.
        feed: feed whose rows it holds.
        leads: whether it is the first table of the feed, at which all that came in for the feed is counted.
        time: column of the event time; None for masters, whose rows have no business day.
    """

    table: Table
    feed: str
    leads: bool = True
    time: str | None = None

    @property
    def has_score(self) -> bool:
        """Whether its rows carry a score of their own."""
        return self.time is not None and "data_quality_score" in self.table.column_names

    @property
    def has_amount(self) -> bool:
        """Whether its rows carry quantity, price and amount."""
        return set(_AMOUNT) <= set(self.table.column_names)


SCORED: tuple[Scored, ...] = (
    Scored(SALES, "pos", leads=True, time="timestamp"),
    *(
        Scored(table, "pos", leads=False, time="timestamp")
        for table in (RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS, NON_MERCHANDISE)
    ),
    Scored(WAREHOUSE_UPDATES, "warehouse", time="event_time"),
    Scored(STOCK_COUNTS, "warehouse", leads=False, time="event_time"),
    Scored(SUPPLIER_ORDERS, "supplier", time="updated_at"),
    Scored(STOCK_OPENINGS, "stock", time="event_time"),
    Scored(PRODUCTS, "products"),
    Scored(LOCATIONS, "locations"),
    Scored(SUPPLIERS, "suppliers"),
)


def row_counts(rows: pl.LazyFrame, scored: Scored, timely_within: timedelta) -> pl.LazyFrame:
    """Counts of a table's own rows by day.

    Args:
        rows: rows of the table, whole days.
        scored: which table.
        timely_within: how long after its event a row may be read.
    """
    found: dict[str, pl.Expr] = {"rows": pl.len()}
    if scored.has_score:
        found["rows_accurate"] = (pl.col("data_quality_score") >= ACCURATE_FROM).sum()
    if scored.has_amount:
        amount = (pl.col("unit_price") * pl.col("quantity_sold")).cast(MONEY, strict=False)
        found["rows_consistent"] = amount.eq_missing(pl.col("total_amount")).sum()
    if scored.time is not None:
        found["rows_timely"] = (pl.col("ingestion_timestamp") - pl.col(scored.time) <= timely_within).sum()
    return _counted(rows.group_by("event_date").agg(**found), pl.lit(scored.table.path))


def feed_counts(day_balance: pl.LazyFrame, quarantine: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Counts of what came in for each feed by day, at the feed's first table."""
    first = {scored.feed: scored.table.path for scored in SCORED if scored.leads}
    table = pl.col("feed").replace_strict(first, return_dtype=pl.String)
    outcome, rows = pl.col("outcome"), pl.col("rows")
    placed = ~outcome.is_in([BRONZE, EXACT_REPEAT, QUARANTINE.name])
    came = day_balance.group_by("feed", "event_date").agg(
        rows_in=rows.filter(outcome == BRONZE).sum(),
        rows_repeated=rows.filter(outcome == EXACT_REPEAT).sum(),
        rows_accepted=rows.filter(placed).sum(),
    )
    missing = pl.any_horizontal([("," + pl.col("reasons") + ",").str.contains(f",{m},", literal=True) for m in MISSING])
    refused = quarantine.group_by("feed", "event_date").agg(
        rows_refused=pl.len(),
        rows_incomplete=missing.sum(),
        rows_conflicting=pl.col("reason").is_in(CONFLICTING).sum(),
    )
    return [_counted(came, table), _counted(refused, table)]


def _counted(sums: pl.LazyFrame, table: pl.Expr) -> pl.LazyFrame:
    """Sums with all measures, those not taken as 0, so that they can be added up."""
    taken = sums.collect_schema().names()
    measures = (pl.col(name) if name in taken else pl.lit(0).alias(name) for name in _MEASURES)
    return sums.select(table.alias("table_name"), "event_date", *(value.cast(pl.Int64) for value in measures))


def score(counts: Sequence[pl.DataFrame], processing_date: date) -> pl.DataFrame:
    """Rows of `gold/quality_scores` of counted days.

    Args:
        counts: frames of `row_counts` and `feed_counts`.
        processing_date: UTC day of the computation.
    """
    sums = pl.concat(counts).group_by(_KEY).agg(pl.col(_MEASURES).sum())
    rows, accepted, refused = pl.col("rows"), pl.col("rows_accepted"), pl.col("rows_refused")
    repeated = pl.col("rows_repeated") + pl.col("rows_conflicting")
    # a required cell that is null keeps the whole row out, so the number of required columns cancels
    parts: dict[str, tuple[pl.Expr, pl.Expr]] = {
        "completeness": (accepted, accepted + pl.col("rows_incomplete")),
        "accuracy": (pl.col("rows_accurate"), rows),
        "consistency": (pl.col("rows_consistent"), rows),
        "timeliness": (pl.col("rows_timely"), rows),
        "validity": (accepted, accepted + refused),
        "uniqueness": (pl.col("rows_in") - repeated, pl.col("rows_in")),
    }
    values, notes = [], []
    for name in DIMENSIONS:
        part, whole = parts[name]
        why = pl.coalesce(_why_not(name), pl.when(whole == 0).then(pl.lit("no rows on this day")))
        values.append(pl.when(why.is_null()).then(part / whole).alias(name))
        notes.append(pl.lit(f"{name}: ") + why)
    note = pl.concat_str(notes, separator="; ", ignore_nulls=True)
    return (
        sums.with_columns(*values, pl.when(note != "").then(note).alias("not_applicable"))
        .with_columns(
            pl.mean_horizontal(DIMENSIONS).alias("dq_score"), pl.lit(processing_date).alias("processing_date")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in polars_schema(QUALITY_SCORES).items())
        .sort(_KEY)
    )


def _why_not(dimension: str) -> pl.Expr:
    """Why a dimension applies to a table on no day, null where it applies."""
    reasons = {s.table.path: why for s in SCORED if (why := why_not(s, dimension)) is not None}
    return pl.col("table_name").replace_strict(reasons, default=None, return_dtype=pl.String)


def why_not(scored: Scored, dimension: str) -> str | None:
    """Why a dimension applies to a table on no day, None where it applies."""
    firsts: Mapping[str, str] = {s.feed: s.table.path for s in SCORED if s.leads}
    if dimension in ("completeness", "validity", "uniqueness"):
        return None if scored.leads else f"counted for the feed at {firsts[scored.feed]}"
    if scored.time is None:
        return "versions of a master have no business day"
    if dimension == "accuracy" and not scored.has_score:
        return "rows carry no score"
    if dimension == "consistency" and not scored.has_amount:
        return "rows carry no amount"
    return None


def day_scores(scores: pl.DataFrame) -> dict[date | None, dict[str, float]]:
    """Numbers to plot a day: the mean of each dimension over the tables it applies to, and of the DQ score."""
    means = scores.group_by("event_date").agg(pl.col([*DIMENSIONS, "dq_score"]).mean()).sort("event_date")
    return {
        row.pop("event_date"): {name: value for name, value in row.items() if value is not None}
        for row in means.iter_rows(named=True)
    }


def score_table(scores: pl.DataFrame) -> str:
    """Markdown table of the mean scores of each table over the days given."""
    columns = [*DIMENSIONS, "dq_score"]
    means = scores.group_by("table_name").agg(pl.len().alias("days"), pl.col(columns).mean()).sort("table_name")
    lines = [f"| table | days | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for row in means.iter_rows(named=True):
        cells = ("–" if row[name] is None else f"{row[name]:.4f}" for name in columns)
        lines.append(f"| {row['table_name']} | {row['days']} | {' | '.join(cells)} |")
    return "\n".join(lines)
