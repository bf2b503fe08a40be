"""Silver: typed, deduplicated facts. Every bronze row stands in exactly one of these tables (movements apart)."""

from __future__ import annotations

from inventory_assets.contracts.feeds import DISPOSITIONS, LOCATION_TYPES, RECORD_TYPES, STOCK_AUTHORITIES
from inventory_assets.contracts.model import (
    Column,
    Reach,
    Table,
    count,
    day,
    flag,
    instant,
    money,
    ratio,
    text,
    units,
)

BASES = ("counted", "opening", "assumed", "unknown")
MOVEMENT_KINDS = (
    "sale",
    "return",
    "cancellation",
    "given_away",
    "adjustment",
    "receipt",
    "issue",
    "transfer_out",
    "transfer_in",
    "held",
)
ACTIONS = ("release", "fix", "discard", "duplicate_key_other_date", "duplicate_key_gone")
"""What may be decided about a row; the last two are the nightly key check's word and its taking back."""

REASONS: tuple[str, ...] = (
    "discarded",
    "file:unreadable",
    "file:refused",
    "line:unreadable",
    "key:null",
    "type",
    "time:nonexistent",
    "time:missing",
    "event_time_ahead",
    "date_out_of_range",
    "quantity:zero",
    "quantity:null",
    "quantity:negative",
    "price:null",
    "price:negative",
    "value:out_of_range",
    "value:not_allowed",
    "unclassified",
    "conflict",
    "duplicate_key_other_date",
)
"""Why a row is in quarantine, in order of precedence; `type` stands as `type:<column>`."""

SOURCE: tuple[Column, ...] = (
    text("source_system", "System that produced the row."),
    day("event_date", "Business day of the row's location."),
)
LINEAGE: tuple[Column, ...] = (
    text("source_file", "File the row came in.", lineage=True),
    count("row_number", "Position in that file.", lineage=True),
    instant("ingestion_timestamp", "When it was read.", lineage=True),
)

POS_LINE: tuple[Column, ...] = (
    text("transaction_id", "Receipt number."),
    count("line_number", "Line within the receipt."),
    text("store_id", "Store or sales channel."),
    text("product_sku", "Item code, trimmed and upper case."),
    units("quantity_sold", "Units; negative for goods that came back.", minimum=-10_000_000, maximum=10_000_000),
    money("unit_price", "Price of one unit.", minimum=0),
    money("total_amount", "Quantity times price, exact."),
    text("currency", "ISO 4217 code."),
    instant("timestamp", "When the line was rung up."),
    day("transaction_date", "Business day in the store's time zone."),
    Column("transaction_hour", "Int8", "Hour of the day in the store's time zone.", minimum=0, maximum=23),
    Column("transaction_day_of_week", "Int8", "ISO day of the week, 1 = Monday.", minimum=1, maximum=7),
    flag("is_weekend", "Saturday or Sunday."),
    text("cashier_id", "Who rang it up.", nullable=True, data_class="personal"),
    text("payment_method", "How it was paid.", nullable=True),
    text("customer_id", "Customer, where known.", nullable=True, data_class="personal"),
    text("reason", "Free text of the till.", nullable=True),
    flag("item_unknown", "The item is absent from the product master."),
    ratio("data_quality_score", "Share of the row's quality rules that hold.", minimum=0, maximum=1),
)
POS_KEY = ("source_system", "store_id", "transaction_id", "line_number")
MATCHED = Reach(
    1, 1, "back and forward to the first gap of more than 24 h between equal lines of one customer, where a row changes"
)


def _pos(
    name: str, description: str, *more: Column, reach: Reach | None = None, upstream: tuple[str, ...] = ()
) -> Table:
    return Table(
        "silver",
        name,
        description,
        "one line of a receipt",
        POS_KEY,
        (*POS_LINE, *more, *SOURCE, *LINEAGE),
        partition_by=("event_date",),
        reach=reach or Reach(),
        upstream=("bronze/inventory_transactions", "silver/products", "silver/decisions", *upstream),
    )


