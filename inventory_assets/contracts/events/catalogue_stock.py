"""Types of events about stock: what may be asked for, and what happened."""

from __future__ import annotations

from inventory_assets.contracts.events import commands, commands_v1, facts
from inventory_assets.contracts.events.kinds import EventType, fact, news, simple
from inventory_assets.contracts.log_tables import VOIDED

_LINE = {"product_sku": "PROD-ABC123", "quantity": 2}
_PLACE = {"location_id": "STORE-001"}
_HELD = {"reservation_id": "R-1001", **_PLACE, "lines": [_LINE]}

COMMANDS = (
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
    fact(
        "StockAdjustment",
        commands.StockAdjustment,
        "book + quantity (signed)",
        {"product_sku": "PROD-ABC123", **_PLACE, "quantity": -1, "reason_code": "breakage", "reference": "ADJ-17"},
    ),
    news(
        "EmergencyReplenishment",
        commands.EmergencyReplenishment,
        {**_PLACE, **_LINE, "needed_by": "2024-01-15T18:00:00Z", "reason": "shelf empty, advertised today"},
    ),
    simple(
        "stock.reserve",
        commands.StockReserve,
        "command",
        "refused unless available covers it, else becomes stock.reserved",
        {**_HELD, "expires_in_seconds": 1800},
    ),
    simple(
        "reservation.commit",
        commands.ReservationCommit,
        "command",
        "refused after the end, else becomes reservation.committed",
        {"reservation_id": "R-1001", "reference": "TXN-2024-001235"},
    ),
    simple(
        "reservation.release",
        commands.ReservationRelease,
        "command",
        "becomes reservation.released; nothing after the end",
        {"reservation_id": "R-1001"},
    ),
)

FACTS = (
    fact(
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
    fact(
        "stock.counted",
        facts.StockCounted,
        "sets the book at the event's time; unavailable and reserved stay",
        {**_PLACE, "document_id": "SHEET-7", "lines": [{"product_sku": "PROD-ABC123", "quantity": 118}]},
    ),
    fact(
        "stock.opened",
        facts.StockOpened,
        "sets the book at the event's time, basis opening",
        {**_PLACE, "lines": [{"product_sku": "PROD-ABC123", "quantity": 120}]},
    ),
    fact(
        "stock.asserted",
        facts.StockAsserted,
        "compared; sets the book only where the location's stock authority is wms",
        {"location_id": "WH-1", "lines": [{"product_sku": "PROD-ABC123", "quantity": 900}]},
        category="integration",
    ),
    fact(
        "stock.held",
        facts.StockHeld,
        "unavailable + quantity (signed); the book stays",
        {"product_sku": "PROD-ABC123", **_PLACE, "quantity": 3, "reason": "inspection"},
    ),
    fact(
        "transfer.shipped",
        facts.TransferShipped,
        "book − quantity at the sender, in transit + quantity at the receiver",
        {"transfer_id": "T-55", "from_location": "WH-1", "to_location": "STORE-001", "lines": [_LINE]},
    ),
    fact(
        "transfer.received",
        facts.TransferReceived,
        "book + quantity, unavailable + unavailable, in transit − closes",
        {
            "transfer_id": "T-55",
            "to_location": "STORE-001",
            "lines": [{"product_sku": "PROD-ABC123", "quantity": 1, "closes": 2}],
        },
    ),
    fact("stock.issued", facts.StockIssued, "book − quantity", {**_PLACE, "lines": [_LINE]}, sender="this service"),
    fact(
        "stock.transferred",
        facts.StockTransferred,
        "book − quantity at the sender, book + quantity at the receiver",
        {"from_location": "WH-1", "to_location": "STORE-001", "lines": [_LINE], "transaction_id": "TXN-1"},
        sender="this service",
    ),
    news(
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
    fact(
        "stock.reserved",
        facts.StockReserved,
        "reserved + quantity",
        {**_HELD, "expires_at": "2024-01-15T11:00:00Z"},
        sender="this service",
    ),
    fact(
        "reservation.committed",
        facts.ReservationEnded,
        "book − quantity, reserved − quantity",
        {**_HELD, "reference": "TXN-2024-001235"},
        sender="this service",
    ),
    fact("reservation.released", facts.ReservationEnded, "reserved − quantity", _HELD, sender="this service"),
    fact("reservation.expired", facts.ReservationEnded, "reserved − quantity", _HELD, sender="this service"),
    fact(
        VOIDED,
        facts.EventVoided,
        "the named part of the event never counts",
        {
            "event_source": "/tills/store-001",
            "event_id": "TXN-2024-001236-1",
            "product_sku": "PROD-ABC123",
            **_PLACE,
            "outcome": "discarded",
            "reason": "the till sent the receipt twice",
        },
        category="system",
        sender="this service",
    ),
)
