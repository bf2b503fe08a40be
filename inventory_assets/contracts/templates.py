"""What a producer starts from: for each feed a CSV with its header and one example row, and a page that explains them.

Everything derives from the declared feeds but the example values. They are one small story, so that all files taken
together are a whole: an item is created, opened, ordered, received and sold. Nothing is read or written here.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from inventory_assets.contracts.feeds import FEEDS

if TYPE_CHECKING:
    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.model import Column

_STORE, _ITEM, _SUPPLIER, _ORDER = "STORE-01", "PROD-A1B2C3", "SUP-01", "PO-0001"
_CREATED, _OPENED, _RECEIVED = "2024-01-02T09:00:00Z", "2024-01-15T00:00:00Z", "2024-01-15T07:00:00Z"

EXAMPLE_ROWS: dict[str, dict[str, str]] = {
    "pos": {
        "transaction_id": "TXN-000001", "line_number": "1", "store_id": _STORE, "product_sku": _ITEM,
        "quantity_sold": "2", "unit_price": "4.50", "timestamp": "2024-01-15T10:30:00Z", "cashier_id": "C-07",
        "payment_method": "card", "customer_id": "CUST-0001", "currency": "USD",
    },
    "warehouse": {
        "record_type": "receipt", "warehouse_id": _STORE, "product_sku": _ITEM, "last_updated": _RECEIVED,
        "document_id": "DN-0001", "line_number": "1", "quantity": "24", "order_id": _ORDER,
    },
    "supplier": {
        "supplier_id": _SUPPLIER, "product_sku": _ITEM, "expected_delivery": "2024-01-15", "quantity_ordered": "24",
        "unit_cost": "2.10", "order_status": "received", "order_id": _ORDER, "line_number": "1",
        "ordered_at": "2024-01-08T08:00:00Z", "received_at": _RECEIVED, "quantity_received": "24",
        "location_id": _STORE, "currency": "USD", "updated_at": _RECEIVED,
    },
    "products": {
        "product_sku": _ITEM, "product_name": "Candle, white", "category": "Lighting", "brand": "Example",
        "unit_of_measure": "piece", "reorder_point": "10", "max_stock": "60", "supplier_id": _SUPPLIER,
        "unit_cost": "2.10", "unit_price": "4.50", "currency": "USD", "created_at": _CREATED, "modified_at": _CREATED,
    },
    "locations": {
        "location_id": _STORE, "location_name": "High Street", "location_type": "store", "time_zone": "Europe/London",
        "currency": "USD", "stock_authority": "ledger", "region": "South", "modified_at": _CREATED,
    },
    "suppliers": {
        "supplier_id": _SUPPLIER, "supplier_name": "Example Supplies", "country": "GB", "currency": "USD",
        "lead_time_days": "7", "active": "true", "modified_at": _CREATED,
    },
    "stock": {
        "location_id": _STORE, "product_sku": _ITEM, "quantity": "12", "as_of": _OPENED, "document_id": "OPENING-2024",
    },
}  # fmt: skip
"""One row a feed, by column; columns that do not apply to the row stay empty."""

SOURCES_TOML = """\
# Contract of each source system: copy this file to sources.toml of the data folder and name the table after the
# folder the files lie in (source=tills). Leave out what does not differ from the default.
[tills]
time_zone = "Europe/London"   # of times without a zone, and of business days
currency = "USD"              # where a row names none
# merchandise_pattern = '^PROD-'                # codes that are goods; without it all are
# null_tokens = { "*" = ["N/A", "-"] }          # texts that mean null, by column; "*" is every column
# route = "stream"                              # it also sends events: they count, its files are re-deliveries

# [tills.location_time_zones]
# STORE-02 = "America/New_York"                 # locations in another zone
"""
"""A profile of a source system to start from."""


_WORDS = {"String": "text", "Int64": "whole number", "Money": "amount", "Datetime": "time", "Boolean": "true or false"}


def template(feed: Feed) -> str:
    """Header and example row of a feed as CSV."""
    text = StringIO()
    writer = csv.DictWriter(text, feed.column_names, lineterminator="\n")
    writer.writeheader()
    writer.writerow(EXAMPLE_ROWS[feed.name])
    return text.getvalue()


def readme() -> str:
    """The page beside the templates: what each feed is, what each column means, and what to do next."""
    lines = [
        "# Templates of every feed",
        "",
        "One CSV a feed: its header and one example row. Together they tell one story, so they can be tried as they "
        "are. To bring your own data:",
        "",
        "1. Replace the example row. Columns that are not required may be left out; further columns are kept and "
        "reported.",
        "2. Ask before you send: `inventory validate pos/pos.csv` says what would be accepted, what not and why.",
        "3. Put the file into the landing folder under the name of its source system, for example "
        "`data/landing/pos/source=tills/monday.csv`. Write it under a name that begins with `_` or ends with `.tmp`, "
        "and rename it when it is whole.",
        "4. Describe the source system in `sources.toml` of the data folder; a file to start from lies here.",
        "",
        "Times are ISO 8601; one without a zone is read in the zone of its location. Decimals have a point. An empty "
        "cell is null. JSON lines, Parquet and Avro with the same names are read too.",
    ]
    for feed in FEEDS.values():
        lines += [
            "", f"## {feed.name}", "", f"{feed.description} File: [{feed.name}/{feed.name}.csv]"
            f"({feed.name}/{feed.name}.csv)", "",
            "| column | required | type | meaning |", "|---|---|---|---|",
            *(
                f"| `{column.name}` | {'yes' if column.name in feed.required else ''} | {_type(column)} | "
                f"{column.description.replace('|', chr(92) + '|')} |"
                for column in feed.columns
            ),
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def templates() -> dict[str, str]:
    """Every file to start from, by path."""
    return {
        "README.md": readme(),
        "sources.toml": SOURCES_TOML,
        **{f"{feed.name}/{feed.name}.csv": template(feed) for feed in FEEDS.values()},
    }


def _type(column: Column) -> str:
    return _WORDS.get(column.type, column.type.lower())
