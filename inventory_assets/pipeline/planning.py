"""What people do to plans: set parameters, and ask what a setting would change.

Parameters are appended to a table that only grows, under the lock of the lake's writers; the next run of `replenish`
works with it. Not here: proposals (`pipeline.proposals`). Invariant: asked twice, it is done once.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.lakehouse.writing import sole_writer
from inventory_assets.pipeline.replenishment import POLICY_INPUTS, computed_policy
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.replenishment.parameters import Setting, setting_row

SHOWN = (
    "service_target", "service", "rule", "demand_mean_day", "lead_time_days", "lead_time_sd_days", "review_period_days",
    "protected_mean", "protected_sd", "safety_stock", "reorder_point", "order_up_to", "live_reorder_point",
    "economic_quantity", "minimum_order", "pack", "maximum_stock", "null_reason",
)  # fmt: skip
"""What `whatif` compares."""


class PlanningError(ValueError):
    """A request that cannot be met; nothing was written."""


def set_parameters(
    workspace: Workspace, lock: Path, settings: Collection[Setting], *, dry_run: bool = False
) -> pl.DataFrame:
    """Store settings, all or none.

    Args:
        workspace: lake and clock.
        lock: lock file of the lake's writers.
        settings: what is wanted.
        dry_run: only look whether it can be done.

    Returns:
        Rows stored; none for what is in force already.

    Raises:
        ParameterError: one of them cannot be set; nothing was stored.
    """
    with sole_writer(lock):
        history = workspace.lake.scan(PLANNING_PARAMETERS).collect()
        before = history.height
        for setting in settings:
            history = pl.concat([history, setting_row(setting, workspace.now(), history)])
        made = history.tail(history.height - before) if history.height > before else history.head(0)
        if made.height and not dry_run:
            workspace.lake.append(PLANNING_PARAMETERS, made)
    return made


def what_if(workspace: Workspace, item: str, settings: Collection[Setting]) -> list[dict[str, Any]]:
    """The policy of an item as it is and as it would be; nothing is written.

    Args:
        workspace: lake and clock.
        item: item code.
        settings: what would be set.

    Returns:
        A row a location and number that differs or is always shown: location_id, what, now, then.

    Raises:
        ParameterError: a setting could not be set.
        PlanningError: the item has no demand anywhere.
    """
    lake, now = workspace.lake, workspace.now()
    pins = lake.pins(POLICY_INPUTS)
    history = lake.scan(PLANNING_PARAMETERS).collect()
    wanted = history
    for setting in settings:
        wanted = pl.concat([wanted, setting_row(setting, now, wanted)])
    one, other = (computed_policy(lake, pins, now.date(), each, {item}) for each in (history, wanted))
    if one.is_empty():
        raise PlanningError(f"{item}: no demand is known of it at any location")
    both = zip(one.to_dicts(), other.to_dicts(), strict=True)
    return [each for before, after in both for each in _compared(before, after)]


def _compared(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a pair under both settings."""
    place = {"location_id": before["location_id"]}
    rows = [{**place, "what": name, "now": before[name], "then": after[name]} for name in SHOWN]
    worth = {"what": "mean stock at cost, about", "now": _stock_worth(before), "then": _stock_worth(after)}
    return [*rows, {**place, **worth}]


def _stock_worth(row: dict[str, Any]) -> float:
    """Safety stock and half of what is ordered at a time, at cost."""
    if row["reorder_point"] is None or row["unit_cost"] is None:
        return 0.0
    lot = max((row["demand_mean_day"] or 0) * row["review_period_days"], row["economic_quantity"] or 0)
    return (max(row["safety_stock"] or 0, 0) + lot / 2) * float(row["unit_cost"])
