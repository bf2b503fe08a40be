"""What fills the landing folder: `inventory simulate history`, `inventory load …`, and the demo's first step."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inventory_assets.commands.output import Exit, Json, errors, fail, load_settings, print_grid, print_json, working
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.ingest.loaders import LoadResult

Origin = Literal["simulated", "online-retail", "scms"]
File = Annotated[Path, typer.Argument(help="The file as published.")]

simulate = typer.Typer(no_args_is_help=True, help="Make data that looks like a retailer's.")
load = typer.Typer(no_args_is_help=True, help="Bring a file into the landing folder; the sensors take it from there.")


def fill_landing(settings: Settings, origin: Origin, file: Path | None, *, days: int, seed: int) -> None:
    """Make sure that the landing folder holds the wanted data; what lies there already stays.

    A simulated history ends today, so a landing folder that holds one already is left alone: tomorrow's history would
    be a second retailer under the same names.
    """
    if origin != "simulated":
        if file is None:
            fail(f"--from {origin} needs --file with the path of the published data set", Exit.USAGE)
        _say(_load(settings, origin, file), as_json=False, to_stderr=True)
        return
    if file is not None:
        fail("--file goes with --from online-retail or scms", Exit.USAGE)
    from inventory_assets.ingest.landing import list_landing

    if list_landing(settings.landing).files:
        errors().print(f"{settings.landing} holds files already; going on with them", markup=False)
        return
    _simulate(settings, datetime.now(UTC).date(), days, seed, {})


@simulate.command("history")
def history(
    days: Annotated[int, typer.Option(min=1, help="Business days.")] = 60,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="All has happened before it.")] = None,
    stores: Annotated[int, typer.Option(min=1, help="Shops.")] = 6,
    items: Annotated[int, typer.Option(min=1, help="Products.")] = 120,
    dirt: Annotated[float, typer.Option(min=0, max=0.2, help="Injected faults per clean row.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 7,
    as_json: Json = False,
) -> None:
    """Write a consistent history of stores, warehouses and suppliers, with known faults, into the landing folder."""
    settings = load_settings()
    until = end.date() if end is not None else datetime.now(UTC).date()
    written = _simulate(settings, until, days, seed, {"stores": stores, "items": items, "dirt": dirt})
    if as_json:
        print_json({"landing": settings.landing, "files": len(written), "paths": written})
    else:
        typer.echo(f"{len(written):,} files in {settings.landing}")


@load.command("online-retail")
def online_retail(file: File, as_json: Json = False) -> None:
    """UCI Online Retail II, both sheets, as .parquet or .csv."""
    _say(_load(load_settings(), "online-retail", file), as_json=as_json)


@load.command("scms")
def scms(file: File, as_json: Json = False) -> None:
    """USAID SCMS purchase orders and deliveries."""
    _say(_load(load_settings(), "scms", file), as_json=as_json)


@load.command("stock")
def stock(
    file: Annotated[Path, typer.Argument(help="CSV: location_id, product_sku, quantity, as_of.")],
    source: Annotated[str, typer.Option(help="Source system the balances belong to.")] = "default",
    as_json: Json = False,
) -> None:
    """Opening balances: the stock of each item at a location and instant."""
    _say(_load(load_settings(), "stock", file, source), as_json=as_json)


def reread(
    file: Annotated[str, typer.Argument(help="Path below the landing folder, as `inventory status` names it.")],
    as_json: Json = False,
) -> None:
    """Take in a landing file again whose content changed under its name, as a new input; what it said before stays."""
    from inventory_assets.ingest.landing import list_landing
    from inventory_assets.operate.instance import InstanceError, run_refresh

    settings = load_settings()
    path = file.removeprefix(f"{settings.landing}/")
    if path not in {landed.path for landed in list_landing(settings.landing, settings.secret_options).files}:
        fail(f"{path} is no file of a known feed in {settings.landing}", Exit.NOT_READY)
    with working(f"reading {path} again and rebuilding its days"):
        try:
            code = run_refresh(settings, {"files": [path], "reread": True})
        except InstanceError as error:
            fail(str(error))
    if code:
        fail(f"the run failed; see {settings.data_dir.resolve() / 'logs' / 'refresh.log'}")
    if as_json:
        print_json({"read": path})
    else:
        typer.echo(f"{path} was read again")


def _simulate(settings: Settings, until: date, days: int, seed: int, sizes: dict[str, float]) -> list[str]:
    from inventory_assets.simulator import (
        SOURCE_SYSTEM,
        HistoryConfig,
        simulate_history,
        sources_toml,
        write_history,
    )
    from inventory_assets.simulator.config import SimulatorError

    with working(f"simulating {days} days until {until}"):
        try:
            made = simulate_history(HistoryConfig.ending(until, days=days, seed=seed, **sizes))
        except SimulatorError as error:
            fail(str(error), Exit.USAGE)
        declare_source(settings.sources_file, SOURCE_SYSTEM, sources_toml(made))
        written = write_history(made, Path(settings.landing), settings.data_dir.resolve() / "truth")
    return [str(path) for path in written]


def declare_source(sources_file: Path, name: str, profile: str) -> bool:
    """Add the profile of a source system to the data folder's `sources.toml`; one that is there already stays.

    Args:
        sources_file: the file, made where missing.
        name: source system.
        profile: its profile as TOML text.

    Returns:
        Whether it was added.
    """
    there = sources_file.read_text("utf-8") if sources_file.is_file() else ""
    if name in tomllib.loads(there):
        return False
    sources_file.parent.mkdir(parents=True, exist_ok=True)
    sources_file.write_text("\n".join(part for part in (there, profile) if part), encoding="utf-8")
    return True


def _load(
    settings: Settings, kind: Literal["online-retail", "scms", "stock"], file: Path, source: str = ""
) -> LoadResult:
    from inventory_assets.ingest.loaders import LoadError, load_online_retail, load_scms, load_stock
    from inventory_assets.pipeline.open import open_profiles

    profiles, landing = open_profiles(settings), Path(settings.landing)
    with working(f"reading {file}"):
        try:
            match kind:
                case "online-retail":
                    return load_online_retail(file, landing, profiles)
                case "scms":
                    return load_scms(file, landing, profiles)
                case "stock":
                    return load_stock(file, landing, source)
        except LoadError as error:
            fail(str(error))


def _say(result: LoadResult, *, as_json: bool, to_stderr: bool = False) -> None:
    if as_json:
        print_json(asdict(result))
        return
    if to_stderr:
        rows = ", ".join(f"{feed} {count:,}" for feed, count in result.rows.items())
        errors().print(
            f"{len(result.files):,} landing files, {result.written:,} of them new; rows: {rows}", markup=False
        )
        return
    print_grid(("feed", "rows"), list(result.rows.items()))
    typer.echo(f"{len(result.files):,} landing files, {result.written:,} of them new")
    for note in result.notes:
        typer.echo(f"note: {note}")
