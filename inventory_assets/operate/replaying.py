"""Carries out the replays people asked for, one at a time, beside a worker.

What a replay of the log does is `operate.replay`, the same as at the command line; what one of a consumer does is
`live.outbox.again`, for both as well. The row of each is `live.replays`. Invariant:
whatever ends this between two statements, the row says that it is open, and the next worker begins it again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from inventory_assets.lakehouse.writing import LakeBusyError, sole_writer
from inventory_assets.live import replays
from inventory_assets.live.database.driver import database_errors, driver_of
from inventory_assets.live.outbox import again
from inventory_assets.live.outbox.webhooks import WebhookUnknownError
from inventory_assets.live.replays import Replay, ReplayEndedError
from inventory_assets.operate.replay import Replayed, WorkersWorkError, replay

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine

    from inventory_assets.settings import Settings

    Noted = Callable[[Connection, int | None, int], None]

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
LOCK_SECONDS = 5.0
"""How long another writer of the lake is waited for at a time; the replay is taken up again afterwards."""
END_SECONDS = 5.0


class StoppingError(RuntimeError):
    """The worker stops."""


@contextmanager
def replaying(settings: Settings, engine: Engine, name: str) -> Iterator[None]:
    """Carry out replays on a thread for as long as the block lasts.

    Args:
        settings: the installation.
        engine: its live database.
        name: name of the worker.
    """
    stopping = threading.Event()
    thread = threading.Thread(target=_run, args=(settings, engine, name, stopping), name="replays", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(END_SECONDS)


def look(settings: Settings, engine: Engine, name: str, stopping: Callable[[], bool] = lambda: False) -> Replay | None:
    """Carry out the open replay, if there is one that nobody is at.

    Args:
        settings: the installation.
        engine: its live database.
        name: name of the worker.
        stopping: whether to hand it back at the next stretch.

    Returns:
        The replay as it was taken; None where there was none.
    """
    from deltalake.exceptions import DeltaError
    from polars.exceptions import PolarsError

    with _driver(engine) as connection:
        taken = replays.take(connection, name, settings.now())
    if taken is None:
        return None

    def noted(connection: Connection, position: int | None, upto: int) -> None:
        if stopping():
            raise StoppingError
        replays.note(driver_of(connection), taken.id, name, settings.now(), position, upto)

    wanted = taken.range
    try:
        if wanted is None:
            done = _replayed(settings, engine, taken, noted)
        else:
            done = again.queue(engine, wanted, taken.id, settings.now(), dry_run=taken.dry_run, told=noted)
    except ReplayEndedError as error:
        LOG.info("%s", error)
    except (StoppingError, LakeBusyError):
        with _driver(engine) as connection:
            replays.hand_back(connection, taken.id, name)
    except (WorkersWorkError, WebhookUnknownError, OSError, DeltaError, PolarsError) as error:
        _finish(engine, taken, name, settings.now(), None, str(error) or type(error).__name__)
    else:
        _finish(engine, taken, name, settings.now(), asdict(done), None)
    return taken


def carried_out(settings: Settings, engine: Engine, number: int, name: str) -> Replay:
    """A replay at its end: carried out here, unless a worker is at it, which is waited for.

    Args:
        settings: the installation.
        engine: its live database.
        number: number of the replay.
        name: name of who carries it out.

    Raises:
        ReplayUnknownError: there is none with this number.
    """
    while True:
        with _driver(engine) as connection:
            found = replays.get(connection, number)
        if found.ended_at is not None:
            return found
        if look(settings, engine, name) is None:
            time.sleep(LOOK_SECONDS)


def _replayed(settings: Settings, engine: Engine, taken: Replay, noted: Noted) -> Replayed:
    from inventory_assets.pipeline.open import open_workspace

    def told(position: int | None, upto: int) -> None:
        with engine.begin() as connection:
            noted(connection, position, upto)

    writer = partial(sole_writer, settings.writer_lock, wait_seconds=LOCK_SECONDS)
    lake = open_workspace(settings, settings.now).lake
    return replay(engine, lake, taken.filter, dry_run=taken.dry_run, writer=writer, told=told)


def _finish(
    engine: Engine, taken: Replay, name: str, now: datetime, result: dict[str, Any] | None, error: str | None
) -> None:
    with _driver(engine) as connection:
        replays.finish(connection, taken.id, name, now, result, error)


def _run(settings: Settings, engine: Engine, name: str, stopping: threading.Event) -> None:
    """Look again and again; what fails is in the log of the worker, and is tried again when its lease ends.

    A database that is away is told of once, not every second.
    """
    away = False
    while not stopping.wait(LOOK_SECONDS):
        try:
            look(settings, engine, name, stopping.is_set)
            away = False
        except database_errors() as error:
            if not away:
                LOG.warning("replays wait for the database: %s", str(error).partition("\n")[0])
            away = True
        except Exception:
            LOG.exception("a replay was not carried out")


@contextmanager
def _driver(engine: Engine) -> Iterator[psycopg.Connection]:
    with engine.begin() as connection:
        yield driver_of(connection)
