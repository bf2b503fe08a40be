"""`inventory quarantine …`: look at rows that could not be used, and decide about them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json, working

if TYPE_CHECKING:
    from inventory_assets.medallion.silver_deciding import Wish
    from inventory_assets.pipeline.deciding import Decided
    from inventory_assets.pipeline.quarantine import Selection
    from inventory_assets.pipeline.workspace import Workspace
    from inventory_assets.settings import Settings

quarantine = typer.Typer(no_args_is_help=True, help="Rows that could not be used: look at them, decide about them.")

Rows = Annotated[list[str] | None, typer.Argument(help="Rows as `list` prints them: <feed>/<path>#<row>.")]
Code = Annotated[str | None, typer.Option("--reason", help="Rows with this reason; `type` is any column.")]
Feed = Annotated[str | None, typer.Option("--feed", help="Rows of this feed.")]
Source = Annotated[str | None, typer.Option("--source", help="Rows of this source system.")]
Day = Annotated[str | None, typer.Option("--day", help="Rows of this business day; `none`: rows without one.")]
File = Annotated[str | None, typer.Option("--file", help="Rows of this file, by its path below the landing folder.")]
Because = Annotated[str, typer.Option("--because", help="Why; it is kept with the decision.")]
Author = Annotated[str, typer.Option("--author", help="Who decides; it is kept with the decision.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be decided and what becomes of it.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="Rows decided about at most; more of them: nothing is.")]
Now = Annotated[bool, typer.Option("--refresh", help="Rebuild the days at once instead of leaving it to the sensor.")]


@quarantine.command("list")
def list_(
    reason: Code = None,
    feed: Feed = None,
    source: Source = None,
    day: Day = None,
    file: File = None,
    discarded: Annotated[bool, typer.Option("--discarded", help="With rows that were discarded.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows printed at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Rows in quarantine, the newest day first, and how many there are of each reason."""
    from inventory_assets.contracts.reasons import explained
    from inventory_assets.pipeline.quarantine import selected

    wanted = selection(reason, feed, source, day, file, discarded=discarded)
    rows = selected(workspace_of(load_settings()).lake, wanted)
    counts = rows.group_by("reason").len("rows").sort("rows", "reason", descending=[True, False])
    shown = rows.head(limit)
    if as_json:
        reasons = [{**count, "do": explained(count["reason"]).mend} for count in counts.to_dicts()]
        print_json({"rows": rows.height, "reasons": reasons, "shown": shown.to_dicts()})
        return
    if not rows.height:
        typer.echo("nothing in quarantine" if wanted.empty else "nothing in quarantine that is so")
        return
    columns = ("row", "reasons", "source_system", "event_date", "business_key", "quantity")
    print_grid(columns, shown.select(columns).rows())
    print_grid(("reason", "rows", "what to do"), [(*c, explained(c[0]).mend) for c in counts.rows()])
    if rows.height > limit:
        typer.echo(f"only the first {limit:,} of {rows.height:,} rows are shown; raise --limit", err=True)


@quarantine.command("show")
def show(
    row: Annotated[str, typer.Argument(help="A row as `list` prints it; one that is not in quarantine too.")],
    as_json: Json = False,
) -> None:
    """All that is known of a row: what was sent, what is wrong, what to do, what was decided."""
    from inventory_assets.contracts.reasons import explained
    from inventory_assets.pipeline.quarantine import QuarantineError, shown

    try:
        known = shown(workspace_of(load_settings()), row)
    except QuarantineError as error:
        fail(str(error))
    advice = {code: explained(code) for code in known["reasons"]}
    if as_json:
        told = [{"reason": code, "meaning": each.meaning, "do": each.mend} for code, each in advice.items()]
        print_json({**known, "reasons": told})
        return
    typer.echo(f"{known['row']}  day {known['event_date'] or '–'}")
    if not advice:
        typer.echo("not in quarantine")
    for code, each in advice.items():
        typer.echo(f"{code}: {each.meaning}\n    {each.mend}")
    if known["detail"]:
        typer.echo(known["detail"])
    print_grid(("column", "value now"), list(known["cells"].items()))
    print_grid(("read as", ""), list(known["read"].items()))
    if known["decisions"]:
        rows = [(d["decided_at"], d["action"], d["changes"], d["actor"], d["reason"]) for d in known["decisions"]]
        print_grid(("decided at", "action", "changes", "by", "because"), rows)


@quarantine.command("release")
def release(
    because: Because,
    author: Author,
    rows: Rows = None,
    reason: Code = None,
    feed: Feed = None,
    source: Source = None,
    day: Day = None,
    file: File = None,
    limit: Most = 100,
    dry_run: DryRun = False,
    refresh: Now = False,
    as_json: Json = False,
) -> None:
    """Take rows as they are; a refused file is read row by row. 1 where nothing can be decided about one of them."""
    wanted = selection(reason, feed, source, day, file)
    decide("release", rows, wanted, limit, author, because, None, dry_run=dry_run, refresh=refresh, as_json=as_json)


@quarantine.command("fix")
def fix(
    because: Because,
    author: Author,
    cells: Annotated[list[str], typer.Option("--set", help="column=value, repeatable; column= empties the cell.")],
    rows: Rows = None,
    reason: Code = None,
    feed: Feed = None,
    source: Source = None,
    day: Day = None,
    file: File = None,
    limit: Most = 100,
    dry_run: DryRun = False,
    refresh: Now = False,
    as_json: Json = False,
) -> None:
    """Give cells another value; a new time moves the row to its day. 1 where it cannot be done to one of them."""
    wanted = selection(reason, feed, source, day, file)
    given = changes(cells)
    decide("fix", rows, wanted, limit, author, because, given, dry_run=dry_run, refresh=refresh, as_json=as_json)


