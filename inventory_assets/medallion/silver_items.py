"""What a feed's rows say about items: code in standard form, in the master or not, quality of the code.

Item codes are few and rows are many, so everything is found once a code and joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.medallion.silver_common import rules_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inventory_assets.contracts.sources import SourceProfile


def _facts(codes: pl.Series, known_items: pl.Series, profile: SourceProfile) -> pl.DataFrame:
    code = pl.col("_item")
    checks = []
    if profile.sku_pattern:
        checks.append(code.str.contains(profile.sku_pattern))
    if profile.sku_max_length:
        checks.append(code.str.len_chars() <= profile.sku_max_length)
    goods = code.str.contains(profile.merchandise_pattern) if profile.merchandise_pattern else code.is_not_null()
    text = pl.col("product_sku").str.strip_chars().str.to_uppercase()
    held = pl.sum_horizontal([pl.lit(0), *(check.fill_null(value=False) for check in checks)])
    return (
        pl.DataFrame({"product_sku": codes.unique()})
        .with_columns(pl.when(text != "").then(text).alias("_item"))
        .with_columns(
            goods.fill_null(value=True).alias("_goods"),
            code.is_in(known_items.drop_nulls().implode()).fill_null(value=False).alias("_known"),
            held.cast(pl.UInt8).alias("_item_checks"),
            pl.lit(len(checks), pl.UInt8).alias("_item_rules"),
        )
    )


def with_items(rows: pl.DataFrame, known_items: pl.Series, profile: SourceProfile) -> pl.DataFrame:
    """Rows with the item code trimmed and in capitals, and what is known about it.

    Args:
        rows: rows of one source with `product_sku` as sent.
        known_items: item codes of the master.
        profile: profile of the source.

    Returns:
        The rows with `product_sku` in standard form, `_sent_sku`, `_goods` (the code is merchandise; true where there
        is no code), `item_unknown`, and what `item_quality` needs.
    """
    # only the code takes part in the join: a join of whole rows would copy every column
    codes = rows.select("product_sku")
    facts = codes.join(
        _facts(rows["product_sku"], known_items, profile),
        on="product_sku",
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return rows.with_columns(
        codes["product_sku"].alias("_sent_sku"),
        facts["_item"].alias("product_sku"),
        (~facts["_known"]).alias("item_unknown"),
        *facts.drop("product_sku", "_item").get_columns(),
    )


def item_quality(rules: Sequence[pl.Expr]) -> pl.Expr:
    """Share of quality rules that hold: the given ones, item in the master, and the code's declared form and length.

    Whole numbers are divided, column by column; see `medallion.exact`.
    """
    judged = [pl.col("_known"), *rules]
    return (rules_held(judged) + pl.col("_item_checks")) / (pl.col("_item_rules").cast(pl.Int64) + len(judged))
