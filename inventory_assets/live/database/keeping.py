"""Starts the embedded server again when it was killed, beside whatever serves from it.

`inventory live all` looks itself, as it also keeps the services; `inventory live api` and `worker` use this. Where a
living process owns the server it is left to that one. Invariant: a server that was stopped stays stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inventory_assets.live.database.problems import DatabaseError

if TYPE_CHECKING:
    from inventory_assets.live.database.server import EmbeddedServer

LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
END_SECONDS = 5.0


@contextmanager
def keeping(server: EmbeddedServer, say: Callable[[str], None], seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Look after the server for as long as the block lasts.

    Args:
        server: the server.
        say: told when it was started again, and each time it could not be.
        seconds: between two looks.
    """
    ended = threading.Event()

    def look() -> None:
        pause = seconds
        while not ended.wait(pause):
            try:
                if server.is_ours() and server.look():
                    say("the database was killed and was started again")
                pause = seconds
            except (DatabaseError, OSError) as error:
                pause = min(max(pause, seconds) * 2, LONGEST_PAUSE_SECONDS)
                say(f"the database was killed and does not start again, next try in {pause:g} s: {error}")

    thread = threading.Thread(target=look, name="database", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(END_SECONDS)
