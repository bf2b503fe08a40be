"""What is under way to each item and location: on order from suppliers, in transit between our locations.

0 where we are told of all supplies of a location and nothing is open; null with a reason where we are not, or where an
open line keeps the figure unknown. On order and in transit are disjoint.
"""

from __future__ import annotations

import polars as pl

from inventory_assets.contracts.orders import LEAVE_UNKNOWN
from inventory_assets.stock.counts import PAIR

UNFOLLOWED_ORDERS = "on_order: no supplier order names this location"
UNKNOWN_ORDERS = "on_order: an open line of this item says too little"
UNFOLLOWED_TRANSFERS = "in_transit: no warehouse record names this location"


def counted_units(open_orders: pl.DataFrame) -> pl.DataFrame:
    """Units on order by item and location, over the lines that count.

    Args:
        open_orders: rows of `gold/open_supplier_orders`.
    """
    counted = open_orders.filter(pl.col("counts_as") == "on_order")
    return counted.group_by(PAIR).agg(counted=pl.col("open_quantity").sum())


def with_supplies(pairs: pl.DataFrame, open_orders: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    """Rows with `on_order`, `in_transit` and the reasons of their nulls (`on_order_reason`, `in_transit_reason`).

    Args:
        pairs: rows with `PAIR`.
        open_orders: rows of `gold/open_supplier_orders`.
        coverage: rows of `gold/supply_coverage`.
    """
    vague = open_orders.filter(pl.col("reason").is_in(LEAVE_UNKNOWN))
    here = vague.select(PAIR).drop_nulls().unique().with_columns(vague_here=pl.lit(value=True))
    anywhere = vague.filter(pl.col("location_id").is_null())["product_sku"].unique()
    followed = coverage.select("location_id", "orders_followed", "transfers_followed")
    known = pl.col("orders_followed").is_not_null()
    unsure = pl.col("vague_here").is_not_null() | pl.col("product_sku").is_in(anywhere.implode())
    moved = pl.col("transfers_followed").is_not_null()
    return (
        pairs.join(followed, on="location_id", how="left", maintain_order="left")
        .join(here, on=PAIR, how="left", maintain_order="left")
        .join(counted_units(open_orders), on=PAIR, how="left", maintain_order="left")
        .with_columns(
            on_order=pl.when(known & ~unsure).then(pl.col("counted").fill_null(0)),
            in_transit=pl.when(moved).then(pl.lit(0, pl.Int64)),
            on_order_reason=pl.when(~known).then(pl.lit(UNFOLLOWED_ORDERS)).when(unsure).then(pl.lit(UNKNOWN_ORDERS)),
            in_transit_reason=pl.when(~moved).then(pl.lit(UNFOLLOWED_TRANSFERS)),
        )
        .drop("orders_followed", "transfers_followed", "vague_here", "counted")
    )
