"""Routes of replays, of the log or of a consumer: ask for one, see how far it is and what came of it, cancel it.

A request only writes the wish; a worker carries it out, as a replay may take minutes. What it does is the replay of the
command line (`inventory live replay`). Invariant: the same request under one Idempotency-Key is one replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.acting import ACTS, act_of, camel, key_of, refusing, shaped
from inventory_assets.api.bodies import Members, given
from inventory_assets.api.parameters import LARGEST, Query, next_address, number_of
from inventory_assets.api.problems import wrong_parameter
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.live import replays
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.outbox.again import MOST, USUAL, Range, range_of
from inventory_assets.live.replays import Replay
from inventory_assets.live.requeueing import Filter, filter_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

REPLAYS = "/api/v1/replays"
REPLAY = f"{REPLAYS}/{{replay}}"
ASKED = (*ACTS, "after", "since", "types", "items", "dryRun", "consumer", "limit")
MOST_TYPES, MOST_ITEMS, LONGEST_TYPE, LONGEST_ITEM, LONGEST_CONSUMER = 100, 1_000, 128, 64, 80


class ReplayRoutes(Routes):
    """Handlers of replays."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", REPLAYS, self.request),
            Route("GET", REPLAYS, self.every),
            Route("GET", REPLAY, self.one),
            Route("POST", f"{REPLAY}/cancel", self.cancel),
        )

    async def request(self, request: Request, _: dict[str, str]) -> Response:
        """Ask for a replay."""
        sent = await given(self._service, request, ASKED)
        act = act_of(sent, self._service.clock())
        key = key_of(request)
        wanted, dry_run = _wanted(sent), sent.flag("dryRun")

        def ask(connection: Connection) -> Replay:
            if isinstance(wanted, Range):
                return replays.request_again(connection, wanted, act, dry_run=dry_run, key=key)
            return replays.request(driver_of(connection), wanted, act, dry_run=dry_run, key=key)

        with refusing():
            asked = await self._service.write(ask)
        return json_response(told(asked), 202, {"Location": f"{REPLAYS}/{asked.id}"})

    async def every(self, request: Request, _: dict[str, str]) -> Response:
        """A page of replays, the newest first."""
        query = Query(request, ("limit", "cursor"))
        limit, before = query.limit(), query.cursor()
        found = await self._service.read(lambda connection: replays.listed(driver_of(connection), limit + 1, before))
        page = found[:limit]
        more = next_address(request, REPLAYS, page[-1].id if len(found) > limit else None)
        return json_response({"replays": [told(each) for each in page], "next": more})

    async def one(self, request: Request, parts: dict[str, str]) -> Response:
        """How far a replay is and what came of it."""
        Query(request, ())
        number = _number(parts)
        with refusing():
            found = await self._service.read(lambda connection: replays.get(driver_of(connection), number))
        return json_response(told(found))

    async def cancel(self, request: Request, parts: dict[str, str]) -> Response:
        """End a replay where it is; what it has put back stays, deliveries that wait are not made."""
        act = act_of(await given(self._service, request, ACTS), self._service.clock())
        number = _number(parts)
        with refusing():
            found = await self._service.write(lambda connection: replays.cancel(connection, number, act))
        return json_response(told(found))


def told(found: Replay) -> dict[str, Any]:
    """A replay as it is told."""
    shown = shaped(found)
    result = found.result
    return shown | {"result": None if result is None else {camel(name): value for name, value in result.items()}}


def _wanted(sent: Members) -> Filter | Range:
    """Which events of the log, or which deliveries of a consumer."""
    after, since = sent.number("after", 0, LARGEST, 0), sent.instant("since")
    types = sent.texts("types", MOST_TYPES, LONGEST_TYPE) or ()
    items = sent.texts("items", MOST_ITEMS, LONGEST_ITEM) or ()
    consumer, most = sent.text("consumer", LONGEST_CONSUMER), sent.number("limit", 1, MOST, 0)
    if consumer is not None:
        return range_of(consumer, after, since, types, items, most or USUAL)
    if most:
        raise wrong_parameter("limit", "is for replays of a consumer; one of the log has no end but that of the log")
    return filter_of(after, since, types, items)


def _number(parts: dict[str, str]) -> int:
    return number_of(parts["replay"], "replay", 1, LARGEST)
