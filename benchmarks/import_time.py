"""Import of the code location, compiled, beside the import of Dagster alone: `python -m benchmarks.import_time`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from benchmarks.report import ROOT, figure, publish

LIMIT_SECONDS = 1.0
HEAVY = ("statsmodels", "statsforecast", "pandera", "polars")
MUST_NOT = ("statsmodels", "statsforecast")
"""Modules whose import fails the figure; those of `HEAVY` beside them are reported."""
PROGRAM = """
import json, sys, time
started = time.perf_counter()
import {module} as module
seconds = time.perf_counter() - started
defs = getattr(module, "defs", None)
loaded = defs() if callable(defs) else defs
loaded_seconds = time.perf_counter() - started
heavy = [name for name in {heavy} if name in sys.modules]
print(json.dumps({{"seconds": seconds, "loaded_seconds": loaded_seconds, "heavy": heavy}}))
"""
"""Dagster calls a lazy `defs` after the import, so the time until it is loaded is told beside that of the import."""


def measure(module: str) -> dict:
    """Import a module in a fresh process that may write bytecode."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module, heavy=HEAVY)],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure both imports in turn, after one run of each that compiles."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    modules = {"ours": "inventory_assets.definitions", "dagster": "dagster"}
    for module in modules.values():
        measure(module)
    runs: dict[str, list[dict]] = {name: [] for name in modules}
    for _ in range(chosen.runs):
        for name, module in modules.items():
            runs[name].append(measure(module))
    seconds = {name: statistics.median(run["seconds"] for run in found) for name, found in runs.items()}
    heavy = runs["ours"][0]["heavy"]
    loaded_seconds = statistics.median(run["loaded_seconds"] for run in runs["ours"])
    ratio = seconds["ours"] / seconds["dagster"]
    imported = f"imports {', '.join(heavy)}" if heavy else f"imports none of {', '.join(HEAVY)}"
    result = figure(
        "import_time",
        "import of `inventory_assets.definitions`, compiled",
        f"< {LIMIT_SECONDS} s; {' and '.join(MUST_NOT)} not imported",
        f"{seconds['ours']:.2f} s, {ratio:.2f} × `import dagster` ({seconds['dagster']:.2f} s), "
        f"{loaded_seconds:.2f} s with all definitions loaded; {imported}",
        reached=seconds["ours"] < LIMIT_SECONDS and not set(heavy) & set(MUST_NOT),
        details={
            "median_seconds": seconds,
            "ratio": ratio,
            "loaded_seconds": loaded_seconds,
            "heavy": heavy,
            "runs": runs,
        },
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
