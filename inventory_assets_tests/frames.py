"""Random frames that keep the contract of any declared table: one way to make test rows for every room.

`random_frame` is a function of its seed; `frames` is the same as a Hypothesis strategy. Values come from small sets, so
that keys of different tables meet; keys are unique, ranges, closed sets and nullability are kept.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import polars_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory_assets.contracts.model import Column, Table

FIRST_DAY = date(2024, 1, 1)
DAYS: tuple[date, ...] = tuple(FIRST_DAY + timedelta(days=offset) for offset in range(10))
WORDS: dict[str, tuple[str, ...]] = {
    "currency": ("GBP", "EUR"),
    "feed": ("pos", "warehouse", "supplier"),
    "time_zone": ("Europe/London", "America/New_York"),
    "outcome": ("bronze", "inventory_transactions", "quarantine", "exact_repeat"),
    "reason": ("quantity:zero", "type:unit_price", "conflict"),
}
"""Values of columns whose meaning other code depends on."""


def random_frame(
    table: Table,
    seed: int,
    rows: int = 20,
    days: Sequence[date] = DAYS,
    words: Mapping[str, Sequence[Any]] | None = None,
) -> pl.DataFrame:
    """A frame that keeps a table's contract.

    Args:
        table: the contract.
        seed: same seed, same frame.
        rows: rows that are drawn; fewer remain where keys meet.
        days: values of Date columns; a row's `transaction_date` is its `event_date`.
        words: values to draw from, by column, instead of the usual ones.
    """
    random = Random(seed)
    values = {**WORDS, **(words or {})}
    drawn = [{column.name: _value(column, random, days, values) for column in table.columns} for _ in range(rows)]
    for row in drawn:
        if "transaction_date" in row and "event_date" in row:
            row["transaction_date"] = row["event_date"]
    frame = pl.DataFrame(drawn, schema=polars_schema(table), orient="row")
    return frame.unique(subset=list(table.key), keep="first", maintain_order=True)


@st.composite
def frames(draw: st.DrawFn, table: Table, max_rows: int = 20, days: Sequence[date] = DAYS) -> pl.DataFrame:
    """Strategy of frames that keep a table's contract; shrinks towards few rows."""
    rows = draw(st.integers(0, max_rows), label=f"rows of {table.path}")
    return random_frame(table, draw(st.integers(0, 2**32 - 1), label="seed"), rows, days)


def _value(column: Column, random: Random, days: Sequence[date], words: Mapping[str, Sequence[Any]]) -> Any:
    if column.nullable and random.random() < 0.2:
        return None
    fitting = [word for word in words.get(column.name, ()) if not column.allowed or word in column.allowed]
    if fitting:
        return random.choice(fitting)
    if column.allowed:
        return random.choice(column.allowed)
    low = -1_000 if column.minimum is None else column.minimum
    high = low + 2_000 if column.maximum is None else column.maximum
    midnight = datetime.combine(random.choice(days), datetime.min.time(), tzinfo=UTC)
    by_type = {
        "String": lambda: f"{column.name[:2].upper()}{random.randrange(6)}",
        "Int64": lambda: random.randint(low, high),
        "Int32": lambda: random.randint(low, high),
        "Int8": lambda: random.randint(max(low, -128), min(high, 127)),
        "Float64": lambda: random.uniform(low, high),
        "Boolean": lambda: random.random() < 0.5,
        "Date": midnight.date,
        "Datetime": lambda: midnight + timedelta(microseconds=random.randrange(86_400_000_000)),
        "Money": lambda: Decimal(random.randint(low * 10_000, high * 10_000)).scaleb(-4),
    }
    return by_type[column.type]()
