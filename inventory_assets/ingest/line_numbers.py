"""Line numbers of receipts whose producer sends none.

A line's number is its rank among its receipt's lines in the file, ordered by content (all columns, nulls first), equal
lines numbered consecutively: the same whatever the order of the rows or the format of the file, as long as a receipt is
not cut in two. Where a receipt mixes numbered and unnumbered lines, the unnumbered ones follow the highest number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_NUMBER = "line_number"
RECEIPT = ("store_id", "transaction_id")


def number_lines(rows: pl.DataFrame, unnumbered: pl.Series, ties: Sequence[pl.Series]) -> pl.Series:
    """Line numbers of a file's rows.

    Args:
        rows: the typed feed columns of `pos`, in order.
        unnumbered: rows whose producer sent no number; others keep theirs.
        ties: texts of cells that did not cast, one series a column, so that such lines keep a stable order.

    Returns:
        The numbers; null stays where the receipt itself is not known.
    """
    sent = rows[LINE_NUMBER]
    content = [
        name for name in rows.columns
        if name not in {*RECEIPT, LINE_NUMBER} and rows[name].null_count() < rows.height
    ]  # fmt: skip
    tie_names = [f"tie {position}" for position in range(len(ties))]
    ranked = (
        rows.select(*RECEIPT, *content)
        .with_columns(tie.alias(name) for tie, name in zip(ties, tie_names, strict=True))
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64))
        .filter(unnumbered)
        .drop_nulls(RECEIPT)
        .sort(*RECEIPT, *content, *tie_names)
        .select(*RECEIPT, "position")
    )
    if ranked.is_empty():
        return sent
    starts = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in RECEIPT).fill_null(value=True)
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    ranked = ranked.with_columns(rank=place - pl.when(starts).then(place).forward_fill() + 1)
    if sent.null_count() < sent.len():
        highest = rows.select(*RECEIPT, highest=LINE_NUMBER).drop_nulls().group_by(RECEIPT).agg(pl.max("highest"))
        ranked = ranked.join(highest, on=RECEIPT, how="left").with_columns(
            rank=pl.col("rank") + pl.col("highest").fill_null(0)
        )
    return sent.scatter(ranked["position"], ranked["rank"])
