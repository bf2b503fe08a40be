"""The lake into the DuckDB file: what changed since the last publication, no oftener than the settings say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.restore import versions_on
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.publish.build import PublishMeta
from inventory_assets.publish.publication import (
    LastPublication,
    Publication,
    due,
    last_publication,
    new_publish_id,
    publish,
)
from inventory_assets.publish.tables import AS_STORED, SOURCES, day_column, published_changes, published_frames
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from inventory_assets.publish.build import Files

LAKE_TABLES = tuple(TABLES[path] for path in sorted(set(SOURCES.values())))
"""Lake tables that the file is made from."""


def behind(lake: Lake, last: LastPublication | None) -> dict[str, int]:
    """Lake tables whose newest version is not in the file, with that version."""
    carried = last.versions if last is not None else {}
    return {path: version for path, version in lake.pins(LAKE_TABLES).items() if carried.get(path) != version}


def publication_due(workspace: Workspace, settings: Settings) -> bool:
    """Whether something waits for publication and the pause since the last one is over."""
    last = last_publication(settings.serving)
    if not behind(workspace.lake, last):
        return False
    pause = timedelta(seconds=settings.publish.min_interval_seconds)
    return due(last.published_at if last is not None else None, workspace.now(), workspace.now(), pause)


def refresh_published(
    workspace: Workspace,
    settings: Settings,
    open_connection: Callable[[Path], AbstractContextManager[duckdb.DuckDBPyConnection]],
    *,
    whole: bool = False,
) -> Publication | None:
    """Publish what changed, if a publication is due.

    Args:
        workspace: stores, profiles, clock.
        settings: serving folder, pauses, kept files.
        open_connection: opens a private path for writing.
        whole: publish everything anew, now.

    Returns:
        The publication, None when nothing changed or the last one is too recent.
    """
    lake = workspace.lake
    if not whole and not publication_due(workspace, settings):
        return None
    last = last_publication(settings.serving)
    pins = lake.pins(LAKE_TABLES)
    now = workspace.now()
    meta = PublishMeta(new_publish_id(now, pins), now, pins, time_zones=_zones(workspace))
    changed = None if whole or last is None else published_changes(_changes(lake, last.versions, pins))
    frames = published_frames(lambda path: lake.scan(TABLES[path], pins.get(path)))
    return publish(
        settings.serving, open_connection, frames, changed, meta, stored=_stored(lake, pins),
        keep_files=settings.publish.keep_files, keep_seconds=settings.publish.keep_seconds,
    )  # fmt: skip


def publish_as_of(workspace: Workspace, day: date, folder: Path) -> Publication:
    """Publish into a folder of its own what the tables held when a UTC day ended.

    Args:
        workspace: lake, profiles, clock.
        day: the day; a tag must tell how it ended.
        folder: an empty folder.

    Raises:
        TagsError: no tag tells how the day ended.
        PublishError: a file of that day cannot be read.
    """
    import duckdb

    lake, now = workspace.lake, workspace.now()
    pins = versions_on(lake, day)
    meta = PublishMeta(new_publish_id(now, pins), now, pins, time_zones=_zones(workspace))

    def read(path: str) -> pl.LazyFrame:
        return lake.scan(TABLES[path], pins[path]) if path in pins else empty(TABLES[path]).lazy()

    return publish(folder, lambda path: closing(duckdb.connect(str(path))), published_frames(read), None, meta)


def _stored(lake: Lake, pins: Mapping[str, int]) -> dict[str, Files]:
    """Files of the tables that are published as they stand, where DuckDB can read them."""

    def files(path: str) -> Files:
        return lambda days: lake.stored_files(TABLES[path], pins.get(path), days) or []

    return {table.path: files(table.path) for table in AS_STORED} if "://" not in lake.root else {}


def _zones(workspace: Workspace) -> tuple[str, ...]:
    return tuple(sorted({workspace.profiles[name].time_zone for name in workspace.profiles}))


def _changes(
    lake: Lake, published: Mapping[str, int | None], pins: dict[str, int]
) -> dict[str, set[date | None] | None]:
    changes: dict[str, set[date | None] | None] = {}
    for path, version in pins.items():
        table = TABLES[path]
        after = published.get(path)
        if after == version:
            continue
        changes[path] = lake.changed_days(table, after, version) if after is not None and day_column(table) else None
    return changes
