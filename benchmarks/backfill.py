"""What Dagster adds to a backfill: `python -m benchmarks.backfill`.

A history is taken in once. Then the same range of days is built again in turn: by the functions of the pipeline alone,
and by the one run that a click in the UI or `inventory backfill` makes, on an instance with the storage of
`dagster.yaml`. The difference in seconds, and the growth of the event log, are divided by assets × days.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.increment import take_in
from benchmarks.pos_history import FIRST_DAY, Chain, write_history
from benchmarks.report import figure, publish

if TYPE_CHECKING:
    import dagster as dg

    from inventory_assets.defs.backfill import Request
    from inventory_assets.defs.resources import Store

MOST_SECONDS, MOST_BYTES = 0.02, 12_000
SHOPS = Chain(stores=5, items=50, customers=500)


def installed(folder: Path, days: int, lines_a_day: int) -> Store:
    """A data folder with some days of history, all of it taken in."""
    from inventory_assets.defs.resources import Clock, Store
    from inventory_assets.pipeline.refresh import refresh_all

    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI"):
        os.environ.pop(name, None)
    os.environ |= {
        "INVENTORY_DATA_DIR": str(folder), "INVENTORY_INGEST__READY_AFTER_SECONDS": "0",
        "INVENTORY_FIXED_CLOCK": f"{FIRST_DAY + timedelta(days=days)}T00:00:00+00:00",
    }  # fmt: skip
    write_history(folder / "landing", lines_a_day * days, days, 1, SHOPS)
    store = Store(clock=Clock(fixed=os.environ["INVENTORY_FIXED_CLOCK"]))
    workspace = store.workspace()
    take_in(workspace)
    refresh_all(workspace)
    return store


def alone(store: Store, asked: Request) -> float:
    """Seconds of the pipeline's functions for the days."""
    from inventory_assets.defs.steps import Ask

    days = frozenset(date.fromisoformat(day) for day in asked.days)
    begun = perf_counter()
    for step in asked.steps:
        step.run(store, Ask(days, anew=True))
    return perf_counter() - begun


def by_dagster(instance: dg.DagsterInstance, asked: Request) -> float:
    """Seconds of the one run for the same days."""
    from inventory_assets.definitions import defs

    job = defs().resolve_implicit_job_def_def_for_assets(asked.keys)
    if job is None:
        raise LookupError(f"no job holds the assets {asked.tables}")
    begun = perf_counter()
    result = job.execute_in_process(instance=instance, tags=asked.tags, asset_selection=asked.keys)
    seconds = perf_counter() - begun
    told = sum(event.is_step_materialization for event in result.all_events)
    if told != len(asked.keys) * len(asked.days):
        raise RuntimeError(f"{told} materialisations instead of {len(asked.keys)} × {len(asked.days)}")
    return seconds


def stored_bytes(log: Path) -> int:
    """Size of an event log, everything written to the file and free pages apart."""
    with sqlite3.connect(log) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def main() -> int:
    """Parse the command line, take a history in, measure in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=365)
    options.add_argument("--lines-a-day", type=int, default=500)
    options.add_argument("--runs", type=int, default=3, help="backfills of each kind; the medians count")
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        store = installed(Path(folder, "data"), chosen.days, chosen.lines_a_day)
        import dagster as dg

        from inventory_assets.defs.backfill import request

        asked = request(FIRST_DAY, FIRST_DAY + timedelta(days=chosen.days - 1))
        home = Path(folder, "dagster")
        home.mkdir()
        storage = {"custom": {"module": "inventory_assets.defs.storage", "class": "Storage",
                              "config": {"base_dir": str(home)}}}  # fmt: skip
        seconds: dict[str, list[float]] = {"alone": [], "by Dagster": []}
        grown = []
        with dg.DagsterInstance.local_temp(str(home), overrides={"storage": storage}) as instance:
            log = home / "history" / "event_log.db"
            for number in range(chosen.runs + 1):  # the first warms up
                bare, before = alone(store, asked), stored_bytes(log)
                whole = by_dagster(instance, asked)
                added = stored_bytes(log) - before
                print(json.dumps({"alone": bare, "by Dagster": whole, "bytes": added}), file=sys.stderr)
                if number:
                    seconds["alone"].append(bare)
                    seconds["by Dagster"].append(whole)
                    grown.append(added)
    cells = len(asked.keys) * len(asked.days)
    bare, whole = (statistics.median(found) for found in seconds.values())
    over, each = (whole - bare) / cells, statistics.median(grown) / cells
    result = figure(
        "backfill",
        f"backfill of {len(asked.days)} days of {len(asked.keys)} assets in one run: what Dagster adds for each asset "
        "and day, and its event log",
        f"≤ {MOST_SECONDS} s; ≤ {MOST_BYTES / 1000:.0f} KB",
        f"{over:.4f} s ({whole:.1f} s, without Dagster {bare:.1f} s); {each / 1000:.2f} KB",
        reached=over <= MOST_SECONDS and each <= MOST_BYTES,
        details={"seconds": seconds, "bytes": grown, "lines_a_day": chosen.lines_a_day, "tables": asked.tables},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
