"""`inventory doctor`."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from inventory_assets.commands.output import Exit, Json, load_settings, print_json, working

MARKS = {"error": "[red]✗[/red]", "warning": "[yellow]![/yellow]", "info": "[blue]i[/blue]", "ok": "[green]✓[/green]"}


def doctor(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the Dagster UI.")] = 3000,
    as_json: Json = False,
) -> None:
    """What is wrong here and how to mend it; 1 where something does not work."""
    from inventory_assets.operate.doctor import examine

    settings = load_settings()
    with working("looking at this installation"):
        findings = examine(settings, os.environ, datetime.now(UTC), port)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(MARKS[finding.severity], end=" ")
            console.print(finding.what, markup=False)
            if finding.mend:
                console.print(f"    {finding.mend}", markup=False, style="dim")
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(Exit.FINDING)
