"""The event log into bronze, with its Delta commits: `python -m benchmarks.log_to_bronze`.

Events of a simulated day, a fresh lake each round. Beside it, in the same run, only reading the same ranges.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from datetime import UTC, datetime

from benchmarks.live_events import fill, served
from benchmarks.report import figure, publish
from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.live.database.opening import open_engine
from inventory_assets.operate.live_log import log_of
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.open import open_workspace

LEAST = 100_000


def main() -> int:
    """Measure and print; with --save into the results."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=500_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    reads, takes, longest = [], [], 0.0
    with served() as (settings, url):
        events = fill(settings, url, chosen.events)
        log = log_of(open_engine(url, settings.database), url)
        for _ in range(chosen.rounds):
            began = last = time.perf_counter()
            held = 0
            for frame in log.events(0, 2**62):
                held += frame.height
                longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
            assert held == events, held
            reads.append(events / (time.perf_counter() - began))
            shutil.rmtree(settings.lake, ignore_errors=True)
            workspace = open_workspace(settings, lambda: datetime(2026, 3, 5, tzinfo=UTC))
            began = time.perf_counter()
            take_in_log(workspace, log)
            takes.append(events / (time.perf_counter() - began))
            held = sum(sum(workspace.lake.day_rows(table).values()) for table in LOG_BRONZE)
            assert held == events, held
    rate = statistics.median(takes)
    found = figure(
        "log_to_bronze",
        "event log to bronze with its Delta commits",
        f"≥ {LEAST:,} events/s; no statement over 2 s",
        f"{rate:,.0f}/s of {events:,} events, only read {statistics.median(reads):,.0f}/s; longest {longest:.2f} s",
        reached=rate >= LEAST and longest < 2,
        details={"taken": takes, "read": reads, "longest_seconds": longest},
    )
    return publish(found, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
