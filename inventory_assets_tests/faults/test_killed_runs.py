"""SIGKILL of the run worker at random moments: the next run takes up what is open, and nothing is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.instance import make_storage, prepare, services
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import long_only, record
from inventory_assets_tests.pipeline.running import BRONZE, bronze_rows, differences, published_cells

CLOCK = "2026-06-01T00:00:00+00:00"
DEADLINE_SECONDS = 240
TARGET = ("-m", "inventory_assets.definitions", "-j", "refresh")


class Installation:
    """A data folder with landing files and a Dagster instance, run by real run workers."""

    def __init__(self, folder: Path, history) -> None:
        self.settings = Settings(data_dir=folder)
        write_history(history, folder / "landing", folder / "truth")
        self.settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
        home = self.settings.dagster_home
        prepare(home)
        webserver, _ = services(folder, home, 3000, os.environ)
        make_storage(home, webserver)
        self._environment = {
            **webserver.environment,
            "INVENTORY_FIXED_CLOCK": CLOCK,
            "INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS": "0",
        }
        self.log = folder / "runs.log"

    def start(self) -> subprocess.Popen:
        """A run worker of its own process group."""
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "dagster", "job", "execute", *TARGET],
                env=self._environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def finish(self) -> float:
        """A run that is left alone; seconds it took."""
        begun = time.monotonic()
        assert self.start().wait(DEADLINE_SECONDS) == 0, self.log.read_text()[-3000:]
        return time.monotonic() - begun

    def kill_after(self, seconds: float) -> bool:
        """Start a run and kill it; False when it had ended by itself."""
        run = self.start()
        try:
            run.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
        return False

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake)


@pytest.mark.slow
@long_only
def test_killed_runs_lose_and_double_nothing(tmp_path):
    kills = int(os.environ.get("INVENTORY_CHAOS_KILLS", "10"))
    seed = int(os.environ.get("INVENTORY_CHAOS_SEED", "20260101"))
    dice = random.Random(seed)
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 25), days=10, stores=3, items=15, lines_per_store_day=25.0, dirt=0.03)
    )
    undisturbed = Installation(tmp_path / "undisturbed", history)
    duration = undisturbed.finish()
    killed = rounds = 0
    while killed < kills:
        rounds += 1
        disturbed = Installation(tmp_path / f"disturbed-{rounds}", history)
        while killed < kills and disturbed.kill_after(dice.uniform(0.25, 0.95) * duration):
            killed += 1
        disturbed.finish()
        assert differences(undisturbed.lake, disturbed.lake) == {}
        for table in BRONZE:
            assert bronze_rows(undisturbed.lake, table).equals(bronze_rows(disturbed.lake, table)), table.path
        assert published_cells(undisturbed.settings.serving) == published_cells(disturbed.settings.serving)
    record(
        "killed_runs",
        "run workers killed with SIGKILL at random moments",
        "silver, gold, analytics and DuckDB equal an undisturbed run, bronze as a multiset",
        f"{killed} kills in {rounds} histories, seed {seed}; all equal",
        reached=True,
        details={"kills": killed, "histories": rounds, "seed": seed, "undisturbed_seconds": duration},
    )
