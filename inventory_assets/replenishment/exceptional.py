"""What does not fit the plan, for a person to settle: each with what to do, and how soon.

An order line is *expedited* where the stock runs out before it arrives, *postponed* where it arrives more than a week
before its goods are needed, *cancelled* where the stock is excess without it. Invariant: an exception names one pair,
and one order line or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from inventory_assets.contracts.replenishment import EXCEPTIONS
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.replenishment.proposing import Inputs, stock_now, stopped_orders

Row = dict[str, Any]
PAIR = ("product_sku", "location_id")
POSTPONE_DAYS = 7
"""Days before it is needed from which on an arriving line is too early."""
COUNT = "stock unknown: count it or set an opening balance; nothing is proposed until then"
ORDERS_UNKNOWN = (
    "on order unknown: send supplier orders with their location, or say `orders_complete` or `assume.nothing_on_order` "
    "in the profile of the source; nothing is proposed until then"
)


def exceptions(inputs: Inputs, projected: pl.DataFrame, open_orders: pl.DataFrame) -> pl.DataFrame:
    """Rows of `replenishment/exceptions`.

    Args:
        inputs: what proposals are made from.
        projected: rows of `replenishment/stock_projection`.
        open_orders: rows of `gold/open_supplier_orders`.
    """
    stock = stock_now(inputs)
    found = [
        *_unknown(inputs),
        *_shortfalls(inputs),
        *_no_policy(inputs),
        *_contradictions(inputs),
        *_excess(stock),
        *_lines(stock, projected, open_orders, inputs.today),
    ]
    schema = polars_schema(EXCEPTIONS)
    rows = [{**dict.fromkeys(schema), **row, "processing_date": inputs.today} for row in found]
    return pl.DataFrame(rows, schema=schema, orient="row").sort("severity", *EXCEPTIONS.key)


def _exception(kind: str, row: Row, severity: int, message: str, **more: object) -> Row:
    return {
        "kind": kind, "product_sku": row["product_sku"], "location_id": row["location_id"], "order_id": "",
        "line_number": 0, "supplier_id": row.get("supplier_id"), "severity": severity, "message": message, **more,
    }  # fmt: skip


def _unknown(inputs: Inputs) -> Iterator[Row]:
    known = inputs.position.select(*PAIR, "on_hand", "on_order")
    moving = inputs.policy.filter(pl.col("demand_mean_day").is_null() | (pl.col("reorder_point") > 0))
    for row in moving.join(known, on=PAIR, how="left").to_dicts():
        if row["on_hand"] is None:
            yield _exception("stock_unknown", row, 1 if row["abc"] == "A" else 2, COUNT)
        elif row["on_order"] is None:
            yield _exception("stock_unknown", row, 2, ORDERS_UNKNOWN)


def _shortfalls(inputs: Inputs) -> Iterator[Row]:
    for row in inputs.position.filter(pl.col("shortfall") > 0).to_dicts():
        said = f"the record is {row['shortfall']} below 0: an error of the record; count it"
        yield _exception("shortfall", row, 1, said, quantity=row["shortfall"])


def _no_policy(inputs: Inputs) -> Iterator[Row]:
    for row in inputs.policy.filter(pl.col("null_reason").is_not_null()).to_dicts():
        yield _exception("no_policy", row, 3, row["null_reason"])


def _contradictions(inputs: Inputs) -> Iterator[Row]:
    for row, why in stopped_orders(inputs):
        yield _exception("limits_contradict", row, 2, why)


def _excess(stock: pl.DataFrame) -> Iterator[Row]:
    allowed = (pl.col("demand_mean_day") * pl.col("overstock_cover_days")).ceil().cast(pl.Int64)
    over = stock.with_columns(over=pl.col("free") - pl.max_horizontal(allowed, "order_up_to")).filter(
        pl.col("over") > 0
    )
    for row in over.to_dicts():
        if row["order_up_to"] == 0:
            last = row["last_demand_day"]
            said = f"{row['over']} of {row['free']} are excess: no demand since {last}; sell off or return"
        else:
            days = row["free"] / row["demand_mean_day"]
            said = f"{row['over']} of {row['free']} are excess: they last {days:.0f} days"
        yield _exception("excess", row, 3, said, quantity=row["over"], value=_worth(row, row["over"]))


def _lines(stock: pl.DataFrame, projected: pl.DataFrame, open_orders: pl.DataFrame, today: date) -> Iterator[Row]:
    known = {(row["product_sku"], row["location_id"]): row for row in stock.to_dicts()}
    first_out = projected.filter("first_stock_out").select(*PAIR, "day")
    runs_out = {(item, place): day for item, place, day in first_out.rows()}
    lines = open_orders.filter(pl.col("location_id").is_not_null()).sort("expected_at", "order_id", "line_number")
    earlier: dict[tuple[str, str], int] = {}
    for line in lines.to_dicts():
        pair = (line["product_sku"], line["location_id"])
        named = {"order_id": line["order_id"], "line_number": line["line_number"], "quantity": line["open_quantity"],
                 "value": _worth(line, line["open_quantity"])}  # fmt: skip
        due = line["expected_at"].date() if line["expected_at"] is not None else None
        if (line["overdue_days"] or 0) > 0:
            stopped = line["reason"] == "overdue"
            said = f"{line['overdue_days']} days overdue" + ("; it counts as on order no more" if stopped else "")
            yield _exception("overdue", line, 1 if stopped else 2, f"{said}: ask the supplier", due_on=due, **named)
        if line["counts_as"] != "on_order" or due is None or not line["open_quantity"] or pair not in known:
            continue
        row, before = known[pair], earlier.get(pair, 0)
        earlier[pair] = before + line["open_quantity"]
        yield from _timing({**row, "supplier_id": line["supplier_id"]}, line["open_quantity"], before, due,
                           runs_out.get(pair), today, named)  # fmt: skip


def _timing(
    row: Row, units: int, before: int, due: date, out: date | None, today: date, named: dict[str, Any]
) -> Iterator[Row]:
    """Whether a line comes too late, too early, or for nothing; `before` units of earlier lines come first."""
    mean = row["demand_mean_day"]
    without = row["position"] - units
    if without >= max(row["order_up_to"], mean * row["overstock_cover_days"]) and without > 0:
        said = f"not needed: {without} remain without it, the level is {row['order_up_to']}"
        yield _exception("cancel", row, 2, said, due_on=due, **named)
        return
    if out is not None and before == 0 and out < due and due > today:
        yield _exception("expedite", row, 1, f"stock runs out on {out}, the line is due on {due}",
                         due_on=due, needed_on=out, **named)  # fmt: skip
    elif mean > 0:
        lasts = (max(row["free"], 0) + before - max(row["safety_stock"] or 0, 0)) / mean
        needed = today + timedelta(days=max(0, min(int(lasts), 3650)))
        if needed > due + timedelta(days=POSTPONE_DAYS):
            yield _exception("postpone", row, 3, f"due on {due}, needed on {needed}", due_on=due, needed_on=needed,
                             **named)  # fmt: skip


def _worth(row: Row, units: int | None) -> Decimal | None:
    return None if row["unit_cost"] is None or units is None else row["unit_cost"] * units
