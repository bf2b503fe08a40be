"""Every step above bronze in one call, for callers without Dagster: benchmarks, scripts, tests.

The order is that of the refresh job in `defs/jobs.py`: each step after those that write its inputs.
"""

from __future__ import annotations

from inventory_assets.pipeline.analytics import (
    refresh_customer_features,
    refresh_demand_features,
    refresh_item_features,
)
from inventory_assets.pipeline.gold import refresh_sales, refresh_suppliers
from inventory_assets.pipeline.silver import refresh_facts, refresh_masters
from inventory_assets.pipeline.stock import refresh_movements, refresh_position, refresh_snapshot
from inventory_assets.pipeline.workspace import Report, Workspace

STEPS = (
    refresh_masters,
    refresh_facts,
    refresh_movements,
    refresh_sales,
    refresh_suppliers,
    refresh_position,
    refresh_snapshot,
    refresh_demand_features,
    refresh_item_features,
    refresh_customer_features,
)


def refresh_all(workspace: Workspace) -> Report:
    """Rebuild whatever is dirty in silver, gold and analytics; with nothing new in bronze nothing is written."""
    report = Report(())
    for step in STEPS:
        report.merge(step(workspace))
    return report
