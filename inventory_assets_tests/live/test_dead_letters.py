from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.values import changed
from inventory_assets.live.auditing import Act, broken_rows
from inventory_assets.live.dead_letters.handling import LetterClosedError, discard, edit_and_retry, retry
from inventory_assets.live.dead_letters.looking import (
    MOST_AT_ONCE,
    TooManyLettersError,
    UnknownLetterError,
    Wanted,
    listed,
    shown,
)
from inventory_assets.live.dead_letters.patterns import MOST_RECOVERIES, Letter, findings
from inventory_assets.live.dead_letters.recovering import recover
from inventory_assets.live.log.accepting import UnreadableEventError, entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.processor.worker import Worker
from inventory_assets.live.queue.claiming import wake_retries
from inventory_assets.live.rebuilding import differences, events_of_log, folded, snapshot
from inventory_assets_tests.live.databases import NOON
from inventory_assets_tests.live.processing import (
    Clock,
    accept,
    assert_consistent,
    counted,
    died,
    event,
    orders,
    sold,
    work,
)
from inventory_assets_tests.live.test_processor_faults import drained, until
from inventory_assets_tests.live.workers import QUICK

ACT = Act(NOON, "ann", "the till was repaired")
SOLD = {"product_sku": "A", "location_id": "S", "kind": "sale", "quantity": -2, "document_id": "R"}
GOOD = {"product_sku": "A", "location_id": "S", "quantity": 2, "update_type": "Increment"}


@pytest.fixture
def dead(engine, connection):
    """Four events that cannot be read, given up after three attempts, beside stock that is fine."""
    accept(engine, [counted("A", "S", 5, NOON - timedelta(hours=1))])
    return died(engine, connection, 4)


def poisoned(made: Event, units: int) -> Entry:
    """An entry whose first effect is larger than a column."""
    entered = entry_of(made)
    vast = (entered.effects or "").replace(f'"quantity":{units}', '"quantity":' + "9" * 30, 1)
    return changed(entered, effects=vast)


def differing(url) -> list[str]:
    at = snapshot(url)
    return [each.text for each in differences(at.state, folded(events_of_log(url, 0, at.upto), at.unapplied))]


def audited(connection) -> list[tuple]:
    return connection.execute("SELECT actor, action, reason FROM audit_log ORDER BY id").fetchall()


def test_a_dead_letter_shows_its_event_and_every_attempt(connection, dead):
    assert len(dead) == 4
    found = shown(connection, dead[0])
    assert (found.letter.error_class, found.letter.attempts, found.event.type) == ("validation", 3, "InventoryUpdate")
    assert [(each.attempt, each.status, each.error_code) for each in found.attempts] == [
        (1, "Retry", "data_invalid"), (2, "Retry", "data_invalid"), (3, "Failed", "data_invalid"),
    ]  # fmt: skip
    assert [each.key for each in listed(connection, after=dead[1], limit=1)] == [dead[2]]
    with pytest.raises(UnknownLetterError, match="99/0"):
        shown(connection, (99, 0))


def test_a_letter_put_back_gets_three_more_attempts_and_keeps_its_history(connection, dead):
    assert retry(connection, dead[:2], ACT, dry_run=True) == dead[:2]
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (0,)
    assert retry(connection, dead[:2], ACT, raised=10) == dead[:2]
    assert connection.execute("SELECT DISTINCT priority, attempts FROM event_queue").fetchall() == [(7, 3)]
    assert retry(connection, dead[:2], ACT) == []
    for _ in range(3):
        work(connection, orders())
        wake_retries(connection, NOON + timedelta(hours=1))
    assert [each.attempt for each in shown(connection, dead[0]).attempts] == [1, 2, 3, 4, 5, 6]
    assert [each.key for each in listed(connection)] == dead
    assert audited(connection) == [("ann", "dead_letters.retried", "the till was repaired")]


def test_a_corrected_event_is_a_new_event_of_the_log(connection, dead):
    with pytest.raises(UnreadableEventError):
        edit_and_retry(connection, dead[0], {"quantity": 1}, ACT)
    sequence = edit_and_retry(connection, dead[0], GOOD, ACT)
    work(connection, orders())
    cause = connection.execute(
        "SELECT envelope ->> 'causation_id', source FROM event_log WHERE sequence = %s", (sequence,)
    ).fetchone()
    assert cause == ("event-0", "till")
    assert connection.execute("SELECT book FROM inventory_state").fetchone() == (7,)
    with pytest.raises(LetterClosedError, match="edited by ann"):
        edit_and_retry(connection, dead[0], GOOD, ACT)
    assert shown(connection, dead[0]).letter.status == "edited"
    assert_consistent(connection)


