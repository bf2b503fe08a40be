"""The driver beneath SQLAlchemy: statements of this layer are made with either, on the same connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection


def driver_of(connection: Connection) -> psycopg.Connection:
    """The driver's connection of one from the pool; what is done on it belongs to the same transaction."""
    return cast("psycopg.Connection", connection.connection.driver_connection)
