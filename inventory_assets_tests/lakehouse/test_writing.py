"""One process writes at a time, and a dead one holds nobody up. Real processes, a real lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inventory_assets.lakehouse.writing import LOOK_SECONDS, sole_writer

HOLD = """
import sys, time
from pathlib import Path
from inventory_assets.lakehouse.writing import sole_writer
with sole_writer(Path(sys.argv[1]), lambda: print("waiting", flush=True)):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""
TURNS = """
import sys, time
from pathlib import Path
from inventory_assets.lakehouse.writing import sole_writer
for _ in range(10):
    with sole_writer(Path(sys.argv[1])), open(sys.argv[2], "a") as book:
        book.write("in\\n"), book.flush(), time.sleep(0.005), book.write("out\\n")
"""


@contextmanager
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that asks for the lock and keeps it until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """The next line the process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_process_says_that_it_waits_and_goes_on_when_the_first_is_done(tmp_path):
    lock = tmp_path / "data" / "lake.lock"
    with holder(lock) as first:
        assert said(first) == "held"
        with holder(lock) as second:
            assert said(second) == "waiting"
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(LOOK_SECONDS * 2)
            assert first.communicate("go on\n")[0] == "released\n"
            assert said(second) == "held"


def test_the_lock_ends_with_sigkill(tmp_path):
    lock = tmp_path / "lake.lock"
    waited = []
    with holder(lock) as first:
        assert said(first) == "held"
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        begun = time.monotonic()
        with sole_writer(lock, lambda: waited.append(True)):
            assert time.monotonic() - begun < 1
    assert waited == []


def test_turns_of_several_processes_never_overlap(tmp_path):
    lock, book = tmp_path / "lake.lock", tmp_path / "book"
    writers = [subprocess.Popen([sys.executable, "-c", TURNS, str(lock), str(book)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert book.read_text().split() == ["in", "out"] * 30


def test_a_lock_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "lake.lock").mkdir()
    with pytest.raises(OSError, match=r"lake\.lock"), sole_writer(tmp_path / "lake.lock"):
        pass
