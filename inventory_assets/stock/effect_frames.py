"""Effects of events as frames, and their fold: what `accounts` does one by one, with the same rules (`fold`).

The batch layer folds the facts of the log with it, and so does a rebuild of the live state. Not here: where the
effects come from. Invariant: for any effects, in any order, with any repeats, `fold_effects` gives the accounts that
applying each of them once gives (a property test).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.stock.counts import COUNTS, PAIR
from inventory_assets.stock.effects import PROMISE_KINDS, Effect
from inventory_assets.stock.fold import STATE, fold, no_state
from inventory_assets.stock.rules import KINDS, UNKNOWN

EFFECTS = pl.Schema(
    {
        "product_sku": pl.String(),
        "location_id": pl.String(),
        "event_time": INSTANT,
        "kind": pl.String(),
        "quantity": pl.Int64(),
        "unavailable": pl.Int64(),
        "reserved": pl.Int64(),
        "in_transit": pl.Int64(),
        "source_system": pl.String(),
        "event_id": pl.String(),
        "document_id": pl.String(),
        "line_number": pl.Int64(),
    }
)
"""`effects.Effect` as a row; one a source, event, item and location."""

ACCOUNTS = pl.Schema({**STATE, "reserved": pl.Int64(), "in_transit": pl.Int64(), "version": pl.Int64()})
"""`accounts.Account` as a row."""

STORED = pl.List(
    pl.Struct(
        {
            "item": pl.String,
            "location": pl.String,
            "at": pl.Int64,
            "kind": pl.String,
            "quantity": pl.Int64,
            "unavailable": pl.Int64,
            "reserved": pl.Int64,
            "in_transit": pl.Int64,
            "document": pl.String,
            "line": pl.Int64,
        }
    )
)
"""Effects of an event as the log keeps them: a JSON list, absent numbers 0, absent texts empty, instants in µs."""

_KEY = ["source_system", "event_id", *PAIR]


def effects_frame(effects: Iterable[Effect]) -> pl.DataFrame:
    """Effects as rows of `EFFECTS`."""
    rows = [
        (
            each.item,
            each.location,
            each.at,
            each.kind,
            each.quantity,
            each.unavailable,
            each.reserved,
            each.in_transit,
            each.source,
            each.event_id,
            each.document,
            each.line,
        )
        for each in effects
    ]
    return pl.DataFrame(rows, schema=EFFECTS, orient="row")


def effects_of_texts(events: pl.DataFrame, *kept: str) -> pl.DataFrame:
    """Effects of events as rows of `EFFECTS`, from the texts the log keeps beside them.

    Args:
        events: source_system, event_id and effects (`STORED` as text, null for commands).
        kept: further columns of the events to keep beside their effects.
    """
    numbers = ["quantity", "unavailable", "reserved", "in_transit", "line"]
    return (
        events.lazy()
        .filter(pl.col("effects") != "[]")
        .select("source_system", "event_id", *kept, effects=pl.col("effects").str.json_decode(STORED))
        .explode("effects")
        .unnest("effects")
        .with_columns(
            pl.col(numbers).fill_null(0),
            pl.col("document").fill_null(""),
            event_time=pl.col("at").cast(INSTANT),
        )
        .rename({"item": "product_sku", "location": "location_id", "document": "document_id", "line": "line_number"})
        .select(*EFFECTS, *kept)
        .cast({name: EFFECTS[name] for name in EFFECTS})
        .collect()
    )


def fold_effects(effects: pl.DataFrame) -> pl.DataFrame:
    """Accounts (`ACCOUNTS`) of every pair after effects in any order; repeats of an event count once."""
    once = effects.unique(_KEY, keep="first")
    is_count = pl.col("kind").is_in(KINDS)
    day = pl.col("event_time").dt.date().alias("event_date")
    states = fold(
        no_state(),
        once.filter(~is_count & ~pl.col("kind").is_in(PROMISE_KINDS)),
        once.filter(is_count).with_columns(day).select(list(COUNTS)),
    )
    sums = once.group_by(PAIR).agg(
        pl.col("reserved").sum(), pl.col("in_transit").sum(), pl.len().cast(pl.Int64).alias("version")
    )
    return (
        sums.join(states, on=PAIR, how="left")
        .with_columns(
            pl.col("stock_basis").fill_null(UNKNOWN),
            pl.col("net_quantity", "net_unavailable").fill_null(0),
        )
        .select(list(ACCOUNTS))
        .cast(ACCOUNTS)
        .sort(PAIR)
    )
