from __future__ import annotations

import os
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.log_tables import LOG_BRONZE, RETAIL_EVENTS, STOCK_EVENTS, STOCK_STATEMENTS
from inventory_assets.contracts.silver import STOCK_MOVEMENTS
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.tags import Tags
from inventory_assets.live.log.appending import append, raise_epoch
from inventory_assets.live.log.reading import LogBehindError
from inventory_assets.operate.live_log import log_of
from inventory_assets.pipeline.live_log import Log, Reached, reached, take_in_log, waiting_events
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.restore import restore
from inventory_assets.pipeline.stock import refresh_movements
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets.stock.counts import COUNTS
from inventory_assets.stock.effect_frames import fold_effects
from inventory_assets.stock.fold import STATE, fold, no_state
from inventory_assets_tests.live.events import LATER, RECEIVED, effects, entries, event, log_rows, refused, simulated
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at


def workspace(folder, **sources) -> Workspace:
    text = "\n".join(f'["{name}"]\n{rest}' for name, rest in sources.items())
    return Workspace(Lake(str(folder / "lake")), str(folder / "landing"), load_profiles(text), lambda: LATER)


def handed(rows: pl.DataFrame, cut: int) -> Log:
    """A log that is a frame, read in pieces."""

    def events(after, upto):
        wanted = rows.filter(pl.col("sequence").is_between(after + 1, upto))
        yield from wanted.iter_slices(cut)

    return Log(lambda _: Reached(1, int(rows["sequence"].max())), events)


def held(lake: Lake) -> pl.DataFrame:
    return pl.concat([lake.scan(table).collect() for table in LOG_BRONZE]).sort("sequence")


def test_every_event_stands_in_bronze_once_in_the_table_of_its_type(tmp_path, engine, url):
    space, events = workspace(tmp_path), simulated()
    append(engine, entries(events))
    log = log_of(engine, url, rows=400)
    assert waiting_events(space.lake, log) > 0
    take_in_log(space, log)
    again = take_in_log(space, log)
    assert not again.changed
    assert waiting_events(space.lake, log) == 0
    rows = held(space.lake)
    assert rows["event_id"].to_list() == [each.envelope.id for each in events]
    assert rows["event_time"].to_list() == [each.envelope.time for each in events]
    stock = set(space.lake.scan(STOCK_EVENTS).collect()["type"])
    other = set(space.lake.scan(RETAIL_EVENTS).collect()["type"])
    assert {"receipt_line_added", "truck_arrived", "stock.opened", "inventory_updated"} <= stock
    assert {"customer_entered", "receipt_created", "ad_impression"} <= other
    assert not stock & other


