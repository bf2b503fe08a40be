"""The declared sources of a column are those that change it: every input column is changed by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import analytics, gold, silver
from inventory_assets.contracts.column_lineage import COLUMN_SOURCES
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import TABLES
from inventory_assets.medallion.analytics_customers import customer_behavior_features
from inventory_assets.medallion.analytics_demand import demand_forecasting_features
from inventory_assets.medallion.analytics_items import inventory_optimization_features
from inventory_assets.medallion.gold_sales import daily_inventory_summary, product_performance, store_performance
from inventory_assets.medallion.gold_suppliers import supplier_performance
from inventory_assets_tests.frames import random_frame

TODAY, FIRST = date(2024, 6, 1), date(2024, 2, 20)
DAYS = tuple(FIRST + timedelta(days=offset) for offset in range(16))
WHEN = {"transaction_date", "event_date"}
"""Not changed, as keys are not: a day decides which rows belong to a window, so everything follows from it."""
TOGETHER = {gold.SUPPLIER_PERFORMANCE.path: {"order_id", "line_number", "product_sku"}}
"""Not changed either: columns that say which rows are one thing, here the reports of an order line."""
FEW = {
    "store_id": ("S1", "S2"), "product_sku": ("A", "B", "C"), "customer_id": ("C1", "C2", "C3"),
    "supplier_id": ("SUP",), "source_system": ("till",), "currency": ("GBP",), "order_id": ("O1", "O2", "O3"),
    "line_number": (1, 2), "demand_quantity": (0, 1, 2, 5),
    "total_quantity_sold": (1, 2, 3, 4), "avg_unit_price": (Decimal("1.5"), Decimal(300)),
}  # fmt: skip
Frames = dict[str, pl.DataFrame]


def lazily(frames: Frames, *tables: Table) -> list[pl.LazyFrame]:
    return [frames[table.path].lazy() for table in tables]


COMPUTED: dict[str, Callable[[Frames], pl.LazyFrame]] = {
    gold.DAILY_INVENTORY_SUMMARY.path: lambda f: daily_inventory_summary(
        *lazily(f, silver.SALES, silver.RETURNS, silver.GIVEN_AWAY, silver.STOCK_ADJUSTMENTS), TODAY
    ),
    gold.PRODUCT_PERFORMANCE.path: lambda f: product_performance(*lazily(f, silver.SALES, silver.RETURNS), TODAY),
    gold.STORE_PERFORMANCE.path: lambda f: store_performance(*lazily(f, silver.SALES, silver.RETURNS), TODAY),
    gold.SUPPLIER_PERFORMANCE.path: lambda f: supplier_performance(*lazily(f, silver.SUPPLIER_ORDERS), TODAY),
    analytics.DEMAND_FORECASTING_FEATURES.path: lambda f: demand_forecasting_features(
        *lazily(f, gold.DAILY_INVENTORY_SUMMARY), DAYS, FIRST, {"*": [DAYS[3]]}, TODAY
    ),
    analytics.INVENTORY_OPTIMIZATION_FEATURES.path: lambda f: inventory_optimization_features(
        *lazily(f, gold.DAILY_INVENTORY_SUMMARY), DAYS[-1], FIRST, TODAY
    ),
    analytics.CUSTOMER_BEHAVIOR_FEATURES.path: lambda f: customer_behavior_features(
        *lazily(f, silver.SALES, silver.RETURNS, silver.CANCELLATIONS), DAYS[-1], TODAY
    ),
}


def made(table: Table, seed: int) -> Frames:
    """A frame of each table it is computed from."""
    return {path: random_frame(TABLES[path], seed + place, 60, DAYS, FEW) for place, path in enumerate(table.upstream)}


def apart(table: Table) -> set[str]:
    """Input columns that decide which rows there are."""
    return {*WHEN, *table.key, *TOGETHER.get(table.path, ())}


def observed(table: Table, seed: int) -> dict[str, set[str]]:
    """Columns of a table that change when one column of an input gets other values, with these inputs."""
    frames, others, key = made(table, seed), made(table, seed + 50), list(table.key)
    before = COMPUTED[table.path](frames).collect().sort(key)
    found: dict[str, set[str]] = {}
    for path, frame in frames.items():
        for column in frame.columns:
            if column in apart(table):
                continue
            new = others[path][column].sample(frame.height, seed=seed, with_replacement=True)
            changed = {**frames, path: frame.with_columns(new)}
            after = COMPUTED[table.path](changed).collect().sort(key)
            assert before.select(key).equals(after.select(key), null_equal=True), f"{path}.{column} decides rows"
            for name in before.columns:
                if not before[name].equals(after[name], null_equal=True):
                    found.setdefault(name, set()).add(f"{path}.{column}")
    return found


@pytest.mark.parametrize("path", COLUMN_SOURCES)
def test_a_column_changes_with_its_declared_sources_and_no_other(path):
    table = TABLES[path]
    found: dict[str, set[str]] = {}
    for seed in (0, 100):
        for name, sources in observed(table, seed).items():
            found.setdefault(name, set()).update(sources)
    meant = {
        name: kept
        for name, sources in COLUMN_SOURCES[path].items()
        if (kept := {source for source in sources if source.rpartition(".")[2] not in apart(table)})
    }
    assert found == meant


@pytest.mark.parametrize("path", COLUMN_SOURCES)
def test_every_source_is_a_declared_column_upstream_and_every_column_has_its_say(path):
    table, declared = TABLES[path], COLUMN_SOURCES[path]
    assert set(declared) <= set(table.column_names)
    for source in {each for sources in declared.values() for each in sources}:
        upstream, _, column = source.rpartition(".")
        assert upstream in table.upstream
        assert column in TABLES[upstream].column_names
    counts_or_stamps = {"processing_date", "total_transactions", "daily_transactions", "lines"}
    assert set(table.column_names) - set(declared) <= counts_or_stamps
