"""Start services in process groups of their own, watch them, end them with everything they started.

What a service does is not known here. Invariant: after `stop` no process of the group and no descendant seen before
runs any more, whatever they do with signals. POSIX only; on Windows the demo runs inside WSL.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

OWNER = "INVENTORY_SERVICE_OF"
"""Variable that tells, in the environment of a service and all it starts, which data folder it serves."""
POLL_SECONDS = 0.05
KILL_WAIT_SECONDS = 5.0


class ServiceEndedError(RuntimeError):
    """A service keeps ending although it should serve; the message holds the tail of its log."""


class PortsTakenError(RuntimeError):
    """No free port was found near the wanted one."""


@dataclass(frozen=True, slots=True)
class Service:
    """What to start.

    Attributes:
        name: name for people.
        command: program and arguments.
        log: file that takes both of its output streams, continued where it is there.
        environment: the whole environment of the process.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A started service; its process id is the id of its group."""

    service: Service
    process: subprocess.Popen[bytes]


def start(service: Service) -> Running:
    """Start a service in a session of its own, so that a Ctrl-C of the terminal does not reach it."""
    service.log.parent.mkdir(parents=True, exist_ok=True)
    with service.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
            service.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(service.environment),
            start_new_session=True,
        )
    return Running(service, process)


def left_behind(running: Running) -> set[psutil.Process]:
    """Processes of a dead service's group that still live: its children, now nobody's."""
    return _members({running.process.pid})


def stop(running: Sequence[Running], grace_seconds: float = 10.0, others: Collection[psutil.Process] = ()) -> None:
    """End services: ask (SIGTERM to the whole group), wait, then kill what is left, descendants included.

    Args:
        running: the services; ended ones are fine, what they left behind is ended too.
        grace_seconds: how long all of them together may take to end by themselves.
        others: further processes to end, with their descendants.
    """
    groups = {each.process.pid for each in running}
    family = _members(groups) | {child for each in running for child in _descendants(each.process.pid)}
    family |= {process for process in others if _alive(process)}
    family |= {child for process in others if _alive(process) for child in _descendants(process.pid)}
    _signal(family, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    left = family
    while left and time.monotonic() < deadline:
        for each in running:
            each.process.poll()
        time.sleep(POLL_SECONDS)
        family |= _members(groups)
        left = {process for process in family if _alive(process)}
    _signal(left, signal.SIGKILL)
    deadline = time.monotonic() + KILL_WAIT_SECONDS
    while any(_alive(process) for process in left) and time.monotonic() < deadline:
        for each in running:
            each.process.poll()
        time.sleep(POLL_SECONDS)
    for each in running:
        each.process.wait(KILL_WAIT_SECONDS)


def serving_of(data_dir: Path) -> dict[str, str]:
    """What stands in the environment of a service, so that it is found should its owner be killed.

    Args:
        data_dir: the folder it serves, absolute.
    """
    return {OWNER: str(data_dir)}


def end_orphans(data_dir: Path, grace_seconds: float = 10.0) -> int:
    """End services whose owner was killed; call it while holding the data folder, so that nobody else owns them.

    Args:
        data_dir: the folder they serve, absolute.
        grace_seconds: see `stop`.

    Returns:
        How many processes were found.
    """
    found = [process for process in psutil.process_iter() if _environment(process).get(OWNER) == str(data_dir)]
    stop((), grace_seconds, others=found)
    return len(found)


def tail(path: Path, lines: int = 20) -> str:
    """Last lines of a log, at most 16 kB of it."""
    if not path.exists():
        return "(no log was written)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(wanted: int, host: str = "127.0.0.1", tries: int = 100) -> int:
    """The wanted port, or the next free one above it.

    Raises:
        PortsTakenError: all of them are taken.
    """
    for port in range(wanted, min(wanted + tries, 65_536)):
        if is_free(port, host):
            return port
    raise PortsTakenError(f"ports {wanted} to {wanted + tries - 1} are taken on {host}; name a free one with --port")


def _members(groups: set[int]) -> set[psutil.Process]:
    found = set()
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return found


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(processes: set[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _environment(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ() if _alive(process) else {}
    except (psutil.Error, OSError):
        return {}  # it has ended, or belongs to somebody else


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
