"""How long a dropped file takes under `make run`: `python -m benchmarks.latency`.

A sample history is served as `make run` serves it. Into the idle lane files are dropped one by one, at a random moment
between two looks of the sensor; then one every ten seconds. Of each it is noted when bronze holds it and when the
DuckDB file shows it.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from benchmarks.report import figure, publish
from benchmarks.serving import STORE, Demo, demo
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.publish.sql import connect

BRONZE_SECONDS, IDLE_SECONDS, BUSY_SECONDS = 20.0, 45.0, 90.0
LOOK_SECONDS = 0.25
GIVE_UP_SECONDS = 300.0
SENSOR_SECONDS = EVERY_SECONDS = 10.0
PAUSE_SECONDS = 10.0
"""Pause between two publications here; the idle files come later than that after the last one."""


def in_bronze(served: Demo) -> set[str]:
    """Names of the dropped files bronze holds."""
    lake = Lake(served.settings.lake)
    if lake.version(BRONZE["pos"]) is None:
        return set()
    return {Path(path).stem for path in Inputs(lake, BRONZE["pos"]).known()["source_file"]}


def units_shown(served: Demo) -> int:
    """Units of the dropped files that the published file shows."""
    with suppress(duckdb.Error), connect(served.settings.serving) as connection:
        found = connection.execute(
            "SELECT coalesce(sum(daily_quantity_sold), 0) FROM gold.store_performance WHERE store_id = ?", [STORE]
        ).fetchone()
        return int(found[0]) if found else 0
    return 0


def seconds_until(so: Callable[[], bool], begun: float) -> float:
    """Seconds from an instant until something is so."""
    while not so():
        if time.monotonic() - begun > GIVE_UP_SECONDS:
            raise RuntimeError(f"nothing happened in {GIVE_UP_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


def idle(served: Demo, files: int, dice: random.Random) -> list[tuple[float, float]]:
    """Seconds to bronze and to DuckDB of files dropped into an idle lane."""
    took = []
    for number in range(files):
        time.sleep(PAUSE_SECONDS + 2 + dice.uniform(0, SENSOR_SECONDS))
        name, units = f"idle-{number:03d}", units_shown(served) + 1
        begun = time.monotonic()
        served.drop(name)
        bronze = seconds_until(lambda name=name: name in in_bronze(served), begun)
        took.append((bronze, seconds_until(lambda units=units: units_shown(served) >= units, begun)))
        print(f"{name}: bronze {took[-1][0]:.1f} s, DuckDB {took[-1][1]:.1f} s", file=sys.stderr)
    return took


def busy(served: Demo, files: int, every: float) -> list[float]:
    """Seconds to DuckDB of files dropped at a steady pace: the n-th unit shown is taken for the n-th file's."""
    first, began = units_shown(served), time.monotonic()
    dropped: list[float] = []
    took: list[float] = []
    while len(took) < files:
        if len(dropped) < files and time.monotonic() >= began + len(dropped) * every:
            dropped.append(time.monotonic())
            served.drop(f"busy-{len(dropped):03d}")
        shown, now = min(units_shown(served) - first, len(dropped)), time.monotonic()
        took += [now - dropped[number] for number in range(len(took), shown)]
        if len(took) < len(dropped) and now - dropped[len(took)] > GIVE_UP_SECONDS:
            raise RuntimeError(f"file {len(took) + 1} was not shown in {GIVE_UP_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return took


def p95(values: list[float]) -> float:
    """The smallest value that 95 % do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def main() -> int:
    """Parse the command line, serve, drop, wait."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=30, help="days of the sample history")
    options.add_argument("--files", type=int, default=20, help="files dropped into the idle lane")
    options.add_argument("--minutes", type=float, default=10, help="how long one file every ten seconds is dropped")
    options.add_argument("--seed", type=int, default=20260101)
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the results and write docs/benchmarks.md")
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        with demo(
            Path(folder, "idle"), {"INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS": str(PAUSE_SECONDS)}, chosen.days
        ) as served:
            alone = idle(served, chosen.files, dice)
        with demo(Path(folder, "busy"), {}, chosen.days) as served:
            steady = busy(served, round(chosen.minutes * 60 / EVERY_SECONDS), EVERY_SECONDS)
    to_bronze, to_file = p95([each for each, _ in alone]), p95([each for _, each in alone])
    return max(
        publish(each, save=chosen.save)
        for each in (
            figure(
                "latency_idle",
                f"file dropped into the idle lane of `make run` at a random moment → bronze, → DuckDB; p95 of "
                f"{chosen.files}",
                f"< {BRONZE_SECONDS:.0f} s; < {IDLE_SECONDS:.0f} s",
                f"{to_bronze:.1f} s; {to_file:.1f} s",
                reached=to_bronze < BRONZE_SECONDS and to_file < IDLE_SECONDS,
                details={"seconds": alone, "publish_pause": PAUSE_SECONDS},
            ),
            figure(
                "latency_busy",
                f"one file every {EVERY_SECONDS:.0f} s for {chosen.minutes:g} minutes under `make run` → DuckDB; p95",
                f"< {BUSY_SECONDS:.0f} s",
                f"{p95(steady):.1f} s, slowest {max(steady):.1f} s, {len(steady)} files, none left",
                reached=p95(steady) < BUSY_SECONDS,
                details={"seconds": steady},
            ),
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
