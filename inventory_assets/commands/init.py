"""`inventory init`: a folder with a template of every feed to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_json


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into, made where missing.")] = Path("templates"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
    as_json: Json = False,
) -> None:
    """Write a CSV template of every feed, with one example row and a page that explains the columns."""
    from inventory_assets.contracts.templates import templates

    files = {folder / name: text for name, text in templates().items()}
    landing = load_settings().landing
    if "://" not in landing and folder.resolve().is_relative_to(Path(landing).resolve()):
        fail(f"{folder} lies in the landing folder: the examples would be taken in as data", Exit.USAGE)
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        fail(f"nothing was written; {', '.join(there)} exist already. Name another folder, or overwrite with --force")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{error.filename} cannot be written: {error.strerror}")
    if as_json:
        print_json({"folder": str(folder), "files": sorted(str(path) for path in files)})
        return
    typer.echo(f"{len(files)} files in {folder}; begin with {folder / 'README.md'}")
    typer.echo(f"try one: inventory validate {folder / 'pos' / 'pos.csv'}")
