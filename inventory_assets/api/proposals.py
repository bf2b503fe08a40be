"""Routes of order proposals: look at them, approve, reject.

Proposals live in the lake. They are read and decided about on threads of their own, so that a lake that is slow or
locked holds up no event; what is decided is written under the lock of the lake's writers, which is waited for a moment.
Invariant: deciding the same again changes nothing and is answered as the first time, so that two clicks are one order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.bodies import given
from inventory_assets.api.parameters import Query, code, next_address
from inventory_assets.api.problems import RefusedRequestError, wrong_parameter
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, Service, json_response
from inventory_assets.contracts.events.fields import MAX_UNITS
from inventory_assets.contracts.replenishment import PROPOSAL_STATES
from inventory_assets.live.database.driver import database_errors

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Workspace
    from inventory_assets.settings import Settings

T = TypeVar("T")
LOG = logging.getLogger(__name__)
PROPOSALS = "/api/v1/proposals"
THREADS = 2
LOCK_SHARE = 0.5
"""Share of a request's time for which another writer of the lake is waited for."""
LONGEST_NAME, LONGEST_REASON = 100, 1000
SHOWN = {
    "proposal_id": "proposalId", "kind": "kind", "product_sku": "item", "location_id": "storeId",
    "supplier_id": "supplierId", "from_location_id": "fromStoreId", "state": "state", "urgency": "urgency",
    "quantity": "quantity", "value": "value", "currency": "currency", "made_on": "madeOn", "order_on": "orderOn",
    "expected_on": "expectedOn", "on_hand": "onHand", "position": "position", "reorder_point": "reorderPoint",
    "order_up_to": "orderUpTo", "sentence": "sentence", "warning": "warning", "held": "held",
    "stock_basis": "stockBasis", "order_id": "orderId", "decided_by": "decidedBy", "decided_at": "decidedAt",
}  # fmt: skip
"""Columns that are told, and their names."""


class ProposalRoutes(Routes):
    """Handlers of proposals."""

    def __init__(self, service: Service, settings: Settings) -> None:
        """Nothing is opened yet.

        Args:
            service: what the handlers share.
            settings: settings of the installation, for its lake.
        """
        super().__init__(service)
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="proposals")

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", PROPOSALS, self.listed),
            Route("GET", f"{PROPOSALS}/{{proposalId}}", self.one),
            Route("POST", f"{PROPOSALS}/{{proposalId}}/approve", self.approve),
            Route("POST", f"{PROPOSALS}/{{proposalId}}/reject", self.reject),
        )

    def close(self) -> None:
        """End the threads; a decision under way is written."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def listed(self, request: Request, _: dict[str, str]) -> Response:
        """Proposals as last computed with what was decided since, the most urgent first."""
        query = Query(request, ("supplier", "state", "storeId", "limit", "cursor"))
        wanted = {
            "supplier_id": query.text("supplier", 64),
            "state": query.choice("state", PROPOSAL_STATES),
            "location_id": query.text("storeId", 64),
        }
        limit, cursor = query.limit(), query.key_cursor()
        rows, after = await self._run(lambda workspace: _page(workspace, wanted, limit, cursor))
        more = next_address(request, PROPOSALS, after)
        return json_response({"proposals": [shown(row) for row in rows], "next": more})

    async def one(self, request: Request, parts: dict[str, str]) -> Response:
        """A proposal with everything that was decided about it."""
        Query(request, ())
        proposal = code(parts["proposalId"], "proposalId")
        return json_response(await self._run(lambda workspace: _one(workspace, proposal)))

    async def approve(self, request: Request, parts: dict[str, str]) -> Response:
        """Approve a proposal."""
        return await self._decide(request, parts, "approve", ("author", "reason", "quantity"))

    async def reject(self, request: Request, parts: dict[str, str]) -> Response:
        """Reject a proposal."""
        return await self._decide(request, parts, "reject", ("author", "reason"))

    async def _decide(self, request: Request, parts: dict[str, str], action: str, known: tuple[str, ...]) -> Response:
        proposal = code(parts["proposalId"], "proposalId")
        body = await given(self._service, request, known)
        author, reason = body.needed("author", LONGEST_NAME), body.needed("reason", LONGEST_REASON)
        quantity = body.number("quantity", 1, MAX_UNITS, 0) or None
        patience = self._service.settings.deadline_seconds * LOCK_SHARE

        def decide(workspace: Workspace) -> tuple[int, dict[str, Any]]:
            from inventory_assets.pipeline.proposals import decide_about

            lock = self._settings.writer_lock
            made = decide_about(workspace, lock, [proposal], action, author, reason, quantity, patience)
            self._tell(made.to_dicts())
            return made.height, _one(workspace, proposal)

        decided, told = await self._run(decide)
        return json_response({"decided": bool(decided), "proposal": told})

    def _tell(self, made: list[dict[str, Any]]) -> None:
        """Tell what was approved; where the database is away, the next `inventory proposals send` does."""
        from inventory_assets.live.database.problems import DatabaseError
        from inventory_assets.live.outbox.approvals import tell_approvals

        try:
            tell_approvals(self._service.engine, made, self._service.clock())
        except (*database_errors(), DatabaseError) as error:
            LOG.warning("an approval is told later: %s", type(error).__name__)

    async def _run(self, work: Callable[[Workspace], T]) -> T:
        """Do something with the lake on one of the threads.

        Raises:
            RefusedRequestError: there is no such proposal, it was decided otherwise, or the lake cannot be used now.
        """

        def run() -> T:
            from deltalake.exceptions import DeltaError
            from polars.exceptions import PolarsError

            from inventory_assets.lakehouse.lake import LakeConflictError
            from inventory_assets.lakehouse.writing import LakeBusyError
            from inventory_assets.pipeline.open import open_workspace
            from inventory_assets.replenishment.deciding import (
                DecisionError,
                OtherwiseDecidedError,
                UnknownProposalError,
            )

            try:
                return work(open_workspace(self._settings, self._service.clock))
            except UnknownProposalError as error:
                raise RefusedRequestError("proposal_unknown", str(error)) from error
            except OtherwiseDecidedError as error:
                raise RefusedRequestError("proposal_decided", str(error)) from error
            except DecisionError as error:
                raise RefusedRequestError("parameter_invalid", str(error)) from error
            except (LakeBusyError, LakeConflictError) as error:
                raise RefusedRequestError("lake_busy", str(error)) from error
            except (OSError, DeltaError, PolarsError) as error:
                LOG.exception("the lake cannot be used")
                raise RefusedRequestError("lake_away", f"the lake cannot be used: {type(error).__name__}") from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A proposal as it is told."""
    return {name: row.get(column) for column, name in SHOWN.items()}


