"""Replenishment over a simulated history: figures equal the truth, and a decision goes all the way to an order file."""

from __future__ import annotations

import csv
from datetime import date, timedelta

import polars as pl
import pytest

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.replenishment import (
    EXCEPTIONS,
    INVENTORY_KPIS,
    INVENTORY_POLICY,
    ORDER_PROPOSALS,
    POLICY_BACKTEST,
    PROPOSAL_DECISIONS,
    REORDER_ALERTS,
    STOCK_PROJECTION,
    SUPPLIER_RISK,
)
from inventory_assets.contracts.schemas import duplicated_keys
from inventory_assets.contracts.tables import PLANNED, TABLES
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.planning import set_parameters, what_if
from inventory_assets.pipeline.planning_figures import refresh_figures, refresh_watched
from inventory_assets.pipeline.proposals import decide_about, send_orders
from inventory_assets.pipeline.replenishment import refresh_policy, refresh_proposals
from inventory_assets.replenishment.parameters import Setting
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at

pytestmark = pytest.mark.xdist_group("replenishment")
CONFIG = HistoryConfig(
    start=date(2026, 1, 20), days=45, stores=2, items=12, warehouses=1, lines_per_store_day=40.0, dirt=0.01,
    partial_share=0.2, unknown_share=0.1,
)  # fmt: skip
STEPS = (refresh_policy, refresh_proposals, refresh_watched, refresh_figures)


def plan(workspace) -> bool:
    """The nightly job; whether it wrote anything."""
    reports = [step(workspace) for step in STEPS]
    return any(report.changed for report in reports)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """History, workspace and settings after one load and one night."""
    history = simulate_history(CONFIG)
    settings = Settings(data_dir=tmp_path_factory.mktemp("planned"))
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, history.config.end)
    refresh_everything(workspace, settings)
    assert plan(workspace)
    return history, workspace, settings


def rows(workspace, table: Table) -> pl.DataFrame:
    return workspace.lake.scan(table).collect()


def kpi(workspace, name: str) -> dict[str, dict]:
    """Rows of a figure by location."""
    found = rows(workspace, INVENTORY_KPIS).filter(pl.col("kpi") == name)
    return {row["location_id"]: row for row in found.to_dicts()}


def test_a_second_run_of_the_day_writes_nothing_and_keys_are_unique(planned):
    _, workspace, _ = planned
    assert not plan(workspace)
    assert [table for table in PLANNED if workspace.lake.version(table) is None] == [POLICY_BACKTEST]
    doubled = {table.path: duplicated_keys(rows(workspace, table), table).height for table in PLANNED}
    assert doubled == dict.fromkeys(doubled, 0)


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


def test_every_pair_with_demand_has_a_policy_that_follows_from_its_own_columns(planned):
    _, workspace, _ = planned
    policy = rows(workspace, INVENTORY_POLICY)
    short = policy.filter(pl.col("null_reason").is_not_null())
    needed = pl.max_horizontal(28, 15 + (pl.col("lead_time_days") + pl.col("review_period_days")).ceil())
    assert short.filter((pl.col("history_days") >= needed) | pl.col("order_up_to").is_not_null()).is_empty()
    policy = policy.filter(pl.col("null_reason").is_null())
    assert policy.height > 30
    interval = pl.col("lead_time_days") + pl.col("review_period_days")
    assert policy.filter((pl.col("protected_mean") - pl.col("demand_mean_day") * interval).abs() > 1e-9).is_empty()
    above = pl.col("protected_mean") + pl.col("safety_stock") - pl.col("order_up_to")
    assert policy.filter((above > 1e-6) | (above <= -1.000001)).is_empty(), "the level, in whole units"
    assert policy.filter(pl.col("live_reorder_point") > pl.col("order_up_to")).is_empty()


def test_unknown_stock_is_an_exception_and_no_proposal(planned):
    _, workspace, _ = planned
    pair = ["product_sku", "location_id"]
    unknown = workspace.lake.scan(TABLES["gold/inventory_position"]).filter(pl.col("on_hand").is_null()).collect()
    selling = unknown.join(rows(workspace, INVENTORY_POLICY), on=pair, how="semi")
    told = rows(workspace, EXCEPTIONS).filter(pl.col("kind") == "stock_unknown")
    assert selling.height > 0
    assert set(told.select(pair).rows()) == set(selling.select(pair).rows())
    assert told["message"].str.contains("count it or set an opening balance").all()
    assert rows(workspace, ORDER_PROPOSALS).join(unknown, on=pair, how="semi").is_empty()
    assert rows(workspace, STOCK_PROJECTION).join(unknown, on=pair, how="semi").is_empty()


def test_alerts_are_the_pairs_at_or_below_their_level(planned):
    _, workspace, _ = planned
    pair = ["product_sku", "location_id"]
    both = (
        workspace.lake.scan(TABLES["gold/inventory_position"])
        .collect()
        .join(rows(workspace, INVENTORY_POLICY), on=pair)
    )
    low = both.filter(pl.col("position_before_reserved") <= pl.col("reorder_point"), pl.col("reorder_point") > 0)
    assert set(rows(workspace, REORDER_ALERTS).select(pair).rows()) == set(low.select(pair).rows())


