"""Ten times the days: `python -m benchmarks.scale`.

The main line over ten days and over a hundred days of the same size, each in a fresh process of its own: memory should
follow the day, and time the number of days.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.main_line import started
from benchmarks.report import figure, publish

MOST_MEMORY, MOST_TIME = 1.3, 11.0
TIMES = 10


def main() -> int:
    """Parse the command line, run both sizes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="lines of the small history")
    options.add_argument("--days", type=int, default=10, help="days of the small history")
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    found: dict[int, dict] = {}
    for times in (1, TIMES):
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            landing, out = Path(folder, "landing"), Path(folder, "out")
            out.mkdir()
            rows, days = str(chosen.rows * times), str(chosen.days * times)
            started("--make", str(landing), "--rows", rows, "--days", days)
            found[times] = json.loads(started("--side", "ours", str(landing), str(out)))
            print(json.dumps(found[times]), file=sys.stderr, flush=True)
    small, large = found[1], found[TIMES]
    memory, time = (large[name] / small[name] for name in ("peak_bytes", "seconds"))
    result = figure(
        "scale",
        f"{TIMES * chosen.rows:,} till lines of {TIMES * chosen.days} days beside {chosen.rows:,} of {chosen.days}",
        f"peak memory ≤ {MOST_MEMORY} ×, time ≤ {MOST_TIME:.0f} ×",
        f"{memory:.2f} × ({large['peak_bytes'] / 1e9:.2f} GB, {small['peak_bytes'] / 1e9:.2f} GB); {time:.1f} × "
        f"({large['seconds']:.0f} s, {small['seconds']:.0f} s)",
        reached=memory <= MOST_MEMORY and time <= MOST_TIME,
        details={"small": small, "large": large},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
