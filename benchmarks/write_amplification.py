"""A day of one-minute files: `python -m benchmarks.write_amplification`.

A lake with a month of history takes in one small file a minute for a day. The clock is moved on by hand; whether a
refresh follows a file is decided by the rule the sensor uses, and what a refresh does at its end is done. Counted are
the bytes of all data files written for each byte the lake grew by. Replaced files stay for the retention and are
removed once an hour; as the day passes in minutes here, they are counted as the bytes written in so many hours.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from benchmarks.increment import SHOPS, take_in
from benchmarks.pos_history import FIRST_DAY, day_lines, write_history
from benchmarks.report import figure, publish
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.maintenance import figures
from inventory_assets.pipeline.cadence import Refreshed, bounds, next_pause
from inventory_assets.pipeline.maintain import TIDY_EVERY, after_refresh, relieve
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import MaintenanceSettings

MOST_WRITTEN, MOST_HELD = 30.0, 3.0
HISTORY_DAYS = 30


class Day:
    """A lake and a clock moved by hand."""

    def __init__(self, folder: Path, lines_a_day: int) -> None:
        """Take a month of history in."""
        self.lines = lines_a_day
        self.landing = folder / "landing"
        self.now = datetime.combine(FIRST_DAY + timedelta(days=HISTORY_DAYS), datetime.min.time(), UTC)
        write_history(self.landing, lines_a_day * HISTORY_DAYS, HISTORY_DAYS, 1, SHOPS)
        self.workspace = Workspace(Lake(str(folder / "lake")), str(self.landing), load_profiles(), lambda: self.now)
        self.settings = MaintenanceSettings()
        self.recent: list[Refreshed] = []
        self.refresh()
        self.recent.clear()

    def drop(self, minute: int, lines: int) -> None:
        """The lines of one minute, sold within it; a till that is ahead of the clock would be quarantined."""
        day = self.now.date()
        sold = pl.lit(self.now).dt.cast_time_unit("us").alias("timestamp")
        rows = day_lines(day, 20_000 + minute, lines, SHOPS).with_columns(sold)
        folder = self.landing / "pos" / f"{day:year=%Y/month=%m/day=%d}"
        folder.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(folder / f"minute-{minute:04d}.parquet", compression="zstd")

    def may_refresh(self) -> bool:
        """What the sensor asks."""
        pause = next_pause(self.recent, bounds(self.settings))
        return not self.recent or self.now - self.recent[0].ended >= pause

    def refresh(self) -> None:
        """A run of the lane, and what it does at its end."""
        began, real = self.now, time.monotonic()
        report = take_in(self.workspace)
        relieve(self.workspace, self.settings, report)
        refresh_all(self.workspace)
        written = after_refresh(self.workspace, self.settings)
        self.now += timedelta(seconds=time.monotonic() - real)
        self.recent.insert(0, Refreshed(began, self.now, written.written, written.grown))

    def held(self) -> tuple[int, int]:
        """Bytes of the newest versions, and of these with all that may have been replaced and not yet removed."""
        found = [figures(self.workspace.lake, table) for table in TABLES.values()]
        live = sum(each.live_bytes for each in found if each)
        since = self.now - timedelta(hours=self.settings.retention_hours) - TIDY_EVERY
        return live, live + sum(each.written for each in self.recent if each.ended > since)


def main() -> int:
    """Parse the command line, live through the day."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=int, default=1_440)
    options.add_argument("--lines-a-day", type=int, default=20_000)
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        day = Day(Path(folder), chosen.lines_a_day)
        midnight, worst = day.now, 0.0
        for minute in range(chosen.minutes):
            day.now = max(day.now, midnight + timedelta(minutes=minute))
            day.drop(minute, max(1, chosen.lines_a_day // 1_440))
            if day.may_refresh():
                day.refresh()
                live, held = day.held()
                worst = max(worst, held / live)
                print(json.dumps({"minute": minute, "live": live, "held": held}), file=sys.stderr, flush=True)
        day.now = midnight + timedelta(minutes=chosen.minutes, hours=1)
        day.refresh()
    written = sum(each.written for each in day.recent)
    grown = sum(each.grown for each in day.recent)
    result = figure(
        "write_amplification",
        f"a day of {chosen.minutes:,} one-minute files in a lake of {HISTORY_DAYS} days: bytes written for each byte "
        "grown; disk held for each live byte, at its worst",
        f"≤ {MOST_WRITTEN:.0f} ×; ≤ {MOST_HELD:.0f} ×",
        f"{written / grown:.1f} × ({written / 1e6:.0f} MB for {grown / 1e6:.1f} MB, {len(day.recent)} refreshes); "
        f"{worst:.2f} ×",
        reached=written <= MOST_WRITTEN * grown and worst <= MOST_HELD,
        details={"written": written, "grown": grown, "refreshes": len(day.recent), "worst_held": worst},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
