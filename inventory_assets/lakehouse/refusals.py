"""A store that refuses for want of room or of rights: told from other errors, and said so that a person can act.

Polars, delta-rs, DuckDB and Python each say it in their own words. Invariant: an error that is something else passes
through unchanged.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Refusal = Literal["room", "rights"]

NUMBERS: dict[int, Refusal] = {
    errno.ENOSPC: "room", errno.EDQUOT: "room", errno.EACCES: "rights", errno.EPERM: "rights", errno.EROFS: "rights",
}  # fmt: skip
WORDS: dict[str, Refusal] = {
    "no space left on device": "room", "disk quota exceeded": "room", "database or disk is full": "room",
    "permission denied": "rights", "operation not permitted": "rights", "read-only file system": "rights",
}  # fmt: skip
LONGEST_REASON = 300
FULL_BYTES = 1_000_000
"""Less than this free just after a write failed: it failed for want of room, whatever the writer says."""


class StorageRefusedError(RuntimeError):
    """Nothing can be written or read for want of room or of rights; what is stored stays as it was."""


def refusal(error: BaseException) -> Refusal | None:
    """What a store refused a write for, None where the error is another one.

    Args:
        error: the error; those it came from are looked at too.
    """
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        number = getattr(now, "errno", None)
        if number in NUMBERS:
            return NUMBERS[number]
        text = str(now).lower()
        for words, kind in WORDS.items():
            if words in text:
                return kind
        now = now.__cause__ or now.__context__
    return None


def is_full(place: str) -> bool:
    """Whether a folder's disk is full, asked while everything that was written still lies there.

    Polars says of a full disk "File out of specification", so that its words tell nothing.
    """
    folder = _existing(place)
    return folder is not None and shutil.disk_usage(folder).free < FULL_BYTES


@contextmanager
def refusals_told(places: Iterable[str]) -> Iterator[None]:
    """Say of a refused write what is needed, and that the work goes on by itself.

    Args:
        places: folders or addresses that are written to.

    Raises:
        StorageRefusedError: in place of the error of whoever wrote.
    """
    try:
        yield
    except StorageRefusedError:
        raise
    except Exception as error:
        kind = refusal(error)
        if kind is None:
            raise
        raise StorageRefusedError(_message(kind, error, places)) from error


def _message(kind: Refusal, error: BaseException, places: Iterable[str]) -> str:
    reason = "; ".join([str(error).strip()[:LONGEST_REASON], *getattr(error, "__notes__", ())])
    goes_on = "Nothing is lost: what is stored stays as it was, and the next run goes on by itself"
    if kind == "rights":
        return (
            f"a folder cannot be used: {reason}. Give this user the rights there (`inventory doctor` names the "
            f"folders). {goes_on}."
        )
    room = "; ".join(f"{place}: {_free(place)}" for place in places)
    return f"no space left: {reason}. Free: {room}. Make room. {goes_on} once there is some."


def _free(place: str) -> str:
    folder = _existing(place)
    return "unknown" if folder is None else f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB"


def _existing(place: str) -> Path | None:
    """The folder, or the nearest one above it that is there; None for an object store."""
    return None if "://" in place else next((p for p in (Path(place), *Path(place).parents) if p.exists()), None)
