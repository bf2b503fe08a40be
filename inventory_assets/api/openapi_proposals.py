"""The part of the OpenAPI document that says what `api.proposals` does."""

from __future__ import annotations

from inventory_assets.api.describing import (
    BODY,
    CODE,
    COUNT,
    MAYBE_TEXT,
    NEXT,
    Json,
    answer,
    body_of,
    in_path,
    in_query,
    object_of,
    operation,
    printable,
    ref,
    several,
)
from inventory_assets.api.proposals import LONGEST_NAME, LONGEST_REASON, PROPOSALS, SHOWN
from inventory_assets.contracts.events.fields import MAX_UNITS
from inventory_assets.contracts.replenishment import DECISION_ACTIONS, PROPOSAL_STATES

_WHOLE = ("quantity", "onHand", "position", "reorderPoint", "orderUpTo")


def paths() -> Json:
    """Addresses of proposals."""
    twice = (
        "Decided the same again it is answered as the first time, with `decided` false: the decision is its own key."
    )
    return {
        PROPOSALS: {
            "get": operation(
                "proposals", "Order proposals as last computed", "With what was decided since; the most urgent first.",
                ("supplier", "proposalState", "storeId", "limit", "cursor"), {"200": answer("Proposals")},
            )
        },
        f"{PROPOSALS}/{{proposalId}}": {
            "get": operation(
                "proposal", "A proposal with every decision about it", "", ("proposalId",), {"200": answer("Proposal")},
                404,
            )
        },
        **{
            f"{PROPOSALS}/{{proposalId}}/{action}": {
                "post": operation(
                    f"{action}Proposal", summary, twice, ("proposalId", "idempotencyKey"),
                    {"200": answer("ProposalDecided")}, 404, 409, *BODY,
                )
                | {"requestBody": body_of(schema)}
            }
            for action, summary, schema in (
                ("approve", "Approve a proposal", "Approve"), ("reject", "Reject a proposal", "Reject")
            )
        },
    }  # fmt: skip


def parameters() -> Json:
    """Parameters of these addresses."""
    return {
        "proposalId": in_path("proposalId", "Id of the proposal."),
        "supplier": in_query("supplier", CODE, "Supplier."),
        "proposalState": in_query("state", {"enum": list(PROPOSAL_STATES)}, "Where it stands."),
    }


def schemas() -> Json:
    """Schemas of these addresses."""
    members: Json = dict.fromkeys(SHOWN.values(), MAYBE_TEXT) | dict.fromkeys(_WHOLE, COUNT)
    members |= {"value": {"type": ["number", "null"]}, "state": {"enum": list(PROPOSAL_STATES)}}
    who: Json = {
        "author": printable(LONGEST_NAME),
        "reason": printable(LONGEST_REASON),
    }
    units = {"type": "integer", "minimum": 1, "maximum": MAX_UNITS}
    decision = object_of(
        {
            "action": {"enum": list(DECISION_ACTIONS)},
            "author": MAYBE_TEXT,
            "reason": MAYBE_TEXT,
            "decidedAt": MAYBE_TEXT,
        }
    )
    return {
        "Proposal": object_of(members, {"decisions": {"type": "array", "items": decision}}),
        "Proposals": object_of({"proposals": several("Proposal"), "next": NEXT}),
        "ProposalDecided": object_of({"decided": {"type": "boolean"}, "proposal": ref("Proposal")}),
        "Approve": object_of(who, {"quantity": units}, closed=True),
        "Reject": object_of(who, closed=True),
    }
