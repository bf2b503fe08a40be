"""The landing folder: which files lie there, what they are by their path, and their bytes.

A folder of this machine is read directly, an object store through pyarrow, imported only then. Which files are due is
decided in `planning`; what is in them is read in `bronze`.

Layout: `<feed>/[source=<system>/]…/<file>`; the folders between (year=/month=/day=, or those of Event Hubs Capture)
mean nothing here. Names that start with `_` or `.`, or end with `.tmp`, are being written and are not seen.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.sources import DEFAULT_SOURCE
from inventory_assets.lakehouse.stores import UnknownStoreError, store_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pyarrow.fs import FileSelector, FileSystem

EXTENSIONS: dict[str, str] = {
    ".csv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet", ".avro": "avro",
}  # fmt: skip
"""Format of each known file extension."""
SOURCE_PREFIX = "source="
AVRO_MAGIC, AVRO_SYNC_BYTES = b"Obj\x01", 16
PARQUET_MAGIC, PARQUET_LEAST_BYTES = b"PAR1", 12


class LandingError(RuntimeError):
    """The landing folder cannot be listed or read."""


@dataclass(frozen=True, slots=True, order=True)
class LandingFile:
    """One file of the landing folder.

    Attributes:
        path: relative to the landing root, with forward slashes; with the content hash, the identity of an input.
        feed: name of its feed.
        source_system: system that sent it.
        size: bytes.
        modified: when it was last written, UTC.
    """

    path: str
    feed: str
    source_system: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, order=True)
class Unrecognised:
    """A file that is none of ours, with the reason; it is reported and left where it is."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in the landing folder, both sorted by path."""

    files: tuple[LandingFile, ...]
    unrecognised: tuple[Unrecognised, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the store tells it."""

    path: str
    size: int
    modified: datetime


def content_hash(content: bytes) -> str:
    """BLAKE2b-128 of a file's bytes, hexadecimal."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def list_landing(root_uri: str, storage_options: Mapping[str, str] | None = None) -> Listing:
    """List all files below a landing root; a root that does not exist yet is empty.

    Args:
        root_uri: a local path, `file://`, `s3://bucket/prefix` or `abfss://container@account…/prefix`.
        storage_options: options of the object store, named as for the Delta tables.

    Raises:
        LandingError: the kind of store is unknown, or the store does not answer.
    """
    local = local_root(root_uri)
    if local is not None:
        return recognise(_local_entries(local))
    filesystem, base = object_store(root_uri, storage_options or {})
    return recognise(store_entries(filesystem, base))


def find_landing(root_uri: str, paths: Collection[str], storage_options: Mapping[str, str] | None = None) -> Listing:
    """The named files of a landing root, without looking at any other; those that are gone are left out.

    Args:
        root_uri: as of `list_landing`.
        paths: relative to the root.
        storage_options: options of the object store.

    Raises:
        LandingError: the kind of store is unknown, or the store does not answer.
    """
    local = local_root(root_uri)
    if local is not None:
        return recognise(_local_files(local, sorted(paths)))
    filesystem, base = object_store(root_uri, storage_options or {})
    return recognise(store_files(filesystem, base, [f"{base}/{path}" for path in sorted(paths)]))


def read_bytes(root_uri: str, path: str, storage_options: Mapping[str, str] | None = None) -> bytes:
    """Bytes of one landing file.

    Raises:
        LandingError: it is gone or cannot be read.
    """
    local = local_root(root_uri)
    try:
        if local is not None:
            return (local / path).read_bytes()
        filesystem, base = object_store(root_uri, storage_options or {})
        with filesystem.open_input_stream(f"{base}/{path}") as stream:
            return stream.read()
    except OSError as error:
        raise LandingError(f"landing file {path} cannot be read ({error}); put it back or list again") from error


def is_locked(root_uri: str, path: str) -> bool:
    """Whether a file is there that this user may not read; an object store says so only when it is read."""
    local = local_root(root_uri)
    return local is not None and (local / path).exists() and not os.access(local / path, os.R_OK)


def recognise(entries: Iterator[Entry]) -> Listing:
    """Tell landing files from others by their paths."""
    files: list[LandingFile] = []
    others: list[Unrecognised] = []
    for entry in entries:
        parts = entry.path.split("/")  # a folder of years holds many files, and pathlib takes its time
        if any(part.startswith(("_", ".")) for part in parts) or entry.path.endswith(".tmp"):
            continue
        if len(parts) == 1 or parts[0] not in FEEDS:
            others.append(Unrecognised(entry.path, f"no feed of that name; the folders are {', '.join(FEEDS)}"))
        elif _extension(parts[-1]) not in EXTENSIONS:
            others.append(Unrecognised(entry.path, f"unknown extension; known are {', '.join(EXTENSIONS)}"))
        else:
            files.append(LandingFile(entry.path, parts[0], source_of(parts), entry.size, entry.modified))
    return Listing(tuple(sorted(files)), tuple(sorted(others)))


def _extension(name: str) -> str:
    """Last extension of a file name in lower case, with its dot; empty where it has none."""
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if stem and dot else ""


def source_of(parts: Sequence[str]) -> str:
    """Source system by the folder `source=<system>` below the feed's, from the parts of a path."""
    folder = parts[1] if len(parts) > 2 else ""  # noqa: PLR2004 - feed, source, file
    return folder.removeprefix(SOURCE_PREFIX) or DEFAULT_SOURCE if folder.startswith(SOURCE_PREFIX) else DEFAULT_SOURCE


def file_at(path: str, content: bytes, modified: datetime, feed: str | None = None) -> LandingFile:
    """A landing file by its path alone, for files that do not lie in the landing folder.

    Raises:
        LandingError: neither the path nor the caller names a known feed.
    """
    pure = PurePosixPath(path)
    name = feed or pure.parts[0]
    if name not in FEEDS:
        raise LandingError(f"{path}: `{name}` is no feed; name one of {', '.join(FEEDS)}")
    return LandingFile(path, name, source_of(pure.parts), len(content), modified)


def is_complete(file: LandingFile, now: datetime, ready_after_seconds: float) -> bool:
    """Whether a file has not been written to for so long that its writer is done.

    A time of writing in the future is a clock that differs; its distance counts, so that such a file is not left.
    """
    return abs((now - file.modified).total_seconds()) >= ready_after_seconds


def has_whole_footer(content: bytes, path: str) -> bool:
    """Whether the end of a file that has a footer is there; True for formats without one."""
    kind = EXTENSIONS.get(PurePosixPath(path).suffix.lower())
    if kind == "parquet":
        framed = content.startswith(PARQUET_MAGIC) and content.endswith(PARQUET_MAGIC)
        return framed and 0 < int.from_bytes(content[-8:-4], "little") <= len(content) - PARQUET_LEAST_BYTES
    if kind == "avro":
        sync = _avro_sync(content) if content.startswith(AVRO_MAGIC) else None
        return sync is not None and content.endswith(sync)
    return True


def _avro_sync(content: bytes) -> bytes | None:
    """Marker that closes the header and every block (Avro 1.11, Object Container Files); None in half a header."""
    position = len(AVRO_MAGIC)

    def number() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = content[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follows
                return (value >> 1) ^ -(value & 1)

    try:
        while count := number():
            if count < 0:
                number()
            for _ in range(2 * abs(count)):
                length = number()
                position += max(length, 0)
    except IndexError:
        return None
    sync = content[position : position + AVRO_SYNC_BYTES]
    return sync if len(sync) == AVRO_SYNC_BYTES else None


def local_root(root_uri: str) -> Path | None:
    """Folder of a local root; None for an object store."""
    parts = urlsplit(root_uri)
    if parts.scheme == "file":
        return Path(parts.path)
    return None if "://" in root_uri else Path(root_uri)


def _local_entries(root: Path) -> Iterator[Entry]:
    """Files below a folder.

    Raises:
        LandingError: it is no folder, or a part of it cannot be listed.
    """
    pending = [""] if root.exists() else []
    while pending:
        folder = pending.pop()
        try:
            found = list(os.scandir(root / folder))
        except FileNotFoundError:
            continue  # removed while we looked
        except OSError as error:
            raise LandingError(f"landing folder {root / folder} cannot be listed ({error}); mend it") from error
        for item in found:
            path = f"{folder}/{item.name}" if folder else item.name
            if item.is_dir():
                if not item.name.startswith(("_", ".")):
                    pending.append(path)
            else:
                yield from _entry(path, item)


def _local_files(root: Path, paths: Iterable[str]) -> Iterator[Entry]:
    for path in paths:
        yield from _entry(path, root / path)


def _entry(path: str, file: os.DirEntry[str] | Path) -> Iterator[Entry]:
    """A regular file; nothing for anything else, and for what was removed while we looked."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise LandingError(
            f"landing file {path} cannot be looked at ({error}); mend the rights of its folder"
        ) from error
    if stat.S_ISREG(status.st_mode):
        yield Entry(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def store_entries(filesystem: FileSystem, base: str) -> Iterator[Entry]:
    """Files of an object store below a base path.

    Raises:
        LandingError: the store does not answer.
    """
    from pyarrow.fs import FileSelector

    return store_files(filesystem, base, FileSelector(base, allow_not_found=True, recursive=True))


def store_files(filesystem: FileSystem, base: str, wanted: FileSelector | list[str]) -> Iterator[Entry]:
    """Files of an object store that a selector or a list of paths names.

    Raises:
        LandingError: the store does not answer.
    """
    from pyarrow.fs import FileType

    try:
        found = filesystem.get_file_info(wanted)
    except OSError as error:
        raise LandingError(
            f"the landing folder {base} cannot be listed: {error}; check its address and options"
        ) from error
    prefix = base.rstrip("/") + "/"
    for item in found:
        if item.type == FileType.File:
            yield Entry(item.path.removeprefix(prefix), item.size, item.mtime or datetime.fromtimestamp(0, UTC))


def object_store(root_uri: str, options: Mapping[str, str]) -> tuple[FileSystem, str]:
    """File system and base path of an object store.

    Raises:
        LandingError: the scheme is none of s3, s3a, abfs, abfss.
    """
    try:
        return store_at(root_uri, options)
    except UnknownStoreError as error:
        raise LandingError(f"landing folder: {error}") from error
