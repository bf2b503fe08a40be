"""All tables in the order data flows, and look-up by path."""

from __future__ import annotations

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import PROPOSAL_DECISIONS, REPLENISHMENT
from inventory_assets.contracts.silver import DECISIONS, SILVER

TABLES: dict[str, Table] = {
    table.path: table for table in (*BRONZE.values(), *SILVER, *GOLD, *ANALYTICS, *REPLENISHMENT)
}
"""Every table by its path ("silver/returns")."""
NIGHTLY_LAYERS = ("replenishment",)
"""Layers a nightly job computes; all others follow each file through the refresh."""
PEOPLES_TABLES: tuple[Table, ...] = (DECISIONS, PLANNING_PARAMETERS, PROPOSAL_DECISIONS)
"""Tables that hold what people decided: only appended to, never computed, merged or set back."""
PLANNED: tuple[Table, ...] = tuple(table for table in REPLENISHMENT if table not in PEOPLES_TABLES)
"""What the nightly job computes."""
