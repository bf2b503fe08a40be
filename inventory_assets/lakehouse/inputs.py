"""What a bronze table holds: the identities of its inputs, and the append that takes each of them once.

The truth is the table itself (its columns `source_file`, `content_hash`). The manifest beside the lake answers the
question quickly; it carries the version it was caught up to and is rebuilt from the table whenever it is behind.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.lakehouse.lake import Commit, Lake

IDENTITY = ["source_file", "content_hash"]
MANIFEST = pl.Schema(
    {
        "source_file": pl.String(),
        "content_hash": pl.String(),
        "size": pl.Int64(),
        "modified": INSTANT,
        "version": pl.Int64(),
    }
)


@dataclass(frozen=True, slots=True)
class Input:
    """One input: a file at a path with a content; size and modification time are hints for the next listing."""

    source_file: str
    content_hash: str
    size: int
    modified: datetime


class Inputs:
    """Inputs of one bronze table."""

    def __init__(self, lake: Lake, table: Table) -> None:
        """Name the table; nothing is read yet."""
        self._lake = lake
        self._table = table
        self._uri = f"{lake.root}/_manifest/{table.name}.parquet"

    def known(self) -> pl.DataFrame:
        """Every input the table holds, schema `MANIFEST`; size and time null where only the table knows it."""
        version = self._lake.version(self._table)
        if version is None:
            return pl.DataFrame(schema=MANIFEST)
        manifest = self._read()
        if manifest is not None and manifest["version"].max() == version:
            return manifest
        held = self._lake.scan(self._table, version).select(IDENTITY).unique().collect()
        hints = manifest if manifest is not None else pl.DataFrame(schema=MANIFEST)
        caught_up = (
            held.join(hints.drop("version"), on=IDENTITY, how="left")
            .with_columns(version=pl.lit(version, pl.Int64))
            .select(list(MANIFEST))
            .sort(IDENTITY)
        )
        self._save(caught_up)
        return caught_up

    def append_once(self, frame: pl.DataFrame, inputs: Collection[Input]) -> Commit | None:
        """Append the rows of those inputs the table does not hold, in one commit.

        Args:
            frame: bronze rows of all `inputs`.
            inputs: their identities; rows of other identities are a mistake of the caller.

        Returns:
            The commit, None when every input was held already.

        Raises:
            ValueError: a row belongs to none of the inputs.
            ContractError: the rows break the contract; nothing was written.
        """
        offered = pl.DataFrame(
            [(i.source_file, i.content_hash, i.size, i.modified) for i in inputs],
            schema={name: dtype for name, dtype in MANIFEST.items() if name != "version"},
            orient="row",
        )
        strangers = frame.select(IDENTITY).unique().join(offered, on=IDENTITY, how="anti")
        if strangers.height:
            raise ValueError(f"{self._table.path}: rows of inputs that were not named: {strangers.head(3).rows()}")
        known = self.known()
        fresh = offered.join(known, on=IDENTITY, how="anti")
        if fresh.is_empty():
            self.remember(inputs)
            return None
        rows = frame if fresh.height == offered.height else frame.join(fresh, on=IDENTITY, how="semi")
        commit = self._lake.append(self._table, rows)
        both = pl.concat([known.drop("version"), fresh]).with_columns(version=pl.lit(commit.version, pl.Int64))
        self._save(both.select(list(MANIFEST)).sort(IDENTITY))
        return commit

    def remember(self, inputs: Collection[Input]) -> None:
        """Keep size and modification time of inputs the table holds already, so that they are not hashed again."""
        known = self.known()
        seen = pl.DataFrame(
            [(i.source_file, i.content_hash, i.size, i.modified) for i in inputs],
            schema={name: dtype for name, dtype in MANIFEST.items() if name != "version"},
            orient="row",
        ).join(known, on=IDENTITY, how="semi")
        if seen.is_empty():
            return
        self._save(known.update(seen, on=IDENTITY, how="left").select(list(MANIFEST)).sort(IDENTITY))

    def _read(self) -> pl.DataFrame | None:
        try:
            manifest = pl.read_parquet(self._uri, storage_options=self._lake.storage_options or None)
        except (FileNotFoundError, OSError, pl.exceptions.ComputeError):
            return None  # a cache: missing or torn means it is built again from the table
        return manifest if manifest.schema == MANIFEST else None

    def _save(self, manifest: pl.DataFrame) -> None:
        if "://" not in self._uri:
            Path(self._uri).parent.mkdir(parents=True, exist_ok=True)
        manifest.write_parquet(self._uri, storage_options=self._lake.storage_options or None)
