"""`inventory params …` and `inventory whatif`: what people set for replenishment, and what a setting would change."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json, working
from inventory_assets.commands.quarantine import workspace_of

if TYPE_CHECKING:
    from inventory_assets.replenishment.parameters import Setting
    from inventory_assets.settings import Settings

params = typer.Typer(no_args_is_help=True, help="Parameters of replenishment: by item, class, supplier, or for all.")

Item = Annotated[str | None, typer.Option("--item", help="For this item.")]
Class = Annotated[str | None, typer.Option("--class", help="For this class: A, or A with X as in AX.")]
Category = Annotated[str | None, typer.Option("--category", help="For items of this category; promotions only.")]
Supplier = Annotated[str | None, typer.Option("--supplier", help="For items of this supplier.")]
Location = Annotated[str | None, typer.Option("--location", help="Only at this location.")]
Until = Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day it holds.")]
Because = Annotated[str, typer.Option("--because", help="Why; it is kept.")]
Author = Annotated[str, typer.Option("--author", help="Who; it is kept.")]
Values = Annotated[list[str], typer.Argument(help="Settings as NAME=VALUE; `inventory params names` explains them.")]


@params.command("names")
def names(as_json: Json = False) -> None:
    """Every parameter with its unit, default and meaning."""
    from inventory_assets.contracts.parameters import PARAMETERS

    rows = [
        {"name": each.name, "unit": each.unit, "default": each.default, "meaning": each.meaning}
        for each in PARAMETERS.values()
    ]
    if as_json:
        print_json(rows)
    else:
        print_grid(
            tuple(rows[0]), [tuple(str(cell) if cell is not None else None for cell in r.values()) for r in rows]
        )


@params.command("list")
def list_(
    item: Item = None,
    history: Annotated[bool, typer.Option("--history", help="All that was ever set, not what holds today.")] = False,
    as_json: Json = False,
) -> None:
    """What people set, and who and why."""
    import polars as pl

    from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
    from inventory_assets.replenishment.parameters import in_force

    workspace = workspace_of(load_settings())
    rows = workspace.lake.scan(PLANNING_PARAMETERS).collect()
    rows = rows.sort("set_at") if history else in_force(rows, workspace.now().date())
    if item is not None:
        rows = rows.filter(pl.col("scope") == "item", pl.col("scope_value") == item)
    columns = [name for name in rows.columns if name != "parameter_id"]
    if as_json:
        print_json(rows.to_dicts())
    elif rows.is_empty():
        typer.echo("nothing is set; the defaults hold (`inventory params names`)")
    else:
        print_grid(columns, rows.select(columns).rows())


@params.command("set")
def set_(
    values: Values,
    because: Because,
    author: Author,
    item: Item = None,
    of_class: Class = None,
    category: Category = None,
    supplier: Supplier = None,
    location: Location = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whether it can be set.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Compute policies and proposals again at once.")] = False,
    as_json: Json = False,
) -> None:
    """Set parameters; NAME= without a value takes back what was set. Without a scope it holds for everything."""
    scope = _scope({"item": item, "class": of_class, "category": category, "supplier": supplier})
    shared = (author, because, location, until.date() if until is not None else None)
    _store([_setting(scope, each, *shared) for each in values], dry_run=dry_run, now=now, as_json=as_json)


@params.command("load")
def load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV: scope, scope_value, name, value, and "
                                         "if wanted location_id, valid_until.")],
    because: Because,
    author: Author,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whether it can be set.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Compute policies and proposals again at once.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Set the parameters of a file, all or none; what is in force already is left alone."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        missing = {"scope", "scope_value", "name", "value"} - set(reader.fieldnames or ())
        if missing:
            fail(f"{file}: columns missing: {', '.join(sorted(missing))}", Exit.USAGE)
        rows = [{name: (cell or "").strip() for name, cell in row.items() if name} for row in reader]
    try:
        settings = [_from_file(row, author, because) for row in rows]
    except ValueError as error:
        fail(f"{file}: {error}", Exit.USAGE)
    _store(settings, dry_run=dry_run, now=now, as_json=as_json)


def whatif(
    item: Annotated[str, typer.Argument(help="Item.")],
    service: Annotated[float | None, typer.Option("--service", help="Service target, as in .98.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help="Any parameter as NAME=VALUE; repeatable.")] = None,
    location: Location = None,
    as_json: Json = False,
) -> None:
    """What the policy of an item would be under other parameters; nothing is saved."""
    from inventory_assets.contracts.parameters import ParameterError
    from inventory_assets.pipeline.planning import PlanningError, what_if

    given = [*(values or []), *([f"service_target={service}"] if service is not None else [])]
    if not given:
        fail("say what would be set: --service .98 or --set NAME=VALUE", Exit.USAGE)
    scope = ("item", item)
    settings = [_setting(scope, each, "whatif", "whatif", location, None) for each in given]
    try:
        with working("computing both"):
            rows = what_if(workspace_of(load_settings()), item, settings)
    except ParameterError as error:
        fail(str(error), Exit.USAGE)
    except PlanningError as error:
        fail(str(error), Exit.NOT_READY)
    if as_json:
        print_json(rows)
        return
    shown = [row for row in rows if row["now"] is not None or row["then"] is not None]
    print_grid(("location", "what", "now", "then"), [(r["location_id"], r["what"], r["now"], r["then"]) for r in shown])


def _scope(named: dict[str, str | None]) -> tuple[str, str]:
    given = [(scope, value) for scope, value in named.items() if value]
    if len(given) > 1:
        fail("name one of --item, --class, --category, --supplier", Exit.USAGE)
    return given[0] if given else ("default", "*")


def _setting(
    scope: tuple[str, str], said: str, author: str, because: str, location: str | None, until: date | None
) -> Setting:
    from inventory_assets.replenishment.parameters import Setting

    name, equals, value = said.partition("=")
    if not equals:
        fail(f"{said!r} is no NAME=VALUE", Exit.USAGE)
    return Setting(*scope, name.strip(), value.strip() or None, author, because, location, until)


def _from_file(row: dict[str, str], author: str, because: str) -> Setting:
    from inventory_assets.replenishment.parameters import Setting

    until = row.get("valid_until")
    return Setting(
        row["scope"], row["scope_value"], row["name"], row["value"] or None, author, because,
        row.get("location_id") or None, date.fromisoformat(until) if until else None,
    )  # fmt: skip


def _store(settings: list[Setting], *, dry_run: bool, now: bool, as_json: bool) -> None:
    from inventory_assets.contracts.parameters import ParameterError
    from inventory_assets.pipeline.planning import set_parameters

    own = load_settings()
    try:
        made = set_parameters(workspace_of(own), own.writer_lock, settings, dry_run=dry_run)
    except ParameterError as error:
        fail(str(error), Exit.USAGE)
    if now and not dry_run:
        replenish_now(own)
    shown: dict[str, Any] = {"asked": len(settings), "set": made.height, "dry_run": dry_run}
    if as_json:
        print_json({**shown, "rows": made.to_dicts()})
        return
    when = "nothing is stored" if dry_run else "computed" if now else "the next run of `replenish` works with it"
    typer.echo(f"{made.height} of {len(settings)} set, the others were so already; {when}")


def backtest(
    service: Annotated[float, typer.Option("--service", min=0.5, max=0.999, help="Wanted fill rate.")] = 0.95,
    lead_time: Annotated[int, typer.Option("--lead-time", min=0, max=180, help="Days from order to receipt.")] = 7,
    review: Annotated[int, typer.Option("--review", min=1, max=90, help="Days between two looks.")] = 7,
    days: Annotated[int, typer.Option("--days", min=28, max=730, help="Last days that are measured.")] = 182,
    as_json: Json = False,
) -> None:
    """What formulas for the order level would have reached on your own demand; nothing is saved. 3 without history."""
    from inventory_assets.pipeline.backtest import compared
    from inventory_assets.replenishment.comparing import Setup

    with working("replaying"):
        rows = compared(workspace_of(load_settings()), Setup(lead_time, review, service, days))
    if rows.is_empty():
        fail(f"demand is known for too few days: {days} measured ones and eight weeks before them", Exit.NOT_READY)
    if as_json:
        print_json(rows.to_dicts())
        return
    columns = ("policy", "fill_value", "fill_value_low", "fill_value_high", "cycle_service", "stock_value",
               "days_of_cover", "turns", "orders")  # fmt: skip
    print_grid(columns, rows.select(columns).rows())
    typer.echo(f"{rows['pairs'][0]:,} pairs, {rows['first_day'][0]} to {rows['last_day'][0]}")


def replenish(as_json: Json = False) -> None:
    """Compute policies, proposals and key figures now, as the nightly job does."""
    own = load_settings()
    replenish_now(own)
    if as_json:
        print_json({"replenished": True})
    else:
        typer.echo("computed; `inventory proposals list` shows what to order")


def replenish_now(settings: Settings) -> None:
    """Run the job `replenish` once."""
    from inventory_assets.operate.instance import InstanceError, run_job

    with working("computing policies and proposals; a run under way is waited for"):
        try:
            code = run_job(settings, "replenish", "refresh_inventory_policy", {})
        except InstanceError as error:
            fail(str(error))
    if code:
        fail(f"the run failed; see {settings.data_dir.resolve() / 'logs' / 'replenish.log'}")
