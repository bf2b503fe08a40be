"""The few file operations a publication is made of, as values, so that a test can fail each of them.

Nothing here knows about DuckDB or about names. Invariant: `replace` is the only operation that changes what a reader
sees, and it is atomic.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle of a folder; NTFS journals the rename itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        return
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)  # Windows refuses to delete a read-only file
    path.unlink()


def _protect(path: Path) -> None:
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def _stamp(path: Path, nanoseconds: int) -> None:
    os.utime(path, ns=(nanoseconds, nanoseconds))


@dataclass(frozen=True, slots=True)
class FileOps:
    """File operations of one platform.

    Attributes:
        write: create a small text file.
        copy: copy content, not mode.
        link: second name of the same file.
        sync: content to disk.
        sync_folder: names of a folder to disk.
        replace: give a file a name, atomically, whatever had it before.
        remove: remove a file or folder.
        protect: make a file read-only.
        stamp: set the modification time, nanoseconds since 1970.
        sleep: wait between two attempts, seconds.
        stable_name: whether a name that readers hold open can be replaced (POSIX).
    """

    write: Callable[[Path, str], None] = _write
    copy: Callable[[Path, Path], None] = _copy
    link: Callable[[Path, Path], None] = os.link
    sync: Callable[[Path], None] = _sync
    sync_folder: Callable[[Path], None] = _sync_folder
    replace: Callable[[Path, Path], None] = os.replace
    remove: Callable[[Path], None] = _remove
    protect: Callable[[Path], None] = _protect
    stamp: Callable[[Path, int], None] = _stamp
    sleep: Callable[[float], None] = time.sleep
    stable_name: bool = os.name == "posix"


LOCAL = FileOps()
"""The platform this process runs on."""

ATTEMPTS = 10
FIRST_WAIT_SECONDS = 0.02


def replace_patiently(source: Path, target: Path, files: FileOps) -> None:
    """Replace a file, again when Windows refuses because a reader or scanner has the target open for a moment.

    Raises:
        PermissionError: refused ten times over about ten seconds.
    """
    for attempt in range(ATTEMPTS):
        try:
            files.replace(source, target)
        except PermissionError:
            if attempt == ATTEMPTS - 1:
                raise
            files.sleep(FIRST_WAIT_SECONDS * 2**attempt)
        else:
            return
