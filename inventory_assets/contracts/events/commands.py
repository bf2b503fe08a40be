"""Payloads of what is asked for: stock updates and transactions of 000, and reservations.

The current versions stand here; the shapes 000 published stand in `commands_v1`. Whether a command is carried out is
decided in `inventory_assets.stock.deciding`, and the answer is a fact in the log.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from inventory_assets.contracts.events.fields import (
    ITEM,
    LOCATION,
    Code,
    Instant,
    Lines,
    Payload,
    PositiveUnits,
    Seconds,
    SignedUnits,
    Sku,
    Text,
    Units,
    Word,
)

UpdateType = Literal["Absolute", "Increment", "Decrement"]
TransactionType = Literal["Receipt", "Issue", "Transfer"]
Urgency = Literal["High", "Normal", "Low"]

PRIORITIES: dict[Urgency, int] = {"High": 8, "Normal": 5, "Low": 3}
"""Priority of the envelope that a transaction's own word stands for."""

RESERVATION_SECONDS = 1800
"""How long a reservation holds where nothing is said."""


class InventoryUpdate(Payload):
    """A new level (Absolute, a count) or a change (Increment, a fact; Decrement, refused when not covered)."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: Units = Field(description="Units counted, added or asked for.")
    update_type: UpdateType = Field(description="Absolute counts, Increment adds, Decrement asks to take away.")
    happened_at: Instant | None = Field(
        default=None, description="When it was counted or happened; the event's time where not sent."
    )
    reference: Code | None = Field(default=None, description="Count sheet or document; rows of one sheet are summed.")


class Transaction(Payload):
    """Goods received (a fact), asked for (Issue) or moved between locations in one step (Transfer)."""

    transaction_id: Code = Field(description="The sender's number; taken once.")
    type: TransactionType = Field(description="Receipt is a fact, Issue and Transfer are refused when not covered.")
    lines: Lines = Field(description="Items; all or nothing.")
    from_location: Code | None = Field(default=None, description="Issue, Transfer: where the goods leave.")
    to_location: Code | None = Field(default=None, description="Receipt, Transfer: where they arrive.")
    priority: Urgency = Field(default="Normal", description="High, Normal, Low: priority 8, 5, 3.")
    order_id: Code | None = Field(default=None, description="Supplier order of a receipt.")
    reason: Text | None = Field(default=None, description="Why, for people.")

    @model_validator(mode="after")
    def _places(self) -> Transaction:
        needed = {
            "Receipt": ("to_location",),
            "Issue": ("from_location",),
            "Transfer": ("from_location", "to_location"),
        }
        missing = [name for name in needed[self.type] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.type} needs {' and '.join(missing)}")
        if self.type == "Transfer" and self.from_location == self.to_location:
            raise ValueError("a transfer needs two different locations")
        return self


class StockAdjustment(Payload):
    """A correction of the record, signed: breakage, theft, a booking error. A fact."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: SignedUnits = Field(description="Change of the book; negative takes away.")
    reason_code: Word = Field(validation_alias=AliasChoices("reason_code", "reason"), description="Why, in a word.")
    reference: Code | None = Field(default=None, description="Document behind it.")
    note: Text | None = Field(default=None, description="Why, for people.")


class EmergencyReplenishment(Payload):
    """Goods are needed now: goes before everything else and becomes an expedited proposal; moves no stock."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: PositiveUnits = Field(description="Units needed.")
    needed_by: Instant | None = Field(default=None, description="When at the latest.")
    reason: Text = Field(description="Why it cannot wait.")


class StockReserve(Payload):
    """Asks to hold units for somebody; all lines or none, unless `partial`."""

    reservation_id: Code = Field(description="The sender's number; taken once.")
    location_id: Code = LOCATION
    lines: Lines = Field(description="Items.")
    partial: bool = Field(default=False, description="Take what there is instead of nothing.")
    expires_in_seconds: Seconds = Field(
        default=RESERVATION_SECONDS, description="Seconds from the decision after which it ends by itself."
    )
    reference: Code | None = Field(default=None, description="Order or basket it belongs to.")


class ReservationCommit(Payload):
    """Asks to sell what is reserved: on hand and reserved fall together."""

    reservation_id: Code = Field(description="The reservation.")
    reference: Code | None = Field(default=None, description="Sale it became.")


class ReservationRelease(Payload):
    """Asks to give back what is reserved; after its end this has no effect."""

    reservation_id: Code = Field(description="The reservation.")
    reason: Text | None = Field(default=None, description="Why, for people.")
