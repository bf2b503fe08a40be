"""Routes of stock: how much there is, how it came to be, and how it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.parameters import LARGEST, Query, code, etag, next_address
from inventory_assets.api.problems import RefusedRequestError, wrong_parameter
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.live.log.reading import position
from inventory_assets.live.views.promises import receipts_due
from inventory_assets.live.views.stock import TooMuchHistoryError, as_of, history_of, shown_account, state_of
from inventory_assets.stock.promising import available_to_promise, undated

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory_assets.live.views.promises import Due

INVENTORY = "/api/v1/inventory"
HORIZON = timedelta(days=30)
"""How far a promise looks where nobody says."""
SUMMED = ("book", "onHand", "shortfall", "reserved", "unavailable", "available", "inTransit", "onOrder")


class StockRoutes(Routes):
    """Handlers of stock."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", f"{INVENTORY}/{{sku}}", self.now),
            Route("GET", f"{INVENTORY}/{{sku}}/history", self.history),
            Route("GET", f"{INVENTORY}/{{sku}}/as-of", self.as_of),
            Route("GET", f"{INVENTORY}/{{sku}}/available-to-promise", self.promise),
        )

    async def now(self, request: Request, parts: dict[str, str]) -> Response:
        """Stock of an item at a store, or at all of them with their sum."""
        item, store = sku(parts), Query(request, ("storeId",)).text("storeId", 64)
        states = await self._service.read(lambda connection: state_of(connection, item, store))
        if not states:
            where = f" at {store}" if store else ""
            raise RefusedRequestError("item_unknown", f"nothing was heard of {item}{where} yet")
        if store is None:
            return json_response({"item": item, "total": total(states), "stores": states})
        tag = etag(states[0]["version"])
        if request.headers.get("if-none-match", "").strip() == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return json_response(states[0], headers={"ETag": tag})

    async def history(self, request: Request, parts: dict[str, str]) -> Response:
        """Every change of an item with the balance after it, the newest first."""
        item, query = sku(parts), Query(request, ("storeId", "limit", "cursor"))
        store, before, limit = query.text("storeId", 64), query.cursor(), query.limit()
        page = await self._service.read(lambda connection: history_of(connection, item, store, before, limit))
        path = f"{INVENTORY}/{quote(item, safe='')}/history"
        more = next_address(request, path, page.next_before)
        return json_response({"item": item, "changes": page.rows, "next": more})

    async def as_of(self, request: Request, parts: dict[str, str]) -> Response:
        """Stock as it stood at an instant, as far as the log knew at a position."""
        item, query = sku(parts), Query(request, ("storeId", "time", "position"))
        store, at, upto = query.text("storeId", 64), query.instant("time"), query.number("position", 0, LARGEST)
        if store is None:
            raise wrong_parameter("storeId", "is needed here")
        if at is None and upto is None:
            raise wrong_parameter("time", "name a time, a position, or both")

        def ask(connection: Connection) -> dict[str, Any]:
            end = position(connection)
            known = end.sequence if upto is None else upto
            if known > end.sequence:
                raise wrong_parameter("position", f"the log ends at {end.sequence}")
            account, events = as_of(connection, item, store, upto=known, at=at)
            asked = {"item": item, "storeId": store, "time": at, "position": known, "epoch": end.epoch}
            return asked | shown_account(account) | {"events": events}

        try:
            return json_response(await self._service.read(ask))
        except TooMuchHistoryError as error:
            raise RefusedRequestError("parameter_invalid", str(error)) from error

    async def promise(self, request: Request, parts: dict[str, str]) -> Response:
        """What can be promised of an item at a store, today and on every day on which that changes."""
        item, query = sku(parts), Query(request, ("storeId", "until"))
        store, until, today = query.text("storeId", 64), query.day("until"), self._service.clock().date()
        if store is None:
            raise wrong_parameter("storeId", "is needed here")
        if until is None:
            until = today + HORIZON
        elif until < today:
            raise wrong_parameter("until", f"lies in the past; today is {today}, UTC")

        def ask(connection: Connection) -> tuple[list[dict[str, Any]], Due]:
            return state_of(connection, item, store), receipts_due(connection, item, store)

        states, due = await self._service.read(ask)
        if not states:
            raise RefusedRequestError("item_unknown", f"nothing was heard of {item} at {store} yet")
        promised = available_to_promise(states[0]["available"], due.receipts, today, until)
        kept = {name: states[0][name] for name in ("onHand", "reserved", "unavailable", "available", "inTransit")}
        return json_response(
            {"item": item, "storeId": store, "until": until, **kept, "nullReason": states[0]["nullReason"]}
            | {"version": states[0]["version"]}
            | {"promises": [{"from": p.day, "receipts": p.receipts, "available": p.available} for p in promised]}
            | {"undatedReceipts": undated(due.receipts, today)}
            | {"receiptsToldAt": due.told_at, "receiptsReason": due.unknown_reason}
        )


def sku(parts: dict[str, str]) -> str:
    """The item of an address, as the log keeps it."""
    return code(parts["sku"], "sku").upper()


def total(states: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums over stores; null where one of them is unknown, with the stores that are."""
    unknown = [each["storeId"] for each in states if each["nullReason"] is not None]
    sums = {
        name: None if any(each[name] is None for each in states) else sum(each[name] for each in states)
        for name in SUMMED
    }
    return {**sums, "stores": len(states), "unknownStores": unknown}
