"""Till receipts: sales, returns, cancellations, gifts, corrections of stock, lines that are no goods.

Which bronze rows to read is decided by `silver_matching`; writing is not here. Invariant: every line of a written day
stands in exactly one of the tables, in quarantine, or is an exact repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts import silver
from inventory_assets.contracts.feeds import POS
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.medallion.silver_common import (
    MAX_AHEAD,
    SEEN_AT,
    Rows,
    Rule,
    Rulebook,
    Settled,
    broken,
    build_sources,
    collected,
    common_rules,
    limit_rules,
    mark,
    null_key_rules,
    settle,
    trimmed,
)
from inventory_assets.medallion.silver_decisions import lay_over_lazily
from inventory_assets.medallion.silver_items import item_quality, with_items
from inventory_assets.medallion.silver_matching import match_cancellations, match_mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date, timedelta

    from inventory_assets.contracts.model import Table
    from inventory_assets.contracts.sources import Profiles, SourceProfile

POS_TABLES: tuple[Table, ...] = (
    silver.SALES, silver.RETURNS, silver.CANCELLATIONS, silver.GIVEN_AWAY, silver.STOCK_ADJUSTMENTS,
    silver.NON_MERCHANDISE,
)  # fmt: skip
"""Tables a POS line may stand in."""

_UNCLASSIFIED, _SALE, _RETURN, _GIVEN_AWAY, _ADJUSTMENT, _NON_MERCHANDISE = range(6)
_CANCELLED_BY = ("transaction_id", "line_number")
_QUANTITY, _PRICE = pl.col("quantity_sold"), pl.col("unit_price")


def _quality(profile: SourceProfile) -> pl.Expr:
    """Share of quality rules that hold.

    Item in the master, form and length of its code and form of the receipt number (each where the profile declares
    it), currency a code of three letters (sent or the source's).
    """
    rules = [pl.col("currency").str.len_bytes() == 3]  # noqa: PLR2004 - ISO 4217
    if profile.transaction_pattern:
        rules.append(pl.col("transaction_id").str.contains(profile.transaction_pattern))
    return item_quality(rules)


def _standardised(rows: pl.LazyFrame, known_items: pl.Series, profile: SourceProfile) -> pl.LazyFrame:
    """Rows with codes in standard form, the item's facts and the line's class."""
    correction = pl.lit(False)
    if profile.adjustment_rule == "price_zero_without_customer":
        correction = (_PRICE == 0) & pl.col("customer_id").is_null()
    line_class = (
        pl.when(~pl.col("_goods")).then(_NON_MERCHANDISE)
        .when(correction).then(_ADJUSTMENT)
        .when((_QUANTITY > 0) & (_PRICE > 0)).then(_SALE)
        .when((_QUANTITY < 0) & (_PRICE > 0)).then(_RETURN)
        .when((_QUANTITY > 0) & (_PRICE == 0)).then(_GIVEN_AWAY)
        .otherwise(_UNCLASSIFIED)
    )  # fmt: skip
    texts = [c.name for c in POS.columns if c.type == "String" and c.name not in {"product_sku", "currency"}]
    currency = pl.col("currency").str.strip_chars().str.to_uppercase()
    return (
        trimmed(with_items(rows, known_items, profile), texts)
        .with_columns(
            pl.when(currency != "").then(currency).fill_null(profile.currency).alias("currency"),
            (_PRICE * _QUANTITY).cast(MONEY, strict=False).alias("total_amount"),
            pl.col("disposition").str.to_lowercase(),
        )
        .with_columns(line_class.cast(pl.Int8).alias("_class"))
    )


def _rulebook(profile: SourceProfile, max_ahead: timedelta) -> Rulebook:
    """Rules (1), (2) and (7) of a POS line; the classes are in `_class`."""
    goods, returned = pl.col("_goods"), pl.col("_class") == _RETURN
    sent = _PRICE.is_not_null() & _QUANTITY.is_not_null()
    ranged = {"quantity_sold": "quantity_sold"}
    rules = [
        *common_rules(pl.col("timestamp"), profile.earliest_date, max_ahead=max_ahead),
        *null_key_rules(("transaction_id", "store_id", "product_sku", "line_number")),
        Rule("time:missing", pl.col("timestamp").is_null() & pl.col("row_error").is_null(), ("timestamp",)),
        Rule("quantity:zero", goods & (_QUANTITY == 0)),
        Rule("quantity:null", goods & _QUANTITY.is_null(), ("quantity_sold",)),
        Rule("price:null", goods & _PRICE.is_null(), ("unit_price",)),
        Rule("price:negative", goods & (_PRICE < 0)),
        *limit_rules(silver.SALES, ranged, goods),
        *limit_rules(silver.SALES, {"line_number": "line_number"}),
        Rule("value:out_of_range", goods & sent & pl.col("total_amount").is_null()),
        *limit_rules(silver.RETURNS, {"disposition": "disposition"}, returned),
        Rule("unclassified", (pl.col("_class") == _UNCLASSIFIED) & (_QUANTITY < 0) & (_PRICE == 0)),
    ]
    key = ("store_id", "transaction_id", "line_number")
    return Rulebook(POS, key, tuple(rules), "timestamp", "store_id", _QUANTITY)


def _local(zones: Iterable[str]) -> list[pl.Expr]:
    """Columns of local business time: the date is bronze's, the hour is read in the row's stored zone."""
    hour = pl.lit(None, pl.Int8)
    for zone in zones:
        here = pl.col("timestamp").dt.convert_time_zone(zone).dt.hour()
        hour = pl.when(pl.col("business_time_zone") == zone).then(here).otherwise(hour)
    weekday = pl.col("event_date").dt.weekday()
    return [
        pl.col("event_date").alias("transaction_date"),
        hour.alias("transaction_hour"),
        weekday.alias("transaction_day_of_week"),
        (weekday >= 6).alias("is_weekend"),  # noqa: PLR2004 - Saturday
    ]


def _few(standard: pl.LazyFrame, book: Rulebook) -> pl.DataFrame:
    """Which rows need a closer look: `_few`, beside the row's number in its file.

    Those that break a rule or share their key, all that are no sales, and sales a return may cancel. The others are
    sales whatever the few are, and nothing about them depends on another row.
    """
    judged = (
        standard.with_columns(SEEN_AT)
        .select(
            pl.col("row_number").alias("_at"),
            mark(book.identity).alias("mark"),
            match_mark().alias("match"),
            (broken(book.rules) | (pl.col("_class") != _SALE)).alias("odd"),
            (_QUANTITY < 0).alias("negative"),
        )
        .collect(engine="streaming")
    )
    taken_back = judged.filter("negative")["match"].drop_nulls().unique().implode()
    return judged.select(
        "_at",
        (pl.col("odd") | pl.col("mark").is_duplicated() | pl.col("match").is_in(taken_back).fill_null(value=False))
        .alias("_few"),
    )  # fmt: skip


def _split(sales: pl.LazyFrame, few: pl.DataFrame) -> dict[Table, Rows]:
    """Kept lines by table, cancellations told from other returns.

    Args:
        sales: lines that are sales and that nothing cancels.
        few: all other lines.
    """
    names = [name for name in silver.NON_MERCHANDISE.column_names if name not in silver.SALES.key]

    def lines(code: int, *more: str) -> pl.DataFrame:
        return few.filter(pl.col("_class") == code).select(*silver.SALES.key, *names, *more)

    candidates = lines(_SALE)
    returns = lines(_RETURN, "disposition").with_columns(pl.col("disposition").fill_null("resalable"))
    pairs = match_cancellations(candidates, returns)
    sold = candidates[pairs["sale"]].select(
        pl.col("transaction_id").alias("sale_transaction_id"),
        pl.col("line_number").alias("sale_line_number"),
        pl.col("store_id").alias("sale_store_id"),
        pl.col("event_date").alias("sale_date"),
    )
    back = returns[pairs["return"]]
    marks = pl.DataFrame({"_row": pairs["sale"], **{f"cancelled_by_{name}": back[name] for name in _CANCELLED_BY}})
    uncancelled = (pl.lit(None, marks.schema[name]).alias(name) for name in marks.columns if name != "_row")
    return {
        silver.SALES: pl.concat(
            [
                sales.select(*silver.SALES.key, *names, *uncancelled),
                candidates.with_row_index("_row").join(marks, on="_row", how="left").drop("_row").lazy(),
            ]
        ),
        silver.RETURNS: returns.with_row_index("_row").join(pairs, left_on="_row", right_on="return", how="anti"),
        silver.CANCELLATIONS: back.hstack(sold),
        silver.GIVEN_AWAY: lines(_GIVEN_AWAY),
        silver.STOCK_ADJUSTMENTS: lines(_ADJUSTMENT),
        silver.NON_MERCHANDISE: lines(_NON_MERCHANDISE),
    }


def plan_pos(
    bronze: Rows,
    decisions: pl.DataFrame,
    known_items: pl.Series,
    profiles: Profiles,
    days: Collection[date | None],
    *,
    max_ahead: timedelta = MAX_AHEAD,
) -> dict[str, Rows]:
    """As `build_pos`; rows that are lazy stay so on their way into the table of sales, so that a day needs no memory.

    Where decisions are given, bronze rows are collected all the same.
    """

    def treat(sent: pl.LazyFrame, profile: SourceProfile) -> tuple[Settled, dict[Table, Rows]]:
        zones = sent.select(pl.col("business_time_zone").drop_nulls().unique().sort()).collect(engine="streaming")
        derived = (*_local(zones.to_series()), _quality(profile).alias("data_quality_score"))
        book = _rulebook(profile, max_ahead)
        told = pl.concat([sent, _few(_standardised(sent, known_items, profile), book).lazy()], how="horizontal")
        # both readings give the rows in the same order; were it not so, rows would be missing in day_balance
        many = told.filter(~pl.col("_few") & (pl.col("_at") == pl.col("row_number"))).drop("_few", "_at")
        few = told.filter("_few", pl.col("_at") == pl.col("row_number")).drop("_few", "_at")
        settled = settle(_standardised(few.collect(engine="streaming").lazy(), known_items, profile).collect(), book)
        sales = _standardised(many, known_items, profile).with_columns(derived)
        return settled, _split(sales, settled.kept.with_columns(derived).collect())

    rows = lay_over_lazily(bronze, decisions, profiles, POS)
    return build_sources(rows, POS, POS_TABLES, profiles, days, treat)


def build_pos(
    bronze: Rows,
    decisions: pl.DataFrame,
    known_items: pl.Series,
    profiles: Profiles,
    days: Collection[date | None],
    *,
    max_ahead: timedelta = MAX_AHEAD,
) -> dict[str, pl.DataFrame]:
    """Silver tables of till receipts for some days.

    Args:
        bronze: rows of `bronze/inventory_transactions`: those of the days, those of the days that `tied_together` names
            (at least the receipts with `tying_lines`), and those of days from which a fix moves rows here
            (`days_to_read`).
        decisions: rows of `silver/decisions`.
        known_items: item codes of the product master.
        profiles: source profiles.
        days: days to build; None is the partition of rows without a day.
        max_ahead: how far an event time may lie ahead of the row's reading.

    Returns:
        Frames of these days by table path, quarantine and day balance included, each in its contract's schema.
    """
    return collected(plan_pos(bronze, decisions, known_items, profiles, days, max_ahead=max_ahead))
