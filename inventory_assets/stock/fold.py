"""The rules of `rules` over frames: the state of every item × location at the end of each bucket of its events.

A bucket is a date column of the events (month, business day, or one for all). The state at the end of bucket b is the
fold of every event whose bucket is ≤ b, in effective order. Buckets need not follow the instants: a transfer carries
the sender's day to a receiver in another time zone. So a movement enters in its bucket and leaves again in the first
bucket that holds a count which absorbs it; one that is absorbed on arrival never enters.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from inventory_assets.contracts.gold import STOCK_CHECKPOINTS
from inventory_assets.contracts.schemas import INSTANT, polars_schema
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.rules import BASIS, KINDS, UNKNOWN

STATE = pl.Schema({name: dtype for name, dtype in polars_schema(STOCK_CHECKPOINTS).items() if name != "month"})
"""State of a pair: what `rules.Stock` holds for one."""

BEFORE = date(1, 1, 1)
"""Bucket of the state carried in."""

_BEGINNING = pl.lit(datetime(1, 1, 1, tzinfo=UTC), dtype=INSTANT)
_ORDER = ["event_time", "rank", "source_system", "document_id"]
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_ASSUMED = _RANK["assumed"]


def states(carry: pl.DataFrame, movements: pl.DataFrame, counts: pl.DataFrame, bucket: str) -> pl.DataFrame:
    """State of each pair at the end of each bucket in which something happened, and of the carry at `BEFORE`.

    Args:
        carry: `STATE` of pairs before all events; a pair without one starts unknown with nothing.
        movements: rows with the columns of `silver/stock_movements` and `bucket`, one a key.
        counts: rows of `counts.COUNTS` and `bucket`, one a key; at most one assumption a pair.
        bucket: name of the date column of both frames.

    Returns:
        `STATE` with the column `bucket`, sorted by pair and bucket.
    """
    statements = _statements(carry, counts, bucket)
    stated = statements.group_by(*PAIR, "bucket").agg(
        pl.col("place").max(), pl.col("event_time").min().alias("first_known_at")
    )
    carried = carry.select(*PAIR, pl.lit(BEFORE).alias("bucket"), known_at="first_known_at")
    running = (
        _moved(carry, movements, statements, bucket)
        .join(stated, on=[*PAIR, "bucket"], how="full", coalesce=True)
        .join(carried, on=[*PAIR, "bucket"], how="left")
        .with_columns(first_known_at=pl.coalesce("known_at", "first_known_at"))
        .sort(*PAIR, "bucket")
        .with_columns(
            pl.col("place").cum_max().forward_fill().over(PAIR),
            pl.col("net_quantity").fill_null(0).cum_sum().over(PAIR),
            pl.col("net_unavailable").fill_null(0).cum_sum().over(PAIR),
            pl.col("first_known_at").cum_min().forward_fill().over(PAIR),
            pl.col("last_movement_at").cum_max().forward_fill().over(PAIR),
        )
    )
    in_force = statements.select(*PAIR, "place", "basis", last_count_at="event_time", last_count_quantity="quantity")
    return (
        running.join(in_force, on=[*PAIR, "place"], how="left")
        .with_columns(
            book=pl.col("last_count_quantity") + pl.col("net_quantity"),
            unavailable=pl.when(pl.col("place").is_not_null()).then("net_unavailable"),
            stock_basis=pl.col("basis").fill_null(UNKNOWN),
        )
        .select(*STATE, "bucket")
        .sort(*PAIR, "bucket")
    )


def fold(carry: pl.DataFrame, movements: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """`STATE` of every pair after all events, which lie after the carried state."""
    one = pl.lit(date(9999, 1, 1)).alias("bucket")
    return (
        states(carry, movements.with_columns(one), counts.with_columns(one), "bucket")
        .unique(PAIR, keep="last", maintain_order=True)
        .drop("bucket")
    )


def no_state() -> pl.DataFrame:
    """An empty carry: fold from the start."""
    return pl.DataFrame(schema=STATE)


def _statements(carry: pl.DataFrame, counts: pl.DataFrame, bucket: str) -> pl.DataFrame:
    """Counts in force or once in force, parts summed, void assumptions left out, numbered by place within their pair.

    A pair's `place` rises in effective order, so that the greatest place among the buckets ≤ b is the count in force.
    """
    carried = carry.filter(pl.col("last_count_at").is_not_null()).select(
        *PAIR,
        pl.lit(BEFORE).alias("bucket"),
        pl.col("last_count_at").alias("event_time"),
        pl.lit(-1, pl.Int64).alias("rank"),
        pl.lit("").alias("source_system"),
        pl.lit("").alias("document_id"),
        pl.col("last_count_quantity").alias("quantity"),
        pl.col("stock_basis").alias("basis"),
    )
    whole = (
        counts.with_columns(rank=pl.col("kind").replace_strict(_RANK, return_dtype=pl.Int64))
        .group_by([*PAIR, *_ORDER])
        .agg(pl.col(bucket).max().alias("bucket"), pl.col("quantity").sum(), pl.col("kind").first())
        .with_columns(basis=pl.col("kind").replace_strict(BASIS, return_dtype=pl.String))
        .select(carried.columns)
    )
    better = (
        pl.concat([carried, whole.filter(pl.col("rank") != _ASSUMED)])
        .group_by(PAIR)
        .agg(pl.col("event_time").min().alias("known_at"))
    )
    return (
        pl.concat([carried, whole])
        .join(better, on=PAIR, how="left")
        .filter((pl.col("rank") != _ASSUMED) | (pl.col("known_at") >= pl.col("event_time")).fill_null(value=True))
        .drop("known_at")
        .sort(*PAIR, *_ORDER)
        .with_columns(place=pl.int_range(pl.len()).over(PAIR))
    )


def _moved(carry: pl.DataFrame, movements: pl.DataFrame, statements: pl.DataFrame, bucket: str) -> pl.DataFrame:
    """Change of the sums by pair and bucket: every movement enters in its bucket, absorbed ones leave in a bucket."""
    carried = carry.select(
        *PAIR,
        pl.lit(BEFORE).alias("bucket"),
        _BEGINNING.alias("event_time"),
        pl.col("net_quantity").alias("quantity"),
        pl.col("net_unavailable").alias("unavailable"),
    )
    moves = movements.select(*PAIR, pl.col(bucket).alias("bucket"), "event_time", "quantity", "unavailable")
    counts = statements.filter(pl.col("rank") >= 0).select(
        *PAIR,
        pl.col("bucket").cum_min(reverse=True).over(PAIR).alias("absorbed_on"),
        absorbs_until=pl.when(pl.col("rank") == _ASSUMED)
        .then(pl.col("event_time").dt.offset_by("-1us"))
        .otherwise("event_time"),
    )
    leaving = (
        pl.concat([carried, moves])
        .join(counts.select(PAIR).unique(), on=PAIR, how="semi")
        .sort("event_time")
        .join_asof(
            counts.sort("absorbs_until"),
            left_on="event_time",
            right_on="absorbs_until",
            by=PAIR,
            strategy="forward",
            check_sortedness=False,
        )
        .filter(pl.col("absorbed_on").is_not_null())
        .group_by(*PAIR, pl.max_horizontal("bucket", "absorbed_on").alias("bucket"))
        .agg(net_quantity=-pl.col("quantity").sum())
    )
    entering = [
        carried.join(carry.select(*PAIR, "last_movement_at"), on=PAIR).select(
            *PAIR, "bucket", net_quantity="quantity", net_unavailable="unavailable", last_movement_at="last_movement_at"
        ),
        moves.group_by(*PAIR, "bucket").agg(
            net_quantity=pl.col("quantity").sum(),
            net_unavailable=pl.col("unavailable").sum(),
            last_movement_at=pl.col("event_time").max(),
        ),
    ]
    return (
        pl.concat([*entering, leaving], how="diagonal")
        .group_by(*PAIR, "bucket")
        .agg(pl.col("net_quantity", "net_unavailable").sum(), pl.col("last_movement_at").max())
    )
