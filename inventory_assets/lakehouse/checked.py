"""Rows on their way into a table: held against its contract, counted by day, handed on piece by piece.

delta-rs takes a stream of Arrow batches. A frame given as a whole would be turned into Arrow, and held, at once; a lazy
one is computed and checked while it is written. A piece that breaks the contract ends the stream before anything is
committed. Invariant: no row reaches the writer that was not checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from time import perf_counter

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import ContractError, check, conform, empty

CHECK_ROWS = 262_144
"""Rows of a lazy frame that are checked together."""
BATCH_ROWS = 65_536
"""Rows given to the writer at a time."""


class Checked:
    """A frame as a stream of checked Arrow batches; it can be read again.

    Attributes:
        days: rows handed on by day in the last reading; all under None where the table has no days.
        seconds: time spent in checks.
        broken: the contract error that ended the last reading.
    """

    def __init__(self, table: Table, frame: pl.DataFrame | pl.LazyFrame) -> None:
        """Name table and rows; nothing is computed yet."""
        self.days: Counter[date | None] = Counter()
        self.seconds = 0.0
        self.broken: ContractError | None = None
        self._table = table
        self._frame = frame

    def all(self) -> None:
        """Check a frame in memory as a whole, so that nothing is begun with a wrong one.

        Raises:
            ContractError: the rows break the contract.
        """
        self._frame = self._checked(self._frame.lazy().collect())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as an Arrow stream."""
        import pyarrow as pa

        self.days.clear()
        # views of texts, as Polars holds them: older layouts are copies that cost as much as the writing
        layout = pl.CompatLevel.newest()
        schema = empty(self._table).to_arrow(compat_level=layout).schema
        batches = (
            batch
            for piece in self._pieces()
            for start in range(0, piece.height, BATCH_ROWS)
            for batch in piece.slice(start, BATCH_ROWS).to_arrow(compat_level=layout).to_batches()
        )
        return pa.RecordBatchReader.from_batches(schema, batches).__arrow_c_stream__(requested_schema)

    def _pieces(self) -> Iterator[pl.DataFrame]:
        if isinstance(self._frame, pl.DataFrame):
            self._count(self._frame)
            yield self._frame
            return
        for piece in self._frame.collect_batches(chunk_size=CHECK_ROWS, lazy=True, engine="streaming"):
            try:
                rows = self._checked(piece)
            except ContractError as error:
                self.broken = error
                raise
            self._count(rows)
            yield rows

    def _checked(self, rows: pl.DataFrame) -> pl.DataFrame:
        started = perf_counter()
        try:
            return check(conform(rows, self._table), self._table)
        finally:
            self.seconds += perf_counter() - started

    def _count(self, rows: pl.DataFrame) -> None:
        if "event_date" in rows.columns:
            self.days.update(dict(rows.group_by("event_date").len().iter_rows()))
        else:
            self.days[None] += rows.height
