"""Deciding about proposals: approve, reject, send, confirm. Pure functions over the decisions, which only grow.

A proposal is approved or rejected once: asking again changes nothing, so that two clicks are one order. Sending puts
approved lines into orders, one for each supplier (or giver) and location. Invariant: identity of a decision is the
proposal and the action; an approved proposal counts as on its way until a report of the supplier, a receipt, or its
time is over shows otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from inventory_assets.contracts.replenishment import PROPOSAL_DECISIONS
from inventory_assets.contracts.schemas import polars_schema

PAIR = ("product_sku", "location_id")
STATES = {"approve": "approved", "reject": "rejected", "send": "sent", "confirm": "confirmed"}
"""State of a proposal by the last decision about it."""
_LATER = {"approve": 0, "reject": 0, "send": 1, "confirm": 2}
FEED = "supplier report"
"""Author of confirmations that a report of the supplier gave."""
COPIED = ("proposal_id", "kind", *PAIR, "supplier_id", "from_location_id", "unit_cost", "currency", "expected_on",
          "sentence")  # fmt: skip


class DecisionError(ValueError):
    """A decision that cannot be taken; nothing was written."""


class UnknownProposalError(DecisionError):
    """There is no such proposal (any more)."""


class OtherwiseDecidedError(DecisionError):
    """Something else was decided about it before."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where proposals stand by what was decided.

    Attributes:
        by_proposal: the last decision about each proposal (confirm after send after approve).
        last_approved: by item and location the last proposal that was approved.
        refused: the last refusal of each proposal that is approved and not sent.
    """

    by_proposal: Mapping[str, Mapping[str, Any]]
    last_approved: Mapping[tuple[str, str], str]
    refused: Mapping[str, Mapping[str, Any]]


def standing(decisions: pl.DataFrame) -> Standing:
    """Where proposals stand.

    Args:
        decisions: rows of `replenishment/proposal_decisions`.
    """
    by_proposal: dict[str, Mapping[str, Any]] = {}
    last: dict[tuple[str, str], str] = {}
    refused: dict[str, Mapping[str, Any]] = {}
    for row in decisions.sort("decided_at", "decision_id").to_dicts():
        proposal = row["proposal_id"]
        if row["action"] == "refuse":
            refused[proposal] = row
            continue
        before = by_proposal.get(proposal)
        if before is None or _LATER[row["action"]] >= _LATER[before["action"]]:
            by_proposal[proposal] = row
        if row["action"] == "approve":
            last[row["product_sku"], row["location_id"]] = proposal
    waiting = {name: row for name, row in refused.items() if by_proposal.get(name, {}).get("action") == "approve"}
    return Standing(by_proposal, last, waiting)


def as_decided(row: Mapping[str, Any], stood: Standing) -> dict[str, Any]:
    """A proposal with what was decided about it since it was computed.

    Args:
        row: row of `replenishment/order_proposals`.
        stood: where proposals stand.
    """
    decision = stood.by_proposal.get(row["proposal_id"])
    if decision is None:
        return dict(row)
    quantity, refused = decision["quantity"], stood.refused.get(row["proposal_id"])
    fresh = {
        "state": STATES[decision["action"]], "quantity": quantity, "order_id": decision["order_id"],
        "value": row["unit_cost"] * quantity if row["unit_cost"] is not None else None,
        "decided_by": decision["author"], "decided_at": decision["decided_at"],
        "held": refused["reason"] if refused is not None else None,
    }  # fmt: skip
    return {**row, **fresh}


def decide(
    proposals: pl.DataFrame,
    decisions: pl.DataFrame,
    wanted: Collection[str],
    action: str,
    author: str,
    reason: str,
    now: datetime,
    quantity: int | None = None,
) -> pl.DataFrame:
    """Rows of `replenishment/proposal_decisions` to append for proposals that are approved or rejected.

    Args:
        proposals: rows of `replenishment/order_proposals`.
        decisions: what was decided so far.
        wanted: proposals by id.
        action: approve or reject.
        author: who.
        reason: why.
        now: the instant.
        quantity: units instead of the proposed ones, of one proposal.

    Returns:
        New decisions; none for a proposal about which the same was decided before.

    Raises:
        DecisionError: a proposal does not exist (any more), the opposite was decided, or it was approved with another
            quantity; the message says which.
    """
    if not author.strip() or not reason.strip():
        raise DecisionError("author and reason must say something")
    if quantity is not None and (len(wanted) != 1 or quantity < 1 or action != "approve"):
        raise DecisionError("a quantity of 1 or more can be given for one proposal that is approved")
    rows = {row["proposal_id"]: row for row in proposals.to_dicts()}
    said = standing(decisions).by_proposal
    made = []
    for proposal in dict.fromkeys(wanted):
        before = said.get(proposal)
        if before is not None:
            if (before["action"] == "reject") != (action == "reject"):
                when = f"{before['decided_at']:%Y-%m-%d %H:%M}"
                raise OtherwiseDecidedError(f"{proposal}: {before['author']} decided {before['action']} at {when}")
            if quantity not in (None, before["quantity"]):
                raise OtherwiseDecidedError(
                    f"{proposal}: it was approved with {before['quantity']} units, not {quantity}"
                )
            continue
        if proposal not in rows:
            raise UnknownProposalError(
                f"{proposal}: there is no such proposal now; `inventory proposals list` shows them"
            )
        row = rows[proposal]
        made.append({
            **{name: row[name] for name in COPIED}, "action": action, "quantity": quantity or row["quantity"],
            "proposed_quantity": row["quantity"], "author": author.strip(), "reason": reason.strip(),
            "decided_at": now, "decision_id": decision_id(proposal, action),
        })  # fmt: skip
    return _table(made)


def decision_id(proposal: str, action: str) -> str:
    """Identity of a decision."""
    return hashlib.sha256(f"{proposal}:{action}".encode()).hexdigest()[:32]


def waiting_lines(decisions: pl.DataFrame) -> list[Mapping[str, Any]]:
    """Approved lines that are in no order yet, in a stable order."""
    latest = standing(decisions).by_proposal.values()
    waiting = [row for row in latest if row["action"] == "approve"]
    return sorted(waiting, key=lambda row: (row["kind"], row["product_sku"], row["location_id"], row["proposal_id"]))


def send(
    decisions: pl.DataFrame, author: str, now: datetime, posted: Mapping[str, str | None] | None = None
) -> pl.DataFrame:
    """Decisions that put approved and unsent lines into orders.

    Args:
        decisions: what was decided so far.
        author: who sends.
        now: the instant.
        posted: proposals an ordering system took, each with its number there where it told one: no other purchase is
            sent. None where there is no such system: all are.

    Returns:
        Rows to append: one order for each supplier or giver, and location, or number of the ordering system; lines
        numbered by item, after those the order has.
    """
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
    for row in waiting_lines(decisions):
        bought = row["kind"] == "purchase"
        if bought and posted is not None and row["proposal_id"] not in posted:
            continue
        told = (posted or {}).get(row["proposal_id"]) if bought else None
        source = row["supplier_id"] if bought else row["from_location_id"]
        group = (row["kind"], "", source or "", row["location_id"]) if told is None else (row["kind"], told, "", "")
        groups.setdefault(group, []).append(row)
    taken: dict[str, int] = {}
    for row in decisions.filter(pl.col("action") == "send").to_dicts():
        taken[row["order_id"]] = max(taken.get(row["order_id"], 0), row["line_number"])
    made = []
    for (kind, told, _, _), lines in sorted(groups.items()):
        ordered = sorted(lines, key=lambda each: (each["product_sku"], each["proposal_id"]))
        number = hashlib.sha256(",".join(each["proposal_id"] for each in ordered).encode()).hexdigest()[:10].upper()
        order = told or f"{'PO' if kind == 'purchase' else 'TO'}-{number}"
        for line, row in enumerate(ordered, taken.get(order, 0) + 1):
            made.append(_following(row, "send", author, "sent", now) | {"order_id": order, "line_number": line})
    return _table(made)


def refuse(decisions: pl.DataFrame, refusals: Mapping[str, str], author: str, now: datetime) -> pl.DataFrame:
    """Decisions that note what an ordering system said against approved lines; they stay approved.

    Args:
        decisions: what was decided so far.
        refusals: what was said, by proposal.
        author: who sent them.
        now: the instant.

    Returns:
        Rows to append; none for what was said before in the same words.
    """
    known = set(decisions["decision_id"].to_list())
    made = []
    for row in waiting_lines(decisions):
        said = refusals.get(row["proposal_id"])
        if said is None:
            continue
        noted = _following(row, "refuse", author, said, now)
        noted["decision_id"] = decision_id(row["proposal_id"], f"refuse:{said}")
        made += [noted] if noted["decision_id"] not in known else []
    return _table(made)


def confirm(decisions: pl.DataFrame, wanted: Collection[str], author: str, reason: str, now: datetime) -> pl.DataFrame:
    """Decisions that say that suppliers will deliver.

    Args:
        decisions: what was decided so far.
        wanted: proposals by id.
        author: who says so.
        reason: how it is known.
        now: the instant.

    Returns:
        Rows to append; none for what was confirmed before.

    Raises:
        DecisionError: one of them was never sent.
    """
    if not author.strip() or not reason.strip():
        raise DecisionError("author and reason must say something")
    said = standing(decisions).by_proposal
    made = []
    for proposal in dict.fromkeys(wanted):
        row = said.get(proposal)
        if row is None:
            raise UnknownProposalError(f"{proposal}: nothing was decided about it; approve and send it first")
        if row["action"] == "send":
            made.append(_following(row, "confirm", author.strip(), reason.strip(), now))
        elif row["action"] != "confirm":
            raise OtherwiseDecidedError(f"{proposal}: it is {STATES[row['action']]}, only what was sent is confirmed")
    return _table(made)


def confirmed_by(decisions: pl.DataFrame, reported: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Decisions that confirm what was sent and a supplier reports by the order's number.

    Args:
        decisions: what was decided so far.
        reported: order_id of orders suppliers have.
        now: the instant.
    """
    orders = set(reported["order_id"].to_list())
    sent = [row for row in standing(decisions).by_proposal.values() if row["action"] == "send"]
    known = [row["proposal_id"] for row in sent if row["kind"] == "purchase" and row["order_id"] in orders]
    return confirm(decisions, sorted(known), FEED, "the supplier reports the order", now)


