"""Whether policies and proposals should be computed again before the night: somebody asked for goods, or set something.

Only versions and a few rows are read, so that a sensor may ask every half minute. Invariant: the answer follows from
what the tables hold, so a run that never came about is asked for again once anything is looked at anew.
"""

from __future__ import annotations

import polars as pl

from inventory_assets.contracts.log_tables import RETAIL_EVENTS
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY, ORDER_PROPOSALS, PROPOSAL_DECISIONS
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.emergencies import emergencies
from inventory_assets.pipeline.workspace import Workspace, nothing_new

WATCHED = (PLANNING_PARAMETERS, RETAIL_EVENTS)
"""Tables whose new rows may be a reason."""


def reasons_to_replan(workspace: Workspace) -> list[str]:
    """Why policies or proposals are behind what people want, in words; empty where they are not."""
    lake, found = workspace.lake, []
    items = unproposed(workspace)
    if items:
        found.append(f"emergencies for {', '.join(items)} are no proposals yet")
    if _parameters_set(lake):
        found.append("parameters were set since the policies were computed")
    return found


def unproposed(workspace: Workspace) -> list[str]:
    """Items of emergencies that are neither proposed nor decided about, in the order of the log."""
    lake = workspace.lake
    asked = emergencies(lake, lake.pins((RETAIL_EVENTS,)), workspace.now().date())
    if not asked:
        return []
    known = {
        name
        for table in (ORDER_PROPOSALS, PROPOSAL_DECISIONS)
        for name in lake.scan(table).select(pl.col("proposal_id").unique()).collect()["proposal_id"]
    }
    return list(dict.fromkeys(each.product_sku for each in asked if each.proposal_id not in known))


def _parameters_set(lake: Lake) -> bool:
    """Whether a parameter was set that the policies do not know; never before any were computed."""
    pins = lake.pins((PLANNING_PARAMETERS,))
    return bool(pins) and lake.version(INVENTORY_POLICY) is not None and not nothing_new(lake, INVENTORY_POLICY, pins)
