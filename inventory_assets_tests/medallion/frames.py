"""Frames in the shape of the contracts from a few named values, and strategies that draw such rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import polars_schema

if TYPE_CHECKING:
    from inventory_assets.contracts.model import Table

FIRST_DAY = date(2026, 3, 1)
PROCESSED = date(2026, 6, 1)

DEFAULTS = {
    "String": "x", "Int64": 0, "Int8": 1, "Float64": 1.0, "Boolean": False, "Date": FIRST_DAY,
    "Datetime": datetime(2026, 3, 1, 12, tzinfo=UTC), "Money": Decimal(0),
}  # fmt: skip


def frame(table: Table, rows: list[dict]) -> pl.DataFrame:
    """Rows of a table; columns that are not named get a plain value, null where null is allowed."""
    plain = {column.name: None if column.nullable else DEFAULTS[column.type] for column in table.columns}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=polars_schema(table))


def pos_row(**values) -> dict:
    """One till line; total, business day and the source's partition follow from what is named."""
    row = {"source_system": "till", "transaction_id": "T1", "line_number": 1, "store_id": "S1", "product_sku": "A",
           "quantity_sold": 1, "unit_price": Decimal(1), "currency": "EUR",
           "timestamp": datetime(2026, 3, 1, 12, tzinfo=UTC), **values}  # fmt: skip
    row.setdefault("transaction_date", row["timestamp"].date())
    row.setdefault("total_amount", row["quantity_sold"] * row["unit_price"])
    row["event_date"] = row["transaction_date"]
    return row


prices = st.integers(1, 10**9).map(lambda value: Decimal(value).scaleb(-4))
instants = st.integers(0, 5 * 24 * 60).map(lambda n: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n))
few = {
    "source_system": st.sampled_from(["till", "shop"]),
    "transaction_id": st.sampled_from(["T1", "T2", "T3", "T4"]),
    "store_id": st.sampled_from(["S1", "S2"]),
    "product_sku": st.sampled_from(["A", "B", "C"]),
    "currency": st.sampled_from(["EUR", "GBP"]),
    "customer_id": st.sampled_from([None, "C1", "C2"]),
    "cashier_id": st.sampled_from([None, "K1", "K2"]),
    "data_quality_score": st.sampled_from([1.0, 5 / 6, 0.5, 0.0]),
    "timestamp": instants,
}


def pos_rows(*, sign: int = 1, price: st.SearchStrategy = prices, **more: st.SearchStrategy) -> st.SearchStrategy:
    """Up to 25 till lines with few distinct values, so that groups and ties occur."""
    quantities = st.integers(1, 500).map(lambda value: sign * value)
    row = st.fixed_dictionaries({**few, "quantity_sold": quantities, "unit_price": price, **more})
    return st.lists(row.map(lambda values: pos_row(**values)), max_size=25)


cancelled_by = st.sampled_from([None, None, "C9"])


def by_key(rows: pl.DataFrame | pl.LazyFrame, key: tuple[str, ...]) -> dict[tuple, dict]:
    """Rows as dicts by key, the key being unique."""
    found = rows.lazy().collect().to_dicts()
    result = {tuple(row[name] for name in key): row for row in found}
    assert len(result) == len(found), "the key stands twice"
    return result
