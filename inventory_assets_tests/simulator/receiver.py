"""A small real HTTP server that takes events as the listener does, and misbehaves as it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROBLEMS = {"busy": 429, "away": 503, "broken": 500, "denied": 401, "large": 413}


@dataclass
class Receiver:
    """What came and what to do next.

    Attributes:
        plan: what to do with the next requests, one each: "ok", "busy" (429), "away" (503), "broken" (500), "drop"
            (stores and hangs up), "hang up" (before reading), "slow", "redirect", "denied" (401), "large" (413),
            "unreadable", "half" (every second event later). "ok" when it is empty.
        stored: data of each event by source and id, in the order in which they came first.
        offers: how often each id came.
        clashes: ids that are known with another content.
        poison: receipts whose requests fail with 500.
        refused: ids that are refused with 422.
    """

    plan: deque[str] = field(default_factory=deque)
    stored: dict[tuple[str, str], dict] = field(default_factory=dict)
    offers: Counter = field(default_factory=Counter)
    clashes: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    requests: list[tuple[float, str, int]] = field(default_factory=list)
    retry_after: str = "0"
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, events: list[dict], *, half: bool = False) -> list[dict]:
        results = []
        for number, event in enumerate(events):
            key = (event["source"], event["id"])
            self.offers[event["id"]] += 1
            if half and number % 2:
                results.append({"type": "/problems/queue_full", "title": "Too many events wait", "status": 429})
            elif event["id"] in self.refused:
                document = {"type": "/problems/data_invalid", "title": "The data does not fit its type", "status": 422}
                results.append({**document, "detail": "quantity: wrong", "eventId": event["id"]})
            elif key in self.stored and event["id"] in self.clashes:
                results.append({"title": "says something else", "status": 409, "eventId": event["id"]})
            elif key in self.stored:
                assert self.stored[key] == event["data"]
                results.append({"status": "duplicate", "eventId": event["id"]})
            else:
                self.stored[key] = event["data"]
                results.append({"status": "accepted", "eventId": event["id"], "sequence": len(self.stored)})
        return results


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        with receiver.lock:
            act = receiver.plan.popleft() if receiver.plan else "ok"
            if act == "hang up":
                receiver.requests.append((time.monotonic(), act, 0))
                self._drop()
                return
            events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.requests.append((time.monotonic(), act, len(events)))
            assert self.path == "/api/v1/events"
            assert self.headers["Content-Type"] == "application/cloudevents-batch+json"
            if receiver.poison & {event["id"] for event in events}:
                act = "broken"
            if act in PROBLEMS:
                told = {"Retry-After": receiver.retry_after} if act in {"busy", "away"} else {}
                self._problem(PROBLEMS[act], told)
            elif act == "redirect":
                self._answer(307, b"", {"Location": f"{receiver.url}/elsewhere"})
            else:
                self._take(receiver, events, act)

    def _take(self, receiver: Receiver, events: list[dict], act: str) -> None:
        results = receiver.take(events, half=act == "half")
        if act == "slow":
            time.sleep(0.6)
        if act in {"slow", "drop"}:
            self._drop()
        else:
            body = b"<html>" if act == "unreadable" else json.dumps({"results": results}).encode()
            self._answer(202, body, {})

    def _problem(self, status: int, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"type": "/problems/x", "title": "No", "status": status, "detail": "told to"}).encode()
        self._answer(status, body, headers or {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    receiver = Receiver(url=f"http://127.0.0.1:{server.server_port}")
    server.receiver = receiver  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