def test_a_crash_between_the_commits_of_the_two_tables_doubles_and_loses_nothing(tmp_path, monkeypatch):
    space, rows = workspace(tmp_path), log_rows(simulated())
    whole = Lake.append

    def dies(self, table, *rest, **more):
        if table is RETAIL_EVENTS:
            raise KeyboardInterrupt
        return whole(self, table, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            take_in_log(space, handed(rows, 500), commit_rows=500)
    assert reached(space.lake, STOCK_EVENTS) == Reached(1, 500)
    assert reached(space.lake, RETAIL_EVENTS) == Reached()
    take_in_log(space, handed(rows, 321))
    assert held(space.lake)["sequence"].to_list() == rows["sequence"].to_list()


def test_a_log_that_was_restored_stops_the_reading_and_says_so(tmp_path, engine, url, connection):
    space, log = workspace(tmp_path), log_of(engine, url)
    append(engine, entries(simulated()))
    take_in_log(space, log)
    before = space.lake.pins(LOG_BRONZE)
    last = reached(space.lake, STOCK_EVENTS).sequence
    connection.execute("DELETE FROM event_log WHERE sequence > %s", [last - 10])
    raise_epoch(engine, "restored from a backup", LATER)
    with pytest.raises(LogBehindError, match=f"up to sequence {last} of epoch 1.*restored from a backup"):
        take_in_log(space, log)
    assert space.lake.pins(LOG_BRONZE) == before


def test_a_raised_epoch_behind_which_nothing_was_lost_is_read_on(tmp_path, engine, url):
    space, log, events = workspace(tmp_path), log_of(engine, url), simulated()
    append(engine, entries(events[:100]))
    take_in_log(space, log)
    raise_epoch(engine, "promotion", LATER)
    append(engine, entries(events[100:200]))
    take_in_log(space, log)
    assert held(space.lake)["epoch"].to_list() == [1] * 100 + [2] * 100


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_batch_fold_of_any_cut_in_any_order_is_the_live_fold(tmp_path, seed):
    events = list(simulated())
    random.Random(seed).shuffle(events)
    space, rows = workspace(tmp_path), log_rows(tuple(events))
    chance = random.Random(seed)
    upto = 0
    while upto < rows.height:
        upto = min(rows.height, upto + chance.randint(1, rows.height // 2))
        take_in_log(space, handed(rows.head(upto), chance.randint(50, 500)), chance.randint(100, 1000))
        refresh_movements(space)
    assert_frame_equal(batch_fold(space.lake), fold_effects(effects(tuple(events))).select(list(STATE)))


def batch_fold(lake: Lake) -> pl.DataFrame:
    """Stock of silver, levels apart: no location has the authority wms."""
    counts = lake.scan(STOCK_STATEMENTS).filter(pl.col("kind") != "level").select(list(COUNTS)).collect()
    return fold(no_state(), lake.scan(STOCK_MOVEMENTS).collect(), counts)


def test_what_the_door_set_aside_moves_nothing(tmp_path, engine, url):
    space, events = workspace(tmp_path), simulated()
    append(engine, [refused(each) for each in entries(events)])
    take_in_log(space, log_of(engine, url))
    refresh_movements(space)
    assert held(space.lake).height == len(events)
    assert space.lake.scan(STOCK_MOVEMENTS).collect().is_empty()


LINE = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp"


def sale(number: int, units: int, **changes):
    data = {
        "receipt_id": "R1",
        "line_number": number,
        "location_id": "S1",
        "product_sku": f"A{number}",
        "quantity": units,
        "unit_price": "2.50",
    }
    return event(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "till",
            "type": "receipt_line_added",
            "time": "2026-03-02T10:00:00Z",
            "data": data | changes,
        }
    )


@pytest.mark.parametrize(("route", "units"), [("file", -2), ("stream", -5)])
@pytest.mark.parametrize("file_first", [True, False])
def test_a_sale_that_came_by_file_and_by_event_counts_once_from_the_way_of_its_source(
    tmp_path, route, units, file_first
):
    settings = Settings(data_dir=tmp_path)
    settings.sources_file.write_text(f'[till]\nroute = "{route}"\n')
    space = workspace_at(settings, LATER)
    landed = tmp_path / "landing" / "pos" / "source=till" / "day.csv"
    landed.parent.mkdir(parents=True)

    def by_file():
        landed.write_text(f"{LINE}\nR1,1,S1,A1,2,2.50,2026-03-02T10:00:00Z\nR1,3,S1,A3,1,2.50,2026-03-02T10:00:00Z\n")
        os.utime(landed, (RECEIVED.timestamp(), RECEIVED.timestamp()))
        refresh_everything(space, settings)

    def by_event():
        take_in_log(space, handed(log_rows((sale(1, 5), sale(2, 4))), 10))
        refresh_all(space)

    for step in (by_file, by_event) if file_first else (by_event, by_file):
        step()
    moved = space.lake.scan(STOCK_MOVEMENTS).select("product_sku", "quantity").collect().sort("product_sku").rows()
    assert moved == [("A1", units), ("A2", -4), ("A3", -1)]
    assert space.lake.scan(INVENTORY_POSITION).collect().height == 3


def test_a_live_count_sets_the_position_and_a_level_only_where_the_warehouse_system_rules(tmp_path):
    space = workspace(tmp_path)
    when = {"specversion": "1.0", "source": "wms", "time": "2026-03-02T12:00:00Z"}
    count = {"location_id": "S1", "lines": [{"product_sku": "A1", "quantity": 9}]}
    level = {"location_id": "S1", "lines": [{"product_sku": "A2", "quantity": 7}]}
    events = (
        sale(1, 5),
        sale(2, 4),
        event({**when, "id": "c", "type": "stock.counted", "data": count}),
        event({**when, "id": "l", "type": "stock.asserted", "data": level}),
    )
    take_in_log(space, handed(log_rows(events), 10))
    refresh_all(space)
    shown = space.lake.scan(INVENTORY_POSITION).select("product_sku", "book", "stock_basis").collect().rows()
    assert shown == [("A1", 9, "counted"), ("A2", None, "unknown")]


def test_bronze_of_the_log_that_was_set_back_reads_on_from_there(tmp_path):
    space, rows = workspace(tmp_path), log_rows(simulated())
    take_in_log(space, handed(rows.head(300), 300))
    first = space.lake.version(STOCK_EVENTS)
    Tags(space.lake).put(LATER, space.lake.pins(LOG_BRONZE), keep_days=7)
    take_in_log(space, handed(rows, 5000))
    restore(space, LATER.date(), [STOCK_EVENTS.path])
    assert reached(space.lake, STOCK_EVENTS) == Reached(1, 300)
    assert space.lake.version(STOCK_EVENTS) != first
    take_in_log(space, handed(rows, 5000))
    assert held(space.lake)["sequence"].to_list() == rows["sequence"].to_list()
