"""Runs the pipeline without Dagster on real Delta tables, and compares lakes cell by cell."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.silver import DAY_BALANCE, SILVER
from inventory_assets.contracts.sources import Profiles, load_profiles
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.ingest import Ingested, ingest, plan
from inventory_assets.pipeline.publish import refresh_published
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.publish.layout import current
from inventory_assets.settings import IngestSettings, PublishSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from inventory_assets.contracts.model import Table
    from inventory_assets.publish.publication import Publication

ABOVE_BRONZE: tuple[Table, ...] = (*SILVER, *GOLD, *ANALYTICS)
NOW = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
READY = IngestSettings(ready_after_seconds=0)


def workspace_at(
    folder: Path,
    *,
    sources: str = "",
    now: datetime = NOW,
    lake: type[Lake] = Lake,
    block_days: int = 31,
    block_rows: int = 1_500_000,
) -> Workspace:
    """A workspace on a folder, its clock standing still."""
    profiles: Profiles = load_profiles(sources) if sources else load_profiles()
    return Workspace(
        lake(str(folder / "lakehouse")), str(folder / "landing"), profiles, lambda: now, block_days, block_rows
    )


def drop(workspace: Workspace, contents: Mapping[str, bytes]) -> None:
    """Write landing files by path."""
    for path, content in contents.items():
        target = Path(workspace.landing, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def take_in(
    workspace: Workspace, paths: Collection[str] | None = None, *, batch_rows: int = 100_000, reread: bool = False
) -> Ingested:
    """Take in the named landing files, by default all that are new."""
    wanted = [file.path for file in plan(workspace, READY).files] if paths is None else paths
    return ingest(workspace, wanted, batch_rows=batch_rows, reread=reread)


def run(workspace: Workspace, contents: Mapping[str, bytes] | None = None, **options: int) -> Workspace:
    """Drop files, take them in, refresh everything."""
    drop(workspace, contents or {})
    take_in(workspace, **options)
    refresh_all(workspace)
    return workspace


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writable DuckDB connection."""
    with duckdb.connect(str(path)) as connection:
        yield connection


def published(workspace: Workspace, *, whole: bool = False) -> Publication | None:
    """Publish into `serving/` beside the lake."""
    settings = Settings(data_dir=Path(workspace.lake.root).parent, publish=PublishSettings(min_interval_seconds=0))
    return refresh_published(workspace, settings, writing, whole=whole)


def facts(workspace: Workspace, table: Table) -> pl.DataFrame:
    """Fact columns of a table, in one order whatever the storage's."""
    frame = workspace.lake.scan(table).select(table.fact_columns).collect()
    return frame.sort(frame.columns, nulls_last=True)


def difference(left: Workspace, right: Workspace, skip: Iterable[Table] = (DAY_BALANCE,)) -> dict[str, pl.DataFrame]:
    """Rows of tables above bronze that only one of two lakes holds, by path; empty where both say the same."""
    found = {}
    for table in ABOVE_BRONZE:
        if table in tuple(skip):
            continue
        mine, theirs = facts(left, table), facts(right, table)
        if not mine.equals(theirs):
            found[table.path] = pl.concat(
                [
                    only(mine, theirs).with_columns(side=pl.lit("left")),
                    only(theirs, mine).with_columns(side=pl.lit("right")),
                ]
            )
    return found


def only(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Rows of a frame that another lacks, each as often as it is missing."""
    by = one.columns
    copy = pl.int_range(pl.len()).over(by).alias("copy")
    return one.with_columns(copy).join(other.with_columns(copy), on=[*by, "copy"], how="anti", nulls_equal=True)


def same(left: Workspace, right: Workspace, skip: Iterable[Table] = (DAY_BALANCE,)) -> None:
    """Assert that two lakes hold the same facts above bronze."""
    found = difference(left, right, skip)
    assert not found, "\n".join(f"{path}: {frame.height} rows differ\n{frame.head(6)}" for path, frame in found.items())


def bronze_rows(workspace: Workspace) -> dict[str, pl.DataFrame]:
    """Rows of every bronze table in one order, without when they were read."""
    rows = {}
    for name, table in BRONZE.items():
        frame = workspace.lake.scan(table).drop("ingestion_timestamp", "processing_date").collect()
        rows[name] = frame.sort("source_file", "content_hash", "row_number")
    return rows


def versions(workspace: Workspace) -> dict[str, int]:
    """Newest version of every table that exists."""
    return workspace.lake.pins(TABLES.values())


def duckdb_tables(serving: Path) -> dict[str, pl.DataFrame]:
    """Every base table of the published file, lineage and publication bookkeeping left out."""
    path = current(serving)
    assert path is not None
    frames = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND schema_name <> 'main'"
        ).fetchall()
        for schema, name in names:
            frame = connection.sql(f'SELECT * FROM "{schema}"."{name}"').pl()
            declared = next((t for t in ABOVE_BRONZE if t.name == name), None)
            if declared is not None:
                frame = frame.drop([c.name for c in declared.columns if c.lineage and c.name in frame.columns])
            frames[f"{schema}.{name}"] = frame.sort(frame.columns, nulls_last=True)
    return frames


def later(now: datetime, **span: float) -> datetime:
    """A clock that is further on."""
    return now + timedelta(**span)
