"""Sends one message: to the judged address and no other, without redirects, within bounds of time and size.

Invariant: the host name appears in `Host` and in TLS, where the certificate is checked against it; the connection goes
to the address that was judged. What the receiver says is reduced to a status: its body is never kept or shown.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from inventory_assets.contracts.retry_after import retry_after
from inventory_assets.live.outbox.addresses import Resolver, TargetPolicy, TargetRefusedError, parse_target, pinned

USER_AGENT = "inventory-assets webhooks"
CONTENT_TYPE = "application/cloudevents+json"
MOST_ANSWER_BYTES = 65_536
OK, REDIRECT, GONE = range(200, 300), range(300, 400), 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message.

    Attributes:
        status: HTTP status; None without an answer.
        error: what went wrong; empty when it was taken.
        seconds: how long it took.
        retry_after: seconds the receiver asks for.
    """

    status: int | None
    error: str
    seconds: float
    retry_after: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return not self.error

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more."""
        return self.status == GONE


async def send(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    policy: TargetPolicy,
    resolve: Resolver,
    timeout_seconds: float,
    now: datetime,
) -> Answer:
    """Post a message.

    Args:
        url: registered address.
        body: what is sent.
        headers: its signature.
        policy: which addresses are allowed.
        resolve: asks for the addresses of a name.
        timeout_seconds: for all of it: name, connection, answer.
        now: the time, for a `Retry-After` that is a date.

    Returns:
        What became of it; never an error of the network.
    """
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            status, after, error = await _post(url, body, headers, policy, resolve, timeout_seconds, now)
    except TimeoutError:
        status, after, error = None, None, f"no answer within {timeout_seconds:g} s"
    return Answer(status, error, time.monotonic() - began, after)


async def _post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    policy: TargetPolicy,
    resolve: Resolver,
    timeout_seconds: float,
    now: datetime,
) -> tuple[int | None, float | None, str]:
    import httpx

    try:
        target = parse_target(url, policy)
        address = await pinned(target, policy, resolve)
    except TargetRefusedError as error:
        return None, None, f"not sent: {error}"
    all_headers = {
        **headers,
        "Host": target.authority,
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
    }
    extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
    patient = httpx.AsyncClient(verify=_tls(), follow_redirects=False, trust_env=False, timeout=timeout_seconds)
    try:
        async with (
            patient as client,
            client.stream(
                "POST", target.at(address), content=body, headers=all_headers, extensions=extensions
            ) as response,
        ):
            size = 0  # the answer is read so far that a receiver which writes it all is not cut off, and thrown away
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > MOST_ANSWER_BYTES:
                    break
    except httpx.HTTPError as error:
        return None, None, f"{type(error).__name__}: {error}".rstrip(": ")[:500]
    except httpx.InvalidURL as error:
        return None, None, f"not sent: the address cannot be called: {error}"
    after = retry_after(response.headers.get("retry-after"), now)
    return response.status_code, after, _fault(response.status_code)


def _fault(status: int) -> str:
    if status in REDIRECT:
        return f"answered {status}: redirects are not followed; register the address it leads to"
    return "" if status in OK else f"answered {status}"


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
