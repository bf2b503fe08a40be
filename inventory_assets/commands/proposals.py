"""`inventory proposals …`: look at what should be ordered, decide, send."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json
from inventory_assets.commands.planning import Author, Because
from inventory_assets.commands.quarantine import workspace_of

if TYPE_CHECKING:
    import polars as pl

    from inventory_assets.live.outbox.approvals import Told
    from inventory_assets.operate.erp import Answer
    from inventory_assets.operate.ordering import Plan, Sending

proposals = typer.Typer(no_args_is_help=True, help="Order proposals: look at them, approve or reject, send.")

Ids = Annotated[list[str], typer.Argument(help="Proposals by id, as `list` prints them.")]


@proposals.command("list")
def list_(
    supplier: Annotated[str | None, typer.Option("--supplier", help="Only of this supplier.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="proposed, approved, rejected, sent or confirmed.")
    ] = None,
    urgency: Annotated[str | None, typer.Option("--urgency", help="emergency, order_now or reorder.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows printed at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Proposals as last computed, the most urgent first. 3 if none were ever computed."""
    rows = _now()
    for name, wanted in (("supplier_id", supplier), ("state", state), ("urgency", urgency)):
        rows = [row for row in rows if wanted is None or row[name] == wanted]
    if as_json:
        print_json(rows[:limit])
        return
    columns = ("proposal_id", "kind", "product_sku", "location_id", "supplier_id", "quantity", "value", "urgency",
               "order_on", "state", "held")  # fmt: skip
    print_grid(columns, [tuple(_shown(row[name]) for name in columns) for row in rows[:limit]])
    if len(rows) > limit:
        typer.echo(f"only the first {limit} of {len(rows)} are shown; raise --limit", err=True)


@proposals.command("show")
def show(proposal: Annotated[str, typer.Argument(help="Proposal by id.")], as_json: Json = False) -> None:
    """One proposal with its arithmetic and inputs."""
    found = [row for row in _now() if row["proposal_id"] == proposal]
    if not found:
        fail(f"{proposal}: there is no such proposal now; `inventory proposals list` shows them")
    if as_json:
        print_json(found[0])
        return
    typer.echo(found[0]["sentence"])
    print_grid(("what", "value"), [(name, _shown(value)) for name, value in found[0].items() if value is not None])


@proposals.command("approve")
def approve(
    wanted: Ids,
    author: Author,
    because: Because = "approved as proposed",
    quantity: Annotated[int | None, typer.Option("--quantity", min=1, help="Other units; for one proposal.")] = None,
    as_json: Json = False,
) -> None:
    """Approve proposals; one that was approved before stays one order."""
    _decide(wanted, "approve", author, because, quantity, as_json=as_json)


@proposals.command("reject")
def reject(wanted: Ids, author: Author, because: Because, as_json: Json = False) -> None:
    """Reject proposals; the same is not proposed again while its inputs hardly change."""
    _decide(wanted, "reject", author, because, None, as_json=as_json)


@proposals.command("send")
def send(
    author: Author,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the files; orders/ of the data folder.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    as_json: Json = False,
) -> None:
    """Send what is approved: events, requests to the ordering system, CSV files; each once. 1 where one did not go."""
    from inventory_assets.operate.erp import ErpError
    from inventory_assets.operate.ordering import planned, send_approved

    settings = load_settings()
    folder = out or settings.data_dir.resolve() / "orders"
    try:
        if dry_run:
            _show_plan(planned(settings, workspace_of(settings)), as_json=as_json)
            return
        sent = send_approved(settings, workspace_of(settings), folder, author)
    except ErpError as error:
        fail(str(error), Exit.USAGE)
    _show_sending(sent, as_json=as_json)
    missing = [each for each in sent.posted or () if each.posted != "taken"]
    problems = [
        *(sent.told.problems if sent.told else ()),
        *(f"{each.line.proposal_id}: {each.posted}: {each.said}" for each in missing),
    ]
    if problems:
        fail("\n".join(problems))


@proposals.command("confirm")
def confirm(wanted: Ids, author: Author, because: Because, as_json: Json = False) -> None:
    """Say that suppliers will deliver what was sent; their own reports say so by themselves."""
    from inventory_assets.pipeline.proposals import confirm_sent
    from inventory_assets.replenishment.deciding import DecisionError

    settings = load_settings()
    try:
        made = confirm_sent(workspace_of(settings), settings.writer_lock, wanted, author, because)
    except DecisionError as error:
        fail(str(error))
    _show_decided(len(wanted), made, as_json=as_json)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json({"lines": plan.lines, "events": plan.events, "erp": plan.erp})
        return
    columns = ("proposal_id", "kind", "product_sku", "location_id", "supplier_id", "quantity")
    print_grid(columns, [tuple(_shown(row[name]) for name in columns) for row in plan.lines])
    typer.echo(f"would be sent: {len(plan.lines)} lines; nothing was written")
    typer.echo("no live database: no event" if plan.events is None else f"events that are told once: {plan.events}")
    typer.echo("no ordering system is set: no request" if plan.erp is None else f"purchases are posted to {plan.erp}")


def _show_sending(sent: Sending, *, as_json: bool) -> None:
    if as_json:
        told, posted = (None if sent.told is None else asdict(sent.told)), sent.posted
        orders = [{**asdict(each), "path": str(each.path)} for each in sent.files]
        print_json(
            {"events": told, "erp": None if posted is None else [_answer(each) for each in posted], "orders": orders}
        )
        return
    written = [each for each in sent.files if each.written]
    print_grid(("order", "lines", "file"), [(each.order_id, each.lines, str(each.path)) for each in written])
    typer.echo(f"{len(written)} files written, {len(sent.files) - len(written)} were there")
    _say_told(sent.told)
    if sent.posted is not None:
        typer.echo(
            f"ordering system: {sum(each.posted == 'taken' for each in sent.posted)} of {len(sent.posted)} taken"
        )


def _say_told(told: Told | None) -> None:
    if told is not None:
        typer.echo(f"events: {told.new} told, {told.before} were told before")


def _answer(answer: Answer) -> dict[str, Any]:
    said = {name: getattr(answer, name) for name in ("posted", "said", "number", "attempts")}
    return {"proposal_id": answer.line.proposal_id, **said}


def _now() -> list[dict[str, Any]]:
    """Proposals as last computed, with what was decided since."""
    from inventory_assets.pipeline.proposals import current_proposals

    rows = current_proposals(workspace_of(load_settings()).lake)
    if rows is None:
        fail("no proposals were computed yet: `inventory replenish`", Exit.NOT_READY)
    return rows


def _decide(wanted: list[str], action: str, author: str, because: str, quantity: int | None, *, as_json: bool) -> None:
    from inventory_assets.pipeline.proposals import decide_about
    from inventory_assets.replenishment.deciding import DecisionError

    settings = load_settings()
    try:
        made = decide_about(workspace_of(settings), settings.writer_lock, wanted, action, author, because, quantity)
    except DecisionError as error:
        fail(str(error))
    _show_decided(len(wanted), made, as_json=as_json)


def _show_decided(asked: int, made: pl.DataFrame, *, as_json: bool) -> None:
    if as_json:
        print_json({"asked": asked, "decided": made.height, "rows": made.to_dicts()})
    else:
        typer.echo(f"{made.height} of {asked} decided, the others were so already")


def _shown(value: Any) -> Any:  # noqa: ANN401 - a cell
    return value if isinstance(value, int | float | None) else str(value)
