"""Proposals over HTTP: listed, approved once, refused while somebody writes the lake. A real lake, a real database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from inventory_assets.contracts.replenishment import ORDER_PROPOSALS
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.lakehouse.writing import sole_writer
from inventory_assets.pipeline.proposals import decisions_of
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import ListenerSettings, Settings
from inventory_assets_tests.api.calling import Calls, calls_of
from inventory_assets_tests.replenishment.planned_lake import ids, states, with_proposals

PROPOSALS = "/api/v1/proposals"
WHO = {"author": "mona", "reason": "looks right"}


@pytest.fixture
def options() -> ListenerSettings:
    return ListenerSettings(look_seconds=0.1, wait_seconds=0.2, least_free_bytes=0, deadline_seconds=10.0)


@pytest.fixture
def planned(tmp_path: Path) -> tuple[Settings, Workspace]:
    return with_proposals(tmp_path, items=5)


@pytest.fixture
def desk(planned: tuple[Settings, Workspace], installed: Settings, engine: Engine) -> Iterator[Calls]:
    """The service over a lake with five proposals."""
    both = installed.model_copy(update={"data_dir": planned[0].data_dir})
    with calls_of(both, engine) as calls:
        yield calls


def test_pages_are_of_one_plan_and_filters_choose(desk: Calls, planned):
    _, workspace = planned
    first = desk.get(f"{PROPOSALS}?limit=2").json()
    assert [row["item"] for row in first["proposals"]] == ["P1", "P2"]
    plan = workspace.lake.scan(ORDER_PROPOSALS).collect()
    workspace.lake.replace(ORDER_PROPOSALS, plan.head(1), Scope())  # a plan computed between two pages
    second = desk.get(first["next"]).json()
    assert [row["item"] for row in second["proposals"]] == ["P3", "P4"]
    last = desk.get(second["next"]).json()
    assert ([row["item"] for row in last["proposals"]], last["next"]) == (["P5"], None)
    assert [row["item"] for row in desk.get(PROPOSALS).json()["proposals"]] == ["P1"]
    workspace.lake.replace(ORDER_PROPOSALS, plan, Scope())
    assert [row["item"] for row in desk.get(f"{PROPOSALS}?supplier=SUP-P3").json()["proposals"]] == ["P3"]
    assert desk.get(f"{PROPOSALS}?storeId=S2&state=proposed").json() == {"proposals": [], "next": None}
    row = desk.get(f"{PROPOSALS}?limit=1").json()["proposals"][0]
    assert (row["quantity"], row["position"], row["state"], row["value"]) == (60, 40, "proposed", 150.0)
    assert "order up to 100: 60 wanted" in row["sentence"]
    assert "unitCost" not in row, "what a unit costs is confidential"
    assert desk.get(f"{PROPOSALS}?state=lost").status_code == 422
    assert desk.get(f"{PROPOSALS}?cursor=OTk5OTk5OTk5OTk5OTk5").status_code == 422


def test_two_clicks_are_one_order_told_once(desk: Calls, planned):
    _, workspace = planned
    one, other, *_ = ids(workspace)
    answers: list = []
    clicks = [
        threading.Thread(target=lambda: answers.append(desk.post(WHO, f"{PROPOSALS}/{one}/approve"))) for _ in range(4)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert [each.status_code for each in answers] == [200] * 4
    assert sorted(each.json()["decided"] for each in answers) == [False, False, False, True]
    told = desk.get(f"{PROPOSALS}/{one}").json()
    assert (told["state"], told["decidedBy"], len(told["decisions"])) == ("approved", "mona", 1)
    assert told["decisions"][0] | WHO == told["decisions"][0]
    assert desk.sql("SELECT count(*) FROM event_log WHERE type = 'purchase_order.approved'") == [(1,)]
    against = desk.post({**WHO, "author": "otto"}, f"{PROPOSALS}/{one}/reject")
    assert (against.status_code, against.json()["type"]) == (409, "/problems/proposal_decided")
    assert "mona decided approve" in against.json()["detail"]
    assert desk.post({**WHO, "quantity": 61}, f"{PROPOSALS}/{one}/approve").status_code == 409
    changed = desk.post({**WHO, "quantity": 48}, f"{PROPOSALS}/{other}/approve").json()["proposal"]
    assert (changed["quantity"], changed["value"]) == (48, 120.0)
    assert decisions_of(workspace.lake).height == 2


def test_a_rejection_is_kept_with_its_reason(desk: Calls, planned):
    _, workspace = planned
    one = ids(workspace)[0]
    first = desk.post({"author": "mona", "reason": "too much"}, f"{PROPOSALS}/{one}/reject").json()
    assert (first["decided"], first["proposal"]["state"]) == (True, "rejected")
    assert not desk.post({"author": "otto", "reason": "again"}, f"{PROPOSALS}/{one}/reject").json()["decided"]
    assert [row["reason"] for row in decisions_of(workspace.lake).to_dicts()] == ["too much"]
    assert desk.sql("SELECT count(*) FROM event_log") == [(0,)]


def test_what_is_wrong_with_a_decision_is_said_and_nothing_stored(desk: Calls, planned):
    _, workspace = planned
    wrong = [
        ({"author": "mona"}, 422), ({"author": " ", "reason": "x"}, 422), ({**WHO, "quantity": 0}, 422),
        ({**WHO, "quantity": True}, 422), ({**WHO, "price": 1}, 422), ([], 400), (b"{", 400),
    ]  # fmt: skip
    for body, status in wrong:
        answer = desk.post(body, f"{PROPOSALS}/{ids(workspace)[0]}/approve")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body
    assert decisions_of(workspace.lake).is_empty()


def test_a_lake_that_is_written_is_waited_for_a_moment_and_then_503_and_reading_goes_on(desk: Calls, planned):
    settings, workspace = planned
    one = ids(workspace)[0]
    with sole_writer(settings.writer_lock):
        busy = desk.post(WHO, f"{PROPOSALS}/{one}/approve")
        assert (busy.status_code, busy.json()["type"]) == (503, "/problems/lake_busy")
        assert int(busy.headers["retry-after"]) > 0
        assert desk.get(f"{PROPOSALS}/{one}").json()["state"] == "proposed"
    assert desk.post(WHO, f"{PROPOSALS}/{one}/approve").json()["decided"]
    assert states(workspace)[one] == "approved"


def test_unknown_proposals_and_an_empty_lake_say_so(desk: Calls, installed: Settings, engine: Engine, tmp_path: Path):
    assert desk.get(f"{PROPOSALS}/none").json()["type"] == "/problems/proposal_unknown"
    assert desk.post(WHO, f"{PROPOSALS}/none/approve").status_code == 404
    empty = installed.model_copy(update={"data_dir": tmp_path / "nothing"})
    with calls_of(empty, engine) as calls:
        assert calls.get(PROPOSALS).json() == {"proposals": [], "next": None}
        assert calls.get(f"{PROPOSALS}/x").status_code == 404
