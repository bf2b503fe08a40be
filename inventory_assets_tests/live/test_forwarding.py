from __future__ import annotations

import os
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.log_tables import STOCK_EVENTS
from inventory_assets.contracts.silver import STOCK_MOVEMENTS
from inventory_assets.live.log.appending import append
from inventory_assets.operate.forwarding import OpeningError, forward_files, open_live
from inventory_assets.operate.live_log import log_of
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.settings import Settings
from inventory_assets.stock.effect_frames import effects_of_texts, fold_effects
from inventory_assets_tests.live.events import LATER, RECEIVED, entries, event
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at

SALES = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp,disposition"
COUNTS = "record_type,warehouse_id,product_sku,last_updated,quantity,document_id"
STATE = ["product_sku", "location_id", "book", "unavailable", "stock_basis"]


class Both:
    """An installation with a lake and a live log."""

    def __init__(self, folder, engine, url) -> None:
        self.settings = Settings(data_dir=folder)
        self.space, self.engine, self.log = workspace_at(self.settings, LATER), engine, log_of(engine, url)

    def land(self, path, header, *lines) -> None:
        file = self.settings.data_dir / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([header, *lines, ""]))
        written = (RECEIVED - timedelta(hours=1)).timestamp()
        os.utime(file, (written, written))

    def refresh(self):
        refresh_everything(self.space, self.settings)
        told = forward_files(self.space, self.engine)
        take_in_log(self.space, self.log)
        refresh_all(self.space)
        return told

    def said(self) -> pl.DataFrame:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT source, event_id, type, effects FROM event_log").fetchall()
        names = ["source_system", "event_id", "type", "effects"]
        return pl.DataFrame([tuple(row) for row in rows], schema=dict.fromkeys(names, pl.String), orient="row")

    def live(self) -> pl.DataFrame:
        """Stock as the fold of everything the log holds."""
        return fold_effects(effects_of_texts(self.said())).with_columns(
            unavailable=pl.when(pl.col("book").is_not_null()).then("unavailable")
        )

    def batch(self) -> pl.DataFrame:
        return self.space.lake.scan(INVENTORY_POSITION).collect()


@pytest.fixture
def both(tmp_path, engine, url) -> Both:
    """A lake with a day of files, whose live layer is open."""
    both = Both(tmp_path, engine, url)
    both.land(
        "warehouse/source=erp/1.csv",
        COUNTS,
        "count,S1,A1,2026-03-01T08:00:00Z,50,D1",
        "count,S1,A2,2026-03-01T08:00:00Z,0,D1",
    )
    both.land(
        "pos/source=till/1.csv",
        SALES,
        "R1,1,S1,A1,2,2.50,2026-03-01T10:00:00Z,",
        "R1,2,S1,A2,3,2.50,2026-03-01T10:00:00Z,",
        "R2,1,S1,A1,-1,2.50,2026-03-01T11:00:00Z,damaged",
        "R3,1,S1,A9,1,2.50,2026-03-01T11:00:00Z,",
    )
    assert both.refresh().accepted == 0
    open_live(both.space, engine)
    return both


def test_an_opening_states_every_known_pair_and_telling_it_again_changes_nothing(both):
    assert sorted(both.live().select("product_sku", "book", "unavailable").rows()) == [("A1", 49, 1), ("A2", -3, 0)]
    at = both.space.lake.version(INVENTORY_POSITION)
    told = open_live(both.space, both.engine, at, again=True)
    assert (told.accepted, told.known) == (0, 4)
    with pytest.raises(OpeningError, match="--again"):
        open_live(both.space, both.engine)


def test_files_after_the_opening_are_forwarded_once_and_never_come_back(both):
    take_in_log(both.space, both.log)
    refresh_all(both.space)
    before = both.said().height
    assert both.refresh().accepted == 0
    both.land(
        "pos/source=till/2.csv",
        SALES,
        "R9,1,S1,A1,4,2.50,2026-03-02T10:00:00Z,",
        "R9,2,S1,A2,1,2.50,2026-03-02T10:00:00Z,",
    )
    both.land("warehouse/source=erp/2.csv", COUNTS, "count,S1,A2,2026-03-02T12:00:00Z,5,D2")
    assert both.refresh().accepted == 3
    assert both.refresh().accepted == 0
    assert both.said().height == before + 3
    moved = both.space.lake.scan(STOCK_MOVEMENTS).filter(pl.col("document_id") == "R9").collect()
    assert moved.height == 2
    assert dict(both.batch().select("product_sku", "book").rows()) == {"A1": 45, "A2": 5, "A9": None}
    assert_frame_equal(
        both.live().filter(pl.col("book").is_not_null()).select(STATE[:4]),
        both.batch().filter(pl.col("book").is_not_null()).select(STATE[:4]),
    )


def test_a_file_from_before_the_opening_counts_on_both_sides_unless_a_count_contains_it(both):
    take_in_log(both.space, both.log)
    both.land(
        "pos/source=till/late.csv",
        SALES,
        "R5,1,S1,A1,7,2.50,2026-03-01T09:30:00Z,",
        "R5,2,S1,A1,11,2.50,2026-03-01T07:30:00Z,",
    )
    assert both.refresh().accepted == 2
    for side in (both.live(), both.batch()):
        assert side.filter(pl.col("product_sku") == "A1")["book"].to_list() == [42]


def test_an_event_that_came_first_is_not_forwarded_from_its_file(both):
    data = {
        "receipt_id": "R7",
        "line_number": 1,
        "location_id": "S1",
        "product_sku": "A1",
        "quantity": 4,
        "unit_price": "2.50",
    }
    sale = {
        "specversion": "1.0",
        "id": "e7",
        "source": "till",
        "type": "receipt_line_added",
        "time": "2026-03-02T10:00:00Z",
        "data": data,
    }
    append(both.engine, entries((event(sale),)))
    take_in_log(both.space, both.log)
    both.land("pos/source=till/7.csv", SALES, "R7,1,S1,A1,4,2.50,2026-03-02T10:00:00Z,")
    assert both.refresh().accepted == 0
    for side in (both.live(), both.batch()):
        assert side.filter(pl.col("product_sku") == "A1")["book"].to_list() == [45]


def test_sources_routed_stream_are_not_forwarded(both):
    both.settings.sources_file.write_text('[till]\nroute = "stream"\n')
    both.space = workspace_at(both.settings, LATER)
    both.land("pos/source=till/8.csv", SALES, "R8,1,S1,A1,4,2.50,2026-03-02T10:00:00Z,")
    assert both.refresh().accepted == 0


def test_a_crash_between_telling_and_noting_tells_nothing_twice(both, monkeypatch):
    both.land("pos/source=till/2.csv", SALES, "R9,1,S1,A1,4,2.50,2026-03-02T10:00:00Z,")
    refresh_everything(both.space, both.settings)
    with monkeypatch.context() as patch:
        patch.setattr("inventory_assets.operate.forwarding.note_forwarded", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forward_files(both.space, both.engine)
    again = forward_files(both.space, both.engine)
    assert (again.accepted, again.known) == (0, 1)
    assert both.space.lake.scan(STOCK_EVENTS).filter(pl.col("type") == "stock.moved").collect().height <= 1
