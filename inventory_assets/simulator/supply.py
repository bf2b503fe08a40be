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
    """Order lines: one order a day, warehouse and supplier.

    Returns:
        order_id, line_number, location, item, supplier (numbers), quantity, received, cancelled, ordered_at,
        expected_delivery, received_at (null where not delivered by the end, or cancelled), first_received and
        first_received_at (null where no first part arrived by the end), cents.
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
            "first_day": orders.first_day,
            "first_received": orders.first_received,
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
    hour = rng.integers(13 * 3600, 16 * 3600, numbers)[order]
    received, first = (
        utc(world, config.start, location, np.minimum(frame[name].to_numpy(), config.days), hour)
        for name in ("arrival_day", "first_day")
    )
    agreed = np.array([s.agreed_days for s in world.suppliers])[frame["supplier"].to_numpy()]
    expected = ordered // 86_400_000_000 * 86_400_000_000 + (agreed * 24 + 12) * 3_600_000_000
    arrived = (frame["arrival_day"] < config.days) & ~frame["cancelled"]
    parted = (frame["first_day"] < frame["arrival_day"]) & (frame["first_day"] < config.days) & ~frame["cancelled"]
    return frame.with_columns(
        order_id="PO-" + (pl.col("order") + 1).cast(pl.String).str.zfill(6),
        ordered_at=pl.Series(ordered).cast(INSTANT),
        expected_delivery=pl.Series(expected).cast(INSTANT),
        received_at=pl.when(arrived).then(pl.Series(received).cast(INSTANT)),
        first_received=pl.when(parted).then("first_received"),
        first_received_at=pl.when(parted).then(pl.Series(first).cast(INSTANT)),
    ).drop("order", "arrival_day", "first_day")


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


def orders_at_end(config: HistoryConfig, world: World, orders: pl.DataFrame) -> pl.DataFrame:
    """Every order line as it truly stands at the end: units received so far, units still to come, over or not.

    A line is over when it was delivered, short or not, or when its cancellation was reported in time.
    """
    delivered = pl.col("received_at").is_not_null()
    called_off = pl.col("cancelled") & (cancelled_at() < config.end)
    so_far = pl.when(delivered).then("received").otherwise(pl.col("first_received").fill_null(0))
    return orders.select(
        "order_id",
        "line_number",
        supplier_id=_suppliers(world),
        location_id=pl.lit(pl.Series(world.codes)).gather("location"),
        product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
        ordered_at="ordered_at",
        expected_delivery="expected_delivery",
        quantity_ordered="quantity",
        quantity_received=so_far,
        state=pl.when(called_off)
        .then(pl.lit("cancelled"))
        .when(delivered)
        .then(pl.lit("received"))
        .when(so_far > 0)
        .then(pl.lit("partly_received"))
        .otherwise(pl.lit("confirmed")),
        open_quantity=pl.when(delivered | called_off).then(0).otherwise(pl.col("quantity") - so_far),
    )


def cancelled_at() -> pl.Expr:
    """When the supplier calls a line off."""
    return pl.col("ordered_at") + pl.duration(hours=20)


def _suppliers(world: World) -> pl.Expr:
    return pl.lit(pl.Series([supplier.code for supplier in world.suppliers])).gather("supplier")
