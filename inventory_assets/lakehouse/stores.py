"""Files below a root, on a folder of this machine or on an object store: list, look for, delete, read, replace whole.

What belongs here: bytes and names. What does not: what a file means (`maintenance`, `tags`, `ingest.landing`). The
invariant: a file written here is seen whole or as it was before, never half.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


class UnknownStoreError(RuntimeError):
    """The address names a kind of store that is not known."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file below a root: its path there, its bytes, and when it was last written."""

    path: str
    size: int
    modified: datetime


def store_at(root_uri: str, options: Mapping[str, str]) -> tuple[FileSystem, str]:
    """File system and base path of an object store; the same store is connected to once.

    Raises:
        UnknownStoreError: the scheme is none of s3, s3a, abfs, abfss.
    """
    parts = urlsplit(root_uri)
    container, _, host = parts.netloc.rpartition("@")
    given = {name.lower(): value for name, value in options.items()}
    store = _connected(parts.scheme, host, frozenset(given.items()))
    return store, f"{container or host}/{parts.path.strip('/')}".rstrip("/")


@lru_cache(maxsize=8)
def _connected(scheme: str, host: str, options: frozenset[tuple[str, str]]) -> FileSystem:
    from pyarrow import fs

    given = dict(options)
    if scheme in {"s3", "s3a"}:
        endpoint = given.get("aws_endpoint_url") or given.get("aws_endpoint")
        secure = endpoint is None or not endpoint.startswith("http://")
        return fs.S3FileSystem(
            access_key=given.get("aws_access_key_id"),
            secret_key=given.get("aws_secret_access_key"),
            session_token=given.get("aws_session_token"),
            region=given.get("aws_region") or given.get("aws_default_region"),
            endpoint_override=endpoint.split("://")[-1] if endpoint else None,
            scheme="https" if secure else "http",
        )
    if scheme in {"abfs", "abfss"}:
        account = given.get("azure_storage_account_name") or host.split(".", 1)[0]
        return fs.AzureFileSystem(account, account_key=given.get("azure_storage_account_key"))
    raise UnknownStoreError(f"{scheme}://{host}: unknown kind of store `{scheme}`; use a path, s3:// or abfss://")


def are_there(uris: Sequence[str], options: Mapping[str, str]) -> list[bool]:
    """Of each file of one store whether it exists."""
    if not uris or "://" not in uris[0]:
        return [Path(uri).exists() for uri in uris]
    from pyarrow.fs import FileType

    found = [store_at(uri, options) for uri in uris]
    infos = found[0][0].get_file_info([path for _, path in found])
    return [info.type == FileType.File for info in infos]


def list_files(uri: str, options: Mapping[str, str]) -> Iterator[StoredFile]:
    """Every file below a root; a root that does not exist has none."""
    if "://" not in uri:
        root = Path(uri)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # removed while we looked
                moment = datetime.fromtimestamp(status.st_mtime, UTC)
                yield StoredFile(path.relative_to(root).as_posix(), status.st_size, moment)
        return
    from pyarrow.fs import FileSelector, FileType

    filesystem, base = store_at(uri, options)
    for item in filesystem.get_file_info(FileSelector(base, allow_not_found=True, recursive=True)):
        if item.type == FileType.File:
            moment = item.mtime or datetime.fromtimestamp(0, UTC)
            yield StoredFile(item.path.removeprefix(f"{base}/"), item.size, moment)


def delete_files(uri: str, paths: Collection[str], options: Mapping[str, str]) -> None:
    """Delete files below a root; those that are gone already are no error."""
    if "://" not in uri:
        for path in paths:
            Path(uri, path).unlink(missing_ok=True)
        return
    filesystem, base = store_at(uri, options)
    for path in paths:
        try:
            filesystem.delete_file(f"{base}/{path}")
        except FileNotFoundError:
            continue


def read_whole(uri: str, options: Mapping[str, str]) -> bytes | None:
    """Bytes of one file, None where there is none."""
    try:
        if "://" not in uri:
            return Path(uri).read_bytes()
        filesystem, path = store_at(uri, options)
        with filesystem.open_input_stream(path) as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def replace_whole(uri: str, content: bytes, options: Mapping[str, str]) -> None:
    """Write one file in place of the one before; an object store does that in one step by itself."""
    if "://" in uri:
        filesystem, path = store_at(uri, options)
        with filesystem.open_output_stream(path) as stream:
            stream.write(content)
        return
    target = Path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"_{target.name}-{uuid4().hex}.tmp")
    try:
        with building.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        building.replace(target)
    finally:
        building.unlink(missing_ok=True)