def _page(
    workspace: Workspace, wanted: Mapping[str, str | None], limit: int, cursor: tuple[int, int] | None
) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """Rows of a page, and where the next one begins.

    Pages are those of one version of the table: a plan computed meanwhile does not shift them.
    """
    from inventory_assets.contracts.replenishment import ORDER_PROPOSALS
    from inventory_assets.pipeline.proposals import current_proposals
    from inventory_assets.pipeline.workspace import VERSION_GONE

    newest = workspace.lake.version(ORDER_PROPOSALS)
    if newest is None:
        return [], None
    version, first = (newest, 0) if cursor is None else cursor
    if version > newest:
        raise wrong_parameter("cursor", "is none this service gave")
    try:
        rows = current_proposals(workspace.lake, version) or []
    except VERSION_GONE as error:
        if version == newest:
            raise
        raise wrong_parameter("cursor", "is of a plan that is gone; begin with the first page") from error
    found: list[dict[str, Any]] = []
    for number, row in enumerate(rows[first:], first):
        if any(value is not None and row[name] != value for name, value in wanted.items()):
            continue
        if len(found) == limit:
            return found, (version, number)
        found.append(row)
    return found, None


def _one(workspace: Workspace, proposal: str) -> dict[str, Any]:
    """A proposal and what was decided about it; one that is in no plan any more as it was decided.

    Raises:
        UnknownProposalError: there is neither.
    """
    import polars as pl

    from inventory_assets.pipeline.proposals import current_proposals, decisions_of
    from inventory_assets.replenishment.deciding import STATES, UnknownProposalError, standing

    rows = current_proposals(workspace.lake) or []
    row = next((each for each in rows if each["proposal_id"] == proposal), None)
    decisions = decisions_of(workspace.lake).filter(pl.col("proposal_id") == proposal).sort("decided_at", "action")
    if row is None:
        last = standing(decisions).by_proposal.get(proposal)
        if last is None:
            raise UnknownProposalError(f"there is no proposal {proposal}")
        who = {"decided_by": last["author"], "state": STATES[last["action"]]}
        row = {**last, **who}
    names = {"action": "action", "author": "author", "reason": "reason", "quantity": "quantity",
             "decided_at": "decidedAt"}  # fmt: skip
    history = [{name: each[column] for column, name in names.items()} for each in decisions.to_dicts()]
    return {**shown(row), "decisions": history}
