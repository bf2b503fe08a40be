"""Key figures and risks of suppliers over a simulated history: every one equals what the simulator knows."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from inventory_assets.contracts.planning_figures import INVENTORY_KPIS, SUPPLIER_RISK
from inventory_assets.contracts.replenishment import INVENTORY_POLICY, PROPOSAL_DECISIONS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.planning_figures import refresh_figures
from inventory_assets_tests.pipeline.planned_history import kpi, plan, rows

pytestmark = pytest.mark.xdist_group("replenishment")


def true_days(history) -> dict[tuple[str, str], list[dict]]:
    """Every pair's days with a known book, from the simulator, in order of days."""
    found: dict[tuple[str, str], list[dict]] = {}
    for row in history.truth["stock_days"].sort("business_day").to_dicts():
        if row["book"] is not None:
            found.setdefault((row["product_sku"], row["location_id"]), []).append(row)
    return found


def true_sales(history, workspace) -> dict[tuple[str, str, date], tuple[int, float]]:
    """Units and revenue less those cancelled, by pair and day: from the simulator's receipt lines."""
    found: dict[tuple[str, str, date], tuple[int, float]] = {}
    for row in history.truth["pos_lines"].to_dicts():
        if row["class"] == "sale" and not row["cancelled"]:
            key = (row["product_sku"], row["store_id"], row["business_day"])
            units, revenue = found.get(key, (0, 0.0))
            found[key] = (units + row["quantity_sold"], revenue + float(row["amount"]))
    return found


@pytest.fixture(scope="module")
def truth(planned) -> dict[str, float]:
    """What the figures are made of over all locations, counted in plain loops over what the simulator knows."""
    history, workspace, _ = planned
    costs = {
        row["product_sku"]: float(row["unit_cost"])
        for row in workspace.lake.scan(TABLES["silver/products"]).filter(pl.col("is_current")).collect().to_dicts()
    }
    last = history.config.last_day
    sales = true_sales(history, workspace)
    bought = {pair[:2] for pair, (units, _) in sales.items() if units > 0}
    received: dict[tuple[str, str, date], int] = {}
    for event in history.truth["stock_events"].filter(pl.col("kind") == "receipt").to_dicts():
        key = (event["product_sku"], event["location_id"], event["business_day"])
        received[key] = received.get(key, 0) + event["quantity"]
    total = dict.fromkeys(
        ("unit_days", "value_days", "units", "goods", "revenue", "active_days", "out_days", "events", "opening",
         "received", "value_now", "empty", "pairs", "active"), 0.0
    )  # fmt: skip
    for (item, place), days in true_days(history).items():
        active = (item, place) in bought
        total["active"] += active
        for number, day in enumerate(days):
            here = max(day["book"], 0)
            units, revenue = sales.get((item, place, day["business_day"]), (0, 0.0))
            total["unit_days"] += here
            total["value_days"] += here * costs[item]
            total["units"] += units
            total["goods"] += units * costs[item]
            total["revenue"] += revenue
            total["received"] += received.get((item, place, day["business_day"]), 0)
            total["active_days"] += active
            total["out_days"] += active and here == 0
            total["events"] += active and here == 0 and number > 0 and days[number - 1]["book"] > 0
            total["opening"] += here + units if number == 0 else 0
        assert days[-1]["business_day"] == last, "once known, stock stays known"
        now = max(days[-1]["book"], 0)
        total["value_now"] += now * costs[item]
        total["empty"] += now == 0
        total["pairs"] += 1
    total["days"] = float((last - history.config.start).days + 1)
    return total


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("turnover", lambda t: (t["goods"] * 365 / t["days"]) / (t["value_days"] / t["days"])),
        ("turnover_units", lambda t: (t["units"] * 365 / t["days"]) / (t["unit_days"] / t["days"])),
        ("days_of_cover", lambda t: t["value_days"] / t["goods"]),
        ("stockout_rate", lambda t: t["out_days"] / t["active_days"]),
        ("stockout_events_rate", lambda t: t["events"] / t["active_days"]),
        ("share_at_zero", lambda t: t["empty"] / t["pairs"]),
        ("gmroi", lambda t: ((t["revenue"] - t["goods"]) * 365 / t["days"]) / (t["value_days"] / t["days"])),
        ("sell_through", lambda t: t["units"] / (t["opening"] + t["received"])),
        ("velocity", lambda t: t["units"] / t["days"] / t["active"]),
        ("stock_value", lambda t: t["value_now"]),
    ],
)
def test_a_figure_equals_what_the_simulator_knows(planned, truth, name, formula):
    _, workspace, _ = planned
    row = kpi(workspace, name)["*"]
    assert row["null_reason"] is None
    assert row["value"] == pytest.approx(formula(truth), rel=1e-9)


