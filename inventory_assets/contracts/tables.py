"""All tables in the order data flows, and look-up by path."""

from __future__ import annotations

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.forecast import FORECAST_TABLES
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.log_tables import LOG_BRONZE, LOG_SILVER
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.planning_figures import PLANNING_FIGURES
from inventory_assets.contracts.replenishment import PROPOSAL_DECISIONS, REPLENISHMENT
from inventory_assets.contracts.silver import DECISIONS, SILVER

_PLANNING = (*REPLENISHMENT, *PLANNING_FIGURES)

TABLES: dict[str, Table] = {
    table.path: table
    for table in (
        *BRONZE.values(), *LOG_BRONZE, *SILVER, *LOG_SILVER, *GOLD, *ANALYTICS, *FORECAST_TABLES, *_PLANNING,
    )
}  # fmt: skip
"""Every table by its path ("silver/returns")."""
NIGHTLY: frozenset[str] = frozenset(table.path for table in (*FORECAST_TABLES, *_PLANNING))
"""Tables that jobs of the night or people write and the refresh does not."""
PEOPLES_TABLES: tuple[Table, ...] = (DECISIONS, PLANNING_PARAMETERS, PROPOSAL_DECISIONS)
"""Tables that hold what people decided: only appended to, never computed, merged or set back."""
PLANNED: tuple[Table, ...] = tuple(table for table in _PLANNING if table not in PEOPLES_TABLES)
"""What the job `replenish` computes."""
