"""A real receiver of webhooks on loopback, rows for the outbox, and a dispatcher whose clock the test moves."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from random import Random

from sqlalchemy import Engine, text

from inventory_assets.live.auditing import Act
from inventory_assets.live.outbox import deliveries, webhooks
from inventory_assets.live.outbox.addresses import Resolver, system_resolver
from inventory_assets.live.outbox.dispatcher import Dispatcher
from inventory_assets.settings import WebhookSettings
from inventory_assets_tests.live.databases import NOON

LOOPBACK = WebhookSettings(
    plain_http=True, networks=(ip_network("127.0.0.0/8"),), retry_seconds=(10, 100), timeout_seconds=2, poll_seconds=30
)


ACT = Act(NOON, "test", "to see")


@dataclass
class Delivered:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict:
        return json.loads(self.body)

    def signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is that of the secret, computed from RFC 2104 with SHA-256 alone."""
        key = b64decode(secret.removeprefix("whsec_")).ljust(64, b"\0")
        signed = b".".join((self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body))
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + signed).digest()
        digest = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()
        return f"v1,{b64encode(digest).decode()}" in self.headers["webhook-signature"].split()


@dataclass
class Hook:
    """What came, and what to answer next: a status, or something to do before 204."""

    url: str = ""
    answers: deque[int | Callable[[], None]] = field(default_factory=deque)
    came: list[Delivered] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def numbers(self) -> list[int]:
        return [each.event["data"]["number"] for each in self.came]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        hook: Hook = self.server.hook  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hook.came.append(Delivered(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answer = hook.answers.popleft() if hook.answers else 200
        if callable(answer):
            answer()
            answer = 200
        self.send_response(answer)
        for name, value in hook.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(hook.body)


@contextmanager
def hooked(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A receiver."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a sender that hangs up is what some tests are about
    hook = Hook(f"http://127.0.0.1:{server.server_port}/hook?of=me")
    server.hook = hook  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def dispatcher(
    engine: Engine,
    clock: Callable[[], datetime],
    settings: WebhookSettings = LOOPBACK,
    name: str = "one",
    resolve: Resolver = system_resolver,
) -> Dispatcher:
    return Dispatcher(engine, settings, name, clock, resolve, Random(1))


def registered(
    engine: Engine, url: str, types: tuple[str, ...] = ("*",), number: int = 1, **options
) -> tuple[str, str]:
    """Register a webhook; its number and secret."""
    policy = options.pop("policy", webhooks.policy_of(LOOPBACK))
    wanted = webhooks.Registration(url, types, **options)

    def draw(size: int) -> bytes:
        return bytes([number]) * size if size == webhooks.ID_BYTES else bytes(range(size))

    with engine.begin() as connection:
        made = webhooks.register(connection, wanted, policy, ACT, draw, LOOPBACK.max_webhooks)
    return made.webhook.id, made.secret


def tell(
    engine: Engine, *numbers: int, type_: str = "inventory.updated", item: str = "SKU-1", location: str = "S1"
) -> None:
    """Write rows of the outbox as the processor does."""
    with engine.begin() as connection:
        for number in numbers:
            event = {
                "specversion": "1.0", "id": f"event-{number}", "source": "/inventory-assets", "type": type_,
                "data": {"number": number, "product_sku": item},
            }  # fmt: skip
            connection.execute(
                text(
                    "INSERT INTO outbox (type, item, location, created_at, data)"
                    " VALUES (:type, :item, :location, :now, CAST(:data AS jsonb))"
                ),
                {"type": type_, "item": item, "location": location, "now": NOON, "data": json.dumps(event)},
            )
        connection.execute(text("SELECT pg_notify('inventory_outbox', '')"))


def state(engine: Engine, webhook: str) -> webhooks.Webhook:
    with engine.connect() as connection:
        return webhooks.get(connection, webhook)


def attempts(engine: Engine, webhook: str) -> list[deliveries.Attempt]:
    """The log, the oldest first."""
    with engine.connect() as connection:
        return deliveries.log(connection, webhook)[::-1]


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
