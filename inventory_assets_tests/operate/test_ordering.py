"""Approved proposals leave once: as file, as request to a real ordering system, as event in a real log."""

from __future__ import annotations

import csv
import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.lakehouse.writing import sole_writer
from inventory_assets.live.outbox.approvals import tell_approvals
from inventory_assets.operate.erp import MOST_ANSWER_BYTES, ErpError, Line, check_erp, post_orders
from inventory_assets.operate.ordering import planned, send_approved
from inventory_assets.pipeline.proposals import confirm_sent, current_proposals, decisions_of
from inventory_assets.replenishment.deciding import DecisionError
from inventory_assets.settings import ErpSettings, Settings
from inventory_assets_tests.live.conftest import engine, server, url  # noqa: F401 - fixtures
from inventory_assets_tests.operate.erp_server import OrderingSystem, ordering_system
from inventory_assets_tests.replenishment.planned_lake import actions, approve_all, states, with_proposals

TOKEN = "s3cret-of-the-erp"
LINE = Line("a" * 20, "P1", 60, "SUP")


@pytest.fixture
def erp():
    with ordering_system() as system:
        yield system


def settings_of(erp: OrderingSystem, **more: object) -> ErpSettings:
    usual = {"url": erp.url, "token": SecretStr(TOKEN), "timeout_seconds": 0.4, "retry_seconds": (0.01, 0.02)}
    return ErpSettings(**{**usual, **more})


