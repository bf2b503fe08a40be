"""From an accepted event to stock."""

from __future__ import annotations

from datetime import timedelta

from inventory_assets_tests.live.processing import (
    NOON,
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


def books(connection) -> dict[tuple[str, str], tuple]:
    rows = connection.execute("SELECT item, location, book, reserved FROM inventory_state").fetchall()
    return {(item, place): (book, reserved) for item, place, book, reserved in rows}


def types(connection, disposition="decided") -> list[str]:
    return [
        name
        for (name,) in connection.execute(
            "SELECT type FROM event_log WHERE disposition = %s ORDER BY sequence", (disposition,)
        )
    ]


def test_events_become_stock_ledger_and_news(engine, connection):
    later = NOON + timedelta(seconds=5)
    accept(engine, [counted("A", "S", 10), sold("A", "S", 3, later), sold("A", "S", 8, NOON - timedelta(hours=1))])
    (applied,) = work(connection, orders())
    assert books(connection) == {("A", "S"): (7, 0)}
    assert (applied.postings, applied.state_writes) == (3, 1)
    ledger = connection.execute("SELECT reason, quantity, effect, resulting_book, actor FROM ledger ORDER BY id")
    assert ledger.fetchall() == [
        ("sale", -8, 0, None, "/tests"),
        ("count", 10, 10, 10, "/tests"),
        ("sale", -3, -3, 7, "/tests"),
    ]
    told = connection.execute("SELECT type, item, location, data -> 'data' ->> 'newStock' FROM outbox").fetchall()
    assert told == [("inventory.updated", "A", "S", "7")]
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (0,)
    assert connection.execute("SELECT DISTINCT status, attempt FROM processing_log").fetchall() == [("Completed", 1)]
    assert_consistent(connection)


def test_a_late_count_keeps_the_movements_after_it(engine, connection):
    for each in (
        counted("A", "S", 10),
        sold("A", "S", 3, NOON + timedelta(hours=2)),
        counted("A", "S", 20, NOON + timedelta(hours=1)),
        counted("A", "S", 50, NOON + timedelta(hours=2)),
    ):
        accept(engine, [each])
        work(connection, orders())
    assert books(connection) == {("A", "S"): (50, 0)}
    resulting = connection.execute("SELECT resulting_book FROM ledger ORDER BY id").fetchall()
    assert resulting == [(10,), (7,), (17,), (50,)]
    assert_consistent(connection)


def test_a_command_becomes_a_fact_in_the_log_or_a_refusal(engine, connection):
    accept(engine, [counted("A", "S", 5), issued("A", "S", 3, NOON + timedelta(seconds=1))])
    accept(engine, [issued("A", "S", 3, NOON + timedelta(seconds=2)), issued("B", "S", 1)])
    work(connection, orders())
    assert sorted(types(connection)) == ["command.refused", "command.refused", "stock.issued"]
    reasons = connection.execute("SELECT data ->> 'reason' FROM event_log WHERE type = 'command.refused' ORDER BY 1")
    assert reasons.fetchall() == [("insufficient",), ("stock_unknown",)]
    assert books(connection) == {("A", "S"): (2, 0)}
    entry = connection.execute(
        "SELECT ledger.actor, ledger.reason, event_log.type FROM ledger JOIN event_log USING (sequence)"
        " WHERE bucket = 'book' AND reason = 'issue'"
    ).fetchall()
    assert entry == [("/tests", "issue", "stock.issued")]
    assert connection.execute("SELECT count(*) FROM event_queue").fetchone() == (0,)
    assert {"command.refused", "stock.issued"} <= {name for (name,) in connection.execute("SELECT type FROM outbox")}
    assert_consistent(connection)


def test_a_unit_counted_by_a_clock_ahead_of_ours_is_given_away_once(engine, connection):
    """The facts commands become would lie before the count, and be absorbed by it."""
    clock = Clock(NOON - timedelta(hours=1))
    accept(engine, [counted("A", "S", 1), *(issued("A", "S", 1) for _ in range(5))])
    work(connection, orders(clock))
    assert books(connection) == {("A", "S"): (0, 0)}
    assert sorted(types(connection)) == ["command.refused"] * 4 + ["stock.issued"]
    assert_consistent(connection)


def test_a_transfer_in_one_step_moves_both_sides_or_neither(engine, connection):
    accept(engine, [counted("A", "W", 5), counted("B", "W", 1)])
    work(connection, orders())
    places = {"from_location": "W", "to_location": "S"}
    accept(engine, [transaction("Transfer", "T1", {"A": 2, "B": 2}, **places)])
    work(connection, orders())
    assert books(connection) == {("A", "W"): (5, 0), ("B", "W"): (1, 0)}
    accept(engine, [transaction("Transfer", "T2", {"A": 2, "B": 1}, **places)])
    accept(engine, [transaction("Transfer", "T2", {"A": 1}, **places)])
    work(connection, orders())
    assert books(connection) == {
        ("A", "S"): (None, 0), ("A", "W"): (3, 0), ("B", "S"): (None, 0), ("B", "W"): (0, 0),
    }  # fmt: skip
    refused = connection.execute("SELECT data ->> 'reason' FROM event_log WHERE type = 'command.refused' ORDER BY 1")
    assert refused.fetchall() == [("duplicate_transaction",), ("insufficient",)]
    assert_consistent(connection)


def test_a_reservation_is_held_sold_given_back_once(engine, connection):
    accept(engine, [counted("A", "S", 5)])
    work(connection, orders())
    for each in (
        reserve("R1", "S", {"A": 3}),
        reserve("R2", "S", {"A": 3}),
        reserve("R2", "S", {"A": 3}, partial=True),
        reserve("R1", "S", {"A": 1}),
        event("reservation.commit", {"reservation_id": "R1"}),
        event("reservation.release", {"reservation_id": "R1"}),
        event("reservation.release", {"reservation_id": "R2"}),
        event("reservation.commit", {"reservation_id": "R2"}),
        event("reservation.commit", {"reservation_id": "R9"}),
    ):
        accept(engine, [each])
        work(connection, orders())
    assert types(connection) == [
        "stock.reserved", "command.refused", "stock.reserved", "command.refused", "reservation.committed",
        "reservation.released", "command.refused", "command.refused",
    ]  # fmt: skip
    assert books(connection) == {("A", "S"): (2, 0)}
    assert connection.execute("SELECT id, status FROM reservations ORDER BY id").fetchall() == [
        ("R1", "committed"), ("R2", "released"),
    ]  # fmt: skip
    assert_consistent(connection)