def test_the_projection_adds_up_day_by_day(planned):
    _, workspace, _ = planned
    days = rows(workspace, STOCK_PROJECTION).sort("product_sku", "location_id", "day")
    left = (pl.col("opening") + pl.col("receipts_due") - pl.col("demand_mean")).clip(0)
    assert days.filter((left - pl.col("projected_stock")).abs() > 1e-9).is_empty()
    follows = pl.col("opening").shift(-1).over("product_sku", "location_id")
    assert days.filter((follows - pl.col("projected_stock")).abs() > 1e-9).is_empty()
    coming = (
        workspace.lake.scan(TABLES["gold/open_supplier_orders"]).filter(pl.col("counts_as") == "on_order").collect()
    )
    assert 0 < days["receipts_due"].sum() <= coming["open_quantity"].sum()
    assert days.filter(pl.col("low_stock") > pl.col("high_stock")).is_empty()


def test_whatif_says_what_a_saved_parameter_does(planned, tmp_path):
    _, workspace, settings = planned
    whole = rows(workspace, INVENTORY_POLICY).group_by("product_sku").agg(pl.col("order_up_to").is_null().sum())
    item = whole.filter(pl.col("order_up_to") == 0)["product_sku"].min()
    wish = [Setting("item", item, "service_target", "0.99", "mona", "try")]
    told = what_if(workspace, item, wish)
    level = {row["location_id"]: row["then"] for row in told if row["what"] == "order_up_to"}
    assert all(row["then"] > row["now"] for row in told if row["what"] == "order_up_to")
    assert not plan(workspace), "asking saves nothing"
    assert set_parameters(workspace, settings.writer_lock, wish).height == 1
    assert set_parameters(workspace, settings.writer_lock, wish).is_empty()
    assert plan(workspace), "a parameter that changed is computed again"
    policy = rows(workspace, INVENTORY_POLICY).filter(pl.col("product_sku") == item)
    assert dict(policy.select("location_id", "order_up_to").rows()) == level
    assert policy["set_by"].to_list() == [f"service_target: item {item}"] * policy.height


def test_an_approved_proposal_leaves_once_and_is_not_proposed_again(planned, tmp_path):
    history, workspace, settings = planned
    lock, lake = settings.writer_lock, workspace.lake
    plan(workspace)
    open_ones = rows(workspace, ORDER_PROPOSALS).filter(pl.col("state") == "proposed")
    pairs = open_ones.filter(pl.col("kind") == "purchase").select("product_sku", "location_id").head(3)
    bought = open_ones.join(pairs, on=pairs.columns, how="semi")
    ids = bought["proposal_id"].to_list()
    assert len(ids) >= 3
    assert decide_about(workspace, lock, ids, "approve", "mona", "fine").height == len(ids)
    assert decide_about(workspace, lock, ids, "approve", "otto", "again").is_empty()
    assert rows(workspace, PROPOSAL_DECISIONS).height == len(ids)
    sent = send_orders(workspace, lock, tmp_path, "mona")
    assert all(each.written for each in sent)
    content = {each.path: each.path.read_bytes() for each in sent}
    lines = [line for path in content for line in csv.DictReader(path.read_text().splitlines())]
    assert sorted((line["proposal_id"], int(line["quantity"])) for line in lines) == sorted(
        bought.select("proposal_id", "quantity").rows()
    )
    version = lake.version(PROPOSAL_DECISIONS)
    assert not any(each.written for each in send_orders(workspace, lock, tmp_path, "mona"))
    next(iter(content)).unlink()  # a crash before the file was there
    again = send_orders(workspace, lock, tmp_path, "otto")
    assert sum(each.written for each in again) == 1
    assert {path: path.read_bytes() for path in content} == content
    assert lake.version(PROPOSAL_DECISIONS) == version, "nothing is sent twice"

    tomorrow = workspace_at(settings, history.config.end + timedelta(days=1))
    plan(tomorrow)
    after = rows(tomorrow, ORDER_PROPOSALS)
    assert after.filter(pl.col("proposal_id").is_in(ids))["state"].to_list() == ["sent"] * len(ids)
    fresh = after.filter(pl.col("state") == "proposed").join(pairs, on=pairs.columns, how="semi")
    assert fresh.is_empty()
    waiting = after.filter(pl.col("state") == "proposed", pl.col("made_on") < tomorrow.now().date())
    decide_about(tomorrow, lock, [waiting["proposal_id"][0]], "approve", "mona", "a day later")
    plan(tomorrow)
    made = {row["proposal_id"]: row["made_on"] for row in rows(tomorrow, ORDER_PROPOSALS).to_dicts()}
    waited = [
        (each["decided_at"].date() - made[each["proposal_id"]]).days
        for each in rows(tomorrow, PROPOSAL_DECISIONS).to_dicts()
        if each["action"] == "approve" and each["proposal_id"] in made
    ]
    told = kpi(tomorrow, "reorder_lead_time_decision")["*"]
    assert sorted(waited) == [*[0] * len(ids), 1]
    assert told["value"] == pytest.approx(sum(waited) / len(waited))
    assert told["meets_target"]

    late = workspace_at(settings, history.config.end + timedelta(days=200))
    plan(late)
    forgotten = rows(late, ORDER_PROPOSALS).join(pairs, on=pairs.columns, how="semi")
    assert "sent" not in forgotten["state"].to_list(), "an order nobody heard of leaves the position"
    assert "proposed" in forgotten["state"].to_list()
