"""The state once more, from the log alone, beside the state that the processor keeps.

What of the log was applied is known from one snapshot: everything that counts but parts that wait or are dead letters.
Not here: where events older than the log are kept; they are handed in. Invariant: the fold uses the frame rules of
`stock.effect_frames`, the processor the single ones; a difference is damage, never a matter of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.live.log.reading import effects_in
from inventory_assets.live.masters.rules import NO_RULES, READ, rules_of
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.effect_frames import ACCOUNTS, EFFECTS, effects_of_texts, fold_effects

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory_assets.live.masters.rules import Rules

COUNTED = ("accepted", "decided")
"""Dispositions of events that may move stock."""
EVENTS = ("sequence", "source_system", "event_id", "disposition", "effects")
"""Columns of the log a fold needs."""

_STATE = """
SELECT item AS product_sku, location AS location_id, basis AS stock_basis, book, net AS net_quantity,
       CASE WHEN basis = 'unknown' THEN NULL ELSE unavailable END AS unavailable, unavailable AS net_unavailable,
       first_known_at, count_time AS last_count_at, count_quantity AS last_count_quantity, last_movement_at, reserved,
       in_transit, version
FROM inventory_state
"""
_UNAPPLIED = """
SELECT sequence, event_log.items[part + 1] AS item FROM event_queue JOIN event_log USING (sequence)
UNION ALL
SELECT sequence, item FROM dead_letters WHERE status <> 'retried'
"""
_BEGIN = "SELECT coalesce(max(sequence), 0) AS last, coalesce(min(sequence), 0) AS first FROM event_log"
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at one moment, and what it does not hold yet.

    Attributes:
        state: rows of `inventory_state` as `effect_frames.ACCOUNTS`.
        unapplied: sequence and item of parts that wait or are dead; an item of null stands for the whole event.
        first: first sequence the log still holds.
        upto: last sequence of the log.
    """

    state: pl.DataFrame
    unapplied: pl.DataFrame
    first: int
    upto: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair whose state is not what the log says.

    Attributes:
        item: item code.
        location: location.
        columns: what differs: name, value of the state, value of the fold.
    """

    item: str
    location: str
    columns: tuple[tuple[str, object, object], ...]

    @property
    def text(self) -> str:
        """The same in words."""
        said = ", ".join(f"{name} is {state}, the log says {fold}" for name, state, fold in self.columns)
        return f"{self.item} at {self.location}: {said}"


def snapshot(url: str) -> Snapshot:
    """The state and what it lacks, copied out in one short transaction.

    Args:
        url: the database, as libpq takes it.
    """
    import adbc_driver_postgresql.dbapi

    with closing(adbc_driver_postgresql.dbapi.connect(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(_ONE_SNAPSHOT)
        found = []
        for statement in (_BEGIN, _STATE, _UNAPPLIED):
            cursor.execute(statement)
            found.append(pl.DataFrame(cursor.fetch_arrow_table()))
    ((last, first),) = found[0].rows()
    parts = pl.Schema({"sequence": pl.Int64(), "item": pl.String()})
    return Snapshot(_typed(found[1], ACCOUNTS).sort(PAIR), _typed(found[2], parts).unique(), first, last)


def events_of_log(url: str, after: int, upto: int) -> Iterator[pl.DataFrame]:
    """Events of the log that do something to stock (`EVENTS`), a frame at a time."""
    for table in effects_in(url, after, upto):
        yield pl.DataFrame(table).rename({"source": "source_system"})


def rules_in(connection: Connection) -> Rules:
    """Which effects count, for every position up to that of a snapshot taken before."""
    from sqlalchemy import text

    return rules_of(connection.execute(text(READ)))


def folded(
    events: Iterable[pl.DataFrame],
    unapplied: pl.DataFrame,
    rules: Rules = NO_RULES,
) -> pl.DataFrame:
    """Accounts (`ACCOUNTS`) of every pair after the events that were applied.

    Args:
        events: frames of `EVENTS`, each event once.
        unapplied: see `Snapshot`.
        rules: which effects count (`rules_in`).
    """
    effects = [rules.leave(_effects(frame, unapplied)).select(list(EFFECTS)) for frame in events]
    return fold_effects(pl.concat(effects)) if effects else pl.DataFrame(schema=ACCOUNTS)


def differences(state: pl.DataFrame, fold: pl.DataFrame) -> list[Difference]:
    """Pairs whose row of the state differs from the fold, with the columns that differ.

    Args:
        state: see `Snapshot`.
        fold: see `folded`.
    """
    values = [name for name in ACCOUNTS if name not in PAIR]
    both = state.join(fold, on=PAIR, how="full", coalesce=True, suffix="_log").sort(PAIR)
    odd = both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_log")) for name in values))
    return [
        Difference(
            row["product_sku"],
            row["location_id"],
            tuple((name, row[name], row[f"{name}_log"]) for name in values if row[name] != row[f"{name}_log"]),
        )
        for row in odd.iter_rows(named=True)
    ]


def _effects(events: pl.DataFrame, unapplied: pl.DataFrame) -> pl.DataFrame:
    counted = events.filter(pl.col("disposition").is_in(COUNTED), pl.col("effects").is_not_null())
    whole = unapplied.filter(pl.col("item").is_null()).select("sequence")
    effects = effects_of_texts(counted.join(whole, on="sequence", how="anti"), "sequence")
    parts = unapplied.drop_nulls().rename({"item": "product_sku"})
    return effects.join(parts, on=["sequence", "product_sku"], how="anti").select(*EFFECTS, "sequence")


def _typed(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
