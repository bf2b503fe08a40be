"""Puts the service together: database, writer, watch, routes, front; and takes it apart again.

Invariant: after `close` nothing waits to be written and no thread of the service works on.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.answers import Answers
from inventory_assets.api.asking import AskingRoutes
from inventory_assets.api.dead_letters import DeadLetterRoutes
from inventory_assets.api.events import EventRoutes
from inventory_assets.api.front import Front, Receive, Scope, Send
from inventory_assets.api.gate import Bounds, Gate, Watch
from inventory_assets.api.listener import Listener, limits_of, policy_of
from inventory_assets.api.metrics import MEDIA_TYPE, Metrics
from inventory_assets.api.modes import ModeRoutes
from inventory_assets.api.openapi import ADDRESS as OPENAPI
from inventory_assets.api.openapi import document_text
from inventory_assets.api.proposals import ProposalRoutes
from inventory_assets.api.replays import ReplayRoutes
from inventory_assets.api.routing import Route, Router
from inventory_assets.api.service import Service, json_response
from inventory_assets.api.stock import StockRoutes
from inventory_assets.api.webhooks import WebhookRoutes
from inventory_assets.live.database.ready import is_embedded
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.conflicts import keep_conflicts
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.grouping import GroupWriter

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from inventory_assets.settings import Settings

KINDS = (EventRoutes, StockRoutes, AskingRoutes, DeadLetterRoutes, ModeRoutes, WebhookRoutes, ReplayRoutes)
CLOSE_SECONDS, CLOSE_LOOK_SECONDS = 0.8, 0.01
"""How long the last group may take to be written when the service stops; who waits for it was answered before."""


def new_id() -> str:
    """A new id for an event."""
    return str(uuid.uuid4())


class Application:
    """The service as an ASGI application."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        clock: Callable[[], datetime],
        ids: Callable[[], str] = new_id,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Opens it; the database need not answer yet.

        Args:
            settings: settings of the installation.
            engine: its database.
            clock: the time, UTC.
            ids: gives ids to events without one.
            draw: so many random bytes, for secrets.
        """
        options = settings.listener
        self.metrics = Metrics()
        self.gate = Gate(Bounds(options.max_queued, options.least_free_bytes, options.deadline_seconds))
        answers = Answers()
        self.writer = GroupWriter(
            partial(append, engine, lease_seconds=settings.database.lease_seconds),
            most_waiting=options.max_unwritten,
            told=answers.told,
        )
        self._readers = ThreadPoolExecutor(options.readers, thread_name_prefix="reader")
        self._watch = Watch(
            self.gate,
            engine,
            settings.database_folder if is_embedded(settings) else None,
            options.look_seconds,
            settings.database.lease_seconds,
            lambda: self.metrics.look(engine, clock()),
        )
        self.metrics.follow(engine, self.gate, lambda: self.writer.waiting)

        async def keep(found: Sequence[tuple[Entry, int]]) -> None:
            await self.service.run(lambda: keep_conflicts(engine, found))

        listener = Listener(self.writer, answers, self.gate, limits_of(options), policy_of(options), clock, ids, keep)
        self.service = Service(
            settings=options,
            webhooks=settings.webhooks,
            engine=engine,
            gate=self.gate,
            listener=listener,
            metrics=self.metrics,
            clock=clock,
            new_id=ids,
            draw=draw,
            readers=self._readers,
        )
        self._proposals = ProposalRoutes(self.service, settings)
        router = Router(
            (
                *(route for kind in KINDS for route in kind(self.service).routes()),
                *self._proposals.routes(),
                Route("GET", OPENAPI, self._openapi),
                Route("GET", "/metrics", self._metrics),
                Route("GET", "/healthz", self._healthy),
                Route("GET", "/readyz", self._ready),
            )
        )
        self.front = Front(router, options.deadline_seconds, options.retry_seconds, self.metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; see ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self.front(scope, receive, send)

    async def close(self) -> None:
        """End all threads; what waits is written, if the database answers in time."""
        closing = threading.Thread(target=self.writer.close, name="closing", daemon=True)
        closing.start()
        until = time.monotonic() + CLOSE_SECONDS  # a thread of the loop would be waited for without a limit
        while closing.is_alive() and time.monotonic() < until:
            await asyncio.sleep(CLOSE_LOOK_SECONDS)
        self._watch.close()
        self._proposals.close()
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _openapi(self, _: Request, __: dict[str, str]) -> Response:
        """What there is, as OpenAPI 3.1."""
        return Response(document_text(), media_type="application/json")

    async def _metrics(self, _: Request, __: dict[str, str]) -> Response:
        """Metrics for Prometheus."""
        return Response(self.metrics.text(), headers={"Content-Type": MEDIA_TYPE})

    async def _healthy(self, _: Request, __: dict[str, str]) -> Response:
        """Whether the process answers at all."""
        return json_response({"status": "ok"})

    async def _ready(self, _: Request, __: dict[str, str]) -> Response:
        """Whether events are taken now; otherwise the problem that stands in the way."""
        self.gate.check()
        return json_response({"status": "ready", "waiting": self.gate.depth, "freeBytes": self.gate.free_bytes})
