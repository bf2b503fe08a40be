from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import pytest

from inventory_assets.live.log.appending import Outcome, append
from inventory_assets.live.log.grouping import GroupWriter, LogBusyError, LogClosedError
from inventory_assets_tests.live.databases import entry


@pytest.fixture
def gated(engine):
    """A writer whose first group waits until the gate is opened; every group it wrote is listed."""
    gate, groups = threading.Event(), []

    def write(entries):
        assert gate.wait(20)
        groups.append(len(entries))
        return append(engine, entries)

    writer = GroupWriter(write, most_events=50, most_waiting=100)
    yield writer, gate, groups
    gate.set()
    writer.close()


def test_requests_that_wait_together_are_one_transaction_and_each_gets_its_own_answer(gated, connection):
    writer, gate, groups = gated
    first = writer.submit([entry(0)])
    rest = [writer.submit([entry(number), entry(number), entry(number + 1)]) for number in range(10, 40, 2)]
    gate.set()
    assert [each.status for each in first.result(20)] == ["accepted"]
    for each in rest:
        outcomes = each.result(20)
        assert [outcome.status for outcome in outcomes] == ["accepted", "duplicate", "accepted"]
    assert sum(groups) == 46
    assert len(groups) <= 3
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (31,)


def test_what_waits_is_bounded_and_the_rest_is_refused_at_once(gated):
    writer, gate, _ = gated
    taken = [writer.submit([entry(0)])]
    while writer.waiting:
        threading.Event().wait(0.01)
    taken += [writer.submit([entry(number) for number in range(1, 101)])]
    with pytest.raises(LogBusyError, match="100"):
        writer.submit([entry(200)])
    gate.set()
    assert not wait(taken, 20).not_done
    assert writer.submit([entry(200)]).result(20)[0].status == "accepted"


def test_a_request_taken_back_in_time_is_not_written(gated, connection):
    writer, gate, _ = gated
    first = writer.submit([entry(0)])
    while writer.waiting:
        threading.Event().wait(0.01)
    kept, dropped = writer.submit([entry(1)]), writer.submit([entry(2)])
    assert dropped.cancel()
    gate.set()
    assert first.result(20)
    assert kept.result(20)
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (2,)


def test_a_failed_write_is_the_answer_of_its_group_and_the_next_one_goes_on(engine):
    failures = iter([RuntimeError("the database is away")])

    def write(entries):
        for error in failures:
            raise error
        return append(engine, entries)

    writer = GroupWriter(write)
    with pytest.raises(RuntimeError, match="away"):
        writer.submit([entry(1)]).result(20)
    assert writer.submit([entry(1)]).result(20)[0].status == "accepted"
    writer.close()


def test_closing_writes_what_waits_and_refuses_what_comes_later(gated, connection):
    writer, gate, _ = gated
    waiting = [writer.submit([entry(number)]) for number in range(20)]
    threading.Timer(0.1, gate.set).start()
    writer.close()
    assert all(each.done() for each in waiting)
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (20,)
    with pytest.raises(LogClosedError):
        writer.submit([entry(99)])


def test_no_request_is_left_waiting_under_load_from_the_first_moment(engine, connection):
    writer = GroupWriter(partial(append, engine))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: writer.submit([entry(number)]).result(20), range(400)))
    writer.close()
    assert {each[0].status for each in answers} == {"accepted"}
    assert connection.execute("SELECT count(*) FROM event_log").fetchone() == (400,)


def test_a_small_group_is_held_while_it_grows_and_one_alone_is_not():
    gate, groups, coming = threading.Event(), [], [2, 1, 0, 9]

    def write(entries):
        assert gate.wait(20)
        groups.append(len(entries))
        return [Outcome("accepted", 1)] * len(entries)

    def rest(_):
        for number in range(coming.pop(0)):
            taken.append(writer.submit([entry(number)]))

    writer = GroupWriter(write, rest=rest)
    taken = [writer.submit([entry(0)])]
    while writer.waiting:
        threading.Event().wait(0.001)
    taken += [writer.submit([entry(number)]) for number in range(6)]
    gate.set()
    assert not wait(taken, 20).not_done
    while sum(groups) < 10:
        threading.Event().wait(0.001)
    assert writer.submit([entry(0)]).result(20)
    writer.close()
    assert (groups, coming) == ([1, 8, 1, 1], [9])
