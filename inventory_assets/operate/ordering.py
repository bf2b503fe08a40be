"""Sends approved proposals: the event into the live log, the request to the ordering system, the order as CSV.

The three ways are independent: one that fails is made up for by the next call, and none does anything twice. The event
has an id that follows from the proposal, the request the proposal as its key, the file the order as its name. A
request comes before its record, so after a crash between the two it is repeated with the same key. Invariant: an order
is recorded as sent only after the ordering system took it, where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventory_assets.live.database.driver import database_errors
from inventory_assets.live.outbox.approvals import Told, approvals, tell_approvals
from inventory_assets.operate.erp import Answer, Line, check_erp, post_orders

if TYPE_CHECKING:
    import polars as pl

    from inventory_assets.pipeline.proposals import Sent
    from inventory_assets.pipeline.workspace import Workspace
    from inventory_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Sending:
    """What a call did.

    Attributes:
        told: the events; None where there is no live database.
        posted: answers of the ordering system; None where none is named.
        files: orders and their files.
    """

    told: Told | None
    posted: tuple[Answer, ...] | None
    files: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do.

    Attributes:
        lines: approved lines that are in no order yet.
        events: events that would be told or were; None where there is no live database.
        erp: host of the ordering system; None where none is named.
    """

    lines: tuple[dict[str, Any], ...]
    events: int | None
    erp: str | None


def planned(settings: Settings, workspace: Workspace) -> Plan:
    """What sending would do now; nothing is written, told or posted.

    Raises:
        ErpError: the settings of the ordering system cannot be used.
    """
    from inventory_assets.pipeline.proposals import decisions_of
    from inventory_assets.replenishment.deciding import waiting_lines

    decisions = decisions_of(workspace.lake)
    events, _ = approvals(decisions.to_dicts(), workspace.now())
    return Plan(
        lines=tuple(dict(row) for row in waiting_lines(decisions)),
        events=len(events) if settings.has_live_database else None,
        erp=check_erp(settings.erp) if settings.erp.url else None,
    )


def send_approved(settings: Settings, workspace: Workspace, folder: Path, author: str) -> Sending:
    """Send everything that is approved, by every way the installation has.

    Args:
        settings: settings of the installation.
        workspace: its lake and clock.
        folder: where the files go.
        author: who sends.

    Raises:
        ErpError: the settings of the ordering system cannot be used; nothing was sent.
    """
    from inventory_assets.pipeline.proposals import decisions_of, send_orders
    from inventory_assets.replenishment.deciding import waiting_lines

    if settings.erp.url:
        check_erp(settings.erp)
    decisions = decisions_of(workspace.lake)
    told = _told(settings, decisions, workspace.now()) if settings.has_live_database else None
    answers: list[Answer] | None = None
    if settings.erp.url:
        lines = [_line(row) for row in waiting_lines(decisions) if row["kind"] == "purchase"]
        answers = post_orders(settings.erp, lines)
    taken = {each.line.proposal_id: each.number for each in answers or () if each.posted == "taken"}
    posted = None if answers is None else taken
    refused = {each.line.proposal_id: each.said for each in answers or () if each.posted == "refused"}
    files = send_orders(workspace, settings.writer_lock, folder, author, posted, refused)
    return Sending(told, None if answers is None else tuple(answers), tuple(files))


def _told(settings: Settings, decisions: pl.DataFrame, now: datetime) -> Told:
    """`tell_approvals` on the database of the settings; one that is away is a problem told, not an error."""
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.live_log import live_engine

    try:
        with live_engine(settings) as engine:
            return tell_approvals(engine, decisions.to_dicts(), now)
    except (DatabaseError, *database_errors()) as error:
        return Told(problems=(f"not told yet, the next call tells it: {str(error).splitlines()[0]}",))


def _line(row: Any) -> Line:  # noqa: ANN401 - a row
    return Line(row["proposal_id"], row["product_sku"], row["quantity"], row["supplier_id"])
