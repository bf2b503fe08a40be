"""What every request passes through: who calls, how long it may take, how it is counted, and what a fault looks like.

Pure ASGI, so that a request costs no further task. Invariants: a request ends by its deadline, or soon after the
service began to stop, with an answer; an answer that has begun is never followed by another.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from inventory_assets.api.hosts import check_caller
from inventory_assets.api.metrics import Metrics
from inventory_assets.api.problems import RefusedRequestError, answer

LOG = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
STOP_SECONDS = 0.5
"""How long open requests may go on once the service stops."""


@functools.lru_cache(64)
def _known_caller(host: str) -> bool:
    check_caller(host, None)
    return True


class Front:
    """The outermost part of the service."""

    def __init__(self, app: App, deadline_seconds: float, retry_seconds: int, metrics: Metrics) -> None:
        """Nothing is open yet.

        Args:
            app: what answers.
            deadline_seconds: how long a request may take.
            retry_seconds: what Retry-After says.
            metrics: where requests are counted.
        """
        self._app, self._deadline, self._retry, self._metrics = app, deadline_seconds, retry_seconds, metrics
        self._open: set[asyncio.Timeout] = set()
        self.stopping = False

    def stop(self) -> None:
        """Give open requests a last moment; called on the event loop."""
        self.stopping = True
        last = asyncio.get_running_loop().time() + STOP_SECONDS
        for each in self._open:
            ends = each.when()
            if ends is None or ends > last:
                each.reschedule(last)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, body_seen = time.perf_counter(), 0, False

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def received() -> Message:
            nonlocal body_seen
            message = await receive()
            body_seen = body_seen or not message.get("more_body", False)
            return message

        timeout = asyncio.timeout(self._deadline)
        refused: RefusedRequestError | None = None
        try:
            async with timeout:
                self._open.add(timeout)
                self._check(scope)
                await self._app(scope, received, watched)
        except TimeoutError:
            refused = self._late(scope, body_seen=body_seen)
        except RefusedRequestError as error:
            refused = error
        except Exception:
            reference = uuid.uuid4().hex
            LOG.exception("fault %s at %s %s", reference, scope["method"], scope["path"])
            refused = RefusedRequestError("internal_error", f"reference {reference}")
        finally:
            self._open.discard(timeout)
        if refused is not None and not status:
            if self.stopping or refused.code == "request_slow":
                refused.headers["Connection"] = "close"
            await answer(refused, self._retry)(scope, receive, watched)
            self._metrics.problem(refused.code)
        self._metrics.request(route_of(scope), scope["method"], status, time.perf_counter() - begun)

    def _late(self, scope: Scope, *, body_seen: bool) -> RefusedRequestError:
        if self.stopping:
            return RefusedRequestError("stopping", "the request was not finished when the service stopped")
        if not body_seen and scope["method"] in WITH_BODY:
            return RefusedRequestError("request_slow", f"the body did not arrive within {self._deadline:g} s")
        return RefusedRequestError("deadline_passed", f"no answer within {self._deadline:g} s")

    def _check(self, scope: Scope) -> None:
        if self.stopping:
            raise RefusedRequestError("stopping", "the service is stopping")
        host, origin = "", None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origin = value.decode("latin-1")
        if origin is None:
            _known_caller(host)
        else:
            check_caller(host, origin)


def route_of(scope: Scope) -> str:
    """The address as declared, without what the caller put into it; for metrics."""
    return str(scope.get("route_path", "(none)"))
