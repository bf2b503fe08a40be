"""Which returns cancel which sales, and which days that ties together.

A return takes, in order of (event time, receipt, line), the latest unused sale of the same source, customer, item,
price and opposite quantity, at the same instant or up to 24 hours before. Nothing else in silver reaches over the day.
What a sale or a return is belongs to `silver_pos`. Invariant: days rebuilt with the window that `matching_days` names
get the rows that a rebuild of all days gives them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.feeds import POS
from inventory_assets.medallion.silver_decisions import IDENTITY, fix_versions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from inventory_assets.contracts.sources import Profiles

REACH = timedelta(hours=24)
"""How long after a sale a return still cancels it, inclusive."""
SLIM = (
    "source_system", "store_id", "transaction_id", "customer_id", "product_sku", "unit_price", "quantity_sold",
    "timestamp", "event_date", "business_time_zone", "cast_errors", "row_error", *IDENTITY,
)  # fmt: skip
"""Columns of bronze that `matching_days` reads."""

_LINE = ("customer_id", "product_sku", "unit_price", "quantity_sold", "timestamp", "event_date")
_KEY = ("source_system", "_customer", "_item", "_price", "_units")
_MOMENT = ("timestamp", "event_date")
_ORDER = ("timestamp", "transaction_id", "line_number", "store_id")


def _keyed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows that may match, with the key that a sale and its cancellation share."""
    usable = (pl.col("unit_price") > 0) & (pl.col("quantity_sold") != 0) & pl.col("timestamp").is_not_null()
    customer = pl.col("customer_id").str.strip_chars()
    return rows.filter(usable, pl.col("customer_id").is_not_null(), customer != "").with_columns(
        customer.alias("_customer"),
        pl.col("product_sku").str.strip_chars().str.to_uppercase().alias("_item"),
        pl.col("unit_price").alias("_price"),
        pl.col("quantity_sold").abs().alias("_units"),
    )


def _with_returns(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keyed rows of keys that hold a return; their customers are sifted first because they are few."""
    keys = _keyed(rows.filter(pl.col("quantity_sold") < 0)).select(_KEY).unique().collect(engine="streaming")
    customers = keys["_customer"].unique().implode()
    sifted = rows.filter(pl.col("customer_id").str.strip_chars().is_in(customers))
    return _keyed(sifted).join(keys.lazy(), on=_KEY, how="semi")


def tying_lines(rows: pl.LazyFrame) -> pl.DataFrame:
    """Rows that alone decide what `matching_days` answers where no fix changes a row.

    These are the lines of keys with a chain that holds a return and spans several days; they are few. Keys are found by
    their hash, as texts would keep the whole columns they were read from in memory; two keys with one hash only bring
    lines too many. Each step is computed before the next: a join holds what it reads until its other side is there.

    Args:
        rows: bronze rows with the columns `SLIM`; read three times, and never held as a whole.
    """
    keyed = _keyed(rows).with_columns(pl.struct(_KEY).hash().alias("_hash"))
    returned = keyed.filter(pl.col("quantity_sold") < 0).select("_hash").unique().collect(engine="streaming")
    lines = keyed.join(returned.lazy(), on="_hash", how="semi").select("_hash", "quantity_sold", *_MOMENT)
    tying = _chains(lines.collect(engine="streaming").lazy(), ("_hash",)).select(pl.col("_hash").unique()).collect()
    return keyed.join(tying.lazy(), on="_hash", how="semi").select(SLIM).collect(engine="streaming")


def _chains(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Chains (see `matching_days`) that hold a return and span several days: their key and `_days`."""
    gap = pl.col("timestamp").diff() > REACH
    first = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in key)
    return (
        rows.sort(*key, "timestamp")
        .with_columns((gap | first).fill_null(value=True).cum_sum().alias("_chain"))
        .group_by("_chain")
        .agg(
            pl.col(key).first(),
            (pl.col("quantity_sold") < 0).any().alias("_returned"),
            pl.col("event_date").drop_nulls().unique().alias("_days"),
        )
        .filter("_returned", pl.col("_days").list.len() > 1)
    )


@dataclass(frozen=True, slots=True)
class MatchingDays:
    """Days that a change of some days reaches through cancellations.

    Attributes:
        rebuild: days whose rows may change, the changed ones included.
        window: days whose bronze rows `build_pos` needs to rebuild these.
        missing: days to be looked at before the other two can be trusted; empty when the answer is final.
    """

    rebuild: set[date | None]
    window: set[date | None]
    missing: set[date]


def _margin(profiles: Profiles) -> int:
    """Days between two rows 24 hours apart at most: one, or two where a source has stores in several zones."""
    return 1 if all(not profiles[name].location_time_zones for name in profiles) else 2


