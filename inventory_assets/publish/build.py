"""Fills a DuckDB file: tables, views, comments and `data_as_of`, wholly or only what changed.

The connection is handed in and left open; where the file lies and when readers see it is `layout`. Invariant: full and
incremental builds of the same frames give the same cells; types and comments come from the contracts.

The publish id stands in the one-row table `main.publication`. For every table `main` has a view of the same name that
adds it as last column, so that one query answers with data and id; it is one row that no cell repeats.
"""

# ruff: noqa: S608 - names in SQL come from the declared tables, values are bound

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.publish.as_of import write_data_as_of
from inventory_assets.publish.layout import PublishError
from inventory_assets.publish.tables import PUBLISHED, day_column
from inventory_assets.publish.views import all_views, write_views
from inventory_assets.publish.words import DUCKDB_TYPES, comment_table, literal, qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    import duckdb

    from inventory_assets.contracts.model import Table
    from inventory_assets.publish.tables import Days

    Files = Callable[[Days | None], list[str]]

BATCH_ROWS = 500_000
"""Rows that are in memory at a time on their way from a lazy frame."""


@dataclass(frozen=True, slots=True)
class PublishMeta:
    """What a publication says about itself.

    Attributes:
        publish_id: its id, unique, sortable by time.
        published_at: time of the publication, UTC.
        versions: lake version each published table was read at, by path of the lake table.
        time_zones: IANA zones in which sources give business days; those of the location master are added.
    """

    publish_id: str
    published_at: datetime
    versions: Mapping[str, int | None]
    time_zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a build did to one table.

    Attributes:
        table: its contract.
        days: days that were replaced, None for the whole table.
        rows: rows read from the frame, all of which must be in the file.
        kept: rows of other days that stayed as they were.
    """

    table: Table
    days: frozenset[date | None] | None
    rows: int
    kept: int


def build(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame],
    changed: Mapping[str, Days | None] | None,
    meta: PublishMeta,
    files: Mapping[str, Files] | None = None,
) -> list[Written]:
    """Fill the file behind a connection.

    Args:
        connection: open on a new file, or on a copy of the last publication (see `layout.stage`).
        tables: frame of every published table by path; of a table with changed days at least those days.
        changed: days to replace by path, None for a whole table, absent for a table without a change; None instead
            of the mapping replaces everything. A table the file lacks or has with other columns is always written
            wholly, so its frame must then be whole.
        meta: what the publication says about itself.
        files: by path of a table whose rows stand in local Parquet files just as they are published, the files of
            some days, None for all; DuckDB reads them itself, in half the time.

    Returns:
        What was done to each published table.

    Raises:
        PublishError: a frame is missing or has other columns or types than its contract.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("BEGIN TRANSACTION")
    present = actual_columns(connection)
    described = _layout_of(connection, present) == layout()
    written = [
        _write(
            connection,
            table,
            tables,
            changed if present.get(table.path) == declared_columns(table) else None,
            (files or {}).get(table.path),
        )
        for table in PUBLISHED
    ]
    for each in written:
        if not described or each.days is None:
            comment_table(connection, each.table)
    connection.execute(
        "CREATE OR REPLACE TABLE main.publication AS SELECT ?::VARCHAR AS publish_id, ?::TIMESTAMPTZ AS published_at, "
        "?::VARCHAR AS layout",
        [meta.publish_id, meta.published_at, layout()],
    )
    write_data_as_of(connection, meta.versions, meta.time_zones)
    if not described:
        write_views(connection)
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT")
    return written


@cache
def layout() -> str:
    """Hash of all that is declared of the file: columns, comments, views. A file that has it needs none of it again."""
    columns = [declared_columns(table) for table in PUBLISHED]  # names and comments stand in the views of the tables
    return sha256(repr((columns, all_views())).encode()).hexdigest()


