"""Order proposals: what to order or move today, each with its arithmetic and a stable identity.

Inputs are the policy of each pair, its position, what was decided before, and what was proposed last time. The identity
is a hash of the inputs and of the last approved proposal for the pair: computed again it is the same proposal, and
after an approval it is a new one. Invariants: more on order never raises what is proposed; a pair with unknown stock
has no proposal; nothing moves that takes its giver below its own reorder point; the sentence's figures give the
quantity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import polars as pl

from inventory_assets.contracts.replenishment import ORDER_PROPOSALS
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.replenishment.deciding import as_decided, standing
from inventory_assets.replenishment.emergencies import URGENCY as EMERGENCY
from inventory_assets.replenishment.emergencies import Emergency, emergency_rows
from inventory_assets.replenishment.explaining import changes, position_words, urgency, wanted_units, wish_words
from inventory_assets.replenishment.explaining import sentence as explained
from inventory_assets.replenishment.rounding import WORDS, round_order
from inventory_assets.replenishment.sharing import Place, transfers

Row = dict[str, Any]
PAIR = ("product_sku", "location_id")
URGENT = {EMERGENCY: 0, "order_now": 1, "reorder": 2, "ok": 3}
NO_TRANSFERS_FOLLOWED = "transfers to this location are not followed; none under way is taken"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What proposals are made from.

    Attributes:
        policy: rows of `replenishment/inventory_policy`.
        position: rows of `gold/inventory_position`.
        under_way: product_sku, location_id, incoming, outgoing: units of approved proposals that no report shows yet.
        decisions: rows of `replenishment/proposal_decisions`.
        last: rows of `replenishment/order_proposals` as computed last time.
        warehouses: locations that are warehouses.
        today: the day.
        emergencies: what was asked for at once.
    """

    policy: pl.DataFrame
    position: pl.DataFrame
    under_way: pl.DataFrame
    decisions: pl.DataFrame
    last: pl.DataFrame
    warehouses: frozenset[str]
    today: date
    emergencies: tuple[Emergency, ...] = ()


def stock_now(inputs: Inputs) -> pl.DataFrame:
    """Policy and known position of every pair that has both: what proposals, alerts and projections start from.

    Returns:
        Columns of the policy, on_hand, unavailable, reserved, on_order, in_transit, approved_before, outgoing,
        stock_basis, position, free, and doubts (text, nullable).
    """
    known = inputs.position.filter(pl.col("on_hand").is_not_null(), pl.col("on_order").is_not_null())
    numbers = known.select(
        *PAIR, "on_hand", "unavailable", "on_order", "stock_basis", pl.col("reserved").fill_null(0),
        pl.col("in_transit").fill_null(0),
        doubts=pl.when(pl.col("in_transit").is_null()).then(pl.lit(NO_TRANSFERS_FOLLOWED)),
    )  # fmt: skip
    levels = inputs.policy.filter(pl.col("reorder_point").is_not_null())
    return (
        levels.join(numbers, on=PAIR, how="inner")
        .join(inputs.under_way, on=PAIR, how="left")
        .with_columns(approved_before=pl.col("incoming").fill_null(0), outgoing=pl.col("outgoing").fill_null(0))
        .with_columns(free=pl.col("on_hand") - pl.col("unavailable") - pl.col("reserved") - pl.col("outgoing"))
        .with_columns(position=pl.sum_horizontal("free", "on_order", "in_transit", "approved_before"))
        .sort(PAIR)
    )


def proposals(inputs: Inputs) -> pl.DataFrame:
    """Rows of `replenishment/order_proposals` for today."""
    stock = stock_now(inputs)
    approved_before = standing(inputs.decisions).last_approved
    made: list[Row] = []
    for item in stock.partition_by("product_sku", maintain_order=True):
        rows = item.to_dicts()
        due = [row for row in rows if _is_due(row)]
        if due:
            made += _of_item(rows, due, inputs)
    kept = _kept(made, inputs)
    for row in kept:
        row.setdefault("proposal_id", _identity(row, approved_before.get((row["product_sku"], row["location_id"]))))
    _hold(kept)
    kept += _emergencies(inputs)
    return _as_table([*_with_states(kept, inputs), *_decided(inputs)], inputs.today)


