"""DuckDB's words for a declaration: types, names, comments.

Nothing here runs a query on data. Invariant: a comment is the contract's description and never written by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from inventory_assets.contracts.model import Column, Table, Type

DUCKDB_TYPES: dict[Type, str] = {
    "String": "VARCHAR",
    "Int64": "BIGINT",
    "Int32": "INTEGER",
    "Int8": "TINYINT",
    "Float64": "DOUBLE",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "Datetime": "TIMESTAMP WITH TIME ZONE",
    "Money": "DECIMAL(18,4)",
}
"""DuckDB type of each declared type, as `duckdb_columns()` spells it."""

PUBLISH_ID = "Publication this row was read from; one id in every table and view of a file."


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def qualified(table: Table) -> str:
    """Schema and name of a table as SQL identifier."""
    return f"{quoted(table.layer)}.{quoted(table.name)}"


def table_comment(table: Table) -> str:
    """Description, grain and key of a table in one line."""
    return f"{table.description} One row: {table.grain}. Key: {', '.join(table.key)}."


def column_comment(column: Column) -> str:
    """Description of a column with unit, nulls and data class where they say something."""
    notes = [
        f"unit: {column.unit}" if column.unit else "",
        "may be null" if column.nullable else "",
        "" if column.data_class == "internal" else column.data_class,
    ]
    said = "; ".join(note for note in notes if note)
    return f"{column.description} ({said})" if said else column.description


def comment_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Comment a table and its columns from its contract."""
    connection.execute(f"COMMENT ON TABLE {qualified(table)} IS {literal(table_comment(table))}")
    for column in table.columns:
        connection.execute(
            f"COMMENT ON COLUMN {qualified(table)}.{quoted(column.name)} IS {literal(column_comment(column))}"
        )