SALES = _pos(
    "inventory_transactions",
    "Sales: quantity and price above zero. A cancelled sale stays, with the key of its cancellation.",
    text("cancelled_by_transaction_id", "Receipt that cancelled this sale.", nullable=True),
    count("cancelled_by_line_number", "Line that cancelled this sale.", nullable=True),
    reach=MATCHED,
)
RETURNS = _pos(
    "returns",
    "Goods that came back and cancel no sale of the 24 hours before.",
    text("disposition", "What happens to the goods.", allowed=DISPOSITIONS),
    reach=MATCHED,
)
CANCELLATIONS = _pos(
    "cancellations",
    "Lines that take back a sale of the same customer, item, price and quantity within 24 hours.",
    text("sale_transaction_id", "Receipt of the cancelled sale."),
    count("sale_line_number", "Line of the cancelled sale."),
    text("sale_store_id", "Store of the cancelled sale."),
    day("sale_date", "Business day of the sale; demand is lowered on this day."),
    text("disposition", "What happens to the goods.", allowed=DISPOSITIONS),
    reach=MATCHED,
)
GIVEN_AWAY = _pos("given_away", "Goods handed out at price 0: a movement without revenue.")
STOCK_ADJUSTMENTS = _pos(
    "stock_adjustments", "Corrections of stock booked at the till, recognised by the source's adjustment rule."
)
NON_MERCHANDISE = Table(
    "silver",
    "non_merchandise",
    "Lines whose code is no goods: postage, fees, vouchers.",
    "one line of a receipt",
    POS_KEY,
    (
        *(c for c in POS_LINE if c.name not in {"quantity_sold", "unit_price", "total_amount"}),
        units("quantity_sold", "Units as sent.", nullable=True),
        money("unit_price", "Price as sent.", nullable=True),
        money("total_amount", "Quantity times price.", nullable=True),
        *SOURCE,
        *LINEAGE,
    ),
    partition_by=("event_date",),
    upstream=("bronze/inventory_transactions", "silver/decisions"),
)

WAREHOUSE_UPDATES = Table(
    "silver",
    "warehouse_updates",
    "Receipts, issues, transfers and adjustments of warehouses, and the stock levels they assert. Levels are compared, "
    "not applied, unless the location's stock authority is wms.",
    "one record of a warehouse system",
    (
        "source_system",
        "record_type",
        "location_id",
        "product_sku",
        "location_zone",
        "event_time",
        "document_id",
        "line_number",
    ),
    (
        text("record_type", "Kind of record.", allowed=tuple(r for r in RECORD_TYPES if r != "count")),
        text("location_id", "Location the record belongs to."),
        text("product_sku", "Item code, trimmed and upper case."),
        text("location_zone", "Zone inside the location; empty where not sent."),
        instant("event_time", "When it happened or was asserted."),
        text("document_id", "Document; empty where not sent."),
        count("line_number", "Line of the document; 0 where not sent."),
        units("quantity", "Units moved; signed for adjustments; null for levels.", nullable=True),
        text("from_location", "Transfers: giving location.", nullable=True),
        text("to_location", "Transfers: receiving location.", nullable=True),
        units("current_stock", "Level: units believed to be there.", nullable=True, minimum=0, maximum=999_999),
        units("reserved_stock", "Level: units held as promised.", nullable=True, minimum=0, maximum=999_999),
        units("available_stock", "Level: units offered.", nullable=True),
        text("reason", "Reason code of an adjustment.", nullable=True),
        text("order_id", "Supplier order of a receipt.", nullable=True),
        flag("item_unknown", "The item is absent from the product master."),
        ratio("data_quality_score", "Share of the row's quality rules that hold.", minimum=0, maximum=1),
        *SOURCE,
        *LINEAGE,
    ),
    partition_by=("event_date",),
    upstream=("bronze/warehouse_updates", "silver/products", "silver/decisions"),
)
STOCK_COUNTS = Table(
    "silver",
    "stock_counts",
    "Physical counts: a person counted; sets the book at its time.",
    "one counted item at a location",
    ("source_system", "location_id", "product_sku", "location_zone", "event_time", "document_id", "line_number"),
    (
        text("location_id", "Location."),
        text("product_sku", "Item code, trimmed and upper case."),
        text("location_zone", "Zone inside the location; empty where not sent."),
        instant("event_time", "When it was counted."),
        text("document_id", "Count sheet; empty where not sent."),
        count("line_number", "Line of the sheet; 0 where not sent."),
        units("quantity", "Units counted, unavailable ones included.", minimum=0, maximum=999_999),
        flag("item_unknown", "The item is absent from the product master."),
        ratio("data_quality_score", "Share of the row's quality rules that hold.", minimum=0, maximum=1),
        *SOURCE,
        *LINEAGE,
    ),
    partition_by=("event_date",),
    upstream=("bronze/warehouse_updates", "silver/products", "silver/decisions"),
)
SUPPLIER_ORDERS = Table(
    "silver",
    "supplier_orders",
    "Updates of supplier order lines as the supplier reported them.",
    "one reported state of an order line",
    ("source_system", "supplier_id", "order_id", "line_number", "product_sku", "updated_at"),
    (
        text("supplier_id", "Supplier."),
        text("order_id", "Order; supplier, item and expected delivery joined for the bare shape."),
        count("line_number", "Line of the order; 0 where not sent."),
        text("product_sku", "Item code, trimmed and upper case."),
        text("order_status", "State in the supplier's words, lower case.", nullable=True),
        instant("ordered_at", "When the order was sent.", nullable=True),
        instant("expected_delivery", "Promised delivery; null where an order names none.", nullable=True),
        instant("received_at", "When the goods arrived.", nullable=True),
        units("quantity_ordered", "Units ordered.", minimum=0),
        units("quantity_received", "Units that arrived.", nullable=True, minimum=0),
        money("unit_cost", "Cost of one unit.", nullable=True, minimum=0, data_class="confidential"),
        text("currency", "ISO 4217 code."),
        text("location_id", "Where the goods go.", nullable=True),
        instant("updated_at", "When this state was reported."),
        flag("bare_shape", "Sent without an order number."),
        flag("item_unknown", "The item is absent from the product master."),
        ratio("data_quality_score", "Share of the row's quality rules that hold.", minimum=0, maximum=1),
        *SOURCE,
        *LINEAGE,
    ),
    partition_by=("event_date",),
    upstream=("bronze/supplier_orders", "silver/products", "silver/decisions"),
)
STOCK_OPENINGS = Table(
    "silver",
    "stock_openings",
    "Opening balances: a count with basis opening.",
    "one item at a location and instant",
    ("source_system", "location_id", "product_sku", "event_time"),
    (
        text("location_id", "Location."),
        text("product_sku", "Item code, trimmed and upper case."),
        units("quantity", "Units at that instant, unavailable ones included.", minimum=0, maximum=999_999),
        instant("event_time", "The instant."),
        text("document_id", "Inventory list it comes from.", nullable=True),
        flag("item_unknown", "The item is absent from the product master."),
        ratio("data_quality_score", "Share of the row's quality rules that hold.", minimum=0, maximum=1),
        *SOURCE,
        *LINEAGE,
    ),
    partition_by=("event_date",),
    upstream=("bronze/stock_openings", "silver/products", "silver/decisions"),
)

