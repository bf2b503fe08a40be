"""Every type of event, once: what it means, who sends it, what it does to stock, its versions and an example each.

Not here: reading a payload (`payloads`), its effect (`inventory_assets.stock.effects`). Types nobody declared are
welcome: they go to the generic handler, stored and never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inventory_assets.contracts.events import commands, commands_v1, facts, notices, retail, signals
from inventory_assets.contracts.events.fields import Payload

Nature = Literal["fact", "command", "fact or command", "news"]
"""A fact moves stock and is never refused, a command may be; news is stored and forwarded."""
Category = Literal["domain", "integration", "system", "notification"]
Sender = Literal["anyone", "this service"]
Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event.

    Attributes:
        name: value of the envelope's `type`.
        nature: see `Nature`.
        category: kind of event in the sense of C2.
        sender: who may send it; types of this service are refused from outside.
        meaning: what happened or is asked for, in a sentence.
        effect: what it does to stock, in a sentence.
        versions: model of each version's data; the highest one is current.
        examples: data of each version, as it goes over the wire.
        upcasters: function from a version's data to the next version's.
        aliases: other names senders use.
    """

    name: str
    nature: Nature
    category: Category
    sender: Sender
    meaning: str
    effect: str
    versions: Mapping[int, type[Payload]]
    examples: Mapping[int, Mapping[str, Any]]
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def current(self) -> int:
        """Newest version."""
        return max(self.versions)

    @property
    def moves_stock(self) -> bool:
        """Whether it may change or state stock: such an event is never filtered."""
        return self.nature != "news"


NOTHING = "none"


def _fact(name: str, model: type[Payload], effect: str, example: Mapping[str, Any], **more: Any) -> EventType:  # noqa: ANN401 - passed on
    return _type(name, model, "fact", effect, example, **more)


def _news(name: str, model: type[Payload], example: Mapping[str, Any], **more: Any) -> EventType:  # noqa: ANN401
    return _type(name, model, "news", NOTHING, example, **more)


def _type(
    name: str,
    model: type[Payload],
    nature: Nature,
    effect: str,
    example: Mapping[str, Any],
    *,
    category: Category = "domain",
    sender: Sender = "anyone",
    aliases: tuple[str, ...] = (),
) -> EventType:
    meaning = " ".join((model.__doc__ or "").split())
    return EventType(name, nature, category, sender, meaning, effect, {1: model}, {1: example}, aliases=aliases)


_LINE = {"product_sku": "PROD-ABC123", "quantity": 2}
_PLACE = {"location_id": "STORE-001"}
_HELD = {"reservation_id": "R-1001", **_PLACE, "lines": [_LINE]}

_COMMANDS = (
    EventType(
        "InventoryUpdate",
        "fact or command",
        "domain",
        "anyone",
        "A new level (Absolute), more units (Increment), or fewer (Decrement).",
        "Absolute: a count at its time. Increment: book + quantity. Decrement: refused unless available covers it, "
        "else becomes stock.issued",
        {1: commands_v1.InventoryUpdateV1, 2: commands.InventoryUpdate},
        {
            1: {
                "ItemNumber": "A001",
                "Quantity": 150,
                "UpdateType": "Absolute",
                "Timestamp": "2024-01-15T10:30:00Z",
                "location_id": "STORE-001",
            },
            2: {"product_sku": "A001", **_PLACE, "quantity": 5, "update_type": "Increment"},
        },
        {1: commands_v1.lift_inventory_update},
    ),
    EventType(
        "Transaction",
        "fact or command",
        "domain",
        "anyone",
        "Goods received, issued, or moved between two locations in one step.",
        "Receipt: book + quantity. Issue, Transfer: refused unless available covers all lines, else becomes "
        "stock.issued or stock.transferred",
        {1: commands_v1.TransactionV1, 2: commands.Transaction},
        {
            1: {
                "TransactionID": "5f2b8a90-3c1e-4b4e-9a52-6f1f0b6f6f11",
                "Type": "Transfer",
                "ItemNumber": "A001",
                "Quantity": 3,
                "FromLocation": "WH-1",
                "ToLocation": "STORE-001",
                "Priority": "High",
            },
            2: {"transaction_id": "TXN-2024-001234", "type": "Issue", "from_location": "STORE-001", "lines": [_LINE]},
        },
        {1: commands_v1.lift_transaction},
        ("TransactionCreate",),
    ),
    _fact(
        "StockAdjustment",
        commands.StockAdjustment,
        "book + quantity (signed)",
        {"product_sku": "PROD-ABC123", **_PLACE, "quantity": -1, "reason_code": "breakage", "reference": "ADJ-17"},
    ),
    _news(
        "EmergencyReplenishment",
        commands.EmergencyReplenishment,
        {**_PLACE, **_LINE, "needed_by": "2024-01-15T18:00:00Z", "reason": "shelf empty, advertised today"},
    ),
    _type(
        "stock.reserve",
        commands.StockReserve,
        "command",
        "refused unless available covers it, else becomes stock.reserved",
        {**_HELD, "expires_in_seconds": 1800},
    ),
    _type(
        "reservation.commit",
        commands.ReservationCommit,
        "command",
        "refused after the end, else becomes reservation.committed",
        {"reservation_id": "R-1001", "reference": "TXN-2024-001235"},
    ),
    _type(
        "reservation.release",
        commands.ReservationRelease,
        "command",
        "becomes reservation.released; nothing after the end",
        {"reservation_id": "R-1001"},
    ),
)

