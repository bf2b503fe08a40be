"""The live log and the lake: `inventory live open|rebuild|replay|replays|checkpoint|purge`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.acting import live_desk
from inventory_assets.commands.output import Exit, Json, errors, fail, print_grid, print_json, working

if TYPE_CHECKING:
    from inventory_assets.commands.acting import Desk
    from inventory_assets.live.outbox.again import Range
    from inventory_assets.pipeline.workspace import Workspace

history = typer.Typer(help="The live log and the lake.", no_args_is_help=True)
SHOWN = 20
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@history.command("open")
def open_(
    version: Annotated[
        int | None, typer.Option(min=0, help="Version of gold/inventory_position; the newest where not said.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Although it was opened before.")] = False,
    as_json: Json = False,
) -> None:
    """State the stock of every known pair as opening facts; from then on rows of files are forwarded to the log."""
    from inventory_assets.operate.forwarding import OpeningError, open_live

    with _live("opening the live layer") as (workspace, desk), _writer(desk):
        try:
            told = open_live(workspace, desk.engine, version, again=again)
        except OpeningError as error:
            fail(str(error), Exit.USAGE)
    shown = {"accepted": told.accepted, "known before": told.known, "refused": told.refusals}
    _show(shown, as_json=as_json)
    if told.refusals:
        fail(f"not taken: {'; '.join(told.refused)}")


@history.command()
def rebuild(
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the state that is kept; 1 where a pair differs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fold the log, and the archive where it is older, into a fresh state. Nothing is written."""
    from inventory_assets.operate.live_history import verify as verified

    with _live("folding the log") as (workspace, desk):
        found = verified(desk.engine, desk.url, workspace.lake)
    shown: dict[str, Any] = {
        "log position": found.upto,
        "pairs": found.pairs,
        "events with an effect": found.events,
        "parts not applied yet": found.unapplied,
        "seconds": round(found.seconds, 2),
    }
    if verify:
        shown["pairs that differ"] = len(found.differing)
        shown["differences"] = [asdict(each) for each in found.differing] if as_json else None
    _show(shown, as_json=as_json)
    if verify and found.differing:
        for each in found.differing[:SHOWN]:
            errors().print(each.text, markup=False)
        fail(f"{len(found.differing)} pairs of the state are not what the log says")


@history.command()
def replay(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only events that happened since then, UTC."),
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, help="Only events behind this sequence; of a consumer, behind this id of the outbox.")
    ] = 0,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")] = None,
    item: Annotated[list[str] | None, typer.Option("--item", help="Only this item; may be repeated.")] = None,
    consumer: Annotated[
        str | None, typer.Option(help="Tell this webhook again what it was told; nothing is applied.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="Deliveries at most, with --consumer; 1,000 where not said.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Names the replay of a consumer: under the same key it is made once.")
    ] = None,
    dry_run: DryRun = False,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the audit log.")] = "",
    as_json: Json = False,
) -> None:
    """Apply what counts and was not applied, in its order; or with --consumer deliver again what was delivered."""
    from inventory_assets.live.auditing import audit
    from inventory_assets.live.outbox.again import USUAL, range_of
    from inventory_assets.live.requeueing import filter_of
    from inventory_assets.operate.replay import WorkersWorkError
    from inventory_assets.operate.replay import replay as replayed

    at = None if since is None else since.replace(tzinfo=UTC)
    if consumer is not None:
        wanted_again = range_of(consumer, after, at, type_ or (), item or (), limit or USUAL)
        _deliver_again(wanted_again, because, key, dry_run=dry_run, as_json=as_json)
        return
    if limit is not None or key is not None:
        fail("--limit and --key are for replays of a --consumer", Exit.USAGE)
    wanted = filter_of(after, at, type_ or (), item or ())
    with _live("looking for events that were not applied") as (workspace, desk):
        try:
            done = replayed(desk.engine, workspace.lake, wanted, dry_run=dry_run, writer=lambda: _writer(desk))
        except WorkersWorkError as error:
            fail(str(error))
        if not dry_run:
            with desk.driver() as connection:
                audit(connection, desk.act(because), "replay.done", "log", wanted.document | asdict(done))
    _show({name.replace("_", " "): value for name, value in asdict(done).items()}, as_json=as_json)


