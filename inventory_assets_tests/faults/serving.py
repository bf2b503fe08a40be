"""A data folder served by real Dagster processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest
from dagster import DagsterRunStatus, RunsFilter

from inventory_assets.defs.lane import LANE, LANE_TAG
from inventory_assets.operate.instance import make_storage, prepare, services
from inventory_assets.operate.processes import Running, free_port, start, stop, tail
from inventory_assets.operate.progress import Watch
from inventory_assets.settings import Settings

T = TypeVar("T")
PATIENCE_SECONDS = 300.0
QUICK = {
    "INVENTORY_INGEST__READY_AFTER_SECONDS": "0",
    "INVENTORY_INGEST__INTERVAL_SECONDS": "2",
    "INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS": "0",
}


class Served:
    """An installation with a daemon and, where wanted, a webserver."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {**os.environ, **QUICK, "INVENTORY_DATA_DIR": str(folder), **environment}
        self.home = folder / "dagster"
        self.port = free_port(3900)
        self.running: list[Running] = []
        self.watch = Watch(Settings(data_dir=folder))
        prepare(self.home)
        self.webserver, self.daemon = services(folder, self.home, self.port, self.environment)
        make_storage(self.home, self.daemon)

    def start(self, *, webserver: bool = False) -> None:
        """Start what is not running."""
        self.running.append(start(self.daemon))
        if webserver:
            self.running.append(start(self.webserver))

    def wait_for(self, what: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
        """The first answer that is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"waited {seconds} s in vain; the daemon says:\n{tail(self.daemon.log, 40)}")

    def wait_until_done(self) -> None:
        """Until everything in the landing folder stands in DuckDB and no run of the lane is left."""
        self.wait_for(lambda: self.watch.look().stage == "done")
        over = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
        self.wait_for(lambda: all(record.dagster_run.status in over for record in self.lane_runs()))

    @contextmanager
    def opened(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            yield instance

    def lane_runs(self) -> list[dg.RunRecord]:
        """Runs of the lane, oldest first."""
        with self.opened() as instance:
            return list(instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}), ascending=True))


@contextmanager
def served(folder: Path, *, webserver: bool = False, **environment: str) -> Iterator[Served]:
    """A served installation; everything that was started is ended."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI", "INVENTORY_FIXED_CLOCK"):
            patch.delenv(name, raising=False)
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        installation = Served(folder, environment)
        try:
            installation.start(webserver=webserver)
            yield installation
        finally:
            stop(installation.running)
