"""Decisions on a real lake: listed, decided, refreshed, and what came of it."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.silver import DAY_BALANCE, DECISIONS, QUARANTINE, SALES
from inventory_assets.contracts.tables import TABLES
from inventory_assets.medallion.silver_deciding import FixError, Wish
from inventory_assets.pipeline.deciding import Decided, request
from inventory_assets.pipeline.quarantine import Selection, named, selected, shown
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.silver import decisions_waiting
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.quality.checks import every_row_accounted, keeps_contract
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import long_only
from inventory_assets_tests.pipeline.running import differences, refresh_everything, versions, workspace_at

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp"
A, B = "pos/source=till/a.csv", "pos/source=till/b.csv"


@dataclass
class Shop:
    """A small installation."""

    settings: Settings
    workspace: Workspace

    @property
    def lake(self):
        return self.workspace.lake

    def land(self, path: str, *lines: str, header: str = HEADER) -> None:
        file = self.settings.data_dir / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([header, *lines, ""]))

    def refresh(self) -> None:
        refresh_everything(self.workspace, self.settings)
        assert every_row_accounted(self.lake).passed
        for table in (SALES, QUARANTINE, DAY_BALANCE, TABLES["bronze/inventory_transactions"]):
            assert keeps_contract(self.lake, table).passed

    def decide(self, action: str, *rows: str, dry_run: bool = False, **cells: str | None) -> Decided:
        wish = Wish(action, "anna", "asked the shop", dict(cells) or None)
        return request(self.workspace, named(self.lake, rows), wish, dry_run=dry_run)

    def sales(self) -> list[tuple]:
        """Receipt, line, day and units of every sale."""
        rows = self.lake.scan(SALES).select("transaction_id", "line_number", "event_date", "quantity_sold")
        return sorted(rows.collect().rows())

    def held(self) -> dict[str, str]:
        """Reasons by row."""
        rows = selected(self.lake, Selection(discarded=True))
        return dict(rows.select("row", "reasons").sort("row").rows())

    def decisions(self) -> int:
        return self.lake.scan(DECISIONS).collect().height


def line(number: int, *, quantity: str = "2", price: str = "1.50", at: str = "2026-05-01T10:00:00Z") -> str:
    return f"R,{number},S1,A1,{quantity},{price},{at}"


DAY = date(2026, 5, 1)


@pytest.fixture
def shop(tmp_path) -> Shop:
    settings = Settings(data_dir=tmp_path)
    return Shop(settings, workspace_at(settings, NOW))


def test_a_released_row_arrives_once_however_often_it_is_released(shop):
    shop.land(A, line(1), line(2, at="2026-06-09T10:00:00Z"))
    shop.refresh()
    assert shop.held() == {f"{A}#2": "event_time_ahead"}
    assert shop.decide("release", f"{A}#2").written == 1
    assert shop.decide("release", f"{A}#2").written == 0
    assert decisions_waiting(shop.lake)
    shop.refresh()
    arrived = [("R", 1, DAY, 2), ("R", 2, date(2026, 6, 9), 2)]
    assert (shop.sales(), shop.held()) == (arrived, {})
    assert not decisions_waiting(shop.lake)
    before = versions(shop.lake)
    again = shop.decide("release", f"{A}#2")
    assert (again.written, again.refused, again.verdicts[0].decision_id) == (0, {}, None)
    shop.refresh()
    assert (shop.sales(), versions(shop.lake)) == (arrived, before)


def test_a_dry_run_says_what_would_come_and_writes_nothing(shop):
    shop.land(A, line(1), line(2, quantity="two", price="-1"), line(3, at="2026-06-09T10:00:00Z"))
    shop.refresh()
    before = versions(shop.lake)
    fixed = shop.decide("fix", f"{A}#2", dry_run=True, quantity_sold="2")
    half = [(v.row, v.reasons, v.days, v.then) for v in fixed.verdicts]
    assert half == [(f"{A}#2", ("type:quantity_sold", "price:negative"), (DAY,), "price:negative")]
    whole = shop.decide("fix", f"{A}#2", dry_run=True, quantity_sold="2", unit_price="1", timestamp="2026-05-03T10:00Z")
    assert (whole.verdicts[0].then, whole.verdicts[0].days) == ("accepted", (DAY, date(2026, 5, 3)))
    assert shop.decide("discard", f"{A}#3", dry_run=True).verdicts[0].then == "discarded,event_time_ahead"
    assert versions(shop.lake) == before
    assert shop.decisions() == 0


def test_a_discard_takes_an_accepted_row_out_and_a_release_brings_it_back(shop):
    shop.land(A, line(1), line(2))
    shop.refresh()
    for action, left in (("discard", 1), ("release", 2), ("discard", 1)):
        assert shop.decide(action, f"{A}#2").written == 1
        shop.refresh()
        assert len(shop.sales()) == left
    assert shop.held() == {f"{A}#2": "discarded"}
    assert selected(shop.lake, Selection()).is_empty(), "what was discarded is not listed unless asked for"
    assert [d["action"] for d in shown(shop.workspace, f"{A}#2")["decisions"]] == ["discard", "release", "discard"]


def test_a_fix_moves_the_row_over_dates_and_back_and_it_stands_once(shop):
    shop.land(A, line(1), line(2))
    shop.refresh()
    for day in ("2026-05-04", "2026-05-02", "2026-05-01"):
        shop.decide("fix", f"{A}#2", timestamp=f"{day}T10:00:00Z")
        shop.refresh()
        assert shop.sales() == [("R", 1, DAY, 2), ("R", 2, date.fromisoformat(day), 2)]
    shop.decide("fix", f"{A}#2", timestamp="2026-05-04T10:00:00Z")
    shop.refresh()
    shop.decide("discard", f"{A}#2")
    shop.refresh()
    assert shop.sales() == [("R", 1, DAY, 2)]
    held = selected(shop.lake, Selection(discarded=True))
    assert held.select("row", "event_date").rows() == [(f"{A}#2", date(2026, 5, 4))]


def test_a_row_without_a_time_is_typed_in(shop):
    shop.land(A, line(1), line(2, at=""))
    shop.refresh()
    assert shop.held() == {f"{A}#2": "time:missing"}
    shop.decide("fix", f"{A}#2", timestamp="2026-05-02T10:00:00Z")
    shop.refresh()
    assert shop.sales() == [("R", 1, DAY, 2), ("R", 2, date(2026, 5, 2), 2)]


def test_a_fix_is_held_against_the_contract_before_it_is_written(shop):
    shop.land(A, line(1, quantity="two"), line(2), line(3))
    shop.refresh()
    with pytest.raises(FixError, match="no column units; its columns are transaction_id"):
        shop.decide("fix", f"{A}#1", units="2")
    for cells, why in (
        ({"quantity_sold": "zwei"}, "'zwei' is no whole number"),
        ({"quantity_sold": "1.5"}, "'1.5' is no whole number"),
        ({"unit_price": "1.23456"}, "at most four decimals"),
        ({"timestamp": "yesterday"}, "no ISO 8601 time"),
        ({"timestamp": None}, "would belong to no day"),
    ):
        refused = shop.decide("fix", f"{A}#1", **cells).refused
        assert why in refused[f"{A}#1"]
    assert shop.decisions() == 0


@pytest.mark.parametrize(
    ("action", "row", "why"),
    [
        ("release", f"{A}#1", "does not help against type:quantity_sold"),
        ("release", f"{A}#2", "not in quarantine"),
        ("fix", f"{B}#0", "stands for a whole file"),
    ],
)
def test_what_would_change_nothing_is_refused_with_the_way_out(shop, action, row, why):
    shop.land(A, line(1, quantity="two"), line(2), line(3))
    shop.land(B, "1", header="transaction_id,store_id")
    shop.refresh()
    cells = {"quantity_sold": "1"} if action == "fix" else {}
    assert why in shop.decide(action, row, **cells).refused[row]
    assert shop.decisions() == 0


def refused_file(shop: Shop) -> None:
    """Three rows of which two do not cast."""
    shop.land(B, line(1), line(2, quantity="x"), line(3, quantity="y", at="2026-05-02T10:00:00Z"))
    shop.refresh()
    assert shop.held() == {f"{B}#0": "file:refused"}


def test_a_released_file_is_read_row_by_row_and_once(shop):
    refused_file(shop)
    released = shop.decide("release", f"{B}#0")
    assert released.verdicts[0].then == "3 rows are read one by one, 2 of them with something that cannot be read"
    shop.refresh()
    assert shop.sales() == [("R", 1, DAY, 2)]
    assert shop.held() == {f"{B}#2": "type:quantity_sold", f"{B}#3": "type:quantity_sold"}
    before = versions(shop.lake)
    assert shop.decide("release", f"{B}#0").written == 0
    shop.refresh()
    assert versions(shop.lake) == before
    assert "one by one" in shop.decide("discard", f"{B}#0").refused[f"{B}#0"]
    shop.decide("fix", f"{B}#2", quantity_sold="5")
    shop.refresh()
    assert shop.sales() == [("R", 1, DAY, 2), ("R", 2, DAY, 5)]


def test_a_released_file_that_is_gone_says_so_and_is_read_when_it_is_back(shop):
    refused_file(shop)
    landed = shop.settings.data_dir / "landing" / B
    content = landed.read_bytes()
    shop.decide("release", f"{B}#0")
    landed.unlink()
    shop.refresh()
    assert shop.held() == {f"{B}#0": "file:refused"}, "nothing is lost while it is not read"
    landed.write_bytes(content)
    shop.refresh()
    assert sorted(shop.held()) == [f"{B}#2", f"{B}#3"]
    assert shop.sales() == [("R", 1, DAY, 2)]


@pytest.mark.parametrize(("then", "why"), [(None, "is gone"), (b"other", "has other content by now")])
def test_a_file_that_cannot_be_read_again_is_not_released(shop, then, why):
    refused_file(shop)
    landed = shop.settings.data_dir / "landing" / B
    landed.unlink() if then is None else landed.write_bytes(then)
    assert why in shop.decide("release", f"{B}#0").refused[f"{B}#0"]
    assert shop.decisions() == 0
    shop.decide("discard", f"{B}#0")
    shop.refresh()
    assert shop.held() == {f"{B}#0": "discarded,file:refused"}


def test_decisions_about_copies_of_a_row_follow_each_other(shop):
    shop.land(B, line(1), line(2))
    shop.refresh()
    shop.decide("discard", f"{B}#1")
    shop.refresh()
    shop.land(A, line(1))
    shop.refresh()
    assert shop.held() == {f"{A}#1": "discarded"}, "the first copy by name stands for the row"
    shop.decide("release", f"{A}#1")
    shop.refresh()
    assert (shop.held(), len(shop.sales())) == ({}, 2)
    shop.decide("fix", f"{A}#1", timestamp="2026-05-03T10:00:00Z")
    shop.refresh()
    assert shop.sales() == [("R", 1, date(2026, 5, 3), 2), ("R", 2, DAY, 2)]


def test_units_held_stand_beside_the_position_until_they_are_decided(shop):
    def held() -> int:
        return shop.lake.scan(TABLES["gold/inventory_position"]).collect()["quarantined_quantity"].item()

    shop.land(A, line(1), line(2, price="-1"), line(3, quantity="5", price="-1"))
    shop.refresh()
    assert held() == 7
    shop.decide("discard", f"{A}#3")
    shop.refresh()
    assert held() == 2
    shop.decide("fix", f"{A}#2", unit_price="1")
    shop.refresh()
    assert held() == 0


def test_rows_are_selected_by_what_is_wrong_and_where(shop):
    shop.land(A, line(1, quantity="x", price="-1"), line(2, at=""), line(3), line(4))
    shop.land("pos/source=web/c.csv", line(1, price="-1", at="2026-05-02T10:00:00Z"))
    shop.refresh()

    def rows(**wanted) -> list[str]:
        return sorted(selected(shop.lake, Selection(**wanted))["row"])

    web = "pos/source=web/c.csv#1"
    assert rows() == [f"{A}#1", f"{A}#2", web]
    assert rows(reason="price:negative") == [f"{A}#1", web]
    assert rows(reason="type") == rows(reason="type:quantity_sold") == [f"{A}#1"]
    assert rows(source="web") == rows(day=(date(2026, 5, 2),)) == rows(file="pos/source=web/c.csv") == [web]
    assert rows(day=(None,)) == [f"{A}#2"]
    assert rows(feed="warehouse") == []


@pytest.fixture(scope="module")
def history():
    return simulate_history(
        HistoryConfig(start=date(2026, 1, 28), days=6, stores=3, items=12, lines_per_store_day=12.0, dirt=0.08)
    )


REPAIRS = {
    "quantity": "2", "quantity_sold": "2", "unit_price": "1.25", "current_stock": "3", "quantity_ordered": "4",
    "unit_cost": "1", "timestamp": "2026-01-29T12:00:00Z", "last_updated": "2026-01-30T12:00:00Z",
    "expected_delivery": "2026-02-09T12:00:00Z", "as_of": "2026-01-28T00:00:00Z", "product_name": "named",
    "location_type": "store",
}  # fmt: skip


def test_any_decisions_in_any_order_give_what_a_fresh_build_with_them_gives(history, tmp_path):
    campaign(history, tmp_path, 1, rounds=2)


@pytest.mark.slow
@long_only
@pytest.mark.parametrize("seed", range(2, 22))
def test_twenty_more_rounds_of_decisions_do_so_too(history, tmp_path, seed):
    campaign(history, tmp_path, seed)


def campaign(history, tmp_path, seed: int, rounds: int = 3) -> None:
    """Rounds of decisions about random rows, each refreshed; then the same from scratch."""
    dice = random.Random(seed)
    settings = Settings(data_dir=tmp_path / "one")
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    shop = Shop(settings, workspace_at(settings, NOW))
    shop.refresh()
    for _ in range(rounds):
        rows = selected(shop.lake, Selection(discarded=True))
        sold = shop.lake.scan(SALES).select("source_file", "row_number").collect().sample(3, seed=dice.randrange(99))
        wanted = [*dice.sample(sorted(rows["row"]), 14), *(f"{file}#{number}" for file, number in sold.rows())]
        actions = {row: dice.choice(["release", "discard", "fix", "fix"]) for row in dict.fromkeys(wanted)}
        told: dict[str, str] = {}
        for action in sorted({"discard", "release"} & set(actions.values())):
            done = shop.decide(action, *(row for row, chosen in actions.items() if chosen == action))
            told |= {verdict.row: verdict.then for verdict in done.verdicts}
        fixes = [row for row, chosen in actions.items() if chosen == "fix"]
        for feed in sorted({row.split("/")[0] for row in fixes}):
            columns = [name for name in REPAIRS if name in FEEDS[feed].column_names]
            cells = {name: REPAIRS[name] for name in dice.sample(columns, min(2, len(columns)))}
            shop.decide("fix", *(row for row in fixes if row.startswith(f"{feed}/")), **cells)
        shop.refresh()
        assert not decisions_waiting(shop.lake)
        held = shop.held()
        assert {row for row, then in told.items() if then.startswith("discarded")} <= held.keys()
    fresh = Settings(data_dir=tmp_path / "other")
    for part in ("landing", "lakehouse/bronze", "lakehouse/_manifest", "lakehouse/silver/decisions"):
        shutil.copytree(settings.data_dir / part, fresh.data_dir / part)
    fresh.sources_file.write_text(settings.sources_file.read_text("utf-8"), encoding="utf-8")
    other = workspace_at(fresh, NOW)
    refresh_all(other)
    assert shop.decisions() > 20
    assert differences(other.lake, shop.lake) == {}
    balance = ["feed", "source_system", "event_date", "outcome", "rows"]
    left, right = (lake.scan(DAY_BALANCE).select(balance).collect().sort(balance) for lake in (other.lake, shop.lake))
    assert left.equals(right)
