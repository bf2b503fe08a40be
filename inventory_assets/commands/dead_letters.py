"""`inventory live deadletters …`: parts of events that failed for good.

What is done is in `live.dead_letters`; every act says who and why and is in the audit log.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.acting import live_desk
from inventory_assets.commands.output import Exit, Json, fail, print_grid, print_json

if TYPE_CHECKING:
    from inventory_assets.live.dead_letters.handling import Done
    from inventory_assets.live.dead_letters.looking import Wanted

deadletters = typer.Typer(help="Parts of events that failed for good.", no_args_is_help=True)

Letters = Annotated[list[str] | None, typer.Argument(help="Dead letters as `list` prints them: SEQUENCE/PART.")]
ErrorClass = Annotated[str | None, typer.Option("--class", help="Class of the error, as validation or timeout.")]
Source = Annotated[str | None, typer.Option(help="Source of the events.")]
Type = Annotated[str | None, typer.Option("--type", help="Type of the events.")]
Item = Annotated[str | None, typer.Option(help="Item of the parts.")]
FoundPattern = Annotated[str | None, typer.Option("--pattern", help="Pattern found in them, as RandomFailure.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Letters at most.")]
Because = Annotated[str, typer.Option(help="Why, for the audit log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@deadletters.command("list")
def list_(
    status: Annotated[str, typer.Option(help="open, retried, edited, discarded, or all.")] = "open",
    error_class: ErrorClass = None,
    source: Source = None,
    type_: Type = None,
    item: Item = None,
    pattern: FoundPattern = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Dead letters in the order of the log."""
    from inventory_assets.live.dead_letters.looking import STATUSES, listed, name_of

    if status not in (*STATUSES, "all"):
        fail(f"--status {status}: it is {', '.join(STATUSES)} or all", Exit.USAGE)
    wanted = _wanted(error_class, source, type_, item, pattern, None if status == "all" else status)
    with live_desk() as desk, desk.driver() as connection:
        found = listed(connection, wanted, limit=limit)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        columns = ("letter", "type", "item", "source", "class", "died", "state", "error")
        rows = [
            (name_of(each.key), each.type, each.item, each.source, each.error_class,
             f"{each.died_at:%Y-%m-%d %H:%M:%S}", each.status, each.error_message[:100])
            for each in found
        ]  # fmt: skip
        print_grid(columns, rows)
    else:
        typer.echo("no dead letters")


@deadletters.command()
def show(letter: Annotated[str, typer.Argument(help="SEQUENCE/PART.")], as_json: Json = False) -> None:
    """A dead letter with its event and every attempt."""
    from inventory_assets.live.dead_letters.looking import key_of, shown

    with live_desk() as desk, desk.driver() as connection:
        found = shown(connection, key_of(letter))
    event = asdict(found.event)
    event |= {name: json.loads(event[name]) for name in ("data", "envelope")}
    if as_json:
        attempts = [asdict(each) for each in found.attempts]
        print_json({"letter": asdict(found.letter), "event": event, "attempts": attempts})
        return
    print_grid(("what", "value"), [(name, str(value)) for name, value in asdict(found.letter).items()])
    print_grid(
        ("attempt", "state", "worker", "began", "error"),
        [(each.attempt, each.status, each.worker, str(each.started_at), each.error_message) for each in found.attempts],
    )
    typer.echo(json.dumps(event["data"], indent=2))


@deadletters.command()
def patterns(as_json: Json = False) -> None:
    """What failed together among the open letters, what is done about it without a person, and what a person does."""
    from inventory_assets.live.dead_letters.recovering import shown_patterns

    with live_desk() as desk, desk.driver() as connection:
        found = [asdict(each) for each in shown_patterns(connection, desk.settings.now())]
    if as_json:
        print_json(found)
    elif found:
        print_grid(tuple(found[0]), [(*list(each.values())[:-1], ", ".join(each["first"])) for each in found])
    else:
        typer.echo("no open dead letters")


@deadletters.command()
def retry(
    because: Because,
    letters: Letters = None,
    error_class: ErrorClass = None,
    source: Source = None,
    type_: Type = None,
    item: Item = None,
    pattern: FoundPattern = None,
    limit: Limit = 100,
    priority: Annotated[int, typer.Option(min=1, max=7, help="Priority they get at least.")] = 1,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put letters back into the queue, for three more attempts; a filter may say which."""
    from inventory_assets.live.dead_letters import handling
    from inventory_assets.live.dead_letters.looking import chosen

    wanted = _wanted(error_class, source, type_, item, pattern)
    with live_desk() as desk, desk.driver() as connection:
        found = chosen(connection, letters or (), wanted, limit)
        done = handling.retry(connection, found.keys, desk.act(because), raised=priority, dry_run=dry_run)
    _told("put back", handling.done_of(found, done, dry_run=dry_run), as_json=as_json)


@deadletters.command()
def discard(
    because: Because,
    letters: Letters = None,
    error_class: ErrorClass = None,
    source: Source = None,
    type_: Type = None,
    item: Item = None,
    pattern: FoundPattern = None,
    limit: Limit = 100,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give letters up: what they would have done to live stock is never done; a filter may say which."""
    from inventory_assets.live.dead_letters import handling
    from inventory_assets.live.dead_letters.looking import chosen

    wanted = _wanted(error_class, source, type_, item, pattern)
    with live_desk() as desk, desk.driver() as connection:
        found = chosen(connection, letters or (), wanted, limit)
        done = handling.discard(connection, found.keys, desk.act(because), dry_run=dry_run)
    _told("given up", handling.done_of(found, done, dry_run=dry_run), as_json=as_json)


@deadletters.command()
def edit(
    letter: Annotated[str, typer.Argument(help="SEQUENCE/PART.")],
    data: Annotated[str, typer.Option(help='File with the whole corrected data as JSON; "-" for standard input.')],
    because: Because,
    as_json: Json = False,
) -> None:
    """Put a corrected event into the log instead of a letter."""
    from inventory_assets.contracts.events.wire import loads
    from inventory_assets.live.dead_letters.handling import edit_and_retry
    from inventory_assets.live.dead_letters.looking import key_of

    try:
        corrected = loads(sys.stdin.read() if data == "-" else Path(data).read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(f"--data {data}: {error}", Exit.USAGE)
    with live_desk() as desk, desk.driver() as connection:
        sequence = edit_and_retry(connection, key_of(letter), corrected, desk.act(because))
    if as_json:
        print_json({"letter": letter, "sequence": sequence})
    else:
        typer.echo(f"{letter} is replaced by the event at sequence {sequence}")


def _wanted(
    error_class: str | None,
    source: str | None,
    type_: str | None,
    item: str | None,
    pattern: str | None,
    status: Any = "open",  # noqa: ANN401 - checked by its caller
) -> Wanted:
    from inventory_assets.live.dead_letters.looking import PATTERNS, Wanted

    if pattern is not None and pattern not in PATTERNS:
        fail(f"--pattern {pattern}: it is {', '.join(PATTERNS)}", Exit.USAGE)
    return Wanted(status, error_class, source, type_, item, pattern)


def _told(what: str, done: Done, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    number = len(done.letters)
    said = f"{number} would be {what}" if done.dry_run else f"{number} {what}"
    typer.echo(": ".join([said, *([", ".join(done.letters)] if done.letters else [])]))
    if done.not_open:
        typer.echo(f"not open: {', '.join(done.not_open)}")
    if done.more:
        typer.echo("the filter means more than these: --limit, or again")
