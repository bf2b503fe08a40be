"""Gold and silver into what stands beside the forecasts: diagnoses of smooth series, lead times of suppliers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import FORECAST_DIAGNOSTICS, LEAD_TIME_STATS
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.contracts.silver import PRODUCTS, SUPPLIER_ORDERS
from inventory_assets.forecast.diagnosis import diagnosed
from inventory_assets.forecast.lead_times import lead_time_stats
from inventory_assets.forecast.series import panel
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.medallion.supplier_orders import current_lines
from inventory_assets.pipeline.demand import daily_sales
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new
from inventory_assets.replenishment.classification import abc_classes

LARGEST = 4
"""Series of each kind that are looked at: the fits of one take seconds."""
DAYS = 365
HELD_BACK = 28
UNNAMED = "no category"
SERIES = ("kind", "name", "location_id")


def refresh_diagnostics(workspace: Workspace, *, anew: bool = False) -> Report:
    """Diagnose the largest smooth series again when sales or items changed, or `anew`."""
    lake, table = workspace.lake, FORECAST_DIAGNOSTICS
    report, pins = Report((table,)), lake.pins((DAILY_INVENTORY_SUMMARY, PRODUCTS))
    if DAILY_INVENTORY_SUMMARY.path not in pins or (not anew and nothing_new(lake, table, pins)):
        return report
    today = workspace.now().date()
    sales = daily_sales(lake, pins, today)
    masters = lake.scan(PRODUCTS, pins.get(PRODUCTS.path)).filter("is_current")
    items = masters.select("product_sku", "category").unique("product_sku", keep="first", maintain_order=True).collect()
    rows = list(_diagnoses(sales, items, today))
    frame = pl.DataFrame(rows, schema=polars_schema(table), orient="row") if rows else empty(table)
    report.add(table, lake.replace(table, frame, Scope(), pins), None)
    return report


def refresh_lead_times(workspace: Workspace, *, anew: bool = False) -> Report:
    """Measure lead times again when supplier orders changed, or `anew`."""
    lake, table = workspace.lake, LEAD_TIME_STATS
    report, pins = Report((table,)), lake.pins((SUPPLIER_ORDERS,))
    if not pins or (not anew and nothing_new(lake, table, pins)):
        return report
    lines = current_lines(lake.scan(SUPPLIER_ORDERS, pins[SUPPLIER_ORDERS.path]))
    rows = lead_time_stats(lines, workspace.now().date()).collect()
    report.add(table, lake.replace(table, rows, Scope(), pins), None)
    return report


def _diagnoses(sales: pl.DataFrame, items: pl.DataFrame, today: date) -> Iterator[tuple]:
    if sales.is_empty():
        return
    earliest, last = sales.select(pl.col("day").min().alias("first"), pl.col("day").max().alias("last")).row(0)
    first = max(earliest, last - timedelta(days=DAYS - 1))
    series = _largest(sales.filter(pl.col("day") >= first), items)
    found = panel(series, SERIES, first, last)
    for key, units in zip(found.keys.rows(), found.units, strict=True):
        for each in diagnosed(units[~np.isnan(units)], HELD_BACK):
            measured = (each.rmsse, each.aic, each.ljung_box)
            yield (
                *key, each.model, last, each.best, *(None if np.isnan(value) else value for value in measured),
                each.trend_strength, each.season_strength, today,
            )  # fmt: skip


def _largest(sales: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Demand of the largest categories of a location, and of the largest items of class A, by value."""
    value = sales.group_by("product_sku").agg(pl.col("revenue").sum()).sort("revenue", "product_sku", descending=True)
    top = value.filter(pl.Series(abc_classes(value["revenue"].clip(lower_bound=0).to_numpy()) == "A")).head(LARGEST)
    by_item = sales.join(top, on="product_sku", how="semi").select(
        pl.lit("item").alias("kind"),
        pl.col("product_sku").alias("name"),
        pl.lit("all").alias("location_id"),
        "day",
        "units",
    )
    named = sales.join(items, on="product_sku", how="left").with_columns(pl.col("category").fill_null(UNNAMED))
    pair = ["category", "location_id"]
    most = named.group_by(pair).agg(pl.col("revenue").sum()).sort("revenue", *pair, descending=True).head(LARGEST)
    by_category = named.join(most, on=pair, how="semi").select(
        pl.lit("category").alias("kind"), pl.col("category").alias("name"), "location_id", "day", "units"
    )
    return pl.concat([by_item, by_category])
