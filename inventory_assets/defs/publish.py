"""The DuckDB file for analysts, and the resources to write and to read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.domains import data_class
from inventory_assets.contracts.forecast import FORECAST_TABLES
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.silver import DAY_BALANCE, LOCATIONS, PRODUCTS, QUARANTINE, SUPPLIERS
from inventory_assets.contracts.tables import PLANNED
from inventory_assets.defs.freshness import policy
from inventory_assets.defs.lane import carried_here
from inventory_assets.defs.resources import Store
from inventory_assets.defs.shown import list_of_tables, published_details
from inventory_assets.defs.specs import OWNER, key

if TYPE_CHECKING:
    import duckdb

PUBLISHED = (*GOLD, *ANALYTICS, *FORECAST_TABLES, *PLANNED, PRODUCTS, LOCATIONS, SUPPLIERS, DAY_BALANCE, QUARANTINE)
READABLE_SINCE = "v1.2.0"
"""Oldest DuckDB that can open the file: drivers of BI tools are years behind, and the newest format is no smaller."""


@contextmanager
def writing(path: Path) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection of the dagster-duckdb resource on a private path, where no reader stands in the way."""
    from dagster_duckdb import DuckDBResource

    readable = {"storage_compatibility_version": READABLE_SINCE}
    with DuckDBResource(database=str(path), connection_config=readable).get_connection() as connection:
        yield connection


def publish_now(store: Store) -> dict[str, Any]:
    """Publish if a publication is due; numbers for people and plots."""
    from inventory_assets.lakehouse.refusals import refusals_told
    from inventory_assets.pipeline.publish import refresh_published

    settings = store.settings()
    with refusals_told([str(settings.serving)]):
        published = refresh_published(store.workspace(), settings, writing)
    if published is None:
        return {"published": False}
    return {
        "published": True,
        "publish_id": published.publish_id,
        "path": dg.MetadataValue.path(str(published.path)),
        "bytes": published.size,
        "rows": sum(published.rows.values()),
        "rows_written": sum(published.rows_written.values()),
        "incremental": published.incremental,
    }


@dg.asset(
    key=["serving", "inventory_duckdb"],
    deps=[key(table.path) for table in PUBLISHED],
    group_name="serving",
    kinds={"duckdb"},
    owners=[OWNER],
    tags={"layer": "serving", "domain": "all", "data_class": data_class(*PUBLISHED)},
    metadata={"tables": dg.MetadataValue.md(list_of_tables(PUBLISHED))},
    pool="duckdb",
    freshness_policy=policy("serving/inventory_duckdb"),
    description="`serving/inventory.duckdb`: gold, analytics and masters for analysts and BI tools, replaced in one "
    "step and always readable. Changed days only; at most once every `publish.min_interval_seconds`.\n\n"
    "**Grain**: one file, one publish id in all tables\n\n**Late data**: the days that changed",
)
def inventory_duckdb(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult:
    """Publish what changed since the last publication."""
    carried_here(context)
    begun = perf_counter()
    numbers = publish_now(store)
    seconds = round(perf_counter() - begun, 3)
    return dg.MaterializeResult(metadata={**numbers, "seconds": seconds, **published_details(store)})
