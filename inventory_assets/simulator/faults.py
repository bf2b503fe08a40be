"""The kinds of fault that are injected, each with the one outcome it must have.

A row that ends in quarantine has one reason that decides by the precedence of `contracts.silver.REASONS`: it is a row
of its own, with a key of its own, so that the clean rows and their totals do not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ACCEPTED = "accepted"
EXACT_REPEAT = "exact_repeat"
QUARANTINE = "quarantine"
TEXT_SHAPES = ("csv", "csv-bare", "jsonl")
FREE_SHAPES = (*TEXT_SHAPES, "avro")
ALL_SHAPES = (*FREE_SHAPES, "parquet")
FAR_AHEAD = "2099-01-15"
BEFORE_START = "1999-12-31"
IMPOSSIBLE = "2026-02-31"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that must end in quarantine.

    Attributes:
        kind: name of the fault.
        feed: feed it is injected into.
        reason: the reason that must decide.
        changes: column → new text, None for an empty cell.
        moment: date written into the feed's time column instead of the row's own.
        record_type: warehouse only: records it is made from.
        shapes: file shapes that can carry it.
        share: share of the feed's injected faults.
    """

    kind: str
    feed: str
    reason: str
    changes: dict[str, str | None] = field(default_factory=dict)
    moment: str | None = None
    record_type: str | None = None
    shapes: tuple[str, ...] = ALL_SHAPES
    share: float = 0.03


POS_BAD = (
    BadRow("null_transaction", "pos", "key:null", {"transaction_id": None}),
    BadRow("null_store", "pos", "key:null", {"store_id": None}),
    BadRow(
        "half_filled",
        "pos",
        "key:null",
        {"transaction_id": None, "product_sku": None, "quantity_sold": None, "unit_price": None},
    ),
    BadRow("text_quantity", "pos", "type:quantity_sold", {"quantity_sold": "two"}, shapes=FREE_SHAPES),
    BadRow("text_price", "pos", "type:unit_price", {"unit_price": "12.99 each"}, shapes=FREE_SHAPES),
    BadRow("impossible_date", "pos", "type:timestamp", moment=IMPOSSIBLE, shapes=FREE_SHAPES),
    BadRow("missing_time", "pos", "time:missing", {"timestamp": None}),
    BadRow("far_ahead", "pos", "event_time_ahead", moment=FAR_AHEAD),
    BadRow("before_start", "pos", "date_out_of_range", moment=BEFORE_START),
    BadRow("zero_quantity", "pos", "quantity:zero", {"quantity_sold": "0"}),
    BadRow("null_quantity", "pos", "quantity:null", {"quantity_sold": None}),
    BadRow("null_price", "pos", "price:null", {"unit_price": None}),
    BadRow("negative_price", "pos", "price:negative", {"unit_price": "-5.00"}),
    BadRow("free_return", "pos", "unclassified", {"quantity_sold": "-1", "unit_price": "0.00", "customer_id": None}),
    BadRow("huge_quantity", "pos", "value:out_of_range", {"quantity_sold": "20000000"}),
    BadRow(
        "unknown_disposition",
        "pos",
        "value:not_allowed",
        {"quantity_sold": "-1", "disposition": "vanished", "customer_id": None},
    ),
)
WAREHOUSE_BAD = (
    BadRow("null_item", "warehouse", "key:null", {"product_sku": None}),
    BadRow("text_quantity", "warehouse", "type:quantity", {"quantity": "a dozen"}, record_type="transfer"),
    BadRow("impossible_date", "warehouse", "type:last_updated", moment=IMPOSSIBLE, record_type="transfer"),
    BadRow("far_ahead", "warehouse", "event_time_ahead", moment=FAR_AHEAD, record_type="count"),
    BadRow("before_start", "warehouse", "date_out_of_range", moment=BEFORE_START, record_type="count"),
    BadRow("zero_quantity", "warehouse", "quantity:zero", {"quantity": "0"}, record_type="receipt"),
    BadRow("null_quantity", "warehouse", "quantity:null", {"quantity": None}, record_type="count"),
    BadRow("negative_quantity", "warehouse", "quantity:negative", {"quantity": "-3"}, record_type="receipt"),
    BadRow("unknown_record", "warehouse", "value:not_allowed", {"record_type": "teleport"}, record_type="transfer"),
)
SUPPLIER_BAD = (
    BadRow("null_supplier", "supplier", "key:null", {"supplier_id": None}),
    BadRow("text_quantity", "supplier", "type:quantity_ordered", {"quantity_ordered": "many"}),
    BadRow("impossible_date", "supplier", "type:expected_delivery", {"expected_delivery": "2026-02-31T00:00:00Z"}),
    BadRow("far_ahead", "supplier", "event_time_ahead", moment=FAR_AHEAD),
    BadRow("null_quantity", "supplier", "quantity:null", {"quantity_ordered": None}),
)
OTHER_BAD = (
    BadRow("null_item", "products", "key:null", {"product_sku": None}),
    BadRow("text_price", "products", "type:unit_price", {"unit_price": "on request"}),
    BadRow("null_location", "stock", "key:null", {"location_id": None}),
    BadRow("text_quantity", "stock", "type:quantity", {"quantity": "plenty"}),
    BadRow("negative_quantity", "stock", "quantity:negative", {"quantity": "-4"}),
)
BAD_ROWS: tuple[BadRow, ...] = (*POS_BAD, *WAREHOUSE_BAD, *SUPPLIER_BAD, *OTHER_BAD)
"""Every kind of row that must end in quarantine, apart from broken lines, gaps in time, and contradictions."""

TIME_COLUMN = {
    "pos": "timestamp",
    "warehouse": "last_updated",
    "supplier": "updated_at",
    "products": "modified_at",
    "locations": "modified_at",
    "suppliers": "modified_at",
    "stock": "as_of",
}
FRESH = {
    "pos": ("transaction_id", "TXN-{year}-{number}"),
    "warehouse": ("document_id", "DN-{number}"),
    "supplier": ("order_id", "PO-{number}"),
    "products": ("product_sku", "PROD-{number}"),
    "stock": ("document_id", "INV-{number}"),
}
"""Column that gives an injected row a key of its own, and the form of its value."""

BROKEN_SHARE = 0.03
NONEXISTENT_SHARE = 0.02
CONFLICT_SHARE = 0.05
REPEAT_HERE_SHARE = 0.12
REPEAT_LATER_SHARE = 0.12
LATE_SHARE = 0.1
OUT_OF_ORDER_SHARE = 0.08
FILE_SHARE = 0.1
"""Share of the dirt rate that applies to files: resent, in a wrong encoding, without a column, unreadable values."""
