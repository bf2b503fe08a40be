"""Emergencies of the live log become proposals, once each; approved orders count until the supplier's feed has them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts.gold import OPEN_SUPPLIER_ORDERS
from inventory_assets.contracts.log_tables import RETAIL_EVENTS
from inventory_assets.contracts.replenishment import ORDER_PROPOSALS, PROPOSAL_DECISIONS
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.contracts.silver import SUPPLIER_ORDERS
from inventory_assets.ingest.events import bronze_events
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.emergencies import KEPT_DAYS
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.pipeline.proposals import decide_about, decisions_of, send_orders
from inventory_assets.pipeline.replenishment import proposal_inputs, refresh_proposals
from inventory_assets.replenishment.deciding import (
    OtherwiseDecidedError,
    confirmed_by,
    decide,
    refuse,
    send,
    standing,
    under_way,
)
from inventory_assets.replenishment.emergencies import Emergency
from inventory_assets.replenishment.proposing import nervousness
from inventory_assets.settings import Settings
from inventory_assets_tests.replenishment.planned_lake import with_proposals
from inventory_assets_tests.replenishment.plans import (
    NO_MOVES,
    NO_ORDERS,
    NOW,
    TODAY,
    inputs,
    policies,
    positions,
    proposed,
    table_of,
)

ASKED = Emergency(
    "/stores", "E-1", datetime(2026, 6, 1, 6, 30, tzinfo=UTC), "P1", "S1", 30, datetime(2026, 6, 2, 9, tzinfo=UTC),
    "the shelf is\nempty.",
)  # fmt: skip


def test_an_emergency_is_the_first_proposal_and_says_so_whatever_the_policy():
    held = policies({"budget": 0.0}, {"product_sku": "P2", "budget": 0.0})
    rows = proposed(inputs(held, positions({}, {"product_sku": "P2"}), emergencies=(ASKED,))).to_dicts()
    assert [(row["product_sku"], row["urgency"]) for row in rows] == [
        ("P1", "emergency"), ("P1", "reorder"), ("P2", "reorder")
    ]  # fmt: skip
    first = rows[0]
    assert first["sentence"] == (
        "Emergency: /stores asked for 30 units at 2026-06-01 06:30 UTC, needed by 2026-06-02 09:00 UTC (the shelf is "
        "empty). Goes before everything else; nothing is rounded or held back: 30."
    )
    assert (first["quantity"], first["state"], first["supplier_id"], first["expected_on"], first["held"]) == (
        30, "proposed", "SUP", date(2026, 6, 2), None
    )  # fmt: skip
    assert first["value"] == Decimal(75)
    assert all("over the budget" in row["held"] for row in rows[1:])


def test_an_emergency_at_a_place_of_unknown_stock_is_proposed_with_nulls_and_doubts():
    known = {"product_sku": "P1", "location_id": "S1", "on_hand": None, "book": None, "stock_basis": "unknown"}
    (row,) = proposed(inputs(policies().clear(), positions(known), emergencies=(ASKED,))).to_dicts()
    assert [row[name] for name in ("on_hand", "position", "reorder_point", "supplier_id", "value")] == [None] * 5
    assert row["warning"] == "the stock there is unknown; count it; no supplier of the item is known"
    packs = policies({"pack": 12, "minimum_order": 48})
    (row, _) = proposed(inputs(packs, positions({}), emergencies=(ASKED,))).to_dicts()
    assert row["warning"] == "less than the minimum order of 48; no whole packs of 12"
    assert row["quantity"] == 30


def test_an_emergency_is_one_proposal_for_ever_and_leaves_the_usual_one_alone():
    given = inputs(policies({}), positions({}), emergencies=(ASKED, replace(ASKED, event_id="E-2")))
    first = proposed(given)
    assert first["urgency"].to_list() == ["emergency", "emergency", "reorder"]
    tomorrow = replace(given, last=first, today=TODAY + timedelta(days=1))
    again = proposed(tomorrow)
    assert set(again["proposal_id"]) == set(first["proposal_id"])
    assert nervousness(first, again) == 0
    decisions = decide(first, empty(PROPOSAL_DECISIONS), [first["proposal_id"][0]], "approve", "mona", "go", NOW)
    coming = under_way(decisions, NO_ORDERS, NO_MOVES, TODAY, 14)
    after = proposed(replace(given, last=first, decisions=decisions, under_way=coming))
    assert sorted(after.filter(pl.col("urgency") == "emergency")["state"]) == ["approved", "proposed"]
    usual = after.filter(pl.col("urgency") != "emergency")
    assert (usual["approved_before"][0], usual["quantity"][0]) == (30, 30), "what is coming is not ordered again"
    gone = proposed(replace(given, last=after, decisions=decisions))
    assert gone.filter(pl.col("urgency") == "emergency")["state"].to_list() == ["proposed"], "it came; it stays decided"


def log_rows(*events: dict) -> pl.DataFrame:
    """Rows of the log, as it is read."""
    rows = [
        {
            "epoch": 1, "sequence": number, "source": "/stores", "event_id": f"E-{number}",
            "type": "EmergencyReplenishment", "event_time": NOW, "received_at": NOW, "priority": 11, "items": ["P9"],
            "disposition": "accepted", "envelope": "{}", "effects": "[]",
            "data": json.dumps({"product_sku": "p9", "location_id": "S1", "quantity": 5, "reason": "now"}), **event,
        }
        for number, event in enumerate(events, 1)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_emergencies_come_from_the_log_once_a_source_and_id_for_some_weeks(tmp_path):
    settings, workspace = with_proposals(tmp_path, items=1)
    by_subject = {"data": json.dumps({"product_sku": "P9", "quantity": 7, "reason": "x"})}
    told = log_rows(
        {}, {"event_id": "E-1"}, {"disposition": "filtered"}, {"disposition": "quarantined"},
        {**by_subject, "envelope": '{"subject": "P9/S2"}'}, {"type": "motion.detected", "data": "{}"},
        {"event_time": NOW - timedelta(days=KEPT_DAYS + 2)}, {"envelope": '{"version": 9}'},
    )  # fmt: skip
    workspace.lake.append(RETAIL_EVENTS, bronze_events(told, workspace.profiles, NOW)[RETAIL_EVENTS])
    refresh_proposals(workspace)
    found = workspace.lake.scan(ORDER_PROPOSALS).filter(pl.col("urgency") == "emergency").collect()
    assert sorted(found.select("product_sku", "location_id", "quantity").rows()) == [("P9", "S1", 5), ("P9", "S2", 7)]
    assert not refresh_proposals(workspace).changed
    chosen = found["proposal_id"].to_list()
    assert decide_about(workspace, settings.writer_lock, chosen, "approve", "mona", "go").height == 2
    refresh_proposals(workspace)
    after = workspace.lake.scan(ORDER_PROPOSALS).filter(pl.col("urgency") == "emergency").collect()
    assert (set(after["proposal_id"]), set(after["state"])) == (set(chosen), {"approved"})
    forgotten = open_workspace(Settings(data_dir=tmp_path), lambda: NOW + timedelta(days=90))
    refresh_proposals(forgotten)
    assert forgotten.lake.scan(ORDER_PROPOSALS).collect().is_empty()


@pytest.fixture
def decided():
    """Three purchases that were approved."""
    plan = proposed(
        inputs(policies(*({"product_sku": name} for name in "ABC")), positions(*({"product_sku": n} for n in "ABC")))
    )
    return decide(plan, empty(PROPOSAL_DECISIONS), plan["proposal_id"].to_list(), "approve", "mona", "fine", NOW)


def test_a_refused_line_stays_approved_and_loses_the_note_when_it_is_sent(decided):
    one = decided["proposal_id"][0]
    noted = pl.concat([decided, refuse(decided, {one: "422 no"}, "mona", NOW)])
    assert {name: row["reason"] for name, row in standing(noted).refused.items()} == {one: "422 no"}
    assert standing(noted).by_proposal[one]["action"] == "approve"
    assert refuse(noted, {one: "422 no"}, "mona", NOW).is_empty()
    sent = pl.concat([noted, send(noted, "mona", NOW + timedelta(hours=1), {one: None})])
    assert standing(sent).refused == {}
    assert refuse(sent, {one: "late answer"}, "mona", NOW).is_empty()
    assert [row["action"] for row in standing(sent).by_proposal.values()].count("approve") == 2


def test_approving_again_with_another_quantity_is_a_contradiction(decided):
    plan = table_of(ORDER_PROPOSALS, {})
    one = decided["proposal_id"][0]
    assert decide(plan, decided, [one], "approve", "otto", "x", NOW, 60).is_empty()
    with pytest.raises(OtherwiseDecidedError, match="with 60 units, not 61"):
        decide(plan, decided, [one], "approve", "otto", "x", NOW, 61)


def orders_in(workspace, order: str, reason: str | None, counts_as: str = "on_order") -> None:
    """What the supplier's feed says of one order."""
    usual = {"order_id": order, "line_number": 1, "supplier_id": "SUP-P1", "product_sku": "P1", "location_id": "S1"}
    for table, more in ((SUPPLIER_ORDERS, {}), (OPEN_SUPPLIER_ORDERS, {"reason": reason, "counts_as": counts_as})):
        schema = polars_schema(table)
        filled = {column.name: _something(column.type) for column in table.columns if not column.nullable}
        allowed = {column.name: column.allowed[0] for column in table.columns if column.allowed and not column.nullable}
        row = {**dict.fromkeys(schema), **filled, **allowed, **usual, **more}
        frame = pl.DataFrame([{name: row[name] for name in schema}], schema=schema)
        scope = Scope() if not table.partition_by else Scope("event_date", frozenset(frame["event_date"].to_list()))
        workspace.lake.replace(table, frame, scope)


