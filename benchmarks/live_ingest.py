"""Durable ingest through HTTP: `python -m benchmarks.live_ingest`.

The service runs as `inventory live api` with its embedded database, both on the cores of the load generator, which is
this process. It is made to cost little: requests made beforehand, connections kept, a protocol on uvloop that looks for
the end of an answer and no more; but it waits for every answer before it sends the next request of a connection, and
ends where one is not 202 with every event accepted. No worker runs. Every event is answered after its commit.
`processor_us` is what an event costs in the service and here. Batches of 100 are compared with a bare multi-row insert
of groups of 100 into the same tables, run alternately.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psutil
import psycopg
import uvloop

from benchmarks.live_database import bare_insert, entry
from benchmarks.report import figure, publish
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.operate.processes import free_port
from inventory_assets.settings import Settings

BATCH, BATCH_CONNECTIONS, SINGLE_CONNECTIONS = 100, 4, 64
BATCH_TARGET, BARE_SHARE, SINGLE_TARGET, SINGLE_P99_MS = 10_000, 0.4, 2_000, 100.0
START_SECONDS = 120.0
ROUNDS = 3


def sale(number: int, at: str) -> dict[str, object]:
    """A sale of one line."""
    data = {
        "receipt_id": f"RCP-{number // 3}", "line_number": number % 3 + 1, "location_id": f"STORE-{number % 20:03}",
        "product_sku": f"SKU-{number % 500:05}", "quantity": number % 5 + 1, "unit_price": "9.99", "currency": "USD",
    }  # fmt: skip
    return {
        "specversion": "1.0", "id": f"http-{number}", "source": f"/stores/STORE-{number % 20:03}/till-1",
        "type": "receipt_line_added", "time": at, "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


def request(body: object, port: int) -> bytes:
    """A request as it goes over the wire."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Sender(asyncio.Protocol):
    """A connection that sends a request, waits for its whole answer, checks it, and sends the next one."""

    def __init__(self, requests: Iterator[bytes], events: int, times: list[float]) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests, self._events, self._times = requests, events, times
        self._answer, self._begun = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Go on with the next request once an answer is whole and right."""
        self._answer += data
        head, whole, body = self._answer.partition(b"\r\n\r\n")
        if not whole or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 202") or body.count(b'"status":"accepted"') != self._events:
            self.ended.set_exception(SystemExit(f"not accepted: {self._answer[:1000]!r}"))
            return
        self._times.append(time.perf_counter() - self._begun)
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """A service that ends a connection fails the measurement."""
        if not self.ended.done():
            self.ended.set_exception(SystemExit(f"the service closed a connection: {exc}"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._begun = time.perf_counter()
        self._transport.write(request)


async def send(port: int, requests: Iterator[bytes], events: int, connections: int) -> tuple[float, list[float]]:
    """Send requests of so many events over some connections, one at a time on each.

    Returns:
        Seconds of all, and of each request.
    """
    times: list[float] = []
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    senders = [
        (await loop.create_connection(lambda: Sender(requests, events, times), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.ended for each in senders))
    return time.perf_counter() - begun, times


def sent(port: int, requests: list[bytes], events: int, connections: int) -> tuple[float, list[float]]:
    """The same, on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(send(port, iter(requests), events, connections))


def bare(url: str, groups: int, first: int) -> float:
    """Events a second of a bare multi-row insert of groups of 100."""
    made = [[entry(first + group * BATCH + number) for number in range(BATCH)] for group in range(groups)]
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.perf_counter()
        for group in made:
            bare_insert(connection, group)
        return groups * BATCH / (time.perf_counter() - begun)