def _layout_of(connection: duckdb.DuckDBPyConnection, present: Mapping[str, list[tuple[str, str]]]) -> str | None:
    """The layout of a file whose tables all are as declared; None of any other."""
    if ("layout", "VARCHAR") not in present.get("main/publication", []):
        return None
    if any(present.get(table.path) != declared_columns(table) for table in PUBLISHED):
        return None
    row = connection.execute("SELECT layout FROM main.publication").fetchone()
    return row[0] if row else None


def declared_columns(table: Table) -> list[tuple[str, str]]:
    """Names and DuckDB types a table must have, in order."""
    return [(column.name, DUCKDB_TYPES[column.type]) for column in table.columns]


def actual_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Names and types, in order, of the columns of every table in the connection's database, by "schema/name"."""
    columns: dict[str, list[tuple[str, str]]] = {}
    for path, name, kind in connection.execute(
        "SELECT concat_ws('/', schema_name, table_name), column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY 1, column_index"
    ).fetchall():
        columns.setdefault(path, []).append((name, kind))
    return columns


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame],
    changed: Mapping[str, Days | None] | None,
    files: Files | None,
) -> Written:
    column = day_column(table)
    days: frozenset[date | None] | None = None
    if changed is not None:
        asked = changed.get(table.path, frozenset())
        days = None if asked is None or (asked and column is None) else frozenset(asked)
    if days is None:
        _create(connection, table)
    elif column is not None and days:
        connection.execute(
            f"DELETE FROM {qualified(table)} WHERE {quoted(column)} IN (SELECT unnest(?::DATE[])) "
            f"OR (? AND {quoted(column)} IS NULL)",
            [[value for value in days if value is not None], None in days],
        )
    kept = _count(connection, table)
    if days is not None and not days:
        return Written(table, days, 0, kept)
    rows = _frame(table, tables)
    if files is not None:
        return Written(table, days, _copy(connection, table, files(days)), kept)
    if days is not None and column is not None:
        rows = rows.filter(pl.col(column).is_in(list(days), nulls_equal=True))
    return Written(table, days, _insert(connection, table, rows), kept)


def _create(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in declared_columns(table))
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.layer)}")
    connection.execute(f"CREATE OR REPLACE TABLE {qualified(table)} ({columns})")


def _frame(table: Table, tables: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> pl.LazyFrame:
    if table.path not in tables:
        raise PublishError(f"{table.path}: its frame is missing; hand in a frame of every published table")
    frame = tables[table.path].lazy()
    have, expected = frame.collect_schema(), polars_schema(table)
    wrong = {name: f"{have.get(name)} instead of {kind}" for name, kind in expected.items() if have.get(name) != kind}
    if wrong:
        raise PublishError(f"{table.path}: columns differ from the contract: {wrong}; publish what the lake holds")
    return frame.select(table.column_names)


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pl.LazyFrame) -> int:
    total = 0
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=False):
        connection.register("publish_batch", batch.to_arrow())
        connection.execute(f"INSERT INTO {qualified(table)} BY NAME SELECT * FROM publish_batch")
        connection.unregister("publish_batch")
        total += batch.height
    return total


def _copy(connection: duckdb.DuckDBPyConnection, table: Table, files: list[str]) -> int:
    """Insert the rows of Parquet files in folders named by their partition; returns their number."""
    if not files:
        return 0
    names = ", ".join(quoted(name) for name in table.column_names)
    kinds = ", ".join(
        f"{literal(name)}: {kind}" for name, kind in declared_columns(table) if name in table.partition_by
    )
    options = f"hive_partitioning = true, hive_types = {{{kinds}}}" if kinds else "hive_partitioning = false"
    inserted = connection.execute(
        f"INSERT INTO {qualified(table)} BY NAME SELECT {names} FROM read_parquet(?, {options})", [files]
    )
    return inserted.fetchall()[0][0]


def _count(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    # fetchone would leave the result open, and the connection refuses other work until it is read to its end
    return connection.execute(f"SELECT count(*) FROM {qualified(table)}").fetchall()[0][0]
