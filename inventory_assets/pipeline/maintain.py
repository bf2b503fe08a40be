"""Keeping the lake small and its past days readable: which tables, what is kept, in which order.

How one table is compacted or cleaned is `lakehouse.maintenance`; that nothing else writes meanwhile is `defs.lane`.
Decisions are people's work: their table is neither compacted, cleaned nor restored. Invariant: no row and no day
changes, versions that a tag or a reader needs stay, and what stopped half-way is finished by the next time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import PEOPLES_TABLES, TABLES
from inventory_assets.lakehouse.changes import written_bytes
from inventory_assets.lakehouse.lake import Lake, LakeConflictError
from inventory_assets.lakehouse.maintenance import (
    Figures,
    compact,
    consumption,
    crowded_days,
    figures,
    leftovers,
    mergeable,
    remove,
    same_rows,
    settle,
    trim_log,
)
from inventory_assets.lakehouse.tags import Tag, Tags
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.settings import MaintenanceSettings

TIDY_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was done to a table, or would be.

    Attributes:
        table: its path.
        before: what it occupied.
        after: what it occupies now; None in a dry run.
        merged: small files merged away.
        removed: files removed.
        removed_bytes: bytes in them.
        problem: why it was left, empty where it was not.
    """

    table: str
    before: Figures
    after: Figures | None
    merged: int
    removed: int
    removed_bytes: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes that were written since the last tag, and by how much the lake grew."""

    written: int
    grown: int


def maintained_tables(lake: Lake, wanted: Collection[str] = ()) -> list[Table]:
    """Tables that exist and are maintained, all or those named by path."""
    return [
        table
        for path, table in TABLES.items()
        if table not in PEOPLES_TABLES and (not wanted or path in wanted) and lake.version(table) is not None
    ]


def maintain(
    workspace: Workspace, settings: MaintenanceSettings, wanted: Collection[str] = (), *, dry_run: bool = False
) -> list[Maintained]:
    """Merge small files, remove files nobody needs, shorten the logs.

    A table that cannot be maintained is named and left; the others are.

    Args:
        workspace: stores and clock.
        settings: sizes and times.
        wanted: paths of the tables, none for all.
        dry_run: only say what would be done.
    """
    from deltalake.exceptions import DeltaError

    lake, now = workspace.lake, workspace.now()
    tables = maintained_tables(lake, wanted)
    before = {table.path: found for table in tables if (found := figures(lake, table)) is not None}
    merged: dict[str, int] = {}
    problems: dict[str, str] = {}
    for table in tables:
        if dry_run:
            merged[table.path] = sum(mergeable(lake, table, settings.target_bytes).values())
            continue
        try:
            merged[table.path] = compact(lake, table, settings.target_bytes)
        except (DeltaError, OSError) as error:
            problems[table.path] = f"not compacted: {error}"
    if dry_run:
        taken = consumption(lake, TABLES.values())
    else:
        taken = settle(lake, TABLES.values())
        move_tags(lake)
        if not Tags(lake).all():
            tag_versions(workspace, settings)
    kept = versions_to_keep(lake, taken)
    done = []
    for table in tables:
        files = []
        try:
            files = leftovers(lake, table, settings.retention_hours, kept.get(table.path, ()))
            if not dry_run:
                remove(lake, table, files)
                trim_log(lake, table, settings.kept_log_days, kept.get(table.path, ()), now)
        except (DeltaError, OSError, LakeConflictError) as error:
            problems[table.path] = f"{problems.get(table.path, '')} not cleaned: {error}".strip()
        done.append(
            Maintained(
                table=table.path,
                before=before[table.path],
                after=None if dry_run else figures(lake, table),
                merged=merged.get(table.path, 0),
                removed=len(files),
                removed_bytes=sum(file.size for file in files),
                problem=problems.get(table.path, ""),
            )
        )
    return done


def versions_to_keep(lake: Lake, taken: Mapping[str, Mapping[str, int]]) -> dict[str, set[int]]:
    """Older versions that stay readable, by path of the table: tagged ones, and those a reader took in last.

    Args:
        lake: the lake.
        taken: version by path of the input, by path of the reader.
    """
    kept: dict[str, set[int]] = {}
    for tag in Tags(lake).all():
        for path, version in tag.versions.items():
            kept.setdefault(path, set()).add(version)
    for inputs in taken.values():
        for path, version in inputs.items():
            kept.setdefault(path, set()).add(version)
    return kept


def tag_versions(workspace: Workspace, settings: MaintenanceSettings) -> None:
    """Tag today (UTC) with the newest versions, where they moved since the last tag."""
    tags, pins = Tags(workspace.lake), workspace.lake.pins(TABLES.values())
    last = tags.newest()
    if pins and (last is None or last.versions != pins):
        tags.put(workspace.now(), pins, settings.keep_days)


def move_tags(lake: Lake) -> None:
    """Let tags name the newest version of tables whose rows did not change since, so that compacted files can go."""
    tags, pins = Tags(lake), lake.pins(TABLES.values())
    held = tags.all()
    pairs = {(path, version) for tag in held for path, version in tag.versions.items()}
    same = {
        (path, version)
        for path, version in pairs
        if path in pins and version < pins[path] and same_rows(lake, TABLES[path], version, pins[path])
    }
    if same:
        tags.write([replace(tag, versions=_moved(tag, same, pins)) for tag in held])


def _moved(tag: Tag, same: Collection[tuple[str, int]], pins: Mapping[str, int]) -> dict[str, int]:
    return {path: pins[path] if (path, version) in same else version for path, version in tag.versions.items()}


def written_since(lake: Lake, tag: Tag | None) -> Written:
    """Bytes written since a tag, and by how much the newest versions grew; commits gone from the log count nothing."""
    before: Mapping[str, int] = tag.versions if tag is not None else {}
    written = grown = 0
    for path, version in lake.pins(TABLES.values()).items():
        found = written_bytes(lake.uri(TABLES[path]), before.get(path, -1), version, lake.storage_options)
        if found is not None:
            written += found[0]
            grown += found[1]
    return Written(written, grown)


def after_refresh(workspace: Workspace, settings: MaintenanceSettings) -> Written:
    """What a refresh does at its end: tag its versions, and once an hour remove what was replaced long enough ago."""
    last = Tags(workspace.lake).newest()
    written = written_since(workspace.lake, last)
    tag_versions(workspace, settings)
    if last is None or _hour(last.at) != _hour(workspace.now()):
        tidy(workspace, settings)
    return written


def tidy(workspace: Workspace, settings: MaintenanceSettings) -> int:
    """Remove files nobody needs any more, without compaction; returns their number."""
    lake, removed = workspace.lake, 0
    kept = versions_to_keep(lake, consumption(lake, TABLES.values()))
    for table in maintained_tables(lake):
        files = leftovers(lake, table, settings.retention_hours, kept.get(table.path, ()))
        remove(lake, table, files)
        removed += len(files)
    return removed


def relieve(
    workspace: Workspace,
    settings: MaintenanceSettings,
    report: Report,
    tables: Iterable[Table] = tuple(BRONZE.values()),
) -> int:
    """Merge the small files of bronze days that were just written and hold too many of them; returns files merged.

    It happens before anything reads these days, so no reader falls behind by it.
    """
    merged = 0
    for table in tables:
        days = report.replaced[table.path].days if table.path in report.replaced else {}
        crowded = crowded_days(workspace.lake, table, days, settings.crowded_files, settings.crowded_bytes)
        merged += compact(workspace.lake, table, settings.crowded_bytes, crowded)
    return merged


def _hour(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() // TIDY_EVERY.total_seconds())
