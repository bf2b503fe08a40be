"""Names in the serving folder, and the switch from one published file to the next.

    serving/inventory-<publish id>.duckdb   published files, read-only
    serving/current                         name of the one that counts
    serving/inventory.duckdb                the same file under a stable name for BI tools (POSIX)
    serving/building-*                      work of a publication; leftovers of a crash go with the next one

What is in a file is not known here. Invariant: `current` and the stable name always name a whole file; the order is
content, its name, pointer, stable name, each on disk before the next. One publication at a time (a Dagster pool of 1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inventory_assets.publish.files import LOCAL, FileOps, replace_patiently

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

CURRENT = "current"
STABLE = "inventory.duckdb"
WORK = "building-"
_PUBLISHED = re.compile(r"inventory-[0-9A-Za-z][0-9A-Za-z._-]*\.duckdb")
_SECOND = 1_000_000_000
"""In nanoseconds, as file times are."""


class PublishError(RuntimeError):
    """A publication cannot go on; readers still have the file they had."""


class NothingPublishedError(PublishError):
    """The serving folder has no published file yet."""


def published_path(folder: Path, version: str) -> Path:
    """Path of a published file.

    Raises:
        PublishError: the version cannot stand in a file name.
    """
    name = f"inventory-{version}.duckdb"
    if not _PUBLISHED.fullmatch(name):
        raise PublishError(f"publish id {version!r} cannot stand in a file name: use letters, digits, dot, dash, _")
    return folder / name


def building_path(folder: Path, version: str) -> Path:
    """Private path on which a file is built; no reader looks at it."""
    return folder / f"{WORK}{published_path(folder, version).name}"


def current(folder: Path) -> Path | None:
    """The published file that counts, None before the first publication.

    Raises:
        PublishError: the pointer names something else than a published file of this folder.
    """
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if not _PUBLISHED.fullmatch(name):
        raise PublishError(f"{folder / CURRENT} names {name!r}, which is no published file; publish again")
    return folder / name


def resolve(folder: Path) -> Path:
    """The published file that counts.

    Raises:
        NothingPublishedError: there is none yet, or it was taken away.
    """
    path = current(folder)
    while path is not None and not path.exists():
        newer = current(folder)
        if newer == path:
            raise NothingPublishedError(f"{path} is gone although {CURRENT!r} names it; publish again")
        path = newer  # replaced and cleaned up between the two looks
    if path is None:
        raise NothingPublishedError(f"nothing is published in {folder} yet; materialise the publication first")
    return path


def stage(folder: Path, version: str, *, incremental: bool, files: FileOps = LOCAL) -> tuple[Path, bool]:
    """Make the folder ready for a build: leftovers go, the last file is copied where it is to be continued.

    Args:
        folder: serving folder, made where missing.
        version: publish id of the file to build.
        incremental: start from a copy of the published file.
        files: file operations.

    Returns:
        The private path to build on, and whether it holds a copy of the last publication.

    Raises:
        PublishError: the publish id is in use or cannot stand in a file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, last = building_path(folder, version), current(folder)
    if last == published_path(folder, version):
        raise PublishError(f"publish id {version} is published already; take a new one")
    _remove_leftovers(folder, last, files)
    if last is None or not last.exists():
        return target, False
    if files.stable_name:
        _name_stably(folder, last, files)
    if incremental:
        files.copy(last, target)
    return target, incremental


def switch(
    folder: Path, version: str, now: datetime, *, keep_files: int, keep_seconds: float, files: FileOps = LOCAL
) -> Path:
    """Publish the file built on the private path, then clean up old ones.

    Args:
        folder: serving folder.
        version: publish id given to `stage`.
        now: time of the publication; becomes the file's modification time.
        keep_files: newest files that are never cleaned up, the current one included; at least 1.
        keep_seconds: how long a replaced file stays at least, for readers about to open it.
        files: file operations.

    Returns:
        The published file.

    Raises:
        PublishError: the private file is missing or was not closed.
    """
    building, target, last = building_path(folder, version), published_path(folder, version), current(folder)
    if not building.exists() or building.with_name(f"{building.name}.wal").exists():
        raise PublishError(f"{building} is missing or still open; close the connection that built it first")
    moment = int(now.timestamp() * _SECOND)
    if last is not None and last.exists():  # file times order the publications, also when the clock steps back
        moment = max(moment, last.stat().st_mtime_ns + 1_000)
    files.sync(building)
    files.stamp(building, moment)
    files.protect(building)
    replace_patiently(building, target, files)
    files.sync_folder(folder)
    _point(folder, target, files)
    if files.stable_name:
        _name_stably(folder, target, files)
    clean(folder, moment, keep_files=keep_files, keep_seconds=keep_seconds, files=files)
    return target


def clean(folder: Path, now_ns: int, *, keep_files: int, keep_seconds: float, files: FileOps = LOCAL) -> list[Path]:
    """Remove files that are neither current, nor among the newest, nor replaced a short while ago.

    Returns:
        What was removed. A file a Windows reader holds open stays and is tried again next time.
    """
    last, newest_first = current(folder), _by_age(folder)
    replaced_ns = [now_ns, *(path.stat().st_mtime_ns for path in newest_first)]  # each by the one before it
    old = [
        path
        for position, path in enumerate(newest_first)
        if position >= max(keep_files, 1) and path != last and now_ns - replaced_ns[position] >= keep_seconds * _SECOND
    ]
    return [path for path in old if _try_remove(path, files)]


def _point(folder: Path, target: Path, files: FileOps) -> None:
    pointer = folder / f"{WORK}{CURRENT}"
    files.write(pointer, f"{target.name}\n")
    files.sync(pointer)
    replace_patiently(pointer, folder / CURRENT, files)
    files.sync_folder(folder)


def _name_stably(folder: Path, target: Path, files: FileOps) -> None:
    stable, work = folder / STABLE, folder / f"{WORK}{STABLE}"
    if stable.exists() and stable.stat().st_mtime_ns == target.stat().st_mtime_ns:
        return
    _discard(work, files)
    try:
        files.link(target, work)
    except OSError:  # a file system without hard links
        _discard(work, files)
        files.copy(target, work)
        files.sync(work)
        files.stamp(work, target.stat().st_mtime_ns)
        files.protect(work)
    replace_patiently(work, stable, files)
    files.sync_folder(folder)


def _discard(path: Path, files: FileOps) -> None:
    if path.exists():
        files.remove(path)


def _remove_leftovers(folder: Path, last: Path | None, files: FileOps) -> None:
    """Remove work files, and files that got their name but never became current."""
    never_current = _by_age(folder)
    if last is not None:  # without the file it names there is no telling which others were current once
        since = last.stat().st_mtime_ns if last.exists() else None
        never_current = [path for path in never_current if since is not None and path.stat().st_mtime_ns > since]
    for path in [*folder.glob(f"{WORK}*"), *never_current]:
        _try_remove(path, files)


def _try_remove(path: Path, files: FileOps) -> bool:
    try:
        files.remove(path)
    except PermissionError:  # held open by a reader on Windows; the next publication tries again
        return False
    return True


def _by_age(folder: Path) -> list[Path]:
    published = [path for path in folder.iterdir() if _PUBLISHED.fullmatch(path.name)]
    return sorted(published, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
