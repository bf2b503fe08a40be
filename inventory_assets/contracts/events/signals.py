"""Payloads of C5: prices, orders, and what sensors say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from inventory_assets.contracts.events.fields import (
    ITEM,
    LOCATION,
    OPTIONAL_LOCATION,
    Code,
    Currency,
    Instant,
    Measure,
    Money,
    Payload,
    Sku,
    Text,
    Units,
    Word,
)

MAX_TAGS = 10_000


class PriceChanged(Payload):
    """An item has another price from a time on."""

    product_sku: Sku = ITEM
    location_id: Code | None = OPTIONAL_LOCATION
    previous_price: Money | None = Field(default=None, description="Price before.")
    new_price: Money = Field(description="Price from then on.")
    currency: Currency = Field(description="ISO 4217 code.")
    valid_from: Instant | None = Field(default=None, description="From when; the event's time where not sent.")
    reason: Text | None = Field(default=None, description="Why.")


class OrderStatusChanged(Payload):
    """A customer's order went on."""

    order_id: Code = Field(description="Order.")
    previous_status: Word | None = Field(default=None, alias="previousStatus", description="Status before.")
    new_status: Word = Field(alias="newStatus", description="Status now.")
    changed_by: Word = Field(alias="changedBy", description="Who.")
    reason: Text | None = Field(default=None, description="Why.")
    payment_status: Word | None = Field(default=None, alias="paymentStatus", description="Status of the payment.")
    shipping_status: Word | None = Field(default=None, alias="shippingStatus", description="Status of the shipment.")


class RfidRead(Payload):
    """A reader saw all tags of an item at a location: a count."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    reader_id: Code = Field(description="Reader.")
    quantity: Units = Field(description="Different tags seen.")
    read_id: Code | None = Field(default=None, description="Sweep; readers of one sweep and instant are summed.")
    tags: Annotated[list[Code], Field(max_length=MAX_TAGS)] = Field(default_factory=list, description="Tags seen.")


class WeightMeasured(Payload):
    """A shelf weighed itself. News: units are not derived from it."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    sensor_id: Code = Field(description="Shelf.")
    weight_grams: Measure = Field(description="Weight in grams.")


class TemperatureBreached(Payload):
    """Goods were too warm or too cold: their units become unavailable, the book stays."""

    product_sku: Sku = ITEM
    location_id: Code = LOCATION
    sensor_id: Code = Field(description="Sensor.")
    quantity: Units = Field(description="Units concerned.")
    measured_celsius: Measure = Field(description="What was measured.")
    limit_celsius: Measure = Field(description="What is allowed.")


class MotionDetected(Payload):
    """Something moved where nothing should."""

    location_id: Code = LOCATION
    sensor_id: Code = Field(description="Sensor.")
    zone: Word | None = Field(default=None, description="Part of the location.")
