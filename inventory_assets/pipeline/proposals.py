"""What people do about proposals: look at them, approve, reject, confirm, and put them into orders.

Decisions are appended to a table that only grows, under the lock of the lake's writers; the next run of `replenish`
works with them. Not here: carrying orders out of the house by event and request (`operate.ordering`). Invariant: asked
twice, it is done once, and no line is ever in two orders.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from inventory_assets.contracts.replenishment import ORDER_PROPOSALS, PROPOSAL_DECISIONS
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.writing import sole_writer
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.replenishment.deciding import as_decided, confirm, decide, refuse, send, standing

ORDER_COLUMNS: tuple[str, ...] = (
    "order_id", "line_number", "kind", "supplier_id", "from_location_id", "location_id", "product_sku",
    "quantity", "unit_cost", "currency", "expected_on", "approved_by", "proposal_id",
)  # fmt: skip
Decided = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Proposals and decisions → decisions to append."""


def decisions_of(lake: Lake) -> pl.DataFrame:
    """Everything that was decided about proposals."""
    return lake.scan(PROPOSAL_DECISIONS).collect()


def current_proposals(lake: Lake, version: int | None = None) -> list[dict[str, Any]] | None:
    """Proposals as last computed, in their order, with what was decided since; None before any were computed.

    Args:
        lake: the tables.
        version: a version of `replenishment/order_proposals`; the newest where none is named.
    """
    if lake.version(ORDER_PROPOSALS) is None:
        return None
    stood = standing(decisions_of(lake))
    return [as_decided(row, stood) for row in lake.scan(ORDER_PROPOSALS, version).collect().to_dicts()]


def decide_about(
    workspace: Workspace, lock: Path, wanted: Collection[str], action: str, author: str, reason: str,
    quantity: int | None = None, wait_seconds: float | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Approve or reject proposals.

    Args:
        workspace: lake and clock.
        lock: lock file of the lake's writers.
        wanted: proposals by id.
        action: approve or reject.
        author: who.
        reason: why.
        quantity: units instead of the proposed ones, of one proposal.
        wait_seconds: how long another writer is waited for; None for ever.

    Returns:
        Decisions stored; none for what was decided so before.

    Raises:
        DecisionError: see `deciding.decide`; nothing was stored.
        LakeBusyError: another process kept writing.
    """

    def made(proposals: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
        return decide(proposals, decisions, wanted, action, author, reason, workspace.now(), quantity)

    return _appended(workspace, lock, made, wait_seconds)


def confirm_sent(workspace: Workspace, lock: Path, wanted: Collection[str], author: str, reason: str) -> pl.DataFrame:
    """Say that suppliers will deliver what was sent.

    Returns:
        Decisions stored; none for what was confirmed before.

    Raises:
        DecisionError: see `deciding.confirm`; nothing was stored.
    """
    return _appended(workspace, lock, lambda _, told: confirm(told, wanted, author, reason, workspace.now()), None)


def _appended(workspace: Workspace, lock: Path, decided: Decided, wait_seconds: float | None) -> pl.DataFrame:
    with sole_writer(lock, wait_seconds=wait_seconds):
        made = decided(workspace.lake.scan(ORDER_PROPOSALS).collect(), decisions_of(workspace.lake))
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


def send_orders(
    workspace: Workspace,
    lock: Path,
    folder: Path,
    author: str,
    posted: Mapping[str, str | None] | None = None,
    refused: Mapping[str, str] | None = None,
) -> list[Sent]:
    """Put approved lines into orders, and write a CSV file for every order ever sent that the folder lacks.

    The order is stored before its file is written, and the file holds what is stored: after a crash between the two the
    next call writes the file, and no line is ever in two orders.

    Args:
        workspace: lake and clock.
        lock: lock file of the lake's writers.
        folder: where the files go.
        author: who sends.
        posted: see `deciding.send`.
        refused: what an ordering system said against lines, by proposal; noted, and the lines stay approved.
    """

    def made(_: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
        now = workspace.now()
        return pl.concat([refuse(decisions, refused or {}, author, now), send(decisions, author, now, posted)])

    _appended(workspace, lock, made, None)
    decisions = decisions_of(workspace.lake)
    folder.mkdir(parents=True, exist_ok=True)
    approved_by = {row["proposal_id"]: row["author"] for row in decisions.to_dicts() if row["action"] == "approve"}
    orders: dict[str, list[dict[str, Any]]] = {}
    for row in decisions.filter(pl.col("action") == "send").to_dicts():
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
