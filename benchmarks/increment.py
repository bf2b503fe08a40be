"""A refresh after a small file, in a young lake and in an old one: `python -m benchmarks.increment`.

Both lakes hold the same lines a day; one has a month of them, the other two years. Then files of a thousand lines dated
the last day arrive one after the other, and each is carried from bronze to gold, analytics and the position of stock.
What a refresh costs should depend on what arrived, not on how long the shop exists.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.pos_history import FIRST_DAY, Chain, day_lines, write_history
from benchmarks.report import figure, publish

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report, Workspace

MOST_RATIO = 1.2
YOUNG, OLD = 30, 730
NEW_LINES = 1_000
SHOPS = Chain(stores=20, items=200, customers=2_000)
"""So small that a month has seen every item in every store: what differs is the age."""


def grown(folder: Path, days: int, lines_a_day: int, chain: Chain) -> Workspace:
    """A lake with some days of history, all of it taken in."""
    from inventory_assets.contracts.sources import load_profiles
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.refresh import refresh_all
    from inventory_assets.pipeline.workspace import Workspace

    landing = folder / "landing"
    write_history(landing, lines_a_day * days, days, 1, chain)
    now = datetime.combine(FIRST_DAY + timedelta(days=days), datetime.min.time(), UTC)
    workspace = Workspace(Lake(str(folder / "lake")), str(landing), load_profiles(), lambda: now)
    take_in(workspace)
    refresh_all(workspace)
    return workspace


def take_in(workspace: Workspace) -> Report:
    """Everything that lies in the landing folder, into bronze."""
    from inventory_assets.pipeline.ingest import ingest, plan
    from inventory_assets.pipeline.workspace import Report
    from inventory_assets.settings import IngestSettings

    settings, done = IngestSettings(ready_after_seconds=0), Report(())
    while files := [file.path for file in plan(workspace, settings).files]:
        done.merge(ingest(workspace, files, batch_rows=workspace.block_rows).report)
    return done


def increment(workspace: Workspace, days: int, number: int, chain: Chain) -> tuple[float, float]:
    """Seconds from a new file of the last day to gold, and to everything that follows from it."""
    from inventory_assets.pipeline.refresh import STEPS
    from inventory_assets.pipeline.stock import refresh_snapshot

    day = FIRST_DAY + timedelta(days=days - 1)
    folder = Path(workspace.landing) / "pos" / f"{day:year=%Y/month=%m/day=%d}"
    lines = day_lines(day, 10_000 + number, NEW_LINES, chain)
    lines.write_parquet(folder / f"more-{number:03d}.parquet", compression="zstd")
    begun = perf_counter()
    take_in(workspace)
    gold = 0.0
    for step in STEPS:
        step(workspace)
        if step is refresh_snapshot:
            gold = perf_counter() - begun
    return gold, perf_counter() - begun


def main() -> int:
    """Parse the command line, grow both lakes, measure in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lines-a-day", type=int, default=2_000)
    options.add_argument("--files", type=int, default=9, help="files that arrive in each lake; the median counts")
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        lakes = {days: grown(Path(folder, str(days)), days, chosen.lines_a_day, SHOPS) for days in (YOUNG, OLD)}
        seconds: dict[int, list[tuple[float, float]]] = {days: [] for days in lakes}
        for number in range(chosen.files + 1):  # the first warms up
            for days, workspace in lakes.items():
                taken = increment(workspace, days, number, SHOPS)
                print(json.dumps({"days": days, "seconds": taken}), file=sys.stderr)
                if number:
                    seconds[days].append(taken)
    young, old = (statistics.median(gold for gold, _ in seconds[days]) for days in (YOUNG, OLD))
    young_all, old_all = (statistics.median(everything for _, everything in seconds[days]) for days in (YOUNG, OLD))
    result = figure(
        "increment",
        f"refresh after {NEW_LINES:,} lines of the last day, bronze to gold with the position of stock: a lake of "
        f"{OLD} days beside one of {YOUNG}",
        f"≤ {MOST_RATIO} ×",
        f"{old / young:.2f} × ({old:.2f} s, young lake {young:.2f} s); with scores and analytics "
        f"{old_all / young_all:.2f} × ({old_all:.2f} s, {young_all:.2f} s)",
        reached=old / young <= MOST_RATIO,
        details={"seconds": {str(days): found for days, found in seconds.items()}, "lines_a_day": chosen.lines_a_day},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
