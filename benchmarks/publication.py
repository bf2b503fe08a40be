"""A publication beside a bare copy of the same tables into DuckDB: `python -m benchmarks.publication`.

The bare copy reads the same Parquet files into a new DuckDB file and does nothing else: no types, comments, views,
positions, checks, no change of names. An incremental publication is held against a copy of the last file plus a bare
copy of what changed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.increment import grown, increment
from benchmarks.pos_history import FIRST_DAY, LARGE
from benchmarks.report import figure, publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from inventory_assets.lakehouse.lake import Lake

MOST_RATIO = 1.5
DAYS, LINES_A_DAY = 60, 20_000


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private file for writing."""
    import duckdb

    with duckdb.connect(str(path)) as connection:
        yield connection


def bare_copy(lake: Lake, target: Path, after: dict[str, int] | None = None) -> float:
    """Seconds to copy the published tables, or only what changed in them, into a new DuckDB file.

    Args:
        lake: the tables.
        target: the file.
        after: versions already copied; None for everything. A table that is replaced as a whole is copied as a whole.
    """
    from inventory_assets.contracts.tables import TABLES
    from inventory_assets.publish.tables import SOURCES, day_column

    begun = perf_counter()
    with opened(target) as connection:
        for path in sorted(set(SOURCES.values())):
            table = TABLES[path]
            handle = lake.open(table)
            if handle is None:
                continue
            files = handle.file_uris()
            if after is not None:
                if after.get(path) == handle.version():
                    continue
                if day_column(table):
                    days = lake.changed_days(table, after.get(path), handle.version())
                    files = [file for file in files if any(f"={day}/" in file for day in days)]
            if files:
                name = path.replace("/", "_")
                connection.execute(
                    f"CREATE TABLE {name} AS SELECT * FROM read_parquet($1, hive_partitioning = true)", [files]
                )
        connection.execute("CHECKPOINT")
    return perf_counter() - begun


def main() -> int:
    """Parse the command line, grow a lake, publish and copy in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5, help="runs of each side; the median counts")
    options.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options.add_argument("--save", action="store_true", help="keep the result and write docs/benchmarks.md")
    chosen = options.parse_args()
    from inventory_assets.pipeline.publish import LAKE_TABLES, refresh_published
    from inventory_assets.publish.layout import current
    from inventory_assets.settings import PublishSettings, Settings

    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        workspace = grown(folder / "retailer", DAYS, LINES_A_DAY, LARGE)
        settings = Settings(data_dir=folder, publish=PublishSettings(min_interval_seconds=0))
        lake, publisher = workspace.lake, replace(workspace, now=lambda: datetime.now(UTC))
        seconds: dict[str, list[float]] = {"whole": [], "bare": [], "incremental": [], "file": [], "changed": []}
        for number in range(chosen.runs):
            begun = perf_counter()
            refresh_published(publisher, settings, opened, whole=True)
            seconds["whole"].append(perf_counter() - begun)
            seconds["bare"].append(bare_copy(lake, folder / f"bare-{number}.duckdb"))
            before = lake.pins(LAKE_TABLES)
            increment(workspace, DAYS, number, LARGE)
            last = current(settings.serving)
            assert last is not None
            begun = perf_counter()
            shutil.copyfile(last, folder / "copied.duckdb")
            seconds["file"].append(perf_counter() - begun)
            seconds["changed"].append(bare_copy(lake, folder / f"changed-{number}.duckdb", before))
            begun = perf_counter()
            refresh_published(publisher, settings, opened)
            seconds["incremental"].append(perf_counter() - begun)
            print(json.dumps({key: found[-1] for key, found in seconds.items()}), file=sys.stderr)
    median = {key: statistics.median(found) for key, found in seconds.items()}
    whole = median["whole"] / median["bare"]
    allowed = median["file"] + MOST_RATIO * median["changed"]
    day = FIRST_DAY + timedelta(days=DAYS - 1)
    result = figure(
        "publication",
        f"publication of {DAYS} days of {LINES_A_DAY:,} lines into DuckDB beside a bare copy; again after 1,000 lines "
        f"of {day}",
        f"≤ {MOST_RATIO} ×; ≤ copy of the file + {MOST_RATIO} × a bare copy of what changed",
        f"{whole:.2f} × ({median['whole']:.2f} s, bare {median['bare']:.2f} s); {median['incremental']:.2f} s of "
        f"{allowed:.2f} s",
        reached=whole <= MOST_RATIO and median["incremental"] <= allowed,
        details={"median_seconds": median, "seconds": seconds},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
