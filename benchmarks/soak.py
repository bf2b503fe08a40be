"""The lane left running under a steady stream of small files: `python -m benchmarks.soak`.

A sample history is served as `make run` serves it, and a file is dropped every five seconds. Every half minute it is
noted how many files wait, how much memory each service holds, and what lies on the disk. After a warm-up nothing but
the data itself may grow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.latency import in_bronze
from benchmarks.report import figure, publish
from benchmarks.serving import Demo, demo

EVERY_SECONDS, LOOK_SECONDS = 5.0, 30.0
MOST_GROWTH = 1.0
"""MB a minute a process may grow by."""
WARM_SHARE = 0.25
"""Share of the run, from its start, that is warm-up."""
MOST_WAITING_MINUTES = 35.0
"""Files of so many minutes may wait: the longest pause between two refreshes, and a refresh."""


def held(served: Demo) -> dict[str, float]:
    """Memory of each long-lived process, in MB, by what it is."""
    found = {}
    for process in served.family():
        try:
            words, rss = " ".join(process.cmdline()), process.memory_info().rss / 1e6
        except psutil.Error:
            continue
        for kind, mark in (
            ("webserver", "dagster_webserver"),
            ("daemon", "dagster._daemon"),
            ("code server", "api grpc"),
        ):
            if mark in words and "multiprocessing" not in words:
                found[kind] = max(rss, found.get(kind, 0.0))
        if "inventory demo" in words:
            found["demo"] = rss
    return found


def on_disk(folder: Path) -> dict[str, float]:
    """MB below each part of the data folder."""
    return {
        part.name: sum(file.stat().st_size for file in part.rglob("*") if file.is_file()) / 1e6
        for part in sorted(folder.iterdir())
        if part.is_dir()
    }


def slope(points: list[tuple[float, float]]) -> float:
    """Growth a minute: least squares over (seconds, value)."""
    return statistics.linear_regression([at / 60 for at, _ in points], [value for _, value in points]).slope


def soaked(served: Demo, minutes: float) -> list[dict]:
    """What was seen every half minute."""
    began, dropped, seen = time.monotonic(), 0, []
    while (now := time.monotonic() - began) < minutes * 60:
        if now >= dropped * EVERY_SECONDS:
            dropped += 1
            served.drop(f"soak-{dropped:05d}")
        if now >= len(seen) * LOOK_SECONDS:
            waiting = dropped - sum(name.startswith("soak-") for name in in_bronze(served))
            try:
                disk = on_disk(served.settings.data_dir)
            except FileNotFoundError:  # a file went while it was counted
                disk = seen[-1]["disk"] if seen else {}
            seen.append({"at": now, "dropped": dropped, "waiting": waiting, "memory": held(served), "disk": disk})
            print(json.dumps(seen[-1]), file=sys.stderr, flush=True)
        time.sleep(0.2)
    return seen


def main() -> int:
    """Parse the command line, serve, drop, look."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=30, help="days of the sample history")
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=chosen.folder) as folder,
        demo(Path(folder, "data"), {}, chosen.days) as served,
    ):
        seen = soaked(served, chosen.minutes)
    warm = [each for each in seen if each["at"] >= WARM_SHARE * chosen.minutes * 60]
    kinds = sorted({kind for each in warm for kind in each["memory"]})
    growth = {
        kind: slope([(each["at"], each["memory"][kind]) for each in warm if kind in each["memory"]]) for kind in kinds
    }
    waiting = max(each["waiting"] for each in warm)
    disk = {part: slope([(each["at"], each["disk"].get(part, 0.0)) for each in warm]) for part in warm[-1]["disk"]}
    told = ", ".join(f"{kind} {grown:+.2f}" for kind, grown in growth.items())
    parts = ", ".join(f"{part} {size:.0f} MB ({disk[part]:+.2f} a minute)" for part, size in warm[-1]["disk"].items())
    result = figure(
        "soak",
        f"a lane left running for {chosen.minutes:g} minutes at one file every {EVERY_SECONDS:.0f} s: backlog, memory "
        "of each process after warm-up, disk",
        f"backlog bounded; ≤ {MOST_GROWTH:g} MB a minute; disk bounded",
        f"at most {waiting} files waiting; MB a minute: {told}; at the end {parts}",
        reached=waiting * EVERY_SECONDS <= MOST_WAITING_MINUTES * 60
        and all(grown <= MOST_GROWTH for grown in growth.values()),
        details={"seen": seen[:: max(1, len(seen) // 40)], "memory_growth": growth, "disk_growth": disk},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
