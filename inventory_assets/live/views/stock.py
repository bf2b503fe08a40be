"""Stock as people ask for it: now, its history with the running balance, and as it was at a time or a position.

Now and history are read from state and ledger. As-of folds the effects the log keeps beside each event with the rules
of `stock`, so it answers for any position still in the log. Unknown stock is null with the reason, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.live.log import stored_effects
from inventory_assets.live.masters.rules import READ as READ_RULES
from inventory_assets.live.masters.rules import rules_of
from inventory_assets.stock.accounts import Account, apply_effect, as_rule
from inventory_assets.stock.effects import Effect, permitted
from inventory_assets.stock.rules import Count, Movement

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNKNOWN_REASON = "no opening or count yet"
MOST_EFFECTS = 200_000
"""Events an as-of answer folds at most."""

_STATE = "SELECT * FROM inventory_state WHERE item = :item"
_HISTORY = """
SELECT * FROM ledger
WHERE item = :item AND (CAST(:location AS text) IS NULL OR location = :location)
  AND (CAST(:before AS bigint) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
"""
_EFFECTS = """
SELECT l.sequence, l.source, l.event_id, l.effects::text AS effects FROM event_log AS l
WHERE l.items @> ARRAY[:item] AND l.sequence <= :upto AND l.disposition IN ('accepted', 'decided')
  AND l.effects IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM event_queue AS w WHERE w.sequence = l.sequence)
ORDER BY l.sequence LIMIT :limit
"""


class TooMuchHistoryError(LookupError):
    """More events touch the item than an answer folds."""


@dataclass(frozen=True, slots=True)
class StockPage:
    """Rows of the ledger.

    Attributes:
        rows: the newest first.
        next_before: `before` of the next page; None at the end.
    """

    rows: tuple[dict[str, Any], ...]
    next_before: int | None


def state_of(connection: Connection, item: str, location: str | None) -> list[dict[str, Any]]:
    """State of an item at a location, or at all of them; empty where nothing was ever heard of it."""
    from sqlalchemy import text

    statement = f"{_STATE} AND location = :location" if location is not None else f"{_STATE} ORDER BY location"
    rows = connection.execute(text(statement), {"item": item, "location": location}).mappings()
    return [_state(row) for row in rows]


def history_of(connection: Connection, item: str, location: str | None, before: int | None, limit: int) -> StockPage:
    """Every change of an item, the newest first, with the balance after it."""
    from sqlalchemy import text

    asked = {"item": item, "location": location, "before": before, "limit": limit + 1}
    rows = connection.execute(text(_HISTORY), asked).mappings().all()
    more = len(rows) > limit
    return StockPage(tuple(_ledger(row) for row in rows[:limit]), rows[limit - 1]["id"] if more else None)


def reservation_of(connection: Connection, number: str) -> dict[str, Any] | None:
    """A reservation; None where there is none."""
    from sqlalchemy import text

    statement = text("SELECT * FROM reservations WHERE id = :number")
    row = connection.execute(statement, {"number": number}).mappings().first()
    if row is None:
        return None
    return {
        "reservationId": row["id"],
        "storeId": row["location"],
        "status": row["status"],
        "lines": [{"product_sku": item, "quantity": quantity} for item, quantity in row["lines"]],
        "expiresAt": row["expires_at"],
        "updatedAt": row["updated_at"],
        "source": row["source"],
        "eventId": row["event_id"],
    }


def as_of(
    connection: Connection,
    item: str,
    location: str,
    *,
    upto: int,
    at: datetime | None,
) -> tuple[Account, int]:
    """The account of a pair as the log up to a position knows it, as it stood at an instant.

    Args:
        connection: a connection.
        item: the item.
        location: the location.
        upto: position in the log; later events are not known yet.
        at: what happened later does not count; None for everything.

    Returns:
        The account and how many events made it.

    Raises:
        TooMuchHistoryError: more events than `MOST_EFFECTS` touch the item.
    """
    from sqlalchemy import text

    asked = {"item": item, "upto": upto, "limit": MOST_EFFECTS + 1}
    rows = connection.execute(text(_EFFECTS), asked).all()
    if len(rows) > MOST_EFFECTS:
        raise TooMuchHistoryError(f"more than {MOST_EFFECTS} events touch {item}; ask the lakehouse instead")
    rules = rules_of(connection.execute(text(READ_RULES)))
    effects = [
        each
        for row in rows
        for each in permitted(stored_effects.read(row.effects, row.source, row.event_id), rules.at(row.sequence))
        if each.pair == (item, location) and (at is None or each.at <= at)
    ]
    return folded(effects), len(effects)


def folded(effects: list[Effect]) -> Account:
    """The account effects make, whatever their order."""
    account = Account()
    moved: list[Movement] = []

    def net_after(count: Count) -> int:
        return sum(each.quantity for each in moved if not count.absorbs(each.at))

    for effect in effects:
        rule = as_rule(effect)
        account = apply_effect(account, effect, net_after)
        if isinstance(rule, Movement):
            moved.append(rule)
    return account


def shown_account(account: Account) -> dict[str, Any]:
    """An account for people."""
    return {
        "book": account.stock.book,
        "onHand": account.on_hand,
        "shortfall": account.shortfall,
        "reserved": account.reserved,
        "unavailable": account.stock.unavailable,
        "available": account.available,
        "inTransit": account.in_transit,
        "basis": account.stock.basis,
        "nullReason": UNKNOWN_REASON if account.stock.book is None else None,
    }


def _state(row: Mapping[Any, Any]) -> dict[str, Any]:
    book = row["book"]
    on_hand = None if book is None else max(0, book)
    known = on_hand is not None
    return {
        "item": row["item"],
        "storeId": row["location"],
        "book": book,
        "onHand": on_hand,
        "shortfall": None if book is None else max(0, -book),
        "reserved": row["reserved"],
        "unavailable": row["unavailable"] if known else None,
        "available": on_hand - row["reserved"] - row["unavailable"] if on_hand is not None else None,
        "inTransit": row["in_transit"],
        "onOrder": row["on_order"],
        "basis": row["basis"],
        "nullReason": None if known else UNKNOWN_REASON,
        "countedAt": row["count_time"],
        "countedQuantity": row["count_quantity"],
        "lastMovementAt": row["last_movement_at"],
        "lastRealTimeUpdate": row["live_updated_at"],
        "lastBatchUpdate": row["batch_updated_at"],
        "conflictStatus": row["conflict_status"],
        "version": row["version"],
        "lastSequence": row["last_sequence"],
    }


def _ledger(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "sequence": row["sequence"],
        "storeId": row["location"],
        "bucket": row["bucket"],
        "kind": row["kind"],
        "time": row["event_time"],
        "recordedAt": row["recorded_at"],
        "quantity": row["quantity"],
        "effect": row["effect"],
        "balance": row["resulting_book"],
        "version": row["resulting_version"],
        "actor": row["actor"],
        "reason": row["reason"],
    }
