"""From settings to a database one can work on: running, fit, and with the schema of this program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory_assets.live.database.keeping import keeping
from inventory_assets.live.database.migrating import Schema, migrate, schema_of
from inventory_assets.live.database.opening import check_fit, database_url, open_engine
from inventory_assets.live.database.problems import DatabaseDownError
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a running database says of itself.

    Attributes:
        version: of PostgreSQL.
        schema: where its schema stands, or stood before a migration.
    """

    version: str
    schema: Schema


def is_embedded(settings: Settings) -> bool:
    """Whether the database is ours to start and stop."""
    return not settings.names_database


@contextmanager
def engine_of(settings: Settings) -> Iterator[Engine]:
    """An engine on the database, closed afterwards."""
    engine = open_engine(database_url(settings), settings.database)
    try:
        yield engine
    finally:
        engine.dispose()


def bring_up(settings: Settings) -> Answer:
    """Check a database that runs and migrate it.

    Returns:
        What it is, and where its schema stood before.

    Raises:
        DatabaseError: it does not answer, is unfit, or newer than this program.
    """
    with engine_of(settings) as engine:
        version = check_fit(engine)
        return Answer(version, migrate(engine))


@contextmanager
def serving(settings: Settings, say: Callable[[str], None] | None = None) -> Iterator[Engine]:
    """A database to work on, for as long as a process serves: the embedded server is started, and stopped afterwards.

    Args:
        settings: the installation.
        say: told when the embedded server was killed and was started again; None where the caller looks after it.

    Raises:
        DatabaseError: it cannot be used.
    """
    if is_embedded(settings):
        server = EmbeddedServer(settings)
        with server.owned():
            bring_up(settings)
            kept = nullcontext() if say is None else keeping(server, say)
            with engine_of(settings) as engine, kept:
                yield engine
    else:
        bring_up(settings)
        with engine_of(settings) as engine:
            yield engine


def ask(settings: Settings) -> Answer:
    """What a running database says of itself; changes nothing.

    Raises:
        DatabaseDownError: it does not run.
        DatabaseUnfitError: it cannot be used.
    """
    if is_embedded(settings):
        status = EmbeddedServer(settings).status()
        if status.state != "running":
            raise DatabaseDownError(f"the database server of {status.folder} is {status.state}; inventory db start")
    with engine_of(settings) as engine:
        return Answer(check_fit(engine), schema_of(engine))
