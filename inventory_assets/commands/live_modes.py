"""What is done to a live layer in trouble: `inventory live off|on|modes|restored`.

Off, the batch side works alone on what is named: events keep coming and wait. Every act is in the audit log.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

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
    from inventory_assets.live.modes import listed

    with _live() as (_, connection, _):
        found = [asdict(each) for each in sorted(listed(connection), key=lambda each: each.since)]
        waiting = connection.execute("SELECT count(*) FROM event_queue").fetchone()
    if as_json:
        print_json({"batch_only": found, "waiting": waiting[0] if waiting else 0})
        return
    if found:
        print_grid(tuple(found[0]), [tuple(str(value) for value in row.values()) for row in found])
    else:
        typer.echo("everything is live")
    typer.echo(f"{waiting[0] if waiting else 0} parts of events wait")


@modes.command()
def restored(
    reason: Annotated[str, typer.Option("--because", help="Which backup, and why; kept with the epoch.")],
    as_json: Json = False,
) -> None:
    """Say that the database was restored from a backup: raises the epoch, so that who read further notices."""
    from inventory_assets.live.auditing import audit
    from inventory_assets.live.log.appending import raise_epoch
    from inventory_assets.live.log.reading import position

    with _live() as (engine, connection, now):
        with engine.connect() as reading:
            before = position(reading)
        epoch = raise_epoch(engine, reason, now)
        with connection.transaction():
            detail = {"epoch": epoch, "after_sequence": before.sequence}
            audit(connection, now, getpass.getuser(), "live.restored", f"epoch {epoch}", reason, detail)
    if as_json:
        print_json({"epoch": epoch, "after_sequence": before.sequence})
    else:
        typer.echo(f"epoch {epoch} begins after sequence {before.sequence}; next: inventory live replay --dry-run")


def _switch(
    item: str | None, category: str | None, location: str | None, reason: str, *, live: bool, as_json: bool
) -> None:
    from inventory_assets.live.modes import switch

    named = {"item": item and item.upper(), "category": category, "location": location}
    given = [(scope, key.strip()) for scope, key in named.items() if key is not None]
    if len(given) > 1 or any(not key for _, key in given):
        fail("name one item, one category or one location, or nothing for everything", Exit.USAGE)
    scope, key = given[0] if given else ("all", "")
    with _live() as (_, connection, now):
        actor = getpass.getuser()
        changed = switch(connection, cast("Scope", scope), key, live=live, at=now, actor=actor, reason=reason)
    told = {"scope": scope, "key": key, "mode": "live" if live else "batch only", "changed": changed}
    if as_json:
        print_json(told)
    else:
        what = f"{scope} {key}".strip()
        typer.echo(f"{what}: {told['mode']}" if changed else f"{what}: was {told['mode']} already, nothing changed")


@contextmanager
def _live() -> Iterator[tuple[Engine, Connection[Any], datetime]]:
    """The live database, and the time; what is wrong with it ends the command."""
    import psycopg

    from inventory_assets.live.database.opening import database_url
    from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError
    from inventory_assets.operate.live_log import live_engine

    settings = load_settings()
    if not settings.has_live_database:
        fail("there is no live database yet: inventory db start, or set INVENTORY_DATABASE_URL", Exit.NOT_READY)
    try:
        with live_engine(settings) as engine, psycopg.connect(database_url(settings), autocommit=True) as connection:
            yield engine, connection, settings.now()
    except DatabaseDownError as error:
        fail(str(error), Exit.NOT_READY)
    except DatabaseError as error:
        fail(str(error))
