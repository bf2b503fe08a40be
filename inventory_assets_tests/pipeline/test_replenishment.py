"""Replenishment over a simulated history: policies add up, and a decision goes all the way to an order file."""

from __future__ import annotations

import csv
from datetime import timedelta

import polars as pl
import pytest

from inventory_assets.contracts.planning_figures import POLICY_BACKTEST
from inventory_assets.contracts.replenishment import (
    EXCEPTIONS,
    INVENTORY_POLICY,
    ORDER_PROPOSALS,
    PROPOSAL_DECISIONS,
    REORDER_ALERTS,
    STOCK_PROJECTION,
)
from inventory_assets.contracts.schemas import duplicated_keys
from inventory_assets.contracts.tables import PLANNED, TABLES
from inventory_assets.pipeline.planning import set_parameters, what_if
from inventory_assets.pipeline.proposals import decide_about, send_orders
from inventory_assets.replenishment.parameters import Setting
from inventory_assets_tests.pipeline.planned_history import kpi, plan, rows
from inventory_assets_tests.pipeline.running import workspace_at

pytestmark = pytest.mark.xdist_group("replenishment")


def test_a_second_run_of_the_day_writes_nothing_and_keys_are_unique(planned):
    _, workspace, _ = planned
    assert not plan(workspace)
    assert [table for table in PLANNED if workspace.lake.version(table) is None] == [POLICY_BACKTEST]
    doubled = {table.path: duplicated_keys(rows(workspace, table), table).height for table in PLANNED}
    assert doubled == dict.fromkeys(doubled, 0)


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
