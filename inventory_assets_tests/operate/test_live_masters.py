"""Rows of the lake as the live layer is told of them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from inventory_assets.contracts.gold import INVENTORY_POSITION, OPEN_SUPPLIER_ORDERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import LOCATIONS
from inventory_assets.live.masters.rules import Ruled
from inventory_assets.operate.live_masters import pairs_of, ruled_by_wms


def rows(table, *given: dict) -> pl.DataFrame:
    schema = empty(table).schema
    return pl.DataFrame(given, schema={name: schema[name] for name in schema})


def test_a_pair_has_its_levels_what_is_on_order_and_when_it_is_due():
    pair, other = {"product_sku": "A", "location_id": "S"}, {"product_sku": "B", "location_id": "S"}
    due = datetime(2026, 3, 9, 23, tzinfo=UTC)
    line = {**pair, "counts_as": "on_order", "open_quantity": 4, "expected_at": due, "overdue_days": 0}
    orders = (line, {**line, "open_quantity": 3}, {**line, "overdue_days": 2}, {**line, "counts_as": "neither"})
    unknown = "book: x; on_order: an open line of this item says too little; reserved: y"
    found = pairs_of(
        rows(INVENTORY_POSITION, {**pair, "on_order": 11}, {**other, "null_reason": unknown}),
        rows(INVENTORY_POLICY, {**pair, "pack": 6, "reorder_point": 9, "live_reorder_point": 7, "maximum_stock": 60}),
        rows(OPEN_SUPPLIER_ORDERS, *orders),
    )
    assert found.sort("item").rows() == [
        ("A", "S", 60, 7, 6, 11, '[["2026-03-09", 7], [null, 4]]', None),
        ("B", "S", None, None, 1, None, "[]", "an open line of this item says too little"),
    ]


def test_a_warehouse_system_has_the_say_from_the_start_of_its_location_until_its_version_ends():
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    place = {"location_id": "W", "stock_authority": "wms", "valid_from": first, "valid_to": second}
    later = {**place, "valid_from": second, "valid_to": None}
    micro = int(second.timestamp()) * 1_000_000
    assert ruled_by_wms(rows(LOCATIONS, place, {**later, "stock_authority": "ledger"})) == (Ruled("W", None, micro),)
    assert ruled_by_wms(rows(LOCATIONS, {**place, "stock_authority": "ledger"}, later)) == (Ruled("W", micro, None),)