def _emergencies(inputs: Inputs) -> list[Row]:
    """Proposals of emergencies that were not approved yet; what was approved is under way."""
    said = standing(inputs.decisions).by_proposal
    fresh = [each for each in inputs.emergencies if said.get(each.proposal_id, {}).get("action") in (None, "reject")]
    return emergency_rows(fresh, inputs.policy, inputs.position, inputs.under_way, inputs.today)


def _is_due(row: Row) -> bool:
    return row["position"] <= row["reorder_point"] and wanted_units(row) > 0


def _of_item(rows: Sequence[Row], due: Sequence[Row], inputs: Inputs) -> list[Row]:
    """Transfers and purchases of one item."""
    needs = {row["location_id"]: wanted_units(row) for row in due if row["may_transfer"]}
    givers = [
        Place(row["location_id"], max(row["free"], 0), row["position"], row["reorder_point"], row["order_up_to"],
              row["location_id"] in inputs.warehouses)
        for row in rows
        if not _is_due(row)
    ]  # fmt: skip
    pack = max((row["pack"] for row in due), default=1)
    moves = transfers(givers, needs, pack)
    made: list[Row] = []
    for row in due:
        coming = [(giver, units) for giver, taker, units in moves if taker == row["location_id"]]
        before = 0
        for giver, units in coming:
            made.append(_transfer(row, giver, units, before, inputs.today))
            before += units
        bought = _purchase(row, before, inputs.today)
        made += [bought] if bought is not None else []
    return made


def _transfer(row: Row, giver: str, units: int, before: int, today: date) -> Row:
    wanted = wanted_units(row)
    arrives = today + timedelta(days=ceil(row["transfer_days"]))
    words = f"{position_words(row)}; {wish_words(row)}; − {before} from elsewhere; {giver} gives {units}"
    return {
        **_shared(row, today), "kind": "transfer", "from_location_id": giver, "supplier_id": None, "quantity": units,
        "wanted": wanted, "transferred": before, "changes": None, "sentence": f"{words}.", "order_on": today,
        "expected_on": arrives, "warning": "; ".join(_doubts(row)) or None,
    }  # fmt: skip


def _doubts(row: Row) -> list[str]:
    """What is not sure about the stock a proposal starts from."""
    assumed = ["the stock is an assumption of the settings; count it"] if row["stock_basis"] == "assumed" else []
    return [*([row["doubts"]] if row["doubts"] else []), *assumed]


def _purchase(row: Row, transferred: int, today: date) -> Row | None:
    wanted = wanted_units(row)
    missing = wanted - transferred
    if missing <= 0:
        return None
    least = max(row["minimum_order"], row["economic_quantity"] or 0) if row["rule"] == "calculated" else row[
        "minimum_order"
    ]  # fmt: skip
    rounded = round_order(
        missing, least, row["pack"], position=row["position"] + transferred,
        shelf_life=_or_nan(row["shelf_life_days"]), day_demand=row["demand_mean_day"],
        maximum_stock=_or_nan(row["maximum_stock"]),
    )  # fmt: skip
    quantity = int(rounded.quantity)
    if quantity == 0:
        return None
    on = order_day(today, row["order_days"], row["closed_days"])
    after = row["position"] + transferred + quantity
    warnings = _doubts(row)
    if row["demand_mean_day"] > 0 and after / row["demand_mean_day"] > row["overstock_cover_days"]:
        warnings.append(
            f"overstock: the position would last {after / row['demand_mean_day']:.0f} days, more than "
            f"{row['overstock_cover_days']:.0f}"
        )
    if row["supplier_id"] is None:
        warnings.append("the item master names no supplier")
    return {
        **_shared(row, today), "kind": "purchase", "from_location_id": None, "supplier_id": row["supplier_id"],
        "quantity": quantity, "wanted": wanted, "transferred": transferred,
        "changes": ",".join(changes(row, rounded)) or None,
        "sentence": explained(row, wanted, transferred, least, rounded),
        "order_on": on, "expected_on": on + timedelta(days=ceil(row["lead_time_days"])),
        "warning": "; ".join(warnings) or None,
    }  # fmt: skip