@contextmanager
def service(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The service on a free port, and its process."""
    port = free_port(8300)
    environment = {**os.environ, "INVENTORY_DATA_DIR": str(folder), "INVENTORY_LISTENER__LEAST_FREE_BYTES": "0"}
    command = [sys.executable, "-m", "inventory_assets.cli", "live", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            await_ready(port)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


def await_ready(port: int) -> None:
    """Wait until the service takes events."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise SystemExit("the service did not start")


class Costs:
    """Processor time of an event in the service and in the load generator, by kind of request, in microseconds."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, float]]] = {}

    @contextmanager
    def of(self, kind: str, process: psutil.Process, events: int) -> Iterator[None]:
        """Measure some requests."""
        before = sum(process.cpu_times()[:2]), time.process_time()
        yield
        after = sum(process.cpu_times()[:2]), time.process_time()
        service, load = (round((now - then) / events * 1e6, 1) for now, then in zip(after, before, strict=True))
        self.found.setdefault(kind, []).append({"service": service, "load": load})


def measure(folder: Path, batches: int, singles: int) -> dict[str, object]:
    """All figures."""
    url = EmbeddedServer(Settings(data_dir=folder)).place.url
    at = datetime.now(UTC).isoformat()
    batch_rates, bare_rates, single_rates, single_times = [], [], [], []
    number, costs = 0, Costs()
    with service(folder) as (port, process):
        for turn in range(ROUNDS):
            bare_rates.append(bare(url, batches, 10_000_000 * (turn + 1)))
            made = [
                request([sale(number + batch * BATCH + each, at) for each in range(BATCH)], port)
                for batch in range(batches)
            ]
            number += batches * BATCH
            with costs.of("batches", process, batches * BATCH):
                seconds, _ = sent(port, made, BATCH, BATCH_CONNECTIONS)
            batch_rates.append(batches * BATCH / seconds)
            alone = [request(sale(number + each, at), port) for each in range(singles)]
            number += singles
            with costs.of("singles", process, singles):
                seconds, times = sent(port, alone, 1, SINGLE_CONNECTIONS)
            single_rates.append(singles / seconds)
            single_times += times
    with_percentiles = statistics.quantiles(single_times, n=1000)
    return {
        "batch_events_per_second": [round(each) for each in batch_rates],
        "bare_events_per_second": [round(each) for each in bare_rates],
        "share_of_bare": round(statistics.median(batch_rates) / statistics.median(bare_rates), 3),
        "single_events_per_second": [round(each) for each in single_rates],
        "single_ms": {
            "p50": round(statistics.median(single_times) * 1000, 1),
            "p95": round(with_percentiles[949] * 1000, 1),
            "p99": round(with_percentiles[989] * 1000, 1),
        },
        "processor_us": costs.found,
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    """Measure, print, and keep the figure if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the figure and write docs/benchmarks.md")
    parser.add_argument("--batches", type=int, default=300, help="batches of 100 a round")
    parser.add_argument("--singles", type=int, default=10_000, help="single events a round")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="inventory-bench-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        found = measure(folder, options.batches, options.singles)
    finally:
        shutil.rmtree(folder)
    batch, single = (statistics.median(found[f"{name}_events_per_second"]) for name in ("batch", "single"))
    share, p99 = found["share_of_bare"], found["single_ms"]["p99"]
    reached = batch >= BATCH_TARGET and share >= BARE_SHARE and single >= SINGLE_TARGET and p99 < SINGLE_P99_MS
    result = figure(
        "live_ingest",
        "Durable ingest through HTTP",
        f"batches of 100 ≥ {BATCH_TARGET:,} events/s and ≥ {BARE_SHARE} × bare insert; single POST, "
        f"{SINGLE_CONNECTIONS} connections ≥ {SINGLE_TARGET:,}/s, p99 < {SINGLE_P99_MS:.0f} ms",
        f"batches {batch:,.0f} events/s, {share:.2f} × bare; single {single:,.0f}/s, p99 {p99:.0f} ms",
        reached=reached,
        details=found,
    )
    return publish(result, save=options.save)


if __name__ == "__main__":
    sys.exit(main())
