"""The database of the live layer: `inventory db start|stop|status|url`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json, working
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.live.database.ready import Answer

database = typer.Typer(help="The PostgreSQL of the live layer; batch work needs none.", no_args_is_help=True)


@database.command()
def start(as_json: Json = False) -> None:
    """Start the embedded server unless it runs, and bring the schema up to date; with a URL only the latter."""
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.database.ready import bring_up, is_embedded
    from inventory_assets.live.database.server import EmbeddedServer

    settings = load_settings()
    try:
        with working("starting the database"):
            began = EmbeddedServer(settings).start() if is_embedded(settings) else False
        with working("looking at its schema"):
            answer = bring_up(settings)
    except DatabaseError as error:
        fail(str(error))
    shown = {"started": began, **_told(settings), **_schema(answer), "migrated": not answer.schema.current}
    shown["revision"] = answer.schema.head
    _show(shown, as_json=as_json)


@database.command()
def stop(
    force: Annotated[bool, typer.Option("--force", help="Also if a running process owns it.")] = False,
    as_json: Json = False,
) -> None:
    """Stop the embedded server; open transactions are rolled back, nothing acknowledged is lost. 3 if none ran."""
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.database.ready import is_embedded
    from inventory_assets.live.database.server import EmbeddedServer

    settings = load_settings()
    if not is_embedded(settings):
        fail("INVENTORY_DATABASE_URL names a server of others; stop it where it was started", Exit.USAGE)
    try:
        with working("stopping the database"):
            ran = EmbeddedServer(settings).stop(force=force)
    except DatabaseError as error:
        fail(str(error))
    _show({"stopped": ran}, as_json=as_json)
    if not ran:
        raise typer.Exit(Exit.NOT_READY)


@database.command()
def status(as_json: Json = False) -> None:
    """Whether the database runs, who owns it, and which schema it has. 1 if it cannot be used, 3 if it does not run."""
    from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError
    from inventory_assets.live.database.ready import ask, is_embedded

    settings = load_settings()
    problem, code = "", Exit.OK
    shown: dict[str, Any] = {}
    try:
        shown = _told(settings)
        shown |= _schema(ask(settings))
    except DatabaseError as error:
        resting = is_embedded(settings) and isinstance(error, DatabaseDownError)
        problem, code = str(error), Exit.NOT_READY if resting else Exit.FINDING
    _show({**shown, "problem": problem or None}, as_json=as_json)
    if code:
        raise typer.Exit(code)


@database.command()
def url(
    password: Annotated[bool, typer.Option("--password", help="Show the password of INVENTORY_DATABASE_URL.")] = False,
    as_json: Json = False,
) -> None:
    """Where to connect, as psql and other tools take it; the server need not run."""
    from inventory_assets.live.database.opening import database_url, shown_url
    from inventory_assets.live.database.problems import DatabaseError

    settings = load_settings()
    try:
        found = database_url(settings)
    except DatabaseError as error:
        fail(str(error))
    shown = found if password else shown_url(found)
    if as_json:
        print_json({"url": shown})
    else:
        typer.echo(shown)


def _told(settings: Settings) -> dict[str, Any]:
    """What is known without asking the database."""
    from inventory_assets.live.database.opening import database_url, shown_url
    from inventory_assets.live.database.ready import is_embedded
    from inventory_assets.live.database.server import EmbeddedServer

    if not is_embedded(settings):
        return {"kind": "external", "url": shown_url(database_url(settings))}
    return {"kind": "embedded", **asdict(EmbeddedServer(settings).status())}


def _schema(answer: Answer) -> dict[str, Any]:
    return {"version": answer.version, "revision": answer.schema.revision, "newest_revision": answer.schema.head}


def _show(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        print_grid(("what", "value"), [(name, str(value)) for name, value in shown.items() if value is not None])
