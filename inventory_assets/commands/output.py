"""How every sub-command prints: results to stdout (text or JSON), everything else to stderr; exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table as Grid

from inventory_assets.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Exit(IntEnum):
    """Exit codes of `inventory`; docs/cli.md explains them."""

    OK = 0
    FINDING = 1
    USAGE = 2
    NOT_READY = 3
    INTERRUPTED = 130


def errors() -> Console:
    """Console for progress and messages."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str, code: Exit = Exit.FINDING) -> NoReturn:
    """Say what is wrong and leave with a code."""
    errors().print(message, style="red", markup=False)
    raise typer.Exit(code)


def say(line: str) -> None:
    """Tell people something while a command serves."""
    errors().print(line, markup=False)


def load_settings() -> Settings:
    """Settings of the environment; a bad value ends the command and names its variable."""
    from pydantic import ValidationError

    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"INVENTORY_{'__'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        fail(f"settings are not usable: {faults}. See docs/configuration.md.", Exit.USAGE)


def print_json(value: object) -> None:
    """Print a value as JSON; decimals as text, so that no digit is lost."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_grid(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """Print rows as a table; numbers to the right."""
    grid = Grid(title=title, title_justify="left", header_style="bold")
    for position, name in enumerate(columns):
        numeric = all(isinstance(row[position], int | float | Decimal | None) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(text_of(value) for value in row))
    Console(highlight=False, markup=False).print(grid)


def text_of(value: object) -> str:
    """A value as people read it: numbers in groups of three, null as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on stderr that something takes its time."""
    console = errors()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"{what} …", markup=False)
        yield


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
