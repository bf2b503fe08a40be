"""The simulated stream into a real HTTP receiver on this machine: `python -m benchmarks.stream`.

The receiver is a process of its own that answers every batch as the listener would and keeps nothing; the streamer is
the command people use, in a process of its own whose memory is asked for. That one starts without site files (`-S`): a
development tool of ours brings one that loads sphinx into every process, 25 MB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import sysconfig
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from benchmarks.report import ROOT, figure, publish

RATE, EVENT_MS, MEMORY_MB = 1_000, 1.0, 100
PROGRAM = """
import json, sys
from benchmarks.report import peak_bytes
from inventory_assets.cli import app
try:
    app(sys.argv[1:])
except SystemExit as done:
    assert not done.code, done.code
print(json.dumps({"peak_mb": peak_bytes() / 2**20}))
"""


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [{"status": "accepted", "eventId": event["id"]} for event in events]
        body = json.dumps({"results": results}).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _serve(pipe: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    pipe.send(server.server_port)
    server.serve_forever()


def generation(events: int) -> dict:
    """Milliseconds an event to make, and to make and write as JSON."""
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.streaming import EventFactory
    from inventory_assets.simulator.streaming.sinks import event_text

    start = datetime(2026, 3, 4, 16, tzinfo=UTC)
    factory = EventFactory(HistoryConfig(start=start.date(), days=1), start, rate=RATE)
    made, written = 0.0, 0.0
    for first in range(0, events, 100):
        at = start + timedelta(seconds=first / RATE)
        began = time.perf_counter()
        taken = factory.take(100, at)
        told = time.perf_counter()
        for event in taken:
            event_text(event)
        made, written = made + told - began, written + time.perf_counter() - told
    return {"made_ms": made / events * 1_000, "written_ms": written / events * 1_000}


def streamed(port: int, seconds: int, rate: float) -> dict:
    """The command at a rate (0: as fast as it can) for a number of events; events a second and peak memory."""
    events = int((rate or 4 * RATE) * seconds)
    command = [sys.executable, "-S", "-c", PROGRAM, "simulate", "stream", "--rate", str(rate), "--events", str(events)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))}
    done = subprocess.run(
        [*command, "--to", f"http://127.0.0.1:{port}"], cwd=ROOT, env=environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    took = float(done.stderr.split(" batches, ")[1].split(" s,")[0])
    return {"events": events, "seconds": took, "per_second": events / took, **json.loads(done.stdout.splitlines()[-1])}


def main() -> int:
    """Make events, then stream them at the wanted rate and as fast as it goes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port = ours.recv()
        alone = generation(20_000)
        paced = streamed(port, chosen.seconds, RATE)
        fast = streamed(port, chosen.seconds, 0)
    finally:
        process.terminate()
        process.join()
    event_ms = alone["made_ms"] + alone["written_ms"]
    peak = max(paced["peak_mb"], fast["peak_mb"])
    result = figure(
        "stream",
        "simulated stream into an HTTP receiver, batches of 256",
        f"≥ {RATE:,} events/s, < {EVENT_MS:g} ms an event, < {MEMORY_MB} MB",
        f"{fast['per_second']:,.0f} events/s as fast as it goes, {paced['per_second']:,.0f}/s asked for {RATE:,}/s; "
        f"{event_ms:.3f} ms an event made and written; {peak:.0f} MB",
        reached=fast["per_second"] >= RATE and event_ms < EVENT_MS and peak < MEMORY_MB,
        details={"generation": alone, "paced": paced, "fast": fast},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    sys.exit(main())
