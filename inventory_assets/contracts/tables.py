"""All tables in the order data flows, and look-up by path."""

from __future__ import annotations

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.forecast import FORECAST_TABLES
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import SILVER

TABLES: dict[str, Table] = {
    table.path: table for table in (*BRONZE.values(), *SILVER, *GOLD, *ANALYTICS, *FORECAST_TABLES)
}
"""Every table by its path ("silver/returns")."""

NIGHTLY: frozenset[str] = frozenset(path for path, table in TABLES.items() if table.cadence == "nightly")
"""Tables that a job of the night writes and the refresh does not: they are as old as the last night."""
