"""Routes of webhooks: register, list, pause, resume, rotate the secret, remove, read the deliveries, redeliver.

Invariant: a secret is in the answer that makes it, which is given again to the same Idempotency-Key, and in no other;
that answer is not to be kept by caches.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.acting import ACTS, act_of, key_of, refusing, shaped
from inventory_assets.api.bodies import Members, given
from inventory_assets.api.parameters import LARGEST, Query, code, next_address, number_of
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.live.outbox import deliveries, keys, webhooks
from inventory_assets.live.outbox.addresses import LONGEST_URL

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory_assets.live.auditing import Act
    from inventory_assets.live.outbox.webhooks import Webhook

WEBHOOKS = "/api/v1/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{id}}"
DELIVERIES = f"{WEBHOOK}/deliveries"
ALIAS = "/api/webhooks/register"
"""The address of source 000."""
REGISTERED = (*ACTS, "url", "events", "items", "locations", "description", "secret")
SECRET_HEADERS = {"Cache-Control": "no-store"}
LONGEST_TYPE, LONGEST_NAME, LONGEST_SECRET = 128, 64, 200


class WebhookRoutes(Routes):
    """Handlers of webhooks."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", WEBHOOKS, self.register),
            Route("POST", ALIAS, self.register),
            Route("GET", WEBHOOKS, self.every),
            Route("GET", WEBHOOK, self.show),
            Route("DELETE", WEBHOOK, self.remove),
            Route("POST", f"{WEBHOOK}/pause", self.pause),
            Route("POST", f"{WEBHOOK}/resume", self.resume),
            Route("POST", f"{WEBHOOK}/rotate", self.rotate),
            Route("GET", DELIVERIES, self.log),
            Route("POST", f"{DELIVERIES}/{{delivery}}/redeliver", self.redeliver),
        )

    async def register(self, request: Request, _: dict[str, str]) -> Response:
        """Register a webhook; the only answer with its secret."""
        sent = await given(self._service, request, REGISTERED)
        service, act = self._service, self._act(sent)
        wanted = webhooks.Registration(
            url=sent.needed("url", LONGEST_URL),
            types=sent.texts("events", webhooks.MOST_TYPES, LONGEST_TYPE) or [webhooks.EVERYTHING],
            items=sent.texts("items", webhooks.MOST_NAMES, LONGEST_NAME),
            locations=sent.texts("locations", webhooks.MOST_NAMES, LONGEST_NAME),
            description=sent.text("description", webhooks.LONGEST_TEXT) or "",
            secret=sent.text("secret", LONGEST_SECRET),
            key=key_of(request),
        )
        policy, most = webhooks.policy_of(service.webhooks), service.webhooks.max_webhooks
        with refusing():
            made = await service.write(
                lambda connection: webhooks.register(connection, wanted, policy, act, service.draw, most)
            )
        headers = SECRET_HEADERS | {"Location": f"{WEBHOOKS}/{made.webhook.id}"}
        return json_response(shaped(made.webhook) | {"secret": made.secret}, 201, headers)

    async def every(self, request: Request, _: dict[str, str]) -> Response:
        """All webhooks, the oldest first."""
        Query(request, ())
        found = await self._service.read(webhooks.list_webhooks)
        return json_response({"webhooks": [shaped(each) for each in found]})

    async def show(self, request: Request, parts: dict[str, str]) -> Response:
        """One webhook."""
        Query(request, ())
        number = _number(parts)
        with refusing():
            return json_response(shaped(await self._service.read(lambda connection: webhooks.get(connection, number))))

    async def pause(self, request: Request, parts: dict[str, str]) -> Response:
        """Send nothing until it is resumed."""
        return await self._changed(parts, await given(self._service, request, ACTS), webhooks.pause)

    async def resume(self, request: Request, parts: dict[str, str]) -> Response:
        """Go on where it stopped, or after that event."""
        sent = await given(self._service, request, (*ACTS, "skip"))
        skip, key = sent.flag("skip"), key_of(request)
        return await self._changed(
            parts, sent, lambda connection, number, act: keys.resume(connection, number, act, skip=skip, key=key)
        )

    async def rotate(self, request: Request, parts: dict[str, str]) -> Response:
        """Make a new secret; the old one signs beside it for a while."""
        service, act, number = self._service, self._act(await given(self._service, request, ACTS)), _number(parts)
        overlap, key = timedelta(hours=service.webhooks.rotation_hours), key_of(request)
        with refusing():
            made = await service.write(
                lambda connection: keys.rotate(connection, number, act, overlap, service.draw, key)
            )
        told = {"id": number, "secret": made.secret, "bothUntil": made.both_until}
        return json_response(told, 200, SECRET_HEADERS)

    async def remove(self, request: Request, parts: dict[str, str]) -> Response:
        """Forget a webhook; the log of its deliveries stays."""
        act = act_of(Query(request, ACTS), self._service.clock(), reasoned=False)
        number = _number(parts)
        with refusing():
            await self._service.write(lambda connection: webhooks.remove(connection, number, act))
        return Response(status_code=204)

    async def log(self, request: Request, parts: dict[str, str]) -> Response:
        """A page of deliveries, the newest first."""
        query, number = Query(request, ("limit", "cursor")), _number(parts)
        limit, before = query.limit(), query.cursor()
        with refusing():
            found = await self._service.read(
                lambda connection: deliveries.log(connection, number, most=limit + 1, before=before)
            )
        page = found[:limit]
        more = next_address(request, f"{WEBHOOKS}/{number}/deliveries", page[-1].id if len(found) > limit else None)
        return json_response({"deliveries": [shaped(each) for each in page], "next": more})

    async def redeliver(self, request: Request, parts: dict[str, str]) -> Response:
        """Ask for the event of a delivery to be sent once more."""
        act, number = self._act(await given(self._service, request, ACTS)), _number(parts)
        delivery = number_of(parts["delivery"], "delivery", 1, LARGEST)
        with refusing():
            asked = await self._service.write(
                lambda connection: deliveries.redeliver(connection, delivery, act, number)
            )
        return json_response(shaped(asked), 202)

    def _act(self, sent: Members) -> Act:
        return act_of(sent, self._service.clock(), reasoned=False)

    async def _changed(
        self, parts: dict[str, str], sent: Members, change: Callable[[Connection, str, Act], Webhook]
    ) -> Response:
        number, act = _number(parts), self._act(sent)
        with refusing():
            found = await self._service.write(lambda connection: change(connection, number, act))
        return json_response(shaped(found))


def _number(parts: dict[str, str]) -> str:
    return code(parts["id"], "id")
