"""What arrives: the seven feeds, with the columns a producer may send. Bronze tables derive from them."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_assets.contracts.model import Column, count, flag, instant, money, text, units

RECORD_TYPES = ("level", "receipt", "issue", "transfer", "count", "adjustment")
DISPOSITIONS = ("resalable", "inspect", "damaged", "refurbish", "scrap")
LOCATION_TYPES = ("store", "warehouse", "online")
STOCK_AUTHORITIES = ("ledger", "wms")


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of input.

    Attributes:
        name: folder below `landing/` and name on the command line.
        bronze: name of its bronze table.
        description: what a row is.
        columns: columns a producer may send, all nullable on arrival.
        required: columns a file must have; a file without one is refused.
        time: columns that give a row its business day, the first that is not null counts.
        location: column that decides the time zone, None where rows belong to no location.
    """

    name: str
    bronze: str
    description: str
    columns: tuple[Column, ...]
    required: tuple[str, ...]
    time: tuple[str, ...]
    location: str | None

    @property
    def column_names(self) -> list[str]:
        """Names of the producer's columns, in order."""
        return [column.name for column in self.columns]


POS = Feed(
    "pos",
    "inventory_transactions",
    "One line of a till receipt: a sale, a return, a gift or a correction.",
    (
        text("transaction_id", "Receipt number of the till.", nullable=True),
        count(
            "line_number",
            "Line within the receipt, from 1; derived from the line's content where not sent.",
            nullable=True,
        ),
        text("store_id", "Store or sales channel.", nullable=True),
        text("product_sku", "Item code.", nullable=True),
        units("quantity_sold", "Units sold; negative for goods that came back.", nullable=True),
        money("unit_price", "Price of one unit.", nullable=True),
        instant("timestamp", "When the line was rung up.", nullable=True),
        text("cashier_id", "Who rang it up.", nullable=True, data_class="personal"),
        text("payment_method", "How it was paid.", nullable=True),
        text("customer_id", "Customer, where known.", nullable=True, data_class="personal"),
        text("currency", "ISO 4217 code; the source's currency where not sent.", nullable=True),
        text("disposition", "What happens to returned goods; resalable where not sent.", nullable=True),
        text("reason", "Free text of the till: reason of a correction, description of a line.", nullable=True),
        count("version", "Producer's version of this line; the lowest wins among contradicting ones.", nullable=True),
    ),
    ("transaction_id", "store_id", "product_sku", "quantity_sold", "unit_price", "timestamp"),
    ("timestamp",),
    "store_id",
)

WAREHOUSE = Feed(
    "warehouse",
    "warehouse_updates",
    "One record of a warehouse system: a stock level it asserts, a receipt, issue, transfer, count or adjustment.",
    (
        text(
            "record_type", "level, receipt, issue, transfer, count or adjustment; level where not sent.", nullable=True
        ),
        text("warehouse_id", "Location the record belongs to.", nullable=True),
        text("product_sku", "Item code.", nullable=True),
        text("location_zone", "Shelf or zone inside the location.", nullable=True),
        instant("last_updated", "When it happened or was asserted.", nullable=True),
        units("current_stock", "Level: units the system believes are there.", nullable=True),
        units("reserved_stock", "Level: units it holds as promised.", nullable=True),
        units("available_stock", "Level: units it offers.", nullable=True),
        text("document_id", "Delivery note, transfer, count sheet.", nullable=True),
        count("line_number", "Line of the document.", nullable=True),
        units("quantity", "Units moved or counted; signed for adjustments.", nullable=True),
        text("from_location", "Transfers: giving location.", nullable=True),
        text("to_location", "Transfers: receiving location.", nullable=True),
        text("reason", "Reason code of an adjustment.", nullable=True),
        text("order_id", "Supplier order a receipt belongs to.", nullable=True),
        count("version", "Producer's version of this record.", nullable=True),
    ),
    ("warehouse_id", "product_sku", "last_updated"),
    ("last_updated",),
    "warehouse_id",
)

