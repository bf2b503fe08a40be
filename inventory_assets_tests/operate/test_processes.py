from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from inventory_assets.operate import processes
from inventory_assets.operate.processes import PortsTakenError, Service

PARENT = """
import subprocess, sys, pathlib, time, signal
{parent_signals}
child = subprocess.Popen([sys.executable, "-c", {child!r}], start_new_session={own_session})
pathlib.Path({pids!r}).write_text(str(child.pid))
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def service(tmp_path: Path, *command: str) -> Service:
    return Service("test service", command, tmp_path / "logs" / "service.log", dict(os.environ))


def wait_for(path: Path, seconds: float = 20) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written in {seconds} s")


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("own_session", [False, True])
@pytest.mark.parametrize("stubborn", [False, True])
def test_stop_ends_grandchildren_even_stubborn_ones_and_those_in_another_session(tmp_path, own_session, stubborn):
    pids = tmp_path / "pids"
    ready = tmp_path / "ready"
    child = (STUBBORN if stubborn else "") + (
        f"import time, pathlib; pathlib.Path({str(ready)!r}).write_text('1'); time.sleep(60)"
    )
    code = PARENT.format(parent_signals="", child=child, own_session=own_session, pids=str(pids))
    running = processes.start(service(tmp_path, sys.executable, "-c", code))
    grandchild = int(wait_for(pids))
    wait_for(ready)

    processes.stop([running], grace_seconds=0.5 if stubborn else 10)

    assert gone(grandchild)
    assert running.process.returncode is not None


def test_stop_ends_what_a_dead_leader_left_behind(tmp_path):
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"pathlib.Path({str(pids)!r}).write_text(str(child.pid))"
    )
    running = processes.start(service(tmp_path, sys.executable, "-c", code))
    orphan = int(wait_for(pids))
    running.process.wait(20)
    assert not gone(orphan)

    processes.stop([running], grace_seconds=5)

    assert gone(orphan)


def test_stop_is_free_for_ended_services(tmp_path):
    running = processes.start(service(tmp_path, sys.executable, "-c", "pass"))
    running.process.wait(20)
    begun = time.monotonic()
    processes.stop([running], grace_seconds=10)
    assert time.monotonic() - begun < 5


def test_tail_gives_the_last_lines_of_a_long_log(tmp_path):
    log = tmp_path / "long.log"
    log.write_text("\n".join(f"line {n}" for n in range(10_000)))
    assert processes.tail(log, 2) == "line 9998\nline 9999"
    assert processes.tail(tmp_path / "none.log") == "(no log was written)"


def test_a_taken_port_gives_the_next_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not processes.is_free(port)
        assert processes.free_port(port) > port
        with pytest.raises(PortsTakenError, match="--port"):
            processes.free_port(port, tries=1)


def test_services_of_a_killed_owner_are_found_by_the_folder_they_serve_and_ended_with_their_children(tmp_path):
    pids = tmp_path / "pids"
    code = PARENT.format(parent_signals="", child="import time; time.sleep(60)", own_session=True, pids=str(pids))
    of_folder = {**os.environ, processes.OWNER: str(tmp_path)}
    orphan = processes.start(Service("orphan", (sys.executable, "-c", code), tmp_path / "orphan.log", of_folder))
    other = processes.start(service(tmp_path, sys.executable, "-c", "import time; time.sleep(60)"))
    child = int(wait_for(pids))

    assert processes.end_orphans(tmp_path) == 2

    assert gone(child)
    assert gone(orphan.process.pid)
    assert not gone(other.process.pid)
    assert processes.end_orphans(tmp_path) == 0
    processes.stop([other])
