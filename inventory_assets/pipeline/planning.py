"""What people do to plans: set parameters, ask what a setting would change, decide about proposals, send orders.

Each appends to a table that only grows, under the lock of the lake's writers; the next run of `replenish` works with
it. Invariant: asked twice, it is done once.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import ORDER_PROPOSALS, PROPOSAL_DECISIONS
from inventory_assets.lakehouse.writing import sole_writer
from inventory_assets.pipeline.replenishment import POLICY_INPUTS, computed_policy
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.replenishment.deciding import decide, send, standing
from inventory_assets.replenishment.parameters import Setting, setting_row

SHOWN = (
    "service_target", "service", "rule", "demand_mean_day", "lead_time_days", "lead_time_sd_days", "review_period_days",
    "protected_mean", "protected_sd", "safety_stock", "reorder_point", "order_up_to", "live_reorder_point",
    "economic_quantity", "minimum_order", "pack", "maximum_stock", "null_reason",
)  # fmt: skip
"""What `whatif` compares."""
ORDER_COLUMNS: tuple[str, ...] = (
    "order_id", "line_number", "kind", "supplier_id", "from_location_id", "location_id", "product_sku",
    "quantity", "unit_cost", "currency", "expected_on", "approved_by", "proposal_id",
)  # fmt: skip


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


def decide_about(
    workspace: Workspace, lock: Path, wanted: Collection[str], action: str, author: str, reason: str,
    quantity: int | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Approve or reject proposals.

    Returns:
        Decisions stored; none for what was decided so before.

    Raises:
        DecisionError: see `deciding.decide`; nothing was stored.
    """
    with sole_writer(lock):
        proposals, decisions = (workspace.lake.scan(each).collect() for each in (ORDER_PROPOSALS, PROPOSAL_DECISIONS))
        made = decide(proposals, decisions, wanted, action, author, reason, workspace.now(), quantity)
        if made.height:
            workspace.lake.append(PROPOSAL_DECISIONS, made)
    return made


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that left.

    Attributes:
        order_id: its number.
        path: the file.
        lines: order lines in it.
        written: whether the file was written now; false where it was there with the same content.
    """

    order_id: str
    path: Path
    lines: int
    written: bool


def send_orders(workspace: Workspace, lock: Path, folder: Path, author: str) -> list[Sent]:
    """Put approved lines into orders, and write a CSV file for every order ever sent that the folder lacks.

    The order is stored before its file is written, and the file holds what is stored: after a crash between the two the
    next call writes the file, and no line is ever in two orders.

    Args:
        workspace: lake and clock.
        lock: lock file of the lake's writers.
        folder: where the files go.
        author: who sends.
    """
    with sole_writer(lock):
        decisions = workspace.lake.scan(PROPOSAL_DECISIONS).collect()
        made = send(decisions, author, workspace.now())
        if made.height:
            workspace.lake.append(PROPOSAL_DECISIONS, made)
            decisions = pl.concat([decisions, made])
    folder.mkdir(parents=True, exist_ok=True)
    approved_by = {row["proposal_id"]: row["author"] for row in decisions.to_dicts() if row["action"] == "approve"}
    orders: dict[str, list[dict[str, Any]]] = {}
    for row in standing(decisions).by_proposal.values():
        if row["action"] == "send":
            line = {**row, "approved_by": approved_by[row["proposal_id"]]}
            orders.setdefault(row["order_id"], []).append(line)
    return [_file(folder, order, lines) for order, lines in sorted(orders.items())]


def _file(folder: Path, order: str, lines: list[dict[str, Any]]) -> Sent:
    text = io.StringIO()
    writer = csv.DictWriter(text, ORDER_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(lines, key=lambda row: row["line_number"]))
    path = folder / f"{order}.csv"
    content = text.getvalue().encode()
    if path.is_file() and path.read_bytes() == content:
        return Sent(order, path, len(lines), written=False)
    hidden = folder / f".{order}.tmp"
    with hidden.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)
    return Sent(order, path, len(lines), written=True)