def _following(row: Mapping[str, Any], action: str, author: str, reason: str, now: datetime) -> dict[str, Any]:
    """A decision that follows another one about the same proposal."""
    return {
        **row, "action": action, "author": author, "reason": reason, "decided_at": now,
        "decision_id": decision_id(row["proposal_id"], action),
    }  # fmt: skip


def under_way(
    decisions: pl.DataFrame, reported_orders: pl.DataFrame, movements: pl.DataFrame, today: date, patience_days: int
) -> pl.DataFrame:
    """Units of approved proposals that nothing else shows yet, by pair.

    A purchase counts until the supplier reports its order, or it is overdue by more than `patience_days`; a transfer
    until as many units arrived (and, for its giver, left) since it was decided, or it is overdue likewise.

    Args:
        decisions: what was decided so far.
        reported_orders: order_id of every order suppliers reported.
        movements: product_sku, location_id, kind, quantity, event_time of transfers.
        today: the day.
        patience_days: the setting `orders.stop_counting_after_days`.

    Returns:
        product_sku, location_id, incoming, outgoing.
    """
    reported = set(reported_orders["order_id"].to_list())
    moved = movements.filter(pl.col("kind").is_in(["transfer_in", "transfer_out"])).to_dicts()
    incoming: dict[tuple[str, str], int] = {}
    outgoing: dict[tuple[str, str], int] = {}
    approved_at = {row["proposal_id"]: row["decided_at"] for row in decisions.to_dicts() if row["action"] == "approve"}
    used: dict[int, int] = {}
    open_rows = sorted(
        standing(decisions).by_proposal.values(), key=lambda row: (row["decided_at"], row["proposal_id"])
    )
    for row in open_rows:
        if row["action"] == "reject" or row["expected_on"] + timedelta(days=patience_days) < today:
            continue
        item, place = row["product_sku"], row["location_id"]
        if row["kind"] == "purchase":
            if row["order_id"] not in reported:
                incoming[item, place] = incoming.get((item, place), 0) + row["quantity"]
            continue
        since = approved_at[row["proposal_id"]]
        for sign, where, told in ((1, place, incoming), (-1, row["from_location_id"], outgoing)):
            left = row["quantity"]
            for number, move in enumerate(moved):
                at = (move["product_sku"], move["location_id"]) == (item, where) and move["event_time"] > since
                if at and move["quantity"] * sign > 0:
                    taken = min(left, move["quantity"] * sign - used.get(number, 0))
                    used[number] = used.get(number, 0) + taken
                    left -= taken
            if left:
                told[item, where] = told.get((item, where), 0) + left
    pairs = sorted({*incoming, *outgoing})
    return pl.DataFrame(
        [(*pair, incoming.get(pair, 0), outgoing.get(pair, 0)) for pair in pairs],
        schema={"product_sku": pl.String, "location_id": pl.String, "incoming": pl.Int64, "outgoing": pl.Int64},
        orient="row",
    )


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = polars_schema(PROPOSAL_DECISIONS)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row")
