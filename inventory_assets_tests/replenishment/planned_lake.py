"""A lake with a few proposals in it, without a history behind them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from inventory_assets.contracts.replenishment import ORDER_PROPOSALS
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.proposals import decide_about
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets_tests.replenishment.plans import NOW, inputs, policies, positions, proposed


def with_proposals(folder: Path, items: int = 3, now: datetime = NOW, **options: Any) -> tuple[Settings, Workspace]:
    """Settings and workspace of an installation with one proposed purchase for each item at S1."""
    settings = Settings(data_dir=folder, fixed_clock=now.isoformat(), **options)
    workspace = open_workspace(settings, settings.now)
    names = [f"P{number}" for number in range(1, items + 1)]
    plan = proposed(
        inputs(
            policies(*({"product_sku": name, "supplier_id": f"SUP-{name}"} for name in names)),
            positions(*({"product_sku": name} for name in names)),
        )
    )
    assert plan.height == items
    workspace.lake.replace(ORDER_PROPOSALS, plan, Scope())
    return settings, workspace


def ids(workspace: Workspace) -> list[str]:
    """Proposals by item."""
    return workspace.lake.scan(ORDER_PROPOSALS).sort("product_sku").collect()["proposal_id"].to_list()


def approve_all(settings: Settings, workspace: Workspace) -> list[str]:
    """Everything that is proposed, approved."""
    found = ids(workspace)
    assert decide_about(workspace, settings.writer_lock, found, "approve", "mona", "fine").height == len(found)
    return found


def states(workspace: Workspace) -> dict[str, str]:
    """State of each proposal now."""
    from inventory_assets.pipeline.proposals import current_proposals

    return {row["proposal_id"]: row["state"] for row in current_proposals(workspace.lake) or []}


def actions(workspace: Workspace) -> pl.DataFrame:
    """What was decided: proposal_id, action, order_id, reason."""
    from inventory_assets.pipeline.proposals import decisions_of

    return decisions_of(workspace.lake).select("proposal_id", "action", "order_id", "line_number", "reason")
