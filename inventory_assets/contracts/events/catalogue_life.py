"""Types of events around stock: retail life (004), prices, orders, sensors (C5), what this service tells (C4)."""

from __future__ import annotations

from inventory_assets.contracts.events import notices, retail, signals
from inventory_assets.contracts.events.kinds import fact, news

_LINE = {"product_sku": "PROD-ABC123", "quantity": 2}
_PLACE = {"location_id": "STORE-001"}
RETAIL = (
    news(
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
    fact(
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
    news(
        "payment_processed",
        retail.PaymentProcessed,
        {"receipt_id": "RCP-1", "payment_method": "CARD", "amount": "25.98", "transaction_id": "PAY-1"},
    ),
    fact(
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
    news(
        "stockout_detected",
        retail.RetailStockoutDetected,
        {"product_sku": "PROD-ABC123", "location_id": "STORE-001", "last_known_quantity": 0},
        category="integration",
    ),
    news(
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
    news(
        "customer_entered",
        retail.CustomerEntered,
        {"location_id": "STORE-001", "sensor_id": "DOOR-1", "zone": "ENTRANCE", "customer_count": 2},
    ),
    news(
        "customer_zone_changed",
        retail.CustomerZoneChanged,
        {"location_id": "STORE-001", "customer_ble_id": "BLE-9", "from_zone": "ENTRANCE", "to_zone": "TOYS"},
    ),
    news(
        "ble_ping_detected",
        retail.BlePingDetected,
        {"location_id": "STORE-001", "beacon_id": "B-3", "customer_ble_id": "BLE-9", "rssi": -61, "zone": "TOYS"},
    ),
    fact(
        "truck_arrived",
        retail.TruckArrived,
        "book + quantity of its lines; none without lines",
        {"truck_id": "TRK-1", "shipment_id": "SHP-9", "location_id": "STORE-001", "lines": [_LINE]},
    ),
    news(
        "truck_departed",
        retail.TruckDeparted,
        {"truck_id": "TRK-1", "shipment_id": "SHP-9", "location_id": "STORE-001"},
    ),
    news("store_opened", retail.StoreOperation, {"location_id": "STORE-001", "operation_type": "opened"}),
    news("store_closed", retail.StoreOperation, {"location_id": "STORE-001", "operation_type": "closed"}),
    news(
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
    news(
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

SIGNALS = (
    news(
        "price.changed",
        signals.PriceChanged,
        {"product_sku": "PROD-ABC123", "previous_price": "12.99", "new_price": "11.49", "currency": "USD"},
    ),
    news(
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
    fact(
        "rfid.read",
        signals.RfidRead,
        "a count: sets the book at the event's time",
        {"product_sku": "PROD-ABC123", **_PLACE, "reader_id": "RF-2", "quantity": 117, "read_id": "SWEEP-3"},
    ),
    news(
        "weight.measured",
        signals.WeightMeasured,
        {"product_sku": "PROD-ABC123", **_PLACE, "sensor_id": "W-1", "weight_grams": 5120.5},
    ),
    fact(
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
    news("motion.detected", signals.MotionDetected, {**_PLACE, "sensor_id": "M-1", "zone": "STOCKROOM"}),
)

_KEY = {"product_sku": "PROD-ABC123", **_PLACE}
NOTICES = (
    fact(
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
    news(
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
    news(
        "stock.low",
        notices.Threshold,
        {**_KEY, "quantity": 4, "threshold": 5},
        category="notification",
        sender="this service",
    ),
    news(
        "stockout.detected",
        notices.StockoutDetected,
        {**_KEY, "available": 0, "shortfall": 0},
        category="notification",
        sender="this service",
    ),
    news(
        "stock.overstock",
        notices.Threshold,
        {**_KEY, "quantity": 1200, "threshold": 1000},
        category="notification",
        sender="this service",
    ),
    news(
        "stock.large_change",
        notices.LargeChange,
        {**_KEY, "previous_stock": 40, "new_stock": 12},
        category="notification",
        sender="this service",
    ),
    news(
        "reorder.triggered",
        notices.ReorderTriggered,
        {**_KEY, "inventory_position": 9, "reorder_point": 10},
        category="notification",
        sender="this service",
        aliases=("REORDER_ALERT",),
    ),
    news(
        "purchase_order.approved",
        notices.PurchaseOrderApproved,
        {
            **_KEY,
            "proposal_id": "6f1f0d1d2c0b4f6f8a11",
            "quantity": 48,
            "supplier_id": "SUP-7",
            "expected_on": "2024-02-01",
        },
        category="integration",
        sender="this service",
    ),
    news(
        "inventory.reconciled",
        notices.InventoryReconciled,
        {**_KEY, "live": 120, "batch": 118, "resolution": "Merged", "cause": "late arrival"},
        category="system",
        sender="this service",
    ),
    news(
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
