from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from inventory_assets.live.log.appending import append
from inventory_assets.live.log.entries import lane_of
from inventory_assets.live.queue.claiming import (
    CLAIM,
    URGENT,
    WITH_URGENT,
    claim,
    finish,
    share_of,
    wake_retries,
)
from inventory_assets.live.tables import LANES
from inventory_assets_tests.live.databases import NOON, entry

EVERY = share_of(0, 1)
FILL = """
INSERT INTO event_queue (sequence, part, lane, priority, event_time, received_at, not_before)
SELECT number, 0, (hashint8(number) & 1023) %% 64, 1 + number %% 10, %(at)s + number * interval '1 ms', %(at)s,
       CASE WHEN number %% 50 = 0 THEN %(at)s END
FROM generate_series(1, %(rows)s) AS number
"""


@pytest.fixture
def crowded(connection):
    """A queue of many waiting parts, and some that wait for their retry."""
    connection.execute(FILL, {"at": NOON, "rows": 60_000})
    return connection


def nodes(plan):
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def explained(connection, lanes, limit):
    row = connection.execute(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + CLAIM, {"lanes": lanes, "limit": limit, "each": limit}
    ).fetchone()
    return list(nodes(row[0][0]["Plan"]))


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("lanes", [EVERY, share_of(0, 3), [5]])
def test_a_claim_reads_the_heads_of_lanes_from_the_index_and_sorts_no_backlog(crowded, lanes, analysed):
    if analysed:
        crowded.execute("ANALYZE event_queue")
    limit = 50
    found = explained(crowded, lanes, limit)
    scans = [node for node in found if node.get("Relation Name") == "event_queue"]
    assert [node["Node Type"] for node in scans] == ["Index Scan"]
    assert scans[0]["Index Name"] == "event_queue_claim_idx"
    assert "priority" not in scans[0].get("Filter", "")
    assert scans[0]["Actual Rows"] * scans[0]["Actual Loops"] <= len(lanes) * limit
    for node in found:
        if "Sort" in node["Node Type"]:
            below = node["Plans"][0]
            assert below["Actual Rows"] * below["Actual Loops"] <= len(lanes) * limit
        assert node.get("Temp Written Blocks", 0) == 0


def test_the_most_urgent_come_first_then_the_oldest(engine, url):
    priorities = [5, 9, 5, 10, 1, 9]
    group = [entry(number, priority=priority) for number, priority in enumerate(priorities)]
    sequences = [each.sequence for each in append(engine, group)]
    with psycopg.connect(url) as worker:
        found = claim(worker, EVERY, 4)
    assert [each.sequence for each in found] == [sequences[place] for place in (3, 1, 5, 0)]


@pytest.mark.parametrize("urgent", [0, 5, 6, 7, 12, 13, 14, 200])
@pytest.mark.parametrize("rich", [1, 2])
def test_the_order_is_that_of_all_lanes_however_much_some_of_them_hold(connection, url, urgent, rich):
    connection.execute(FILL, {"at": NOON, "rows": 2_000})
    crowd = "UPDATE event_queue SET lane = 7 + sequence %% %s, priority = 10 WHERE sequence <= %s"
    connection.execute(crowd, [rich, urgent])
    wanted = connection.execute(
        "SELECT sequence FROM event_queue WHERE not_before IS NULL"
        " ORDER BY priority DESC, event_time, sequence LIMIT 50"
    ).fetchall()
    with psycopg.connect(url) as worker:
        assert [each.sequence for each in claim(worker, EVERY, 50)] == [sequence for (sequence,) in wanted]


