"""All tables in the order data flows, and look-up by path."""

from __future__ import annotations

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.forecast import FORECAST
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.log_tables import LOG_BRONZE, STOCK_STATEMENTS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import SILVER

TABLES: dict[str, Table] = {
    table.path: table
    for table in (*BRONZE.values(), *LOG_BRONZE, *SILVER, STOCK_STATEMENTS, *GOLD, *ANALYTICS, *FORECAST)
}
"""Every table by its path ("silver/returns")."""

NIGHTLY: frozenset[str] = frozenset(path for path, table in TABLES.items() if table.cadence == "nightly")
"""Tables that a job of the night writes and the refresh does not: they are as old as the last night."""
