"""What others are told when stock of an item at a location changed: once per crossing, with a pack's hysteresis.

Pure: (what was, what is, thresholds, what was told before) → events. A threshold is told when it is crossed and again
only after the figure has gone back by more than a pack. Nothing is told of unknown stock. Sending is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id, subject_of
from inventory_assets.contracts.events.notices import (
    InventoryUpdated,
    LargeChange,
    ReorderTriggered,
    StockoutDetected,
    Threshold,
    TransactionCreated,
)
from inventory_assets.contracts.events.reading import Event
from inventory_assets.stock.books import Posting

if TYPE_CHECKING:
    from inventory_assets.contracts.events.fields import Payload

LARGE_SHARE, LARGE_UNITS = 0.2, 5
"""A change is large above this share of what was there, and from so many units on (L9)."""
DEFAULT_LOW = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds of an item at a location.

    Attributes:
        low: `stock.low` at or below so many available units; the reorder point where there is one. What is on order
            does not count here, so it is told whether or not somebody has ordered.
        maximum: `stock.overstock` above so many units on hand; None for none.
        reorder_point: `reorder.triggered` at or below this inventory position; None for none.
        pack: units of a pack: how far a figure goes back before it is told again.
    """

    low: int = DEFAULT_LOW
    maximum: int | None = None
    reorder_point: int | None = None
    pack: int = 1


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Told:
    """Which thresholds are crossed and told of; kept with the state.

    Attributes:
        low: available at or below the low threshold.
        out: nothing available.
        short: more left than was on record.
        over: on hand above the maximum.
        reorder: inventory position at or below the reorder point.
    """

    low: bool = False
    out: bool = False
    short: bool = False
    over: bool = False
    reorder: bool = False


NOTHING_TOLD = Told()


def changes(posting: Posting, cause: Event, at: datetime) -> tuple[Event, ...]:
    """`inventory.updated` where on hand changed, and `stock.large_change` where by much.

    Args:
        posting: what was applied.
        cause: the event it was applied for.
        at: when it was applied.
    """
    before, after = posting.before.on_hand, posting.after.on_hand
    if before == after:
        return ()
    effect = posting.effect
    updated = InventoryUpdated(
        product_sku=effect.item,
        location_id=effect.location,
        previous_stock=before,
        new_stock=after,
        change=None if before is None or after is None else after - before,
        change_reason=effect.kind,
        transaction_id=effect.document[:64] or None,
        version=posting.after.version,
    )
    told = [_notice("inventory.updated", updated, posting, cause, at)]
    if before is not None and after is not None:
        size = abs(after - before)
        if size >= LARGE_UNITS and size > LARGE_SHARE * max(before, 1):
            large = LargeChange(
                product_sku=effect.item, location_id=effect.location, previous_stock=before, new_stock=after
            )
            told.append(_notice("stock.large_change", large, posting, cause, at))
    return tuple(told)


def transaction(posting: Posting, cause: Event, at: datetime) -> tuple[Event, ...]:
    """`transaction.created` for what a transaction did at a pair, with the stock after it.

    Args:
        posting: what was applied.
        cause: the transaction, or the event of it.
        at: when it was applied.
    """
    effect = posting.effect
    name = _TRANSACTIONS.get(effect.kind)
    if name is None:
        return ()
    created = TransactionCreated(
        transaction_id=effect.document[:64],
        type=name,
        product_sku=effect.item,
        location_id=effect.location,
        quantity=effect.quantity,
        resulting_stock=posting.after.on_hand,
    )
    return (_notice("transaction.created", created, posting, cause, at),)


def crossings(
    posting: Posting,
    cause: Event,
    at: datetime,
    told: Told = NOTHING_TOLD,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    position: int | None = None,
) -> tuple[Told, tuple[Event, ...]]:
    """What is told of thresholds after a posting, and what was told by then.

    Args:
        posting: what was applied.
        cause: the event it was applied for.
        at: when it was applied.
        told: what was told before.
        thresholds: thresholds of the pair.
        position: inventory position after the posting, None where unknown.
    """
    account, effect, pack = posting.after, posting.effect, thresholds.pack
    available, on_hand, shortfall = account.available, account.on_hand, account.shortfall
    if available is None or on_hand is None or shortfall is None:
        return told, ()
    pair = {"product_sku": effect.item, "location_id": effect.location}
    maximum, point = thresholds.maximum, thresholds.reorder_point
    now = Told(
        low=_below(available, thresholds.low, pack, told=told.low),
        out=_below(available, 0, pack, told=told.out),
        short=shortfall > 0,
        over=maximum is not None and _below(-on_hand, -maximum - 1, pack, told=told.over),
        reorder=told.reorder
        if position is None
        else point is not None and _below(position, point, pack, told=told.reorder),
    )
    found: list[tuple[str, Payload]] = []
    if now.low and not told.low:
        found.append(("stock.low", Threshold(**pair, quantity=available, threshold=thresholds.low)))
    if (now.out and not told.out) or (now.short and not told.short):
        found.append(("stockout.detected", StockoutDetected(**pair, available=available, shortfall=shortfall)))
    if now.over and not told.over and maximum is not None:
        found.append(("stock.overstock", Threshold(**pair, quantity=on_hand, threshold=maximum)))
    if now.reorder and not told.reorder and position is not None and point is not None:
        reorder = ReorderTriggered(**pair, inventory_position=position, reorder_point=point)
        found.append(("reorder.triggered", reorder))
    return now, tuple(_notice(name, payload, posting, cause, at) for name, payload in found)


_TRANSACTIONS = {"receipt": "Receipt", "issue": "Issue", "transfer_out": "Transfer", "transfer_in": "Transfer"}
"""Word for a transaction by the kind of its effects."""


def _below(figure: int, threshold: int, pack: int, *, told: bool) -> bool:
    """Whether a figure counts as at or below a threshold: once told, until it is more than a pack above."""
    return figure <= (threshold + pack if told else threshold)


def _notice(name: str, payload: Payload, posting: Posting, cause: Event, at: datetime) -> Event:
    effect = posting.effect
    subject = subject_of(effect.item, effect.location)
    envelope = Envelope(
        id=derived_id((effect.source, effect.event_id), f"{name} {subject}"),
        type=name,
        source=SERVICE_SOURCE,
        time=at,
        received_at=at,
        data=payload.model_dump(mode="json", exclude_none=True, by_alias=True),
        subject=subject,
        trace_id=cause.envelope.trace_id,
        correlation_id=cause.envelope.correlation_id or cause.envelope.id,
        causation_id=effect.event_id,
        partition_key=cause.envelope.partition_key,
    )
    return Event(envelope, payload)
