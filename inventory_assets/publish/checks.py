"""Holds a built file against what went into it, before readers see it.

Invariant: the file is opened again from disk, read-only, as a reader would.
"""

# ruff: noqa: S608 - names in SQL come from the declared tables, values are bound

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from inventory_assets.publish import as_of
from inventory_assets.publish.build import actual_columns, declared_columns
from inventory_assets.publish.layout import PublishError
from inventory_assets.publish.sql import open_file
from inventory_assets.publish.tables import day_column
from inventory_assets.publish.views import KPIS, all_views
from inventory_assets.publish.words import column_comment, qualified, quoted, table_comment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inventory_assets.publish.build import Written
    from inventory_assets.publish.kpis import View


class PublicationCheckError(PublishError):
    """A built file is not what it should be; it was not published."""


def check_file(path: Path, written: Sequence[Written], publish_id: str) -> None:
    """Check a closed file.

    Args:
        path: the file.
        written: what the build did to each table.
        publish_id: id the file must carry.

    Raises:
        PublicationCheckError: every difference found.
    """
    try:
        connection = open_file(path)
    except duckdb.Error as error:
        raise PublicationCheckError(f"{path} does not open read-only: {error}") from error
    with closing(connection):
        wrong = _column_findings(connection, written) or [
            *(finding for table in written for finding in _row_findings(connection, table)),
            *_comment_findings(connection, written),
            *_view_findings(connection, publish_id),
        ]
    if wrong:
        raise PublicationCheckError(f"{path} was not published: " + "; ".join(wrong))


def _column_findings(connection: duckdb.DuckDBPyConnection, written: Sequence[Written]) -> list[str]:
    actual = actual_columns(connection)
    return [
        f"{table.path}: columns {actual.get(table.path)} instead of the contract's"
        for table in (item.table for item in written)
        if actual.get(table.path) != declared_columns(table)
    ]


def _row_findings(connection: duckdb.DuckDBPyConnection, written: Written) -> list[str]:
    table = written.table
    column = day_column(table)
    replaced = "count(*)"
    days: list = []
    if written.days is not None:
        replaced = "0"
        if column is not None and written.days:
            replaced = (
                f"count(*) FILTER ({quoted(column)} IN (SELECT unnest(?::DATE[])) OR (? AND {quoted(column)} IS NULL))"
            )
            days = [[day for day in written.days if day is not None], None in written.days]
    rows = connection.execute(f"SELECT count(*), {replaced} FROM {qualified(table)}", days).fetchall()[0]
    if rows != (written.rows + written.kept, written.rows):
        return [f"{table.path}: {rows} rows in all and on replaced days, read {written.rows}, kept {written.kept}"]
    return []


def _comment_findings(connection: duckdb.DuckDBPyConnection, written: Sequence[Written]) -> list[str]:
    found = dict(
        connection.execute(
            "SELECT concat_ws('.', schema_name, table_name), comment FROM duckdb_tables() "
            "WHERE database_name = current_database() "
            "UNION ALL SELECT concat_ws('.', schema_name, table_name, column_name), comment FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal "
            "UNION ALL SELECT concat_ws('.', schema_name, view_name), comment FROM duckdb_views() "
            "WHERE database_name = current_database() AND NOT internal"
        ).fetchall()
    )
    expected = {"main.data_as_of": as_of.COMMENT}
    expected |= {f"main.data_as_of.{name}": meaning for name, (_, meaning) in as_of.COLUMNS.items()}
    for table in (item.table for item in written):
        name = f"{table.layer}.{table.name}"
        expected[name] = table_comment(table)
        expected |= {f"{name}.{column.name}": column_comment(column) for column in table.columns}
    for view in all_views():
        expected[f"main.{view.name}"] = view.comment
        expected |= {f"main.{view.name}.{column}": meaning for column, meaning in view.columns.items()}
    return [f"{name}: comment is {found.get(name)!r}" for name, text in expected.items() if found.get(name) != text]


def _some_rows(connection: duckdb.DuckDBPyConnection, view: View) -> tuple[str, list[object]]:
    """Which rows of a view are looked at: the end of a query, and values bound in it."""
    if view in KPIS:
        return "", []
    if view.sample is None:
        return "LIMIT 1", []
    table, columns = view.sample
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 1").fetchall()
    if not rows:
        return "LIMIT 1", []
    return f"WHERE {' AND '.join(f'{name} = ?' for name in columns)} LIMIT 1", list(rows[0])


def _view_findings(connection: duckdb.DuckDBPyConnection, publish_id: str) -> list[str]:
    """Run each view: KPIs wholly, views as large as their table for a row."""
    wrong = []
    for view in all_views():
        rows, values = _some_rows(connection, view)
        try:
            answer = connection.execute(f"SELECT * FROM main.{quoted(view.name)} {rows}", values)
            names = [column[0] for column in answer.description or ()]
            ids = {row[-1] for row in answer.fetchall()}
        except duckdb.Error as error:
            wrong.append(f"view {view.name} does not run: {error}")
            continue
        if names != [*view.columns, "publish_id"]:
            wrong.append(f"view {view.name} has columns {names}")
        if not ids <= {publish_id}:
            wrong.append(f"view {view.name} carries the ids {sorted(ids)}")
    ids = connection.execute("SELECT DISTINCT publish_id FROM main.data_as_of").fetchall()
    if ids != [(publish_id,)]:
        wrong.append(f"data_as_of carries the ids {ids}")
    return wrong
