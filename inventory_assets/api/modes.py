"""Routes of the batch-only mode: what is off, and switching it off and on, wholly or in part.

Invariant: switching off is refused by nothing but a database that is away, as it is what one does in trouble.
"""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.acting import ACTS, act_of, refusing, shaped
from inventory_assets.api.bodies import given
from inventory_assets.api.parameters import Query
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.modes import SCOPES, Scope, listed, named, switch, waiting

MODES = "/api/v1/modes"


class ModeRoutes(Routes):
    """Handlers of the batch-only mode."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", MODES, self.current),
            Route("POST", f"{MODES}/off", self.off),
            Route("POST", f"{MODES}/on", self.on),
        )

    async def current(self, request: Request, _: dict[str, str]) -> Response:
        """What only the batch side works on, and how much waits."""
        Query(request, ())
        found, parts = await self._service.read(
            lambda connection: (listed(driver_of(connection)), waiting(driver_of(connection)))
        )
        return json_response({"batchOnly": [shaped(each) for each in found], "waiting": parts})

    async def off(self, request: Request, _: dict[str, str]) -> Response:
        """Batch only: events keep coming and wait."""
        return await self._switch(request, live=False)

    async def on(self, request: Request, _: dict[str, str]) -> Response:
        """Live again: what waited is applied."""
        return await self._switch(request, live=True)

    async def _switch(self, request: Request, *, live: bool) -> Response:
        sent = await given(self._service, request, (*ACTS, "scope", "key"))
        act = act_of(sent, self._service.clock())
        scope = cast("Scope", sent.choice("scope", SCOPES) or "all")
        with refusing():
            key = named(scope, sent.text("key", 256) or "")
            changed = await self._service.write(
                lambda connection: switch(driver_of(connection), scope, key, act, live=live)
            )
        mode = "live" if live else "batch only"
        return json_response({"scope": scope, "key": key, "mode": mode, "changed": changed})
