"""One micro-batch, one transaction: claim, lock, fold, write, commit.

Lock order: lanes, names, rows of the state, the log. The log is locked last, with rows built before, so that the
listener waits for a few inserts and not for a fold. Invariants: every claimed part is finished, set aside, sent back
or dead when the transaction commits, and as it was when it does not; `stock.books` is the only thing that folds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.envelope import derived_id
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import prepared_group
from inventory_assets.live.modes import SET_ASIDE, BatchOnly
from inventory_assets.live.processor.failing import failure_of, note_failures
from inventory_assets.live.processor.loading import Loaded, load, pairs_of_command, read_parts
from inventory_assets.live.processor.work import Applied, Entered, Failure, Orders, Part
from inventory_assets.live.processor.writing import Page, write_facts, write_page
from inventory_assets.live.queue.claiming import claim, finish
from inventory_assets.stock.books import Books

if TYPE_CHECKING:
    from psycopg import Connection


_SET_ASIDE = """
UPDATE event_queue SET not_before = %s FROM unnest(%s::bigint[], %s::smallint[]) AS held (sequence, part)
WHERE event_queue.sequence = held.sequence AND event_queue.part = held.part
"""


def micro_batch(connection: Connection, orders: Orders, limit: int, applied: Applied) -> None:
    """Apply the most urgent parts that wait, at most so many.

    Args:
        connection: a psycopg connection that commits each statement.
        orders: how it is done.
        limit: parts at most.
        applied: gets what was done. Its `claimed` is filled as soon as parts are taken, so that it is known which ones
            they were when this fails; everything else holds once this returns.
    """
    with connection.transaction():
        waiting = claim(connection, orders.lanes, limit, orders.lease_seconds)
        applied.claimed = waiting
        if not waiting:
            return
        at = orders.clock()
        parts, off = read_parts(connection, waiting)
        if off.whole:
            applied.claimed = []
            return
        began = time.perf_counter()
        loaded = load(connection, parts, orders.masters)
        applied.lock_seconds += time.perf_counter() - began
        live, held = _divided(parts, loaded, off)
        books = open_books(loaded)
        entered, failures = _entered(books, live, loaded, at)
        failed = {(each.waiting.sequence, each.waiting.part) for each in failures}
        done = [part for part in live if (part.waiting.sequence, part.waiting.part) not in failed]
        group, refused = prepared_group([entry_of(fact, "decided") for each in entered for fact in each.facts])
        if refused:
            raise ValueError(f"a decided fact cannot be stored: {next(iter(refused.values())).reason}")
        page = Page(loaded, books, entered, orders, at)
        with connection.pipeline():
            finish(connection, [part.waiting for part in done])
            _set_aside(connection, held)
            retried, dead = note_failures(connection, failures, orders, at)
        written = write_page(connection, page, done)
        applied.lock_seconds += write_facts(connection, page, group)
        applied.completed = [part.waiting for part in done]
        applied.held, applied.retried, applied.dead = len(held), retried, dead
        applied.facts, applied.state_writes = len(group), written
        applied.postings = sum(len(each.postings) for each in entered)
        applied.outbox = len(page.outbox)


def open_books(loaded: Loaded) -> Books:
    """Books on what was read. Effects of facts were looked through before; what is decided here counts."""
    known = replace(loaded.masters.known, transaction_taken=lambda source, number: (source, number) in loaded.numbers)
    accounts = {pair: row.account for pair, row in loaded.state.items() if row.account.version}
    return Books.open(accounts, loaded.reservations, loaded.moved_since, known=known)


def _divided(parts: Sequence[Part], loaded: Loaded, off: BatchOnly) -> tuple[list[Part], list[Part]]:
    """Parts to apply, and parts that only the batch side works on now."""
    if not off.keys:
        return list(parts), []
    live: list[Part] = []
    held: list[Part] = []
    for part in parts:
        pairs = {effect.pair for effect in part.effects}
        if part.is_command and part.event is not None:
            pairs = pairs_of_command(part.event, loaded.reservations)
        stopped = any(off.covers(pair, loaded.masters.category(pair[0])) for pair in pairs)
        (held if stopped else live).append(part)
    return live, held


def _entered(books: Books, parts: Sequence[Part], loaded: Loaded, at: datetime) -> tuple[list[Entered], list[Failure]]:
    entered: list[Entered] = []
    failures: list[Failure] = []
    for part in parts:
        if part.error is not None:
            failures.append(failure_of(part.waiting, part.error))
            continue
        try:
            entered.append(_enter(books, part, loaded, at))
        except Exception as error:
            failures.append(failure_of(part.waiting, error))
    return entered, failures


def _enter(books: Books, part: Part, loaded: Loaded, at: datetime) -> Entered:
    row, event = part.row, part.event
    if not part.is_command:
        postings = books.enter_effects(part.effects)
        if event is not None:
            books.tell(event)
        if row.type == "Transaction" and part.effects:
            books.take_number(row.source, part.effects[0].document)
        return Entered(
            sequence=row.sequence,
            decided=False,
            part=part.waiting.part,
            actor=row.source,
            row=row,
            event=event,
            postings=postings,
        )
    if event is None:
        raise LookupError(f"the command {row.event_id} of {row.source} was not read")
    if derived_id(event.envelope.key, 0) in loaded.decided:
        return Entered(sequence=row.sequence, decided=True, part=0, actor=row.source, row=row, event=event)
    outcome = books.enter(event, at)
    return Entered(
        sequence=row.sequence,
        decided=True,
        part=0,
        actor=row.source,
        row=row,
        event=event,
        postings=outcome.postings,
        facts=outcome.facts,
    )


def _set_aside(connection: Connection, held: Sequence[Part]) -> None:
    if held:
        sequences = [part.waiting.sequence for part in held]
        connection.execute(_SET_ASIDE, (SET_ASIDE, sequences, [part.waiting.part for part in held]))
