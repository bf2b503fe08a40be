"""What to count next: items due by class, and those whose record is in doubt.

Points: stock unknown with demand 5, record below 0 5, assumed 3, never counted 1, units in quarantine 1; plus the share
of the counting interval of its class that has passed. From 1 on a pair is due. Invariant: the score is the sum of what
`reasons` names.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from inventory_assets.contracts.replenishment import CYCLE_COUNT_PROPOSALS
from inventory_assets.contracts.schemas import polars_schema

PAIR = ("product_sku", "location_id")
POINTS: dict[str, tuple[float, str]] = {
    "stock_unknown": (5.0, "stock unknown"),
    "below_zero": (5.0, "the record is below 0"),
    "assumed": (3.0, "stock assumed"),
    "never_counted": (1.0, "never counted"),
    "in_quarantine": (1.0, "units in quarantine"),
}
DEFAULT_INTERVAL_DAYS = 180


def cycle_counts(policy: pl.DataFrame, position: pl.DataFrame, movements: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of `replenishment/cycle_count_proposals`.

    Args:
        policy: rows of `replenishment/inventory_policy`.
        position: rows of `gold/inventory_position`.
        movements: product_sku, location_id, quantity, event_time.
        now: the instant.
    """
    today: date = now.date()
    known = policy.select(*PAIR, "abc", interval_days="count_interval_days", sells=pl.col("reorder_point") > 0)
    held = position.select(
        *PAIR, "book", "last_count_at", "shortfall", "stock_basis", "quarantined_quantity",
    )  # fmt: skip
    pairs = known.join(held, on=PAIR, how="full", coalesce=True)
    moved = (
        movements.join(pairs.select(*PAIR, "last_count_at"), on=PAIR)
        .filter(pl.col("last_count_at").is_null() | (pl.col("event_time") > pl.col("last_count_at")))
        .group_by(PAIR)
        .agg(movements_since=pl.col("quantity").abs().sum())
    )
    basis = pl.col("stock_basis").fill_null("unknown")
    never = pl.col("last_count_at").is_null()
    rows = pairs.join(moved, on=PAIR, how="left").with_columns(
        abc=pl.col("abc").fill_null("C"),
        interval_days=pl.col("interval_days").fill_null(DEFAULT_INTERVAL_DAYS),
        movements_since=pl.col("movements_since").fill_null(0),
        days_since_count=(pl.lit(today) - pl.col("last_count_at").dt.date()).dt.total_days(),
        stock_unknown=(basis == "unknown") & pl.col("sells").fill_null(value=False),
        below_zero=pl.col("shortfall").fill_null(0) > 0,
        assumed=basis == "assumed",
        never_counted=never & (basis != "unknown"),
        in_quarantine=pl.col("quarantined_quantity").fill_null(0) > 0,
    )
    rows = rows.with_columns(passed=(pl.col("days_since_count") / pl.col("interval_days")).fill_null(0.0))
    due = pl.col("passed") >= 1
    doubt = pl.sum_horizontal("passed", *(pl.col(name) * points for name, (points, _) in POINTS.items()))
    codes = pl.concat_str(
        *(pl.when(name).then(pl.lit(name)) for name in POINTS), pl.when(due).then(pl.lit("interval_passed")),
        separator=",", ignore_nulls=True,
    )  # fmt: skip
    words = pl.concat_str(
        *(pl.when(name).then(pl.lit(said)) for name, (_, said) in POINTS.items()),
        pl.when(due).then(
            pl.format("counted {} days ago, every {} is wanted", "days_since_count", "interval_days")
        ),
        separator="; ", ignore_nulls=True,
    )  # fmt: skip
    return (
        rows.with_columns(doubt=doubt, reasons=codes, message=words)
        .filter(pl.col("reasons") != "")
        .sort("doubt", "abc", "movements_since", *PAIR, descending=[True, False, True, False, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1), processing_date=pl.lit(today))
        .select(CYCLE_COUNT_PROPOSALS.column_names)
        .cast(polars_schema(CYCLE_COUNT_PROPOSALS))  # type: ignore[arg-type]
    )
