"""Deciding about proposals: approve, reject, send. Pure functions over the table of decisions, which only grows.

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
COPIED = ("proposal_id", "kind", *PAIR, "supplier_id", "from_location_id", "unit_cost", "currency", "expected_on",
          "sentence")  # fmt: skip


class DecisionError(ValueError):
    """A decision that cannot be taken; nothing was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where proposals stand by what was decided.

    Attributes:
        by_proposal: the last decision about each proposal (send after approve).
        last_approved: by item and location the last proposal that was approved.
    """

    by_proposal: Mapping[str, Mapping[str, Any]]
    last_approved: Mapping[tuple[str, str], str]


def standing(decisions: pl.DataFrame) -> Standing:
    """Where proposals stand.

    Args:
        decisions: rows of `replenishment/proposal_decisions`.
    """
    by_proposal: dict[str, Mapping[str, Any]] = {}
    last: dict[tuple[str, str], str] = {}
    for row in decisions.sort("decided_at", "decision_id").to_dicts():
        if by_proposal.get(row["proposal_id"], {}).get("action") != "send":
            by_proposal[row["proposal_id"]] = row
        if row["action"] == "approve":
            last[row["product_sku"], row["location_id"]] = row["proposal_id"]
    return Standing(by_proposal, last)


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
        DecisionError: a proposal does not exist (any more), or the opposite was decided; the message says which.
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
                raise DecisionError(f"{proposal}: {before['author']} decided {before['action']} at {when}")
            continue
        if proposal not in rows:
            raise DecisionError(f"{proposal}: there is no such proposal now; `inventory proposals list` shows them")
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


def send(decisions: pl.DataFrame, author: str, now: datetime) -> pl.DataFrame:
    """Decisions that put every approved and unsent line into an order.

    Args:
        decisions: what was decided so far.
        author: who sends.
        now: the instant.

    Returns:
        Rows to append: one order for each supplier or giver, and location; lines numbered by item.
    """
    latest = standing(decisions).by_proposal.values()
    waiting = [row for row in latest if row["action"] == "approve"]
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in waiting:
        source = row["supplier_id"] if row["kind"] == "purchase" else row["from_location_id"]
        groups.setdefault((row["kind"], source or "", row["location_id"]), []).append(row)
    made = []
    for (kind, _, _), lines in sorted(groups.items()):
        ordered = sorted(lines, key=lambda each: (each["product_sku"], each["proposal_id"]))
        number = hashlib.sha256(",".join(each["proposal_id"] for each in ordered).encode()).hexdigest()[:10].upper()
        for line, row in enumerate(ordered, 1):
            made.append({
                **row, "action": "send", "order_id": f"{'PO' if kind == 'purchase' else 'TO'}-{number}",
                "line_number": line, "author": author, "reason": "sent", "decided_at": now,
                "decision_id": decision_id(row["proposal_id"], "send"),
            })  # fmt: skip
    return _table(made)


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
