"""`inventory live deadletters …`: parts of events that failed for good.

What is done is in `live.dead_letters`; every act says who and why and is in the audit log.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.live.dead_letters.handling import Act, Key

deadletters = typer.Typer(help="Parts of events that failed for good.", no_args_is_help=True)

Letters = Annotated[list[str] | None, typer.Argument(help="Dead letters as `list` prints them: SEQUENCE/PART.")]
ErrorClass = Annotated[
    str | None, typer.Option("--class", help="Instead of letters: class of the error, as validation or timeout.")
]
Source = Annotated[str | None, typer.Option(help="Instead of letters: source of the events.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Letters at most.")]
Because = Annotated[str, typer.Option(help="Why, for the audit log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@deadletters.command("list")
def list_(
    status: Annotated[str, typer.Option(help="open, retried, edited, discarded, or all.")] = "open",
    error_class: ErrorClass = None,
    source: Source = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Dead letters in the order of the log."""
    from inventory_assets.live.dead_letters.handling import listed

    if status not in ("open", "retried", "edited", "discarded", "all"):
        fail(f"--status {status}: it is open, retried, edited, discarded or all", Exit.USAGE)
    wanted = None if status == "all" else status
    with _connection() as connection:
        found = listed(connection, status=wanted, error_class=error_class, source=source, limit=limit)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        columns = ("letter", "type", "item", "source", "class", "died", "state", "error")
        rows = [
            (_name(each.key), each.type, each.item, each.source, each.error_class, f"{each.died_at:%Y-%m-%d %H:%M:%S}",
             each.status, each.error_message[:100])
            for each in found
        ]  # fmt: skip
        print_grid(columns, rows)
    else:
        typer.echo("no dead letters")


@deadletters.command()
def show(letter: Annotated[str, typer.Argument(help="SEQUENCE/PART.")], as_json: Json = False) -> None:
    """A dead letter with its event and every attempt."""
    from inventory_assets.live.dead_letters.handling import shown

    with _connection() as connection:
        found = shown(connection, _key(letter))
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
def retry(
    because: Because,
    letters: Letters = None,
    error_class: ErrorClass = None,
    source: Source = None,
    limit: Limit = 100,
    priority: Annotated[int, typer.Option(min=1, max=7, help="Priority they get at least.")] = 1,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put letters back into the queue, for three more attempts."""
    from inventory_assets.live.dead_letters import handling

    with _connection() as connection:
        keys = _chosen(connection, letters, error_class, source, limit)
        done = handling.retry(connection, keys, _act(because), raised=priority, dry_run=dry_run)
    _told("put back", done, keys, dry_run=dry_run, as_json=as_json)


@deadletters.command()
def discard(
    because: Because,
    letters: Letters = None,
    error_class: ErrorClass = None,
    source: Source = None,
    limit: Limit = 100,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give letters up: what they would have done to live stock is never done."""
    from inventory_assets.live.dead_letters import handling

    with _connection() as connection:
        keys = _chosen(connection, letters, error_class, source, limit)
        done = handling.discard(connection, keys, _act(because), dry_run=dry_run)
    _told("given up", done, keys, dry_run=dry_run, as_json=as_json)


@deadletters.command()
def edit(
    letter: Annotated[str, typer.Argument(help="SEQUENCE/PART.")],
    data: Annotated[str, typer.Option(help='File with the whole corrected data as JSON; "-" for standard input.')],
    because: Because,
    as_json: Json = False,
) -> None:
    """Put a corrected event into the log instead of a letter."""
    from inventory_assets.live.dead_letters.handling import edit_and_retry
    from inventory_assets.live.log.accepting import UnreadableEventError
    from inventory_assets.live.log.entries import UnstorableEventError

    try:
        corrected = json.loads(sys.stdin.read() if data == "-" else Path(data).read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(f"--data {data}: {error}", Exit.USAGE)
    try:
        with _connection() as connection:
            sequence = edit_and_retry(connection, _key(letter), corrected, _act(because))
    except (UnreadableEventError, UnstorableEventError) as error:
        fail(f"the corrected data are not taken either: {error}")
    if sequence is None:
        fail(f"{letter} is not open any more")
    if as_json:
        print_json({"letter": letter, "sequence": sequence})
    else:
        typer.echo(f"{letter} is replaced by the event at sequence {sequence}")


def _chosen(
    connection: Connection, letters: list[str] | None, error_class: str | None, source: str | None, limit: int
) -> list[Key]:
    """Letters that are named, or the open ones of a class or source."""
    from inventory_assets.live.dead_letters.handling import listed

    if bool(letters) == bool(error_class or source):
        fail("name letters, or --class or --source", Exit.USAGE)
    if letters:
        return [_key(each) for each in letters]
    return [each.key for each in listed(connection, error_class=error_class, source=source, limit=limit)]


def _told(what: str, done: list[Key], keys: list[Key], *, dry_run: bool, as_json: bool) -> None:
    names, left = [_name(key) for key in done], [_name(key) for key in keys if key not in done]
    if as_json:
        print_json({"letters": names, "not_open": left, "dry_run": dry_run})
        return
    said = f"{len(names)} would be {what}" if dry_run else f"{len(names)} {what}"
    typer.echo(": ".join([said, *([", ".join(names)] if names else [])]))
    if left:
        typer.echo(f"not open: {', '.join(left)}")


def _name(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def _key(text: str) -> Key:
    sequence, _, part = text.partition("/")
    if not (sequence.isdecimal() and (part or "0").isdecimal() and len(sequence) < 19 and len(part) < 5):  # noqa: PLR2004 - digits of the columns
        fail(f"{text}: a dead letter is SEQUENCE/PART, as `inventory live deadletters list` prints it", Exit.USAGE)
    return int(sequence), int(part or 0)


def _act(because: str) -> Act:
    from inventory_assets.live.dead_letters.handling import Act

    return Act(load_settings().now(), f"{getpass.getuser()} at the command line", because)


@contextmanager
def _connection() -> Iterator[Connection]:
    """A connection that commits each statement; what goes wrong ends the command."""
    import psycopg

    from inventory_assets.live.database.opening import database_url
    from inventory_assets.live.database.problems import DatabaseDownError, DatabaseError
    from inventory_assets.live.dead_letters.handling import TooManyLettersError, UnknownLetterError
    from inventory_assets.operate.live_log import live_engine

    settings = load_settings()
    try:
        with live_engine(settings), psycopg.connect(database_url(settings), autocommit=True) as connection:
            yield connection
    except DatabaseDownError as error:
        fail(str(error), Exit.NOT_READY)
    except DatabaseError as error:
        fail(str(error))
    except (UnknownLetterError, TooManyLettersError) as error:
        fail(str(error), Exit.USAGE)