def test_supplier_figures_and_risk_equal_the_true_lead_times(planned):
    history, workspace, _ = planned
    lead = history.truth["lead_times"].to_dicts()
    on_time = sum(row["received_at"].date() <= row["expected_delivery"].date() for row in lead)
    assert kpi(workspace, "on_time_deliveries")["*"]["value"] == pytest.approx(on_time / len(lead))
    days = sum(row["lead_time_days"] for row in lead) / len(lead)
    assert kpi(workspace, "reorder_lead_time_supplier")["*"]["value"] == pytest.approx(days)
    for row in rows(workspace, SUPPLIER_RISK).to_dicts():
        mine = [each for each in lead if each["supplier_id"] == row["supplier_id"]]
        late = sum(each["received_at"].date() > each["expected_delivery"].date() for each in mine) / len(mine)
        assert row["late_share"] == pytest.approx(late)
        assert row["risk"] == row["probability"] * row["impact"] * row["detection"]
        assert row["probability"] >= round(1 + 9 * late)


def test_record_accuracy_is_the_share_of_true_counts_within_the_tolerance_of_the_class(planned):
    history, workspace, _ = planned
    classes = {
        (row["product_sku"], row["location_id"]): row["abc"] for row in rows(workspace, INVENTORY_POLICY).to_dicts()
    }
    by_pair: dict[tuple[str, str], list[dict]] = {}
    for event in history.truth["stock_events"].to_dicts():
        by_pair.setdefault((event["product_sku"], event["location_id"]), []).append(event)
    books = {pair: {day["business_day"]: day["book"] for day in days} for pair, days in true_days(history).items()}
    counted, matching, unknown = 0, 0, 0
    for (item, place), events in by_pair.items():
        expected: int | None = None
        for event in sorted(events, key=lambda each: each["event_time"]):
            if event["kind"] == "count":
                yesterday = event["business_day"] - timedelta(days=1)
                if books.get((item, place), {}).get(yesterday) is None:
                    unknown += 1
                else:
                    tolerance = {"A": 0.0, "B": 0.01, "C": 0.02}[classes.get((item, place), "C")]
                    counted += 1
                    matching += abs(event["quantity"] - expected) <= tolerance * abs(expected)
            expected = event["book"]
    row = kpi(workspace, "record_accuracy")["*"]
    assert counted > 20
    assert 0 < matching < counted, "the simulator loses goods unseen"
    assert unknown > 0, "a first count says nothing of the record"
    assert (row["numerator"], row["denominator"]) == (matching, counted)
    assert row["value"] == pytest.approx(matching / counted)


def costs_of(workspace) -> dict[str, float]:
    """Cost of a unit by item, of the item master."""
    master = workspace.lake.scan(TABLES["silver/products"]).filter(pl.col("is_current")).collect()
    return {row["product_sku"]: float(row["unit_cost"]) for row in master.to_dicts()}


def test_dead_stock_is_what_was_never_asked_for(planned):
    history, workspace, _ = planned
    asked = {pair[:2] for pair, (units, _) in true_sales(history, workspace).items() if units > 0}
    for event in history.truth["stock_events"].to_dicts():
        if event["kind"] in ("transfer_out", "issue") and event["location_id"].startswith("WH"):
            asked.add((event["product_sku"], event["location_id"]))
    costs, value, dead = costs_of(workspace), 0.0, 0.0
    for pair, days in true_days(history).items():
        worth = max(days[-1]["book"], 0) * costs[pair[0]]
        value += worth
        dead += 0.0 if pair in asked else worth
    row = kpi(workspace, "dead_stock")["*"]
    assert 0 < dead < value
    assert row["value"] == pytest.approx(dead / value, rel=1e-9)
    assert row["meets_target"] == (dead / value <= 0.05)


