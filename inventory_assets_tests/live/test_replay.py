from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_assets.contracts.log_tables import LOG_BRONZE, STOCK_EVENTS
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.contracts.values import changed
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append, raise_epoch
from inventory_assets.live.log.reading import LogBehindError
from inventory_assets.live.processor.worker import APPLICATION
from inventory_assets.live.rebuilding import snapshot
from inventory_assets.live.requeueing import Filter
from inventory_assets.operate.live_history import verify
from inventory_assets.operate.live_log import log_of
from inventory_assets.operate.replay import WorkersWorkError, replay
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets_tests.live.databases import NOON, made_from
from inventory_assets_tests.live.events import LATER
from inventory_assets_tests.live.processing import counted, issued, orders, reserve, sold, work

HOUR = timedelta(hours=1)


@pytest.fixture
def space(tmp_path) -> Workspace:
    return Workspace(Lake(str(tmp_path / "lake")), str(tmp_path), load_profiles(), lambda: LATER)


def test_a_backup_is_restored_and_what_followed_is_replayed(server, url, engine, connection, space):
    """Commands keep their decisions, nothing is applied twice, and bronze goes on."""
    append(engine, [entry_of(each) for each in (counted("A", "S", 9), counted("B", "S", 5))])
    work(connection, orders())
    log = log_of(engine, url)
    take_in_log(space, log)
    engine.dispose()
    connection.close()
    backup = made_from(url.replace("/fresh", "/inventory"), "backup", "fresh")
    import psycopg

    from inventory_assets.live.database.opening import open_engine
    from inventory_assets.settings import DatabaseSettings

    with psycopg.connect(url, autocommit=True) as before:
        append(
            engine,
            [entry_of(each) for each in (sold("A", "S", 2, NOON + HOUR), issued("A", "S", 7), issued("B", "S", 9))],
        )
        append(engine, [entry_of(reserve("R1", "S", {"B": 3}))])
        work(before, orders())
        append(engine, [entry_of(sold("B", "S", 1, NOON + HOUR))])
        take_in_log(space, log)
        work(before, orders())
    wanted = snapshot(url).state.drop("version")
    engine.dispose()
    restored = open_engine(backup, DatabaseSettings())
    raise_epoch(restored, "restored from a backup", LATER)
    read = log_of(restored, backup)
    with pytest.raises(LogBehindError):
        take_in_log(space, read)
    dry = replay(restored, space.lake, Filter(), dry_run=True)
    assert (dry.lost, dry.appended, dry.set_back) == (8, 0, 0)
    with psycopg.connect(backup, application_name=APPLICATION, autocommit=True) as working:
        with pytest.raises(WorkersWorkError, match="inventory live off"):
            replay(restored, space.lake, Filter())
        working.execute("INSERT INTO live_modes VALUES ('all', '', %s, 'ann', 'a restore')", (LATER,))
        done = replay(restored, space.lake, Filter())
        working.execute("DELETE FROM live_modes")
    assert (done.appended, done.set_back, done.requeued) == (8, 8, 0)
    with psycopg.connect(backup, autocommit=True) as after:
        work(after, orders())
        refused = after.execute("SELECT count(*) FROM event_log WHERE type = 'command.refused'").fetchone()
    assert refused == (1,)
    assert snapshot(backup).state.drop("version").equals(wanted)
    again = replay(restored, space.lake, Filter())
    assert (again.lost, again.unapplied, again.set_back) == (0, 0, 0)
    take_in_log(space, read)
    assert verify(restored, backup, space.lake).differing == []
    held = [space.lake.scan(table).select("source_system", "event_id").collect() for table in LOG_BRONZE]
    assert sum(each.height for each in held) == 10
    assert all(each.is_unique().all() for each in held)
    restored.dispose()


def test_parts_that_left_the_queue_unapplied_are_put_back_by_filter(engine, connection, url, space):
    events = [
        counted("A", "S", 9),
        sold("A", "S", 1, NOON + HOUR),
        sold("B", "S", 1, NOON + 2 * HOUR),
        sold("C", "S", 1),
    ]
    append(engine, [entry_of(each) for each in events])
    work(connection, orders(), 1)
    append(engine, [entry_of(sold(item, "S", 2, NOON + 3 * HOUR)) for item in "AB"])
    append(engine, [changed(entry_of(sold("D", "S", 2)), disposition="quarantined")])
    connection.execute("DELETE FROM event_queue")
    found = replay(engine, space.lake, Filter(), dry_run=True)
    assert (found.unapplied, found.applied, found.requeued) == (2, 4, 0)
    assert replay(engine, space.lake, Filter(items=("B",)), dry_run=True).unapplied == 1
    assert replay(engine, space.lake, Filter(types=("stock.counted",)), dry_run=True).unapplied == 0
    assert replay(engine, space.lake, Filter(after=5), dry_run=True).unapplied == 1
    assert replay(engine, space.lake, Filter(since=NOON + 4 * HOUR), dry_run=True).unapplied == 0
    assert replay(engine, space.lake, Filter()).requeued == 2
    waiting = replay(engine, space.lake, Filter())
    assert (waiting.unapplied, waiting.waiting, waiting.requeued) == (0, 2, 0)
    work(connection, orders())
    assert replay(engine, space.lake, Filter()).applied == 6
    assert verify(engine, url, space.lake).differing == []
    assert space.lake.version(STOCK_EVENTS) is None
