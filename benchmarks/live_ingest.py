"""Durable ingest through HTTP: `python -m benchmarks.live_ingest`.

The service runs as `inventory live api` with its embedded database, both on the cores of the load generator, which is
this process: plain sockets, requests made beforehand. No worker runs. Every event is answered after its commit.
Batches of 100 are compared with a bare multi-row insert of groups of 100 into the same tables, run alternately.
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

import psycopg

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


async def send(port: int, requests: Iterator[bytes], connections: int) -> tuple[float, list[float]]:
    """Send requests over some connections, one at a time on each.

    Returns:
        Seconds of all, and of each request.
    """
    times: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for each in requests:
            begun = time.perf_counter()
            writer.write(each)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise SystemExit(f"not accepted: {head!r} {await reader.read(500)!r}")
            length = head.lower().partition(b"content-length: ")[2]
            await reader.readexactly(int(length.partition(b"\r\n")[0]))
            times.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return time.perf_counter() - begun, times


def bare(url: str, groups: int, first: int) -> float:
    """Events a second of a bare multi-row insert of groups of 100."""
    made = [[entry(first + group * BATCH + number) for number in range(BATCH)] for group in range(groups)]
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.perf_counter()
        for group in made:
            bare_insert(connection, group)
        return groups * BATCH / (time.perf_counter() - begun)


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """The service on a free port."""
    port = free_port(8300)
    environment = {**os.environ, "INVENTORY_DATA_DIR": str(folder), "INVENTORY_LISTENER__LEAST_FREE_BYTES": "0"}
    command = [sys.executable, "-m", "inventory_assets.cli", "live", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            await_ready(port)
            yield port
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


def measure(folder: Path, batches: int, singles: int) -> dict[str, object]:
    """All figures."""
    url = EmbeddedServer(Settings(data_dir=folder)).place.url
    at = datetime.now(UTC).isoformat()
    batch_rates, bare_rates, single_rates, single_times = [], [], [], []
    number = 0
    with service(folder) as port:
        for turn in range(ROUNDS):
            bare_rates.append(bare(url, batches, 10_000_000 * (turn + 1)))
            made = [
                request([sale(number + batch * BATCH + each, at) for each in range(BATCH)], port)
                for batch in range(batches)
            ]
            number += batches * BATCH
            seconds, _ = asyncio.run(send(port, iter(made), BATCH_CONNECTIONS))
            batch_rates.append(batches * BATCH / seconds)
            alone = [request(sale(number + each, at), port) for each in range(singles)]
            number += singles
            seconds, times = asyncio.run(send(port, iter(alone), SINGLE_CONNECTIONS))
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