def _deliver_again(wanted: Range, because: str, key: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Ask for the replay of a consumer as the HTTP route does, and carry it out here."""
    from inventory_assets.live import replays
    from inventory_assets.operate.replaying import carried_out

    with live_desk() as desk:
        with desk.transaction() as connection:
            asked = replays.request_again(connection, wanted, desk.act(because), dry_run=dry_run, key=key)
        with working("looking for deliveries"):
            done = carried_out(desk.settings, desk.engine, asked.id, f"command@{os.getpid()}")
    if done.result is None:
        fail(f"replay {done.id} is {done.status}: {done.error or 'somebody cancelled it'}")
    _show({"replay": done.id, "dry run": done.dry_run, **done.result}, as_json=as_json)


@history.command()
def replays(
    cancel: Annotated[int | None, typer.Option(metavar="ID", help="End this one.")] = None,
    because: Annotated[str, typer.Option("--because", help="Why; kept in the audit log.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many are shown.")] = 20,
    as_json: Json = False,
) -> None:
    """Replays that were asked for and what came of them, the newest first; or with --cancel the end of one."""
    from inventory_assets.live import replays as asked
    from inventory_assets.live.database.driver import driver_of

    with live_desk() as desk, desk.transaction() as connection:
        if cancel is None:
            found = asked.listed(driver_of(connection), limit)
        else:
            found = [asked.cancel(connection, cancel, desk.act(because))]
    if as_json:
        print_json({"replays": [asdict(each) for each in found]})
        return
    print_grid(
        ("replay", "of", "status", "asked for", "by", "because", "up to", "what came of it"),
        [
            (
                str(each.id),
                f"consumer {each.range.webhook}" if each.range else "the log",
                f"{each.status}, dry run" if each.dry_run else each.status,
                f"{each.requested_at:%Y-%m-%d %H:%M:%S}",
                each.requested_by,
                each.reason,
                "" if each.upto is None else f"{each.position or 0} of {each.upto}",
                each.error or ", ".join(f"{name} {value}" for name, value in (each.result or {}).items()),
            )
            for each in found
        ],
    )


@history.command()
def checkpoint(as_json: Json = False) -> None:
    """Prove the balances by the log and keep them with their hash; 1 where they are not what the log says."""
    from inventory_assets.operate.live_history import checkpoint as kept

    with _live("proving the balances") as (workspace, desk):
        made = kept(desk.engine, desk.url, workspace.lake, workspace.now())
    _show(
        {"log position": made.sequence, "made": made.made_at, "pairs": made.pairs, "hash": made.hash.hex()},
        as_json=as_json,
    )


@history.command()
def purge(
    days: Annotated[int, typer.Option(min=1, help="Days an event stays in the log.")] = 30,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove old events from the log that are in the lake and behind a checkpoint; their ids stay taken."""
    from inventory_assets.operate.live_history import purge_log

    with _live("looking for old events") as (workspace, desk):
        upto = purge_log(desk.engine, workspace.lake, workspace.now(), days, dry_run=dry_run)
    _show({"removed up to sequence": upto, "dry run": dry_run}, as_json=as_json)


@contextmanager
def _live(what: str) -> Iterator[tuple[Workspace, Desk]]:
    """The lake and the live database, both usable; what is wrong with them ends the command."""
    from inventory_assets.pipeline.open import open_workspace

    with live_desk() as desk:
        workspace = open_workspace(desk.settings, desk.settings.now)
        with working(what):
            yield workspace, desk


def _writer(desk: Desk) -> AbstractContextManager[None]:
    """The lock of the lake's writers."""
    from inventory_assets.lakehouse.writing import sole_writer

    return sole_writer(desk.settings.writer_lock, lambda: errors().print("waiting for another writer of the lake"))


def _show(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({name.replace(" ", "_"): value for name, value in shown.items()})
    else:
        print_grid(("what", "value"), [(name, str(value)) for name, value in shown.items() if value is not None])