@quarantine.command("discard")
def discard(
    because: Because,
    author: Author,
    rows: Rows = None,
    reason: Code = None,
    feed: Feed = None,
    source: Source = None,
    day: Day = None,
    file: File = None,
    limit: Most = 100,
    dry_run: DryRun = False,
    refresh: Now = False,
    as_json: Json = False,
) -> None:
    """Take rows out for good, accepted ones too; a release takes it back. 1 where it cannot be done to one of them."""
    wanted = selection(reason, feed, source, day, file)
    decide("discard", rows, wanted, limit, author, because, None, dry_run=dry_run, refresh=refresh, as_json=as_json)


def decide(
    action: str,
    references: list[str] | None,
    wanted: Selection,
    limit: int,
    author: str,
    because: str,
    cells: dict[str, str | None] | None,
    *,
    dry_run: bool,
    refresh: bool,
    as_json: bool,
) -> None:
    """Decide about the rows named or selected, and say what becomes of them."""
    from inventory_assets.medallion.silver_deciding import FixError, Wish
    from inventory_assets.pipeline.deciding import request
    from inventory_assets.pipeline.quarantine import QuarantineError, named, selected

    if not author.strip() or not because.strip():
        fail("--author and --because must say something", Exit.USAGE)
    if bool(references) == (not wanted.empty):
        fail("name rows, or select them by --reason, --feed, --source, --day, --file; one of both", Exit.USAGE)
    settings = load_settings()
    workspace = workspace_of(settings)
    wish = Wish(action, author.strip(), because.strip(), cells)
    try:
        rows = named(workspace.lake, references) if references else selected(workspace.lake, wanted)
        if rows.height > limit:
            fail(f"{rows.height:,} rows are meant, more than --limit {limit:,}; nothing was decided")
        with working(f"looking at {rows.height:,} rows"):
            done = request(workspace, rows, wish, dry_run=dry_run)
    except QuarantineError as error:
        fail(str(error))
    except FixError as error:
        fail(str(error), Exit.USAGE)
    if refresh and not dry_run:
        refresh_now(settings)
    say(done, wish, dry_run=dry_run, refreshed=refresh, as_json=as_json)


def say(done: Decided, wish: Wish, *, dry_run: bool, refreshed: bool, as_json: bool) -> None:
    """Print what was decided; exit 1 where something was refused."""
    fresh = [verdict for verdict in done.verdicts if verdict.decision_id]
    if as_json:
        print_json({"dry_run": dry_run, "action": wish.action, **asdict(done)})
    else:
        rows = [(v.row, ",".join(v.reasons), wish.action if v.decision_id else "as before",
                 " ".join(str(day or "none") for day in v.days), v.then) for v in done.verdicts]  # fmt: skip
        if rows:
            print_grid(("row", "reasons", "decision", "days", "then"), rows)
        for row, why in done.refused.items():
            typer.echo(f"{row}: nothing decided: {why}", err=True)
        days = {day for verdict in fresh for day in verdict.days}
        if dry_run:
            typer.echo(f"{len(fresh):,} decisions would be written, {len(days):,} days rebuilt")
        elif done.written:
            when = "rebuilt" if refreshed else "rebuilt by the next refresh, which the sensor asks for"
            typer.echo(f"{done.written:,} decisions written; {len(days):,} days are {when}")
        elif done.verdicts:
            typer.echo("decided so before; nothing was written")
        elif not done.refused:
            typer.echo("no such row in quarantine")
    if done.refused:
        raise typer.Exit(Exit.FINDING)


def refresh_now(settings: Settings) -> None:
    """Run the refresh job once."""
    from inventory_assets.operate.instance import InstanceError, run_refresh

    with working("rebuilding"):
        try:
            code = run_refresh(settings, {})
        except InstanceError as error:
            fail(str(error))
    if code:
        fail(f"decided, but the run failed; see {settings.data_dir.resolve() / 'logs' / 'refresh.log'}")


def changes(cells: list[str]) -> dict[str, str | None]:
    """New cells by column."""
    given: dict[str, str | None] = {}
    for text in cells:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            fail(f"--set {text!r}: write column=value", Exit.USAGE)
        given[name.strip()] = value.strip() or None
    return given


def selection(
    reason: str | None,
    feed: str | None,
    source: str | None,
    day: str | None,
    file: str | None,
    *,
    discarded: bool = False,
) -> Selection:
    """What the options select."""
    from inventory_assets.contracts.feeds import FEEDS
    from inventory_assets.contracts.silver import REASONS
    from inventory_assets.pipeline.quarantine import Selection

    if feed is not None and feed not in FEEDS:
        fail(f"--feed {feed!r} is none of {', '.join(FEEDS)}", Exit.USAGE)
    if reason is not None and reason.split(":")[0] not in {code.split(":")[0] for code in REASONS}:
        fail(f"--reason {reason!r} is none of {', '.join(REASONS)}", Exit.USAGE)
    on: tuple[date | None] | None = None
    if day is not None:
        try:
            on = (None if day == "none" else date.fromisoformat(day),)
        except ValueError:
            fail(f"--day {day!r} is neither a date such as 2026-01-31 nor none", Exit.USAGE)
    return Selection(reason, feed, source, on, file, discarded=discarded)


def workspace_of(settings: Settings) -> Workspace:
    """The workspace of this installation."""
    from inventory_assets.pipeline.open import open_workspace

    return open_workspace(settings, settings.now)
