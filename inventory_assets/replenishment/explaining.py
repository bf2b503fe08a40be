"""A proposal in words, and how pressing it is: one sentence whose figures give the quantity again.

Reading the sentence from left to right: the position is the sum of what is named; the wish is the level less the
position (or whole fixed quantities); what other locations give is taken off; the rest goes up to the least order and
full packs, or down to the packs there is room for. Invariant: no figure of the sentence is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

from inventory_assets.replenishment.rounding import WORDS, Rounded

Row = Mapping[str, Any]


def wanted_units(row: Row) -> int:
    """Units missing up to the level, or as many fixed quantities as bring the position above the reorder point."""
    if row["rule"] == "fixed_quantity" and row["fixed_quantity"]:
        below, lot = row["reorder_point"] - row["position"], row["fixed_quantity"]
        return (below // lot + 1) * lot
    return row["order_up_to"] - row["position"]


def urgency(row: Mapping[str, Any]) -> str:
    """`order_now` where the position does not cover expected demand until a new order arrives, or nothing is there."""
    if row["position"] > row["reorder_point"] or row["reorder_point"] == 0:
        return "ok"
    runs_out = row["demand_mean_day"] > 0 and (row["position"] < row["lead_demand_mean"] or row["free"] <= 0)
    return "order_now" if runs_out else "reorder"


def position_words(row: Row) -> str:
    """The inventory position as a sum."""
    return (
        f"Position {row['position']} = on hand {row['on_hand']} − unavailable {row['unavailable']} − reserved "
        f"{row['reserved']} − leaving {row['outgoing']} + on order {row['on_order']} + in transit "
        f"{row['in_transit']} + approved {row['approved_before']}, at or below the reorder point {row['reorder_point']}"
    )


def wish_words(row: Row) -> str:
    """What is wanted, before anything is rounded."""
    if row["rule"] == "fixed_quantity" and row["fixed_quantity"]:
        lots = wanted_units(row) // row["fixed_quantity"]
        return f"{lots} × the fixed quantity {row['fixed_quantity']} = {wanted_units(row)} wanted"
    return f"order up to {row['order_up_to']}: {wanted_units(row)} wanted"


def sentence(row: Row, wanted: int, transferred: int, least: int, rounded: Rounded) -> str:
    """The arithmetic of a purchase."""
    words = [
        position_words(row),
        wish_words(row),
        f"− {transferred} from elsewhere = {wanted - transferred}",
        f"at least {least}, in packs of {row['pack']}",
    ]
    room = _room(row, transferred)
    if room is not None:
        words.append(f"room for {room}")
    because = [WORDS[reason] for reason in rounded.of(0)]
    return f"{'; '.join(words)}: {int(rounded.quantity)}{f' ({chr(44).join(because)})' if because else ''}."


def _room(row: Row, transferred: int) -> int | None:
    """Units that shelf life and maximum stock leave room for; None where neither is set."""
    limits = [
        *([row["shelf_life_days"] * row["demand_mean_day"]] if row["shelf_life_days"] is not None else []),
        *([row["maximum_stock"]] if row["maximum_stock"] is not None else []),
    ]
    return max(0, floor(min(limits) - row["position"] - transferred + 1e-9)) if limits else None


def changes(row: Row, rounded: Rounded) -> Iterable[str]:
    """Codes of why the quantity is not what is missing."""
    for reason in rounded.of(0):
        economic = reason == "raised_to_minimum_order" and row["rule"] == "calculated" and (
            (row["economic_quantity"] or 0) > row["minimum_order"]
        )  # fmt: skip
        yield "raised_to_economic_quantity" if economic else reason
