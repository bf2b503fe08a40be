"""One publication from start to end, and when one is due.

Steps are `layout`, `build` and `checks`; this module only puts them in order. Invariant: nothing a reader can see
changes before the checks have passed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from inventory_assets.publish.build import PublishMeta, build
from inventory_assets.publish.checks import check_file
from inventory_assets.publish.files import LOCAL, FileOps
from inventory_assets.publish.layout import current, stage, switch
from inventory_assets.publish.sql import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import duckdb
    import polars as pl

    from inventory_assets.publish.build import Files
    from inventory_assets.publish.tables import Days


@dataclass(frozen=True, slots=True)
class Publication:
    """A published file.

    Attributes:
        path: the file.
        publish_id: its id.
        incremental: whether it continued the file before it.
        rows: rows of each table, by path.
        rows_written: rows of each table that were written anew.
        size: bytes of the file.
    """

    path: Path
    publish_id: str
    incremental: bool
    rows: dict[str, int]
    rows_written: dict[str, int]
    size: int


@dataclass(frozen=True, slots=True)
class LastPublication:
    """What the current file says about itself; changes since then are what the next one must replace.

    Attributes:
        path: the file.
        publish_id: its id.
        published_at: its time.
        versions: lake version each table was read at, by path of the lake table.
    """

    path: Path
    publish_id: str
    published_at: datetime
    versions: dict[str, int | None]


def last_publication(folder: Path) -> LastPublication | None:
    """Read position and time of the current file from the file itself; None where there is none to continue.

    Raises:
        PublishError: the file cannot be opened.
    """
    path = current(folder)
    if path is None or not path.exists():
        return None
    with closing(connect(folder)) as connection:
        rows = connection.execute(
            "SELECT publish_id, epoch_us(published_at), lake_table, lake_version FROM main.data_as_of"
        ).fetchall()
    moment = datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=rows[0][1])
    return LastPublication(path, rows[0][0], moment, {row[2]: row[3] for row in rows})


def new_publish_id(now: datetime, versions: Mapping[str, int | None]) -> str:
    """An id that sorts by time and says from which lake versions: "20240131T235959123456Z-1f0c9a2b".

    Args:
        now: time of the publication, UTC.
        versions: lake version by path of the lake table.
    """
    position = ",".join(f"{path}={versions[path]}" for path in sorted(versions))
    return f"{now:%Y%m%dT%H%M%S%fZ}-{blake2b(position.encode(), digest_size=4).hexdigest()}"


def due(
    last_published: datetime | None, now: datetime, changed_since: datetime | None, min_interval: timedelta
) -> bool:
    """Whether to publish now: something changed, and the last publication is long enough ago.

    The first change after a pause is published at once; while data keeps changing, one publication an interval.

    Args:
        last_published: last publication, None where there was none.
        now: the time.
        changed_since: oldest change that is not published, None where there is none.
        min_interval: shortest time between two publications.
    """
    if changed_since is None:
        return False
    # a last publication in the future means that the clock was set back; waiting for it could take for ever
    return last_published is None or now < last_published or now - last_published >= min_interval


def publish(
    folder: Path,
    open_connection: Callable[[Path], AbstractContextManager[duckdb.DuckDBPyConnection]],
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame],
    changed: Mapping[str, Days | None] | None,
    meta: PublishMeta,
    *,
    stored: Mapping[str, Files] | None = None,
    keep_files: int = 3,
    keep_seconds: float = 300.0,
    files: FileOps = LOCAL,
) -> Publication:
    """Build a file aside, check it, and let readers have it.

    Args:
        folder: serving folder.
        open_connection: opens a path for writing and closes it at the end of the block.
        tables: whole frame of every published table (lazy: only what is needed is read). Where there is no last file
            to continue, everything is built whatever `changed` says.
        changed: what changed since the last publication, see `build.build`; None builds everything anew, which also
            gives back the space that replaced rows left.
        meta: what the publication says about itself.
        stored: see `build.build`.
        keep_files: see `layout.switch`.
        keep_seconds: see `layout.switch`.
        files: file operations.

    Returns:
        The publication.

    Raises:
        PublishError: it did not happen; readers keep what they had.
    """
    path, continued = stage(folder, meta.publish_id, incremental=changed is not None, files=files)
    with open_connection(path) as connection, closing(connection):  # closed after a failure too, or DuckDB keeps it
        written = build(connection, tables, changed if continued else None, meta, stored)
    check_file(path, written, meta.publish_id)
    published = switch(
        folder, meta.publish_id, meta.published_at, keep_files=keep_files, keep_seconds=keep_seconds, files=files
    )
    return Publication(
        path=published,
        publish_id=meta.publish_id,
        incremental=continued,
        rows={item.table.path: item.rows + item.kept for item in written},
        rows_written={item.table.path: item.rows for item in written},
        size=published.stat().st_size,
    )
