"""Formulas side by side on the demand of an installation: the table, and the same for other terms without storing."""

from __future__ import annotations

import numpy as np
import polars as pl

from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.planning_figures import POLICY_BACKTEST
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.contracts.silver import PRODUCTS
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.replenishment import POLICY_INPUTS, current, demand_of
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.replenishment.comparing import Setup, nominal
from inventory_assets.replenishment.outcome import Prices

LEAST_BEFORE = 56
"""Days before the measured ones that formulas learn from at least."""
SEED = 20260101


def refresh_backtest(workspace: Workspace, setup: Setup | None = None) -> Report:
    """Compute the comparison anew; half of the history is measured where it is shorter than a year."""
    lake = workspace.lake
    report = Report((POLICY_BACKTEST,))
    rows = compared(workspace, setup)
    report.add(POLICY_BACKTEST, lake.replace(POLICY_BACKTEST, rows, Scope(), lake.pins(POLICY_INPUTS)), None)
    return report


def compared(workspace: Workspace, setup: Setup | None = None) -> pl.DataFrame:
    """Rows of `replenishment/policy_backtest`; none where the history is too short.

    Args:
        workspace: lake and clock.
        setup: terms; by default R = L = 7 days, a fill rate of 95 %, the last half year or half of the history.
    """
    lake, today = workspace.lake, workspace.now().date()
    pins = lake.pins(POLICY_INPUTS)
    settings = lake.scan(PLANNING_PARAMETERS, pins.get(PLANNING_PARAMETERS.path)).collect()
    _, told = demand_of(lake, pins, today, settings)
    if told is None:
        return empty(POLICY_BACKTEST)
    days = told.demand.shape[1]
    chosen = setup or Setup(measure_days=min(182, days // 2))
    if days - chosen.measure_days < LEAST_BEFORE:
        return empty(POLICY_BACKTEST)
    master = current(lake, PRODUCTS, pins).select("product_sku", cost=pl.col("unit_cost").cast(pl.Float64))
    priced = told.pairs.join(master.unique("product_sku", keep="last"), on="product_sku", how="left",
                             maintain_order="left")  # fmt: skip
    cost = priced["cost"].fill_null(1.0).clip(0.01).to_numpy()
    units = np.maximum(told.units, 0).astype(np.int64)
    rows = nominal(units, Prices(unit_cost=cost), chosen, np.random.default_rng(SEED))
    frame = pl.DataFrame(rows).with_columns(
        first_day=pl.lit(told.last_day) - pl.duration(days=chosen.measure_days - 1),
        last_day=pl.lit(told.last_day),
        pairs=pl.lit(len(units)),
        lead_time_days=pl.lit(chosen.lead_time),
        review_period_days=pl.lit(chosen.review_period),
        target=pl.lit(chosen.target),
        processing_date=pl.lit(today),
    )
    numbers = [name for name, kind in frame.schema.items() if kind == pl.Float64]
    return (
        frame.with_columns(pl.col(numbers).fill_nan(None))
        .select(POLICY_BACKTEST.column_names)
        .cast(
            polars_schema(POLICY_BACKTEST)  # type: ignore[arg-type]
        )
    )
