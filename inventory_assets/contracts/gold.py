"""Gold: what planners and analysts read, by store, item and day, and the stock position."""

from __future__ import annotations

from inventory_assets.contracts.model import Reach, Table, count, day, flag, instant, money, ratio, text, units
from inventory_assets.contracts.silver import BASES, MATCHED

PROCESSED = day("processing_date", "UTC day this row was computed.", lineage=True)
_POS_TABLES = (
    "silver/inventory_transactions", "silver/returns", "silver/cancellations", "silver/given_away",
    "silver/stock_adjustments",
)

DAILY_INVENTORY_SUMMARY = Table(
    "gold", "daily_inventory_summary",
    "Sales of an item in a store on a day, with what came back, was given away or corrected on that day beside it. "
    "Days without a sale have no row.",
    "store × item × day × currency with a sale", ("store_id", "product_sku", "transaction_date", "currency"),
    (
        text("store_id", "Store or sales channel."),
        text("product_sku", "Item."),
        day("transaction_date", "Business day."),
        text("currency", "ISO 4217 code."),
        units("total_quantity_sold", "Units sold.", minimum=0),
        money("total_revenue", "Amount of the sales.", minimum=0),
        count("total_transactions", "Sale lines."),
        money("avg_unit_price", "Mean price over the sale lines, rounded half even to four decimals.", minimum=0),
        instant("last_transaction_time", "Last sale."),
        instant("first_transaction_time", "First sale."),
        units("returned_quantity", "Units returned on this day (other than cancellations).", minimum=0),
        money("returned_amount", "Amount of these returns.", minimum=0),
        units("cancelled_quantity", "Units of this day's sales that were cancelled later.", minimum=0),
        money("cancelled_amount", "Amount of these cancelled sales.", minimum=0),
        units("given_away_quantity", "Units handed out at price 0.", minimum=0),
        units("adjusted_quantity", "Signed units of till corrections."),
        units("demand_quantity", "Units sold less those cancelled: what customers wanted.", minimum=0),
        ratio("data_quality_score", "Mean score of the sale lines.", minimum=0, maximum=1),
        day("event_date", "Business day, the partition."),
        PROCESSED,
    ),
    partition_by=("event_date",), reach=MATCHED, upstream=_POS_TABLES,
)
PRODUCT_PERFORMANCE = Table(
    "gold", "product_performance", "Sales of an item on a day over all stores.", "item × day × currency with a sale",
    ("product_sku", "transaction_date", "currency"),
    (
        text("product_sku", "Item."),
        day("transaction_date", "Business day."),
        text("currency", "ISO 4217 code."),
        units("daily_quantity_sold", "Units sold.", minimum=0),
        money("daily_revenue", "Amount of the sales.", minimum=0),
        count("daily_transactions", "Sale lines."),
        count("stores_sold", "Stores with a sale."),
        money("avg_unit_price", "Mean price over the sale lines, rounded half even to four decimals.", minimum=0),
        units("returned_quantity", "Units returned on this day.", minimum=0),
        money("returned_amount", "Amount of these returns.", minimum=0),
        units("cancelled_quantity", "Units of this day's sales that were cancelled later.", minimum=0),
        money("cancelled_amount", "Amount of these cancelled sales.", minimum=0),
        units("demand_quantity", "Units sold less those cancelled.", minimum=0),
        day("event_date", "Business day, the partition."),
        PROCESSED,
    ),
    partition_by=("event_date",), reach=MATCHED, upstream=_POS_TABLES[:3],
)
STORE_PERFORMANCE = Table(
    "gold", "store_performance", "Sales of a store on a day over all items.", "store × day × currency with a sale",
    ("store_id", "transaction_date", "currency"),
    (
        text("store_id", "Store or sales channel."),
        day("transaction_date", "Business day."),
        text("currency", "ISO 4217 code."),
        units("daily_quantity_sold", "Units sold.", minimum=0),
        money("daily_revenue", "Amount of the sales.", minimum=0),
        count("daily_transactions", "Sale lines."),
        count("products_sold", "Items with a sale."),
        count("active_cashiers", "Cashiers with a sale; 0 where the source names none."),
        units("returned_quantity", "Units returned on this day.", minimum=0),
        money("returned_amount", "Amount of these returns.", minimum=0),
        units("cancelled_quantity", "Units of this day's sales that were cancelled later.", minimum=0),
        money("cancelled_amount", "Amount of these cancelled sales.", minimum=0),
        day("event_date", "Business day, the partition."),
        PROCESSED,
    ),
    partition_by=("event_date",), reach=MATCHED, upstream=_POS_TABLES[:3],
)
SUPPLIER_PERFORMANCE = Table(
    "gold", "supplier_performance", "How well a supplier delivers, over all its order lines.", "supplier",
    ("source_system", "supplier_id"),
    (
        text("source_system", "System that produced the orders."),
        text("supplier_id", "Supplier."),
        count("order_lines", "Order lines, each in its latest state."),
        count("received_lines", "Lines that arrived."),
        count("on_time_lines", "Lines that arrived on or before the promised day."),
        ratio("on_time_rate", "On-time lines ÷ received lines; null without a receipt.", nullable=True, minimum=0,
              maximum=1),
        count("lead_time_lines", "Lines with a positive lead time (received − ordered)."),
        ratio("lead_time_mean_days", "Mean lead time of these.", unit="days", nullable=True),
        ratio("lead_time_std_days", "Sample standard deviation of these; null below two.", unit="days", nullable=True),
        ratio("lead_time_median_days", "Median of these.", unit="days", nullable=True),
        units("quantity_ordered", "Units on lines that arrived.", minimum=0),
        units("quantity_received", "Units that arrived on them.", minimum=0),
        ratio("fill_rate", "Received ÷ ordered on lines that arrived; null without one.", nullable=True, minimum=0),
        instant("first_ordered_at", "First order.", nullable=True),
        instant("last_received_at", "Last receipt.", nullable=True),
        PROCESSED,
    ),
    cadence="whole", reach=Reach(rule="the whole table"), upstream=("silver/supplier_orders",),
)

