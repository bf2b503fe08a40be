"""Order proposals: the arithmetic adds up, the same inputs are the same proposal, unknown stock proposes nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import strategies as st

from inventory_assets.contracts.replenishment import PROPOSAL_DECISIONS
from inventory_assets.contracts.schemas import check, empty
from inventory_assets.replenishment.deciding import DecisionError, decide, send, under_way
from inventory_assets.replenishment.proposing import Inputs, nervousness, order_day
from inventory_assets_tests.replenishment.demands import forall
from inventory_assets_tests.replenishment.plans import (
    NO_MOVES,
    NO_ORDERS,
    NOW,
    TODAY,
    inputs,
    policies,
    positions,
    proposed,
)

SUM = re.compile(
    r"Position (-?\d+) = on hand (\d+) − unavailable (\d+) − reserved (\d+) − leaving (\d+) \+ on order (\d+) "
    r"\+ in transit (\d+) \+ approved (\d+), at or below the reorder point (\d+)"
)
WISH = re.compile(r"(?:order up to (\d+)|(\d+) × the fixed quantity (\d+) =)[: ]+(\d+) wanted")
BOUGHT = re.compile(r"− (\d+) from elsewhere = (\d+); at least (\d+), in packs of (\d+)(?:; room for (\d+))?: (\d+)")


def recomputed(sentence: str) -> tuple[int, int]:
    """Position and quantity by the figures of a purchase's sentence alone."""
    position, *parts, point = map(int, SUM.search(sentence).groups())
    assert position == parts[0] - sum(parts[1:4]) + sum(parts[4:])
    assert position <= point
    level, lots, lot, wanted = (int(each) if each else None for each in WISH.search(sentence).groups())
    assert wanted == (level - position if level is not None else lots * lot)
    elsewhere, missing, least, pack, room, _quantity = (
        int(each) if each else None for each in BOUGHT.search(sentence).groups()
    )
    assert missing == wanted - elsewhere
    full = -(-max(missing, least) // pack) * pack
    return position, full if room is None or full <= room else room // pack * pack


@st.composite
def situations(draw):
    """An item at two stores and a warehouse, anything being scarce or not."""

    def place(name):
        level = draw(st.integers(0, 200))
        stock = {
            "location_id": name, "on_hand": draw(st.integers(0, 250)), "unavailable": draw(st.integers(0, 5)),
            "on_order": draw(st.integers(0, 60)), "in_transit": draw(st.integers(0, 10)),
        }  # fmt: skip
        rule = draw(st.sampled_from(["calculated", "calculated", "fixed_quantity"]))
        policy = {
            "location_id": name, "reorder_point": level, "order_up_to": level + draw(st.integers(0, 40)),
            "rule": rule, "fixed_quantity": draw(st.integers(1, 50)) if rule == "fixed_quantity" else None,
            "minimum_order": draw(st.integers(0, 40)), "pack": pack,
            "economic_quantity": draw(st.sampled_from([0, 0, 30])),
            "maximum_stock": draw(st.one_of(st.none(), st.integers(0, 300))),
            "shelf_life_days": draw(st.one_of(st.none(), st.floats(1, 60))),
            "may_transfer": draw(st.booleans()),
        }  # fmt: skip
        return policy, stock

    pack = draw(st.sampled_from([1, 1, 6, 12]))
    chosen = [place(name) for name in ("S1", "S2", "WH")]
    return policies(*(one for one, _ in chosen)), positions(*(two for _, two in chosen))


@forall(situations(), examples=60)
def test_the_figures_of_the_sentence_give_the_quantity(situation):
    found = proposed(inputs(*situation))
    for row in found.filter(pl.col("kind") == "purchase").to_dicts():
        assert recomputed(row["sentence"]) == (row["position"], row["quantity"]), row["sentence"]
        assert row["quantity"] % situation[0]["pack"][0] == 0
        assert row["value"] == row["quantity"] * Decimal("2.5")


@forall(situations(), examples=60)
def test_a_transfer_leaves_its_giver_at_or_above_its_own_reorder_point(situation):
    policy, position = situation
    found = proposed(inputs(policy, position)).filter(pl.col("kind") == "transfer")
    points = dict(policy.select("location_id", "reorder_point").rows())
    here = {
        row["location_id"]: (row["on_hand"] - row["unavailable"], row["on_order"] + row["in_transit"])
        for row in position.to_dicts()
    }
    for giver, units in found.group_by("from_location_id").agg(pl.col("quantity").sum()).rows():
        free, coming = here[giver]
        assert units <= free, "what is not there cannot be given"
        assert free + coming - units >= points[giver]
    for taker, units in found.group_by("location_id").agg(pl.col("quantity").sum()).rows():
        wanted = found.filter(pl.col("location_id") == taker)["wanted"][0]
        assert units <= wanted


@forall(situations(), st.integers(1, 80), examples=25)
def test_more_on_order_never_proposes_more(situation, more):
    policy, position = situation
    for place in ("S1", "S2", "WH"):
        richer = position.with_columns(
            on_order=pl.col("on_order") + pl.when(pl.col("location_id") == place).then(more).otherwise(0)
        )
        before, after = (
            proposed(inputs(policy.with_columns(may_transfer=pl.lit(value=False)), each))
            .filter(pl.col("location_id") == place)["quantity"].sum()
            for each in (position, richer)
        )  # fmt: skip
        assert after <= before


@forall(situations(), examples=25)
def test_computed_again_it_is_the_same_plan(situation):
    given = inputs(*situation)
    first = proposed(given)
    assert proposed(given).equals(first)
    again = proposed(replace(given, last=first))
    assert again.equals(first), "also when it knows what it proposed"
    assert first["proposal_id"].is_unique().all()


def test_what_is_on_order_is_not_ordered_again():
    """The bug of the systems this one is to be better than."""
    low = inputs(policies({}), positions({"on_hand": 40}))
    assert proposed(low)["quantity"].to_list() == [60]
    coming = inputs(policies({}), positions({"on_hand": 40, "on_order": 61}))
    assert proposed(coming).is_empty()


def test_unknown_stock_or_orders_propose_nothing():
    unknown = {"on_hand": None, "unavailable": None, "shortfall": None, "stock_basis": "unknown"}
    assert proposed(inputs(policies({}), positions(unknown))).is_empty()
    assert proposed(inputs(policies({}), positions({"on_order": None}))).is_empty()
    untold = proposed(inputs(policies({}), positions({"in_transit": None})))
    assert "transfers to this location are not followed" in untold["warning"][0]
    assumed = proposed(inputs(policies({}), positions({"stock_basis": "assumed"})))
    assert "assumption" in assumed["warning"][0]
    assert assumed["stock_basis"].to_list() == ["assumed"]


def test_an_item_that_sells_no_more_is_not_ordered():
    dead = {"demand_mean_day": 0.0, "reorder_point": 0, "order_up_to": 0, "lead_demand_mean": 0.0}
    assert proposed(inputs(policies(dead), positions({"on_hand": 0}))).is_empty()


def test_urgency_says_whether_a_new_order_would_come_too_late():
    rows = [{"product_sku": f"P{each}", "on_hand": each} for each in (0, 34, 35, 99)]
    found = proposed(inputs(policies(*({"product_sku": row["product_sku"]} for row in rows)), positions(*rows)))
    assert dict(found.select("product_sku", "urgency").rows()) == {
        "P0": "order_now", "P34": "order_now", "P35": "reorder", "P99": "reorder"
    }  # fmt: skip
    assert found["urgency"].to_list()[:2] == ["order_now"] * 2, "the most urgent first"


def test_short_stock_of_a_warehouse_is_shared_fairly_before_anything_is_bought():
    policy = policies(
        {"location_id": "S1"}, {"location_id": "S2"}, {"location_id": "WH", "reorder_point": 20, "order_up_to": 20}
    )
    position = positions(
        {"location_id": "S1", "on_hand": 40}, {"location_id": "S2", "on_hand": 70}, {"location_id": "WH", "on_hand": 65}
    )
    found = proposed(inputs(policy, position))
    moved = found.filter(pl.col("kind") == "transfer").select("location_id", "quantity").sort("location_id").rows()
    assert moved == [("S1", 30), ("S2", 15)], "45 to give, 60 and 30 wanted"
    bought = found.filter(pl.col("kind") == "purchase").select("location_id", "quantity", "transferred")
    assert bought.sort("location_id").rows() == [("S1", 30, 30), ("S2", 15, 15)]


def test_lines_below_a_suppliers_minimum_or_over_the_budget_are_held():
    rows = [{"product_sku": "P1"}, {"product_sku": "P2"}, {"product_sku": "P3"}]
    stock = positions({"product_sku": "P1", "on_hand": 60}, {"product_sku": "P2", "on_hand": 0},
                      {"product_sku": "P3", "on_hand": 90})  # fmt: skip
    small = proposed(inputs(policies(*({**row, "supplier_minimum": 400.0} for row in rows)), stock))
    assert small["held"].to_list() == ["below the supplier's minimum: 375.00 of 400.00"] * 3
    enough = proposed(inputs(policies(*({**row, "supplier_minimum": 375.0} for row in rows)), stock))
    assert enough["held"].null_count() == 3
    poor = proposed(inputs(policies(*({**row, "budget": 300.0} for row in rows)), stock))
    held = dict(poor.select("product_sku", "held").rows())
    assert held["P2"] is None, "the most urgent line first"
    assert held["P1"] == "over the budget: 250.00 of 300.00 is taken by more urgent lines"
    assert held["P3"] is None, "a smaller line still fits"


def test_overstock_is_warned_of():
    found = proposed(inputs(policies({"minimum_order": 700}), positions({"on_hand": 40})))
    assert found["quantity"].to_list() == [700]
    assert found["warning"].to_list() == ["overstock: the position would last 148 days, more than 120"]
    assert found["changes"].to_list() == ["raised_to_minimum_order"]
    economic = proposed(inputs(policies({"economic_quantity": 80}), positions({"on_hand": 40})))
    assert economic["changes"].to_list() == ["raised_to_economic_quantity"]


@pytest.mark.parametrize(
    ("days", "closed", "on"),
    [(None, None, TODAY), ("2,4", None, date(2026, 6, 2)), ("1", "2026-06-01", date(2026, 6, 8)),
     (None, "2026-06-01, 2026-06-02", date(2026, 6, 3))],
)  # fmt: skip
def test_an_order_waits_for_a_day_on_which_it_is_taken(days, closed, on):
    assert order_day(TODAY, days, closed) == on
    found = proposed(inputs(policies({"order_days": days, "closed_days": closed}), positions({})))
    assert found.select("order_on", "expected_on").rows() == [(on, on + timedelta(days=7))]


def decided(given: Inputs, action: str = "approve", **more) -> pl.DataFrame:
    plan = proposed(given)
    return decide(plan, given.decisions, plan["proposal_id"].to_list(), action, "mona", "fine", NOW, **more)


def later(given: Inputs, decisions: pl.DataFrame, days: int = 1, **seen) -> Inputs:
    """The next plan: what was decided is under way unless a report shows it."""
    today = TODAY + timedelta(days=days)
    way = under_way(decisions, seen.get("orders", NO_ORDERS), seen.get("moves", NO_MOVES), today, 14)
    return replace(given, under_way=way, decisions=decisions, last=proposed(given), today=today)


def test_approving_twice_is_one_order_and_the_next_plan_does_not_order_it_again():
    given = inputs(policies({}), positions({"on_hand": 40}))
    plan = proposed(given)
    once = check(decided(given), PROPOSAL_DECISIONS)
    assert once.height == 1
    ids = plan["proposal_id"].to_list()
    assert decide(plan, once, ids * 2, "approve", "otto", "again", NOW).is_empty()
    after = proposed(later(given, once))
    assert after.select("proposal_id", "state", "quantity").rows() == [(ids[0], "approved", 60)]
    sold = replace(given, position=positions({"on_hand": 30}))
    more = proposed(replace(later(given, once), position=sold.position)).filter(pl.col("state") == "proposed")
    assert more.select("quantity", "approved_before").rows() == [(10, 60)]
    assert more["proposal_id"][0] != ids[0]


def test_after_an_approval_equal_inputs_are_a_new_proposal():
    """Otherwise the second order of a year that meets the same stock would be taken for approved."""
    given = inputs(policies({}), positions({"on_hand": 40}))
    once = decided(given)
    arrived = replace(later(given, once, days=30), last=proposed(given).clear())
    again = proposed(arrived)
    assert again["state"].to_list() == ["proposed"]
    assert again["proposal_id"][0] != proposed(given)["proposal_id"][0]


def test_an_approved_order_counts_until_it_is_reported_or_long_overdue():
    given = inputs(policies({}), positions({"on_hand": 40}))
    orders = send(decided(given), "mona", NOW)
    assert orders.select("order_id", "line_number").rows()[0][1] == 1
    decisions = pl.concat([decided(given), orders])
    waiting = under_way(decisions, NO_ORDERS, NO_MOVES, TODAY, 14)
    assert waiting.rows() == [("P1", "S1", 60, 0)]
    reported = pl.DataFrame({"order_id": [orders["order_id"][0]]})
    assert under_way(decisions, reported, NO_MOVES, TODAY, 14).is_empty()
    due = TODAY + timedelta(days=7)
    assert under_way(decisions, NO_ORDERS, NO_MOVES, due + timedelta(days=14), 14).height == 1
    assert under_way(decisions, NO_ORDERS, NO_MOVES, due + timedelta(days=15), 14).is_empty()
    assert send(decisions, "mona", NOW).is_empty(), "sent once"


def test_a_transfer_counts_until_as_much_has_moved_since():
    policy = policies({"location_id": "S1"}, {"location_id": "WH", "reorder_point": 0, "order_up_to": 0})
    given = inputs(policy, positions({"location_id": "S1"}, {"location_id": "WH", "on_hand": 100}))
    decisions = decided(given)
    assert under_way(decisions, NO_ORDERS, NO_MOVES, TODAY, 14).rows() == [("P1", "S1", 60, 0), ("P1", "WH", 0, 60)]
    moves = pl.DataFrame(
        [("P1", "S1", "transfer_in", 25, NOW + timedelta(hours=5)),
         ("P1", "WH", "transfer_out", -60, NOW + timedelta(hours=4)),
         ("P1", "S1", "transfer_in", 60, NOW - timedelta(hours=1))],
        schema=NO_MOVES.schema, orient="row",
    )  # fmt: skip
    assert under_way(decisions, NO_ORDERS, moves, TODAY, 14).rows() == [("P1", "S1", 35, 0)]


def test_a_rejected_proposal_stays_rejected_until_its_inputs_change_much():
    given = inputs(policies({}), positions({"on_hand": 40}))
    no = decided(given, "reject")
    with pytest.raises(DecisionError, match="mona decided reject"):
        decide(proposed(given), no, proposed(given)["proposal_id"].to_list(), "approve", "otto", "yes", NOW)
    same = proposed(replace(later(given, no), last=proposed(replace(given, decisions=no))))
    assert same["state"].to_list() == ["rejected"]
    little = proposed(replace(later(given, no), last=same, position=positions({"on_hand": 30})))
    assert little["state"].to_list() == ["rejected"]
    much = proposed(replace(later(given, no), last=same, position=positions({"on_hand": 5})))
    assert much.select("state", "quantity").rows() == [("proposed", 95)]


def test_what_cannot_be_decided_is_refused():
    given = inputs(policies({}), positions({}))
    plan, ids = proposed(given), proposed(given)["proposal_id"].to_list()
    none = empty(PROPOSAL_DECISIONS)
    with pytest.raises(DecisionError, match="no such proposal"):
        decide(plan, none, ["nothing"], "approve", "mona", "why", NOW)
    with pytest.raises(DecisionError, match="author and reason"):
        decide(plan, none, ids, "approve", " ", "why", NOW)
    with pytest.raises(DecisionError, match="one proposal"):
        decide(plan, none, [*ids, "other"], "approve", "mona", "why", NOW, 5)
    other = decide(plan, none, ids, "approve", "mona", "why", NOW, 48)
    assert other.select("quantity", "proposed_quantity").rows() == [(48, 60)]


def test_a_plan_of_the_next_day_hardly_moves_where_nothing_crosses_its_level():
    rng, items = np.random.default_rng(6), 400
    mean = rng.gamma(1.0, 4.0, items) + 0.2
    level = np.ceil(mean * 14 + 8 * np.sqrt(mean)).astype(int)
    stock = rng.integers(0, (level * 1.6).astype(int) + 1)
    sold = rng.poisson(mean)
    after = np.where(stock > level, np.maximum(stock - sold, level + 1), np.maximum(stock - sold, 0))
    names = [f"P{each:03d}" for each in range(items)]
    policy = policies(
        *({"product_sku": name, "demand_mean_day": float(m), "lead_demand_mean": float(m) * 7, "reorder_point": int(s),
           "order_up_to": int(s)} for name, m, s in zip(names, mean, level, strict=True))
    )  # fmt: skip
    days = [positions(*({"product_sku": n, "on_hand": int(s)} for n, s in zip(names, each, strict=True)))
            for each in (stock, after)]  # fmt: skip
    first = inputs(policy, days[0])
    plan = proposed(first)
    following = replace(first, position=days[1], last=plan, today=TODAY + timedelta(days=1))
    assert nervousness(plan, proposed(following)) <= 0.05
    assert nervousness(plan, proposed(replace(following, last=plan.clear()))) > 0.5, "what it would be without memory"
    assert plan.height > 150
