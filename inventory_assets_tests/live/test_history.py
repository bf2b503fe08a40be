from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_assets.contracts.sources import load_profiles
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.checkpoints import CheckpointError, last_checkpoint, purged_upto
from inventory_assets.live.log.appending import append
from inventory_assets.operate.live_history import ArchiveError, NotProvenError, checkpoint, purge_log, verify
from inventory_assets.operate.live_log import log_of
from inventory_assets.pipeline.live_log import take_in_log
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets_tests.live.events import LATER, entries, simulated
from inventory_assets_tests.live.processing import orders, work

MUCH_LATER = LATER + timedelta(days=40)


def archived(folder, engine, url, connection, events) -> Lake:
    """A log whose events were applied and are in bronze."""
    append(engine, entries(events))
    work(connection, orders())
    lake = Lake(str(folder / "lake"))
    take_in_log(Workspace(lake, str(folder), load_profiles(), lambda: LATER), log_of(engine, url))
    return lake


def test_history_is_read_from_the_archive_once_it_left_the_log(tmp_path, engine, url, connection):
    events = simulated()
    lake = archived(tmp_path, engine, url, connection, events)
    with pytest.raises(CheckpointError, match="inventory live checkpoint"):
        purge_log(engine, lake, MUCH_LATER)
    made = checkpoint(engine, url, lake, LATER)
    assert last_checkpoint(engine) == made
    assert purge_log(engine, lake, LATER) == 0
    upto = purge_log(engine, lake, MUCH_LATER, dry_run=True)
    assert purged_upto(engine) == 0
    assert purge_log(engine, lake, MUCH_LATER) == upto == made.sequence - 1
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (1,)
    found = verify(engine, url, lake)
    assert found.differing == []
    assert (found.pairs, found.upto) == (made.pairs, made.sequence)
    again = append(engine, entries(events[:50]))
    assert {each.status for each in again} == {"duplicate"}
    with pytest.raises(ArchiveError, match="restore the lake"):
        verify(engine, url, Lake(str(tmp_path / "elsewhere")))


def test_what_is_not_archived_or_waits_stays_in_the_log(tmp_path, engine, url, connection):
    events = simulated()
    lake = archived(tmp_path, engine, url, connection, events[:200])
    append(engine, entries(events[200:210]))
    work(connection, orders())
    checkpoint(engine, url, lake, LATER)
    assert purge_log(engine, lake, MUCH_LATER, dry_run=True) == 200
    connection.execute("INSERT INTO event_queue SELECT 120, 0, 1, 5, 0, now(), now(), NULL")
    assert purge_log(engine, lake, MUCH_LATER, dry_run=True) == 119


def test_a_damaged_state_gives_no_checkpoint_and_a_damaged_checkpoint_no_purge(tmp_path, engine, url, connection):
    lake = archived(tmp_path, engine, url, connection, simulated())
    shifted = (
        "UPDATE inventory_state SET net = net + %s, book = book + %s WHERE (item, location) ="
        " (SELECT item, location FROM inventory_state WHERE book IS NOT NULL ORDER BY 1, 2 LIMIT 1)"
    )
    connection.execute(shifted, (1, 1))
    with pytest.raises(NotProvenError, match=r"1 pairs of the state .* no checkpoint was made"):
        checkpoint(engine, url, lake, LATER)
    connection.execute(shifted, (-1, -1))
    checkpoint(engine, url, lake, LATER)
    connection.execute("UPDATE log_checkpoints SET hash = decode(repeat('00', 32), 'hex')")
    with pytest.raises(CheckpointError, match="not those that were written"):
        purge_log(engine, lake, MUCH_LATER)
