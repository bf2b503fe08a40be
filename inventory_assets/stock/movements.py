"""Movements of stock from silver facts: one signed row a change, transfers as two.

Signs: goods that leave are negative. Not here: counts, openings and asserted levels (see `counts`).
The functions only select and concatenate, so that they stream: one row in, one row out (a transfer two, a level none).
"""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.silver import STOCK_MOVEMENTS

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

_SCHEMA = polars_schema(STOCK_MOVEMENTS)
HELD_BACK = ("inspect", "damaged", "refurbish")
"""Dispositions of goods that came back whose units are in the book but unavailable."""
SCRAP = "scrap"
"""Disposition of goods destroyed on return: they never enter stock; the movement stays, with quantity 0."""


def movements_of_pos(
    sales: Frame, returns: Frame, cancellations: Frame, given_away: Frame, stock_adjustments: Frame
) -> Frame:
    """Movements of till lines in the schema of `silver/stock_movements`.

    Sales and goods given away leave. Returns and cancellations come back: resalable units to stock, `HELD_BACK` ones
    to stock and to its unavailable part, `SCRAP` ones as a movement of 0. Corrections keep the sign they came with.
    """
    sold = -pl.col("quantity_sold")
    came_back = pl.when(pl.col("disposition") == SCRAP).then(0).otherwise(-pl.col("quantity_sold"))
    held_back = pl.when(pl.col("disposition").is_in(HELD_BACK)).then(came_back).otherwise(0)
    return pl.concat(
        [
            _till(sales, "sale", sold),
            _till(returns, "return", came_back, held_back),
            _till(cancellations, "cancellation", came_back, held_back),
            _till(given_away, "given_away", sold),
            _till(stock_adjustments, "adjustment", pl.col("quantity_sold")),
        ]
    )


def movements_of_warehouse(warehouse_updates: Frame) -> Frame:
    """Movements of warehouse records in the schema of `silver/stock_movements`.

    A transfer leaves `from_location` and arrives at `to_location`, each being the record's own location where not sent,
    so that units are conserved. Levels are assertions and move nothing.
    """
    quantity, location = pl.col("quantity"), pl.col("location_id")
    return pl.concat(
        [
            _record(warehouse_updates, "receipt", "receipt", location, quantity),
            _record(warehouse_updates, "issue", "issue", location, -quantity),
            _record(warehouse_updates, "adjustment", "adjustment", location, quantity),
            _record(
                warehouse_updates, "transfer", "transfer_out", pl.coalesce("from_location", "location_id"), -quantity
            ),
            _record(warehouse_updates, "transfer", "transfer_in", pl.coalesce("to_location", "location_id"), quantity),
        ]
    )


def _till(lines: Frame, kind: str, quantity: pl.Expr, unavailable: pl.Expr | None = None) -> Frame:
    return lines.select(
        _column("kind", pl.lit(kind)),
        _column("product_sku", pl.col("product_sku")),
        _column("location_id", pl.col("store_id")),
        _column("quantity", quantity),
        _column("unavailable", pl.lit(0) if unavailable is None else unavailable),
        _column("event_time", pl.col("timestamp")),
        _column("document_id", pl.col("transaction_id")),
        _column("line_number", pl.col("line_number")),
        _column("location_zone", pl.lit("")),
        _column("source_system", pl.col("source_system")),
        _column("event_date", pl.col("event_date")),
    )


def _record(records: Frame, record_type: str, kind: str, location: pl.Expr, quantity: pl.Expr) -> Frame:
    return records.filter(pl.col("record_type") == record_type).select(
        _column("kind", pl.lit(kind)),
        _column("product_sku", pl.col("product_sku")),
        _column("location_id", location),
        _column("quantity", quantity),
        _column("unavailable", pl.lit(0)),
        _column("event_time", pl.col("event_time")),
        _column("document_id", pl.col("document_id")),
        _column("line_number", pl.col("line_number")),
        _column("location_zone", pl.col("location_zone")),
        _column("source_system", pl.col("source_system")),
        _column("event_date", pl.col("event_date")),
    )


def _column(name: str, expression: pl.Expr) -> pl.Expr:
    return expression.cast(_SCHEMA[name]).alias(name)
