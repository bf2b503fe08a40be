"""Members of a request's body, checked once and the same way everywhere, as `parameters` does it for addresses.

Invariant: what leaves here can be handed to the database; anything else was refused with the member's name.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from inventory_assets.api.listener import refusal
from inventory_assets.api.parameters import Query, instant_of, is_text, unknown_members
from inventory_assets.api.problems import RefusedRequestError, wrong_parameter
from inventory_assets.contracts.events.problems import Refused
from inventory_assets.contracts.events.wire import loads

if TYPE_CHECKING:
    from inventory_assets.api.service import Service


async def members_of(service: Service, request: Request, known: Collection[str]) -> dict[str, Any]:
    """The body of a request: an object with declared members, or nothing.

    Raises:
        RefusedRequestError: it is something else, or too large.
    """
    raw = await service.body(request)
    try:
        body = loads(raw) if raw else {}
    except Refused as error:
        raise refusal(error.problem) from error
    if not isinstance(body, dict):
        raise RefusedRequestError("request_invalid", "the body is a JSON object")
    unknown_members(body, known)
    return body


async def given(service: Service, request: Request, known: Collection[str]) -> Members:
    """The body of a request that has no parameters.

    Raises:
        RefusedRequestError: it has some, or the body is not an object of declared members.
    """
    Query(request, ())
    return Members(await members_of(service, request, known))


class Members:
    """Members of an object by what they must be; null is the same as not sent."""

    def __init__(self, body: dict[str, Any]) -> None:
        """Keeps them.

        Args:
            body: an object whose members are declared.
        """
        self._body = body

    def text(self, name: str, longest: int) -> str | None:
        """A printable text, None where not sent."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not is_text(value, longest):
            raise wrong_parameter(name, f"must be a text of 1 to {longest} printable characters")
        return value.strip()

    def needed(self, name: str, longest: int) -> str:
        """A printable text that must be there."""
        value = self.text(name, longest)
        if value is None:
            raise wrong_parameter(name, "is needed")
        return value

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """One of some words, None where not sent."""
        value = self._body.get(name)
        if value is not None and (not isinstance(value, str) or value not in choices):
            raise wrong_parameter(name, f"must be one of {', '.join(choices)}")
        return value

    def number(self, name: str, least: int, most: int, usual: int) -> int:
        """A whole number."""
        value = self._body.get(name)
        if value is None:
            return usual
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise wrong_parameter(name, f"must be a whole number from {least} to {most}")
        return value

    def instant(self, name: str) -> datetime | None:
        """An instant, None where not sent."""
        value = self._body.get(name)
        return None if value is None else instant_of(value, name)

    def flag(self, name: str) -> bool:
        """True or false, which is what it is where not sent."""
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            raise wrong_parameter(name, "must be true or false")
        return bool(value)

    def texts(self, name: str, most: int, longest: int) -> list[str] | None:
        """A list of printable texts, None where not sent."""
        value = self._body.get(name)
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(each, str) and is_text(each, longest) for each in value)
        ):
            raise wrong_parameter(name, f"must be a list of 1 to {most} texts of 1 to {longest} printable characters")
        return [each.strip() for each in value]

    def object(self, name: str, known: Collection[str] | None = None) -> dict[str, Any] | None:
        """An object, None where not sent; with declared members only where they are named."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise wrong_parameter(name, "must be an object")
        if known is not None:
            unknown_members(value, known)
        return value
