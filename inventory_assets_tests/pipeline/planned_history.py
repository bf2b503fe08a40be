"""A simulated history after one load and one night of planning, and what the tests of planning ask of it."""

from __future__ import annotations

from datetime import date

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.planning_figures import INVENTORY_KPIS
from inventory_assets.pipeline.planning_figures import refresh_figures, refresh_watched
from inventory_assets.pipeline.replenishment import refresh_policy, refresh_proposals
from inventory_assets.simulator import HistoryConfig

CONFIG = HistoryConfig(
    start=date(2026, 1, 20), days=45, stores=2, items=12, warehouses=1, lines_per_store_day=40.0, dirt=0.01,
    partial_share=0.2, unknown_share=0.1,
)  # fmt: skip
STEPS = (refresh_policy, refresh_proposals, refresh_watched, refresh_figures)


def plan(workspace) -> bool:
    """The nightly job; whether it wrote anything."""
    reports = [step(workspace) for step in STEPS]
    return any(report.changed for report in reports)


def rows(workspace, table: Table) -> pl.DataFrame:
    return workspace.lake.scan(table).collect()


def kpi(workspace, name: str) -> dict[str, dict]:
    """Rows of a figure by location."""
    found = rows(workspace, INVENTORY_KPIS).filter(pl.col("kpi") == name)
    return {row["location_id"]: row for row in found.to_dicts()}
