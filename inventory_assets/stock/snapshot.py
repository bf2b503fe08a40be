"""Closing stock by business day: a row for each day with an event, and one for each first of a month without.

The closing of a day is the fold of all events whose business day (`event_date`) is at or before it. On every row
`closing_book = opening_book + movements of the day + count_variance`; the variance is derived, so a late movement from
before a count changes it and leaves the closing alone.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.stock.checkpoints import month_before
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.fold import BEFORE, states

SPANS = pl.Schema(
    {"product_sku": pl.String(), "location_id": pl.String(), "first_day": pl.Date(), "last_day": pl.Date()}
)
"""Days of a pair, both ends inclusive; last_day null = until the end. Spans of a pair do not touch."""

FLOWS: dict[str, tuple[tuple[str, ...], int]] = {
    "sold": (("sale", "given_away"), -1),
    "returned": (("return", "cancellation"), 1),
    "received": (("receipt",), 1),
    "transferred": (("transfer_out", "transfer_in"), 1),
    "adjusted": (("adjustment", "issue"), 1),
}
"""Kinds of movement in each column of the snapshot, and the sign that makes it read naturally."""

_FOREVER = date(9999, 12, 31)


def snapshot(
    spans: pl.DataFrame, opening_state: pl.DataFrame, movements: pl.DataFrame, counts: pl.DataFrame, last_day: date
) -> pl.DataFrame:
    """Rows of `gold/daily_inventory_snapshot` inside the spans; they replace the pairs' rows of these days.

    Args:
        spans: `SPANS`, what to rebuild: `affected_spans`, and on each first of a month this day for every pair.
        opening_state: `fold.STATE` at the end of the month `opening_month(earliest first_day)`; empty = from the start.
        movements: all movements of the pairs after that month.
        counts: all statements (`counts.COUNTS`) of the pairs after that month.
        last_day: last business day to write rows for.
    """
    pairs = spans.select(PAIR).unique()
    movements = movements.join(pairs, on=PAIR, how="semi")
    days = states(
        opening_state.join(pairs, on=PAIR, how="semi"), movements, counts.join(pairs, on=PAIR, how="semi"), "event_date"
    ).rename({"bucket": "event_date"})
    rows = (
        pl.concat([days, _month_openings(days, spans, last_day)], how="diagonal")
        .sort(*PAIR, "event_date")
        .with_columns(
            pl.col("is_month_opening").fill_null(value=False),
            pl.col("stock_basis").forward_fill().over(PAIR),
            closing_book=pl.col("book").forward_fill().over(PAIR),
            closing_unavailable=pl.col("unavailable").forward_fill().over(PAIR),
        )
        .with_columns(opening_book=pl.col("closing_book").shift(1).over(PAIR))
        .join(_flows(movements), on=[*PAIR, "event_date"], how="left")
        .with_columns(pl.col(*FLOWS, "moved").fill_null(0))
        .with_columns(count_variance=pl.col("closing_book") - pl.col("opening_book") - pl.col("moved"))
        .filter(pl.col("event_date") > BEFORE, pl.col("event_date") <= last_day)
    )
    return (
        _inside(rows, spans)
        .select(DAILY_INVENTORY_SNAPSHOT.column_names)
        .cast(polars_schema(DAILY_INVENTORY_SNAPSHOT))
        .sort(*PAIR, "event_date")
    )


def opening_month(first_day: date) -> date:
    """Latest month whose checkpoint holds nothing of a business day or of later ones, in any time zone.

    A business day begins up to 14 hours before the UTC day of the same date.
    """
    return month_before((first_day - timedelta(days=1)).replace(day=1))


def affected_spans(movements: pl.DataFrame, counts: pl.DataFrame, all_counts: pl.DataFrame) -> pl.DataFrame:
    """Days whose snapshot rows depend on changed events: from each event to the pair's next count.

    A changed unavailable part reaches to the end, because counts leave it alone. Assumed openings end nothing: they are
    void as soon as something better is known.

    Args:
        movements: movements that came, went or changed (`changed_events`).
        counts: statements (`counts.COUNTS`) that came, went or changed.
        all_counts: all statements of these pairs as they are now.

    Returns:
        `SPANS`.
    """
    ends = (
        all_counts.filter(pl.col("kind") != "assumed")
        .sort(*PAIR, "event_time")
        .select(*PAIR, "event_time", ends_on=pl.col("event_date").cum_min(reverse=True).over(PAIR))
        .with_columns(counted_at=pl.col("event_time"))
        .sort("event_time")
    )
    changed = pl.concat(
        [
            movements.select(
                *PAIR, "event_time", "event_date", exact=pl.lit(value=True), for_good=pl.col("unavailable") != 0
            ),
            counts.select(*PAIR, "event_time", "event_date", exact=pl.lit(value=False), for_good=pl.lit(value=False)),
        ]
    ).sort("event_time")
    reach = [
        changed.filter(pl.col("exact") == exact).join_asof(
            ends, on="event_time", by=PAIR, strategy="forward", allow_exact_matches=exact, check_sortedness=False
        )
        for exact in (True, False)
    ]
    touched = (
        pl.concat(reach)
        .select(
            *PAIR,
            first_day="event_date",
            last_day=pl.when(pl.col("for_good") | pl.col("ends_on").is_null())
            .then(pl.lit(_FOREVER))
            .otherwise(pl.max_horizontal("event_date", "ends_on")),
        )
        .sort(*PAIR, "first_day")
    )
    reached = pl.col("last_day").cum_max().shift(1).over(PAIR)
    return (
        touched.with_columns(span=(pl.col("first_day") > reached).fill_null(value=False).cum_sum().over(PAIR))
        .group_by(*PAIR, "span")
        .agg(pl.col("first_day").min(), pl.col("last_day").max())
        .with_columns(last_day=pl.when(pl.col("last_day") < _FOREVER).then("last_day"))
        .select(list(SPANS))
        .sort(*PAIR, "first_day")
    )


def changed_events(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Rows that stand in one of two frames of equal columns and not in the other: what came, went or changed."""
    columns = before.columns
    return (
        pl.concat([before.with_columns(side=pl.lit(-1)), after.select(columns).with_columns(side=pl.lit(1))])
        .group_by(columns)
        .agg(pl.col("side").sum())
        .filter(pl.col("side") != 0)
        .drop("side")
    )


