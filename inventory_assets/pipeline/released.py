"""Refused files that a person released: their rows into bronze, one by one, from the landing file.

The decision comes first and stays; whether it is carried out is what bronze holds, so a run that dies in between is
repaired by the next one and a second release adds nothing. Which rows are good is silver's question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.ingest.bronze import FileRead, read_file, row_by_row_hash
from inventory_assets.ingest.landing import LandingError, LandingFile, content_hash, file_at, list_landing, read_bytes
from inventory_assets.lakehouse.inputs import Input, Inputs
from inventory_assets.lakehouse.lake import Commit
from inventory_assets.medallion.silver_deciding import last_decisions
from inventory_assets.pipeline.workspace import Workspace


class FileGoneError(RuntimeError):
    """A released file cannot be read row by row: it is gone, is another one by now, or has no rows."""


@dataclass(frozen=True, slots=True)
class ReadRowByRow:
    """A released file: what it is, and its rows."""

    file: LandingFile
    result: FileRead


def read_row_by_row(workspace: Workspace, source_file: str, digest: str) -> ReadRowByRow:
    """Read a refused file again, every row by itself.

    Args:
        workspace: stores, profiles, clock.
        source_file: its path below the landing folder.
        digest: content hash bronze knows it by.

    Raises:
        FileGoneError: it is not there with this content, or not a single row can be told from the others.
    """
    try:
        content = read_bytes(workspace.landing, source_file, workspace.lake.storage_options)
    except LandingError as error:
        raise FileGoneError(
            f"{source_file} is gone from the landing folder, and of a refused file bronze holds nothing but the "
            "reason; put the file back, or send it under a new name and discard this one"
        ) from error
    if content_hash(content) != digest:
        raise FileGoneError(
            f"{source_file} has other content by now than when it was refused; put the old file back, or take the new "
            f"one in with `inventory reread {source_file}` and discard this one"
        )
    now = workspace.now()
    file = file_at(source_file, content, now)
    try:
        result = read_file(content, file, workspace.profiles, now, row_by_row=True)
    except (ValueError, ArithmeticError, LookupError, pl.exceptions.PolarsError) as error:
        raise FileGoneError(f"{source_file} cannot be read: {type(error).__name__}: {error}") from error
    if result.refused is not None:
        raise FileGoneError(f"{source_file} has no row that could be read: {result.refused}")
    return ReadRowByRow(file, result)


def take_in_released(workspace: Workspace) -> Iterator[tuple[Table, Commit | None, list[str]]]:
    """Take in the rows of every released file that bronze does not hold row by row yet.

    Yields:
        The bronze table, its commit (None where the file could not be read), and what a person should know.
    """
    files = workspace.lake.scan(DECISIONS).filter(pl.col("row_number") == 0).collect()
    for (path, digest, _), last in sorted(last_decisions(files).items()):
        table = BRONZE[last["feed"]]
        inputs = Inputs(workspace.lake, table)
        rows = (pl.col("source_file") == path) & (pl.col("content_hash") == row_by_row_hash(digest))
        if last["action"] != "release" or inputs.known().filter(rows).height:
            continue
        try:
            read = read_row_by_row(workspace, path, digest)
        except FileGoneError as error:
            yield table, None, [f"released, but not read: {error}"]
            continue
        listed = list_landing(workspace.landing, workspace.lake.storage_options).files
        file = next((each for each in listed if each.path == path), read.file)
        row_input = Input(path, read.result.content_hash, file.size, file.modified)
        commit = inputs.append_once(read.result.frame, [row_input])
        yield table, commit, [f"{path} was read row by row: {warning}" for warning in read.result.warnings]
