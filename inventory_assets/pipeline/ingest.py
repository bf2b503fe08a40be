"""Landing files into bronze: a micro-batch is one commit of one bronze table."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.schemas import ContractError, check
from inventory_assets.ingest.bronze import FileRead, read_file, refused_file
from inventory_assets.ingest.landing import (
    LandingError,
    LandingFile,
    content_hash,
    find_landing,
    has_whole_footer,
    is_locked,
    list_landing,
    read_bytes,
)
from inventory_assets.ingest.planning import KnownFile, Limits, plan_tick
from inventory_assets.lakehouse.inputs import Input, Inputs
from inventory_assets.pipeline.released import take_in_released
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Planned:
    """What the next run takes in, and what a person should know about the rest.

    Attributes:
        files: files to take in.
        waiting: paths of files still being written.
        rewritten: paths whose content changed under their name; they are read again by command only.
        unrecognised: paths that belong to no feed, with the reason.
        locked: paths of files this user may not read; they are taken in once it may.
        remaining: new files left for later runs.
    """

    files: tuple[LandingFile, ...] = ()
    waiting: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    unrecognised: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    remaining: int = 0

    @property
    def identity(self) -> str:
        """Identity of the batch: the same files in the same state give the same."""
        named = "\n".join(f"{f.path}\t{f.size}\t{f.modified.isoformat()}" for f in self.files)
        return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()


@dataclass(slots=True)
class Ingested:
    """What a run took in."""

    report: Report
    warnings: list[str] = field(default_factory=list)
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    file: LandingFile
    result: FileRead

    @property
    def input(self) -> Input:
        """Identity of the file, with the hints for the next listing."""
        return Input(self.file.path, self.result.content_hash, self.file.size, self.file.modified)


def known_inputs(workspace: Workspace) -> dict[str, KnownFile]:
    """What bronze holds, by path; of a path read more than once, the content last seen there."""
    held = pl.concat([Inputs(workspace.lake, table).known() for table in BRONZE.values()])
    return {
        path: KnownFile(digest, size, modified)
        for path, digest, size, modified in held.sort("modified").drop("version").iter_rows()
    }


def plan(workspace: Workspace, settings: IngestSettings) -> Planned:
    """Look at the landing folder and plan the next run."""
    options = workspace.lake.storage_options
    listing = list_landing(workspace.landing, options)
    known = known_inputs(workspace)
    now = workspace.now()
    limits = Limits(settings.max_files_per_run, settings.max_bytes_per_run, settings.ready_after_seconds)
    tick = plan_tick(listing, known, now, limits)
    locked = {file.path for file in tick.files if is_locked(workspace.landing, file.path)}
    open_to_us = [file for file in tick.files if file.path not in locked]
    files = [file for file in open_to_us if _is_whole(workspace, file, now, settings.give_up_after_seconds)]
    halves = [file.path for file in open_to_us if file not in files]
    return Planned(
        files=tuple(files),
        waiting=(*(file.path for file in tick.waiting), *halves),
        rewritten=tuple(_rewritten(workspace, tick.rewritten)),
        unrecognised=tuple(f"{other.path}: {other.reason}" for other in listing.unrecognised),
        locked=tuple(sorted(locked)),
        remaining=len(tick.remaining),
    )


def ingest(
    workspace: Workspace, paths: Collection[str], *, batch_rows: int, last_attempt: bool = False, reread: bool = False
) -> Ingested:
    """Take landing files into bronze, and the rows of refused files that a person released.

    Args:
        workspace: stores, profiles, clock.
        paths: files, relative to the landing folder; those bronze holds already do nothing.
        batch_rows: rows of one commit, about.
        last_attempt: a file that cannot be read is recorded as unreadable instead of failing the run.
        reread: take in files whose content changed under their name.

    Raises:
        LandingError: the landing folder cannot be read.
        ContractError: rows break the bronze contract, and this is not the last attempt.
    """
    done = Ingested(Report(BRONZE.values()))
    wanted = set(paths)
    listed = find_landing(workspace.landing, wanted, workspace.lake.storage_options).files
    known = known_inputs(workspace)
    for feed, table in BRONZE.items():
        mine = [file for file in listed if file.feed == feed]
        fresh = [file for file in mine if reread or file.path not in known]
        for batch in _batches(workspace, fresh, batch_rows, last_attempt=last_attempt, warnings=done.warnings):
            frame = pl.concat([read.result.frame for read in batch])
            commit = Inputs(workspace.lake, table).append_once(frame, [read.input for read in batch])
            done.files += len(batch)
            if commit is not None:
                done.report.add(table, commit, list(commit.days))
    for table, commit, said in take_in_released(workspace):
        done.warnings += said
        if commit is not None:
            done.report.add(table, commit, list(commit.days))
    vanished = wanted - {file.path for file in listed}
    done.warnings += [f"{path} is gone from the landing folder and was not read" for path in sorted(vanished)]
    return done


def _batches(
    workspace: Workspace, files: Sequence[LandingFile], batch_rows: int, *, last_attempt: bool, warnings: list[str]
) -> Iterator[list[_Read]]:
    """Read files and hand them out in batches of bounded size."""
    batch: list[_Read] = []
    rows = 0
    for file in files:
        read = _read(workspace, file, last_attempt=last_attempt, warnings=warnings)
        if read is None:
            continue
        if batch and rows + read.result.frame.height > batch_rows:
            yield batch
            batch, rows = [], 0
        batch.append(read)
        rows += read.result.frame.height
    if batch:
        yield batch


def _read(workspace: Workspace, file: LandingFile, *, last_attempt: bool, warnings: list[str]) -> _Read | None:
    try:
        content = read_bytes(workspace.landing, file.path, workspace.lake.storage_options)
    except LandingError as error:
        warnings.append(f"{file.path} was not read: {error}")
        return None
    now = workspace.now()
    try:
        result = read_file(content, file, workspace.profiles, now)
        if last_attempt:
            check(result.frame, BRONZE[file.feed])
    except (ContractError, ValueError, ArithmeticError, LookupError, pl.exceptions.PolarsError) as error:
        if not last_attempt:
            raise
        words = f"reading failed again and again: {type(error).__name__}: {error}"
        result = refused_file(file, content_hash(content), "file:unreadable", words, now)
    if result.refused:
        warnings.append(f"{file.path} was refused: {result.refused}")
    warnings += [f"{file.path}: {warning}" for warning in result.warnings]
    if result.added_columns:
        warnings.append(f"{file.path}: new columns kept in extra_columns: {', '.join(result.added_columns)}")
    return _Read(file, result)


def _is_whole(workspace: Workspace, file: LandingFile, now: datetime, give_up_after_seconds: float) -> bool:
    """Whether a file with a footer has it; without one it is read after a while, to be recorded as unreadable."""
    if not file.path.endswith((".parquet", ".avro")):
        return True
    if (now - file.modified).total_seconds() > give_up_after_seconds:
        return True
    try:
        content = read_bytes(workspace.landing, file.path, workspace.lake.storage_options)
    except LandingError:
        return False
    return has_whole_footer(content, file.path)


def _rewritten(workspace: Workspace, touched: Sequence[LandingFile]) -> Iterator[str]:
    """Paths whose content bronze does not hold under them; content it holds is remembered with its new time."""
    for file in touched:
        try:
            digest = content_hash(read_bytes(workspace.landing, file.path, workspace.lake.storage_options))
        except LandingError:
            continue
        inputs = Inputs(workspace.lake, BRONZE[file.feed])
        held = inputs.known().filter(pl.col("source_file") == file.path)["content_hash"]
        if digest in held:
            inputs.remember([Input(file.path, digest, file.size, file.modified)])
        else:
            yield file.path
