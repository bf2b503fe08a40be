"""Routes of dead letters: look, put back, correct, give up; one, or many that a filter means.

What is done is in `live.dead_letters`. Invariant: what puts parts back into the queue is refused while the queue is
over its limit, as events are; giving up and looking are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.acting import ACTS, act_of, refusing, shaped
from inventory_assets.api.bodies import Members, given
from inventory_assets.api.parameters import Query, next_address
from inventory_assets.api.problems import wrong_parameter
from inventory_assets.api.routing import Route
from inventory_assets.api.service import Routes, json_response
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.dead_letters import handling
from inventory_assets.live.dead_letters.looking import (
    MOST_AT_ONCE,
    PATTERNS,
    STATUSES,
    DeadLetter,
    Key,
    Wanted,
    chosen,
    key_of,
    listed,
    name_of,
    shown,
)
from inventory_assets.live.dead_letters.recovering import shown_patterns

if TYPE_CHECKING:
    import psycopg

    from inventory_assets.live.auditing import Act

LETTERS = "/api/v1/dead-letters"
LETTER = f"{LETTERS}/{{sequence}}/{{part}}"
FILTERS = ("class", "source", "type", "item", "pattern")
MANY = (*ACTS, "letters", "filter", "limit", "dryRun")
ALL = "all"
USUAL_LIMIT = 100
LONGEST_NAME = 30


class Do(Protocol):
    """An act on letters, as `handling.retry` and `handling.discard`."""

    def __call__(
        self, connection: psycopg.Connection, keys: Sequence[Key], act: Act, *, dry_run: bool = False
    ) -> list[Key]:
        """Do it; keys of those that were open."""
        ...


class DeadLetterRoutes(Routes):
    """Handlers of dead letters."""

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", LETTERS, self.search),
            Route("GET", f"{LETTERS}/patterns", self.patterns),
            Route("POST", f"{LETTERS}/retry", self.retry_many),
            Route("POST", f"{LETTERS}/discard", self.discard_many),
            Route("GET", LETTER, self.show),
            Route("POST", f"{LETTER}/retry", self.retry),
            Route("POST", f"{LETTER}/edit", self.edit),
            Route("POST", f"{LETTER}/discard", self.discard),
        )

    async def search(self, request: Request, _: dict[str, str]) -> Response:
        """A page of dead letters in the order of the log."""
        query = Query(request, ("status", *FILTERS, "limit", "cursor"))
        status = query.choice("status", (*STATUSES, ALL)) or "open"
        wanted, limit, after = _wanted(query, None if status == ALL else status), query.limit(), query.key_cursor()
        found = await self._service.read(
            lambda connection: listed(driver_of(connection), wanted, after=after, limit=limit + 1)
        )
        page = found[:limit]
        more = page[-1].key if len(found) > limit else None
        letters = [letter_shape(each) for each in page]
        return json_response({"letters": letters, "next": next_address(request, LETTERS, more)})

    async def patterns(self, request: Request, _: dict[str, str]) -> Response:
        """What failed together among the open letters, and what is done about it."""
        Query(request, ())
        now = self._service.clock()
        found = await self._service.read(lambda connection: shown_patterns(driver_of(connection), now))
        return json_response({"patterns": [shaped(each) for each in found]})

    async def show(self, request: Request, parts: dict[str, str]) -> Response:
        """One dead letter with its event and every attempt."""
        Query(request, ())
        key = _key(parts)
        with refusing():
            found = await self._service.read(lambda connection: shown(driver_of(connection), key))
        event = shaped(found.event)
        del event["effects"]
        event |= {name: msgspec.Raw(event[name].encode()) for name in ("data", "envelope")}
        attempts = [shaped(each) for each in found.attempts]
        return json_response({"letter": letter_shape(found.letter), "event": event, "attempts": attempts})

    async def retry(self, request: Request, parts: dict[str, str]) -> Response:
        """Put one back into the queue."""
        self._service.gate.check()
        sent = await given(self._service, request, (*ACTS, "priority"))
        response = await self._one(parts, sent, _retrying(sent))
        self._service.gate.took(1)
        return response

    async def discard(self, request: Request, parts: dict[str, str]) -> Response:
        """Give one up."""
        return await self._one(parts, await given(self._service, request, ACTS), handling.discard)

    async def edit(self, request: Request, parts: dict[str, str]) -> Response:
        """Put a corrected event into the log instead."""
        self._service.gate.check()
        sent, key = await given(self._service, request, (*ACTS, "data")), _key(parts)
        act, data = self._act(sent), sent.object("data")
        if data is None:
            raise wrong_parameter("data", "is needed: the whole corrected data of the event")
        with refusing():
            sequence = await self._service.write(
                lambda connection: handling.edit_and_retry(driver_of(connection), key, data, act)
            )
        self._service.gate.took(1)
        return json_response({"letter": name_of(key), "status": "edited", "sequence": sequence})

    async def retry_many(self, request: Request, _: dict[str, str]) -> Response:
        """Put many back."""
        self._service.gate.check()
        sent = await given(self._service, request, (*MANY, "priority"))
        return await self._many(sent, _retrying(sent), queued=True)

    async def discard_many(self, request: Request, _: dict[str, str]) -> Response:
        """Give many up."""
        return await self._many(await given(self._service, request, MANY), handling.discard, queued=False)

    def _act(self, sent: Members) -> Act:
        return act_of(sent, self._service.clock())

    async def _one(self, parts: dict[str, str], sent: Members, do: Do) -> Response:
        key, act = _key(parts), self._act(sent)

        def doing(connection: psycopg.Connection) -> DeadLetter:
            handling.check_done(connection, key, do(connection, [key], act))
            return shown(connection, key).letter

        with refusing():
            letter = await self._service.write(lambda connection: doing(driver_of(connection)))
        return json_response(letter_shape(letter))

    async def _many(self, sent: Members, do: Do, *, queued: bool) -> Response:
        act, dry_run = self._act(sent), sent.flag("dryRun")
        names = sent.texts("letters", MOST_AT_ONCE, LONGEST_NAME) or ()
        wanted = _wanted(Members(sent.object("filter", FILTERS) or {}), "open")
        limit = sent.number("limit", 1, MOST_AT_ONCE, USUAL_LIMIT)

        def doing(connection: psycopg.Connection) -> handling.Done:
            found = chosen(connection, names, wanted, limit)
            if queued:
                self._service.gate.check(len(found.keys))
            return handling.done_of(found, do(connection, found.keys, act, dry_run=dry_run), dry_run=dry_run)

        with refusing():
            done = await self._service.write(lambda connection: doing(driver_of(connection)))
        if queued and not dry_run:
            self._service.gate.took(len(done.letters))
        return json_response(shaped(done))


def letter_shape(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as answers show it."""
    return {"letter": name_of(letter.key)} | shaped(letter)


def _retrying(given: Members) -> Do:
    return partial(handling.retry, raised=given.number("priority", 1, handling.HIGHEST_RAISED, 1))


def _key(parts: dict[str, str]) -> Key:
    with refusing():
        return key_of(f"{parts['sequence']}/{parts['part']}")


def _wanted(given: Members | Query, status: Any) -> Wanted:  # noqa: ANN401 - one of `STATUSES` or None
    return Wanted(
        status=status,
        error_class=given.text("class", 64),
        source=given.text("source", 256),
        type=given.text("type", 128),
        item=given.text("item", 64),
        pattern=given.choice("pattern", PATTERNS),
    )