def stopped_orders(inputs: Inputs) -> list[tuple[Row, str]]:
    """Due pairs for which nothing can be ordered because limits contradict each other, with the reasons in words."""
    found = []
    for row in stock_now(inputs).to_dicts():
        if not _is_due(row):
            continue
        rounded = round_order(
            wanted_units(row), row["minimum_order"], row["pack"], position=row["position"],
            shelf_life=_or_nan(row["shelf_life_days"]), day_demand=row["demand_mean_day"],
            maximum_stock=_or_nan(row["maximum_stock"]),
        )  # fmt: skip
        if int(rounded.quantity) == 0:
            found.append((row, "; ".join(WORDS[reason] for reason in rounded.of(0))))
    return found


def order_day(today: date, order_days: str | None, closed_days: str | None) -> date:
    """The first day from today on which the supplier takes orders.

    Args:
        today: the day.
        order_days: days of the week, 1 = Monday, comma between; None for all.
        closed_days: dates, comma between; None for none.
    """
    week = {int(each) for each in order_days.split(",")} if order_days else set(range(1, 8))
    closed = {date.fromisoformat(each.strip()) for each in closed_days.split(",")} if closed_days else set()
    on = today
    while on.isoweekday() not in week or on in closed:
        on += timedelta(days=1)
    return on


def _shared(row: Row, today: date) -> Row:
    return {
        **{name: row[name] for name in (
            *PAIR, "unit_cost", "currency", "on_hand", "unavailable", "reserved", "on_order", "in_transit",
            "position", "reorder_point", "order_up_to", "stock_basis", "keep_within", "pack", "supplier_minimum",
            "budget", "demand_mean_day", "review_period_days",
        )},
        "approved_before": row["approved_before"],
        "outgoing": row["outgoing"],
        "urgency": urgency(row),
        "made_on": today,
    }  # fmt: skip


def _kept(made: list[Row], inputs: Inputs) -> list[Row]:
    """Proposals of earlier days stand where today's differ little; the others are today's."""
    open_before = {
        (row["kind"], row["product_sku"], row["location_id"], row["from_location_id"]): row
        for row in inputs.last.to_dicts()
        if row["state"] in ("proposed", "rejected") and row["urgency"] != EMERGENCY
    }
    found = []
    for row in made:
        place = (row["kind"], row["product_sku"], row["location_id"], row["from_location_id"])
        before = open_before.get(place)
        if before is not None and _stands(before, row):
            # what the day changes: how pressing it is, when it can be ordered, the limits of the supplier
            fresh = {name: row[name] for name in ("urgency", "order_on", "expected_on", "supplier_minimum", "budget")}
            found.append({**row, **before, **fresh, "outgoing": row["outgoing"], "held": None})
        else:
            found.append(row)
    return found


def _stands(before: Row, row: Row) -> bool:
    """Whether an earlier proposal is near enough to stay; a transfer only where its giver still has as much."""
    usual = max(before["quantity"], row["demand_mean_day"] * row["review_period_days"])
    near = abs(row["quantity"] - before["quantity"]) <= max(row["pack"], row["keep_within"] * usual)
    same = all(before[name] == row[name] for name in ("supplier_id", "approved_before"))
    return near and same and (row["kind"] == "purchase" or before["quantity"] <= row["quantity"])


