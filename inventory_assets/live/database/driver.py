"""The driver beneath SQLAlchemy: statements of this layer are made with either, on the same connections.

PostgreSQL keeps the plan of a statement that is repeated until statistics are gathered again. A plan made while a table
was all but empty reads it whole, and a minute later that table holds 200,000 rows: raising the priority of 768 waiting
parts took 55 seconds so. Whoever repeats statements that are meant to go by an index plans them `BY_INDEX`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, LiteralString, cast

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection

BY_INDEX: Mapping[str, str] = {f"enable_{way}": "off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin")}
"""Parameters under which a statement goes by an index wherever there is one, however small its tables are now."""
LOST_AFTER: Mapping[str, int] = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000,
}  # fmt: skip
"""A database on another machine that is gone without a word is noticed after 25 s; without this, after a quarter of an
hour or never."""
_SET: LiteralString = "set_config(%s, %s, %s)"


@functools.cache
def database_errors() -> tuple[type[Exception], ...]:
    """Errors of either that say the database is away, too slow, or was taken away."""
    import psycopg
    from sqlalchemy import exc

    return (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError, psycopg.Error)


def connect(url: str, name: str) -> psycopg.Connection:
    """A connection of its own, without transactions unless asked for, that notices when the server is lost.

    Args:
        url: the database, as libpq takes it; what it says about keepalives holds.
        name: what the database calls it.

    Raises:
        psycopg.OperationalError: nobody answers.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    return psycopg.connect(make_conninfo(url, **lost_after(url)), autocommit=True, application_name=name)


def lost_after(url: str) -> dict[str, int]:
    """What of `LOST_AFTER` a URL does not say itself."""
    return {name: value for name, value in LOST_AFTER.items() if f"{name}=" not in url}


def driver_of(connection: Connection) -> psycopg.Connection:
    """The driver's connection of one from the pool; what is done on it belongs to the same transaction."""
    return cast("psycopg.Connection", connection.connection.driver_connection)


def set_parameters(connection: psycopg.Connection, parameters: Mapping[str, str], *, within: bool = False) -> None:
    """Set parameters of the database for a connection, in one statement.

    Args:
        connection: a psycopg connection.
        parameters: what they are called, and what they shall be.
        within: only until the transaction ends.
    """
    statement = "SELECT " + ", ".join(_SET for _ in parameters)
    connection.execute(statement, [cell for pair in parameters.items() for cell in (*pair, within)])


def milliseconds(seconds: float) -> str:
    """Seconds as parameters of the database take a time."""
    return f"{round(seconds * 1000)}ms"
