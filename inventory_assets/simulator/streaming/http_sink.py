"""Sends batches to `POST /api/v1/events` of the listener, or of anything that answers like it.

The answer is read as the contract says: 202 with a result an event, problems of RFC 9457 otherwise, 429 and 503 with
`Retry-After`. Invariant: an event counts as taken only when the receiver said so about it; every doubt is an error, and
sending again is harmless because ids stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from inventory_assets.contracts.retry_after import retry_after
from inventory_assets.simulator.happenings import StreamEvent
from inventory_assets.simulator.streaming.sinks import (
    BatchFailedError,
    BatchRefusedError,
    SinkAwayError,
    SinkError,
    SinkUnusableError,
    Status,
    Verdict,
    event_text,
)

if TYPE_CHECKING:
    import httpx

PATH = "/api/v1/events"
CONTENT_TYPE = "application/cloudevents-batch+json"
MOST_ANSWER_BYTES = 4 * 1024 * 1024
LONGEST_WAIT = 300.0
"""Seconds of `Retry-After` that are believed."""

OK, ACCEPTED, REQUEST_TIMEOUT, TOO_MANY, SERVER_ERROR = 200, 202, 408, 429, 500
AWAY = {REQUEST_TIMEOUT, TOO_MANY, 425, 502, 503, 504}
UNUSABLE = {401, 404, 405, 407, 410}
_STATUS: Mapping[str, Status] = {
    "accepted": "taken",
    "filtered": "taken",
    "quarantined": "taken",
    "duplicate": "repeated",
}
"""What the words of a result mean for us."""


class HttpSink:
    """The listener."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0, token: str | None = None) -> None:
        """Nothing is connected yet.

        Args:
            url: base address of the service, or the full address events are posted to.
            timeout_seconds: how long connecting, sending or an answer may take.
            token: bearer token, where the receiver wants one.

        Raises:
            SinkUnusableError: it is no HTTP address.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SinkUnusableError(f"{url} is no address events can be posted to; it begins with http:// or https://")
        self._url = url if parts.path.strip("/") else url.rstrip("/") + PATH
        self._timeout, self._token = timeout_seconds, token
        self._client: httpx.AsyncClient | None = None
        self.name = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"

    async def open(self) -> None:
        """Make the client."""
        import httpx

        headers = {"Content-Type": CONTENT_TYPE}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._client = httpx.AsyncClient(
            headers=headers, timeout=self._timeout, follow_redirects=False, trust_env=False
        )

    async def send(self, batch: Sequence[StreamEvent]) -> list[Verdict]:
        """Post a batch and read what became of each event."""
        import httpx

        if self._client is None:
            raise SinkUnusableError(f"{self.name}: the sink was not opened")
        body = f"[{','.join(event_text(event) for event in batch)}]".encode()
        try:
            async with self._client.stream("POST", self._url, content=body) as response:
                answer = bytearray()
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) > MOST_ANSWER_BYTES:
                        raise BatchFailedError(f"{self.name} answered more than {MOST_ANSWER_BYTES:,} bytes")
        except httpx.TimeoutException as error:
            raise SinkAwayError(f"{self.name} did not answer in {self._timeout:g} s", connection=True) from error
        except httpx.TransportError as error:
            raise SinkAwayError(f"{self.name}: {error or type(error).__name__}", connection=True) from error
        asked = retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        after = None if asked is None else min(asked, LONGEST_WAIT)
        return read_answer(response.status_code, bytes(answer), [event.id for event in batch], after, self.name)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def read_answer(status: int, body: bytes, ids: Sequence[str], after: float | None, name: str) -> list[Verdict]:
    """What an answer says about the events of a batch.

    Args:
        status: of the answer.
        body: of the answer.
        ids: of the events, in order.
        after: seconds of `Retry-After`.
        name: of the receiver, for messages.

    Raises:
        SinkError: the answer says nothing about single events.
    """
    results = _results(body)
    if results is not None and status not in AWAY and status < SERVER_ERROR:
        return _verdicts(results, ids, name)
    if status in {OK, ACCEPTED}:
        raise BatchFailedError(f"{name} took the batch and did not say what became of its events")
    raise _error(status, f"{name} answered {status}{_problem(body)}", after)


def _error(status: int, said: str, after: float | None) -> SinkError:
    if status in AWAY:
        return SinkAwayError(said, after)
    if status in UNUSABLE or status < OK or OK < status < 400:  # noqa: PLR2004 - redirects are not followed
        return SinkUnusableError(said)
    if status >= SERVER_ERROR:
        return BatchFailedError(said)
    return BatchRefusedError(said)


def _results(body: bytes) -> list[Any] | None:
    """The list of results in an answer, where there is one."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    found = answer.get("results") if isinstance(answer, dict) else answer
    return found if isinstance(found, list) else None


def _verdicts(results: Sequence[Any], ids: Sequence[str], name: str) -> list[Verdict]:
    if len(results) != len(ids):
        raise BatchFailedError(f"{name} answered about {len(results)} events, {len(ids)} were sent")
    try:
        told = [result.get("eventId") for result in results]
        verdicts = [_verdict(result) for result in results]
    except (KeyError, AttributeError, TypeError) as error:
        raise BatchFailedError(f"{name} answered with results that cannot be read: {error!r}") from error
    if wrong := [sent for sent, said in zip(ids, told, strict=True) if said is not None and said != sent]:
        raise BatchFailedError(f"{name} answered about another event in place of {wrong[0]}")
    return verdicts


def _verdict(result: Mapping[str, Any]) -> Verdict:
    """One result: a word for what was stored, a problem document with its number for what was not."""
    status = result["status"]
    if isinstance(status, str):
        return Verdict(_STATUS[status])
    words = ": ".join(str(result[part]) for part in ("title", "detail") if result.get(part))
    later = status in AWAY or status >= SERVER_ERROR
    return Verdict("later" if later else "refused", f"{status} {words}".strip())


def _problem(body: bytes) -> str:
    """Title and detail of a problem document, as much as is short."""
    try:
        document = json.loads(body)
        words = [str(document[part]) for part in ("title", "detail") if document.get(part)]
    except (ValueError, AttributeError, TypeError):
        return ""
    return f": {': '.join(words)[:300]}" if words else ""
