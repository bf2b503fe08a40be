"""How far ahead the forecast of each item and location must reach: by the lead time and review its policy works with.

The same parameters, measured lead times and agreed ones as in `pipeline.replenishment`, resolved in the same order, so
that a policy finds a forecast as long as it needs. Classes are those of sales, without what warehouses ship.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl

from inventory_assets.contracts.gold import SUPPLIER_PERFORMANCE
from inventory_assets.contracts.silver import PRODUCTS, SUPPLIERS
from inventory_assets.forecast.horizons import own_horizons
from inventory_assets.pipeline.replenishment import HISTORY_DAYS, current
from inventory_assets.replenishment.demand_history import History
from inventory_assets.replenishment.parameters import in_force
from inventory_assets.replenishment.policy_inputs import policy_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.demand import Demand
    from inventory_assets.settings import ForecastSettings

HORIZON_SOURCES = (SUPPLIER_PERFORMANCE, PRODUCTS, SUPPLIERS)
DECIDING = ("lead_time", "review_period", "unit_cost")
"""Parameters a horizon follows from; the cost of a unit by its class."""


def horizons(
    lake: Lake, pins: Mapping[str, int], demand: Demand, parameters: pl.DataFrame, settings: ForecastSettings,
    today: date,
) -> NDArray[np.int64]:  # fmt: skip
    """Days ahead of each pair of the demand.

    Args:
        lake: the tables.
        pins: versions to read.
        demand: what is known of demand.
        parameters: rows of `replenishment/planning_parameters`.
        settings: horizon without a lead time, and the longest one.
        today: the day whose settings hold.
    """
    pairs = demand.pairs
    units = pairs.units[:, -HISTORY_DAYS:]
    first = pairs.last_day - timedelta(days=units.shape[1] - 1)
    brought = demand.items.keys.with_columns(total_revenue=pl.Series(demand.price), total_quantity_sold=1)
    found = policy_pairs(
        History(pairs.keys.with_columns(last_demand_day=pl.lit(pairs.last_day)), first, units),
        current(lake, PRODUCTS, pins),
        brought,
        parameters,
        lake.scan(SUPPLIER_PERFORMANCE, pins.get(SUPPLIER_PERFORMANCE.path)).collect(),
        current(lake, SUPPLIERS, pins),
        today,
    )
    lead, review = (
        found[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in ("lead_time_days", "review_period")
    )
    return own_horizons(lead, review, settings.horizon_days, settings.longest_horizon_days)


def deciding_checksum(parameters: pl.DataFrame, today: date) -> int:
    """A number that changes when a parameter that a horizon follows from does."""
    told = in_force(parameters, today).filter(pl.col("name").is_in(DECIDING)).sort("parameter_id")
    return crc32(told.select("scope", "scope_value", "location_id", "name", "value").write_csv().encode())
