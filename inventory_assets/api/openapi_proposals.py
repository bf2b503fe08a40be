"""The part of the OpenAPI document that says what `api.proposals` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inventory_assets.api.proposals import LONGEST_NAME, LONGEST_REASON, PROPOSALS, SHOWN
from inventory_assets.contracts.events.fields import MAX_UNITS
from inventory_assets.contracts.replenishment import DECISION_ACTIONS, PROPOSAL_STATES

Json = dict[str, Any]
_PRINTABLE = r"^[ -~]*[!-~][ -~]*$"
_WHOLE = ("quantity", "onHand", "position", "reorderPoint", "orderUpTo")


def paths(operation: Callable[..., Json], done: Callable[..., Json], body: Callable[..., Json]) -> Json:
    """Addresses of proposals.

    Args:
        operation: makes an operation of name, summary, description, parameters, answers and statuses of problems.
        done: makes an answer of names of schemas.
        body: makes a request body of the name of a schema.
    """
    twice = (
        "Decided the same again it is answered as the first time, with `decided` false: the decision is its own key."
    )
    return {
        PROPOSALS: {
            "get": operation(
                "proposals", "Order proposals as last computed", "With what was decided since; the most urgent first.",
                ("supplier", "proposalState", "storeId", "limit", "cursor"), {"200": done("Proposals")},
            )
        },
        f"{PROPOSALS}/{{proposalId}}": {
            "get": operation(
                "proposal", "A proposal with every decision about it", "", ("proposalId",), {"200": done("Proposal")},
                404,
            )
        },
        **{
            f"{PROPOSALS}/{{proposalId}}/{action}": {
                "post": operation(
                    f"{action}Proposal", summary, twice, ("proposalId", "idempotencyKey"),
                    {"200": done("ProposalDecided")}, 404, 409, 413, 415,
                )
                | {"requestBody": body(schema)}
            }
            for action, summary, schema in (
                ("approve", "Approve a proposal", "Approve"), ("reject", "Reject a proposal", "Reject")
            )
        },
    }  # fmt: skip


def parameters(path: Callable[[str, str], Json], query: Callable[[str, Json, str], Json], code: Json) -> Json:
    """Parameters of these addresses.

    Args:
        path: makes a parameter of the address of name and description.
        query: makes one of the query of name, schema and description.
        code: schema of a code.
    """
    return {
        "proposalId": path("proposalId", "Id of the proposal."),
        "supplier": query("supplier", code, "Supplier."),
        "proposalState": query("state", {"enum": list(PROPOSAL_STATES)}, "Where it stands."),
    }


def schemas(object_of: Callable[..., Json]) -> Json:
    """Schemas of these addresses.

    Args:
        object_of: makes a schema of an object of its needed and its optional members.
    """
    text: Json = {"type": ["string", "null"]}
    whole: Json = {"type": ["integer", "null"]}
    members: Json = dict.fromkeys(SHOWN.values(), text) | dict.fromkeys(_WHOLE, whole)
    members |= {"value": {"type": ["number", "null"]}, "state": {"enum": list(PROPOSAL_STATES)}}
    who: Json = {
        "author": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": _PRINTABLE},
        "reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON, "pattern": _PRINTABLE},
    }
    units = {"type": "integer", "minimum": 1, "maximum": MAX_UNITS}
    decision = object_of(
        {"action": {"enum": list(DECISION_ACTIONS)}, "author": text, "reason": text, "decidedAt": text}
    )
    proposal: Json = {"$ref": "#/components/schemas/Proposal"}
    return {
        "Proposal": object_of(members, {"decisions": {"type": "array", "items": decision}}),
        "Proposals": object_of(
            {"proposals": {"type": "array", "items": proposal}, "next": {"type": ["string", "null"]}}
        ),
        "ProposalDecided": object_of({"decided": {"type": "boolean"}, "proposal": proposal}),
        "Approve": object_of(who, {"quantity": units}, closed=True),
        "Reject": object_of(who, closed=True),
    }
