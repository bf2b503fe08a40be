"""Online Retail II as demand of items by day, through the pipeline, frozen by a hash."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import ROOT
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.forecast.series import Panel, active_weeks, panel
from inventory_assets.ingest.loaders import load_online_retail
from inventory_assets.pipeline.gold import refresh_sales
from inventory_assets.pipeline.ingest import ingest, plan
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.silver import refresh_facts, refresh_masters
from inventory_assets.settings import Settings

FILE = "online_retail_ii/online_retail_ii_to_2011-05-31.parquet"
FROZEN = "34eed1d3b9b3caed86e0d6433c1bc5b45a90a8e8b2c2b5a774cc0fdea6ae02e2"
"""SHA-256 of item, day, units and revenue of every row, in order."""
FIRST_DAY, LAST_DAY = date(2009, 12, 1), date(2011, 5, 31)
HORIZON = 28
ORIGINS = tuple(date(2011, 5, 3) - timedelta(days=HORIZON * back) for back in range(6, -1, -1))
"""Seven, 28 days apart: from 2010-11-16, before Christmas, to 2011-05-03, whose 28 days end with the data."""
LEAST_WEEKS = 10
"""Weeks with demand before an origin that an item needs to be scored there."""


class PanelChangedError(RuntimeError):
    """Demand is not what the targets were set for."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The panel.

    Attributes:
        demand: items × days.
        revenue: money of their sales, same shape.
        sold: units sold before cancellations, same shape.
    """

    demand: Panel
    revenue: NDArray[np.float64]
    sold: NDArray[np.float64]

    def price(self, origin: int) -> NDArray[np.float64]:
        """Revenue ÷ units sold of each item up to a column."""
        units = self.sold[:, : origin + 1].sum(axis=1)
        return self.revenue[:, : origin + 1].sum(axis=1) / np.maximum(units, 1)

    def scored(self, origin: int) -> NDArray[np.bool_]:
        """Items with enough weeks of demand up to a column."""
        return active_weeks(self.demand.units[:, : origin + 1]) >= LEAST_WEEKS


def shared_data() -> Path:
    """Folder of the public data sets."""
    return Path(os.environ.get("INVENTORY_SHARED_DATA") or ROOT.parent / "shared" / "data").resolve()


def daily_rows() -> pl.DataFrame:
    """Gold rows of the data set by item, location and day."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        workspace = open_workspace(settings, lambda: datetime(2026, 1, 1, tzinfo=UTC))
        load_online_retail(shared_data() / FILE, settings.data_dir / "landing", workspace.profiles)
        planned = plan(workspace, settings.ingest)
        ingest(workspace, [file.path for file in planned.files], batch_rows=settings.block_rows)
        refresh_masters(workspace)
        refresh_facts(workspace)
        refresh_sales(workspace)
        return workspace.lake.scan(DAILY_INVENTORY_SUMMARY).collect()


def frozen(rows: pl.DataFrame) -> Frozen:
    """The panel of gold rows.

    Raises:
        PanelChangedError: the rows differ from those the targets were set for.
    """
    summed = (
        rows.group_by(pl.col("product_sku").alias("item"), pl.col("transaction_date").alias("day"))
        .agg(
            pl.col("demand_quantity").sum().alias("units"),
            pl.col("total_quantity_sold").sum().alias("sold"),
            pl.col("total_revenue").cast(pl.Float64).sum().round(2).alias("revenue"),
        )
        .sort("item", "day")
    )
    text = summed.select("item", "day", "units", pl.col("revenue").map_elements("{:.2f}".format, pl.String))
    found = hashlib.sha256(text.write_csv().encode()).hexdigest()
    if found != FROZEN:
        raise PanelChangedError(f"the panel's hash is {found}, not {FROZEN}: demand changed since the targets were set")
    demand = panel(summed, ["item"], FIRST_DAY, LAST_DAY)
    placed = summed.join(demand.keys.with_row_index("_row"), on="item")
    at = placed["_row"].to_numpy(), (placed["day"] - FIRST_DAY).dt.total_days().to_numpy()
    revenue, sold = np.zeros_like(demand.units), np.zeros_like(demand.units)
    revenue[at], sold[at] = placed["revenue"].to_numpy(), placed["sold"].to_numpy()
    return Frozen(demand, revenue, sold)
