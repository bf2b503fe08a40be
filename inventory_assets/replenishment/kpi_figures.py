"""The key figures of inventory (R7 of the requirements): each a formula over sums, or null with a reason.

Invariant: value = numerator ÷ denominator of the same row; a figure that cannot be told is null and says why, it is
never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from inventory_assets.contracts.planning_figures import INVENTORY_KPIS
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.replenishment.kpi_facts import EVERYWHERE, Window

Sums = dict[str, float]
YEAR_DAYS = 365
NO_COST = "{:.0f} item-location-days with known stock have no unit cost; send costs with the item master"
UNKNOWN_STOCK = "no stock is known in the window: no opening and no count"


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure.

    Attributes:
        name: its name.
        unit: of its value.
        above: numerator.
        below: denominator.
        missing: why it cannot be told; None where it can.
        better: whether more or less is better, where there is a target.
        target: wanted value.
        money: whether it is an amount of money.
    """

    name: str
    unit: str
    above: Callable[[Sums], float]
    below: Callable[[Sums], float]
    missing: Callable[[Sums], str | None] = lambda _: None
    better: Literal["more", "less"] = "more"
    target: float | None = None
    money: bool = False


def _stock(sums: Sums) -> str | None:
    return UNKNOWN_STOCK if not sums["stock_unit_days"] and not sums["active_days"] else None


def _costed(sums: Sums) -> str | None:
    return NO_COST.format(sums["uncosted_days"]) if sums["uncosted_days"] else _stock(sums)


def _costed_now(sums: Sums) -> str | None:
    missing = sums["uncosted_pairs"]
    return f"{missing:.0f} pairs with stock have no unit cost; send costs with the item master" if missing else None


def _forecast_known(sums: Sums) -> str | None:
    missing = sums["uncosted_out_days"]
    return f"no demand is known for {missing:.0f} days without stock" if missing else _stock(sums)


def _never(why: str) -> Callable[[Sums], str]:
    return lambda _: why


def _zero(_: Sums) -> float:
    return 0.0


def _one(_: Sums) -> float:
    return 1.0


def _a_year(sums: Sums, name: str) -> float:
    return sums[name] * YEAR_DAYS / sums["days"]


FIGURES: tuple[Figure, ...] = (
    Figure("turnover", "turns a year", lambda s: _a_year(s, "goods_sold"), lambda s: s["stock_value_days"] / s["days"],
           _costed, target=6.0),
    Figure("turnover_units", "turns a year", lambda s: _a_year(s, "units_sold"),
           lambda s: s["stock_unit_days"] / s["days"], _stock),
    Figure("days_of_cover", "days", lambda s: s["stock_value_days"] / s["days"], lambda s: s["goods_sold"] / s["days"],
           _costed),
    Figure("stockout_rate", "share of active item-location-days", lambda s: s["out_days"], lambda s: s["active_days"],
           _stock, "less", 0.02),
    Figure("stockout_events_rate", "events per active item-location-day", lambda s: s["out_events"],
           lambda s: s["active_days"], _stock),
    Figure("share_at_zero", "share of pairs with known stock", lambda s: s["empty_pairs"], lambda s: s["known_pairs"]),
    Figure("record_accuracy", "share of counts", lambda s: s["matching"], lambda s: s["counts"], target=0.99),
    Figure("dead_stock", "share of value", lambda s: s["dead_value"], lambda s: s["value_now"], _costed_now, "less",
           0.05),
    Figure("gmroi", "margin a year per money in stock",
           lambda s: _a_year(s, "revenue") - _a_year(s, "goods_sold"), lambda s: s["stock_value_days"] / s["days"],
           _costed),
    Figure("sell_through", "share of units", lambda s: s["units_sold"], lambda s: s["opening_units"] + s["received"],
           _stock),
    Figure("velocity", "units a day and active pair", lambda s: s["units_sold"] / s["days"],
           lambda s: s["active_pairs"], _stock),
    Figure("estimated_lost_sales", "units", lambda s: s["lost_units"], _one, _forecast_known),
    Figure("share_at_or_below_reorder_point", "share of planned pairs", lambda s: s["low_pairs"],
           lambda s: s["planned_pairs"]),
    Figure("stock_value", "currency", lambda s: s["value_now"], _one, _costed_now, money=True),
    Figure("order_fill", "share of orders", _zero, _zero, _never("no source reports orders that were not filled"),
           target=0.98),
    Figure("unit_fill", "share of units", _zero, _zero, _never("no source reports units asked for and not delivered")),
    Figure("carrying_cost", "share of value", _zero, _zero,
           _never("costs of storage, insurance, obsolescence and capital are not reported"), "less", 0.25),
    Figure("vmi_service_level", "share", _zero, _zero, _never("no location is managed by its supplier")),
    Figure("jit_cost", "currency", _zero, _zero, _never("costs of deliveries are not reported"), money=True),
)  # fmt: skip
"""Figures by location; those of suppliers and decisions stand beside (`overall`)."""


