"""What keeps the lake small and brings past days back: `inventory maintain`, `inventory restore`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json, working
from inventory_assets.contracts.tables import TABLES
from inventory_assets.settings import Settings

Tables = Annotated[
    list[str] | None, typer.Option("--table", help='Only this table, as in "silver/returns"; may be repeated.')
]
COLUMNS = ("table", "files", "live bytes", "bytes on disk", "versions", "log bytes", "merged", "removed")


def maintain(
    table: Tables = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Merge small files, remove what no kept version needs, shorten logs; no row changes. 1 where a table was left."""
    settings = load_settings()
    wanted = _known(table or [])
    with working("looking at the tables" if dry_run else "maintaining the tables; a run under way is waited for"):
        done = _looked(settings, wanted) if dry_run else _run(settings, "maintain", "maintain_lake", {"tables": wanted})
    if not done:
        fail("there is no table to maintain yet", Exit.NOT_READY)
    if as_json:
        print_json(done)
    else:
        print_grid(COLUMNS, [_row(each) for each in done])
        before, after = (sum((each[when] or each["before"])["disk_bytes"] for each in done) for when in WHEN)
        removed = sum(each["removed_bytes"] for each in done)
        typer.echo(
            f"dry run: {removed:,} bytes would be removed"
            if dry_run
            else f"on disk: {before:,} bytes before, {after:,} bytes now"
        )
    for each in done:
        if each["problem"]:
            typer.echo(f"{each['table']}: {each['problem']}", err=True)
    if any(each["problem"] for each in done):
        raise typer.Exit(Exit.FINDING)


def restore(
    to: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="UTC day whose last state comes back.")],
    table: Tables = None,
    as_json: Json = False,
) -> None:
    """Set computed tables (or those named) back to a tagged day, then compute again what came in since."""
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.lakehouse.tags import TagsError
    from inventory_assets.operate.instance import run_refresh
    from inventory_assets.pipeline.restore import RestoreError, check_restorable

    settings = load_settings()
    wanted = table or []
    try:
        check_restorable(Lake(settings.lake, settings.secret_options), to.date(), wanted)
    except TagsError as error:
        fail(str(error), Exit.NOT_READY)
    except RestoreError as error:
        fail(str(error), Exit.USAGE)
    with working(f"setting tables back to {to:%Y-%m-%d}"):
        done = _run(settings, "restore", "restore_tables", {"day": f"{to:%Y-%m-%d}", "tables": wanted})
    with working("computing what came in since"):
        code = run_refresh(settings, {})
    if code:
        fail(f"the refresh failed; see {settings.data_dir.resolve() / 'logs' / 'refresh.log'}")
    if as_json:
        print_json(done)
    else:
        print_grid(("table", "tagged version", "version", "outcome"), [tuple(each.values()) for each in done])


WHEN = ("before", "after")


def _known(wanted: Sequence[str]) -> list[str]:
    unknown = sorted(set(wanted) - set(TABLES))
    if unknown:
        fail(f"no such table: {', '.join(unknown)}; `inventory status` names them", Exit.USAGE)
    return list(wanted)


def _looked(settings: Settings, wanted: Sequence[str]) -> list[dict[str, Any]]:
    from inventory_assets.pipeline.maintain import maintain as look
    from inventory_assets.pipeline.open import open_workspace

    workspace = open_workspace(settings, lambda: datetime.now(UTC))
    return [asdict(each) for each in look(workspace, settings.maintenance, wanted, dry_run=True)]


def _run(settings: Settings, job: str, op: str, config: Mapping[str, object]) -> list[dict[str, Any]]:
    """Run a job of the lane and read what it reports."""
    from inventory_assets.operate.instance import InstanceError, run_job

    with TemporaryDirectory(prefix="inventory-") as folder:
        report = Path(folder) / "report.json"
        try:
            code = run_job(settings, job, op, {**config, "report": str(report)})
        except InstanceError as error:
            fail(str(error))
        if not report.exists():
            log = settings.data_dir.resolve() / "logs" / f"{job}.log"
            fail(f"the run ended with {code} and reported nothing; see {log}")
        return json.loads(report.read_text("utf-8"))


def _row(each: Mapping[str, Any]) -> tuple[object, ...]:
    before, after = each["before"], each["after"]
    names = ("files", "live_bytes", "disk_bytes", "versions", "log_bytes")
    cells = [
        f"{before[name]:,}" if after is None or after[name] == before[name] else f"{before[name]:,} → {after[name]:,}"
        for name in names
    ]
    return (each["table"], *cells, each["merged"], each["removed"])
