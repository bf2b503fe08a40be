"""What the lake knows of items, locations and pairs, told to the live layer after every refresh that changed it.

Whose levels count and which codes are goods, what may be asked for, thresholds, and what suppliers owe. Not here: how
the live layer keeps and uses it (`live.masters`). Nothing is told where there is no live database.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.gold import INVENTORY_POSITION, OPEN_SUPPLIER_ORDERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import LOCATIONS, PRODUCTS
from inventory_assets.live.masters.publishing import ITEMS, PAIRS, Published, publish, published_inputs
from inventory_assets.live.masters.publishing import LOCATIONS as LOCATION_COLUMNS
from inventory_assets.live.masters.rules import Rule, Ruled
from inventory_assets.stock.counts import PAIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from inventory_assets.contracts.model import Table
    from inventory_assets.contracts.sources import Profiles
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Workspace

SOURCES = (PRODUCTS, LOCATIONS, INVENTORY_POSITION, OPEN_SUPPLIER_ORDERS, INVENTORY_POLICY)
"""Tables it is made of."""


def tell_masters(workspace: Workspace, engine: Engine) -> int | None:
    """Publish the masters where anything behind them changed; returns their version, None where nothing did.

    Args:
        workspace: stores, profiles, clock.
        engine: the live database.
    """
    pins, goods = workspace.lake.pins(SOURCES), goods_of(workspace.profiles)
    inputs = json.dumps([sorted(pins.items()), sorted(goods.items()), workspace.now().date().isoformat()])
    if inputs == published_inputs(engine):
        return None
    return publish(engine, masters_at(workspace.lake, pins, goods, inputs), workspace.now())


def goods_of(profiles: Profiles) -> dict[str, str | None]:
    """Expression of codes that are goods by declared source; empty where every code of every source is."""
    found = {name: profiles[name].merchandise_pattern for name in profiles}
    return found if any(found.values()) else {}


def masters_at(lake: Lake, pins: Mapping[str, int], goods: Mapping[str, str | None], inputs: str) -> Published:
    """The masters at pinned versions.

    Args:
        lake: the tables.
        pins: version by path; a table without one is empty.
        goods: see `goods_of`.
        inputs: what they are made from, in words.
    """

    def read(table: Table) -> pl.DataFrame:
        return (lake.scan(table, pins[table.path]) if table.path in pins else empty(table).lazy()).collect()

    locations = read(LOCATIONS)
    items = read(PRODUCTS).filter("is_current").rename({"product_sku": "item", "max_stock": "maximum"})
    current = locations.filter("is_current").rename({"location_id": "location"})
    pairs = pairs_of(read(INVENTORY_POSITION), read(INVENTORY_POLICY), read(OPEN_SUPPLIER_ORDERS))
    return Published(
        inputs,
        Rule(goods, ruled_by_wms(locations)),
        items.select(ITEMS).rows(),
        current.select(LOCATION_COLUMNS).rows(),
        pairs.rows(),
    )


def ruled_by_wms(locations: pl.DataFrame) -> tuple[Ruled, ...]:
    """Where and when a warehouse system has the say; the first version of a location holds from the start.

    Args:
        locations: rows of `silver/locations`, with their history.
    """
    first = pl.col("valid_from") == pl.col("valid_from").min().over("location_id")
    found = locations.with_columns(since=pl.when(~first).then("valid_from")).filter(stock_authority="wms")
    shown = found.sort("location_id", "valid_from").select("location_id", pl.col("since", "valid_to").cast(pl.Int64))
    return tuple(Ruled(*row) for row in shown.iter_rows())


def pairs_of(position: pl.DataFrame, policy: pl.DataFrame, open_orders: pl.DataFrame) -> pl.DataFrame:
    """Rows of `live_pairs`: every pair with stock, a policy or goods on order.

    Args:
        position: rows of `gold/inventory_position`.
        policy: rows of `replenishment/inventory_policy`.
        open_orders: rows of `gold/open_supplier_orders`.
    """
    reason = pl.col("null_reason").str.extract(r"(?:^|; )on_order: ([^;]*)", 1)
    supplied = position.select(*PAIR, "on_order", unknown_reason=pl.when(pl.col("on_order").is_null()).then(reason))
    levels = policy.select(
        *PAIR, "pack", maximum="maximum_stock", reorder_point=pl.coalesce("live_reorder_point", "reorder_point")
    )
    return (
        supplied.join(levels, on=PAIR, how="full", coalesce=True)
        .join(_receipts(open_orders), on=PAIR, how="left")
        .with_columns(pl.col("pack").fill_null(1), pl.col("receipts").fill_null("[]"))
        .rename({"product_sku": "item", "location_id": "location"})
        .select(PAIRS)
    )


def _receipts(open_orders: pl.DataFrame) -> pl.DataFrame:
    """PAIR and receipts: units due by day as JSON, those without a day or overdue under null."""
    due = (
        open_orders.filter(pl.col("counts_as") == "on_order", pl.col("open_quantity") > 0)
        .with_columns(day=pl.when(pl.col("overdue_days") == 0).then(pl.col("expected_at").dt.date().dt.to_string()))
        .group_by(*PAIR, "day")
        .agg(pl.col("open_quantity").sum())
        .sort(*PAIR, "day", nulls_last=True)
        .group_by(PAIR, maintain_order=True)
        .agg("day", "open_quantity")
    )
    texts = [json.dumps(list(zip(days, units, strict=True))) for _, _, days, units in due.iter_rows()]
    return due.select(PAIR).with_columns(pl.Series("receipts", texts, pl.String))
