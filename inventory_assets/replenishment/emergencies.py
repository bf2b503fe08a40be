"""Emergency orders: what somebody asked for at once, as expedited proposals.

An event `EmergencyReplenishment` of the live log is one proposal for ever: its identity is that of the event, whatever
the stock is. It is a person's wish, so nothing is rounded, held back or taken from elsewhere; what speaks against it
stands in the warning. Unknown stock does not stop it. Not here: reading the log (`pipeline.emergencies`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

import polars as pl

PAIR = ("product_sku", "location_id")
URGENCY = "emergency"
_STOCK = ("on_hand", "unavailable", "reserved", "on_order", "in_transit")


@dataclass(frozen=True, slots=True)
class Emergency:
    """What was asked for.

    Attributes:
        source: who sent the event.
        event_id: its id there.
        asked_at: when it happened.
        product_sku: item.
        location_id: where it is needed.
        quantity: units.
        needed_by: when at the latest.
        reason: why it cannot wait.
    """

    source: str
    event_id: str
    asked_at: datetime
    product_sku: str
    location_id: str
    quantity: int
    needed_by: datetime | None
    reason: str

    @property
    def proposal_id(self) -> str:
        """Identity of its proposal: that of the event."""
        said = f"emergency\n{self.source}\n{self.event_id}"
        return hashlib.sha256(said.encode()).hexdigest()[:20]


def emergency_rows(
    asked: Sequence[Emergency], policy: pl.DataFrame, position: pl.DataFrame, under_way: pl.DataFrame, today: date
) -> list[dict[str, Any]]:
    """Proposals of emergencies, without state and decision.

    Args:
        asked: the emergencies.
        policy: rows of `replenishment/inventory_policy`.
        position: rows of `gold/inventory_position`.
        under_way: product_sku, location_id, incoming: units of approved proposals that no report shows yet.
        today: the day.
    """
    wanted = pl.col("product_sku").is_in([each.product_sku for each in asked])
    plans, stocks, coming = (
        {(row["product_sku"], row["location_id"]): row for row in frame.filter(wanted).to_dicts()}
        for frame in (policy, position, under_way)
    )
    elsewhere = {row["product_sku"]: row for row in plans.values() if row["supplier_id"] is not None}
    return [_row(each, plans, elsewhere, stocks, coming, today) for each in asked]


def _row(
    asked: Emergency,
    plans: Mapping[tuple[str, str], Mapping[str, Any]],
    elsewhere: Mapping[str, Mapping[str, Any]],
    stocks: Mapping[tuple[str, str], Mapping[str, Any]],
    coming: Mapping[tuple[str, str], Mapping[str, Any]],
    today: date,
) -> dict[str, Any]:
    pair = (asked.product_sku, asked.location_id)
    plan, stock = plans.get(pair, {}), stocks.get(pair, {})
    item = plan or elsewhere.get(asked.product_sku, {})
    known: dict[str, int | None] = {name: stock.get(name) for name in _STOCK}
    before = coming[pair]["incoming"] if pair in coming else 0
    return {
        "proposal_id": asked.proposal_id,
        "kind": "purchase",
        "product_sku": asked.product_sku,
        "location_id": asked.location_id,
        "from_location_id": None,
        "supplier_id": item.get("supplier_id"),
        "urgency": URGENCY,
        "made_on": asked.asked_at.date(),
        "quantity": asked.quantity,
        "wanted": asked.quantity,
        "transferred": 0,
        "unit_cost": item.get("unit_cost"),
        "value": item["unit_cost"] * asked.quantity if item.get("unit_cost") is not None else None,
        "currency": item.get("currency"),
        "order_on": today,
        "expected_on": _arrival(asked, plan.get("lead_time_days")),
        **known,
        "approved_before": before,
        "position": _position(known, before),
        "reorder_point": plan.get("reorder_point"),
        "order_up_to": plan.get("order_up_to"),
        "changes": None,
        "sentence": _sentence(asked),
        "warning": "; ".join(_doubts(asked, item, known["on_hand"])) or None,
        "held": None,
        "stock_basis": stock.get("stock_basis") or "unknown",
    }


def _position(known: Mapping[str, int | None], before: int) -> int | None:
    """The inventory position, as for usual proposals; None while on hand or on order is unknown."""
    on_hand, on_order = known["on_hand"], known["on_order"]
    if on_hand is None or on_order is None:
        return None
    off = (known["unavailable"] or 0) + (known["reserved"] or 0)
    return on_hand - off + on_order + (known["in_transit"] or 0) + before


def _arrival(asked: Emergency, lead_time_days: float | None) -> date:
    """The day it is needed; where nobody says, the day the usual lead time gives."""
    day = asked.asked_at.date()
    if asked.needed_by is not None:
        return max(day, asked.needed_by.date())
    return day + timedelta(days=ceil(lead_time_days or 0))


def _sentence(asked: Emergency) -> str:
    until = f", needed by {asked.needed_by:%Y-%m-%d %H:%M} UTC" if asked.needed_by is not None else ""
    why = " ".join(asked.reason.split()).rstrip(".")
    return (
        f"Emergency: {asked.source} asked for {asked.quantity} units at {asked.asked_at:%Y-%m-%d %H:%M} UTC{until} "
        f"({why or 'no reason given'}). Goes before everything else; nothing is rounded or held back: {asked.quantity}."
    )


def _doubts(asked: Emergency, item: Mapping[str, Any], on_hand: int | None) -> list[str]:
    found = ["the stock there is unknown; count it"] if on_hand is None else []
    if not item.get("supplier_id"):
        found.append("no supplier of the item is known")
    least, pack = item.get("minimum_order") or 0, item.get("pack") or 1
    if asked.quantity < least:
        found.append(f"less than the minimum order of {least}")
    if asked.quantity % pack:
        found.append(f"no whole packs of {pack}")
    return found
