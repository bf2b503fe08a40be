"""`inventory proposals …`: look at what should be ordered, decide, send."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory_assets.commands.output import Exit, Json, fail, load_settings, print_grid, print_json
from inventory_assets.commands.planning import Author, Because
from inventory_assets.commands.quarantine import workspace_of

proposals = typer.Typer(no_args_is_help=True, help="Order proposals: look at them, approve or reject, send.")

Ids = Annotated[list[str], typer.Argument(help="Proposals by id, as `list` prints them.")]


@proposals.command("list")
def list_(
    supplier: Annotated[str | None, typer.Option("--supplier", help="Only of this supplier.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="proposed, approved, rejected or sent.")] = None,
    urgency: Annotated[str | None, typer.Option("--urgency", help="order_now or reorder.")] = None,
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
    as_json: Json = False,
) -> None:
    """Put approved lines into orders and write each order as CSV; again it writes only files that are missing."""
    from inventory_assets.pipeline.planning import send_orders

    settings = load_settings()
    folder = out or settings.data_dir.resolve() / "orders"
    sent = send_orders(workspace_of(settings), settings.writer_lock, folder, author)
    if as_json:
        print_json([{**asdict(each), "path": str(each.path)} for each in sent])
    elif not sent:
        typer.echo("nothing is approved")
    else:
        written = [each for each in sent if each.written]
        print_grid(("order", "lines", "file"), [(each.order_id, each.lines, str(each.path)) for each in written])
        typer.echo(f"{len(written)} files written, {len(sent) - len(written)} were there")


def _now() -> list[dict[str, Any]]:
    """Proposals as last computed, with what was decided since."""
    from inventory_assets.contracts.replenishment import ORDER_PROPOSALS, PROPOSAL_DECISIONS
    from inventory_assets.replenishment.deciding import standing

    lake = workspace_of(load_settings()).lake
    if lake.version(ORDER_PROPOSALS) is None:
        fail("no proposals were computed yet: `inventory replenish`", Exit.NOT_READY)
    states = {"approve": "approved", "reject": "rejected", "send": "sent"}
    said = standing(lake.scan(PROPOSAL_DECISIONS).collect()).by_proposal
    rows = []
    for row in lake.scan(ORDER_PROPOSALS).collect().to_dicts():
        decision = said.get(row["proposal_id"])
        fresh = {"state": states[decision["action"]], "quantity": decision["quantity"]} if decision is not None else {}
        rows.append({**row, **fresh})
    return rows


def _decide(wanted: list[str], action: str, author: str, because: str, quantity: int | None, *, as_json: bool) -> None:
    from inventory_assets.pipeline.planning import decide_about
    from inventory_assets.replenishment.deciding import DecisionError

    settings = load_settings()
    try:
        made = decide_about(workspace_of(settings), settings.writer_lock, wanted, action, author, because, quantity)
    except DecisionError as error:
        fail(str(error))
    if as_json:
        print_json({"asked": len(wanted), "decided": made.height, "rows": made.to_dicts()})
    else:
        typer.echo(f"{made.height} of {len(wanted)} decided, the others were so already")


def _shown(value: Any) -> Any:  # noqa: ANN401 - a cell
    return value if isinstance(value, int | float | None) else str(value)