_FACTS = (
    _fact(
        "stock.moved",
        facts.StockMoved,
        "book + quantity, unavailable + unavailable",
        {
            "product_sku": "PROD-ABC123",
            **_PLACE,
            "kind": "sale",
            "quantity": -2,
            "document_id": "TXN-2024-001234",
            "line_number": 1,
        },
    ),
    _fact(
        "stock.counted",
        facts.StockCounted,
        "sets the book at the event's time; unavailable and reserved stay",
        {**_PLACE, "document_id": "SHEET-7", "lines": [{"product_sku": "PROD-ABC123", "quantity": 118}]},
    ),
    _fact(
        "stock.opened",
        facts.StockOpened,
        "sets the book at the event's time, basis opening",
        {**_PLACE, "lines": [{"product_sku": "PROD-ABC123", "quantity": 120}]},
    ),
    _fact(
        "stock.asserted",
        facts.StockAsserted,
        "compared; sets the book only where the location's stock authority is wms",
        {"location_id": "WH-1", "lines": [{"product_sku": "PROD-ABC123", "quantity": 900}]},
        category="integration",
    ),
    _fact(
        "stock.held",
        facts.StockHeld,
        "unavailable + quantity (signed); the book stays",
        {"product_sku": "PROD-ABC123", **_PLACE, "quantity": 3, "reason": "inspection"},
    ),
    _fact(
        "transfer.shipped",
        facts.TransferShipped,
        "book − quantity at the sender, in transit + quantity at the receiver",
        {"transfer_id": "T-55", "from_location": "WH-1", "to_location": "STORE-001", "lines": [_LINE]},
    ),
    _fact(
        "transfer.received",
        facts.TransferReceived,
        "book + quantity, unavailable + unavailable, in transit − closes",
        {
            "transfer_id": "T-55",
            "to_location": "STORE-001",
            "lines": [{"product_sku": "PROD-ABC123", "quantity": 1, "closes": 2}],
        },
    ),
    _fact("stock.issued", facts.StockIssued, "book − quantity", {**_PLACE, "lines": [_LINE]}, sender="this service"),
    _fact(
        "stock.transferred",
        facts.StockTransferred,
        "book − quantity at the sender, book + quantity at the receiver",
        {"from_location": "WH-1", "to_location": "STORE-001", "lines": [_LINE], "transaction_id": "TXN-1"},
        sender="this service",
    ),
    _news(
        "command.refused",
        facts.CommandRefused,
        {
            "command_type": "Transaction",
            "reason": "insufficient",
            "detail": "PROD-ABC123 at STORE-001: 2 wanted, 1 available",
            "lines": [
                {
                    "product_sku": "PROD-ABC123",
                    **_PLACE,
                    "wanted": 2,
                    "available": 1,
                    "reason": "insufficient",
                }
            ],
            "transaction_id": "TXN-2024-001234",
        },
        sender="this service",
    ),
    _fact(
        "stock.reserved",
        facts.StockReserved,
        "reserved + quantity",
        {**_HELD, "expires_at": "2024-01-15T11:00:00Z"},
        sender="this service",
    ),
    _fact(
        "reservation.committed",
        facts.ReservationEnded,
        "book − quantity, reserved − quantity",
        {**_HELD, "reference": "TXN-2024-001235"},
        sender="this service",
    ),
    _fact("reservation.released", facts.ReservationEnded, "reserved − quantity", _HELD, sender="this service"),
    _fact("reservation.expired", facts.ReservationEnded, "reserved − quantity", _HELD, sender="this service"),
)

