"""Calling the service: in this process, and as uvicorn serves it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from inventory_assets.api.app import Application
from inventory_assets.api.serving import Server, bound, server_of
from inventory_assets.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = "/api/v1/events"


@dataclass
class StandingClock:
    """A clock that tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def step(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Calls:
    """The service and ways to call it."""

    client: TestClient
    application: Application
    engine: Engine
    clock: StandingClock = field(default_factory=StandingClock)

    def post(self, body: object, path: str = EVENTS, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, headers={"content-type": "application/json", **named})

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def sql(self, statement: str, **values: Any) -> list[tuple]:
        with self.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []


@contextmanager
def calls_of(settings: Settings, engine: Engine) -> Iterator[Calls]:
    """The service of settings in this process."""
    clock = StandingClock()
    application = Application(settings, engine, clock)
    with TestClient(application, base_url="http://127.0.0.1", raise_server_exceptions=True) as client:
        yield Calls(client, application, engine, clock)


@dataclass
class Served:
    """The service behind a real socket."""

    server: Server
    application: Application
    port: int
    thread: threading.Thread

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> float:
        """Stop it as a signal does; seconds it took."""
        begun = time.monotonic()
        self.server.begin_stop()
        self.thread.join(10)
        assert not self.thread.is_alive()
        return time.monotonic() - begun


@contextmanager
def served(settings: Settings, engine: Engine, clock: Callable[[], datetime] | None = None) -> Iterator[Served]:
    """The service in uvicorn on a free port."""
    application = Application(settings, engine, clock or (lambda: datetime.now(UTC)))
    listening = bound("127.0.0.1", 0)
    server = server_of(application)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    until(lambda: server.started)
    running = Served(server, application, listening.getsockname()[1], thread)
    try:
        yield running
    finally:
        if thread.is_alive():
            running.stop()
        listening.close()


@dataclass(frozen=True, slots=True)
class Line:
    """A kept connection to the service that costs little: a request at a time, and no more of an answer than is asked.

    Attributes:
        port: of the service on this machine.
    """

    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def opened(cls, port: int) -> Line:
        return cls(port, *await asyncio.open_connection("127.0.0.1", port))

    async def post(self, content: bytes, path: str = EVENTS) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer."""
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        said = dict(line.lower().split(": ", 1) for line in lines if line)
        body = await self.reader.readexactly(int(said["content-length"]))
        return int(first.split(" ", 2)[1]), said["content-type"], body


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def sale(number: int, **attributes: object) -> dict[str, Any]:
    """A sale as a CloudEvent."""
    data = {
        "receipt_id": f"R-{number}",
        "line_number": 1,
        "location_id": "S1",
        "product_sku": f"SKU-{number % 5}",
        "quantity": 2,
        "unit_price": "12.99",
        "currency": "USD",
    }
    return {
        "specversion": "1.0", "id": f"sale-{number}", "source": "/till", "type": "receipt_line_added",
        "time": "2026-03-01T11:59:00Z", "data": data, **attributes,
    }  # fmt: skip
