"""The truth table of docs/failures.md, row by row: what came in, what is quarantined, what checks and the run say."""

from __future__ import annotations

import io
import re
import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from inventory_assets.contracts.tables import TABLES
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.defs.installation import (
    DAY,
    HEADER,
    NOW,
    Installation,
    evaluations,
    failed_checks,
    failed_steps,
    line,
    materialised,
    skipped_steps,
)

OTHER_DAY = date(2024, 5, 3)
PAGE = (ROOT / "docs" / "failures.md").read_text("utf-8").split("\n## What dies\n")[0]
SALES = "silver/inventory_transactions"
SUMMARY = "gold/daily_inventory_summary"


def csv(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"transaction_id": ["R"]}).write_parquet(out)
    return out.getvalue()


INPUTS: dict[str, tuple[str, bytes, dict[str, int], int]] = {
    # row of the page: file, content, quarantined rows by reason, sales lines
    "clean file": ("clean.csv", csv(line(1, receipt="C"), line(2, receipt="C")), {}, 2),
    "cell of the wrong type": (
        "cast.csv",
        csv(line(1, receipt="T"), line(2, receipt="T", quantity="two"), line(3, receipt="T")),
        {"type:quantity_sold": 1},
        2,
    ),
    "most cells of the wrong type": (
        "shifted.csv",
        csv(line(1, receipt="M"), line(2, receipt="M", quantity="x"), line(3, receipt="M", quantity="y")),
        {"file:refused": 1},
        0,
    ),
    "required column missing": (
        "narrow.csv", csv("R,1,S1,A", header="transaction_id,line_number,store_id,product_sku"), {"file:refused": 1}, 0,
    ),
    "unknown encoding": (
        "latin.csv", csv(line(1, receipt="É")).decode().encode("latin-1"), {"file:refused": 1}, 0,
    ),
    "bytes that are no file of their kind": (
        "torn.parquet", parquet()[:40] + parquet()[-8:], {"file:unreadable": 1}, 0,
    ),
    "line that cannot be parsed": (
        "lines.jsonl",
        b'{"transaction_id":"J","line_number":1,"store_id":"S1","product_sku":"A1","quantity_sold":1,'
        b'"unit_price":"1","timestamp":"2024-05-01T10:00:00Z"}\n{"transaction_id":"J",\n',
        {"line:unreadable": 1},
        1,
    ),
    "line without a key": ("key.csv", csv(line(1, receipt="K"), line(2, receipt="")), {"key:null": 1}, 1),
    "date far ahead": (
        "ahead.csv",
        csv(line(1, receipt="F"), line(2, receipt="F", day=DAY.replace(year=2099))),
        {"event_time_ahead": 1},
        1,
    ),
    "same line twice": ("twice.csv", csv(line(1, receipt="D"), line(1, receipt="D")), {}, 1),
    "same key, other day": (
        "days.csv", csv(line(1, receipt="Y"), line(1, receipt="Y", day=OTHER_DAY)), {}, 2,
    ),
    "same key, other content": (
        "conflict.csv", csv(line(1, receipt="X"), line(1, receipt="X", quantity="9")), {"conflict": 1}, 1,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def taken(tmp_path_factory) -> tuple[Installation, dg.ExecuteInProcessResult]:
    """One run over a landing folder with one file a row of the table."""
    folder = tmp_path_factory.mktemp("failures")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("INVENTORY_DATA_DIR", str(folder))
        patch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
        installation = Installation(folder, instance)
        for name, content, _, _ in INPUTS.values():
            installation.land(f"pos/source=till/{name}", content, age_seconds=700)
        installation.land_lines("other-day", line(1, day=OTHER_DAY, receipt="O"))
        yield installation, installation.refresh()


@pytest.mark.parametrize("row", INPUTS)
def test_what_comes_in_is_taken_or_quarantined_and_never_fails_the_run(taken, row):
    installation, result = taken
    name, _, quarantined, sales = INPUTS[row]
    file = f"pos/source=till/{name}"
    held = installation.rows("silver/quarantine").filter(pl.col("source_file") == file)
    assert dict(held.group_by("reason").len().rows()) == quarantined
    assert installation.rows(SALES).filter(pl.col("source_file") == file).height == sales
    assert result.success
    assert failed_checks(result) == set()
    assert {(SALES, "keeps_contract"), ("silver/day_balance", "every_row_accounted")} <= evaluations(result).keys()
    assert (installation.data / "serving" / "inventory.duckdb").exists()


def test_a_line_that_came_twice_is_counted_as_a_repeat(taken):
    installation, _ = taken
    balance = installation.rows("silver/day_balance").group_by("outcome").agg(pl.col("rows").sum())
    assert dict(balance.rows())["exact_repeat"] == 1


OF_THE_LIVE_LOG = "live database rests or goes away", "live database restored from a backup"
"""Breakages that `live/test_log_by_dagster.py` makes happen."""


def test_every_row_of_the_page_has_a_test_and_every_test_a_row():
    rows = re.findall(r"^\| ([^|]+?) \|", PAGE, re.MULTILINE)
    named = [row for row in rows if row not in {"what happens", "---"}]
    assert sorted(named) == sorted([*INPUTS, *BREAKAGES, *OF_THE_LIVE_LOG])


def write(installation: Installation, path: str, rows: pl.DataFrame) -> None:
    """Rows written by somebody else, past every check."""
    from deltalake import write_deltalake

    write_deltalake(installation.lake.uri(TABLES[path]), rows, mode="append")


@pytest.fixture
def running(taken, installation) -> Installation:
    """A copy of an installation that has carried everything to the end."""
    shutil.copytree(taken[0].data, installation.data, dirs_exist_ok=True)
    return installation


def comes_back(installation: Installation) -> dg.ExecuteInProcessResult:
    """The next run succeeds and everything is as it would be without the failure."""
    result = installation.refresh()
    assert result.success, failed_steps(result)
    assert failed_checks(result) == set()
    sales = installation.rows(SALES)
    assert sales.select("transaction_id", "line_number", "event_date").is_unique().all()
    sold = installation.rows(SUMMARY).group_by("event_date").agg(pl.col("total_quantity_sold").sum())
    expected = sales.group_by("event_date").agg(pl.col("quantity_sold").sum().alias("total_quantity_sold"))
    assert sold.sort("event_date").equals(expected.sort("event_date"))
    return result


def key_stored_twice(installation: Installation) -> None:
    write(installation, SALES, installation.rows(SALES).filter(event_date=OTHER_DAY))
    broken = installation.versions()[SALES]
    gold = installation.versions()[SUMMARY]
    quarantined = installation.quarantined()
    result = installation.refresh()
    assert not result.success
    assert failed_checks(result) == {(SALES, "keeps_contract")}
    assert set(failed_steps(result)) == {"refresh_silver_facts"}
    assert {"refresh_gold_sales", "serving"} <= skipped_steps(result)
    assert installation.versions()[SALES] == broken, "what is on disk stays"
    assert installation.versions()[SUMMARY] == gold, "nothing downstream took it in"
    assert installation.quarantined() == quarantined

    mended = comes_back(installation)
    assert materialised(mended)[SALES] == [OTHER_DAY.isoformat()], "the refused day was built again"


def bronze_row_stored_twice(installation: Installation) -> None:
    from deltalake import DeltaTable

    table = TABLES["bronze/inventory_transactions"]
    good = installation.versions()[table.path]
    write(installation, table.path, installation.rows(table.path).head(1))
    sales = installation.versions()[SALES]
    for _ in range(2):
        result = installation.refresh()
        assert not result.success
        assert failed_checks(result) == {(table.path, "keeps_contract")}
        assert "refresh_silver_facts" in skipped_steps(result)
    assert installation.versions()[SALES] == sales
    DeltaTable(installation.lake.uri(table)).restore(good)
    comes_back(installation)


def stored_schema_differs(installation: Installation) -> None:
    from deltalake import DeltaTable, Field
    from deltalake.schema import PrimitiveType

    uri = installation.lake.uri(TABLES[SALES])
    DeltaTable(uri).alter.add_columns([Field("note", PrimitiveType("string"))])
    gold = installation.versions()[SUMMARY]
    for _ in range(2):
        result = installation.refresh()
        assert not result.success
        assert failed_checks(result) == {(SALES, "keeps_contract")}
        assert "['note']" in failed_steps(result)["refresh_silver_facts"]
        assert "refresh_gold_sales" in skipped_steps(result)
    assert installation.versions()[SUMMARY] == gold
    shutil.rmtree(uri)
    comes_back(installation)


def day_does_not_balance(installation: Installation) -> None:
    balance = "silver/day_balance"
    lost = installation.rows(balance).filter(event_date=OTHER_DAY, outcome="bronze")
    lost = lost.with_columns(outcome=pl.lit("returns"))
    write(installation, balance, lost)
    result = installation.refresh()
    assert not result.success
    assert failed_checks(result) == {(balance, "every_row_accounted")}
    assert "1 days do not balance" in failed_steps(result)["refresh_silver_facts"]
    assert "serving" in skipped_steps(result)
    mended = comes_back(installation)
    assert evaluations(mended)[balance, "every_row_accounted"]


def code_breaks_the_contract(installation: Installation) -> None:
    backwards = (
        installation.rows(SALES)
        .filter(event_date=OTHER_DAY)
        .with_columns(quantity_sold=pl.lit(-500, pl.Int64), line_number=pl.lit(9, pl.Int64))
    )
    write(installation, SALES, backwards)
    before = installation.versions()
    result = installation.refresh()
    assert not result.success
    assert set(failed_steps(result)) == {"refresh_gold_sales", "refresh_gold_snapshot"}
    assert all("ContractError" in words for words in failed_steps(result).values())
    assert failed_checks(result) == set(), "a check looks at what is stored, and nothing was"
    assert installation.versions()[SUMMARY] == before[SUMMARY]
    assert {"refresh_demand_features", "serving"} <= skipped_steps(result)
    rebuilt = installation.materialise("silver_facts", OTHER_DAY, OTHER_DAY)
    assert rebuilt.success
    comes_back(installation)


def landing_cannot_be_listed(installation: Installation) -> None:
    landing = installation.data / "landing"
    landing.rename(installation.data / "elsewhere")
    landing.write_text("no folder")
    before = installation.versions()
    result = installation.refresh()
    assert not result.success
    assert set(failed_steps(result)) == {"refresh_bronze"}
    assert "LandingError" in failed_steps(result)["refresh_bronze"]
    assert evaluations(result) == {}
    assert installation.versions() == before
    landing.unlink()
    (installation.data / "elsewhere").rename(landing)
    comes_back(installation)


def write_fails(installation: Installation) -> None:
    table = TABLES["gold/product_performance"]
    folder = Path(installation.lake.uri(table))
    folder.rename(folder.with_name("aside"))
    folder.write_text("no folder can be made here")
    sales = installation.rows(SALES).height
    installation.land_lines("next", line(1, receipt="N"))
    result = installation.refresh()
    assert not result.success
    assert set(failed_steps(result)) == {"refresh_gold_sales"}
    assert "serving" in skipped_steps(result)
    assert installation.rows(SALES).height == sales + 1, "what was written before stays"
    folder.unlink()
    folder.with_name("aside").rename(folder)
    comes_back(installation)
    assert installation.rows(table.path)["daily_quantity_sold"].sum() == installation.rows(SALES)["quantity_sold"].sum()


BREAKAGES = {
    "stored key doubled": key_stored_twice,
    "bronze row doubled": bronze_row_stored_twice,
    "stored schema differs": stored_schema_differs,
    "day does not balance": day_does_not_balance,
    "our own code breaks a contract": code_breaks_the_contract,
    "landing folder cannot be listed": landing_cannot_be_listed,
    "write fails": write_fails,
}


@pytest.mark.parametrize("row", BREAKAGES)
def test_a_breakage_stops_the_run_where_it_is_and_the_next_run_mends_it(running, row):
    BREAKAGES[row](running)