@pytest.mark.parametrize(("urgent", "taken"), [(0, 300), (1, WITH_URGENT), (WITH_URGENT + 30, WITH_URGENT + 30)])
def test_a_claim_with_urgent_parts_takes_little_along(connection, url, urgent, taken):
    connection.execute(FILL, {"at": NOON, "rows": 2_000})
    connection.execute("UPDATE event_queue SET priority = 7, not_before = NULL")
    connection.execute("UPDATE event_queue SET priority = %s WHERE sequence <= %s", [URGENT, urgent])
    with psycopg.connect(url) as worker:
        found = claim(worker, EVERY, 300)
    assert len(found) == taken
    assert sum(each.priority == URGENT for each in found) == urgent


def test_a_lane_is_held_by_one_and_its_rows_are_gone_for_the_next(engine, url):
    append(engine, [entry(number, items=("A",)) for number in range(6)])
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        taken = claim(first, EVERY, 4)
        assert len(taken) == 4
        assert claim(second, EVERY, 4) == []
        second.rollback()
        assert finish(first, taken) == 4
        first.commit()
        rest = claim(second, EVERY, 4)
        assert len(rest) == 2
        assert not {each.sequence for each in taken} & {each.sequence for each in rest}


def test_a_claim_that_fails_leaves_everything_waiting(engine, url):
    append(engine, [entry(number) for number in range(5)])
    with psycopg.connect(url) as worker:
        taken = claim(worker, EVERY, 10)
        finish(worker, taken)
        worker.rollback()
        assert claim(worker, EVERY, 10) == taken


def test_a_worker_whose_lanes_are_empty_takes_idle_ones(engine, url):
    append(engine, [entry(1, items=("A",)), entry(2, items=("B",))])
    own = [(max(lane_of("A"), lane_of("B")) + 1) % LANES]
    assert own[0] not in {lane_of("A"), lane_of("B")}
    with psycopg.connect(url) as worker:
        assert len(claim(worker, own, 10)) == 2


def test_a_worker_keeps_to_its_lanes_while_they_have_work(engine, url):
    append(engine, [entry(1, items=("A",)), entry(2, items=("B",))])
    assert lane_of("A") != lane_of("B")
    with psycopg.connect(url) as worker:
        assert {each.lane for each in claim(worker, [lane_of("A")], 10)} == {lane_of("A")}


def test_a_retry_that_has_to_wait_never_stands_at_the_head(engine, url, connection):
    first, second = append(engine, [entry(1, priority=10), entry(2, priority=1)])
    later = NOON + timedelta(minutes=5)
    connection.execute(
        "UPDATE event_queue SET not_before = %s, attempts = 1 WHERE sequence = %s", (later, first.sequence)
    )
    with psycopg.connect(url) as worker:
        assert [each.sequence for each in claim(worker, EVERY, 10)] == [second.sequence]
    assert wake_retries(connection, later - timedelta(seconds=1)) == 0
    assert wake_retries(connection, later) == 1
    with psycopg.connect(url) as worker:
        found = claim(worker, EVERY, 10)
    assert [(each.sequence, each.attempts) for each in found] == [(first.sequence, 1), (second.sequence, 0)]


def test_a_worker_that_stands_still_loses_its_claim(engine, url):
    append(engine, [entry(1)])
    with psycopg.connect(url) as stuck, psycopg.connect(url) as other:
        assert claim(stuck, EVERY, 10, lease_seconds=0.3)
        assert claim(other, EVERY, 10) == []
        other.rollback()
        stuck.execute("SELECT 1")
        other.execute("SELECT pg_sleep(0.6)")
        other.rollback()
        assert len(claim(other, EVERY, 10)) == 1
        with pytest.raises(psycopg.Error):
            finish(stuck, [])


def test_shares_cover_every_lane_once():
    for workers in (1, 2, 3, 7):
        shares = [share_of(worker, workers) for worker in range(workers)]
        assert sorted(lane for share in shares for lane in share) == EVERY


def test_lanes_are_spread_and_never_change():
    assert [lane_of(each) for each in ("A", "B", "SKU-00001")] == [11, 49, 32]
    assert len({lane_of(f"SKU-{number}") for number in range(2_000)}) == LANES
