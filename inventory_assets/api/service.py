"""What the handlers of one process share: database, listener, gate, clock, and a few threads that read.

Invariant: no handler touches the database on the event loop; every statement ends by the deadline of its request.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.encoding import encoded
from inventory_assets.api.gate import first_line
from inventory_assets.api.listener import Listener
from inventory_assets.api.problems import RefusedRequestError
from inventory_assets.live.database.driver import database_errors, driver_of, milliseconds, set_parameters

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from inventory_assets.api.gate import Gate
    from inventory_assets.api.metrics import Metrics
    from inventory_assets.api.routing import Route
    from inventory_assets.settings import ListenerSettings, WebhookSettings

T = TypeVar("T")
CANCELLED = "57014"
"""SQLSTATE of a statement that took too long."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a handler needs.

    Attributes:
        settings: its settings.
        webhooks: settings of webhooks.
        engine: the database.
        gate: whether events are taken.
        listener: takes events in.
        metrics: counts.
        clock: the time, UTC.
        new_id: an id for an event of ours.
        draw: so many random bytes, fit for secrets.
        readers: threads that read the database.
    """

    settings: ListenerSettings
    webhooks: WebhookSettings
    engine: Engine
    gate: Gate
    listener: Listener
    metrics: Metrics
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    draw: Callable[[int], bytes]
    readers: ThreadPoolExecutor

    async def read(self, question: Callable[[Connection], T]) -> T:
        """Ask the database something, in one read-only snapshot.

        Raises:
            RefusedRequestError: it is away or took too long.
        """

        def ask() -> T:
            from sqlalchemy import text

            with self.engine.connect() as connection:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
                self._limit(connection)
                return question(connection)

        self.gate.check_database()
        return await self.run(ask)

    async def write(self, act: Callable[[Connection], T]) -> T:
        """Change something in one transaction; it is committed when this returns.

        Raises:
            RefusedRequestError: the database is away or took too long.
        """

        def do() -> T:
            with self.engine.begin() as connection:
                self._limit(connection)
                return act(connection)

        self.gate.check_database()
        return await self.run(do)

    async def run(self, work: Callable[[], T]) -> T:
        """Do something with the database on one of the threads.

        Raises:
            RefusedRequestError: it is away or took too long.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self.readers, work)
        except database_errors() as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) == CANCELLED:
                raise RefusedRequestError("deadline_passed", "the database took too long") from error
            self.gate.lost(error)
            raise RefusedRequestError("database_away", f"the database failed: {first_line(error)}") from error

    async def body(self, request: Request) -> bytes:
        """The body of a request, if it is not too large.

        Raises:
            RefusedRequestError: too large, encoded, or not sent whole.
        """
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise RefusedRequestError("encoding_unsupported", f"the body is encoded as {encoding[:50]}")
        most = self.settings.max_body_bytes
        told = request.headers.get("content-length", "")
        if told.isdecimal() and int(told) > most:
            raise RefusedRequestError("body_too_large", f"{told[:30]} bytes; at most {most}", headers=_CLOSE)
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise RefusedRequestError("request_invalid", "the sender went away")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise RefusedRequestError("body_too_large", f"more than {most} bytes", headers=_CLOSE)
            chunks.append(chunk)
            more = message.get("more_body", False)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _limit(self, connection: Connection) -> None:
        """End statements of a transaction when the request ends that waits for it."""
        limit = {"statement_timeout": milliseconds(self.settings.deadline_seconds)}
        set_parameters(driver_of(connection), limit, within=True)


class Routes(ABC):
    """Handlers of one kind of thing."""

    def __init__(self, service: Service) -> None:
        """Keeps what the handlers share.

        Args:
            service: database, clock and the rest.
        """
        self._service = service

    @abstractmethod
    def routes(self) -> tuple[Route, ...]:
        """The routes."""


_CLOSE = {"Connection": "close"}


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401
    """A value as JSON; decimals with all their digits, instants as RFC 3339."""
    return Response(encoded(content), status, headers, "application/json")