def kpis(
    sums: pl.DataFrame, overall: list[dict[str, Any]], currency: str | None, window: Window, today: date
) -> pl.DataFrame:
    """Rows of `replenishment/inventory_kpis`.

    Args:
        sums: rows of `kpi_facts.sums`.
        overall: rows of `supplier_figures` and `decision_figures`.
        currency: of all costs; None where there are several or none: then money is null.
        window: the days looked at.
        today: the day.
    """
    rows = [_row(figure, each, currency) for each in sums.to_dicts() for figure in FIGURES]
    shared = {"first_day": window.first, "last_day": window.last, "processing_date": today}
    schema = polars_schema(INVENTORY_KPIS)
    whole = [{**dict.fromkeys(schema), **row, **shared} for row in (*rows, *overall)]
    return pl.DataFrame(whole, schema=schema, orient="row").sort(INVENTORY_KPIS.key)


def _row(figure: Figure, sums: Sums, currency: str | None) -> dict[str, Any]:
    why = figure.missing(sums)
    if why is None and currency is None and (figure.money or figure.missing in (_costed, _costed_now)):
        why = "costs stand in several currencies, or in none"
    return figure_row(
        figure.name, str(sums["location_id"]), figure.unit, figure.above(sums), figure.below(sums), why,
        figure.target, figure.better, currency if figure.money and currency else "*",
    )  # fmt: skip


def figure_row(
    name: str, location: str, unit: str, above: float | None, below: float | None, why: str | None,
    target: float | None = None, better: str = "more", currency: str = "*",
) -> dict[str, Any]:  # fmt: skip
    """One row: the value where it can be told."""
    if why is None and not below:
        why = "nothing stands below the line: the denominator is 0"
    told = why is None and above is not None and below
    value = above / below if told and above is not None and below else None
    met = None
    if value is not None and target is not None:
        met = value >= target if better == "more" else value <= target
    return {
        "kpi": name, "location_id": location, "currency": currency, "value": value,
        "numerator": above if told else None, "denominator": below if told else None, "unit": unit, "target": target,
        "meets_target": met, "null_reason": None if told else why,
    }  # fmt: skip


def supplier_figures(performance: pl.DataFrame) -> list[dict[str, Any]]:
    """On-time deliveries, and the supplier's part of the reorder lead time.

    Args:
        performance: rows of `gold/supplier_performance`.
    """
    lines = performance.select(pl.col("on_time_lines", "promised_lines", "lead_time_lines").sum()).row(0)
    days = performance.select((pl.col("lead_time_mean_days") * pl.col("lead_time_lines")).sum()).item()
    none = "no order line has arrived"
    return [
        figure_row("on_time_deliveries", EVERYWHERE, "share of promised lines", lines[0], lines[1],
                   None if lines[1] else none),
        figure_row("reorder_lead_time_supplier", EVERYWHERE, "days", days, lines[2], None if lines[2] else none),
    ]  # fmt: skip


def decision_figures(proposals: pl.DataFrame, decisions: pl.DataFrame) -> list[dict[str, Any]]:
    """The decision's part of the reorder lead time: from the day a proposal was made to its approval.

    Args:
        proposals: rows of `replenishment/order_proposals`.
        decisions: rows of `replenishment/proposal_decisions`.
    """
    approved = decisions.filter(pl.col("action") == "approve").join(
        proposals.select("proposal_id", "made_on"), on="proposal_id"
    )
    waited = (approved["decided_at"].dt.date() - approved["made_on"]).dt.total_days()
    none = None if approved.height else "no proposal that is still listed was approved"
    total = float(waited.sum() or 0)
    return [
        figure_row("reorder_lead_time_decision", EVERYWHERE, "days", total, float(approved.height), none, 3.0, "less")
    ]
