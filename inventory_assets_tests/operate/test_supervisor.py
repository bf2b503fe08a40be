from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from inventory_assets.operate.processes import Service, ServiceEndedError, tail
from inventory_assets.operate.supervisor import MOST_DEATHS, STEADY_SECONDS, Supervisor, pause_after

PARENT = (
    "import subprocess, sys, pathlib, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "pathlib.Path({pids!r}).write_text(str(child.pid)); time.sleep(60)"
)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def service(tmp_path: Path, *command: str) -> Service:
    return Service("test service", command, tmp_path / "service.log", dict(os.environ))


def kill(supervisor: Supervisor) -> int:
    process = supervisor.running[0].process
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    return process.pid


def test_a_killed_service_is_started_again_after_its_pause_and_its_death_is_told(tmp_path):
    told, clock = [], Clock()
    supervisor = Supervisor(told.append, clock)
    supervisor.start(service(tmp_path, "sleep", "60"))
    try:
        dead = kill(supervisor)
        supervisor.look()
        assert supervisor.running[0].process.pid == dead, "the pause is not over"
        clock.now += pause_after(1)
        supervisor.look()
        assert supervisor.running[0].process.poll() is None
        assert supervisor.running[0].process.pid != dead
    finally:
        supervisor.stop()
    assert len(told) == 1
    assert told[0].startswith("test service was killed by signal 9 after 0 s; it is started again in 0.5 s")
    assert "supervisor - test service was killed by signal 9" in tail(tmp_path / "service.log")
    assert supervisor.running[0].process.returncode is not None


def test_pauses_grow_and_a_service_that_keeps_dying_is_given_up_with_the_end_of_its_log(tmp_path):
    told, clock = [], Clock()
    supervisor = Supervisor(told.append, clock)
    supervisor.start(service(tmp_path, "sh", "-c", "echo no such table; exit 3"))

    def until_given_up() -> None:
        for _ in range(2 * MOST_DEATHS):
            supervisor.running[0].process.wait(10)
            supervisor.look()
            clock.now += STEADY_SECONDS - 1
            supervisor.look()

    with pytest.raises(ServiceEndedError, match=r"(?s)ended with code 3, the 5th time in a row.*no such table"):
        until_given_up()
    supervisor.stop()
    assert len(told) == MOST_DEATHS - 1
    assert [pause_after(deaths) for deaths in range(1, 6)] == [0.5, 2.0, 8.0, 30.0, 30.0]


def test_a_death_after_a_steady_life_counts_as_the_first(tmp_path):
    told, clock = [], Clock()
    supervisor = Supervisor(told.append, clock)
    supervisor.start(service(tmp_path, "sleep", "60"))
    try:
        for _ in range(MOST_DEATHS + 2):
            clock.now += STEADY_SECONDS
            kill(supervisor)
            supervisor.look()
            clock.now += pause_after(1)
            supervisor.look()
    finally:
        supervisor.stop()
    assert len(told) == MOST_DEATHS + 2
    assert all("started again in 0.5 s" in line for line in told)


def test_a_service_that_did_live_is_tried_again_for_as_long_as_it_takes(tmp_path):
    """What it needs is away: a database, room on the disk."""
    told, clock = [], Clock()
    supervisor = Supervisor(told.append, clock)
    away = tmp_path / "away"
    supervisor.start(service(tmp_path, "sh", "-c", f"test ! -e {away} && exec sleep 60"))
    try:
        clock.now += STEADY_SECONDS
        away.touch()
        kill(supervisor)
        for _ in range(3 * MOST_DEATHS):
            supervisor.running[0].process.wait(10)
            supervisor.look()
            clock.now += STEADY_SECONDS - 1
        supervisor.running[0].process.wait(10)
        away.unlink()
        for _ in range(2):  # its last death is seen, then its pause is over
            supervisor.look()
            clock.now += STEADY_SECONDS
        assert supervisor.running[0].process.poll() is None
    finally:
        supervisor.stop()
    assert "it is started again in 30 s" in told[-1]


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path):
    told, clock = [], Clock()
    supervisor = Supervisor(told.append, clock)
    supervisor.start(service(tmp_path, "sleep", "60"))
    log = tmp_path / "service.log"
    try:
        dead = kill(supervisor)
        log.unlink()
        log.mkdir()
        supervisor.look()
        assert "its log cannot be written" in told[-1]
        clock.now += pause_after(1)
        supervisor.look()
        assert "test service cannot be started, next try in 2 s" in told[-1]
        log.rmdir()
        clock.now += pause_after(2)
        supervisor.look()
        assert supervisor.running[0].process.pid != dead
        assert supervisor.running[0].process.poll() is None
    finally:
        supervisor.stop()


def test_stop_ends_what_a_killed_service_left_behind(tmp_path):
    pids = tmp_path / "pids"
    supervisor = Supervisor(clock=Clock())
    supervisor.start(service(tmp_path, sys.executable, "-c", PARENT.format(pids=str(pids))))
    deadline = time.monotonic() + 20
    while not (pids.exists() and pids.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    orphan = psutil.Process(int(pids.read_text()))
    kill(supervisor)
    supervisor.look()
    assert orphan.is_running(), "a run worker goes on without its code server"
    supervisor.stop(grace_seconds=5)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
