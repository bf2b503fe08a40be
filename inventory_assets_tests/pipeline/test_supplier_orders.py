"""Open orders and what is on order, kept up to date by whatever arrives and by the day, equal a load of everything."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from inventory_assets.contracts.silver import DECISIONS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.operate.findings import open_points
from inventory_assets.operate.progress import progress
from inventory_assets.pipeline.orders import orders_due
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.publish.sql import query
from inventory_assets.settings import OrdersSettings, Settings
from inventory_assets_tests.faults.campaign import campaign_only
from inventory_assets_tests.medallion.builders import decisions
from inventory_assets_tests.pipeline.running import (
    differences,
    publish_everything,
    refresh_everything,
    versions,
    workspace_at,
)

pytestmark = pytest.mark.xdist_group("supplier orders")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = START + timedelta(days=50)
SUPPLIER = ("supplier_id,product_sku,expected_delivery,quantity_ordered,unit_cost,order_status,order_id,line_number,"
            "ordered_at,received_at,quantity_received,location_id,updated_at")  # fmt: skip
WAREHOUSE = "record_type,warehouse_id,product_sku,last_updated,document_id,line_number,quantity,order_id"
OPENINGS = "location_id,product_sku,quantity,as_of"
PLACES = "location_id,location_type"
OPEN, POSITION = TABLES["gold/open_supplier_orders"], TABLES["gold/inventory_position"]


def text(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def report(
    day: float, status: str = "", *, order: str = "O1", line: int = 1, sku: str = "A", ordered: int = 10,
    received: int | None = None, promised: int | None = 20, to: str = "DC", supplier: str = "V1",
) -> str:  # fmt: skip
    """A row of the supplier feed."""
    expected = None if promised is None else START + timedelta(days=promised)
    units = "" if received is None else received
    said = f"{supplier},{sku},{text(expected)},{ordered},1.50,{status},{order},{line}"
    return f"{said},{text(START)},,{units},{to},{text(START + timedelta(days=day))}"


def receipt(day: float, units: int, *, order: str = "O1", sku: str = "A", document: str = "D1") -> str:
    """A row of the warehouse feed."""
    return f"receipt,DC,{sku},{text(START + timedelta(days=day))},{document},1,{units},{order}"


def drop(settings: Settings, feed: str, name: str, *rows: str) -> None:
    """Put a file into the landing folder."""
    header = {"supplier": SUPPLIER, "warehouse": WAREHOUSE, "stock": OPENINGS, "locations": PLACES}[feed]
    path = Path(settings.data_dir, "landing", feed, f"{name}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows, ""]))


def on_order(workspace: Workspace) -> dict[tuple[str, str], int | None]:
    rows = workspace.lake.scan(POSITION).select("product_sku", "location_id", "on_order").collect().rows()
    return {(item, place): units for item, place, units in rows}


@pytest.fixture
def installed(tmp_path) -> Settings:
    settings = Settings(data_dir=tmp_path)
    opening = f"{text(START - timedelta(days=1))}"
    drop(settings, "stock", "openings", f"DC,A,7,{opening}", f"DC,B,3,{opening}", f"S1,A,2,{opening}")
    return settings


def life_cycles(dice: random.Random) -> tuple[list[str], list[str]]:
    """Reports and receipts of two dozen order lines, each somewhere in its life."""
    reports, receipts = [], []
    for number in range(24):
        who = {"order": f"O{number % 7}", "line": number, "sku": dice.choice("AB"), "ordered": dice.randint(2, 20),
               "promised": dice.choice([None, dice.randint(1, 48)]), "supplier": f"V{number % 7 % 2}"}  # fmt: skip
        day, came = dice.uniform(0, 10), 0
        for status in ["proposed", "sent", "confirmed", "shipped"][dice.randint(0, 2) : dice.randint(2, 4)]:
            reports.append(report(day, status, **who))
            day += dice.uniform(0.1, 4)
        for part in range(dice.randint(0, 2)):
            came += dice.randint(1, max(1, who["ordered"] // 2))
            units = {"received": came} if dice.random() < 0.8 else {}
            reports.append(report(day, dice.choice(["partly received", "", "shipped"]), **who, **units))
            if dice.random() < 0.7:
                receipts.append(receipt(day, came, order=who["order"], sku=who["sku"], document=f"D{number}-{part}"))
            day += dice.uniform(0.1, 4)
        if dice.random() < 0.5:
            reports.append(report(day, dice.choice(["delivered", "cancelled", "closed", "on hold"]), **who))
    return reports, receipts


@pytest.mark.parametrize("seed", [1, campaign_only(2), campaign_only(3)])
def test_any_arrival_order_batches_doubles_and_days_between_give_equal_cells(tmp_path, installed, seed):
    dice = random.Random(seed)
    reports, receipts = life_cycles(dice)
    whole = installed
    drop(whole, "supplier", "all", *reports)
    drop(whole, "warehouse", "all", *receipts)
    once = workspace_at(whole, END)
    refresh_everything(once, whole)

    pieces = Settings(data_dir=tmp_path / "pieces")
    drop(pieces, "stock", "openings", *(whole.data_dir / "landing/stock/openings.csv").read_text().splitlines()[1:])
    rows = [("supplier", row) for row in reports] + [("warehouse", row) for row in receipts]
    rows += dice.sample(rows, len(rows) // 2)
    dice.shuffle(rows)
    cuts = sorted(dice.sample(range(1, len(rows)), 3))
    batches = list(zip([0, *cuts], [*cuts, len(rows)], strict=True))
    for number, (first, last) in enumerate(batches):
        for feed in ("supplier", "warehouse"):
            mine = [row for name, row in rows[first:last] if name == feed]
            if mine:
                drop(pieces, feed, f"part-{number}", *mine)
        step = workspace_at(pieces, END - timedelta(days=3 * (len(batches) - 1 - number)))
        refresh_everything(step, pieces)
    assert differences(once.lake, step.lake) == {}
    states = set(once.lake.scan(OPEN).collect()["state"])
    assert len(states) > 2, "the histories are worth comparing"


def test_on_order_falls_with_each_receipt_and_ends_with_the_cancellation_of_the_rest(installed):
    told = [("supplier", report(1, "confirmed"), 10), ("warehouse", receipt(5, 3), 7),
            ("supplier", report(6, "partly received", received=4), 6), ("supplier", report(7, "shipped"), 6),
            ("supplier", report(8, "cancelled"), 0)]  # fmt: skip
    workspace = workspace_at(installed, START + timedelta(days=9))
    for number, (feed, row, expected) in enumerate(told):
        drop(installed, feed, f"file-{number}", row)
        refresh_everything(workspace, installed)
        assert on_order(workspace)["A", "DC"] == expected
    found = on_order(workspace)
    assert found["B", "DC"] == 0, "a followed location without an open line has none on order"
    assert found["A", "S1"] is None, "no order ever named the store"
    reasons = dict(workspace.lake.scan(POSITION).select("location_id", "null_reason").collect().rows())
    assert "on_order: no supplier order names this location" in reasons["S1"]


def test_a_new_day_alone_makes_a_line_overdue_and_then_stops_counting_it(installed):
    drop(installed, "supplier", "one", report(1, "confirmed", promised=20))
    for days, expected, overdue in ((20, 10, 0), (21, 10, 1), (34, 10, 14), (35, 0, 15)):
        workspace = workspace_at(installed, START + timedelta(days=days))
        refresh_everything(workspace, installed)
        assert on_order(workspace)["A", "DC"] == expected
        assert workspace.lake.scan(OPEN).collect()["overdue_days"].to_list() == [overdue]
        before = versions(workspace.lake)
        assert not orders_due(workspace)
        assert not refresh_everything(workspace, installed).changed
        assert versions(workspace.lake) == before
    assert orders_due(workspace_at(installed, START + timedelta(days=36)))
    found = [point.what for point in open_points(progress(installed))]
    assert "1 supplier order lines are overdue for so long that they count as on order no more" in found
    publish_everything(workspace, installed)
    assert query(installed.serving, "SELECT order_id, overdue_days, reason FROM overdue_orders").rows() == [
        ("O1", 15, "overdue")
    ]


def test_a_changed_limit_and_a_changed_word_take_effect_with_nothing_new(installed):
    drop(installed, "supplier", "one", report(1, "confirmed", promised=5), report(1, "na cestě", sku="B", line=2))
    now = START + timedelta(days=12)
    workspace = workspace_at(installed, now)
    refresh_everything(workspace, installed)
    assert (on_order(workspace)["A", "DC"], on_order(workspace)["B", "DC"]) == (10, None)
    strict = installed.model_copy(update={"orders": OrdersSettings(stop_counting_after_days=6)})
    strict.sources_file.write_text('[default.order_states]\n"na cestě" = "shipped"\n', encoding="utf-8")
    workspace = workspace_at(strict, now)
    refresh_everything(workspace, strict)
    assert (on_order(workspace)["A", "DC"], on_order(workspace)["B", "DC"]) == (0, 10)


def test_without_any_order_nothing_is_on_order_only_where_the_profile_assumes_it(installed):
    drop(installed, "locations", "places", "S1,store")
    workspace = workspace_at(installed, START)
    refresh_everything(workspace, installed)
    assert set(on_order(workspace).values()) == {None}
    installed.sources_file.write_text("[default.assume]\nnothing_on_order = true\n", encoding="utf-8")
    workspace = workspace_at(installed, START)
    refresh_everything(workspace, installed)
    assert on_order(workspace) == {("A", "DC"): None, ("B", "DC"): None, ("A", "S1"): 0}
    drop(installed, "supplier", "one", report(1, "confirmed", to="S1"))
    refresh_everything(workspace_at(installed, START + timedelta(days=2)), installed)
    assert on_order(workspace)["A", "S1"] == 10


def test_a_discarded_report_is_as_if_it_had_never_been(installed):
    drop(installed, "supplier", "one", report(1, "confirmed"))
    drop(installed, "supplier", "two", report(2, "cancelled"))
    workspace = workspace_at(installed, START + timedelta(days=3))
    refresh_everything(workspace, installed)
    assert on_order(workspace)["A", "DC"] == 0
    bronze = workspace.lake.scan(TABLES["bronze/supplier_orders"]).filter(pl.col("order_status") == "cancelled")
    place = bronze.select("source_file", "content_hash", "row_number", "event_date").collect().row(0, named=True)
    workspace.lake.append(DECISIONS, decisions({"feed": "supplier", "action": "discard", **place}))
    refresh_everything(workspace, installed)
    assert on_order(workspace)["A", "DC"] == 10
