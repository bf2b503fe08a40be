"""Every step after bronze, in the order data flows: for the command line, tests and benchmarks.

Dagster runs the same steps one by one (`defs.jobs`), so that each has its own events.
"""

from __future__ import annotations

from collections.abc import Callable

from inventory_assets.pipeline.analytics import (
    refresh_customer_features,
    refresh_demand_features,
    refresh_item_features,
)
from inventory_assets.pipeline.gold import refresh_sales, refresh_suppliers
from inventory_assets.pipeline.orders import refresh_orders
from inventory_assets.pipeline.quality import refresh_scores
from inventory_assets.pipeline.silver import refresh_facts, refresh_masters
from inventory_assets.pipeline.stock import refresh_movements, refresh_position, refresh_snapshot
from inventory_assets.pipeline.workspace import Report, Workspace

STEPS: tuple[Callable[[Workspace], Report], ...] = (
    refresh_masters,
    refresh_facts,
    refresh_movements,
    refresh_sales,
    refresh_suppliers,
    refresh_orders,
    refresh_position,
    refresh_snapshot,
    refresh_scores,
    refresh_demand_features,
    refresh_item_features,
    refresh_customer_features,
)


def refresh_all(workspace: Workspace) -> Report:
    """Rebuild whatever changed in silver, gold and analytics."""
    done = Report(())
    for step in STEPS:
        done.merge(step(workspace))
    return done
