"""What the commands people act through share: the live database, who acts and why, and what errors mean at a prompt.

The HTTP routes call the same functions of `live`; what errors mean there is in `api.acting`. Invariant: an act and its
row in the audit log are one transaction, and an error leaves neither.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory_assets.commands.output import Exit, fail, load_settings

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine

    from inventory_assets.live.auditing import Act
    from inventory_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """Where people act from.

    Attributes:
        settings: settings of the installation.
        engine: its live database.
    """

    settings: Settings
    engine: Engine

    @property
    def url(self) -> str:
        """The database as libpq takes it."""
        from inventory_assets.live.database.opening import database_url

        return database_url(self.settings)

    def act(self, because: str) -> Act:
        """An act of whoever is logged in.

        Args:
            because: why.
        """
        from inventory_assets.live.auditing import Act

        return Act(self.settings.now(), f"{getpass.getuser()} at the command line", because)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction on the database."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def driver(self) -> Iterator[psycopg.Connection]:
        """The same, as the driver's connection."""
        from inventory_assets.live.database.driver import driver_of

        with self.transaction() as connection:
            yield driver_of(connection)


@contextmanager
def live_desk() -> Iterator[Desk]:
    """The live database of the installation; what goes wrong with it or with an act ends the command."""
    from inventory_assets.operate.live_log import live_engine

    settings = load_settings()
    if not settings.has_live_database:
        fail("there is no live database yet: inventory db start, or set INVENTORY_DATABASE_URL", Exit.NOT_READY)
    exits = _exits()
    try:
        with live_engine(settings) as engine:
            yield Desk(settings, engine)
    except tuple(exits) as error:
        fail(str(error), next(code for kind, code in exits.items() if isinstance(error, kind)))


def _exits() -> Mapping[type[Exception], Exit]:
    """Exit code of each error; of two that fit the first counts."""
    from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError
    from inventory_assets.live.dead_letters.handling import LetterClosedError
    from inventory_assets.live.dead_letters.looking import LetterNameError, TooManyLettersError, UnknownLetterError
    from inventory_assets.live.log.accepting import UnreadableEventError
    from inventory_assets.live.log.entries import UnstorableEventError
    from inventory_assets.live.modes import ModeNameError
    from inventory_assets.live.outbox.addresses import TargetRefusedError
    from inventory_assets.live.outbox.deliveries import EventGoneError
    from inventory_assets.live.outbox.keys import ActKeyError, SecretReplacedError
    from inventory_assets.live.outbox.signing import SecretUnfitError
    from inventory_assets.live.outbox.webhooks import TooManyWebhooksError, WebhookRefusedError, WebhookUnknownError
    from inventory_assets.live.replays import ReplayEndedError, ReplayKeyError, ReplayOpenError, ReplayUnknownError

    asked_wrongly = (
        UnknownLetterError, TooManyLettersError, LetterNameError, ModeNameError, WebhookUnknownError, EventGoneError,
        TargetRefusedError, SecretUnfitError, WebhookRefusedError, ActKeyError, ReplayKeyError,
        ReplayUnknownError,
    )  # fmt: skip
    not_done = (
        LetterClosedError, UnreadableEventError, UnstorableEventError, TooManyWebhooksError, SecretReplacedError,
        ReplayOpenError, ReplayEndedError, DatabaseError,
    )  # fmt: skip
    return {
        DatabaseDownError: Exit.NOT_READY,
        **dict.fromkeys(asked_wrongly, Exit.USAGE),
        **dict.fromkeys(not_done, Exit.FINDING),
    }
