"""Answers of the group writer on the event loop: one wake-up for a whole group, whoever waits in it.

A wake-up for each request would take the interpreter from the writer's thread, and a call into the loop, as often as
there are requests. Invariant: who waits is told exactly once; who stops waiting takes the request back if its group is
not yet being written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress

from inventory_assets.live.log.appending import Outcome
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.grouping import GroupWriter

Answer = Future[list[Outcome]]


class Answers:
    """Those who wait on one event loop."""

    def __init__(self) -> None:
        """Nobody waits yet; the loop is that of the first who does."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[Answer, asyncio.Future[list[Outcome]]] = {}

    async def of(self, writer: GroupWriter, entries: Sequence[Entry]) -> list[Outcome]:
        """Hand entries to the writer and wait for their outcomes.

        Args:
            writer: calls `told` after each group.
            entries: the entries of a request.

        Raises:
            LogBusyError: too much waits already.
            LogClosedError: the writer was closed.
        """
        self._loop = loop = asyncio.get_running_loop()  # before it is handed in: its group may be written at once
        answer = writer.submit(entries)
        self._waiting[answer] = waiting = loop.create_future()
        try:
            return await waiting
        finally:
            del self._waiting[answer]
            answer.cancel()  # changes nothing once its group is being written

    def told(self, answers: Sequence[Answer]) -> None:
        """Pass on the answers of a group; called by the writer's thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits on it any more
                self._loop.call_soon_threadsafe(self._tell, answers)

    def _tell(self, answers: Sequence[Answer]) -> None:
        for each in answers:
            waiting = self._waiting.get(each)
            if waiting is None or waiting.done():
                continue
            error = each.exception()
            if error is None:
                waiting.set_result(each.result())
            else:
                waiting.set_exception(error)
