"""A served installation: the services of `inventory demo` on a temporary data folder, with files dropped by a test."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import psutil
from dagster import DagsterRunStatus, RunsFilter

from inventory_assets.defs.lane import LANE, LANE_TAG, REFRESH
from inventory_assets.operate.instance import make_storage, prepare
from inventory_assets.operate.processes import free_port, tail
from inventory_assets.operate.serving import await_socket, served
from inventory_assets.operate.supervisor import Supervisor
from inventory_assets.settings import Settings

LOOK_SECONDS = 0.5


@dataclass
class Served:
    """What runs, and what a test does to it.

    Attributes:
        settings: the installation.
        supervisor: keeps the services.
        instance: the Dagster instance they share.
    """

    settings: Settings
    supervisor: Supervisor
    instance: dg.DagsterInstance

    def drop(self, source: Path, path: str) -> None:
        """Let a landing file appear whole under its name."""
        target = self.settings.data_dir / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        building = target.with_name(f"_{target.name}")
        shutil.copyfile(source / path, building)
        building.replace(target)

    def wait(self, what: Callable[[], object], seconds: float, wanted: str) -> object:
        """Look until something is so; the services are looked after meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.supervisor.look()
            found = what()
            if found:
                return found
            time.sleep(LOOK_SECONDS)
        logs = "\n".join(f"{each.service.name}:\n{tail(each.service.log, 40)}" for each in self.supervisor.running)
        raise AssertionError(f"waited {seconds} s in vain: {wanted}; runs {self.runs()}\n{logs}")

    def rest(self, seconds: float) -> None:
        """Let some time pass."""
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, seconds + 5, "time passes")

    def runs(self) -> list[tuple[str, str]]:
        """State of the runs of the lane, the newest first."""
        records = self.instance.get_run_records(RunsFilter(tags={LANE_TAG: LANE}))
        return [(record.dagster_run.run_id[:8], record.dagster_run.status.value) for record in records]

    def finished_since(self, moment: float) -> bool:
        """Whether a refresh that began after an instant has succeeded."""
        done = RunsFilter(job_name=REFRESH, statuses=[DagsterRunStatus.SUCCESS])
        records = self.instance.get_run_records(done, limit=1)
        return bool(records) and (records[0].start_time or 0) >= moment

    def processes(self) -> Mapping[str, list[psutil.Process]]:
        """Processes by what they are: worker, code server, daemon, webserver."""
        found: dict[str, list[psutil.Process]] = {}
        for each in self.supervisor.running:
            if each.process.poll() is None:
                found[each.service.name.split(" of ")[0].removeprefix("Dagster ")] = [psutil.Process(each.process.pid)]
        found["worker"] = [
            process
            for process in psutil.process_iter()
            if _says(process, "INVENTORY_DATA_DIR") == str(self.settings.data_dir)
            and "spawn_main" in " ".join(process.cmdline())
        ]
        return found


def _says(process: psutil.Process, variable: str) -> str | None:
    try:
        return process.environ().get(variable) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


@contextmanager
def serve(settings: Settings, environment: Mapping[str, str]) -> Iterator[Served]:
    """Start everything that `inventory demo` starts, and end it."""
    home, data = settings.dagster_home, settings.data_dir
    prepare(home)
    supervisor = Supervisor()
    with TemporaryDirectory(prefix="inventory-") as sockets:
        code, others = served(data, home, free_port(3900), {**os.environ, **environment}, Path(sockets))
        make_storage(home, others[0])
        try:
            for service, path in code:
                supervisor.start(service)
                await_socket(path, supervisor.look)
            for service in others:
                supervisor.start(service)
            with dg.DagsterInstance.from_config(str(home)) as instance:
                yield Served(settings, supervisor, instance)
        finally:
            supervisor.stop()