VALIDITY: tuple[Column, ...] = (
    instant("valid_from", "From when this version holds, inclusive; the first version of a key holds from the start."),
    instant("valid_to", "Until when, exclusive; null for the current version.", nullable=True),
    flag("is_current", "The version that holds now."),
    text("source_system", "System that produced the row."),
)
PRODUCTS = Table(
    "silver",
    "products",
    "Item master with its history.",
    "one version of an item",
    ("product_sku", "valid_from"),
    (
        text("product_sku", "Item code, trimmed and upper case."),
        text("product_name", "Name for people."),
        text("category", "Category.", nullable=True),
        text("brand", "Brand.", nullable=True),
        text("unit_of_measure", "Base unit.", nullable=True),
        units("reorder_point", "Inventory position at which to order.", nullable=True, minimum=0, maximum=999_999),
        units("max_stock", "Most units to hold at a location.", nullable=True, minimum=0, maximum=999_999),
        text("supplier_id", "Usual supplier.", nullable=True),
        money("unit_cost", "Cost of one unit.", nullable=True, minimum=0, data_class="confidential"),
        money("unit_price", "Selling price of one unit.", nullable=True, minimum=0),
        text("currency", "ISO 4217 code.", nullable=True),
        *VALIDITY,
        *LINEAGE,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table"),
    upstream=("bronze/products", "silver/decisions"),
)
LOCATIONS = Table(
    "silver",
    "locations",
    "Location master with its history.",
    "one version of a location",
    ("location_id", "valid_from"),
    (
        text("location_id", "Store, warehouse or online channel."),
        text("location_name", "Name for people.", nullable=True),
        text("location_type", "Kind of location.", allowed=LOCATION_TYPES),
        text("time_zone", "IANA time zone.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        text("stock_authority", "Whose stock level counts.", allowed=STOCK_AUTHORITIES),
        text("region", "Region.", nullable=True),
        *VALIDITY,
        *LINEAGE,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table"),
    upstream=("bronze/locations", "silver/decisions"),
)
SUPPLIERS = Table(
    "silver",
    "suppliers",
    "Supplier master with its history.",
    "one version of a supplier",
    ("supplier_id", "valid_from"),
    (
        text("supplier_id", "Supplier."),
        text("supplier_name", "Name for people."),
        text("country", "Country.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        count("lead_time_days", "Agreed lead time in days.", nullable=True, maximum=3_650),
        flag("active", "Whether orders may be sent.", nullable=True),
        *VALIDITY,
        *LINEAGE,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table"),
    upstream=("bronze/suppliers", "silver/decisions"),
)

QUARANTINE = Table(
    "silver",
    "quarantine",
    "Rows that could not be used, with every reason; replaced with their day.",
    "one refused bronze row",
    ("feed", "source_file", "content_hash", "row_number"),
    (
        text("feed", "Feed it came from."),
        text("source_system", "System that produced the row."),
        text("reason", "The reason that decides, by precedence."),
        text("reasons", "All reasons, by precedence, comma separated."),
        text("detail", "The same for people, where known.", nullable=True, lineage=True),
        text("business_key", "Key of the row as far as it can be read, parts joined with |.", nullable=True),
        text("product_sku", "Item code as sent.", nullable=True),
        text("location_id", "Location as sent.", nullable=True),
        units("quantity", "Units held here.", nullable=True),
        text("row_json", "The feed's columns of the row as JSON."),
        day("event_date", "Business day; null where the row gives none.", nullable=True),
        text("source_file", "File the row came in.", lineage=True),
        text("content_hash", "Hash of that file.", lineage=True),
        count("row_number", "Position in that file; 0 for the file itself.", lineage=True),
        instant("ingestion_timestamp", "When it was read.", lineage=True),
    ),
    partition_by=("feed", "event_date"),
    reach=Reach(rule="with the day of its feed"),
    upstream=(
        "bronze/inventory_transactions",
        "bronze/warehouse_updates",
        "bronze/supplier_orders",
        "bronze/products",
        "bronze/locations",
        "bronze/suppliers",
        "bronze/stock_openings",
        "silver/decisions",
    ),
)
DAY_BALANCE = Table(
    "silver",
    "day_balance",
    "Where every bronze row of a day went: rows a table, in quarantine, or exact repeats of a kept row.",
    "one outcome of a feed, source and day",
    ("feed", "source_system", "event_date", "outcome"),
    (
        text("feed", "Feed."),
        text("source_system", "System that produced the rows."),
        day("event_date", "Business day; null for rows without one.", nullable=True),
        text("outcome", "`bronze` (rows in), a silver table, `quarantine` or `exact_repeat`."),
        count("rows", "Number of bronze rows."),
    ),
    partition_by=("feed", "event_date"),
    reach=Reach(rule="with the day of its feed"),
    upstream=QUARANTINE.upstream,
)
DECISIONS = Table(
    "silver",
    "decisions",
    "What people and nightly checks decided about rows: release, fix, discard. A later decision overrules an earlier.",
    "one decision",
    ("decision_id",),
    (
        text("decision_id", "Identity: hash of the row, what was decided, and the decision about the row before it."),
        text("feed", "Feed of the row."),
        text("source_file", "File of the row."),
        text("content_hash", "Hash of that file."),
        count("row_number", "Position in that file."),
        text("action", "What was decided.", allowed=ACTIONS),
        text("changes", "fix: JSON object of column → new value, as text.", nullable=True),
        text("actor", "Who decided.", data_class="personal"),
        text("reason", "Why."),
        instant("decided_at", "When."),
        day("event_date", "Business day of the row; this day is rebuilt.", nullable=True),
        day("new_event_date", "fix that changes the date: the day the row moves to, rebuilt too.", nullable=True),
    ),
    cadence="whole",
    reach=Reach(rule="appended, never rewritten"),
)

STOCK_MOVEMENTS = Table(
    "silver",
    "stock_movements",
    "Every signed change of stock, from files and from live events; transfers stand as two rows. Derived, no bronze "
    "row. What came both ways stands once; events that agree in the whole key stand as one row.",
    "one movement of an item at a location",
    (
        "kind",
        "source_system",
        "location_id",
        "document_id",
        "line_number",
        "product_sku",
        "event_time",
        "location_zone",
    ),
    (
        text("kind", "What moved the stock.", allowed=MOVEMENT_KINDS),
        text("product_sku", "Item code."),
        text("location_id", "Location whose stock changes."),
        units("quantity", "Signed change of the book."),
        units("unavailable", "Signed change of the unavailable part."),
        instant("event_time", "When it happened."),
        text("document_id", "Receipt, delivery note or transfer; empty where not sent."),
        count("line_number", "Line of the document; 0 where not sent."),
        text("location_zone", "Zone inside the location; empty where there is none."),
        *SOURCE,
    ),
    partition_by=("event_date",),
    reach=Reach(rule="the day itself, and the days whose cancellations changed"),
    upstream=(
        "silver/inventory_transactions",
        "silver/returns",
        "silver/cancellations",
        "silver/given_away",
        "silver/stock_adjustments",
        "silver/warehouse_updates",
        "bronze/stock_events",
    ),
)

SILVER: tuple[Table, ...] = (
    SALES,
    RETURNS,
    CANCELLATIONS,
    GIVEN_AWAY,
    STOCK_ADJUSTMENTS,
    NON_MERCHANDISE,
    WAREHOUSE_UPDATES,
    STOCK_COUNTS,
    SUPPLIER_ORDERS,
    STOCK_OPENINGS,
    PRODUCTS,
    LOCATIONS,
    SUPPLIERS,
    QUARANTINE,
    DAY_BALANCE,
    DECISIONS,
    STOCK_MOVEMENTS,
)
