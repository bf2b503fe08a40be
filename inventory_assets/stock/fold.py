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
        counts: rows of `counts.COUNTS` and `bucket`, one a key; at most one assumption a pair; parts of one count have
            one bucket, and the assumption's bucket follows its instant.
        bucket: name of the date column of both frames.

    Returns:
        `STATE` with the column `bucket`, sorted by pair and bucket.
    """
    index = (
        pl.concat([frame.select(PAIR).unique() for frame in (carry, movements, counts)])
        .unique()
        .sort(PAIR)
        .with_row_index("pair")
    )
    moves = movements.select(*PAIR, pl.col(bucket).alias("bucket"), "event_time", "quantity", "unavailable")
    carry = _numbered(carry, index)
    statements = _statements(carry, _numbered(counts, index), bucket)
    stated = statements.group_by("pair", "bucket").agg(
        pl.col("place").max(), pl.col("event_time").min().alias("first_known_at")
    )
    carried = carry.select("pair", pl.lit(BEFORE).alias("bucket"), known_at="first_known_at")
    in_force = statements.select("pair", "place", "basis", last_count_at="event_time", last_count_quantity="quantity")
    return (
        _moved(carry, _numbered(moves, index), statements)
        .join(stated, on=["pair", "bucket"], how="full", coalesce=True)
        .join(carried, on=["pair", "bucket"], how="left")
        .with_columns(first_known_at=pl.coalesce("known_at", "first_known_at"))
        .sort("pair", "bucket")
        .with_columns(
            pl.col("place").cum_max().forward_fill().over("pair"),
            pl.col("net_quantity").fill_null(0).cum_sum().over("pair"),
            pl.col("net_unavailable").fill_null(0).cum_sum().over("pair"),
            pl.col("first_known_at").cum_min().forward_fill().over("pair"),
            pl.col("last_movement_at").cum_max().forward_fill().over("pair"),
        )
        .join(in_force, on=["pair", "place"], how="left")
        .with_columns(
            book=pl.col("last_count_quantity") + pl.col("net_quantity"),
            unavailable=pl.when(pl.col("place").is_not_null()).then("net_unavailable"),
            stock_basis=pl.col("basis").fill_null(UNKNOWN),
        )
        .sort("pair", "bucket")
        .join(index, on="pair", maintain_order="left")
        .select(*STATE, "bucket")
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


def _numbered(frame: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """The frame with a number in place of each pair: grouping by two texts is several times dearer."""
    return frame.join(index, on=PAIR).drop(PAIR)


def _statements(carry: pl.DataFrame, counts: pl.DataFrame, bucket: str) -> pl.DataFrame:
    """Counts in force or once in force, parts summed, void assumptions left out, numbered by place within their pair.

    A pair's `place` rises in effective order, so that the greatest place among the buckets ≤ b is the count in force.
    """
    carried = carry.filter(pl.col("last_count_at").is_not_null()).select(
        "pair",
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
        .group_by(["pair", *_ORDER])
        .agg(pl.col(bucket).max().alias("bucket"), pl.col("quantity").sum(), pl.col("kind").first())
        .with_columns(basis=pl.col("kind").replace_strict(BASIS, return_dtype=pl.String))
        .select(carried.columns)
    )
    better = (
        pl.concat([carried, whole.filter(pl.col("rank") != _ASSUMED)])
        .group_by("pair")
        .agg(pl.col("event_time").min().alias("known_at"))
    )
    return (
        pl.concat([carried, whole])
        .join(better, on="pair", how="left")
        .filter((pl.col("rank") != _ASSUMED) | (pl.col("known_at") >= pl.col("event_time")).fill_null(value=True))
        .drop("known_at")
        .sort("pair", *_ORDER)
        .with_columns(place=pl.int_range(pl.len()).over("pair"))
    )


def _moved(carry: pl.DataFrame, moves: pl.DataFrame, statements: pl.DataFrame) -> pl.DataFrame:
    """Change of the sums by pair and bucket: every movement enters in its bucket, absorbed ones leave in a bucket."""
    carried = carry.select(
        "pair",
        pl.lit(BEFORE).alias("bucket"),
        _BEGINNING.alias("event_time"),
        pl.col("net_quantity").alias("quantity"),
        pl.col("net_unavailable").alias("unavailable"),
    )
    counts = statements.filter(pl.col("rank") >= 0).select(
        "pair",
        pl.col("bucket").cum_min(reverse=True).over("pair").alias("absorbed_on"),
        absorbs_until=pl.when(pl.col("rank") == _ASSUMED)
        .then(pl.col("event_time").dt.offset_by("-1us"))
        .otherwise("event_time"),
    )
    leaving = (
        pl.concat([carried, moves.select(carried.columns)])
        .join(counts.select("pair").unique(), on="pair", how="semi")
        .sort("event_time")
        .join_asof(
            counts.sort("absorbs_until"),
            left_on="event_time",
            right_on="absorbs_until",
            by="pair",
            strategy="forward",
            check_sortedness=False,
        )
        .filter(pl.col("absorbed_on").is_not_null())
        .group_by("pair", pl.max_horizontal("bucket", "absorbed_on").alias("bucket"))
        .agg(net_quantity=-pl.col("quantity").sum())
    )
    entering = [
        carried.join(carry.select("pair", "last_movement_at"), on="pair").select(
            "pair",
            "bucket",
            net_quantity="quantity",
            net_unavailable="unavailable",
            last_movement_at="last_movement_at",
        ),
        moves.group_by("pair", "bucket").agg(
            net_quantity=pl.col("quantity").sum(),
            net_unavailable=pl.col("unavailable").sum(),
            last_movement_at=pl.col("event_time").max(),
        ),
    ]
    return (
        pl.concat([*entering, leaving], how="diagonal")
        .group_by("pair", "bucket")
        .agg(pl.col("net_quantity", "net_unavailable").sum(), pl.col("last_movement_at").max())
    )
