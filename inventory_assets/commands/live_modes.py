"""What is done to a live layer in trouble: `inventory live off|on|modes|restored`.

Off, the batch side works alone on what is named: events keep coming and wait. Every act is in the audit log.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, cast

import typer

from inventory_assets.commands.acting import live_desk
from inventory_assets.commands.output import Exit, Json, fail, print_grid, print_json

if TYPE_CHECKING:
    from inventory_assets.live.modes import Scope

modes = typer.Typer(help="Batch only, wholly or in part.", no_args_is_help=True)
Item = Annotated[str | None, typer.Option("--item", help="Only this item.")]
Category = Annotated[str | None, typer.Option("--category", help="Only items of this category.")]
Location = Annotated[str | None, typer.Option("--location", help="Only this location.")]
Reason = Annotated[str, typer.Option("--because", help="Why; kept in the audit log.")]


@modes.command()
def off(
    reason: Reason, item: Item = None, category: Category = None, location: Location = None, as_json: Json = False
) -> None:
    """Batch only: events keep coming and wait, from the next micro-batch on. Everything, unless one thing is named."""
    _switch(item, category, location, reason, live=False, as_json=as_json)


@modes.command()
def on(
    reason: Reason, item: Item = None, category: Category = None, location: Location = None, as_json: Json = False
) -> None:
    """Live again: what waited is applied. Name what was switched off."""
    _switch(item, category, location, reason, live=True, as_json=as_json)


@modes.command("modes")
def modes_(as_json: Json = False) -> None:
    """What is batch only, since when, by whom and why, and how many parts of events wait."""
    from inventory_assets.live.modes import listed, waiting

    with live_desk() as desk, desk.driver() as connection:
        found, parts = [asdict(each) for each in listed(connection)], waiting(connection)
    if as_json:
        print_json({"batch_only": found, "waiting": parts})
        return
    if found:
        print_grid(tuple(found[0]), [tuple(str(value) for value in row.values()) for row in found])
    else:
        typer.echo("everything is live")
    typer.echo(f"{parts} parts of events wait")


@modes.command()
def restored(
    reason: Annotated[str, typer.Option("--because", help="Which backup, and why; kept with the epoch.")],
    as_json: Json = False,
) -> None:
    """Say that the database was restored from a backup: raises the epoch, so that who read further notices."""
    from inventory_assets.live.auditing import audit
    from inventory_assets.live.log.appending import raise_epoch
    from inventory_assets.live.log.reading import position

    with live_desk() as desk:
        act = desk.act(reason)
        with desk.engine.connect() as reading:
            before = position(reading)
        epoch = raise_epoch(desk.engine, reason, act.at)
        with desk.driver() as connection:
            audit(
                connection, act, "live.restored", f"epoch {epoch}", {"epoch": epoch, "after_sequence": before.sequence}
            )
    if as_json:
        print_json({"epoch": epoch, "after_sequence": before.sequence})
    else:
        typer.echo(f"epoch {epoch} begins after sequence {before.sequence}; next: inventory live replay --dry-run")


def _switch(
    item: str | None, category: str | None, location: str | None, reason: str, *, live: bool, as_json: bool
) -> None:
    from inventory_assets.live.modes import named, switch

    choices = {"item": item, "category": category, "location": location}
    given = [(scope, key) for scope, key in choices.items() if key is not None]
    if len(given) > 1:
        fail("name one item, one category or one location, or nothing for everything", Exit.USAGE)
    scope, key = cast("tuple[Scope, str]", given[0] if given else ("all", ""))
    with live_desk() as desk:
        key = named(scope, key)
        with desk.driver() as connection:
            changed = switch(connection, scope, key, desk.act(reason), live=live)
    told = {"scope": scope, "key": key, "mode": "live" if live else "batch only", "changed": changed}
    if as_json:
        print_json(told)
    else:
        what = f"{scope} {key}".strip()
        typer.echo(f"{what}: {told['mode']}" if changed else f"{what}: was {told['mode']} already, nothing changed")