def _around(days: Collection[date | None], margin: int) -> set[date]:
    return {day + timedelta(days=step) for day in days if day is not None for step in range(-margin, margin + 1)}


def chain_days(slim: pl.DataFrame, decisions: pl.DataFrame, profiles: Profiles) -> list[frozenset[date | None]]:
    """Days of each chain (see `matching_days`) that holds a return and spans several days; arguments as there."""
    rest, versions = fix_versions(slim, decisions, profiles, POS)
    rows = pl.concat([rest, *versions]).lazy().select("source_system", *_LINE)
    chains = _chains(_with_returns(rows), _KEY).collect()
    return [frozenset(found) for found in chains["_days"].to_list()]


def tied_together(days: Collection[date | None], chains: Collection[frozenset[date | None]]) -> set[date | None]:
    """The days and those of every chain that touches one of them.

    Bronze rows of these days are what `build_pos` needs to build the given days alone.
    """
    given = set(days)
    return given.union(*(found for found in chains if found & given))


def matching_days(
    slim: pl.DataFrame,
    days: Collection[date | None],
    looked_at: Collection[date | None],
    decisions: pl.DataFrame,
    profiles: Profiles,
) -> MatchingDays:
    """Which days change with the given days, and which are needed to rebuild them.

    Lines of one source, customer, item, price and number of units that follow each other within 24 hours are a chain.
    Every day of a chain that holds a return and touches a changed day changes too. Rows as they came and after each
    fix are all looked at, so that a day also changes when a line leaves a chain.

    Args:
        slim: rows of `looked_at` with the columns `SLIM`.
        days: changed days.
        looked_at: days that `slim` covers, whether they have rows or not.
        decisions: rows of `silver/decisions`.
        profiles: source profiles; stores in several zones widen the days to look at.

    Returns:
        The days; while `missing` is not empty, read these days too and ask again.
    """
    chains = chain_days(slim, decisions, profiles)
    changed = {day for day in days if day is not None}
    rebuild = tied_together(changed, chains)
    tied = [found for found in chains if found & rebuild]
    window = rebuild.union(*tied)
    margin = _margin(profiles)
    missing = _around(rebuild, margin).union(*(_around(found, margin) for found in tied)) - set(looked_at)
    null = {None} & set(days)
    return MatchingDays(rebuild | null, window | null, missing)


def match_mark() -> pl.Expr:
    """A number that a standardised sale and the returns that may cancel it share; null where nothing can match."""
    usable = (pl.col("unit_price") > 0) & (pl.col("quantity_sold") != 0) & pl.col("timestamp").is_not_null()
    shared = (pl.col("customer_id"), pl.col("product_sku"), pl.col("unit_price"), pl.col("quantity_sold").abs())
    number = pl.sum_horizontal(value.hash(seed=index) for index, value in enumerate(shared, 1))
    return pl.when(usable & pl.col("customer_id").is_not_null()).then(number)


def match_cancellations(sales: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """Pairs of a return and the sale it cancels.

    Args:
        sales: sales of one or more sources with POS columns, standardised.
        returns: goods that came back, likewise.

    Returns:
        `return` and `sale`: row positions in the two frames; each position at most once.
    """
    schema = {"return": pl.UInt32(), "sale": pl.UInt32()}
    back = _keyed(returns.with_row_index("_row").lazy()).select(*_KEY, *_ORDER, "_row").collect()
    customers = back.select("_customer").unique()
    if customers.is_empty():
        return pl.DataFrame(schema=schema)
    sold = (
        _keyed(
            sales.lazy()
            .select("source_system", "customer_id", "product_sku", "unit_price", "quantity_sold", *_ORDER)
            .with_row_index("_row")
            .filter(pl.col("customer_id").is_in(customers.to_series().implode()))
        )
        .join(back.lazy().select(_KEY).unique(), on=_KEY, how="semi")
        .select(*_KEY, *_ORDER, "_row")
        .sort(*_ORDER)
        .collect()
    )
    unused: dict[tuple, list[tuple[datetime, int]]] = defaultdict(list)
    width = len(_KEY)
    for row in sold.iter_rows():
        unused[row[:width]].append((row[width], row[-1]))
    pairs = []
    for row in back.join(sold, on=_KEY, how="semi").sort(*_ORDER).iter_rows():
        candidates, moment = unused[row[:width]], row[width]
        place = bisect_right(candidates, moment, key=lambda sale: sale[0]) - 1
        if place >= 0 and moment - candidates[place][0] <= REACH:
            pairs.append((row[-1], candidates.pop(place)[1]))
    return pl.DataFrame(pairs, schema=schema, orient="row")
