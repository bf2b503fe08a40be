"""Late data and backfills under the real daemon, nobody at the keyboard: asked for in the UI, by command, many at once.

`INVENTORY_TEST_PROFILE` makes the range a year and the requests at once ten.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import dagster as dg
import polars as pl
import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.tags import BACKFILL_ID_TAG

from benchmarks.backfill import stored_bytes
from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs import backfill
from inventory_assets.defs.specs import key
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.location import ask, is_loaded
from inventory_assets.publish.sql import query
from inventory_assets.settings import Settings
from inventory_assets_tests.faults.campaign import LONG, long_only, record
from inventory_assets_tests.faults.serving import Served, served
from inventory_assets_tests.pipeline.late import (
    SOURCES,
    Expectation,
    Late,
    land,
    land_history,
    rewritten,
    sale,
)
from inventory_assets_tests.pipeline.running import (
    differences,
    publish_everything,
    refresh_everything,
    versions,
    workspace_at,
)

pytestmark = [long_only, pytest.mark.slow, pytest.mark.xdist_group("by daemon")]
REQUESTS, RANGE_DAYS = (10, 366) if LONG else (3, 40)
LATE_DAYS, EVERY_ROW = 200, 1_000_000
MOST_BYTES = 12_000
"""Bytes of Dagster's event log a backfill may leave for each asset and day."""
SALES, SUMMARY = TABLES["silver/inventory_transactions"], TABLES["gold/daily_inventory_summary"]
LAUNCH = """mutation ($asked: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $asked) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Served]:
    """A shop of 290 days, carried to DuckDB by the sensor."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "sources.toml").write_text(SOURCES)
    land_history(folder / "landing", today())
    with served(folder, webserver=True) as installation:
        installation.wait_until_done()
        yield installation


def today() -> date:
    return datetime.now(UTC).date()


def lake_of(installation: Served) -> Lake:
    return Lake(str(installation.folder / "lakehouse"))


def published(installation: Served, sql: str) -> list[tuple]:
    """Rows of the newest published file."""
    return query(installation.folder / "serving", sql, EVERY_ROW).rows()


def equal_to_a_fresh_build(installation: Served, folder: Path) -> None:
    """Tables equal those of a lake built once from the same files, and DuckDB shows their facts."""
    settings = Settings(data_dir=folder, landing_uri=str(installation.folder / "landing"))
    folder.mkdir()
    settings.sources_file.write_text(SOURCES)
    workspace = workspace_at(settings, datetime.now(UTC) + timedelta(minutes=1))
    refresh_everything(workspace, settings)
    assert differences(workspace.lake, lake_of(installation)) == {}
    publish_everything(workspace, settings)
    for table in (*GOLD, *ANALYTICS):
        columns = ", ".join(f'"{name}"' for name in table.fact_columns)
        facts = f"SELECT {columns} FROM {table.path.replace('/', '.')} ORDER BY ALL"
        assert published(installation, facts) == query(settings.serving, facts, EVERY_ROW).rows(), table.path


def ended(installation: Served, ids: list[str]) -> bool:
    """Whether all backfills are over; none may have failed."""
    with installation.opened() as instance:
        statuses = [instance.get_backfill(each).status for each in ids]
    assert not set(statuses) & {BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED}, statuses
    return set(statuses) == {BulkActionStatus.COMPLETED_SUCCESS}


def runs_of(instance: dg.DagsterInstance, backfill_id: str) -> list[DagsterRunStatus]:
    return [run.status for run in instance.get_runs(RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}))]


def graphql(installation: Served, query: str, variables: dict) -> dict:
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json"}
    try:
        with urlopen(Request(f"http://127.0.0.1:{installation.port}/graphql", body, headers), timeout=300) as answer:
            return json.load(answer)["data"]
    except HTTPError as error:
        raise AssertionError(f"the UI answers {error.code}: {error.read(4_000).decode()}") from error


def test_a_late_sale_200_days_back_rewrites_what_is_declared_and_reaches_duckdb_by_itself(
    running, tmp_path, record_property
):
    day = today() - timedelta(days=LATE_DAYS)
    old = Path(shutil.copytree(running.folder / "lakehouse", tmp_path / "old"))
    before = versions(lake_of(running))
    total = "SELECT sum(total_quantity_sold) FROM gold.daily_inventory_summary"
    sold = published(running, total)[0][0]
    late = Late(
        "pos", (sale("LATE", day, units=5),), frozenset({day}), pairs={("A", "S1"): (day, None)},
        first_instant=datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
    )  # fmt: skip
    dropped = time.monotonic()
    land(running.folder / "landing", "pos", "late", *late.rows)
    running.wait_for(lambda: published(running, total)[0][0] == sold + 5)
    record_property("seconds from file to DuckDB", round(time.monotonic() - dropped, 1))
    print(f"late file to DuckDB: {time.monotonic() - dropped:.1f} s")
    running.wait_until_done()

    new = lake_of(running)
    expected = Expectation(late, Lake(str(old)), new, changed := rewritten(new, before))
    assert {path: (changed[path], wanted) for path, table in TABLES.items()
            if changed[path] != (wanted := expected.of(table))} == {}  # fmt: skip
    book = "SELECT book FROM gold.inventory_position WHERE product_sku = 'A' AND location_id = 'S1'"
    position = new.scan(TABLES["gold/inventory_position"]).filter(
        pl.col("product_sku") == "A", pl.col("location_id") == "S1"
    )  # fmt: skip
    assert published(running, book) == position.select("book").collect().rows()
    equal_to_a_fresh_build(running, tmp_path / "fresh")


