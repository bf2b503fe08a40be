"""What a feed's rows say about items: code in standard form, in the master or not, quality of the code.

Everything is an expression of the row alone, so that rows stream and only what a step asks for is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.medallion.silver_common import rules_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory_assets.contracts.sources import SourceProfile


def with_items(rows: pl.LazyFrame, known_items: pl.Series, profile: SourceProfile) -> pl.LazyFrame:
    """Rows with the item code trimmed and in capitals, and what is known about it.

    Args:
        rows: rows of one source with `product_sku` as sent.
        known_items: item codes of the master.
        profile: profile of the source.

    Returns:
        The rows with `product_sku` in standard form, `_sent_sku`, `_goods` (the code is merchandise; true where there
        is no code), `item_unknown`, and what `item_quality` needs.
    """
    code, text = pl.col("product_sku"), pl.col("product_sku").str.strip_chars().str.to_uppercase()
    checks = []
    if profile.sku_pattern:
        checks.append(code.str.contains(profile.sku_pattern))
    if profile.sku_max_length:
        checks.append(code.str.len_chars() <= profile.sku_max_length)
    goods = (
        code.str.contains(profile.merchandise_pattern).fill_null(value=True)
        if profile.merchandise_pattern
        else pl.lit(True)
    )
    held = pl.sum_horizontal([pl.lit(0), *(check.fill_null(value=False) for check in checks)])
    known = code.is_in(known_items.drop_nulls().implode()).fill_null(value=False)
    return rows.with_columns(code.alias("_sent_sku"), pl.when(text != "").then(text).alias("product_sku")).with_columns(
        goods.alias("_goods"),
        known.alias("_known"),
        (~known).alias("item_unknown"),
        held.cast(pl.UInt8).alias("_item_checks"),
        pl.lit(len(checks), pl.UInt8).alias("_item_rules"),
    )


def item_quality(rules: Sequence[pl.Expr]) -> pl.Expr:
    """Share of quality rules that hold: the given ones, item in the master, and the code's declared form and length.

    Whole numbers are divided, column by column; see `medallion.exact`. A column made of a literal is still one to
    Polars, so the divisor is laid over the dividend's rows.
    """
    judged = [pl.col("_known"), *rules]
    held = rules_held(judged) + pl.col("_item_checks")
    return held / (held * 0 + pl.col("_item_rules").cast(pl.Int64) + len(judged))
