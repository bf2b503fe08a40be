"""What only reads: `inventory status`, `sql`, `validate`, `config show`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from inventory_assets.commands.output import (
    Exit,
    Json,
    fail,
    load_settings,
    print_grid,
    print_json,
    working,
)
from inventory_assets.contracts.silver import PRODUCTS
from inventory_assets.settings import Settings

config = typer.Typer(no_args_is_help=True, help="Settings of this installation.")


def status(as_json: Json = False) -> None:
    """Rows of every table and what is open, the worst thing first; 1 where something is wrong, 3 where nothing is."""
    from inventory_assets.operate.doctor import live_attention
    from inventory_assets.operate.findings import open_points, worst_first
    from inventory_assets.operate.progress import progress

    settings = load_settings()
    with working("looking at landing folder, lake, publication and live layer"):
        now = progress(settings)
        points = worst_first([*open_points(now), *live_attention(settings)])
    if as_json:
        print_json(
            {
                "stage": now.stage,
                "findings": [{"severity": p.severity, "what": p.what, "mend": p.mend} for p in points],
                "files_found": now.files_found,
                "files_waiting": len(now.files_waiting),
                "rows": dict(now.rows),
            }
        )
    else:
        for point in points:
            typer.echo(f"{point.severity}: {point.what}\n    {point.mend}")
        if now.rows:
            print_grid(("table", "rows"), list(now.rows.items()))
        typer.echo(
            f"stage: {now.stage}; {now.files_found - len(now.files_waiting):,} of {now.files_found:,} files taken in"
        )
    if any(point.severity == "error" for point in points):
        raise typer.Exit(Exit.FINDING)
    if not now.rows:
        raise typer.Exit(Exit.NOT_READY)


def sql(
    query: Annotated[str, typer.Argument(help='One SELECT in DuckDB SQL; "-" reads it from standard input.')],
    limit: Annotated[int, typer.Option(min=1, help="Rows printed at most.")] = 1_000,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ask the tables as this UTC day left them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask the published DuckDB file; nothing can be changed through it."""
    from inventory_assets.lakehouse.tags import TagsError
    from inventory_assets.publish.layout import NothingPublishedError, PublishError
    from inventory_assets.publish.sql import query as ask

    settings = load_settings()
    text = sys.stdin.read() if query == "-" else query
    try:
        with _folder_of(settings, as_of) as folder:
            answer = ask(folder, text, limit=limit + 1)
    except (NothingPublishedError, TagsError) as error:
        fail(str(error), Exit.NOT_READY)
    except PublishError as error:
        fail(str(error))
    shown = answer.head(limit)
    if as_json:
        print_json(shown.to_dicts())
    else:
        print_grid(shown.columns, shown.rows())
    if answer.height > limit:
        typer.echo(f"only the first {limit:,} rows are shown; raise --limit", err=True)


@contextmanager
def _folder_of(settings: Settings, as_of: datetime | None) -> Iterator[Path]:
    """The serving folder, or one made for a past day that goes with the question."""
    if as_of is None:
        yield settings.serving
        return
    from inventory_assets.pipeline.open import open_workspace
    from inventory_assets.pipeline.publish import publish_as_of

    workspace = open_workspace(settings, lambda: datetime.now(UTC))
    with TemporaryDirectory(prefix="inventory-as-of-") as folder:
        with working(f"building the tables as {as_of:%Y-%m-%d} left them"):
            publish_as_of(workspace, as_of.date(), Path(folder))
        yield Path(folder)


def validate(
    file: Annotated[Path, typer.Argument(help="A file as a producer would send it.")],
    feed: Annotated[str | None, typer.Option(help="Its feed, where the path does not name it.")] = None,
    source: Annotated[str, typer.Option(help="Its source system.")] = "default",
    as_json: Json = False,
) -> None:
    """What would be accepted, what quarantined and why; nothing is ingested. 1 where a row would not be accepted."""
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.operate.validation import UnknownFeedError, feed_of
    from inventory_assets.operate.validation import validate as judge
    from inventory_assets.pipeline.open import open_profiles
    from inventory_assets.pipeline.silver import known_items

    settings = load_settings()
    lake = Lake(settings.lake, settings.secret_options)
    try:
        wanted = feed_of(file.resolve(), feed)
        with working(f"reading {file}"):
            known = known_items(lake, lake.pins((PRODUCTS,)))
            verdict = judge(file, wanted, source, open_profiles(settings), known, datetime.now(UTC))
    except UnknownFeedError as error:
        fail(str(error), Exit.USAGE)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    if as_json:
        print_json(asdict(verdict))
    else:
        typer.echo(
            f"{verdict.feed}: {verdict.rows:,} rows, {verdict.accepted:,} accepted, "
            f"{verdict.exact_repeats:,} exact repeats"
        )
        for warning in verdict.warnings:
            typer.echo(f"note: {warning}")
        if verdict.reasons:
            rows = [(each.reason, each.rows, each.first_row, each.detail) for each in verdict.reasons]
            print_grid(("reason", "rows", "first row", "what"), rows, "Would be quarantined")
    if verdict.reasons:
        raise typer.Exit(Exit.FINDING)


@config.command("show")
def show(as_json: Json = False) -> None:
    """Every setting with its value and origin; secrets are masked."""
    from inventory_assets.commands.configuration import described

    rows = described(load_settings())
    if as_json:
        print_json([row.plain() for row in rows])
    else:
        print_grid(("variable", "value", "from"), [(row.variable, row.shown, row.origin) for row in rows])
