"""Parameters of addresses and queries, checked once and the same way everywhere.

Invariant: what leaves here can be handed to the database; anything else was refused with the parameter's name.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from datetime import date, datetime
from urllib.parse import urlencode

from starlette.requests import Request

from inventory_assets.api.problems import wrong_parameter
from inventory_assets.contracts.events.fields import instant

LARGEST = 2**63 - 1
MOST_OF_A_PAGE = 200
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)


class Query:
    """The parameters of a request."""

    def __init__(self, request: Request, known: Collection[str]) -> None:
        """Refuses parameters that are not declared or stand twice.

        Args:
            request: the request.
            known: names of declared parameters.

        Raises:
            RefusedRequestError: `parameter_invalid`.
        """
        self._given: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                raise wrong_parameter(name[:64], f"is not known here; there are {', '.join(known) or 'none'}")
            if name in self._given:
                raise wrong_parameter(name, "stands twice")
            self._given[name] = value

    def text(self, name: str, longest: int) -> str | None:
        """A text, None where not sent."""
        value = self._given.get(name)
        if value is not None and not is_text(value, longest):
            raise wrong_parameter(name, f"must be a text of 1 to {longest} printable characters")
        return None if value is None else value.strip()

    def needed(self, name: str, longest: int) -> str:
        """A text that must be there."""
        value = self.text(name, longest)
        if value is None:
            raise wrong_parameter(name, "is needed")
        return value

    def item(self, name: str = "item") -> str | None:
        """An item's code, as the log keeps it."""
        value = self.text(name, 64)
        return None if value is None else value.upper()

    def number(self, name: str, least: int, most: int) -> int | None:
        """A whole number."""
        value = self._given.get(name)
        return None if value is None else number_of(value, name, least, most)

    def instant(self, name: str) -> datetime | None:
        """An instant."""
        value = self._given.get(name)
        return None if value is None else instant_of(value, name)

    def day(self, name: str) -> date | None:
        """A day."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError as error:
            raise wrong_parameter(name, f"is no day of the calendar: {error}") from error
        raise wrong_parameter(name, "must be a day such as 2026-03-01")

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """One of some words."""
        value = self._given.get(name)
        if value is not None and value not in choices:
            raise wrong_parameter(name, f"must be one of {', '.join(choices)}")
        return value

    def limit(self) -> int:
        """Rows of a page."""
        return self.number("limit", 1, MOST_OF_A_PAGE) or 50

    def cursor(self) -> int | None:
        """Where the last page ended."""
        found = self._cursor(1)
        return found[0] if found else None

    def key_cursor(self) -> tuple[int, int] | None:
        """The same, of a list in the order of two numbers."""
        found = self._cursor(2)
        return (found[0], found[1]) if found else None

    def _cursor(self, numbers: int) -> list[int] | None:
        value = self._given.get("cursor")
        if value is None:
            return None
        try:
            told = base64.urlsafe_b64decode(value.encode("ascii") + b"==").decode("ascii").split("/")
        except (binascii.Error, UnicodeError) as error:
            raise wrong_parameter("cursor", "is none this service gave") from error
        if len(told) != numbers or not all(_NUMBER.fullmatch(each) and int(each) <= LARGEST for each in told):
            raise wrong_parameter("cursor", "is none this service gave")
        return [int(each) for each in told]


def number_of(value: str, name: str, least: int, most: int) -> int:
    """A whole number.

    Raises:
        RefusedRequestError: `parameter_invalid`.
    """
    if not _NUMBER.fullmatch(value) or not least <= int(value) <= most:
        raise wrong_parameter(name, f"must be a whole number from {least} to {most}")
    return int(value)


def instant_of(value: object, name: str) -> datetime:
    """An instant.

    Raises:
        RefusedRequestError: `parameter_invalid`.
    """
    try:
        found = instant(value)
    except ValueError as error:
        raise wrong_parameter(name, str(error)) from error
    if not isinstance(found, datetime):
        raise wrong_parameter(name, "must be an instant")
    return found


def is_text(value: str, longest: int) -> bool:
    """Whether a text is one people can read and every table can keep."""
    return len(value) <= longest and _PRINTABLE.fullmatch(value) is not None and bool(value.strip())


def cursor_of(*ended: int) -> str:
    """Where a page ended as a cursor."""
    return base64.urlsafe_b64encode("/".join(map(str, ended)).encode()).decode().rstrip("=")


def next_address(request: Request, path: str, ended: int | tuple[int, int] | None) -> str | None:
    """Address of the page after one; None after the last.

    Args:
        request: what asked for the page; its other parameters stay.
        path: the address without parameters.
        ended: where the page ended; None if it was the last.
    """
    if ended is None:
        return None
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    cursor = cursor_of(*(ended if isinstance(ended, tuple) else (ended,)))
    return f"{path}?{urlencode([*kept, ('cursor', cursor)])}"


def code(value: str, code_of: str, longest: int = 64) -> str:
    """A part of an address: an item's code, an id.

    Raises:
        RefusedRequestError: `parameter_invalid`.
    """
    if not is_text(value, longest):
        raise wrong_parameter(code_of, f"must be a text of 1 to {longest} printable characters")
    return value.strip()


def expected_version(header: str | None) -> int | None:
    """Version an `If-Match` names; None where there is none.

    Raises:
        RefusedRequestError: `parameter_invalid`: it names something else than one version.
    """
    if header is None:
        return None
    found = re.fullmatch(r'\s*"(\d{1,18})"\s*', header, re.ASCII)
    if found is None:
        raise wrong_parameter("If-Match", 'must be one ETag of this address, such as "7"')
    return int(found[1])


def etag(version: int) -> str:
    """Version of a pair as an ETag."""
    return f'"{version}"'


def unknown_members(body: dict[str, object], known: Collection[str]) -> None:
    """Refuse members of a body that are not declared.

    Raises:
        RefusedRequestError: `parameter_invalid`.
    """
    for name in body:
        if name not in known:
            raise wrong_parameter(name[:64], f"is not known here; there are {', '.join(known)}")
