"""What the tests of this room share: frames of every published table, and publications of them."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from inventory_assets.publish.build import PublishMeta
from inventory_assets.publish.publication import Publication, publish
from inventory_assets.publish.tables import PUBLISHED, SOURCES
from inventory_assets_tests.frames import random_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def open_for_writing(path: Path) -> closing[duckdb.DuckDBPyConnection]:
    return closing(duckdb.connect(str(path)))


def some_tables(seed: int = 0, rows: int = 20) -> dict[str, pl.DataFrame]:
    return {table.path: random_frame(table, seed * 100 + place, rows) for place, table in enumerate(PUBLISHED)}


def meta(number: int) -> PublishMeta:
    return PublishMeta(
        f"p{number:04d}",
        NOON + timedelta(minutes=number),
        dict.fromkeys(SOURCES.values(), number),
        ("Europe/London",),
    )


def publish_number(
    folder: Path, number: int, tables: Mapping[str, pl.DataFrame], changed: Mapping[str, Any] | None = None, **more: Any
) -> Publication:
    return publish(folder, open_for_writing, tables, changed, meta(number), **more)
