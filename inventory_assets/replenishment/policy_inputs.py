"""The frames a policy is made from, joined: pairs with class, supplier, cost, parameters and lead times."""

from __future__ import annotations

from datetime import date

import polars as pl

from inventory_assets.replenishment.demand_history import PAIR, History
from inventory_assets.replenishment.parameters import in_force, resolved
from inventory_assets.replenishment.policy_levels import classes, with_lead_times


def policy_pairs(
    history: History,
    products: pl.DataFrame,
    summary: pl.DataFrame,
    settings: pl.DataFrame,
    performance: pl.DataFrame,
    suppliers: pl.DataFrame,
    today: date,
) -> pl.DataFrame:
    """What `policy_levels.levels` takes: a row a pair, in the order of the history.

    Args:
        history: demand by pair and day.
        products: current `silver/products`.
        summary: `gold/daily_inventory_summary`: what a unit brings, where no cost is known.
        settings: `replenishment/planning_parameters`.
        performance: `gold/supplier_performance`.
        suppliers: current `silver/suppliers`.
        today: the day whose settings hold.
    """
    own_cost = in_force(settings, today).filter(
        pl.col("name") == "unit_cost", pl.col("scope") == "item", pl.col("location_id").is_null()
    )
    brought = summary.group_by("product_sku").agg(
        price=pl.col("total_revenue").cast(pl.Float64).sum() / pl.col("total_quantity_sold").sum()
    )
    master = products.select(
        "product_sku", "supplier_id", "currency", "max_stock", master_cost=pl.col("unit_cost").cast(pl.Float64)
    ).unique("product_sku", keep="last")
    named = (
        history.pairs.select(PAIR)
        .join(master, on="product_sku", how="left", maintain_order="left")
        .join(brought, on="product_sku", how="left", maintain_order="left")
        .join(
            own_cost.select(product_sku="scope_value", own_cost=pl.col("value").cast(pl.Float64)),
            on="product_sku", how="left", maintain_order="left",
        )
    )  # fmt: skip
    value = named.select(pl.coalesce("own_cost", "master_cost", "price").fill_null(0.0)).to_series().to_numpy()
    pairs = pl.concat(
        [classes(history, value), named.select("supplier_id", "currency", "max_stock", "master_cost")],
        how="horizontal",
    )
    settled = resolved(pairs, settings, today).with_columns(unit_cost=pl.coalesce("unit_cost", "master_cost"))
    return with_lead_times(settled, performance, suppliers)
