"""Month-end checkpoints of the stock fold, so that a late event costs the months after it and not the history.

A month is a UTC month. A pair has a row for every month from its first event to the last month asked for, changed or
not: the state at any later instant needs the one latest checkpoint of the pair and the events since.
A full build is the same function with no previous checkpoints.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from inventory_assets.contracts.gold import STOCK_CHECKPOINTS
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.fold import STATE, no_state, states


def build_checkpoints(
    previous: pl.DataFrame | None,
    movements: pl.DataFrame,
    counts: pl.DataFrame,
    pairs: pl.DataFrame,
    first_month: date,
    last_month: date,
) -> pl.DataFrame:
    """Checkpoints of changed pairs from the first changed month on; they replace the pairs' rows of these months.

    Args:
        previous: checkpoints already built, before or in the changed months; only those of the month before
            `first_month` are read. None or empty for a full build, with `first_month` at or before the first event.
        movements: movements of the pairs from the start of `first_month` on (earlier and other ones are left out).
        counts: statements (`counts.COUNTS`) of the same.
        pairs: product_sku and location_id of the pairs whose events changed.
        first_month: first day of the earliest month with a changed event.
        last_month: first day of the last month to close.

    Returns:
        Rows of `gold/stock_checkpoints`.
    """
    pairs = pairs.select(PAIR).unique()
    carry = no_state() if previous is None else checkpoint_at(previous, month_before(first_month))
    since, until = _start(first_month), _start(month_after(last_month))
    closed = states(
        carry.join(pairs, on=PAIR, how="semi"),
        _of_months(movements, pairs, since, until),
        _of_months(counts, pairs, since, until),
        "month",
    )
    months = pl.DataFrame(
        {"month": pl.date_range(first_month, last_month, interval="1mo", eager=True)}, schema={"month": pl.Date}
    )
    known_from = closed.group_by(PAIR).agg(pl.col("bucket").min())
    return (
        known_from.join(months, how="cross")
        .filter(pl.col("month") >= pl.col("bucket"))
        .select(*PAIR, "month")
        .sort(*PAIR, "month")
        .join_asof(
            closed.sort(*PAIR, "bucket"),
            left_on="month",
            right_on="bucket",
            by=PAIR,
            check_sortedness=False,
        )
        .select(STOCK_CHECKPOINTS.column_names)
    )


def checkpoint_at(checkpoints: pl.DataFrame, month: date) -> pl.DataFrame:
    """State (`fold.STATE`) of every pair at the end of a month; pairs without an event by then are absent."""
    return checkpoints.filter(pl.col("month") == month).select(list(STATE))


def since_month(events: pl.DataFrame, month: date) -> pl.DataFrame:
    """Events after the end of a month: what is folded onto its checkpoint."""
    return events.filter(pl.col("event_time") >= _start(month_after(month)))


def month_of(instant: datetime) -> date:
    """First day of the UTC month of an instant."""
    return instant.astimezone(UTC).date().replace(day=1)


def month_before(month: date) -> date:
    """First day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def month_after(month: date) -> date:
    """First day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def _of_months(events: pl.DataFrame, pairs: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    return (
        events.filter(pl.col("event_time") >= since, pl.col("event_time") < until)
        .join(pairs, on=PAIR, how="semi")
        .with_columns(month=pl.col("event_time").dt.truncate("1mo").dt.date())
    )


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
