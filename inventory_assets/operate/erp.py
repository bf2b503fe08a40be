"""Posts approved purchases to the ordering system (ERP) of the installation, one request a proposal.

The address is the operator's own setting, so private networks are allowed. The key of every request is the proposal's
id, the same at every attempt: a system that keeps its keys takes an order once, however often it is asked. Invariants:
redirects are not followed; an answer is read up to a bound and shown in one short line; the token is in no message.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from inventory_assets.live.outbox.addresses import TargetPolicy, TargetRefusedError, parse_target

if TYPE_CHECKING:
    import httpx

    from inventory_assets.settings import ErpSettings

USER_AGENT = "inventory-assets orders"
MOST_ANSWER_BYTES = 65_536
LONGEST_SAID = 300
LONGEST_WAIT = 60.0
"""Seconds a Retry-After is heeded at most."""
GIVE_UP_AFTER = 3
"""Orders in a row the system did not answer, after which the others are left to the next call."""
AGAIN = frozenset({408, 425, 429})
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(r"[!-~]+")

Posted = Literal["taken", "refused", "unanswered", "not tried"]


class ErpError(ValueError):
    """The settings of the ordering system cannot be used."""


@dataclass(frozen=True, slots=True)
class Line:
    """A purchase to be ordered.

    Attributes:
        proposal_id: key of the request.
        product_sku: item.
        quantity: units.
        supplier_id: supplier; None where none is known, and nothing is posted.
    """

    proposal_id: str
    product_sku: str
    quantity: int
    supplier_id: str | None

    @property
    def body(self) -> bytes:
        """What is posted."""
        said = {"product_sku": self.product_sku, "quantity": self.quantity, "supplier_id": self.supplier_id}
        return json.dumps(said).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a line.

    Attributes:
        line: the line.
        posted: taken; refused by it; unanswered after every attempt; not tried, as it answered nothing before.
        said: what it said, or why it was not asked; empty where it took the line.
        number: number of the order there, where it told one.
        attempts: requests that were sent.
    """

    line: Line
    posted: Posted
    said: str = ""
    number: str | None = None
    attempts: int = 0


def check_erp(settings: ErpSettings) -> str:
    """The system's host, for people.

    Raises:
        ErpError: address or token cannot be used; the message does not hold them.
    """
    try:
        target = parse_target(settings.url, TargetPolicy(plain_http=True))
    except TargetRefusedError as error:
        raise ErpError(f"INVENTORY_ERP__URL: {error}") from error
    if settings.token is not None and not _TOKEN.fullmatch(settings.token.get_secret_value()):
        raise ErpError("INVENTORY_ERP__TOKEN: it is empty, or has characters a header does not hold")
    return target.authority


def post_orders(settings: ErpSettings, lines: Sequence[Line]) -> list[Answer]:
    """Post lines one after the other.

    Args:
        settings: where to, and how patiently.
        lines: purchases.

    Returns:
        What became of each, in order; never an error of the network.

    Raises:
        ErpError: the settings cannot be used.
    """
    check_erp(settings)
    return asyncio.run(_post_all(settings, lines)) if lines else []


async def _post_all(settings: ErpSettings, lines: Sequence[Line]) -> list[Answer]:
    import httpx

    silent, found = 0, []
    options: dict[str, Any] = {"follow_redirects": False, "trust_env": False, "timeout": settings.timeout_seconds}
    async with httpx.AsyncClient(verify=ssl.create_default_context(), **options) as client:
        for line in lines:
            if line.supplier_id is None:
                found.append(Answer(line, "refused", "not posted: the item master names no supplier"))
            elif silent >= GIVE_UP_AFTER:
                found.append(Answer(line, "not tried", f"it left {silent} orders in a row unanswered"))
            else:
                answer = await _posted(client, settings, line)
                silent = silent + 1 if answer.posted == "unanswered" else 0
                found.append(answer)
    return found


async def _posted(client: httpx.AsyncClient, settings: ErpSettings, line: Line) -> Answer:
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        "Idempotency-Key": line.proposal_id,
    }
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
    said, waits = "", [*settings.retry_seconds, None]
    for attempt, wait in enumerate(waits, 1):
        status, after, body, error = await _once(client, settings, line, headers)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - HTTP
            return Answer(line, "taken", number=_number(body), attempts=attempt)
        said = error or f"{status} {_shown(body)}".rstrip()
        if status is not None and status < 500 and status not in AGAIN:  # noqa: PLR2004 - HTTP
            moved = 300 <= status < 400  # noqa: PLR2004 - HTTP
            why = f"{status}: redirects are not followed; set the address it leads to" if moved else said
            return Answer(line, "refused", why, attempts=attempt)
        if wait is not None:
            await asyncio.sleep(wait if after is None else min(max(after, wait), LONGEST_WAIT))
    return Answer(line, "unanswered", said, attempts=len(waits))


async def _once(
    client: httpx.AsyncClient, settings: ErpSettings, line: Line, headers: Mapping[str, str]
) -> tuple[int | None, float | None, bytes, str]:
    """One attempt: status, seconds it asks to wait, the beginning of its answer, what went wrong."""
    import httpx

    try:
        async with asyncio.timeout(settings.timeout_seconds):
            return await _request(client, settings.url, line.body, headers)
    except TimeoutError:
        return None, None, b"", f"no answer within {settings.timeout_seconds:g} s"
    except httpx.HTTPError as error:
        return None, None, b"", f"{type(error).__name__}: {error}".rstrip(": ")[:LONGEST_SAID]


async def _request(
    client: httpx.AsyncClient, url: str, content: bytes, headers: Mapping[str, str]
) -> tuple[int, float | None, bytes, str]:
    async with client.stream("POST", url, content=content, headers=dict(headers)) as response:
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MOST_ANSWER_BYTES:
                break
    asked = response.headers.get("retry-after", "").strip()
    after = float(asked[:9]) if asked.isascii() and asked.isdigit() else None
    return response.status_code, after, body[:MOST_ANSWER_BYTES], ""


def _shown(body: bytes) -> str:
    """An answer in one short line of printable characters."""
    text = body[: 4 * LONGEST_SAID].decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_SAID]


def _number(body: bytes) -> str | None:
    """Number of the order in the system: the member `order_id` of its answer, where it can be a file's name."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    number = told.get("order_id") if isinstance(told, dict) else None
    if isinstance(number, int) and not isinstance(number, bool):
        number = str(number)
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else None
