"""A small real ordering system: it keeps keys, counts requests, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class OrderingSystem:
    """What came, and what to answer next.

    Attributes:
        plan: answers of the next requests: status, body, further headers; or "slow", "hang up", "flood". 201 without a
            body when it is empty.
        orders: body of the order of each key, taken once.
        requests: key, body and headers of every request, in order.
    """

    plan: deque = field(default_factory=deque)
    orders: dict[str, dict] = field(default_factory=dict)
    requests: list[tuple[str, dict, dict]] = field(default_factory=list)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        return [key for key, _, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        system: OrderingSystem = self.server.system  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        system.requests.append((key, body, dict(self.headers)))
        act = system.plan.popleft() if system.plan else (201, "", {})
        if act == "hang up":
            system.orders.setdefault(key, body)  # taken, and nobody hears of it
            self.close_connection = True
            return
        if act == "slow":
            time.sleep(1.0)
            act = (201, "", {})
        if act == "flood":
            act = (422, "x" * 3_000_000, {})
        status, text, headers = act
        if status < 300:
            system.orders.setdefault(key, body)
        self.send_response(status)
        content = text.encode()
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def ordering_system() -> Iterator[OrderingSystem]:
    """The system on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.system = system = OrderingSystem(url=f"http://127.0.0.1:{server.server_port}/orders")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield system
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