def _flows(movements: pl.DataFrame) -> pl.DataFrame:
    quantity = pl.col("quantity")
    return movements.group_by(*PAIR, "event_date").agg(
        quantity.sum().alias("moved"),
        *(
            quantity.filter(pl.col("kind").is_in(kinds)).sum().mul(sign).alias(name)
            for name, (kinds, sign) in FLOWS.items()
        ),
    )


def _month_openings(days: pl.DataFrame, spans: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """First days of months in the spans, after the pair's first event, on which nothing happened."""
    earliest = spans.get_column("first_day").min()
    if not isinstance(earliest, date):
        earliest = last_day
    firsts = pl.date_range(earliest.replace(day=1), max(earliest, last_day), interval="1mo", eager=True)
    return (
        days.group_by(PAIR)
        .agg(pl.col("event_date").min().alias("begins"))
        .join(firsts.alias("event_date").to_frame(), how="cross")
        .filter(pl.col("event_date") > pl.col("begins"))
        .drop("begins")
        .join(days, on=[*PAIR, "event_date"], how="anti")
        .with_columns(is_month_opening=pl.lit(value=True))
    )


def _inside(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.sort("event_date")
        .join_asof(spans.sort("first_day"), left_on="event_date", right_on="first_day", by=PAIR, check_sortedness=False)
        .filter(pl.col("first_day").is_not_null(), pl.col("event_date") <= pl.col("last_day").fill_null(_FOREVER))
    )
