"""Online Retail II under the real daemon, from landing files to proposals: stock unknown, and assumed by settings.

The data set holds sales and nothing else. Where stock is unknown there are forecasts and policies, and no proposals;
where `sources.toml` assumes openings, and that nothing is on order, there are proposals, and each says that its stock
is an assumption.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest
from dagster import DagsterRunStatus

from inventory_assets.contracts.replenishment import ORDER_PROPOSALS
from inventory_assets.defs.specs import key
from inventory_assets.ingest.loaders import load_online_retail
from inventory_assets.operate.location import ask, is_loaded
from inventory_assets.pipeline.open import open_profiles
from inventory_assets.publish.sql import query
from inventory_assets.settings import Settings
from inventory_assets_tests.faults.campaign import long_only, record
from inventory_assets_tests.faults.serving import Served, served

pytestmark = [long_only, pytest.mark.slow, pytest.mark.shared_data, pytest.mark.xdist_group("by daemon")]
FILE = "online_retail_ii/online_retail_ii_to_2011-05-31.parquet"
ASSUMED = """[online-retail.assume]
location_type = "online"
opening_quantity = 2000
opening_date = 2009-12-01
nothing_on_order = true
"""
SALE_DAYS, PATIENCE_SECONDS = 400_011, 1800
LAUNCH = """mutation ($asked: ExecutionParams!) {
  launchRun(executionParams: $asked) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
SELECTOR = {"repositoryLocationName": "inventory_assets", "repositoryName": "__repository__"}
COUNT_IT = "stock unknown: count it or set an opening balance"


@dataclass(frozen=True)
class Night:
    """What stands in DuckDB and in the instance after the jobs of a night.

    Attributes:
        installation: still served.
        metadata: of the last materialisation of the proposals, by name.
        seconds: of each part.
    """

    installation: Served
    metadata: Mapping[str, Any]
    seconds: Mapping[str, float]

    def rows(self, sql: str) -> list[tuple]:
        return query(self.installation.folder / "serving", sql, 1_000_000).rows()


def launch(installation: Served, job: str, **selector: object) -> float:
    """Put a run into the daemon's queue, as the button of the UI does, and wait for its success; seconds it took."""
    asked = {"selector": {**SELECTOR, "jobName": job, **selector}, "runConfigData": {}}
    body = json.dumps({"query": LAUNCH, "variables": {"asked": asked}}).encode()
    sent = Request(f"http://127.0.0.1:{installation.port}/graphql", body, {"Content-Type": "application/json"})
    begun = time.monotonic()
    with urlopen(sent, timeout=300) as answer:
        told = json.load(answer)["data"]["launchRun"]
    assert told["__typename"] == "LaunchRunSuccess", told

    def over() -> DagsterRunStatus | None:
        with installation.opened() as instance:
            run = instance.get_run_by_id(told["run"]["runId"])
        return run.status if run is not None and run.is_finished else None

    assert installation.wait_for(over, PATIENCE_SECONDS) == DagsterRunStatus.SUCCESS, job
    return time.monotonic() - begun


@pytest.fixture(scope="module", params=["unknown", "assumed"])
def night(request, shared_data, tmp_path_factory) -> Iterator[Night]:
    """The data set carried to DuckDB by the sensor, then forecast, planned, and its proposals materialised by hand."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "assumed":
        (folder / "sources.toml").write_text(ASSUMED)
    load_online_retail(shared_data / FILE, folder / "landing", open_profiles(Settings(data_dir=folder)))
    with served(folder, webserver=True) as installation:
        begun = time.monotonic()
        installation.wait_for(lambda: installation.watch.look().stage == "done", PATIENCE_SECONDS)
        installation.wait_until_done()
        seconds = {"landing to DuckDB": time.monotonic() - begun}
        setting = [sys.executable, "-m", "inventory_assets.cli", "params", "set", "lead_time=7"]
        why = ["--author", "mona", "--because", "the data set names no supplier"]
        done = subprocess.run(
            [*setting, *why], env=installation.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        installation.wait_for(lambda: is_loaded(ask(f"http://127.0.0.1:{installation.port}")))
        for job in ("nightly_forecast", "replenish"):
            seconds[job] = launch(installation, job)
        seconds["by hand"] = launch(
            installation, "__ASSET_JOB", assetSelection=[{"path": list(key(ORDER_PROPOSALS.path).path)}]
        )
        with installation.opened() as instance:
            event = instance.get_latest_materialization_event(key(ORDER_PROPOSALS.path))
        assert event is not None
        shown = {name: each.value for name, each in event.asset_materialization.metadata.items()}
        told = ", ".join(f"{name} {each:.0f} s" for name, each in seconds.items())
        print(f"{request.param}: {told}")
        record(
            f"online_retail_{request.param}", f"Online Retail II under the daemon, stock {request.param}",
            "no proposals" if request.param == "unknown" else "proposals labelled as assumed",
            f"{shown['dagster/row_count']:,} proposals; {told}", reached=True, details=seconds,
        )  # fmt: skip
        yield Night(installation, shown, seconds)


def test_forecasts_and_policies_stand_in_duckdb_and_proposals_only_where_stock_is_assumed(night, request):
    basis = request.node.callspec.params["night"]
    assert night.rows("SELECT count(*) FROM gold.daily_inventory_summary") == [(SALE_DAYS,)]
    [(forecasts, policies, levels)] = night.rows(
        "SELECT (SELECT count(*) FROM analytics.demand_forecast), count(*), count(order_up_to) FROM inventory_policy"
    )
    assert min(forecasts, policies, levels) > 1000
    assert night.rows("SELECT DISTINCT stock_basis FROM gold.inventory_position") == [(basis,)]
    proposals = night.rows("SELECT stock_basis, warning, quantity, wanted - transferred, kind FROM order_proposals")
    uncounted = night.rows(f"SELECT count(*) FROM exceptions WHERE starts_with(message, '{COUNT_IT}')")[0][0]
    assert night.metadata["dagster/row_count"] == len(proposals)
    if basis == "unknown":
        assert proposals == []
        assert uncounted > 1000
        return
    assert len(proposals) > 100
    assert uncounted == 0
    assert {each[0] for each in proposals} == {"assumed"}
    assert all("an assumption of the settings" in warning for _, warning, _, _, _ in proposals)
    assert all(quantity == wanted for _, _, quantity, wanted, kind in proposals if kind == "purchase")
    assert "assumed" in night.metadata["preview"], "the page of the asset says it"