_STATE = (
    units("book", "Signed fold of movements and counts; null while the stock is unknown.", nullable=True),
    units("unavailable", "Units damaged, in inspection or held back; part of the book.", nullable=True),
)
STOCK_CHECKPOINTS = Table(
    "gold", "stock_checkpoints",
    "State of the stock fold at the end of each month (UTC), from which later positions are computed.",
    "item × location × month", ("product_sku", "location_id", "month"),
    (
        text("product_sku", "Item."),
        text("location_id", "Location."),
        day("month", "First day of the month whose end this is."),
        *_STATE,
        units("net_quantity", "Σ movements since the last effective count, or since the start where there is none."),
        units("net_unavailable", "Σ changes of the unavailable part since the start."),
        text("stock_basis", "How the stock is known.", allowed=BASES),
        instant("first_known_at", "First opening or count; unknown before it.", nullable=True),
        instant("last_count_at", "Last effective count.", nullable=True),
        units("last_count_quantity", "Units counted then.", nullable=True),
        instant("last_movement_at", "Last movement.", nullable=True),
    ),
    partition_by=("month",), cadence="month",
    reach=Reach(0, 100_000, "the months from the change on, for the keys that changed"),
    upstream=("silver/stock_movements", "silver/stock_counts", "silver/stock_openings"),
)
INVENTORY_POSITION = Table(
    "gold", "inventory_position",
    "Stock of every item at every location now, as of the pinned versions of its inputs. Unknown is null, never 0.",
    "item × location", ("product_sku", "location_id"),
    (
        text("product_sku", "Item."),
        text("location_id", "Location."),
        *_STATE,
        units("on_hand", "max(0, book).", nullable=True, minimum=0),
        units("shortfall", "max(0, −book): an error of the record.", nullable=True, minimum=0),
        units("reserved", "Units promised; null until reservations are kept.", nullable=True),
        units("available", "On hand − reserved − unavailable; null while a part is unknown.", nullable=True),
        units("on_order", "Units ordered and not yet received; null until orders are followed.", nullable=True),
        units("in_transit", "Transfers dispatched and not received; null until they are followed.", nullable=True),
        units("inventory_position", "On hand − unavailable − reserved + on order + in transit; null while a part is "
              "unknown.", nullable=True),
        text("null_reason", "Why values are null, in words.", nullable=True),
        text("stock_basis", "How the stock is known.", allowed=BASES),
        instant("first_known_at", "First opening or count.", nullable=True),
        instant("last_count_at", "Last effective count.", nullable=True),
        units("last_count_quantity", "Units counted then.", nullable=True),
        instant("last_movement_at", "Last movement.", nullable=True),
        units("quarantined_quantity", "Units of this item and location held in quarantine.", minimum=0),
        PROCESSED,
    ),
    cadence="whole", reach=Reach(rule="the keys that changed; written as a whole"),
    upstream=("gold/stock_checkpoints", "silver/stock_movements", "silver/stock_counts", "silver/stock_openings",
              "silver/quarantine"),
)
DAILY_INVENTORY_SNAPSHOT = Table(
    "gold", "daily_inventory_snapshot",
    "Closing stock of each item and location on days on which it changed, and on the first of each month. The view "
    "`daily_inventory` of the DuckDB file fills the days between.",
    "item × location × day with a change, or first of a month", ("product_sku", "location_id", "event_date"),
    (
        text("product_sku", "Item."),
        text("location_id", "Location."),
        day("event_date", "Business day of the location."),
        units("opening_book", "Book at the start of the day; null while unknown.", nullable=True),
        units("sold", "Units sold or given away.", minimum=0),
        units("returned", "Units that came back into stock, cancellations included, scrapped ones not.", minimum=0),
        units("received", "Units received from suppliers.", minimum=0),
        units("transferred", "Signed units of transfers."),
        units("adjusted", "Signed units of adjustments and issues."),
        units("count_variance", "Counted less expected over the day's counts; null while unknown.", nullable=True),
        units("closing_book", "Book at the end of the day; null while unknown.", nullable=True),
        units("closing_unavailable", "Unavailable part at the end of the day.", nullable=True),
        text("stock_basis", "How the stock is known at the end of the day.", allowed=BASES),
        flag("is_month_opening", "Row of the first of a month without a change."),
    ),
    partition_by=("event_date",),
    reach=Reach(0, 100_000, "forward to the key's next count"),
    upstream=("silver/stock_movements", "silver/stock_counts", "silver/stock_openings", "gold/stock_checkpoints"),
)

GOLD: tuple[Table, ...] = (
    DAILY_INVENTORY_SUMMARY, PRODUCT_PERFORMANCE, STORE_PERFORMANCE, SUPPLIER_PERFORMANCE, STOCK_CHECKPOINTS,
    INVENTORY_POSITION, DAILY_INVENTORY_SNAPSHOT,
)
