"""Payloads of what happened to stock: facts of other systems, and the facts commands were decided into.

Facts are never refused. Every one says all its effect on stock by itself (`inventory_assets.stock.effects`), so that
folding needs no other event and no order: a commit carries its lines, a receipt how much of the shipment it closes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from inventory_assets.contracts.events.fields import (
    ITEM,
    LOCATION,
    MAX_LINES,
    Code,
    Instant,
    Lines,
    Number,
    Payload,
    SignedUnits,
    Sku,
    Text,
    Units,
    Word,
)

MovementKind = Literal[
    "sale",
    "return",
    "cancellation",
    "given_away",
    "adjustment",
    "receipt",
    "issue",
    "transfer_out",
    "transfer_in",
]
"""Kinds of movements of `silver/stock_movements`."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=512)]
"""Source or id of an event, as the log keeps it."""
Refusal = Literal[
    "stock_unknown",
    "insufficient",
    "item_unknown",
    "location_unknown",
    "not_permitted",
    "duplicate_transaction",
    "reservation_exists",
    "reservation_unknown",
    "reservation_expired",
    "reservation_committed",
    "reservation_released",
]
"""Why a command was refused."""


class StockMoved(Payload):
    """A movement another system recorded, as silver keeps it: a till line, a warehouse record."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    kind: MovementKind = Field(description="What moved the stock.")
    quantity: SignedUnits = Field(description="Change of the book; goods that leave are negative.")
    unavailable: SignedUnits = Field(default=0, description="Change of the unavailable part, which the book contains.")
    document_id: Code = Field(description="Receipt, delivery note, transfer.")
    line_number: Units = Field(default=0, description="Line of the document.")


class CountedLine(Payload):
    """Units of one item as counted."""

    product_sku: Sku = ITEM
    quantity: Units = Field(description="Units counted, unavailable ones included.")


CountedLines = Annotated[list[CountedLine], Field(min_length=1, max_length=MAX_LINES)]


class StockCounted(Payload):
    """A person counted. Sets the book at the event's time, however late it arrives."""

    location_id: Code = LOCATION
    lines: CountedLines = Field(description="Items; lines of one item are parts of its count.")
    document_id: Code | None = Field(
        default=None, description="Count sheet; events of one sheet, source and instant are parts of one count."
    )
    counted_by: Text | None = Field(default=None, description="Who counted.")


class StockOpened(Payload):
    """What is there when the records begin: a count of basis opening."""

    location_id: Code = LOCATION
    lines: CountedLines = Field(description="Items.")
    document_id: Code | None = Field(default=None, description="Inventory list.")


class StockAsserted(Payload):
    """What another system believes is there. Compared; applied only where the location's stock authority is wms."""

    location_id: Code = LOCATION
    lines: CountedLines = Field(description="Items.")
    document_id: Code | None = Field(default=None, description="List behind it.")


class StockHeld(Payload):
    """Units became unavailable (damage, inspection), or available again where negative; the book stays."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: SignedUnits = Field(description="Change of the unavailable part.")
    reason: Text | None = Field(default=None, description="Why.")


class TransferShipped(Payload):
    """Goods left one location for another: out of its book, in transit to the other."""

    transfer_id: Code = Field(description="Number of the transfer.")
    from_location: Code = Field(description="Where they left.")
    to_location: Code = Field(description="Where they go.")
    lines: Lines = Field(description="Items.")

    @model_validator(mode="after")
    def _places(self) -> TransferShipped:
        if self.from_location == self.to_location:
            raise ValueError("a transfer needs two different locations")
        return self


class ReceivedLine(Payload):
    """Units of one item that arrived."""

    product_sku: Sku = ITEM
    quantity: Units = Field(description="Units that arrived; 0 when nothing of the shipment came.")
    closes: Units | None = Field(
        default=None,
        description="Units of the shipment this settles, the arrived number where not sent: more when short, fewer "
        "when over.",
    )
    unavailable: Units = Field(default=0, description="Arrived units that are damaged or in inspection.")

    @model_validator(mode="after")
    def _part(self) -> ReceivedLine:
        if self.unavailable > self.quantity:
            raise ValueError("more units unavailable than arrived")
        return self


class TransferReceived(Payload):
    """Goods of a transfer arrived: into the book, no longer in transit; short and over are told by `closes`."""

    transfer_id: Code = Field(description="Number of the transfer.")
    to_location: Code = Field(description="Where they arrived.")
    from_location: Code | None = Field(default=None, description="Where they came from.")
    lines: Annotated[list[ReceivedLine], Field(min_length=1, max_length=MAX_LINES)] = Field(description="Items.")


class StockIssued(Payload):
    """An issue or a decrement was covered: the units left."""

    location_id: Code = LOCATION
    lines: Lines = Field(description="Items.")
    transaction_id: Code | None = Field(default=None, description="The sender's number of the command.")
    reason: Text | None = Field(default=None, description="Why.")


class StockTransferred(Payload):
    """A transfer in one step was covered: both sides moved."""

    from_location: Code = Field(description="Where they left.")
    to_location: Code = Field(description="Where they arrived.")
    lines: Lines = Field(description="Items.")
    transaction_id: Code | None = Field(default=None, description="The sender's number of the command.")


class RefusedLine(Payload):
    """What stood in the way at one item and location."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    wanted: Number = Field(description="Units asked for, all lines of the item together.")
    available: int | None = Field(
        default=None, description="Units available when it was decided; null while the stock is unknown."
    )
    reason: Refusal = Field(description="Why.")


class CommandRefused(Payload):
    """A command was not carried out. Nothing moved."""

    command_type: Word = Field(description="Type of the command.")
    reason: Refusal = Field(description="The first reason.")
    detail: Text = Field(description="The reason in a sentence.")
    lines: list[RefusedLine] = Field(default_factory=list, description="The lines that stood in the way.")
    transaction_id: Code | None = Field(default=None, description="The sender's number of the command.")
    reservation_id: Code | None = Field(default=None, description="The reservation it is about.")


class StockReserved(Payload):
    """Units are held for somebody."""

    reservation_id: Code = Field(description="The reservation.")
    location_id: Code = LOCATION
    lines: Lines = Field(description="Items and units that are held.")
    expires_at: Instant = Field(description="When it ends by itself.")
    reference: Code | None = Field(default=None, description="Order or basket it belongs to.")


class ReservationEnded(Payload):
    """Units are held no longer: sold (`reservation.committed`), given back, or the time is over."""

    reservation_id: Code = Field(description="The reservation.")
    location_id: Code = LOCATION
    lines: Lines = Field(description="Items and units that were held.")
    reference: Code | None = Field(default=None, description="Sale it became.")
    reason: Text | None = Field(default=None, description="Why, for people.")


class EventVoided(Payload):
    """A dead letter was given up or replaced by a corrected event: what it would have done to stock never counts.

    Its time is that of the event, so that both stand on one business day.
    """

    event_source: Key = Field(description="Source of the event.")
    event_id: Key = Field(description="Its id there.")
    product_sku: Sku | None = Field(default=None, description="The part of the event: an item; the whole if absent.")
    location_id: Code = Field(description="Where the event's first effect is.")
    outcome: Literal["discarded", "edited"] = Field(description="Given up, or replaced by a corrected event.")
    reason: Text | None = Field(default=None, description="Why, for people.")
