"""Storage that fails at the n-th call: every read, write and commit of a load, a refresh and a publication passes here.

The calls are the real ones; only the chosen one is cut short, before it takes effect or just after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from inventory_assets.lakehouse import files as data_files
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline import ingest as ingestion
from inventory_assets.publish.files import LOCAL, FileOps

READS: tuple[tuple[Any, str], ...] = (
    (ingestion, "list_landing"),
    (ingestion, "find_landing"),
    (ingestion, "read_bytes"),
    (Lake, "open"),
    (Inputs, "_read"),
)
WRITES: tuple[tuple[Any, str], ...] = (
    (data_files, "_sink"),
    (Lake, "_create"),
    (Lake, "_commit"),
    (Inputs, "_save"),
)
OPERATIONS = tuple(field.name for field in fields(FileOps) if field.name not in ("sleep", "stable_name"))


class PowerCutError(RuntimeError):
    """The storage call of the moment."""


@dataclass(frozen=True, slots=True)
class Call:
    """One storage call of a recorded run: its place in the order, its name, and whether it changes anything."""

    place: int
    name: str
    writes: bool


class Storage:
    """Counts the storage calls made under it and cuts one of them.

    Attributes:
        calls: calls made, in order.
    """

    def __init__(self, fail_at: int = -1, *, after: bool = False) -> None:
        self.calls: list[Call] = []
        self._fail_at, self._after = fail_at, after

    def pass_through(self, real: Callable[..., Any], name: str, *, writes: bool) -> Callable[..., Any]:
        """The call, counted, and cut when its turn has come."""

        def call(*arguments: Any, **options: Any) -> Any:
            place = len(self.calls)
            self.calls.append(Call(place, name, writes))
            if place == self._fail_at and not self._after:
                raise PowerCutError(name)
            answer = real(*arguments, **options)
            if place == self._fail_at:
                raise PowerCutError(name)
            return answer

        return call

    @contextmanager
    def installed(self) -> Iterator[None]:
        """All storage goes through here until the end of the block."""
        kept = [(owner, name, getattr(owner, name)) for owner, name in (*READS, *WRITES)]
        operations = [(name, getattr(LOCAL, name)) for name in OPERATIONS]
        try:
            for owner, name, real in kept:
                setattr(owner, name, self.pass_through(real, name, writes=(owner, name) in WRITES))
            for name, real in operations:
                object.__setattr__(LOCAL, name, self.pass_through(real, f"publish.{name}", writes=True))
            yield
        finally:
            for owner, name, real in kept:
                setattr(owner, name, real)
            for name, real in operations:
                object.__setattr__(LOCAL, name, real)
