"""Running the whole pipeline without Dagster, and comparing what it left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import DAY_BALANCE, DECISIONS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.publish import writing
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.ingest import Ingested, ingest, plan
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.publish import refresh_published
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.publish.sql import connect
from inventory_assets.settings import Settings
from inventory_assets.simulator import History, HistoryConfig, simulate_history, sources_toml, write_history

FACTS = [table for table in TABLES.values() if table.layer != "bronze" and table not in (DAY_BALANCE, DECISIONS)]
BRONZE = [table for table in TABLES.values() if table.layer == "bronze"]


def workspace_at(settings: Settings, now: datetime) -> Workspace:
    """A workspace whose clock stands still."""
    return open_workspace(settings, lambda: now)


def simulated(config: HistoryConfig, data_dir: Path) -> tuple[History, Settings, Workspace]:
    """A simulated history, taken in and refreshed at its end."""
    history = simulate_history(config)
    settings = Settings(data_dir=data_dir)
    write_history(history, data_dir / "landing", data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, history.config.end)
    refresh_everything(workspace, settings)
    return history, settings, workspace


def take_in(workspace: Workspace, settings: Settings) -> Ingested:
    """Everything that is complete and new, into bronze."""
    planned = plan(workspace, settings.ingest)
    return ingest(workspace, [file.path for file in planned.files], batch_rows=settings.block_rows)


def refresh_everything(workspace: Workspace, settings: Settings) -> Report:
    """Landing to analytics."""
    take_in(workspace, settings)
    return refresh_all(workspace)


def publish_everything(workspace: Workspace, settings: Settings) -> None:
    """The DuckDB file, whatever the pause since the last one."""
    hurried = settings.model_copy(update={"publish": settings.publish.model_copy(update={"min_interval_seconds": 0.0})})
    refresh_published(workspace, hurried, writing)


def facts(lake: Lake, table: Table) -> pl.DataFrame:
    """Rows of a table without lineage, in an order of their own."""
    columns = [name for name in table.fact_columns if name != "processing_date"]
    return lake.scan(table).select(columns).collect().sort(columns, nulls_last=True)


def all_facts(lake: Lake) -> dict[str, pl.DataFrame]:
    """`facts` of every table of silver, gold and analytics, by path."""
    return {table.path: facts(lake, table) for table in FACTS}


def differences(one: Lake | Mapping[str, pl.DataFrame], other: Lake) -> dict[str, str]:
    """Tables of silver, gold and analytics whose fact cells differ, with a few of the cells; one may be `all_facts`."""
    found, wanted = {}, all_facts(one) if isinstance(one, Lake) else one
    for table in FACTS:
        left, right = wanted[table.path], facts(other, table)
        if not left.equals(right, null_equal=True):
            first = pl.concat([left.with_columns(side=pl.lit("one")), right.with_columns(side=pl.lit("other"))])
            odd = first.filter(first.select(left.columns).is_unique())
            found[table.path] = f"{left.height} and {right.height} rows, {odd.height} differ: {odd.head(2).to_dicts()}"
    return found


def bronze_rows(lake: Lake, table: Table) -> pl.DataFrame:
    """Rows of a bronze table as a multiset of what came in: without when it was read."""
    when = {"ingestion_timestamp", "processing_date"}
    columns = [name for name in table.column_names if name not in when]
    return lake.scan(table).select(columns).collect().sort(columns, nulls_last=True)


def published_cells(serving: Path) -> dict[str, list[tuple]]:
    """Rows of every published table of gold, analytics and silver, sorted."""
    connection = connect(serving)
    try:
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('gold', 'analytics', 'silver') ORDER BY ALL"
        ).fetchall()
        return {
            f"{schema}.{name}": connection.execute(f'SELECT * FROM "{schema}"."{name}" ORDER BY ALL').fetchall()
            for schema, name in names
        }
    finally:
        connection.close()


def versions(lake: Lake) -> dict[str, int]:
    """Version of every table that exists."""
    return lake.pins(TABLES.values())
