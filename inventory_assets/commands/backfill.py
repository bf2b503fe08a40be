"""`inventory backfill`: a range of days built again in one run, followed until it is over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from inventory_assets.commands.output import Exit, Json, errors, fail, load_settings, print_grid, print_json
from inventory_assets.settings import Settings


def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    table: Annotated[list[str] | None, typer.Option(help="Only this table, as in gold/store_performance.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="Only tables of this layer.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be built; build nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Build a range of days again, in one run; by default every table that is kept by day."""
    settings = load_settings()
    arguments = [str(first.date()), str(last.date()), *(["--dry-run"] if dry_run else [])]
    arguments += [part for name in table or () for part in ("--table", name)]
    arguments += [part for name in layer or () for part in ("--layer", name)]
    log = settings.data_dir.resolve() / "logs" / "backfill.log"
    told: dict[str, Any] = {}
    try:
        with _bar() as bar:
            for line in _lines(settings, arguments, log):
                told |= line
                _show(bar, told)
    except KeyboardInterrupt:
        where = "Dagster goes on with it" if told.get("by") == "daemon" else "nothing is lost; ask again to finish it"
        errors().print(f"interrupted; {where}", markup=False)
        raise typer.Exit(Exit.INTERRUPTED) from None
    if told.get("event") == "refused":
        fail(told["reason"], Exit.USAGE)
    if told.get("event") not in {"planned", "ended"}:
        fail(f"Dagster could not be asked; see {log}")
    _print(told, dry_run=dry_run, as_json=as_json)
    if not dry_run and not told.get("success"):
        fail(f"the backfill did not succeed: {told.get('reason') or 'see its run in Dagster'}; log: {log}")


def _lines(settings: Settings, arguments: list[str], log: Path) -> Iterator[dict[str, Any]]:
    """What the process beside Dagster tells, line by line; it ends with this one."""
    from inventory_assets.operate.instance import ready_environment

    environment = ready_environment(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "inventory_assets.defs.backfill", *arguments)
    with (
        log.open("ab") as output,
        subprocess.Popen(  # noqa: S603 - the command is ours, no shell
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output,
        ) as process,
    ):  # fmt: skip
        try:
            for line in process.stdout or ():
                yield json.loads(line)
        finally:
            process.terminate()


def _bar() -> Progress:
    """Steps done, on stderr; nothing where nobody looks."""
    console = errors()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _show(bar: Progress, told: dict[str, Any]) -> None:
    if not bar.tasks:
        bar.add_task("asking Dagster", total=None)
    if "steps" in told and told["event"] != "planned":
        bar.update(bar.tasks[0].id, completed=len(told["steps"]), description=str(told.get("status", "")).lower())
    elif told["event"] == "planned":
        bar.update(bar.tasks[0].id, total=len(told["steps"]), description=f"{told['days']} days")


def _print(told: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({name: value for name, value in told.items() if name != "event"} | {"dry_run": dry_run})
        return
    rows = [(name,) for name in told["tables"]]
    print_grid(("table",), rows, f"{told['days']} days of {len(rows)} tables, one run, by the {told['by']}")
    if not dry_run:
        typer.echo(f"runs: {', '.join(told.get('runs', []))}; {told.get('status', '')}")
        if told["by"] == "daemon":
            typer.echo("tables without days and the DuckDB file follow with the next run of the lane")