SUPPLIER = Feed(
    "supplier",
    "supplier_orders",
    "One update of a supplier order line.",
    (
        text("supplier_id", "Supplier.", nullable=True),
        text("product_sku", "Item code.", nullable=True),
        instant("expected_delivery", "Promised delivery.", nullable=True),
        units("quantity_ordered", "Units ordered.", nullable=True),
        money("unit_cost", "Cost of one unit.", nullable=True, data_class="confidential"),
        text("order_status", "State of the line in the supplier's words.", nullable=True),
        text("order_id", "Order number; absent in the bare shape.", nullable=True),
        count("line_number", "Line of the order.", nullable=True),
        instant("ordered_at", "When the order was sent.", nullable=True),
        instant("received_at", "When the goods arrived.", nullable=True),
        units("quantity_received", "Units that arrived.", nullable=True),
        text("location_id", "Where the goods go.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        instant("updated_at", "When this state was reported.", nullable=True),
        count("version", "Producer's version of this update.", nullable=True),
    ),
    ("supplier_id", "product_sku", "expected_delivery", "quantity_ordered"),
    ("updated_at", "received_at", "ordered_at", "expected_delivery"),
    "location_id",
)

PRODUCTS = Feed(
    "products",
    "products",
    "One version of an item's master data.",
    (
        text("product_sku", "Item code.", nullable=True),
        text("product_name", "Name for people.", nullable=True),
        text("category", "Category.", nullable=True),
        text("brand", "Brand.", nullable=True),
        text("unit_of_measure", "Base unit.", nullable=True),
        units("reorder_point", "Inventory position at which to order.", nullable=True),
        units("max_stock", "Most units to hold at a location.", nullable=True),
        text("supplier_id", "Usual supplier.", nullable=True),
        money("unit_cost", "Cost of one unit.", nullable=True, data_class="confidential"),
        money("unit_price", "Selling price of one unit.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        instant("created_at", "When the item was created.", nullable=True),
        instant("modified_at", "When this version became valid.", nullable=True),
    ),
    ("product_sku", "product_name"),
    ("modified_at", "created_at"),
    None,
)

LOCATIONS = Feed(
    "locations",
    "locations",
    "One version of a location's master data.",
    (
        text("location_id", "Store, warehouse or online channel.", nullable=True),
        text("location_name", "Name for people.", nullable=True),
        text("location_type", "store, warehouse or online.", nullable=True),
        text("time_zone", "IANA time zone.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        text("stock_authority", "ledger (default) or wms: whose stock level counts.", nullable=True),
        text("region", "Region.", nullable=True),
        instant("modified_at", "When this version became valid.", nullable=True),
    ),
    ("location_id", "location_type"),
    ("modified_at",),
    "location_id",
)

SUPPLIERS = Feed(
    "suppliers",
    "suppliers",
    "One version of a supplier's master data.",
    (
        text("supplier_id", "Supplier.", nullable=True),
        text("supplier_name", "Name for people.", nullable=True),
        text("country", "Country.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        count("lead_time_days", "Agreed lead time in days.", nullable=True),
        flag("active", "Whether orders may be sent.", nullable=True),
        instant("modified_at", "When this version became valid.", nullable=True),
    ),
    ("supplier_id", "supplier_name"),
    ("modified_at",),
    None,
)

STOCK = Feed(
    "stock",
    "stock_openings",
    "One opening balance: the stock of an item at a location at an instant.",
    (
        text("location_id", "Location.", nullable=True),
        text("product_sku", "Item code.", nullable=True),
        units("quantity", "Units at that instant, unavailable ones included.", nullable=True),
        instant("as_of", "The instant.", nullable=True),
        text("document_id", "Inventory list it comes from.", nullable=True),
    ),
    ("location_id", "product_sku", "quantity", "as_of"),
    ("as_of",),
    "location_id",
)

FEEDS: dict[str, Feed] = {feed.name: feed for feed in (POS, WAREHOUSE, SUPPLIER, PRODUCTS, LOCATIONS, SUPPLIERS, STOCK)}
