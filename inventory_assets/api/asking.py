"""Routes that ask for something and wait for the answer: adjustments and reservations.

Each makes an event like any other and waits a moment for its outcome; after that the answer is 202 with the address of
its status. Nothing is written here but the event. Invariant: with `If-Match` an adjustment is stored only where the
stock still has that version; of several with one version one is stored.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.bodies import members_of
from inventory_assets.api.listener import Taken, refusal, stored
from inventory_assets.api.parameters import Query, code, etag, expected_version
from inventory_assets.api.problems import RefusedRequestError, wrong_parameter
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.api.stock import INVENTORY, sku
from inventory_assets.contracts.events.admission import Admission
from inventory_assets.contracts.events.problems import FieldError, Problem
from inventory_assets.contracts.events.reading import Event, read_request
from inventory_assets.contracts.events.wire import dumps
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import Outcome
from inventory_assets.live.log.conditional import append_if
from inventory_assets.live.views.outcome import Progress, progress_of
from inventory_assets.live.views.stock import reservation_of, state_of

RESERVATIONS = "/api/v1/reservations"
SOURCE = "/api"
"""Source of the events made here; their ids are Idempotency-Keys or new."""
STRUCTURED = {"content-type": "application/cloudevents+json"}
ADJUSTED = ("quantity", "reason", "reference", "note", "storeId")
RESERVED = ("reservationId", "storeId", "lines", "partial", "expiresInSeconds", "reference")
_CALLED = {
    "reason_code": "reason",
    "location_id": "storeId",
    "reservation_id": "reservationId",
    "expires_in_seconds": "expiresInSeconds",
}
"""Members of our requests by their name in the event."""
FIRST_WAIT, LONGEST_WAIT = 0.01, 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """An event that was stored, and what came of it.

    Attributes:
        event: the event.
        taken: what is told about it.
        progress: how far it was when the wait was over.
    """

    event: Event
    taken: Taken
    progress: Progress


class AskingRoutes(Routes):
    """Handlers that make an event and wait."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", f"{INVENTORY}/{{sku}}/adjust", self.adjust),
            Route("POST", RESERVATIONS, self.reserve),
            Route("GET", f"{RESERVATIONS}/{{reservationId}}", self.reservation),
            Route("POST", f"{RESERVATIONS}/{{reservationId}}/commit", self.commit),
            Route("POST", f"{RESERVATIONS}/{{reservationId}}/release", self.release),
        )

    async def adjust(self, request: Request, parts: dict[str, str]) -> Response:
        """Correct the stock of an item at a store; with If-Match only as long as nobody else changed it."""
        item, query = sku(parts), Query(request, ("storeId",))
        body = await self._members(request, ADJUSTED)
        store = query.text("storeId", 64)
        if store is not None and body.setdefault("storeId", store) != store:
            raise wrong_parameter("storeId", "address and body name different stores")
        expected = expected_version(request.headers.get("if-match"))
        renamed = {"reason_code": body.pop("reason", None), "location_id": body.pop("storeId", None)}
        data = {name: value for name, value in renamed.items() if value is not None} | body | {"product_sku": item}
        event = self._event(request, "StockAdjustment", data)
        location = str(getattr(event.payload, "location_id", ""))
        outcome = await (self._store(event) if expected is None else self._store_if(event, (item, location), expected))
        asked = await self._wait(event, outcome)
        if asked.progress.state == "waiting":
            return pending(asked)
        states = await self._service.read(lambda connection: state_of(connection, item, location))
        state = states[0] if states else None
        if asked.progress.state == "failed":
            raise RefusedRequestError(
                "command_refused", asked.progress.message or "it failed", more={"event": asked.taken.body}
            )
        headers = {"Location": asked.taken.address}
        if state is not None:
            headers["ETag"] = etag(state["version"])
        return json_response({"event": asked.taken.body, "stock": state}, 200, headers)

    async def reserve(self, request: Request, _: dict[str, str]) -> Response:
        """Hold units for somebody."""
        Query(request, ())
        body = await self._members(request, RESERVED)
        names = {"reservationId": "reservation_id", "storeId": "location_id", "expiresInSeconds": "expires_in_seconds"}
        data = {names.get(name, name): value for name, value in body.items() if value is not None}
        data.setdefault("reservation_id", request.headers.get("idempotency-key") or self._service.new_id())
        event = self._event(request, "stock.reserve", data)
        return self._decided(await self._wait(event, await self._store(event)), 201)

    async def reservation(self, request: Request, parts: dict[str, str]) -> Response:
        """A reservation as it stands."""
        Query(request, ())
        number = code(parts["reservationId"], "reservationId")
        found = await self._service.read(lambda connection: reservation_of(connection, number))
        if found is None:
            raise RefusedRequestError("reservation_unknown", f"there is no reservation {number}")
        return json_response(found)

    async def commit(self, request: Request, parts: dict[str, str]) -> Response:
        """Sell what is reserved."""
        return await self._end(request, parts, "reservation.commit", ("reference",))

    async def release(self, request: Request, parts: dict[str, str]) -> Response:
        """Give back what is reserved."""
        return await self._end(request, parts, "reservation.release", ("reason",))

    async def _end(self, request: Request, parts: dict[str, str], type_: str, known: tuple[str, ...]) -> Response:
        Query(request, ())
        body = await self._members(request, known)
        data = body | {"reservation_id": code(parts["reservationId"], "reservationId")}
        event = self._event(request, type_, data)
        return self._decided(await self._wait(event, await self._store(event)), 200)

    async def _members(self, request: Request, known: tuple[str, ...]) -> dict[str, Any]:
        self._service.gate.check()
        return await members_of(self._service, request, known)

    def _event(self, request: Request, type_: str, data: dict[str, Any]) -> Event:
        key = request.headers.get("idempotency-key")
        made = {
            "specversion": "1.0",
            "id": key or self._service.new_id(),
            "source": SOURCE,
            "type": type_,
            "priority": 8,
            "traceparent": request.headers.get("traceparent", ""),
            "data": data,
        }
        limits = self._service.listener.limits
        try:
            body = dumps(made).encode()
        except (RecursionError, ValueError) as error:
            raise RefusedRequestError("too_deep", "the body nests deeper than any event may") from error
        reading = read_request(STRUCTURED, body, self._service.clock(), self._service.new_id, limits)
        if reading.problem is not None:
            raise refusal(reading.problem)
        (event,) = reading.events
        if isinstance(event, Problem):
            places = tuple(FieldError(_shown(each.pointer), each.detail) for each in event.errors)
            raise RefusedRequestError(event.code, event.detail, errors=places)
        return event

    async def _store(self, event: Event) -> Outcome:
        (outcome,) = await self._service.listener.write([entry_of(event)])
        return outcome

    async def _store_if(self, event: Event, pair: tuple[str, str], expected: int) -> Outcome:
        """Store an event if its pair has the expected version, as soon as nothing of its item waits."""
        service = self._service
        entry, pause = entry_of(event), FIRST_WAIT
        ends = asyncio.get_running_loop().time() + service.settings.wait_seconds
        while True:
            found = await service.run(lambda: append_if(service.engine, entry, pair, expected))
            if isinstance(found, Outcome):
                service.gate.took(len(entry.items) if found.status == "accepted" else 0)
                return found
            if found.version != expected:
                raise RefusedRequestError(
                    "version_changed",
                    f"{pair[0]} at {pair[1]} has version {found.version}, not {expected}",
                    headers={"ETag": etag(found.version)},
                )
            if asyncio.get_running_loop().time() + pause > ends:
                raise RefusedRequestError("deadline_passed", f"events of {pair[0]} still wait to be applied")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)

    async def _wait(self, event: Event, outcome: Outcome) -> Asked:
        taken = stored(event, Admission("accepted"), outcome)
        self._service.metrics.events(taken.outcome)
        if taken.status != 202:  # noqa: PLR2004 - not stored, or under the id of another event
            code_of, detail = taken.outcome, str(taken.body.get("detail", ""))
            raise RefusedRequestError(code_of, detail, more={"eventId": event.envelope.id})
        ends = asyncio.get_running_loop().time() + self._service.settings.wait_seconds
        pause = FIRST_WAIT
        while True:
            progress = await self._service.read(
                lambda connection: progress_of(connection, outcome.sequence or 0, event.envelope.key)
            )
            if progress.state != "waiting" or asyncio.get_running_loop().time() + pause > ends:
                return Asked(event, taken, progress)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)

    def _decided(self, asked: Asked, done: int) -> Response:
        """The answer to a command."""
        progress = asked.progress
        if progress.state == "waiting":
            return pending(asked)
        data = progress.data or {}
        if progress.state == "failed" or progress.fact == "command.refused":
            detail = str(data.get("detail") or data.get("reason") or progress.message or "it failed")
            more = {"reason": data.get("reason"), "lines": data.get("lines"), "event": asked.taken.body}
            raise RefusedRequestError("command_refused", detail, more=more)
        told = {"event": asked.taken.body, "fact": progress.fact, "data": data or None}
        return json_response(told, done if progress.fact else 200, {"Location": asked.taken.address})


def _shown(pointer: str) -> str:
    """Place in the data as the caller named it."""
    path = pointer.removeprefix("/data")
    return "/" + _CALLED.get(path[1:], path[1:]) if path else path


def pending(asked: Asked) -> Response:
    """The answer while the outcome is not known."""
    return json_response({"event": asked.taken.body, "stock": None}, 202, {"Location": asked.taken.address})
