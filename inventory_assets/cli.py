"""The `inventory` command: puts the sub-commands together. Rooms are imported by the commands, when they run."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from inventory_assets.commands.backfill import backfill
from inventory_assets.commands.database import database
from inventory_assets.commands.dead_letters import deadletters
from inventory_assets.commands.demo import demo
from inventory_assets.commands.health import doctor
from inventory_assets.commands.init import init
from inventory_assets.commands.landing import load, reread, simulate
from inventory_assets.commands.live import live
from inventory_assets.commands.live_log import history
from inventory_assets.commands.live_modes import modes
from inventory_assets.commands.maintenance import maintain, restore
from inventory_assets.commands.planning import backtest, params, replenish, whatif
from inventory_assets.commands.proposals import proposals
from inventory_assets.commands.quarantine import quarantine
from inventory_assets.commands.reading import config, sql, status, validate
from inventory_assets.commands.stream import stream
from inventory_assets.commands.webhooks import webhook

app = typer.Typer(
    name="inventory",
    help="Retail inventory: files in, truth out. Exit codes: 0 done, 1 something is wrong, 2 wrong use, 3 nothing yet.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"inventory-assets {version('inventory-assets')}")
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every sub-command stand behind it; settings are environment variables (docs/configuration.md)."""


app.command()(demo)
app.command()(doctor)
app.command()(status)
app.command()(sql)
app.command()(init)
app.command()(validate)
app.command()(reread)
app.command()(backfill)
app.command()(maintain)
app.command()(restore)
app.command()(replenish)
app.command()(whatif)
app.command()(backtest)
simulate.command()(stream)
app.add_typer(load, name="load")
app.add_typer(simulate, name="simulate")
app.add_typer(config, name="config")
app.add_typer(quarantine, name="quarantine")
app.add_typer(params, name="params")
app.add_typer(proposals, name="proposals")
app.add_typer(database, name="db")
app.add_typer(live, name="live")
live.add_typer(history)
live.add_typer(modes)
live.add_typer(deadletters, name="deadletters")
app.add_typer(webhook, name="webhook")

if __name__ == "__main__":
    app()