_RETAIL = (
    _news(
        "receipt_created",
        retail.ReceiptCreated,
        {
            "receipt_id": "RCP-1",
            "location_id": "STORE-001",
            "total": "25.98",
            "currency": "USD",
            "tender_type": "CARD",
            "item_count": 1,
        },
    ),
    _fact(
        "receipt_line_added",
        retail.ReceiptLineAdded,
        "book − quantity; goods that came back: book + units, unavailable + units unless resalable, nothing when "
        "scrapped",
        {
            "receipt_id": "RCP-1",
            "line_number": 1,
            "location_id": "STORE-001",
            "product_sku": "PROD-ABC123",
            "quantity": 2,
            "unit_price": "12.99",
            "currency": "USD",
        },
    ),
    _news(
        "payment_processed",
        retail.PaymentProcessed,
        {"receipt_id": "RCP-1", "payment_method": "CARD", "amount": "25.98", "transaction_id": "PAY-1"},
    ),
    _fact(
        "inventory_updated",
        retail.RetailInventoryUpdated,
        "compared where it names a quantity; sets the book only where the location's stock authority is wms",
        {
            "product_sku": "PROD-ABC123",
            "location_id": "STORE-001",
            "quantity": 118,
            "quantity_delta": -2,
            "reason": "SALE",
        },
        category="integration",
    ),
    _news(
        "stockout_detected",
        retail.RetailStockoutDetected,
        {"product_sku": "PROD-ABC123", "location_id": "STORE-001", "last_known_quantity": 0},
        category="integration",
    ),
    _news(
        "reorder_triggered",
        retail.RetailReorderTriggered,
        {
            "product_sku": "PROD-ABC123",
            "location_id": "STORE-001",
            "current_quantity": 4,
            "reorder_quantity": 48,
            "reorder_point": 10,
        },
        category="integration",
    ),
    _news(
        "customer_entered",
        retail.CustomerEntered,
        {"location_id": "STORE-001", "sensor_id": "DOOR-1", "zone": "ENTRANCE", "customer_count": 2},
    ),
    _news(
        "customer_zone_changed",
        retail.CustomerZoneChanged,
        {"location_id": "STORE-001", "customer_ble_id": "BLE-9", "from_zone": "ENTRANCE", "to_zone": "TOYS"},
    ),
    _news(
        "ble_ping_detected",
        retail.BlePingDetected,
        {"location_id": "STORE-001", "beacon_id": "B-3", "customer_ble_id": "BLE-9", "rssi": -61, "zone": "TOYS"},
    ),
    _fact(
        "truck_arrived",
        retail.TruckArrived,
        "book + quantity of its lines; none without lines",
        {"truck_id": "TRK-1", "shipment_id": "SHP-9", "location_id": "STORE-001", "lines": [_LINE]},
    ),
    _news(
        "truck_departed",
        retail.TruckDeparted,
        {"truck_id": "TRK-1", "shipment_id": "SHP-9", "location_id": "STORE-001"},
    ),
    _news("store_opened", retail.StoreOperation, {"location_id": "STORE-001", "operation_type": "opened"}),
    _news("store_closed", retail.StoreOperation, {"location_id": "STORE-001", "operation_type": "closed"}),
    _news(
        "ad_impression",
        retail.AdImpression,
        {
            "channel": "SOCIAL",
            "campaign_id": "C-1",
            "creative_id": "CR-1",
            "customer_ad_id": "AD-1",
            "impression_id": "I-1",
            "cost": "0.0125",
            "device_type": "MOBILE",
        },
    ),
    _news(
        "promotion_applied",
        retail.PromotionApplied,
        {
            "receipt_id": "RCP-1",
            "promo_code": "SAVE10",
            "discount_amount": 2.6,
            "discount_type": "fixed",
            "product_ids": ["PROD-ABC123"],
        },
    ),
)

