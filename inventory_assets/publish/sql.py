"""How the published file is read: connections that see the newest file, and one-off queries that can do no harm.

Nothing here writes. Invariant: a connection reads the file that was current when it was opened until it is closed.

DuckDB keeps one instance a path in a process: opening a replaced file again under the same name, while an older
connection is open, gives the old data, and opening it with other options fails. So a reader here is an instance in
memory of its own, with the versioned file attached read-only.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb

from inventory_assets.publish.layout import PublishError, resolve
from inventory_assets.publish.words import literal

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

DATABASE = "inventory"
"""Name under which the file is attached."""
_ATTEMPTS = 5


class QueryError(PublishError):
    """A query of the published file is wrong, not allowed or too large."""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open the published file read-only; times show in UTC.

    Args:
        folder: serving folder.

    Returns:
        A connection of its own; close it, and connect again to see a newer publication.

    Raises:
        NothingPublishedError: nothing is published yet.
        PublishError: the file cannot be opened.
    """
    for attempt in range(_ATTEMPTS):
        path = resolve(folder)
        try:
            return open_file(path)
        except duckdb.IOException as error:  # replaced and cleaned up since it was resolved
            if path.exists() or attempt == _ATTEMPTS - 1:
                raise PublishError(f"{path} cannot be opened: {error}") from error
    raise AssertionError("unreachable")


def open_file(path: Path) -> duckdb.DuckDBPyConnection:
    """Open one file read-only in an instance of its own.

    Raises:
        duckdb.IOException: the file is missing, damaged or open for writing.
    """
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {DATABASE} (READ_ONLY)")
        connection.execute(f"USE {DATABASE}")
        connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def query(folder: Path, sql: str, limit: int = 1_000, memory_limit: str = "1GB") -> pl.DataFrame:
    """Answer one question from the published file; no file, network or setting can be reached from it.

    Args:
        folder: serving folder.
        sql: one SELECT (or DESCRIBE, SHOW, SUMMARIZE, EXPLAIN).
        limit: rows that are returned at most.
        memory_limit: memory the query may take, as DuckDB writes sizes.

    Returns:
        The first rows of the answer.

    Raises:
        NothingPublishedError: nothing is published yet.
        QueryError: the SQL is wrong, does more than ask, or takes too much memory.
    """
    with closing(connect(folder)) as connection:
        connection.execute(f"SET memory_limit = {literal(memory_limit)}")
        connection.execute("SET temp_directory = ''")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise QueryError(f"{len(statements)} statements given; ask one question at a time")
            answer = connection.sql(sql)
            if answer is None:
                raise QueryError("the statement returns nothing; only questions (SELECT …) are answered here")
            return answer.limit(limit).pl()
        except duckdb.Error as error:
            raise QueryError(f"the query failed: {error}") from error