def test_a_purchase_is_posted_with_its_proposal_as_the_key(erp):
    (answer,) = post_orders(settings_of(erp), [LINE])
    assert (answer.posted, answer.attempts, answer.number) == ("taken", 1, None)
    ((key, body, headers),) = erp.requests
    assert key == LINE.proposal_id
    assert body == {"product_sku": "P1", "quantity": 60, "supplier_id": "SUP"}
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "fault", [(503, "later", {}), (429, "", {"Retry-After": "0"}), "slow", "hang up", (500, "", {})]
)
def test_what_may_pass_is_tried_again_with_the_same_key_and_is_one_order(erp, fault):
    erp.plan.extend([fault, (200, '{"order_id": "4711"}', {})])
    (answer,) = post_orders(settings_of(erp), [LINE])
    assert (answer.posted, answer.attempts, answer.number) == ("taken", 2, "4711")
    assert erp.keys == [LINE.proposal_id] * 2
    assert len(erp.orders) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((422, "unknown\n supplier\x00 SUP", {}), "422 unknown supplier SUP"),
        ((401, "", {}), "401"),
        ((307, "", {"Location": "/x"}), "307: redirects are not followed; set the address it leads to"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_its_own_words_and_not_repeated(erp, fault, said):
    erp.plan.append(fault)
    (answer,) = post_orders(settings_of(erp), [LINE])
    assert (answer.posted, answer.said, answer.attempts) == ("refused", said, 1)
    assert len(erp.requests) == 1


def test_an_answer_is_bounded_and_a_number_that_names_no_file_is_not_taken(erp):
    erp.plan.extend(["flood", (200, '{"order_id": "../../etc"}', {}), (200, "[" * MOST_ANSWER_BYTES, {})])
    flood, path, deep = post_orders(settings_of(erp, timeout_seconds=5), [LINE] * 3)
    assert (flood.posted, len(flood.said)) == ("refused", len("422 ") + 300)
    assert [(each.posted, each.number) for each in (path, deep)] == [("taken", None)] * 2


def test_a_system_that_is_away_costs_three_orders_of_waiting_not_all(erp):
    erp.plan.extend([(503, "", {})] * 100)
    lines = [replace(LINE, proposal_id=f"p{number}") for number in range(5)]
    answers = post_orders(settings_of(erp), lines)
    assert [each.posted for each in answers] == ["unanswered"] * 3 + ["not tried"] * 2
    assert answers[0].said == "503"
    assert erp.keys == [f"p{number}" for number in range(3) for _ in range(3)]


def test_the_token_is_in_no_message_and_no_log(erp, caplog):
    caplog.set_level(logging.DEBUG)
    erp.plan.extend([(500, "", {})] * 3)
    answers = post_orders(settings_of(erp), [LINE])
    bad = settings_of(erp, token=SecretStr(f"{TOKEN}\n"))
    with pytest.raises(ErpError, match="INVENTORY_ERP__TOKEN") as refused:
        post_orders(bad, [LINE])
    assert TOKEN not in repr(answers) + str(refused.value) + caplog.text + repr(bad)
    for wrong in ("ftp://erp/orders", "http://user:pass@erp/orders", "erp"):
        with pytest.raises(ErpError, match="INVENTORY_ERP__URL") as said:
            check_erp(ErpSettings(url=wrong))
        assert "pass" not in str(said.value).replace("password", "")


def with_erp(folder, erp: OrderingSystem, **more: object):
    return with_proposals(folder, erp=settings_of(erp), **more)


def test_sending_goes_all_ways_once_and_a_refused_line_stays_approved(erp, tmp_path):
    settings, workspace = with_erp(tmp_path, erp)
    first, second, third = approve_all(settings, workspace)
    erp.plan.extend([(201, '{"order_id": 4711}', {}), (422, "no such supplier", {}), (201, '{"order_id": 4711}', {})])
    sent = send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert sent.told is None, "there is no live database"
    assert [each.posted for each in sent.posted] == ["taken", "refused", "taken"]
    assert states(workspace) == {first: "sent", second: "approved", third: "sent"}
    shown = {row["proposal_id"]: row["held"] for row in current_proposals(workspace.lake)}
    assert shown == {first: None, second: "422 no such supplier", third: None}
    lines = list(csv.DictReader((tmp_path / "orders" / "4711.csv").read_text().splitlines()))
    assert [(row["proposal_id"], row["line_number"]) for row in lines] == [(first, "1"), (third, "2")]

    erp.plan.extend([(422, "no such supplier", {})])
    send_approved(settings, workspace, tmp_path / "orders", "mona")
    said = actions(workspace)
    assert said.filter(said["action"] == "refuse").height == 1, "the same words are noted once"
    erp.plan.extend([(201, '{"order_id": 4711}', {})])
    send_approved(settings, workspace, tmp_path / "orders", "mona")
    send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert states(workspace) == dict.fromkeys((first, second, third), "sent")
    assert erp.keys == [first, second, third, second, second]
    assert list(erp.orders) == [first, third, second]
    lines = list(csv.DictReader((tmp_path / "orders" / "4711.csv").read_text().splitlines()))
    assert [(row["proposal_id"], row["line_number"]) for row in lines] == [(first, "1"), (third, "2"), (second, "3")]


def test_a_kill_between_request_and_record_repeats_the_request_and_is_one_order(erp, tmp_path):
    settings, workspace = with_erp(tmp_path, erp, items=1)
    (proposal,) = approve_all(settings, workspace)
    environment = {
        **os.environ, "INVENTORY_DATA_DIR": str(tmp_path), "INVENTORY_ERP__URL": erp.url,
        "INVENTORY_FIXED_CLOCK": settings.fixed_clock,
    }  # fmt: skip
    command = [sys.executable, "-m", "inventory_assets.cli", "proposals", "send", "--author", "mona"]
    with sole_writer(settings.writer_lock):  # the record has to wait for it, the request does not
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not erp.orders:
            assert child.poll() is None, child.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.kill()
        child.wait(10)
        child.stdout.close()
    assert states(workspace) == {proposal: "approved"}
    sent = send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert [each.posted for each in sent.posted] == ["taken"]
    assert erp.keys == [proposal, proposal]
    assert len(erp.orders) == 1
    assert states(workspace) == {proposal: "sent"}
    assert send_approved(settings, workspace, tmp_path / "orders", "mona").posted == ()
    assert len(erp.requests) == 2


def test_only_what_was_sent_is_confirmed_and_confirmed_once(tmp_path):
    settings, workspace = with_proposals(tmp_path, items=2)
    first, second = approve_all(settings, workspace)
    with pytest.raises(DecisionError, match="only what was sent is confirmed"):
        confirm_sent(workspace, settings.writer_lock, [first], "mona", "phone")
    send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert confirm_sent(workspace, settings.writer_lock, [first], "mona", "phone").height == 1
    assert confirm_sent(workspace, settings.writer_lock, [first], "otto", "again").is_empty()
    assert states(workspace) == {first: "confirmed", second: "sent"}
    files = {path.name: path.read_bytes() for path in (tmp_path / "orders").iterdir()}
    (tmp_path / "orders" / min(files)).unlink()
    send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert {path.name: path.read_bytes() for path in (tmp_path / "orders").iterdir()} == files


def told_events(engine: Engine) -> tuple[list, list]:  # noqa: F811
    with engine.connect() as connection:
        log = connection.execute(
            text("SELECT type, source, event_id, data, items FROM event_log ORDER BY sequence")
        ).all()
        box = connection.execute(text("SELECT type, item, location, data->'data' FROM outbox ORDER BY id")).all()
    return log, box


def test_an_approval_is_told_once_in_log_and_outbox_however_often_it_is_sent(tmp_path, server: Settings, url, engine):  # noqa: F811
    assert server.data_dir != tmp_path
    settings, workspace = with_proposals(tmp_path, items=2, database_url=SecretStr(url))
    first, second = approve_all(settings, workspace)
    assert planned(settings, workspace).events == 2
    assert told_events(engine) == ([], []), "a dry run tells nothing"
    assert send_approved(settings, workspace, tmp_path / "orders", "mona").told.new == 2
    again = send_approved(settings, workspace, tmp_path / "orders", "mona").told
    assert (again.new, again.before, again.problems) == (0, 2, ())
    assert tell_approvals(engine, decisions_of(workspace.lake).to_dicts(), workspace.now()).new == 0
    log, box = told_events(engine)
    assert [row.type for row in log] == ["purchase_order.approved"] * 2
    assert {row.data["proposal_id"] for row in log} == {first, second}
    assert [tuple(row)[:3] for row in box] == [("purchase_order.approved", item, "S1") for item in ("P1", "P2")]
    assert [row[3] for row in box] == [row.data for row in log]
    assert log[0].data == {
        "proposal_id": first, "product_sku": "P1", "location_id": "S1", "quantity": 60, "supplier_id": "SUP-P1",
        "expected_on": "2026-06-08",
    }  # fmt: skip


def test_a_database_that_is_away_keeps_nothing_else_from_leaving(erp, tmp_path):
    settings, workspace = with_erp(
        tmp_path, erp, items=1, database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    )
    (proposal,) = approve_all(settings, workspace)
    sent = send_approved(settings, workspace, tmp_path / "orders", "mona")
    assert "the next call tells it" in sent.told.problems[0]
    assert states(workspace) == {proposal: "sent"}
    assert len(erp.orders) == 1


def test_a_dry_run_of_the_command_says_what_would_go_and_a_refusal_is_a_finding(erp, tmp_path):
    settings, workspace = with_erp(tmp_path, erp, items=1)
    environment = {
        "INVENTORY_DATA_DIR": str(tmp_path), "INVENTORY_ERP__URL": erp.url, "INVENTORY_ERP__TOKEN": TOKEN,
        "INVENTORY_FIXED_CLOCK": settings.fixed_clock,
    }  # fmt: skip
    (proposal,) = approve_all(settings, workspace)

    def ran(*words: str):
        return CliRunner().invoke(app, ["proposals", "send", "--author", "mona", *words], env=environment)

    dry = json.loads(ran("--dry-run", "--json").stdout)
    assert [row["proposal_id"] for row in dry["lines"]] == [proposal]
    assert dry["erp"] == erp.url.split("/")[2]
    assert "would be sent: 1 lines" in ran("--dry-run").output
    assert (erp.requests, states(workspace), (tmp_path / "orders").exists()) == ([], {proposal: "approved"}, False)
    erp.plan.append((409, "closed for today", {}))
    refused = ran()
    assert (refused.exit_code, "409 closed for today" in refused.output) == (1, True)
    done = ran("--json")
    assert json.loads(done.stdout)["erp"][0]["posted"] == "taken"
    assert (done.exit_code, TOKEN in refused.output + done.output) == (0, False)