def test_a_range_asked_for_in_the_ui_is_one_run_of_small_events(running):
    """The mutation is the one behind the button "Launch backfill"; its policy makes one run of the range."""
    running.wait_for(lambda: is_loaded(ask(f"http://127.0.0.1:{running.port}")))
    asked = backfill.request(today() - timedelta(days=RANGE_DAYS - 1), today())
    log, before = running.home / "history" / "event_log.db", lake_of(running).version(SALES)
    size = stored_bytes(log)
    keys = [{"path": list(each.path)} for each in asked.keys]
    params = {"assetSelection": keys, "partitionNames": asked.days, "fromFailure": False, "tags": []}
    answer = graphql(running, LAUNCH, {"asked": params})["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    begun = time.monotonic()
    running.wait_for(lambda: ended(running, [answer["backfillId"]]), 900)
    seconds = time.monotonic() - begun
    each = (stored_bytes(log) - size) / (len(asked.keys) * len(asked.days))
    with running.opened() as instance:
        assert runs_of(instance, answer["backfillId"]) == [DagsterRunStatus.SUCCESS], "one run for the range"
        for path in asked.tables:
            assert instance.get_materialized_partitions(key(path)) >= set(asked.days), path
    lake = lake_of(running)
    assert lake.changed_days(SALES, before, lake.version(SALES)) <= {date.fromisoformat(day) for day in asked.days}
    assert each <= MOST_BYTES, f"{each:.0f} bytes of event log for each asset and day"
    print(f"{len(asked.days)} days × {len(asked.keys)} assets: {seconds:.1f} s, {each:.0f} bytes each")
    record(
        "backfill_from_ui", "a backfill of a year launched in the UI: runs; event log per asset and day",
        "1 run, ≤ 12 KB",
        f"1 run of {len(asked.days)} days × {len(asked.keys)} assets in {seconds:.0f} s, {each:.0f} B",
        reached=each <= MOST_BYTES, details={"seconds": seconds, "bytes": each},
    )  # fmt: skip
    running.wait_until_done()


def test_a_range_asked_for_by_command_is_queued_with_the_daemon(running):
    command = [sys.executable, "-m", "inventory_assets.cli", "backfill", "--table", SUMMARY.path, "--json"]
    days = ["--from", str(today() - timedelta(days=9)), "--to", str(today())]
    done = subprocess.run([*command, *days], env=running.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["by"], told["days"], len(told["runs"]), len(told["tables"])) == ("daemon", 10, 1, 3)
    with running.opened() as instance:
        assert instance.get_run_by_id(told["runs"][0]).status == DagsterRunStatus.SUCCESS
        assert runs_of(instance, told["backfill"]) == [DagsterRunStatus.SUCCESS]


def test_overlapping_requests_at_once_end_right_while_files_arrive(running, tmp_path):
    running.wait_until_done()
    first = today() - timedelta(days=60)
    with running.opened() as instance:
        ids = []
        for number in range(REQUESTS):
            begin = first + timedelta(days=3 * number)
            asked = backfill.request(begin, begin + timedelta(days=14), layers=("silver",) if number % 2 else ())
            ids.append(backfill.submit(instance, asked, datetime.now(UTC).timestamp()))
    more = [sale(f"MORE{n}", first + timedelta(days=n), "S2", "B") for n in range(0, 50, 3)]
    land(running.folder / "landing", "pos", "more", *more)
    running.wait_for(lambda: ended(running, ids), 180 * REQUESTS)
    running.wait_until_done()
    with running.opened() as instance:
        assert [runs_of(instance, each) for each in ids] == [[DagsterRunStatus.SUCCESS]] * REQUESTS
        records = instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
        spans = sorted((each.start_time, each.end_time) for each in records)
    assert all(one[1] <= other[0] for one, other in pairwise(spans)), "one writer at a time"
    equal_to_a_fresh_build(running, tmp_path / "fresh")
