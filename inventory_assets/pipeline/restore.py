"""Back to a tagged day, and reading at one.

Restoring puts the rows of a tagged version back as a new version, and with them the versions of the inputs they were
computed from. So whatever came in since counts as not taken in, and the next refresh computes it again: the restored
rows are a starting point, not an island. Invariant: restore, then refresh, gives what an undisturbed lake has.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import ContractError, delta_schema
from inventory_assets.contracts.tables import PEOPLES_TABLES, TABLES
from inventory_assets.lakehouse.lake import FORGOTTEN, Lake, same_columns, taken_in
from inventory_assets.lakehouse.maintenance import is_readable, rewind, same_rows
from inventory_assets.lakehouse.tags import Tag, Tags, TagsError
from inventory_assets.pipeline.live_log import EPOCH, SEQUENCE
from inventory_assets.pipeline.workspace import Workspace


class RestoreError(RuntimeError):
    """A table cannot be set back; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What happened to a table.

    Attributes:
        table: its path.
        tagged: version that was tagged, None where the table did not exist then.
        version: the newest version now.
        outcome: what happened, in words.
    """

    table: str
    tagged: int | None
    version: int
    outcome: str


def restorable(lake: Lake, wanted: Collection[str] = ()) -> list[Table]:
    """Tables a restore means: those named, otherwise everything that is computed.

    Bronze is the memory and goes back only where it is named; decisions never.

    Raises:
        RestoreError: a name is no table, or that of the decisions.
    """
    unknown = sorted(set(wanted) - set(TABLES))
    if unknown:
        raise RestoreError(f"no such table: {', '.join(unknown)}; `inventory status` names them")
    decided = [table.path for table in PEOPLES_TABLES if table.path in wanted]
    if decided:
        raise RestoreError(
            f"{', '.join(decided)} is people's work and is not set back; take a decision that undoes them"
        )
    chosen = [TABLES[path] for path in TABLES if path in wanted] if wanted else [
        table for table in TABLES.values() if table.layer != "bronze" and table not in PEOPLES_TABLES
    ]  # fmt: skip
    return [table for table in chosen if lake.version(table) is not None]


def check_restorable(lake: Lake, day: date, wanted: Collection[str] = ()) -> tuple[Tag, list[Table]]:
    """The tag of a day and the tables a restore means, all of whose tagged versions can come back.

    Raises:
        TagsError: no tag is that old.
        RestoreError: a table is not known, or its tagged version cannot be read or has other columns.
    """
    tag = Tags(lake).on(day)
    tables = restorable(lake, wanted)
    for table in tables:
        if table.path in tag.versions:
            _check(lake, table, tag.versions[table.path], day)
    return tag, tables


def restore(workspace: Workspace, day: date, wanted: Collection[str] = ()) -> list[Restored]:
    """Set tables back to how a UTC day left them; the next refresh brings them up to date.

    Args:
        workspace: the lake.
        day: the day.
        wanted: paths of the tables; none for everything that is computed.

    Raises:
        TagsError: no tag is that old.
        RestoreError: a table is not known, or its tagged version cannot be read or has other columns.
    """
    lake = workspace.lake
    tag, tables = check_restorable(lake, day, wanted)
    done = []
    for table in tables:
        tagged, newest = tag.versions.get(table.path), lake.version(table) or 0
        if tagged is None:
            done.append(Restored(table.path, None, newest, "left: it did not exist then"))
        elif same_rows(lake, table, tagged, newest):
            done.append(Restored(table.path, tagged, newest, "left: it has the same rows"))
        else:
            version = rewind(lake, table, tagged, _taken_at(lake, table, tagged), {"restored_to": str(day)})
            done.append(Restored(table.path, tagged, version, "restored"))
    return done


def versions_on(lake: Lake, day: date) -> dict[str, int]:
    """Version of every table at the end of a UTC day.

    Raises:
        TagsError: no tag is that old, or the log does not hold its versions any more.
    """
    versions = {path: version for path, version in Tags(lake).on(day).versions.items() if path in TABLES}
    lost = [path for path, version in versions.items() if not is_readable(lake, TABLES[path], version)]
    if lost:
        raise TagsError(f"the log does not hold the versions of {day} any more: {', '.join(lost)}")
    return versions


def _taken_at(lake: Lake, table: Table, version: int) -> dict[str, int]:
    """What a version had taken in of each input the newest one knows; forgotten where that cannot be read any more."""
    then, now = lake.open(table, version), lake.open(table)
    taken = {}
    if table in LOG_BRONZE and then is not None:  # the log is read on from where the restored rows end
        taken = {mark: at for mark in (EPOCH, SEQUENCE) if (at := taken_in(then, mark)) is not None}
    for source in TABLES.values():
        if then is None or now is None or taken_in(now, source.path) is None:
            continue
        at = taken_in(then, source.path)
        known = at is not None and is_readable(lake, source, at)
        taken[source.path] = at if at is not None and known else FORGOTTEN
    return taken


def _check(lake: Lake, table: Table, version: int, day: date) -> None:
    if not is_readable(lake, table, version):
        raise RestoreError(f"{table.path}: the log does not hold version {version} of {day} any more; name a later day")
    handle = lake.open(table, version)
    if handle is None:
        return
    try:
        same_columns(table, handle.schema(), delta_schema(table))
    except ContractError as error:
        raise RestoreError(f"{error}; version {version} of {day} is of another release, name a later day") from error