_SIGNALS = (
    _news(
        "price.changed",
        signals.PriceChanged,
        {"product_sku": "PROD-ABC123", "previous_price": "12.99", "new_price": "11.49", "currency": "USD"},
    ),
    _news(
        "order.status_changed",
        signals.OrderStatusChanged,
        {
            "order_id": "O-1",
            "previousStatus": "paid",
            "newStatus": "shipped",
            "changedBy": "user-456",
            "shippingStatus": "handed over",
        },
        aliases=("ORDER_STATUS_CHANGED",),
    ),
    _fact(
        "rfid.read",
        signals.RfidRead,
        "a count: sets the book at the event's time",
        {"product_sku": "PROD-ABC123", **_PLACE, "reader_id": "RF-2", "quantity": 117, "read_id": "SWEEP-3"},
    ),
    _news(
        "weight.measured",
        signals.WeightMeasured,
        {"product_sku": "PROD-ABC123", **_PLACE, "sensor_id": "W-1", "weight_grams": 5120.5},
    ),
    _fact(
        "temperature.breached",
        signals.TemperatureBreached,
        "unavailable + quantity; the book stays",
        {
            "product_sku": "PROD-ABC123",
            **_PLACE,
            "sensor_id": "TH-1",
            "quantity": 6,
            "measured_celsius": 9.5,
            "limit_celsius": 7,
        },
    ),
    _news("motion.detected", signals.MotionDetected, {**_PLACE, "sensor_id": "M-1", "zone": "STOCKROOM"}),
)

_KEY = {"product_sku": "PROD-ABC123", **_PLACE}
_NOTICES = (
    _fact(
        "inventory.updated",
        notices.InventoryUpdated,
        "of this service: none. From others: compared; sets the book only where the location's stock authority is wms",
        {
            "productSku": "PROD-ABC123",
            "storeId": "STORE-001",
            "previousStock": 125,
            "newStock": 123,
            "change": -2,
            "changeReason": "sale",
            "transactionId": "TXN-2024-001234",
        },
        category="integration",
    ),
    _news(
        "transaction.created",
        notices.TransactionCreated,
        {
            "transactionId": "TXN-2024-001234",
            "type": "Issue",
            "productSku": "PROD-ABC123",
            "storeId": "STORE-001",
            "quantity": -2,
            "resultingStock": 123,
        },
        category="integration",
        sender="this service",
    ),
    _news(
        "stock.low",
        notices.Threshold,
        {**_KEY, "quantity": 4, "threshold": 5},
        category="notification",
        sender="this service",
    ),
    _news(
        "stockout.detected",
        notices.StockoutDetected,
        {**_KEY, "available": 0, "shortfall": 0},
        category="notification",
        sender="this service",
    ),
    _news(
        "stock.overstock",
        notices.Threshold,
        {**_KEY, "quantity": 1200, "threshold": 1000},
        category="notification",
        sender="this service",
    ),
    _news(
        "stock.large_change",
        notices.LargeChange,
        {**_KEY, "previous_stock": 40, "new_stock": 12},
        category="notification",
        sender="this service",
    ),
    _news(
        "reorder.triggered",
        notices.ReorderTriggered,
        {**_KEY, "inventory_position": 9, "reorder_point": 10},
        category="notification",
        sender="this service",
        aliases=("REORDER_ALERT",),
    ),
    _news(
        "inventory.reconciled",
        notices.InventoryReconciled,
        {**_KEY, "live": 120, "batch": 118, "resolution": "Merged", "cause": "late arrival"},
        category="system",
        sender="this service",
    ),
    _news(
        "deadletter.alert",
        notices.DeadLetterAlert,
        {
            "Title": "Dead Letter Queue Alert",
            "Severity": "High",
            "AffectedEvents": 7,
            "Pattern": "SystemOverload",
            "RequiredAction": "Manual review required",
            "Events": ["e-1", "e-2"],
        },
        category="system",
        sender="this service",
    ),
)

GROUPS: Mapping[str, tuple[EventType, ...]] = {
    "Asking for something": _COMMANDS,
    "What happened to stock": _FACTS,
    "Retail life (004)": _RETAIL,
    "Prices, orders, sensors": _SIGNALS,
    "What this service tells others": _NOTICES,
}
"""Every declared type, for people."""

TYPES: Mapping[str, EventType] = {each.name: each for group in GROUPS.values() for each in group}
"""Every declared type by its name."""

RETAIL_TYPES = tuple(each.name for each in _RETAIL)
"""The 15 types of 004."""

ALIASES: Mapping[str, str] = {alias: each.name for each in TYPES.values() for alias in each.aliases}
"""Declared name of each other name."""


def canonical(name: str) -> str:
    """Declared name of a type, the name itself where nobody declared it."""
    return ALIASES.get(name, name)
