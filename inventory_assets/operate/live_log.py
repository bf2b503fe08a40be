"""The live log for the batch side: whether there is one, and how it is read.

Neither side knows the other; here they meet. Nothing here ever starts a server: an installation that only reads files
has none, and one whose server rests is read when it runs again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.live.database.migrating import schema_of
from inventory_assets.live.database.opening import check_fit, database_url
from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError, DatabaseUnfitError
from inventory_assets.live.database.ready import engine_of, is_embedded
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.log.reading import LogBehindError, Position, check_continues, epochs, position, ranges
from inventory_assets.pipeline.live_log import Log, Reached, waiting_events
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.lakehouse.lake import Lake

ROWS = 100_000
"""Events of a frame: read in a tenth of the two seconds a snapshot may stay open."""


@contextmanager
def live_log(settings: Settings) -> Iterator[Log]:
    """The log of an installation that has one.

    Raises:
        DatabaseDownError: it does not run.
        DatabaseUnfitError: it cannot be used.
    """
    with live_engine(settings) as engine:
        yield log_of(engine, database_url(settings))


@contextmanager
def live_engine(settings: Settings) -> Iterator[Engine]:
    """The live database of an installation that has one, running, fit and with the schema of this program.

    Raises:
        DatabaseDownError: it does not run.
        DatabaseUnfitError: it cannot be used.
    """
    from adbc_driver_manager import Error as ReadingError
    from psycopg import OperationalError as DriverError
    from sqlalchemy.exc import OperationalError

    check_running(settings)
    with engine_of(settings) as engine:
        check_fit(engine)
        if not schema_of(engine).current:
            raise DatabaseUnfitError("the schema of the live database is not that of this program; inventory db start")
        try:
            yield engine
        except (OperationalError, DriverError, ReadingError) as error:
            raise DatabaseDownError(f"the live database went away: {str(error).splitlines()[0]}") from error


def check_running(settings: Settings) -> None:
    """Refuse to go on where the embedded server does not run.

    Raises:
        DatabaseDownError: it does not run.
    """
    if is_embedded(settings):
        status = EmbeddedServer(settings).status()
        if status.state != "running":
            raise DatabaseDownError(f"the database server of {status.folder} is {status.state}; inventory db start")


def log_of(engine: Engine, url: str, rows: int = ROWS) -> Log:
    """The log of a database.

    Args:
        engine: connections to it.
        url: the same, as libpq takes it.
        rows: events of a frame at most.
    """

    def standing(read: Reached) -> Reached:
        with engine.connect() as connection:
            known, now = epochs(connection), position(connection)
        if read != Reached():
            check_continues(Position(read.epoch, read.sequence), known, now)
        return Reached(now.epoch, now.sequence)

    def events(after: int, upto: int) -> Iterator[pl.DataFrame]:
        for table in ranges(url, after, upto, rows):
            yield pl.DataFrame(table)

    return Log(standing, events)


def events_wait(settings: Settings, lake: Lake) -> bool:
    """Whether the log holds events that bronze does not, as far as it can be asked now.

    A log that does not go on from where bronze stands counts as waiting, so that the run that reads it says so.
    """
    if not settings.has_live_database:
        return False
    try:
        with live_log(settings) as log:
            return waiting_events(lake, log) > 0
    except LogBehindError:
        return True
    except DatabaseError:
        return False
