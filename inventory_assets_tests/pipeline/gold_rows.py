"""Rows of gold without a pipeline behind them, for what reads gold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import polars_schema

FIRST = date(2026, 1, 1)
SHOPS = ("S1", "S2", "S3")


def summary(units: np.ndarray, first: date = FIRST) -> pl.DataFrame:
    """Gold rows of units by item, shop and day; null units make no row."""
    item, shop, day = np.nonzero(units)
    sold = pl.Series(units[item, shop, day]).cast(pl.Int64)
    days = [first + timedelta(days=int(number)) for number in day]
    given = {
        "product_sku": [f"I{number:02d}" for number in item], "store_id": [SHOPS[number] for number in shop],
        "transaction_date": days, "event_date": days, "currency": "GBP", "total_quantity_sold": sold,
        "demand_quantity": sold, "total_revenue": sold * 3, "total_transactions": 1, "avg_unit_price": 3,
        "processing_date": first, "data_quality_score": 1.0,
    }  # fmt: skip
    return filled(pl.DataFrame(given), DAILY_INVENTORY_SUMMARY)


def filled(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows with every column of a table: what is not given is 0, a moment, or null."""
    nothing = {pl.Int64: 0, pl.Float64: 0.0, pl.Boolean: False, pl.String: "x"}
    schema = polars_schema(table)
    moment = pl.lit(datetime(2026, 1, 1, tzinfo=UTC))
    more = []
    for column in table.columns:
        if column.name not in rows.columns:
            kind = schema[column.name]
            other = moment if isinstance(kind, pl.Datetime) else pl.lit(0)
            value = pl.lit(None) if column.nullable else pl.lit(nothing[type(kind)]) if type(kind) in nothing else other
            more.append(value.alias(column.name))
    return rows.with_columns(more).select(pl.col(name).cast(kind) for name, kind in schema.items())
