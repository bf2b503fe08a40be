"""Payloads of the 15 retail types of 004, with the field names its generator sends.

`receipt_line_added` is the sale and the only one that moves stock by itself; `truck_arrived` is a receipt where it
lists lines; `inventory_updated` asserts. The others move nothing: they are stored, forwarded, and read by analysts.
Receipt lines of the generator name no store: it is taken from the subject or the partition key (`payloads`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inventory_assets.contracts.events.fields import (
    ITEM,
    LOCATION,
    MAX_LINES,
    OPTIONAL_LOCATION,
    Code,
    Currency,
    Instant,
    Lines,
    Measure,
    Money,
    Number,
    Payload,
    SignedMoney,
    SignedUnits,
    Sku,
    Text,
    Units,
    Word,
)

Disposition = Literal["resalable", "inspect", "damaged", "refurbish", "scrap"]


class ReceiptCreated(Payload):
    """A till opened or closed a receipt. Its lines move the stock, this does not."""

    receipt_id: Code = Field(description="Receipt.")
    location_id: Code = LOCATION
    customer_id: Code | None = Field(default=None, description="Customer, where known.")
    subtotal: Money | None = Field(default=None, description="Sum of the lines.")
    tax: Money | None = Field(default=None, description="Tax.")
    total: Money | None = Field(default=None, description="What was to pay.")
    currency: Currency | None = Field(default=None, description="ISO 4217 code; the source's where not sent.")
    tender_type: Word | None = Field(default=None, description="How it is paid.")
    item_count: Number | None = Field(default=None, description="Lines.")
    campaign_id: Code | None = Field(default=None, description="Campaign it came from.")


class ReceiptLineAdded(Payload):
    """A line was rung up: the sale. Negative units came back."""

    receipt_id: Code = Field(description="Receipt.")
    line_number: Number = Field(description="Line of the receipt.")
    location_id: Code = LOCATION
    product_sku: Sku = ITEM
    quantity: SignedUnits = Field(description="Units sold; negative for goods that came back.")
    unit_price: Money = Field(description="Price of one unit; 0 for goods given away.")
    extended_price: SignedMoney | None = Field(default=None, description="Price of the line.")
    currency: Currency | None = Field(default=None, description="ISO 4217 code; the source's where not sent.")
    promo_code: Word | None = Field(default=None, description="Promotion.")
    customer_id: Code | None = Field(default=None, description="Customer, where known.")
    disposition: Disposition = Field(default="resalable", description="What happens to goods that came back.")

    @model_validator(mode="after")
    def _moves(self) -> ReceiptLineAdded:
        if self.quantity == 0:
            raise ValueError("a line has at least one unit, sold or returned")
        return self


class PaymentProcessed(Payload):
    """A payment was made."""

    receipt_id: Code = Field(description="Receipt.")
    payment_method: Word = Field(description="How it was paid.")
    amount: SignedMoney = Field(description="Amount; negative when paid back.")
    currency: Currency | None = Field(default=None, description="ISO 4217 code; the source's where not sent.")
    transaction_id: Code = Field(description="Number of the payment.")
    processing_time: Instant | None = Field(default=None, description="When.")
    status: Word = Field(default="APPROVED", description="APPROVED, DECLINED, PENDING in 004.")


class RetailInventoryUpdated(Payload):
    """Another system changed its stock: an assertion where it says how much there is, otherwise news."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    quantity: Units | None = Field(default=None, description="Units it believes are there now.")
    quantity_delta: SignedUnits | None = Field(default=None, description="By how much it changed; not applied.")
    reason: Text = Field(description="Why.")
    source: Word | None = Field(default=None, description="Part of that system.")


class RetailStockoutDetected(Payload):
    """Another system has none left. Stored and forwarded, never sent on as ours."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    last_known_quantity: Units = Field(description="Units it last knew of.")
    detection_time: Instant | None = Field(default=None, description="When.")


class RetailReorderTriggered(Payload):
    """Another system reorders. Stored and forwarded, never sent on as ours."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    current_quantity: Units = Field(description="Units it knows of.")
    reorder_quantity: Units = Field(description="Units it orders.")
    reorder_point: Units = Field(description="Its reorder point.")
    priority: Word = Field(default="NORMAL", description="NORMAL, HIGH, URGENT in 004.")


class CustomerEntered(Payload):
    """Somebody entered a store."""

    location_id: Code = LOCATION
    sensor_id: Code = Field(description="Sensor.")
    zone: Word = Field(description="Part of the store.")
    customer_count: Number = Field(description="People.")
    dwell_time: Number = Field(default=0, description="Seconds they stayed.")


class CustomerZoneChanged(Payload):
    """A customer walked from one part of a store to another."""

    location_id: Code = LOCATION
    customer_ble_id: Code = Field(description="Beacon the customer carries.")
    from_zone: Word = Field(description="From.")
    to_zone: Word = Field(description="To.")
    timestamp: Instant | None = Field(default=None, description="When.")


class BlePingDetected(Payload):
    """A beacon saw a customer's device."""

    location_id: Code = LOCATION
    beacon_id: Code = Field(description="Beacon.")
    customer_ble_id: Code = Field(description="Device.")
    rssi: Annotated[int, Field(ge=-120, le=0)] = Field(description="Signal strength in dBm.")
    zone: Word = Field(description="Part of the store.")


class TruckArrived(Payload):
    """A truck is at the dock. With lines it is a receipt of them; without, only news."""

    truck_id: Code = Field(description="Truck.")
    shipment_id: Code = Field(description="Shipment.")
    location_id: Code = LOCATION
    arrival_time: Instant | None = Field(default=None, description="When.")
    estimated_unload_duration: Number | None = Field(default=None, description="Minutes.")
    lines: Lines | None = Field(default=None, description="Goods received.")
    order_id: Code | None = Field(default=None, description="Supplier order.")


class TruckDeparted(Payload):
    """A truck left the dock."""

    truck_id: Code = Field(description="Truck.")
    shipment_id: Code = Field(description="Shipment.")
    location_id: Code = LOCATION
    departure_time: Instant | None = Field(default=None, description="When.")
    actual_unload_duration: Number | None = Field(default=None, description="Minutes.")


class StoreOperation(Payload):
    """A store opened or closed for the day."""

    location_id: Code = LOCATION
    operation_time: Instant | None = Field(default=None, description="When.")
    operation_type: Word | None = Field(default=None, description="opened or closed.")


class AdImpression(Payload):
    """An advertisement was shown."""

    channel: Word = Field(description="Channel.")
    campaign_id: Code = Field(description="Campaign.")
    creative_id: Code = Field(description="Picture or text.")
    customer_ad_id: Code = Field(description="Whom it was shown to.")
    impression_id: Code = Field(description="This showing.")
    cost: Money = Field(description="What it cost.")
    currency: Currency | None = Field(default=None, description="ISO 4217 code; the source's where not sent.")
    device_type: Word = Field(description="Device.")


class PromotionApplied(Payload):
    """A promotion lowered a receipt."""

    receipt_id: Code = Field(description="Receipt.")
    promo_code: Word = Field(description="Promotion.")
    discount_amount: Measure = Field(description="Amount, or per cent where the type says so.")
    discount_type: Word = Field(description="percentage or fixed.")
    location_id: Code | None = OPTIONAL_LOCATION
    product_ids: Annotated[list[Sku], Field(max_length=MAX_LINES)] = Field(
        default_factory=list, description="Items it was for."
    )
