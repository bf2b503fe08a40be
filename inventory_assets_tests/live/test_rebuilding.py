from __future__ import annotations

from datetime import timedelta

import pytest
from polars.testing import assert_frame_equal

from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.rebuilding import differences, events_of_log, folded, snapshot
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.events import entries, simulated
from inventory_assets_tests.live.processing import counted, issued, orders, sold, work


def verified(url: str) -> list[str]:
    at = snapshot(url)
    return [each.text for each in differences(at.state, folded(events_of_log(url, 0, at.upto), at.unapplied))]


def test_the_state_of_a_simulated_day_is_the_fold_of_its_log(engine, connection, url):
    append(engine, entries(simulated()))
    work(connection, orders())
    at = snapshot(url)
    fold = folded(events_of_log(url, 0, at.upto), at.unapplied)
    assert at.state.height > 30
    assert_frame_equal(at.state, fold)


def test_what_waits_or_died_is_no_difference(engine, connection, url):
    append(engine, [entry_of(counted("A", "S", 9)), entry_of(issued("A", "S", 4)), entry_of(issued("A", "S", 40))])
    work(connection, orders())
    append(engine, [entry_of(sold("A", "S", 1)), entry_of(sold("B", "S", 1))])
    connection.execute(
        "WITH gone AS (DELETE FROM event_queue WHERE sequence = (SELECT max(sequence) FROM event_queue) RETURNING *)"
        " INSERT INTO dead_letters (sequence, part, source, type, item, lane, priority, event_time, received_at,"
        " attempts, error_class, error_code, error_message, died_at, status)"
        " SELECT sequence, part, 's', 't', 'B', lane, priority, event_time, received_at, 3, 'unexpected', 'x', 'x',"
        " received_at, 'open' FROM gone"
    )
    assert snapshot(url).unapplied.sort("item")["item"].to_list() == ["A", "B"]
    assert verified(url) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE inventory_state SET book = book + 1, count_quantity = count_quantity + 1 WHERE item = 'A'",
         "A at S: book is 10, the log says 9, last_count_quantity is 10, the log says 9"),
        ("DELETE FROM inventory_state WHERE item = 'B'", "B at S: book is None, the log says 5"),
        ("UPDATE inventory_state SET reserved = 2, version = 7 WHERE item = 'B'",
         "B at S: reserved is 2, the log says 0, version is 7, the log says 1"),
        ("UPDATE inventory_state SET item = 'C' WHERE item = 'B'", "C at S: book is 5, the log says None"),
    ],
)  # fmt: skip
def test_damage_is_named_by_pair_and_column(engine, connection, url, damage, said):
    append(engine, [entry_of(counted("A", "S", 9)), entry_of(counted("B", "S", 5))])
    work(connection, orders())
    assert verified(url) == []
    connection.execute(damage)
    found = verified(url)
    assert any(said in each for each in found), found


def test_a_lost_event_is_a_difference(engine, connection, url):
    append(engine, [entry_of(counted("A", "S", 9)), entry_of(sold("A", "S", 2, NOON + timedelta(hours=1)))])
    work(connection, orders())
    lost = [frame.head(1) for frame in events_of_log(url, 0, 2**62)]
    at = snapshot(url)
    (found,) = differences(at.state, folded(lost, at.unapplied))
    assert found.columns[0] == ("book", 7, 9)
