"""What is done beside the micro-batches, in short transactions: retries whose time has come, ageing, expiry.

Ageing raises what waits for long, so that none starves, and never above `HIGHEST_AGED`, so that it never meets the
priorities that must be fast. Only a few at the head of each lane and priority are raised at a time: what stands behind
them waits for them anyway, and a backlog of a day is not rewritten row by row while it should be applied. Invariants:
nothing here waits for a row of the queue that a worker holds; what a look costs does not grow with the backlog.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.live import modes
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import prepared_group
from inventory_assets.live.masters.reading import read_masters
from inventory_assets.live.processor.batch import open_books
from inventory_assets.live.processor.loading import Loaded, read_ending
from inventory_assets.live.processor.state_rows import lock_rows
from inventory_assets.live.processor.work import Entered, Orders
from inventory_assets.live.processor.writing import Page, write_facts, write_page
from inventory_assets.stock.deciding import expired

if TYPE_CHECKING:
    from psycopg import Connection

HIGHEST_AGED = 7
"""Priority to which waiting raises an event at most."""
MOST_RAISED = 2
"""Parts of one lane and priority raised at once: where all of a backlog is old, a thirtieth of a worker's time; fifty
took four fifths of it."""
MOST_EXPIRED = 200
_AGE = """
WITH old AS (
    SELECT head.sequence, head.part, head.raised
    FROM unnest(%(lanes)s::int[]) AS lane (lane)
    CROSS JOIN generate_series(1, %(highest)s - 1) AS priority (priority)
    CROSS JOIN LATERAL (
        SELECT sequence, part,
               least(%(highest)s, floor(extract(epoch FROM %(now)s - received_at) / %(step)s))::smallint AS raised
        FROM event_queue
        WHERE event_queue.lane = lane.lane AND event_queue.priority = priority.priority AND not_before IS NULL
        ORDER BY event_time, sequence, part
        LIMIT %(most)s
    ) AS head
    WHERE head.raised > priority.priority
), free AS (
    SELECT event_queue.sequence, event_queue.part, old.raised
    FROM event_queue JOIN old USING (sequence, part)
    FOR UPDATE OF event_queue SKIP LOCKED
)
UPDATE event_queue SET priority = free.raised FROM free
WHERE event_queue.sequence = free.sequence AND event_queue.part = free.part
"""
_DUE = "SELECT id FROM reservations WHERE status = 'open' AND expires_at <= %s ORDER BY expires_at LIMIT %s"


def age(connection: Connection, now: datetime, step_seconds: float, lanes: Sequence[int]) -> int:
    """Raise the priority of what waits for long: to 1 for each step it has waited, where that is more than it has.

    Args:
        connection: a psycopg connection.
        now: the time.
        step_seconds: seconds of a step.
        lanes: where; those a worker prefers, as nobody else works on them while both have work.

    Returns:
        How many parts were raised.
    """
    asked = {"lanes": list(lanes), "highest": HIGHEST_AGED, "most": MOST_RAISED, "now": now, "step": step_seconds}
    return connection.execute(_AGE, asked).rowcount


def expire(connection: Connection, orders: Orders, limit: int = MOST_EXPIRED) -> int:
    """End reservations whose time is over: each end is a fact in the log, the same whoever finds it.

    Args:
        connection: a psycopg connection that commits each statement.
        orders: how it is done.
        limit: reservations at most.

    Returns:
        How many ended.
    """
    at = orders.clock()
    due = [number for (number,) in connection.execute(_DUE, (at, limit))]
    if not due:
        return 0
    with connection.transaction():
        off = modes.batch_only(connection.execute(modes.READ).fetchall())
        loaded = Loaded(reservations=read_ending(connection, due))
        open_ones = {number: each for number, each in loaded.reservations.items() if each.is_due(at)}
        pairs = {
            number: {(line.product_sku, each.location) for line in each.lines} for number, each in open_ones.items()
        }
        asked = {pair for found in pairs.values() for pair in found}
        loaded.masters = read_masters(connection, asked) if orders.masters is None else orders.masters
        ending = {
            number
            for number, found in pairs.items()
            if not any(off.covers(pair, loaded.masters.category(pair[0])) for pair in found)
        }
        loaded.state = lock_rows(connection, sorted({pair for number in ending for pair in pairs[number]}))
        books = open_books(loaded)
        entered = []
        for number in sorted(ending):
            fact = expired(open_ones[number], at)
            if fact is not None:
                postings = books.enter(fact, at).postings
                entered.append(
                    Entered(
                        sequence=None,
                        decided=True,
                        part=0,
                        actor=SERVICE_SOURCE,
                        postings=postings,
                        facts=(fact,),
                    )
                )
        group, _ = prepared_group([entry_of(fact, "decided") for each in entered for fact in each.facts])
        page = Page(loaded, books, entered, orders, at)
        write_page(connection, page, ())
        write_facts(connection, page, group)
    return len(entered)
