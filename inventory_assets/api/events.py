"""Routes of events: send them, ask how far one is, search them."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.encoding import encoded
from inventory_assets.api.listener import EVENTS
from inventory_assets.api.parameters import Query, code, next_address
from inventory_assets.api.problems import MEDIA_TYPE, RefusedRequestError
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.contracts.events.catalogue import canonical
from inventory_assets.live.views.events import (
    STATUSES,
    EventAmbiguousError,
    EventArchivedError,
    EventUnknownError,
    Wanted,
    event_with_status,
    search,
)

ALL_TAKEN, SOME_REFUSED = 202, 207
SEARCHED = ("item", "type", "source", "status", "from", "to", "limit", "cursor")


class EventRoutes(Routes):
    """Handlers of events."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", EVENTS, self.post),
            Route("GET", EVENTS, self.search),
            Route("GET", f"{EVENTS}/{{id}}", self.status),
        )

    async def post(self, request: Request, _: dict[str, str]) -> Response:
        """Take one event or a list of them."""
        service = self._service
        service.gate.check()
        body = await service.body(request)
        answer = await service.listener.take(request.headers, body)
        for outcome, count in Counter(each.outcome for each in answer.events).items():
            service.metrics.events(outcome, count)
        if not answer.batch:
            (only,) = answer.events
            headers = {}
            if only.event_id and only.event_id.isascii() and only.event_id.isprintable():
                headers["X-Event-ID"] = only.event_id
            if only.address:
                headers["Location"] = only.address
            media = "application/json" if only.status < 400 else MEDIA_TYPE  # noqa: PLR2004 - the first error status
            return Response(encoded(only.body), only.status, headers, media)
        refused = sum(each.status != ALL_TAKEN for each in answer.events)
        results = [{"httpStatus": each.status, **each.body} for each in answer.events]
        told = {"taken": len(results) - refused, "refused": refused, "results": results}
        return json_response(told, SOME_REFUSED if refused else ALL_TAKEN)

    async def status(self, request: Request, parts: dict[str, str]) -> Response:
        """One event, how far it is, and every attempt."""
        source = Query(request, ("source",)).text("source", 256)
        event_id = code(parts["id"], "id", 128)
        try:
            return json_response(
                await self._service.read(lambda connection: event_with_status(connection, event_id, source))
            )
        except EventUnknownError as error:
            raise RefusedRequestError("event_unknown", f"no event has the id {event_id}") from error
        except EventAmbiguousError as error:
            detail = f"{event_id} was sent by {len(error.sources)} sources or more"
            raise RefusedRequestError("event_ambiguous", detail, more={"sources": list(error.sources)}) from error
        except EventArchivedError as error:
            raise RefusedRequestError("event_unknown", f"the event {event_id} was archived") from error

    async def search(self, request: Request, _: dict[str, str]) -> Response:
        """A page of events, the newest first."""
        query = Query(request, SEARCHED)
        named = query.text("type", 128)
        wanted = Wanted(
            item=query.item(),
            type=None if named is None else canonical(named),
            source=query.text("source", 256),
            status=query.choice("status", STATUSES),  # pyright: ignore[reportArgumentType]
            since=query.instant("from"),
            until=query.instant("to"),
            before=query.cursor(),
            limit=query.limit(),
        )
        page = await self._service.read(lambda connection: search(connection, wanted))
        return json_response({"events": page.events, "next": next_address(request, EVENTS, page.next_before)})
