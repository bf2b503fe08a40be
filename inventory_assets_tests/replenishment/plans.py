"""Policies, positions and decisions of a few pairs, as the tables hold them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.replenishment import INVENTORY_POLICY, ORDER_PROPOSALS, PROPOSAL_DECISIONS
from inventory_assets.contracts.schemas import check, empty, polars_schema
from inventory_assets.replenishment.proposing import Inputs, proposals

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
NO_MOVES = pl.DataFrame(
    schema={"product_sku": pl.String, "location_id": pl.String, "kind": pl.String, "quantity": pl.Int64,
            "event_time": pl.Datetime("us", "UTC")}
)  # fmt: skip
NO_ORDERS = pl.DataFrame(schema={"order_id": pl.String})
NOTHING_UNDER_WAY = pl.DataFrame(
    schema={"product_sku": pl.String, "location_id": pl.String, "incoming": pl.Int64, "outgoing": pl.Int64}
)
USUAL_POLICY: dict[str, Any] = {
    "product_sku": "P1", "location_id": "S1", "supplier_id": "SUP", "currency": "USD", "as_of": date(2026, 5, 31),
    "abc": "A", "xyz": "X", "pattern": "smooth", "rule": "calculated", "demand_from": "trailing", "history_days": 300,
    "last_demand_day": date(2026, 5, 31), "demand_mean_day": 5.0, "lead_time_days": 7.0, "lead_time_sd_days": 1.0,
    "lead_time_from": "supplier_performance", "review_period_days": 7, "service": "fill_rate", "service_target": 0.95,
    "lead_demand_mean": 35.0, "lead_demand_sd": 10.0, "protected_mean": 70.0, "protected_sd": 15.0,
    "safety_stock": 30.0, "reorder_point": 100, "order_up_to": 100, "live_reorder_point": 50, "economic_quantity": 0,
    "minimum_order": 0, "pack": 1, "unit_cost": Decimal("2.5"), "holding_cost_rate": 0.25, "fixed_cost": 0.0,
    "overstock_cover_days": 120.0, "transfer_days": 2.0, "may_transfer": True, "keep_within": 0.5,
    "count_interval_days": 30, "processing_date": TODAY,
}  # fmt: skip
USUAL_POSITION: dict[str, Any] = {
    "product_sku": "P1", "location_id": "S1", "book": 40, "unavailable": 0, "on_hand": 40, "shortfall": 0,
    "on_order": 0, "in_transit": 0, "stock_basis": "counted", "last_count_at": NOW, "quarantined_quantity": 0,
    "processing_date": TODAY,
}  # fmt: skip


def table_of(table: Table, usual: dict[str, Any], *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a table: the usual one, with what each row says otherwise."""
    schema = polars_schema(table)
    return pl.DataFrame([{**dict.fromkeys(schema), **usual, **row} for row in rows], schema=schema)


def policies(*rows: dict[str, Any]) -> pl.DataFrame:
    return table_of(INVENTORY_POLICY, USUAL_POLICY, *rows)


def positions(*rows: dict[str, Any]) -> pl.DataFrame:
    return table_of(INVENTORY_POSITION, USUAL_POSITION, *rows)


def inputs(policy: pl.DataFrame, position: pl.DataFrame, **others: Any) -> Inputs:
    """What proposals are made from; nothing decided, nothing proposed before."""
    usual = {"under_way": NOTHING_UNDER_WAY, "decisions": empty(PROPOSAL_DECISIONS), "last": empty(ORDER_PROPOSALS),
             "warehouses": frozenset({"WH"}), "today": TODAY}  # fmt: skip
    return Inputs(policy, position, **{**usual, **others})


def proposed(given: Inputs) -> pl.DataFrame:
    """Proposals, held against their contract."""
    return check(proposals(given), ORDER_PROPOSALS)
