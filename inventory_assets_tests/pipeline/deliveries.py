"""The same history cut into other files: rows shuffled, files split or merged, contents sent again under other names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.simulator.files import landing_files

if TYPE_CHECKING:
    from random import Random

    from inventory_assets.simulator import History
    from inventory_assets.simulator.dirt import FileSpec

LEAST_ROWS = 12
"""Rows of each part of a split file, so that no part is refused for its few bad cells."""


def recut(history: History, random: Random, *, split: float = 0.3, merge: float = 0.3) -> dict[str, bytes]:
    """Landing files with the rows of a history in other order and in other files.

    Files that are refused as a whole stay whole. Receipts without line numbers stay whole too, and are not put
    together with others: their lines are numbered within a file, so a receipt sent twice in one file is twice as long.
    """
    files = dict(history.files)
    rows = {}
    for feed, frame in history.rows.items():
        shuffled = frame.with_columns(_order=pl.Series([random.random() for _ in range(frame.height)])).sort("_order")
        where = _split(shuffled, files, random, split)
        where = _merged(where, files, random, merge)
        rows[feed] = where.sort("file", "_order").drop("_order")
    return dict(landing_files(replace(history, rows=rows, files=files)))


def again(contents: dict[str, bytes], random: Random, share: float) -> dict[str, bytes]:
    """Some of the contents under another name."""
    chosen = [path for path in sorted(contents) if random.random() < share]
    return {_renamed(path, "again"): contents[path] for path in chosen}


def _renamed(path: str, word: str) -> str:
    """A sibling's name; Capture files are named by seconds."""
    pure = PurePosixPath(path)
    if pure.suffix == ".avro":
        return str(pure.with_name(f"{int(pure.stem) + (20 if word == 'again' else 30):02d}.avro"))
    return str(pure.with_name(f"{pure.stem}-{word}{pure.suffix}"))


def _split(rows: pl.DataFrame, files: dict[str, FileSpec], random: Random, share: float) -> pl.DataFrame:
    parts = []
    for (path,), frame in rows.partition_by("file", as_dict=True, maintain_order=True).items():
        spec = files[str(path)]
        if spec.fault or frame.height < 2 * LEAST_ROWS or random.random() > share:
            parts.append(frame)
            continue
        second = _second_half(frame, random, whole_receipts=spec.feed == "pos" and "line_number" not in spec.columns)
        files[_renamed(str(path), "part")] = spec
        renamed = pl.when(second).then(pl.lit(_renamed(str(path), "part"))).otherwise("file")
        parts.append(frame.with_columns(renamed.alias("file")))
    return pl.concat(parts)


def _second_half(frame: pl.DataFrame, random: Random, *, whole_receipts: bool) -> pl.Series:
    if not whole_receipts:
        cut = random.randint(LEAST_ROWS, frame.height - LEAST_ROWS)
        return pl.Series([number >= cut for number in range(frame.height)])
    receipts = sorted(set(frame["transaction_id"].drop_nulls()))
    random.shuffle(receipts)
    return frame["transaction_id"].is_in(receipts[: len(receipts) // 2]).fill_null(value=False)


def _merged(rows: pl.DataFrame, files: dict[str, FileSpec], random: Random, share: float) -> pl.DataFrame:
    alike: dict[tuple, list[str]] = defaultdict(list)
    for path in sorted(set(rows["file"])):
        spec = files[path]
        if not spec.fault and (spec.feed != "pos" or "line_number" in spec.columns):
            alike[spec.feed, spec.format, spec.columns].append(path)
    into: dict[str, str] = {}
    for paths in alike.values():
        random.shuffle(paths)
        for first, second in zip(paths[::2], paths[1::2], strict=False):
            if random.random() < share:
                into[second] = first
    return rows.with_columns(pl.col("file").replace(into))
