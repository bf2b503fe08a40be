"""Starts the embedded server again when it was killed, beside whatever serves from it.

`inventory live all` looks itself, as it also keeps the services; `inventory live api` and `worker` do it on a thread.
Where a living process owns the server it is left to that one. Invariants: a server that was stopped stays stopped; one
that cannot be started is tried again for as long as somebody serves from it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory_assets.live.database.server import EmbeddedServer

LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
END_SECONDS = 5.0


class Keeper:
    """Looks after a server; the pauses between attempts to start it grow."""

    def __init__(self, server: EmbeddedServer, say: Callable[[str], None], seconds: float = LOOK_SECONDS) -> None:
        """Nothing is looked at yet.

        Args:
            server: the server.
            say: told when it was started again, and each time it could not be.
            seconds: between two looks.
        """
        self._server, self._say, self._seconds = server, say, seconds
        self._pause, self._due = seconds, 0.0

    def look(self) -> None:
        """Start the server if it was killed and the pause after the last attempt is over; to be called every second."""
        if time.monotonic() < self._due:
            return
        try:
            if self._server.is_ours() and self._server.look():
                self._say("the database was killed and was started again")
            self._pause = self._seconds
        except Exception as error:
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._due = time.monotonic() + self._pause
            self._say(f"the database was killed and does not start again, next try in {self._pause:g} s: {error}")


@contextmanager
def keeping(server: EmbeddedServer, say: Callable[[str], None], seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Look after the server on a thread, for as long as the block lasts.

    Args:
        server: the server.
        say: see `Keeper`.
        seconds: between two looks.
    """
    ended, keeper = threading.Event(), Keeper(server, say, seconds)

    def look() -> None:
        while not ended.wait(seconds):
            keeper.look()

    thread = threading.Thread(target=look, name="database", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(END_SECONDS)
