"""How far the landing files have come: bronze, the tables computed from it, the published file.

Everything is read from the landing folder, the Delta tables and the DuckDB file; no event of Dagster is asked, so the
answer holds whoever did the work. Counts are kept by table version, so that looking again costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import OPEN_SUPPLIER_ORDERS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import DECISIONS, LOCATIONS, PRODUCTS, QUARANTINE
from inventory_assets.contracts.tables import NIGHTLY, TABLES
from inventory_assets.ingest.landing import list_landing
from inventory_assets.lakehouse.changes import changed_partitions
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.publish.publication import last_publication
from inventory_assets.publish.tables import SOURCES
from inventory_assets.settings import Settings

LOOKED_UP = frozenset({PRODUCTS.path, LOCATIONS.path, DECISIONS.path, QUARANTINE.path})
"""Inputs that are only looked up: their rows alone make no row of a table."""

Stage = Literal["empty", "ingesting", "computing", "publishing", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work stands.

    Attributes:
        files_found: landing files there are.
        files_waiting: those of them bronze does not hold, by path.
        unrecognised: files of the landing folder that belong to no feed, with the reason.
        rows: rows by table path, of tables that exist.
        behind: tables that have not taken in the newest version of what they are computed from.
        unpublished: tables whose newest version the DuckDB file does not carry.
        stopped_orders: open supplier order lines overdue for so long that they count as on order no more.
    """

    files_found: int
    files_waiting: tuple[str, ...]
    unrecognised: tuple[tuple[str, str], ...]
    rows: Mapping[str, int]
    behind: tuple[str, ...]
    unpublished: tuple[str, ...]
    stopped_orders: int = 0

    @property
    def stage(self) -> Stage:
        """The first thing that is not finished."""
        if self.files_waiting:
            return "ingesting"
        if not self.rows:
            return "empty"
        if self.behind:
            return "computing"
        return "publishing" if self.unpublished else "done"

    @property
    def layer_rows(self) -> dict[str, int]:
        """Rows by layer, in the order data flows."""
        layers = dict.fromkeys((table.layer for table in TABLES.values()), 0)
        for path, rows in self.rows.items():
            layers[TABLES[path].layer] += rows
        return layers

    @property
    def mark(self) -> tuple[object, ...]:
        """Something that changes whenever the work moves on."""
        return (len(self.files_waiting), tuple(self.rows.items()), self.behind, self.unpublished)


class Watch:
    """Looks at one installation, remembering what cannot have changed."""

    def __init__(self, settings: Settings) -> None:
        """Keep where things are; nothing is read yet."""
        self._settings = settings
        self._lake = Lake(settings.lake, settings.secret_options)
        self._stopped: tuple[int, int] | None = None
        self._rows: dict[str, tuple[int, int]] = {}
        self._files: dict[str, tuple[int, frozenset[str]]] = {}
        self._taken: dict[tuple[str, str], tuple[int, int | None]] = {}
        self._changed: dict[str, dict[tuple[int, int], bool]] = {}

    def look(self) -> Progress:
        """Read where the work stands now."""
        listing = list_landing(self._settings.landing, self._settings.secret_options)
        versions = self._lake.pins(TABLES.values())
        held = {feed: self._held(table, versions.get(table.path)) for feed, table in BRONZE.items()}
        published = last_publication(self._settings.serving)
        carried = published.versions if published is not None else {}
        return Progress(
            files_found=len(listing.files),
            files_waiting=tuple(file.path for file in listing.files if file.path not in held[file.feed]),
            unrecognised=tuple((other.path, other.reason) for other in listing.unrecognised),
            rows={path: self._count(TABLES[path], version) for path, version in versions.items()},
            behind=tuple(
                path for path, table in TABLES.items() if path not in NIGHTLY and self._is_behind(table, versions)
            ),
            unpublished=tuple(
                path for path in dict.fromkeys(SOURCES.values()) if versions.get(path) != carried.get(path)
            ),
            stopped_orders=self._stopped_orders(versions.get(OPEN_SUPPLIER_ORDERS.path)),
        )

    def _held(self, table: Table, version: int | None) -> frozenset[str]:
        if version is None:
            return frozenset()
        known = self._files.get(table.path)
        if known is None or known[0] != version:
            files = self._lake.scan(table, version).select(pl.col("source_file").unique()).collect()
            known = self._files[table.path] = (version, frozenset(files["source_file"].to_list()))
        return known[1]

    def _stopped_orders(self, version: int | None) -> int:
        if version is None:
            return 0
        if self._stopped is None or self._stopped[0] != version:
            stopped = self._lake.scan(OPEN_SUPPLIER_ORDERS, version).filter(pl.col("reason") == "overdue")
            self._stopped = (version, int(stopped.select(pl.len()).collect().item()))
        return self._stopped[1]

    def _count(self, table: Table, version: int) -> int:
        known = self._rows.get(table.path)
        if known is None or known[0] != version:
            rows = self._lake.scan(table, version).select(pl.len()).collect().item()
            known = self._rows[table.path] = (version, int(rows))
        return known[1]

    def _is_behind(self, table: Table, versions: Mapping[str, int]) -> bool:
        """Whether something its inputs hold is not in the table.

        A relation that the table has never recorded, while it has recorded others, carries no data of its own.
        """
        sources = [TABLES[path] for path in table.upstream if path in versions]
        rows_of = [source for source in sources if source.path not in LOOKED_UP]
        if table.path not in versions:
            return any(self._count(source, versions[source.path]) for source in rows_of)
        taken = {source.path: self._consumed(table, versions[table.path], source) for source in sources}
        if all(version is None for version in taken.values()):
            return any(self._count(source, versions[source.path]) for source in sources)
        return any(
            after is not None and self._has_changed(TABLES[path], after, versions[path])
            for path, after in taken.items()
        )

    def _consumed(self, table: Table, version: int, source: Table) -> int | None:
        known = self._taken.get((table.path, source.path))
        if known is None or known[0] != version:
            known = self._taken[table.path, source.path] = (version, self._lake.consumed(table, source))
        return known[1]

    def _has_changed(self, table: Table, after: int, upto: int) -> bool:
        if after == upto:
            return False
        known = self._changed.get(table.path, {})
        if (after, upto) not in known:
            found = changed_partitions(self._lake.uri(table), table, after, upto, self._lake.storage_options)
            known = self._changed[table.path] = {**known, (after, upto): found is None or bool(found)}
        return known[after, upto]


def progress(settings: Settings) -> Progress:
    """Where the work stands; for a loop, keep a `Watch`."""
    return Watch(settings).look()
