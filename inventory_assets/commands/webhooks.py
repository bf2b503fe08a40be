"""`inventory webhook …`: who is told what happens, and what became of it."""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.acting import Desk, live_desk
from inventory_assets.commands.output import Exit, Json, errors, fail, load_settings, print_grid, print_json, say
from inventory_assets.commands.signals import calling, terminable

if TYPE_CHECKING:
    from inventory_assets.live.outbox.deliveries import Attempt
    from inventory_assets.live.outbox.dispatcher import Dispatcher
    from inventory_assets.live.outbox.webhooks import Webhook

webhook = typer.Typer(help="Signed messages to others when something happens.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="Webhook, as `list` prints it.")]
Because = Annotated[str, typer.Option(help="Why, for the audit log.")]
Key = Annotated[str | None, typer.Option(help="Names the act: under the same key it is done once, and answered again.")]


@webhook.command("list")
def list_(as_json: Json = False) -> None:
    """All webhooks: where to, about what, and whether they are served."""
    from inventory_assets.live.outbox import webhooks

    with live_desk() as desk, desk.transaction() as connection:
        found = webhooks.list_webhooks(connection)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        columns = ("webhook", "address", "events", "state", "failures", "done up to", "reason")
        rows = [
            (each.id, each.url, ", ".join(each.types), each.status, each.failures, each.position, each.status_reason)
            for each in found
        ]
        print_grid(columns, rows)
    else:
        typer.echo("no webhooks")


@webhook.command()
def add(
    url: Annotated[str, typer.Argument(help="Where events go; https, unless INVENTORY_WEBHOOKS__PLAIN_HTTP is set.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="Type of event; again for more. All if none.")
    ] = None,
    item: Annotated[list[str] | None, typer.Option("--item", help="Only about this item; again for more.")] = None,
    location: Annotated[list[str] | None, typer.Option("--location", help="Only at this location; again.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    secret: Annotated[
        str, typer.Option(envvar="WEBHOOK_SECRET", help="A secret the receiver has already; made if not given.")
    ] = "",
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Register a webhook; it is told what happens from now on. Its secret is shown once."""
    from inventory_assets.live.outbox import webhooks

    wanted = webhooks.Registration(url, event or [webhooks.EVERYTHING], item, location, description, secret or None)
    with live_desk() as desk, desk.transaction() as connection:
        options = desk.settings.webhooks
        policy, act = webhooks.policy_of(options), desk.act(because)
        made = webhooks.register(connection, wanted, policy, act, secrets.token_bytes, options.max_webhooks)
    if as_json:
        print_json({**asdict(made.webhook), "secret": made.secret})
    else:
        _show(made.webhook)
        typer.echo(f"secret    {made.secret}\nIt is not shown again; messages are signed with it.")


@webhook.command()
def pause(number: Number, because: Because = "", as_json: Json = False) -> None:
    """Send nothing until it is resumed; what happens meanwhile waits."""
    from inventory_assets.live.outbox import webhooks

    with live_desk() as desk, desk.transaction() as connection:
        found = webhooks.pause(connection, number, desk.act(because))
    _told(found, as_json=as_json)


@webhook.command()
def resume(
    number: Number,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out the event it stopped at.")] = False,
    key: Key = None,
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Go on where it stopped, at once."""
    from inventory_assets.live.outbox import keys

    with live_desk() as desk, desk.transaction() as connection:
        found = keys.resume(connection, number, desk.act(because), skip=skip, key=key)
    _told(found, as_json=as_json)


@webhook.command()
def remove(number: Number, because: Because = "", as_json: Json = False) -> None:
    """Forget a webhook; the log of its deliveries stays."""
    from inventory_assets.live.outbox import webhooks

    with live_desk() as desk, desk.transaction() as connection:
        webhooks.remove(connection, number, desk.act(because))
    if as_json:
        print_json({"removed": number})
    else:
        typer.echo(f"{number} is removed")


@webhook.command()
def rotate(number: Number, key: Key = None, because: Because = "", as_json: Json = False) -> None:
    """Make a new secret, shown once; the old one signs beside it for INVENTORY_WEBHOOKS__ROTATION_HOURS."""
    from inventory_assets.live.outbox import keys

    with live_desk() as desk, desk.transaction() as connection:
        overlap = timedelta(hours=desk.settings.webhooks.rotation_hours)
        made = keys.rotate(connection, number, desk.act(because), overlap, secrets.token_bytes, key)
    if as_json:
        print_json({"webhook": number, "secret": made.secret})
    else:
        typer.echo(f"secret    {made.secret}\nIt is not shown again{', but to the same key' if key else ''}.")


@webhook.command()
def log(
    number: Number,
    limit: Annotated[int, typer.Option(min=1, help="Attempts printed at most.")] = 50,
    before: Annotated[int | None, typer.Option(help="Only those with a smaller number.")] = None,
    as_json: Json = False,
) -> None:
    """Every attempt to deliver, the newest first."""
    from inventory_assets.live.outbox import deliveries

    with live_desk() as desk, desk.transaction() as connection:
        found = deliveries.log(connection, number, most=limit, before=before)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    columns = ("delivery", "event", "cause", "attempt", "began", "state", "answer", "seconds", "what went wrong")
    print_grid(columns, [_row(each) for each in found])


@webhook.command()
def redeliver(
    delivery: Annotated[int, typer.Argument(help="Delivery, as `log` prints it.")],
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Send the event of a delivery once more, under the same message id; the service does it when it runs."""
    from inventory_assets.live.outbox import deliveries

    with live_desk() as desk, desk.transaction() as connection:
        asked = deliveries.redeliver(connection, delivery, desk.act(because))
    if as_json:
        print_json(asdict(asked))
    else:
        typer.echo(f"delivery {asked.id} waits: {asked.type} to {asked.webhook}")


@webhook.command("test")
def probe(number: Number, as_json: Json = False) -> None:
    """Send a message of type webhook.test now. 1 if it was not taken."""
    with live_desk() as desk:
        attempt = _dispatcher(desk).test(number)
    if as_json:
        print_json(asdict(attempt))
    else:
        typer.echo(f"{attempt.status} in {attempt.seconds:.2f} s{f': {attempt.error}' if attempt.error else ''}")
    if attempt.status != "delivered":
        raise typer.Exit(Exit.FINDING)


@webhook.command()
def run() -> None:
    """Deliver until Ctrl-C, as a process of its own; several share the work. The embedded database is kept alive."""
    from inventory_assets.live.database.opening import database_url
    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.database.ready import serving

    settings = load_settings()
    try:
        with terminable(), serving(settings, say) as engine:
            dispatcher = _dispatcher(Desk(settings, engine))
            with calling(dispatcher.stop):
                errors().print("delivering webhooks; Ctrl-C ends it", markup=False)
                dispatcher.run(database_url(settings))
    except DatabaseError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.OK) from None


def _dispatcher(desk: Desk) -> Dispatcher:
    from inventory_assets.live.outbox.dispatcher import Dispatcher

    return Dispatcher(desk.engine, desk.settings.webhooks, f"webhooks-{os.getpid()}", desk.settings.now)


def _told(found: Webhook, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
    else:
        _show(found)


def _show(found: Webhook) -> None:
    shown: dict[str, Any] = {"webhook": found.id, "address": found.url, "events": ", ".join(found.types)}
    shown |= {"state": found.status, "reason": found.status_reason}
    for name, value in shown.items():
        if value:
            typer.echo(f"{name:9} {value}")


def _row(each: Attempt) -> tuple[Any, ...]:
    began = f"{each.requested_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    told = (each.status, each.response_status, each.seconds, each.error)
    return (str(each.id), each.type, each.cause, each.attempt, began, *told)
