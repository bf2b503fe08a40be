from __future__ import annotations

import pytest

from inventory_assets.operate.processes import ServiceEndedError
from inventory_assets.operate.progress import Progress
from inventory_assets.operate.waiting import StalledError, wait_until_done


class Time:
    """A clock that moves only when something sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def state(waiting=(), rows=None, behind=(), unpublished=()) -> Progress:
    rows = {"bronze/products": 3} if rows is None else rows
    return Progress(5, tuple(waiting), (), rows, tuple(behind), tuple(unpublished))


STEPS = [
    (state(rows={}), "empty"),
    (state(["pos/a.csv"]), "ingesting"),
    (state(behind=["silver/products"]), "computing"),
    (state(unpublished=["silver/products"]), "publishing"),
    (state(), "done"),
]


@pytest.mark.parametrize(("now", "stage"), STEPS)
def test_the_stage_is_the_first_thing_that_is_not_finished(now, stage):
    assert now.stage == stage


def test_waiting_ends_when_everything_is_published_and_every_look_is_reported():
    looks, reported, time = iter([step for step, _ in STEPS]), [], Time()
    last = wait_until_done(
        lambda: next(looks), list, report=reported.append, clock=time.clock, sleep=time.sleep, patience_seconds=60
    )
    assert last.stage == "done"
    assert [now.stage for now in reported] == [stage for _, stage in STEPS]


def test_slow_work_that_moves_is_not_a_stall():
    rows = iter(range(1, 100))
    time = Time()

    def look() -> Progress:
        count = next(rows)
        return state() if count == 50 else state(["pos/a.csv"], {"bronze/products": count})

    wait_until_done(look, list, report=lambda now: None, clock=time.clock, sleep=time.sleep, patience_seconds=3)
    assert time.now > 30


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (state([f"pos/{n}.csv" for n in range(7)]), "7 files are not in bronze: pos/0.csv.* and 2 more"),
        (state(behind=["gold/store_performance"]), "behind their inputs: gold/store_performance"),
        (state(unpublished=["gold/store_performance"]), "DuckDB file lacks: gold/store_performance"),
    ],
)
def test_a_stall_says_what_is_open(now, says):
    time = Time()
    with pytest.raises(StalledError, match=says):
        wait_until_done(
            lambda: now, list, report=lambda now: None, clock=time.clock, sleep=time.sleep, patience_seconds=10
        )
    assert 10 < time.now < 20


def test_a_service_that_keeps_dying_ends_the_waiting():
    def check() -> None:
        raise ServiceEndedError("Dagster daemon ended with code 4")

    time = Time()
    with pytest.raises(ServiceEndedError, match="code 4"):
        wait_until_done(
            state, list, report=lambda now: None, clock=time.clock, sleep=time.sleep, patience_seconds=10, check=check
        )