def true_lost_sales(history, workspace) -> tuple[dict[str, float], set[str], set[tuple[str, str]]]:
    """Units by place, places where a day without stock has no expected demand, and the pairs of these days."""
    expected = {
        (row["product_sku"], row["location_id"]): row["demand_mean_day"]
        for row in rows(workspace, INVENTORY_POLICY).to_dicts()
    }
    sales = true_sales(history, workspace)
    bought = {pair[:2] for pair, (units, _) in sales.items() if units > 0}
    lost = dict.fromkeys(("*", *history.truth["stock_days"]["location_id"].unique()), 0.0)
    unknown: set[str] = set()
    silent: set[tuple[str, str]] = set()
    for pair, days in true_days(history).items():
        for day in days:
            if pair not in bought or day["book"] > 0:
                continue
            mean = expected.get(pair)
            if mean is None:
                unknown |= {"*", pair[1]}
                silent.add(pair)
                continue
            missed = max(0.0, mean - sales.get((*pair, day["business_day"]), (0, 0.0))[0])
            lost["*"] += missed
            lost[pair[1]] += missed
    return lost, unknown, silent


def test_lost_sales_are_the_expected_demand_of_true_days_without_stock_and_null_where_none_is_known(planned):
    history, workspace, _ = planned
    _, unknown, silent = true_lost_sales(history, workspace)
    found = kpi(workspace, "estimated_lost_sales")
    assert {place for place, row in found.items() if row["value"] is None} == unknown
    assert all("no demand is known for" in found[place]["null_reason"] for place in unknown)
    ((item, place),) = silent
    policy = rows(workspace, INVENTORY_POLICY)
    here = (pl.col("product_sku") == item) & (pl.col("location_id") == place)
    known = policy.with_columns(demand_mean_day=pl.when(here).then(400.5).otherwise("demand_mean_day"))
    workspace.lake.replace(INVENTORY_POLICY, known, Scope())
    refresh_figures(workspace, anew=True)
    lost, unknown, _ = true_lost_sales(history, workspace)
    told = {name: row["value"] for name, row in kpi(workspace, "estimated_lost_sales").items()}
    assert unknown == set()
    assert told == pytest.approx(lost)
    assert lost["*"] == lost[place] > 0
    workspace.lake.replace(INVENTORY_POLICY, policy, Scope())
    plan(workspace)


def test_the_share_at_or_below_the_reorder_point_counts_true_positions(planned):
    history, workspace, _ = planned
    levels = {
        (row["product_sku"], row["location_id"]): row["reorder_point"]
        for row in rows(workspace, INVENTORY_POLICY).to_dicts()
    }
    coming: dict[tuple[str, str], int] = {}
    for line in history.truth["orders"].filter(pl.col("open_quantity") > 0).to_dicts():
        if (history.config.end.date() - line["expected_delivery"].date()).days <= 14:
            pair = (line["product_sku"], line["location_id"])
            coming[pair] = coming.get(pair, 0) + line["open_quantity"]
    low, planned_pairs, without = 0, 0, 0
    for pair, days in true_days(history).items():
        if levels.get(pair) is None:
            without += 1
            continue
        position = max(days[-1]["book"], 0) - days[-1]["unavailable"] + coming.get(pair, 0)
        planned_pairs += 1
        low += position <= levels[pair]
    row = kpi(workspace, "share_at_or_below_reorder_point")["*"]
    assert without > 0, "pairs without a level are left out"
    assert (row["numerator"], row["denominator"]) == (low, planned_pairs)
    assert row["value"] == pytest.approx(low / planned_pairs)


def test_before_an_approval_the_time_to_decide_is_null_with_a_reason(planned):
    _, workspace, _ = planned
    assert rows(workspace, PROPOSAL_DECISIONS).is_empty()
    row = kpi(workspace, "reorder_lead_time_decision")["*"]
    assert (row["value"], row["meets_target"]) == (None, None)
    assert row["null_reason"] == "no proposal that is still listed was approved"


def test_what_nobody_reports_is_null_with_a_reason(planned):
    _, workspace, _ = planned
    for name in ("order_fill", "unit_fill", "carrying_cost", "vmi_service_level", "jit_cost"):
        row = kpi(workspace, name)["*"]
        assert (row["value"], row["numerator"], row["meets_target"]) == (None, None, None)
        assert len(row["null_reason"]) > 20
    assert all((row["value"] is None) == (row["null_reason"] is not None)
               for row in rows(workspace, INVENTORY_KPIS).to_dicts())  # fmt: skip
