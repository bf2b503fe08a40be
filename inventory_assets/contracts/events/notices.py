"""Payloads of what this service tells others (C4): once per crossing, never about what it only forwards."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from inventory_assets.contracts.events.fields import (
    ITEM,
    LOCATION,
    Code,
    Instant,
    Number,
    Payload,
    PositiveUnits,
    Sku,
    Text,
    Units,
    Word,
)

Pattern = Literal["SystemOverload", "DataQualityIssue", "RandomFailure"]
"""Patterns of dead letters (000, flow 5)."""


class _Camel(Payload):
    """Members in camel case, as 001 and 002 spell them."""

    model_config = ConfigDict(alias_generator=to_camel)


class InventoryUpdated(_Camel):
    """Stock of an item at a location changed; the shape of 001 III §14.2."""

    product_sku: Sku = Field(description="Item.")
    location_id: Code = Field(validation_alias="storeId", serialization_alias="storeId", description="Location.")
    previous_stock: int | None = Field(
        default=None,
        description="On hand before; null unknown.",
    )
    new_stock: int | None = Field(
        default=None,
        description="On hand now; null unknown.",
    )
    change: int | None = Field(default=None, description="Difference; null where either is unknown.")
    change_reason: Word = Field(description="Kind of movement or count.")
    transaction_id: Code | None = Field(
        default=None,
        description="Document behind it.",
    )
    version: Number | None = Field(default=None, description="Version of the state.")


class TransactionCreated(_Camel):
    """A transaction was applied; `resulting_stock` is on hand after it."""

    transaction_id: Code = Field(description="The sender's number.")
    type: Word = Field(description="Receipt, Issue or Transfer.")
    product_sku: Sku = Field(description="Item.")
    location_id: Code = Field(validation_alias="storeId", serialization_alias="storeId", description="Location.")
    quantity: int = Field(description="Change of the book.")
    resulting_stock: int | None = Field(
        default=None,
        description="On hand after it.",
    )


class Threshold(Payload):
    """A figure of an item at a location crossed a threshold (`stock.low`, `stock.overstock`)."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: int = Field(description="Available units for stock.low, on hand for stock.overstock.")
    threshold: Units = Field(description="The item's threshold.")


class StockoutDetected(Payload):
    """Nothing is available any more, or more left than was known of: a count is proposed."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    available: int = Field(description="Available units; negative when oversold.")
    shortfall: Number = Field(default=0, description="Units that left without having been on record.")


class ReorderTriggered(Payload):
    """The inventory position is at or below the reorder point."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    inventory_position: int = Field(description="Inventory position.")
    reorder_point: Units = Field(description="Reorder point.")


class PurchaseOrderApproved(Payload):
    """A proposed purchase was approved: told once, whoever takes the order and whenever it is sent."""

    proposal_id: Code = Field(description="The proposal; the same order whatever carries it.")
    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: PositiveUnits = Field(description="Approved units.")
    supplier_id: Code | None = Field(default=None, description="Supplier; null: the item master names none.")
    expected_on: date = Field(strict=False, description="Day it should arrive.")


class LargeChange(Payload):
    """Stock changed by more than a fifth and by five units or more."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    previous_stock: int = Field(description="On hand before.")
    new_stock: int = Field(description="On hand now.")


class InventoryReconciled(Payload):
    """A difference between live and batch was settled."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    live: int | None = Field(default=None, description="Live book.")
    batch: int | None = Field(default=None, description="Batch book.")
    resolution: Literal["RealTimeKept", "BatchKept", "Merged"] = Field(description="What was kept.")
    cause: Word = Field(description="Proven cause.")


class DeadLetterAlert(Payload):
    """Events failed for good; somebody has to look (000, flow 5)."""

    title: Text = Field(alias="Title", description="Headline.")
    severity: Word = Field(alias="Severity", description="Severity.")
    affected_events: Number = Field(alias="AffectedEvents", description="Number of events.")
    pattern: Pattern = Field(alias="Pattern", description="Pattern found.")
    required_action: Text = Field(alias="RequiredAction", description="What to do.")
    events: list[str] = Field(default_factory=list, alias="Events", description="Ids of the first ten.")
    since: Instant | None = Field(default=None, description="Start of the window.")
