"""Parameters and proposals from the command line, on an installation with a simulated history."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.pipeline.replenishment import refresh_policy, refresh_proposals
from inventory_assets.simulator import HistoryConfig
from inventory_assets_tests.pipeline.running import simulated

pytestmark = pytest.mark.xdist_group("planning from the command line")
CONFIG = HistoryConfig(start=date(2026, 1, 20), days=40, stores=1, items=6, warehouses=1, lines_per_store_day=30.0,
                       dirt=0.0)  # fmt: skip
WHO = ("--author", "mona", "--because", "trial")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A data folder after a night; the environment of the commands."""
    history, settings, workspace = simulated(CONFIG, tmp_path_factory.mktemp("planning"))
    refresh_policy(workspace)
    refresh_proposals(workspace)
    return {"INVENTORY_DATA_DIR": str(settings.data_dir), "INVENTORY_FIXED_CLOCK": history.config.end.isoformat()}


def ran(environment: dict[str, str], *words: str, code: int = 0):
    """Result of a command; as JSON where it is asked for."""
    done = CliRunner().invoke(app, words, env=environment)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in words else done.output


def test_parameters_are_set_once_shown_with_their_author_and_taken_back(installation):
    asked = ("params", "set", "service_target=.98", "pack=6", "--class", "A", *WHO, "--json")
    assert ran(installation, *asked)["set"] == 2
    assert ran(installation, *asked)["set"] == 0
    shown = ran(installation, "params", "list", "--json")
    assert {(row["name"], row["value"], row["author"]) for row in shown} == {
        ("service_target", ".98", "mona"), ("pack", "6", "mona")
    }  # fmt: skip
    assert ran(installation, "params", "set", "pack=", "--class", "A", *WHO, "--json")["set"] == 1
    assert [row["name"] for row in ran(installation, "params", "list", "--json")] == ["service_target"]
    assert len(ran(installation, "params", "list", "--history", "--json")) == 3
    assert "nothing is stored" in ran(installation, "params", "set", "pack=4", "--dry-run", *WHO)
    assert "service_target" in ran(installation, "params", "names")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("params", "set", "pack=0", *WHO), "lies outside"),
        (("params", "set", "pack", *WHO), "is no NAME=VALUE"),
        (("params", "set", "pack=2", "--item", "A", "--class", "B", *WHO), "name one of"),
        (("whatif", "A"), "say what would be set"),
        (("whatif", "A", "--service", "98"), "share between 0 and 1"),
    ],
)
def test_wrong_use_says_what_is_wrong(installation, words, says):
    assert says in ran(installation, *words, code=2)


def test_a_file_of_parameters_is_taken_whole_or_not_at_all(installation, tmp_path):
    file = tmp_path / "parameters.csv"
    file.write_text("scope,scope_value,name,value,valid_until\nsupplier,SUP-999,review_period,14,2026-12-31\n"
                    "item,X,fixed_cost,-1,\n")  # fmt: skip
    assert "lies outside" in ran(installation, "params", "load", str(file), *WHO, code=2)
    assert not [row for row in ran(installation, "params", "list", "--json") if row["scope"] == "supplier"]
    file.write_text(file.read_text().replace(",-1,", ",1,"))
    assert ran(installation, "params", "load", str(file), *WHO, "--json")["set"] == 2
    assert ran(installation, "params", "load", str(file), *WHO, "--json")["set"] == 0
    file.write_text("scope,name\n")
    assert "columns missing: scope_value, value" in ran(installation, "params", "load", str(file), *WHO, code=2)


def test_whatif_shows_both_and_saves_nothing(installation):
    item = ran(installation, "proposals", "list", "--json")[0]["product_sku"]
    rows = ran(installation, "whatif", item, "--service", ".995", "--json")
    levels = [row for row in rows if row["what"] == "order_up_to" and row["now"] is not None]
    assert levels
    assert all(row["then"] > row["now"] for row in levels)
    assert [row["name"] for row in ran(installation, "params", "list", "--item", item, "--json")] == []
    assert "no demand is known" in ran(installation, "whatif", "NOBODY", "--service", ".9", code=3)


def test_a_proposal_is_shown_approved_once_and_sent_once(installation):
    first = ran(installation, "proposals", "list", "--json")[0]
    assert first["sentence"] in ran(installation, "proposals", "show", first["proposal_id"])
    approve = ("proposals", "approve", first["proposal_id"], "--author", "mona", "--json")
    assert ran(installation, *approve)["decided"] == 1
    assert ran(installation, *approve)["decided"] == 0
    assert "mona decided approve" in ran(
        installation, "proposals", "reject", first["proposal_id"], *WHO, code=1
    )  # fmt: skip
    sent = ran(installation, "proposals", "send", "--author", "mona", "--json")
    assert [(each["lines"], each["written"]) for each in sent["orders"]] == [(1, True)]
    assert (sent["events"], sent["erp"]) == (None, None), "neither a live database nor an ordering system is set"
    assert "0 files written, 1 were there" in ran(installation, "proposals", "send", "--author", "mona")
    states = {row["proposal_id"]: row["state"] for row in ran(installation, "proposals", "list", "--json")}
    assert states[first["proposal_id"]] == "sent"
    confirm = ("proposals", "confirm", first["proposal_id"], *WHO, "--json")
    assert [ran(installation, *confirm)["decided"] for _ in range(2)] == [1, 0]
    assert ran(installation, "proposals", "list", "--state", "confirmed", "--json")[0]["order_id"].startswith("PO-")


def test_a_history_too_short_for_a_backtest_says_so(installation):
    assert "too few days" in ran(installation, "backtest", code=3)
    tried = ran(installation, "proposals", "list", "--state", "rejected", "--json")
    assert tried == []


def test_before_anything_was_computed_there_are_no_proposals(tmp_path):
    assert "no proposals were computed yet" in ran({"INVENTORY_DATA_DIR": str(tmp_path)}, "proposals", "list", code=3)
