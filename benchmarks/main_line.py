"""The main line of till receipts beside bare Polars, in time and memory: `python -m benchmarks.main_line`.

Beside PySpark, with the extra `bench`: `python -m benchmarks.main_line --sides ours spark --runs 1`.

The files are made first, outside the clock. Each side then runs in a fresh process of its own, imports included, and
both must agree on what they found before a ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.report import ROOT, Figure, figure, peak_bytes, publish

MOST_RATIO, MOST_BYTES, MOST_CHECK_SHARE = 2.0, 1_000_000_000, 0.10
LEAST_SPEED = 5.0
SIDES = ("bare", "ours")
RIVALS = (*SIDES, "spark")


def run_ours(landing: Path, out: Path) -> tuple[dict, float]:
    """Our pipeline over the same files.

    Returns:
        Rows a table as in `run_bare`, and the seconds spent in contract checks.
    """
    from datetime import UTC, datetime

    from inventory_assets.contracts.sources import load_profiles
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.gold import refresh_sales
    from inventory_assets.pipeline.ingest import ingest, plan
    from inventory_assets.pipeline.silver import refresh_days, refresh_master
    from inventory_assets.pipeline.stock import refresh_movements
    from inventory_assets.pipeline.workspace import Workspace
    from inventory_assets.settings import IngestSettings

    lake = Lake(str(out))
    workspace = Workspace(lake, str(landing), load_profiles(), lambda: datetime.now(UTC))
    settings = IngestSettings(ready_after_seconds=0)
    while files := [file.path for file in plan(workspace, settings).files]:
        ingest(workspace, files, batch_rows=workspace.block_rows)
    refresh_master(workspace, "products")
    refresh_days(workspace, "pos")
    refresh_movements(workspace)
    refresh_sales(workspace)
    return ours_totals(lake), lake.check_seconds


def ours_totals(lake) -> dict:  # noqa: ANN001 - a Lake; importing its type would import our package into both sides
    """Rows a table, from the Delta logs."""
    from inventory_assets.contracts.tables import TABLES

    def rows(*names: str) -> int:
        return sum(sum(lake.day_rows(TABLES[name]).values()) for name in names)

    classes = (
        "inventory_transactions",
        "returns",
        "cancellations",
        "given_away",
        "stock_adjustments",
        "non_merchandise",
    )
    found = {
        "bronze": rows("bronze/inventory_transactions"),
        "silver": rows(*(f"silver/{name}" for name in classes)),
        "quarantine": rows("silver/quarantine"),
        "movements": rows("silver/stock_movements"),
        "gold": rows("gold/daily_inventory_summary"),
    }
    return found | {"repeats": found["bronze"] - found["silver"] - found["quarantine"]}


def side(name: str, landing: Path, out: Path) -> dict:
    """One side in this process: seconds, peak memory, totals."""
    started = perf_counter()
    check_seconds = 0.0
    if name == "ours":
        totals, check_seconds = run_ours(landing, out)
    elif name == "spark":
        from benchmarks.main_line_spark import run_spark

        totals = run_spark(landing, out)
    else:
        from benchmarks.main_line_bare import run_bare

        totals = run_bare(landing, out)
    seconds = perf_counter() - started
    cpu_seconds = process_time()
    written = sum(path.stat().st_size for path in out.rglob("*.parquet"))
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak_bytes(),
        "check_seconds": check_seconds,
        "written_bytes": written,
        "totals": totals,
    }


def started(*arguments: str) -> str:
    """Run this module in a fresh process and return the last line it prints."""
    command = [sys.executable, "-m", "benchmarks.main_line", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: ended with {done.returncode}; its own output is above")
    return done.stdout.splitlines()[-1] if done.stdout else ""


def compare(chosen: argparse.Namespace, folder: Path) -> int:
    """Make the files, run both sides in turn, and publish the figure."""
    landing = folder / "landing"
    shape = [str(chosen.rows), str(chosen.days), str(chosen.files_a_day)]
    started("--make", str(landing), "--rows", shape[0], "--days", shape[1], "--files-a-day", shape[2])
    runs: dict[str, list[dict]] = {name: [] for name in chosen.sides}
    for number in range(chosen.runs):
        for name in chosen.sides:
            out = folder / f"{name}-{number}"
            out.mkdir()
            runs[name].append(json.loads(started("--side", name, str(landing), str(out))))
            print(name, json.dumps(runs[name][-1]), file=sys.stderr)
    if len(runs) != len(SIDES) or "ours" not in runs:
        print(json.dumps(runs, indent=2))
        return 0
    (rival,) = set(runs) - {"ours"}
    if runs["ours"][0]["totals"] != runs[rival][0]["totals"]:
        found = {name: done[0]["totals"] for name, done in runs.items()}
        raise SystemExit(f"the two sides found different rows, no ratio: {found}")
    return publish((against_bare if rival == "bare" else against_spark)(chosen, runs), save=chosen.save)


def against_bare(chosen: argparse.Namespace, runs: dict[str, list[dict]]) -> Figure:
    """Our time as a multiple of bare Polars, our memory, and the share of the checks."""
    seconds = medians(runs)
    peaks = {name: max(run["peak_bytes"] for run in found) for name, found in runs.items()}
    ratio = seconds["ours"] / seconds["bare"]
    share = statistics.median(run["check_seconds"] / run["seconds"] for run in runs["ours"])
    return figure(
        "main_line",
        f"{chosen.rows:,} till lines of {chosen.days} days through bronze, silver, quarantine, movements, gold",
        f"≤ {MOST_RATIO} × bare Polars, ≤ {MOST_BYTES / 1e9:.1f} GB, checks ≤ {MOST_CHECK_SHARE:.0%}",
        f"{ratio:.2f} × ({seconds['ours']:.1f} s, bare {seconds['bare']:.1f} s), {peaks['ours'] / 1e9:.2f} GB "
        f"(bare {peaks['bare'] / 1e9:.2f} GB), checks {share:.1%}",
        reached=ratio <= MOST_RATIO and peaks["ours"] <= MOST_BYTES and share <= MOST_CHECK_SHARE,
        details={"ratio": ratio, "check_share": share, "median_seconds": seconds, "peak_bytes": peaks, "runs": runs},
    )


def against_spark(chosen: argparse.Namespace, runs: dict[str, list[dict]]) -> Figure:
    """How many times faster than PySpark on two cores we are."""
    seconds = medians(runs)
    ratio = seconds["spark"] / seconds["ours"]
    return figure(
        "main_line_spark",
        f"the same work, {chosen.rows:,} till lines of {chosen.days} days, beside PySpark local[2] on Parquet",
        f"≥ {LEAST_SPEED:.0f} × faster",
        f"{ratio:.1f} × faster ({seconds['ours']:.1f} s, PySpark {seconds['spark']:.1f} s)",
        reached=ratio >= LEAST_SPEED,
        details={"ratio": ratio, "median_seconds": seconds, "runs": runs},
    )


def medians(runs: dict[str, list[dict]]) -> dict[str, float]:
    """Median seconds of each side."""
    return {name: statistics.median(run["seconds"] for run in found) for name, found in runs.items()}


def main() -> int:
    """Parse the command line; `--make` and `--side` are what this script starts itself with."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="lines in all files together")
    options.add_argument("--days", type=int, default=10)
    options.add_argument("--files-a-day", type=int, default=4)
    options.add_argument("--runs", type=int, default=3, help="runs of each side; the median counts")
    options.add_argument("--sides", nargs="+", choices=RIVALS, default=list(SIDES))
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    options.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.make:
        from benchmarks.pos_history import write_history

        write_history(chosen.make, chosen.rows, chosen.days, chosen.files_a_day)
        return 0
    if chosen.side:
        name, landing, out = chosen.side
        print(json.dumps(side(name, Path(landing), Path(out))))
        return 0
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        return compare(chosen, Path(folder))


if __name__ == "__main__":
    raise SystemExit(main())
