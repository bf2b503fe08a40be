"""What all figures share: the machine, peak memory, and the page docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("polars", "deltalake", "pandera", "dagster")
HEADER = """# Benchmarks

Written by `python -m benchmarks.<name> --save` and, for campaigns, by `make chaos`; the full results are in
`benchmarks/results/`. Ratios come from one run on one machine, so that they mean the same elsewhere; seconds are that
machine's.

| figure | must reach | measured | reached | machine | date |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        name: name of the script.
        title: what is measured, for people.
        target: what it must reach.
        measured: the result in one line.
        reached: whether it does.
        details: everything that was measured.
        machine: see `machine`.
        date: UTC day of the run.
    """

    name: str
    title: str
    target: str
    measured: str
    reached: bool
    details: dict
    machine: str
    date: str

    @property
    def row(self) -> str:
        """Its row of the page."""
        cells = (self.title, self.target, self.measured, "yes" if self.reached else "**no**", self.machine, self.date)
        return "| " + " | ".join(cells) + " |"


def figure(name: str, title: str, target: str, measured: str, *, reached: bool, details: dict) -> Figure:
    """A figure measured on this machine today."""
    return Figure(name, title, target, measured, reached, details, machine(), f"{datetime.now(UTC):%Y-%m-%d}")


def publish(result: Figure, *, save: bool) -> int:
    """Print a figure and, if asked, keep it and write the page; the exit code says whether it reached its target."""
    print(json.dumps(asdict(result), indent=2, ensure_ascii=False))
    print(result.row)
    if save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{result.name}.json").write_text(
            json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", "utf-8"
        )
        kept = [Figure(**json.loads(path.read_text("utf-8"))) for path in sorted(RESULTS.glob("*.json"))]
        PAGE.write_text(HEADER + "".join(f"{entry.row}\n" for entry in kept), "utf-8")
    return 0 if result.reached else 1


def machine() -> str:
    """Processor, cores, memory, system, Python and the packages that decide the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}"
    )


def peak_bytes() -> int:
    """Largest resident set of this process so far.

    `ru_maxrss` of a started process begins with that of the process that started it, hence Linux is asked for the
    high-water mark of this program alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
