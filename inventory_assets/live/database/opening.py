"""Connections: one engine with its pool a process, to the server the settings name.

Statements of this layer are SQLAlchemy Core or psycopg on the same connections. Invariant: no password leaves this
module but inside a URL that is asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inventory_assets.live.database.driver import lost_after
from inventory_assets.live.database.problems import DatabaseDownError, DatabaseUnfitError
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.settings import DatabaseSettings, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEAST_VERSION = 15
SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")
APPLICATION = "inventory"


def database_url(settings: Settings) -> str:
    """URL of the database, as libpq takes it, passwords included.

    Raises:
        DatabaseUnfitError: the setting is no URL of PostgreSQL.
        AccountError: there is no user the embedded server could run as.
    """
    given = settings.database_url.get_secret_value() if settings.database_url else ""
    if not given:
        return EmbeddedServer(settings).place.url
    for scheme in SCHEMES:
        if given.startswith(scheme):
            return "postgresql://" + given.removeprefix(scheme)
    raise DatabaseUnfitError(
        "INVENTORY_DATABASE_URL is not the address of a PostgreSQL server; it begins with postgresql://"
    )


def shown_url(url: str) -> str:
    """A URL for people and logs: passwords masked, wherever they stand in it."""
    return re.sub(r"(?<=://)([^/@:\s]*):[^/@\s]*@|(?<=[?&])(password=)[^&\s]*", _masked, url)


def open_engine(url: str, options: DatabaseSettings) -> Engine:
    """An engine on a URL; nothing is connected yet.

    Args:
        url: see `database_url`.
        options: sizes of the pool and times.

    Returns:
        An engine whose connections are checked before use and replaced when they idled for long.
    """
    from sqlalchemy import create_engine

    least = min(options.pool_least, options.pool_most)
    return create_engine(
        "postgresql+psycopg://" + url.removeprefix("postgresql://"),
        pool_size=least,
        max_overflow=options.pool_most - least,
        pool_pre_ping=True,
        pool_recycle=options.idle_seconds,
        pool_timeout=options.connect_seconds,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": options.connect_seconds,
            "application_name": APPLICATION,
            **lost_after(url),
        },
    )


def check_fit(engine: Engine) -> str:
    """Whether the server is one this program can use.

    Returns:
        Its version for people.

    Raises:
        DatabaseDownError: nobody answers.
        DatabaseUnfitError: too old, not UTF-8, or a standby.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    question = text(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
        " current_setting('server_encoding'), pg_is_in_recovery(), current_setting('fsync'),"
        " current_setting('full_page_writes')"
    )
    try:
        with engine.connect() as connection:
            version, number, encoding, standby, *durability = connection.execute(question).one()
    except OperationalError as error:
        where = shown_url(engine.url.render_as_string(hide_password=True))
        raise DatabaseDownError(
            f"no database answers at {where}: {str(error.orig).strip()}; for the embedded server: inventory db start"
        ) from error
    if number < LEAST_VERSION * 10_000:
        raise DatabaseUnfitError(f"the database is PostgreSQL {version}; {LEAST_VERSION} or newer is needed")
    if encoding != "UTF8":
        raise DatabaseUnfitError(f"the database is encoded as {encoding}; make one with ENCODING 'UTF8'")
    if standby:
        raise DatabaseUnfitError("the database is a standby that only reads; connect to the primary, or promote it")
    if durability != ["on", "on"]:
        raise DatabaseUnfitError(
            "the database runs without fsync or full_page_writes and would lose acknowledged events; set both to on"
        )
    return version


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}:***@" if found[1] is not None else f"{found[2]}***"