def _something(kind: str) -> object:
    return {
        "String": "x", "Int64": 1, "Int32": 1, "Int8": 1, "Float64": 1.0, "Boolean": False, "Date": TODAY,
        "Datetime": NOW, "Money": Decimal(1),
    }[kind]  # fmt: skip


def coming(workspace) -> dict[tuple[str, str], int]:
    """Units of approved proposals that count as on their way."""
    pins = workspace.lake.pins((SUPPLIER_ORDERS, OPEN_SUPPLIER_ORDERS, PROPOSAL_DECISIONS))
    rows = proposal_inputs(workspace, pins).under_way
    return {(item, place): units for item, place, units, _ in rows.rows()}


def test_an_order_counts_until_the_feed_has_it_under_its_number_and_is_confirmed_then(tmp_path):
    settings, workspace = with_proposals(tmp_path, items=1)
    row = workspace.lake.scan(ORDER_PROPOSALS).collect().to_dicts()[0]
    decide_about(workspace, settings.writer_lock, [row["proposal_id"]], "approve", "mona", "go")
    assert coming(workspace) == {("P1", "S1"): row["quantity"]}
    (sent,) = send_orders(workspace, settings.writer_lock, tmp_path / "orders", "mona")
    assert coming(workspace) == {("P1", "S1"): row["quantity"]}
    orders_in(workspace, "PO-OF-SOMEBODY", None)
    assert coming(workspace) == {("P1", "S1"): row["quantity"]}
    orders_in(workspace, sent.order_id, "not_ordered_yet", "neither")
    assert coming(workspace) == {("P1", "S1"): row["quantity"]}, "the feed does not count it yet, so we do"
    orders_in(workspace, sent.order_id, None)
    assert coming(workspace) == {}, "the feed counts it now"
    assert refresh_proposals(workspace).changed
    said = decisions_of(workspace.lake).sort("decided_at", "action")
    assert sorted(said["action"]) == ["approve", "confirm", "send"]
    assert confirmed_by(said, said.select("order_id"), NOW).is_empty()
    orders_in(workspace, sent.order_id, "overdue", "neither")
    assert coming(workspace) == {}, "an overdue order of the feed does not come back by way of the proposal"


def test_an_order_nobody_heard_of_leaves_the_position_when_it_is_overdue_for_long(tmp_path):
    settings, workspace = with_proposals(tmp_path, items=1)
    row = workspace.lake.scan(ORDER_PROPOSALS).collect().to_dicts()[0]
    decide_about(workspace, settings.writer_lock, [row["proposal_id"]], "approve", "mona", "go")
    send_orders(workspace, settings.writer_lock, tmp_path / "orders", "mona")
    due = datetime.combine(row["expected_on"], datetime.min.time(), UTC)
    for days, expected in ((14, {("P1", "S1"): row["quantity"]}), (15, {})):
        assert coming(open_workspace(settings, lambda days=days: due + timedelta(days=days))) == expected
