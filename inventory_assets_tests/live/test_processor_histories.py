"""Whatever is accepted in whatever order, cut, repeated, refused or cut short: the stock is what a small model says."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from inventory_assets.contracts.events.reading import Event
from inventory_assets.live.processor.batch import micro_batch
from inventory_assets.live.processor.tending import expire
from inventory_assets.live.processor.work import Applied
from inventory_assets.live.requeueing import Filter, last_sequence, requeue
from inventory_assets_tests.faults.campaign import LONG, record
from inventory_assets_tests.live.processing import (
    Clock,
    accept,
    assert_consistent,
    counted,
    event,
    issued,
    orders,
    reserve,
    sold,
    transaction,
    work,
)
from inventory_assets_tests.live.test_processor_faults import TABLES, FailingCursor
from inventory_assets_tests.live.test_rebuilding import verified

ITEMS, PLACES = ("A", "B", "C"), ("S", "W")
UNITS = st.integers(1, 6)
SEED = int(os.environ.get("INVENTORY_CHAOS_SEED", "20260101"))
PARTS, EXAMPLES, STEPS = (1, 50, 100) if LONG else (4, 50, 50)
ROUNDS = int(os.environ.get("INVENTORY_CHAOS_HISTORIES", "20000")) // EXAMPLES if LONG else 1
"""Rounds of one process; what has been tried is remembered within a round, and that grows."""
Pair = tuple[str, str]


class Model:
    """Stock as lists of what happened: no netting, no order of arrival, no ledger."""

    def __init__(self) -> None:
        self.moves: dict[Pair, list[tuple[datetime, int]]] = {}
        self.counts: dict[Pair, list[tuple[datetime, int]]] = {}
        self.held: dict[str, tuple[Pair, int, datetime]] = {}
        self.ended: dict[str, str] = {}

    def book(self, pair: Pair) -> int | None:
        if pair not in self.counts:
            return None
        at, units = max(self.counts[pair])
        return units + sum(change for moved_at, change in self.moves.get(pair, ()) if moved_at > at)

    def reserved(self, pair: Pair) -> int:
        return sum(units for held, units, _ in self.held.values() if held == pair)

    def covers(self, pair: Pair, units: int) -> bool:
        book = self.book(pair)
        return book is not None and max(0, book) - self.reserved(pair) >= units

    def move(self, pair: Pair, change: int, at: datetime) -> None:
        self.moves.setdefault(pair, []).append((at, change))

    def take(self, pair: Pair, units: int, at: datetime) -> None:
        """What left because of a command left after the count it was decided on."""
        latest = max(self.counts[pair])[0]
        self.move(pair, -units, max(at, latest + timedelta(microseconds=1)))


class Histories(RuleBasedStateMachine):
    """Facts wait and are applied in any cut; commands are decided when everything before them was."""

    engine = None
    url = ""
    counts: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.failing = psycopg.connect(self.url, autocommit=True, cursor_factory=FailingCursor)
        self.model, self.clock, self.number = Model(), Clock(), 0
        self.sent: list[Event] = []

    @initialize()
    def empty(self) -> None:
        self.connection.execute(f"TRUNCATE {', '.join(TABLES)}")
        for item in ITEMS[:2]:
            self.count(item, "S", 9, 2)
            self.count(item, "W", 9, -2)

    @invariant()
    def step(self) -> None:
        self.counts["steps"] += 1

    def instant(self, minutes: int) -> datetime:
        """Different for every event, so that the model needs no rule for two at one instant."""
        self.number += 1
        return self.clock.now + timedelta(minutes=minutes, microseconds=17 * self.number)

    def send(self, *events: Event) -> None:
        outcomes = accept(self.engine, events)
        assert {each.status for each in outcomes} == {"accepted"}
        self.sent += events

    def decide(self, command: Event) -> str:
        work(self.connection, orders(self.clock))
        self.send(command)
        before = self.connection.execute("SELECT max(sequence) FROM event_log").fetchone()
        work(self.connection, orders(self.clock))
        rows = self.connection.execute("SELECT type FROM event_log WHERE sequence > %s", before).fetchall()
        return ",".join(name for (name,) in rows)

    @rule(item=st.sampled_from(ITEMS), place=st.sampled_from(PLACES), units=UNITS, minutes=st.integers(-60, 4))
    def sell(self, item: str, place: str, units: int, minutes: int) -> None:
        at = self.instant(minutes)
        self.send(sold(item, place, units, at))
        self.model.move((item, place), -units, at)

    @rule(place=st.sampled_from(PLACES), units=UNITS, minutes=st.integers(-60, 4))
    def receive(self, place: str, units: int, minutes: int) -> None:
        at = self.instant(minutes)
        self.send(transaction("Receipt", f"N{self.number}", dict.fromkeys(ITEMS, units), at, to_location=place))
        for item in ITEMS:
            self.model.move((item, place), units, at)

    @rule(
        item=st.sampled_from(ITEMS), place=st.sampled_from(PLACES), units=st.integers(0, 9), minutes=st.integers(-60, 4)
    )
    def count(self, item: str, place: str, units: int, minutes: int) -> None:
        at = self.instant(minutes)
        self.send(counted(item, place, units, at))
        self.model.counts.setdefault((item, place), []).append((at, units))

    @rule(chosen=st.randoms(use_true_random=False))
    def repeat(self, chosen) -> None:
        if self.sent:
            outcomes = accept(self.engine, chosen.choices(self.sent, k=3))
            assert {each.status for each in outcomes} == {"duplicate"}

    @rule(item=st.sampled_from(ITEMS), place=st.sampled_from(PLACES), units=UNITS)
    def issue(self, item: str, place: str, units: int) -> None:
        covered = self.model.covers((item, place), units)
        became = self.decide(issued(item, place, units, self.clock.now))
        assert became == ("stock.issued" if covered else "command.refused")
        if covered:
            self.model.take((item, place), units, self.clock.now)

    @rule(units=UNITS, more=UNITS)
    def transfer(self, units: int, more: int) -> None:
        covered = self.model.covers(("A", "W"), units) and self.model.covers(("B", "W"), more)
        self.number += 1
        command = transaction(
            "Transfer", f"N{self.number}", {"A": units, "B": more}, self.clock.now, from_location="W", to_location="S"
        )
        became = self.decide(command)
        assert became == ("stock.transferred" if covered else "command.refused")
        if covered:
            named = [("A", "W"), ("B", "W"), ("A", "S"), ("B", "S")]
            counts = [max(self.model.counts[pair])[0] for pair in named if pair in self.model.counts]
            at = max([self.clock.now, *(count + timedelta(microseconds=1) for count in counts)])
            for item, moved in (("A", units), ("B", more)):
                self.model.move((item, "W"), -moved, at)
                self.model.move((item, "S"), moved, at)

    @rule(item=st.sampled_from(ITEMS), units=UNITS, seconds=st.integers(1, 600))
    def hold(self, item: str, units: int, seconds: int) -> None:
        covered = self.model.covers((item, "S"), units)
        self.number += 1
        number = f"R{self.number}"
        became = self.decide(reserve(number, "S", {item: units}, self.clock.now, expires_in_seconds=seconds))
        assert became == ("stock.reserved" if covered else "command.refused")
        if covered:
            self.model.held[number] = ((item, "S"), units, self.clock.now + timedelta(seconds=seconds))

    @rule(sell=st.booleans())
    def end(self, sell: bool) -> None:
        if not self.model.held:
            return
        number, (pair, units, until) = next(iter(self.model.held.items()))
        over = until <= self.clock.now
        became = self.decide(event("reservation.commit" if sell else "reservation.release", {"reservation_id": number}))
        del self.model.held[number]
        if over:
            assert became == ("reservation.expired,command.refused" if sell else "reservation.expired")
        elif sell:
            assert became == "reservation.committed"
            self.model.take(pair, units, self.clock.now)
        else:
            assert became == "reservation.released"

    @rule(seconds=st.integers(-3600, 600))
    def pass_time(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        over = [number for number, (_, _, until) in self.model.held.items() if until <= self.clock.now]
        assert expire(self.connection, orders(self.clock)) == len(over)
        for number in over:
            del self.model.held[number]

    @rule(limit=st.integers(1, 7))
    def apply_some(self, limit: int) -> None:
        micro_batch(self.connection, orders(self.clock), limit, Applied())

    @rule(parts=st.integers(0, 3))
    def replay(self, parts: int) -> None:
        """What left the queue unapplied is put back, and nothing else, however often it is asked for."""
        lost = "SELECT sequence, part FROM event_queue ORDER BY sequence, part LIMIT %s"
        gone = self.connection.execute(f"DELETE FROM event_queue WHERE (sequence, part) IN ({lost})", [parts]).rowcount
        assert self.put_back() == gone
        assert self.put_back() == 0

    def put_back(self) -> int:
        assert self.engine is not None
        return sum(each.requeued for each in requeue(self.engine, Filter(), last_sequence(self.engine), dry_run=False))

    @rule(call=st.integers(1, 25), limit=st.integers(1, 7))
    def fail(self, call: int, limit: int) -> None:
        FailingCursor.left = call
        try:
            micro_batch(self.failing, orders(self.clock), limit, Applied())
        except psycopg.OperationalError:
            pass
        finally:
            FailingCursor.left = 10**9

    def teardown(self) -> None:
        self.counts["histories"] += 1
        try:
            assert verified(self.url) == [], "what is rebuilt from the log lacks what waits"
            work(self.connection, orders(self.clock))
            assert_consistent(self.connection)
            rows = self.connection.execute("SELECT item, location, book, reserved FROM inventory_state").fetchall()
            for item, place, book, reserved in rows:
                pair = (item, place)
                assert (book, reserved) == (self.model.book(pair), self.model.reserved(pair)), pair
            assert {(item, place) for item, place, _, _ in rows} == self.model.moves.keys() | self.model.counts.keys()
        finally:
            self.connection.close()
            self.failing.close()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_any_history_comes_to_what_the_model_says(engine, url, part):
    counts: Counter[str] = Counter()
    for number in range(ROUNDS):
        machine = seed(SEED + part + number)(
            type("Histories", (Histories,), {"engine": engine, "url": url, "counts": counts})
        )
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert counts["histories"] >= ROUNDS * EXAMPLES
    record(
        "histories",
        "random histories of facts, commands, expiry, repeats, cuts, failing calls, clocks set back, replays, rebuilds",
        f"20,000 histories of up to {STEPS} steps; stock as a small model says, state = fold of the log",
        f"{counts['histories']:,} histories, {counts['steps']:,} steps, seed {SEED}; all equal",
        reached=counts["histories"] >= 20_000,
        details=dict(counts),
    )
