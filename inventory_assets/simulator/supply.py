"""Supplier orders as documents: numbered orders and lines with their instants, from the flows' order lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.simulator.clock import INSTANT, utc

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.flows import Orders
    from inventory_assets.simulator.world import World


def order_lines(config: HistoryConfig, world: World, orders: Orders, rng: np.random.Generator) -> pl.DataFrame:
    """Order lines: one order a day, warehouse and supplier, delivered at once.

    Returns:
        order_id, line_number, location, item, supplier (numbers), quantity, received, cancelled, ordered_at,
        expected_delivery, received_at (null where not delivered by the end, or cancelled), cents.
    """
    supplier = world.items.supplier[orders.item]
    frame = pl.DataFrame(
        {
            "day": orders.day,
            "location": orders.location,
            "supplier": supplier,
            "item": orders.item,
            "quantity": orders.quantity,
            "received": orders.received,
            "cancelled": orders.cancelled.astype(bool),
            "arrival_day": orders.arrival_day,
            "cents": world.items.cost_cents[orders.item],
        }
    ).sort("day", "location", "supplier", "item")
    keys = pl.struct("day", "location", "supplier")
    frame = frame.with_columns(
        order=keys.rle_id(), line_number=pl.int_range(1, pl.len() + 1).over("day", "location", "supplier")
    )
    numbers = int(frame["order"].max()) + 1 if frame.height else 0  # type: ignore[arg-type]
    order = frame["order"].to_numpy()
    day, location = frame["day"].to_numpy(), frame["location"].to_numpy()
    ordered = utc(world, config.start, location, day, rng.integers(16 * 3600, 18 * 3600, numbers)[order])
    arrival = np.minimum(frame["arrival_day"].to_numpy(), config.days)
    received = utc(world, config.start, location, arrival, rng.integers(13 * 3600, 16 * 3600, numbers)[order])
    agreed = np.array([s.agreed_days for s in world.suppliers])[frame["supplier"].to_numpy()]
    expected = ordered // 86_400_000_000 * 86_400_000_000 + (agreed * 24 + 12) * 3_600_000_000
    arrived = (frame["arrival_day"] < config.days) & ~frame["cancelled"]
    return frame.with_columns(
        order_id="PO-" + (pl.col("order") + 1).cast(pl.String).str.zfill(6),
        ordered_at=pl.Series(ordered).cast(INSTANT),
        expected_delivery=pl.Series(expected).cast(INSTANT),
        received_at=pl.when(arrived).then(pl.Series(received).cast(INSTANT)),
    ).drop("order", "arrival_day")


def lead_times(world: World, orders: pl.DataFrame) -> pl.DataFrame:
    """Delivered order lines with their exact lead time in days."""
    return orders.filter(pl.col("received_at").is_not_null()).select(
        "order_id",
        "line_number",
        supplier_id=_suppliers(world),
        location_id=pl.lit(pl.Series(world.codes)).gather("location"),
        product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
        ordered_at="ordered_at",
        expected_delivery="expected_delivery",
        received_at="received_at",
        quantity_ordered="quantity",
        quantity_received="received",
        lead_time_days=(pl.col("received_at") - pl.col("ordered_at")).dt.total_seconds() / 86_400,
    )


def _suppliers(world: World) -> pl.Expr:
    return pl.lit(pl.Series([supplier.code for supplier in world.suppliers])).gather("supplier")
