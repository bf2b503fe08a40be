"""The Dagster instance of an installation: its files, the services that serve it, and that only one owner runs them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from inventory_assets.ingest.landing import content_hash
from inventory_assets.lakehouse.stores import read_whole, replace_whole
from inventory_assets.operate.processes import OWNER, Service, serving_of
from inventory_assets.settings import Settings

HOST = "127.0.0.1"
TEMPLATES = ("dagster.yaml", "workspace.yaml")
COPIED = ".copied.json"
"""Hash of each file as it was copied, by name: one that still has it was not edited."""
MARKER = ".storage-made"
MOST_OF_A_REASON = 600


class AlreadyRunningError(RuntimeError):
    """Another process serves this data folder."""


class InstanceError(RuntimeError):
    """The Dagster instance cannot be used."""


def prepare(home: Path) -> None:
    """Make the instance folder with the project's `dagster.yaml` and `workspace.yaml`.

    A file that is as it was copied follows the project when that has a newer one; one that was edited stays.
    """
    home.mkdir(parents=True, exist_ok=True)
    copied = _copied(home)
    for name in TEMPLATES:
        file, content = home / name, template(name).encode()
        there = read_whole(str(file), {})
        if there is not None and there != content and copied.get(name) != content_hash(there):
            continue
        if there != content:
            replace_whole(str(file), content, {})
        if copied.get(name) != content_hash(content):
            copied[name] = content_hash(content)
            replace_whole(str(home / COPIED), json.dumps(copied).encode(), {})


def own_files(home: Path) -> list[str]:
    """Files of the instance that are not the project's: edited, or copied by a version that kept no note of it."""
    return [name for name in TEMPLATES if read_whole(str(home / name), {}) not in (None, template(name).encode())]


def _copied(home: Path) -> dict[str, str]:
    note = read_whole(str(home / COPIED), {})
    return {} if note is None else json.loads(note)


def template(name: str) -> str:
    """Text of a packaged template."""
    return files("inventory_assets.operate").joinpath("templates", name).read_text("utf-8")


def services(
    data_dir: Path, home: Path, port: int, environment: Mapping[str, str], workspace: Path | None = None
) -> tuple[Service, Service]:
    """Webserver and daemon of an instance, run by this interpreter.

    Args:
        data_dir: data folder, absolute; logs go to `logs/` below it.
        home: folder of the instance, prepared.
        port: port of the webserver on the loopback address.
        environment: environment to start from.
        workspace: what they load code from, `workspace.yaml` of the instance by default.
    """
    own = {
        **environment,
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "INVENTORY_DATA_DIR": str(data_dir),
        **serving_of(data_dir),
        "PYTHONUNBUFFERED": "1",
    }
    code = str(workspace or home / "workspace.yaml")
    webserver = (sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", code)
    daemon = (sys.executable, "-m", "dagster._daemon", "run", "-w", code)
    return (
        Service("Dagster webserver", webserver, data_dir / "logs" / "dagster-webserver.log", own),
        Service("Dagster daemon", daemon, data_dir / "logs" / "dagster-daemon.log", own),
    )


def run_refresh(settings: Settings, config: Mapping[str, object]) -> int:
    """Run the refresh job once in a process of its own, beside whatever the daemon does; the pool keeps them apart.

    Args:
        settings: the installation.
        config: configuration of the bronze step (files, last_attempt, reread).

    Returns:
        Exit code of the run; its log goes to `logs/refresh.log` of the data folder.
    """
    return run_job(settings, "refresh", "refresh_bronze", config)


def run_job(settings: Settings, job: str, op: str, config: Mapping[str, object]) -> int:
    """Run a job once in a process of its own; those of the lane wait for their turn.

    Args:
        settings: the installation.
        job: name of the job.
        op: the op that is configured.
        config: its configuration.

    Returns:
        Exit code of the run; its log goes to `logs/<job>.log` of the data folder.
    """
    environment = ready_environment(settings)
    log = settings.data_dir.resolve() / "logs" / f"{job}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.dagster_home) as folder, log.open("ab") as output:
        run_config = Path(folder) / "run.json"
        run_config.write_text(json.dumps({"ops": {op: {"config": dict(config)}}}), encoding="utf-8")
        target = ("-m", "inventory_assets.definitions", "-j", job, "-c", str(run_config))
        return subprocess.run(  # noqa: S603 - the command is ours, no shell
            (sys.executable, "-m", "dagster", "job", "execute", *target),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode


def ready_environment(settings: Settings) -> dict[str, str]:
    """Environment of a process that works on the instance; instance and databases are made where they are missing.

    Raises:
        InstanceError: Dagster refuses the instance.
    """
    home = settings.dagster_home
    prepare(home)
    webserver, _ = services(settings.data_dir.resolve(), home, 0, os.environ)
    make_storage(home, webserver)
    return {name: value for name, value in webserver.environment.items() if name != OWNER}


def make_storage(home: Path, service: Service) -> None:
    """Let one process alone make the databases of a new instance.

    Webserver and daemon starting on a new instance both make them, and the loser fails with "more than one head".

    Args:
        home: folder of the instance, prepared.
        service: a service of it, for its environment.

    Raises:
        InstanceError: Dagster refuses the instance.
    """
    if (home / MARKER).exists():
        return
    made = subprocess.run(
        (sys.executable, "-m", "dagster", "instance", "info"),
        env=dict(service.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        reason = made.stderr[max(0, made.stderr.rfind("\ndagster.")) :].strip()
        raise InstanceError(f"Dagster refuses {home / 'dagster.yaml'}: {reason[:MOST_OF_A_REASON]}")
    (home / MARKER).touch()


@contextmanager
def sole_owner(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for one demo; the lock ends with the process, whatever ends it.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "demo.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 64).decode("utf-8", "replace").strip() or "unknown"
            raise AlreadyRunningError(
                f"process {owner} serves {data_dir} already; end it with Ctrl-C or use another INVENTORY_DATA_DIR"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