def test_poisoned_facts_are_left_out_of_the_rebuild_until_they_are_applied(engine, connection, url):
    """Facts whose effects no column can hold: accepted, counted by the log, never applied."""
    many = {"location_id": "S", "lines": [{"product_sku": item, "quantity": 3} for item in "CD"]}
    accept(engine, [counted("A", "S", 5, NOON - timedelta(hours=1))])
    append(engine, [poisoned(sold("A", "S", 2), -2), poisoned(sold("B", "S", 1), -1)])
    append(engine, [poisoned(event("stock.counted", many), 3)])
    worker = Worker(url, QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    until(lambda: drained(connection))
    worker.stop()
    thread.join(5)
    dead = [each.key for each in listed(connection)]
    assert [each.item for each in listed(connection)] == ["A", "B", "C"]
    assert differing(url) == []
    discard(connection, dead[1:], ACT)
    assert edit_and_retry(connection, dead[0], {**SOLD, "quantity": -1}, ACT) is not None
    assert differing(url) == []
    work(connection, orders())
    assert connection.execute("SELECT item, book FROM inventory_state ORDER BY 1").fetchall() == [("A", 4), ("D", 3)]
    assert differing(url) == []


def test_many_are_given_up_at_once_but_not_too_many(connection, dead):
    with pytest.raises(TooManyLettersError, match=str(MOST_AT_ONCE)):
        discard(connection, [(number, 0) for number in range(MOST_AT_ONCE + 1)], ACT)
    assert discard(connection, [*dead, (99, 0)], ACT) == dead
    assert listed(connection) == []
    assert {each.resolved_by for each in listed(connection, Wanted(status="discarded"))} == {"ann"}
    assert broken_rows(connection) == []
    connection.execute("UPDATE audit_log SET actor = 'bob'")
    assert len(broken_rows(connection)) == 1


def test_bad_data_is_corrected_where_a_correction_is_registered_and_people_are_told_once(connection, dead):
    def only_the_first(data):
        return GOOD if data["sku"] == "SKU-0" else None

    for _ in range(2):
        found = recover(connection, NOON + timedelta(minutes=1), {"InventoryUpdate": only_the_first})
    assert [each.pattern for each in found] == ["RandomFailure"]
    work(connection, orders(Clock(NOON + timedelta(minutes=1))))
    told = connection.execute(
        "SELECT data -> 'data' FROM outbox WHERE type = 'deadletter.alert' ORDER BY id"
    ).fetchall()
    assert [(each["Pattern"], each["AffectedEvents"]) for (each,) in told] == [
        ("DataQualityIssue", 4), ("RandomFailure", 3),
    ]  # fmt: skip
    assert connection.execute("SELECT book FROM inventory_state WHERE item = 'A'").fetchone() == (7,)
    assert json.dumps(told[0][0]).count("event-") == 4


def letters(number: int, error_class: str, seconds: float = 1, recoveries: int = 0) -> list[Letter]:
    return [
        Letter(each, 0, f"e-{each}", "till", "sale", error_class, NOON + timedelta(seconds=each * seconds), recoveries)
        for each in range(number)
    ]


@pytest.mark.parametrize(
    ("found", "pattern"),
    [
        (letters(6, "timeout"), "SystemOverload"),
        (letters(5, "timeout"), "RandomFailure"),
        (letters(6, "timeout", 120), "RandomFailure"),
        (letters(4, "validation"), "DataQualityIssue"),
        (letters(3, "validation"), "RandomFailure"),
        (letters(9, "unexpected"), "RandomFailure"),
    ],
)
def test_what_failed_together_within_five_minutes_is_a_pattern(found, pattern):
    (finding,) = findings(found, NOON + timedelta(hours=1))
    assert finding.pattern == pattern
    assert finding.recoverable == finding.letters
    spent = letters(3, "unexpected", recoveries=MOST_RECOVERIES)
    assert findings(spent, NOON + timedelta(hours=1))[0].recoverable == ()
