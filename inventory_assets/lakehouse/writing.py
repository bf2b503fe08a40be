"""One process of a machine writes the lake at a time, however it was started.

Dagster's pool keeps queued runs apart; a run started past the queue (`dagster asset materialize`, `dagster job
execute`, a test) knows no pool. Two writers would each compute from versions the other is replacing, and the older one
could commit last. The lock is the kernel's: it ends with the process, whatever ends it. Between machines that share a
lake only Dagster's pool stands.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_SECONDS = 0.2


class LakeBusyError(RuntimeError):
    """Another process kept writing the lake for longer than was waited."""


@contextmanager
def sole_writer(
    lock: Path, say_waiting: Callable[[], None] = lambda: None, wait_seconds: float | None = None
) -> Iterator[None]:
    """Hold the lock; wait for it as long as another process has it.

    Args:
        lock: the lock file, made where missing.
        say_waiting: called once if the lock is taken.
        wait_seconds: how long to wait at most; None for ever.

    Raises:
        LakeBusyError: the wait was over.
        OSError: the file cannot be made or locked; the message names it.
    """
    ends = None if wait_seconds is None else time.monotonic() + wait_seconds
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        said = False
        while not _taken(descriptor):
            if not said:
                say_waiting()
                said = True
            if ends is not None and time.monotonic() >= ends:
                raise LakeBusyError(f"another process writes the lake; waited {wait_seconds:g} s")
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
