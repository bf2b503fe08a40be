"""The driver beneath SQLAlchemy: statements of this layer are made with either, on the same connections.

PostgreSQL keeps the plan of a statement that is repeated until statistics are gathered again. A plan made while a table
was all but empty reads it whole, and a minute later that table holds 200,000 rows: raising the priority of 768 waiting
parts took 55 seconds so. Whoever repeats statements that are meant to go by an index plans them `by_index`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection

_BY_INDEX = (
    "SELECT set_config('enable_' || way, 'off', %s)"
    " FROM unnest(ARRAY['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin']) AS other (way)"
)


def driver_of(connection: Connection) -> psycopg.Connection:
    """The driver's connection of one from the pool; what is done on it belongs to the same transaction."""
    return cast("psycopg.Connection", connection.connection.driver_connection)


def by_index(connection: psycopg.Connection, *, within: bool = False) -> None:
    """Let what is planned from now on go by an index wherever there is one, however small the tables are now.

    Args:
        connection: a psycopg connection.
        within: only until the transaction ends.
    """
    connection.execute(_BY_INDEX, (within,))