def _identity(row: Row, after: str | None) -> str:
    """Hash of what a proposal rests on, days apart, and of the last approved one for its pair."""
    names = ("kind", *PAIR, "supplier_id", "from_location_id", "quantity", "on_hand", "unavailable", "reserved",
             "on_order", "in_transit", "approved_before", "reorder_point", "order_up_to")  # fmt: skip
    said = json.dumps([*(row[name] for name in names), after], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def _hold(rows: list[Row]) -> None:
    """Mark the lines of a supplier that should wait: below its minimum value, or over the budget of the day."""
    for row in rows:
        row["held"] = None
        row["value"] = row["unit_cost"] * row["quantity"] if row["unit_cost"] is not None else None
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["kind"] == "purchase" and row["supplier_id"] is not None:
            groups.setdefault((row["supplier_id"], row["currency"] or ""), []).append(row)
    for lines in groups.values():
        budgets = [row["budget"] for row in lines if row["budget"] is not None]
        if budgets:
            _hold_over_budget(lines, Decimal(str(min(budgets))))
        least = [row["supplier_minimum"] for row in lines if row["supplier_minimum"] is not None]
        total = sum((row["value"] or Decimal(0) for row in lines if not row["held"]), Decimal(0))
        if least and total < Decimal(str(max(least))):
            for row in lines:
                if not row["held"]:
                    row["held"] = f"below the supplier's minimum: {total:.2f} of {max(least):.2f}"


def _hold_over_budget(lines: list[Row], budget: Decimal) -> None:
    spent = Decimal(0)
    for row in sorted(lines, key=lambda each: (URGENT[each["urgency"]], each["product_sku"], each["location_id"])):
        if spent + (row["value"] or 0) > budget:
            row["held"] = f"over the budget: {spent:.2f} of {budget:.2f} is taken by more urgent lines"
        else:
            spent += row["value"] or Decimal(0)


def _with_states(rows: list[Row], inputs: Inputs) -> list[Row]:
    """Proposals with what was decided about them; a rejected one stays rejected while its inputs are the same."""
    said = standing(inputs.decisions).by_proposal
    found = []
    for row in rows:
        decision = said.get(row["proposal_id"])
        state = "rejected" if decision is not None and decision["action"] == "reject" else "proposed"
        who = {"decided_by": None, "decided_at": None}
        if decision is not None and state == "rejected":
            who = {"decided_by": decision["author"], "decided_at": decision["decided_at"]}
        found.append({**row, **who, "state": state, "order_id": None})
    return found


def _decided(inputs: Inputs) -> list[Row]:
    """Approved and sent proposals that are still under way, as they were when they were decided."""
    stood = standing(inputs.decisions)
    waiting = set(inputs.under_way.filter(pl.col("incoming") > 0).select(PAIR).rows())
    found = []
    for row in inputs.last.to_dicts():
        decision = stood.by_proposal.get(row["proposal_id"])
        if (
            decision is None
            or decision["action"] == "reject"
            or (row["product_sku"], row["location_id"]) not in waiting
        ):
            continue
        found.append(as_decided(row, stood))
    return found


def _as_table(rows: list[Row], today: date) -> pl.DataFrame:
    schema = polars_schema(ORDER_PROPOSALS)
    whole = [{**{name: row.get(name) for name in schema}, "processing_date": today} for row in rows]
    unique = list({row["proposal_id"]: row for row in whole}.values())
    frame = pl.DataFrame(unique, schema=schema, orient="row")
    order = pl.col("urgency").replace_strict(URGENT, return_dtype=pl.Int64)
    return frame.sort(order, "supplier_id", *PAIR, "kind", "from_location_id", nulls_last=True)


def _open(proposed: pl.DataFrame) -> pl.DataFrame:
    return proposed.filter(pl.col("state") == "proposed")


def nervousness(before: pl.DataFrame, after: pl.DataFrame) -> float:
    """Share of lines that differ between two plans: new, gone, or with another quantity.

    Args:
        before: rows of `replenishment/order_proposals`.
        after: the same, computed later.

    Returns:
        Lines that differ ÷ lines of either; 0 where there is none.
    """
    names = ["kind", *PAIR, "from_location_id"]
    one, two = (
        {
            tuple(row[:-1]): row[-1]
            for row in _open(frame).filter(pl.col("urgency") != EMERGENCY).select(*names, "quantity").rows()
        }
        for frame in (before, after)
    )
    lines = {*one, *two}
    return sum(one.get(line) != two.get(line) for line in lines) / len(lines) if lines else 0.0


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)
