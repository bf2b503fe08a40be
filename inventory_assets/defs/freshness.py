"""How old what people read may be: a freshness policy for each table, which Dagster's daemon judges.

A policy looks at when a table was last written, so it is blind to partitions and to sources; what the clock says about
those stands in `defs.watch`. Invariant: only tables people read have a policy, and none where the settings expect
nothing.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from inventory_assets.contracts.gold import (
    OPEN_SUPPLIER_ORDERS,
    STOCK_CHECKPOINTS,
    SUPPLIER_PERFORMANCE,
    SUPPLY_COVERAGE,
)
from inventory_assets.contracts.planning_figures import POLICY_BACKTEST
from inventory_assets.contracts.tables import PEOPLES_TABLES
from inventory_assets.settings import FreshnessSettings, Settings

READ_LAYERS = ("gold", "analytics", "replenishment", "serving")
"""Layers people read; what lies before them is as old as its files."""
SELDOM = {table.path for table in (SUPPLIER_PERFORMANCE, OPEN_SUPPLIER_ORDERS, SUPPLY_COVERAGE, STOCK_CHECKPOINTS)}
"""Tables that change when suppliers report or a month ends, not with every day's sales."""


BY_PEOPLE = {*(table.path for table in PEOPLES_TABLES), POLICY_BACKTEST.path}
"""Tables that change when people decide something, or ask for it."""


def policy(path: str, allowed: FreshnessSettings | None = None) -> dg.FreshnessPolicy | None:
    """Freshness policy of an asset; None where nothing is expected of it.

    Args:
        path: layer and name.
        allowed: how old it may be, by default as the settings of this installation say.
    """
    allowed = allowed or Settings().freshness
    if path.split("/", maxsplit=1)[0] not in READ_LAYERS or not allowed.fail_hours or path in BY_PEOPLE:
        return None
    factor = allowed.seldom if path in SELDOM else 1.0
    fail, warn = (timedelta(hours=factor * hours) for hours in (allowed.fail_hours, allowed.warn_hours))
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn if warn < fail else None)
