"""Writes what came of a micro-batch: state, ledger, reservations, numbers, processing log; then facts and outbox.

`write_page` is everything that needs no place in the log, `write_facts` what is drawn under the append lock, the last
thing before the commit. Invariant: one row of the state is written a pair, whatever the number of its postings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory_assets.live.log.appending import append_within, copy_rows
from inventory_assets.live.log.entries import copy_text
from inventory_assets.live.processor import ledger_rows, telling
from inventory_assets.live.processor.ledger_rows import lines_of
from inventory_assets.live.processor.state_rows import StateRow, check_written, write_rows
from inventory_assets.live.processor.work import FactTakenError

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.live.log.entries import Prepared
    from inventory_assets.live.processor.loading import Loaded
    from inventory_assets.live.processor.work import Entered, Orders, Part
    from inventory_assets.stock.accounts import Pair
    from inventory_assets.stock.books import Books
    from inventory_assets.stock.reservations import Reservation

_PROCESSED = ("sequence", "part", "attempt", "status", "worker", "started_at", "ended_at", "actions")
_RESERVATIONS = """
INSERT INTO reservations (id, location, lines, expires_at, status, source, event_id, updated_at)
SELECT id, location, lines::jsonb, expires_at, status, source, event_id, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])
    AS new (id, location, lines, expires_at, status, source, event_id)
ON CONFLICT (id) DO UPDATE
SET location = excluded.location, lines = excluded.lines, expires_at = excluded.expires_at, status = excluded.status,
    source = excluded.source, event_id = excluded.event_id, updated_at = excluded.updated_at
"""
_NUMBERS = """
INSERT INTO transaction_numbers (source, transaction_id, sequence)
SELECT source, transaction_id, %s FROM unnest(%s::text[], %s::text[]) AS new (source, transaction_id)
ON CONFLICT DO NOTHING
"""
_NOTIFY = "SELECT pg_notify('inventory_outbox', '')"


class Page:
    """Everything a micro-batch writes, built before any of it is written."""

    def __init__(self, loaded: Loaded, books: Books, entered: list[Entered], orders: Orders, at: datetime) -> None:
        """Build the rows.

        Args:
            loaded: what was read.
            books: the books after the last part.
            entered: what came of the parts, in order.
            orders: who does it, and what is known of items.
            at: when.
        """
        self.loaded, self.books, self.orders, self.at = loaded, books, orders, at
        self.entered = entered
        self.before = loaded.state
        self.after: dict[Pair, StateRow] = {}
        self.ledger: list[str] = []
        self.decided_ledger: list[tuple[tuple[int, int], str]] = []
        for index, each in enumerate(entered):
            self._post(index, each)
        self.outbox = telling.outbox_rows(entered, self.after, loaded.masters, at)

    def changed_reservations(self) -> list[Reservation]:
        """Reservations that are not as they were read."""
        before = self.loaded.reservations
        return [each for number, each in sorted(self.books.reservations.items()) if before.get(number) != each]

    def _post(self, index: int, each: Entered) -> None:
        numbers = {fact.envelope.key: number for number, fact in enumerate(each.facts)}
        for posting in each.postings:
            effect = posting.effect
            state = self.after.get(effect.pair)
            if state is None:
                read = self.before[effect.pair]
                state = self.after[effect.pair] = StateRow(
                    read.account, read.told, read.hash, read.count_sequence, read.last_sequence
                )
            if each.sequence is not None:
                if not each.decided and posting.after.stock.count != posting.before.stock.count:
                    state.count_sequence = each.sequence
                state.last_sequence = max(state.last_sequence, each.sequence)
            state.account = posting.after
            for line in lines_of(posting, each.part, each.actor, self.at, state.hash):
                state.hash = line.hash
                if each.decided:
                    self.decided_ledger.append(((index, numbers[effect.source, effect.event_id]), line.text))
                else:
                    self.ledger.append(f"{each.sequence}\t{line.text}")


def write_page(connection: Connection, page: Page, done: Sequence[Part]) -> int:
    """Write what needs no place in the log.

    Args:
        connection: in the transaction of the batch.
        page: what is written.
        done: parts that are finished.

    Returns:
        Rows of the state written.

    Raises:
        StateConflictError: a row changed since it was read.
    """
    with connection.pipeline():
        written = write_rows(connection, page.before, page.after, page.at)
        _write_reservations(connection, page)
        numbers = sorted(page.books.taken)
        if numbers:
            sequence = max(part.waiting.sequence for part in done)
            connection.execute(_NUMBERS, (sequence, [each[0] for each in numbers], [each[1] for each in numbers]))
    check_written(written, len(page.after))
    if page.ledger:
        copy_rows(connection, "ledger", ledger_rows.COLUMNS, page.ledger)
    if done:
        copy_rows(connection, "processing_log", _PROCESSED, _processed(page, done))
    return len(page.after)


def write_facts(connection: Connection, page: Page, group: Sequence[Prepared]) -> float:
    """Append decided facts and what others are told, under the append lock; the caller commits at once.

    Args:
        connection: in the transaction of the batch.
        page: what is written.
        group: the facts of `page.entered`, in order, ready to be appended.

    Returns:
        Seconds until the lock was there and the facts appended.

    Raises:
        FactTakenError: one of them is in the log already.
    """
    if not group and not page.outbox:
        return 0.0
    began = time.perf_counter()
    outcomes = append_within(connection, group)
    waited = time.perf_counter() - began
    taken = [each for each in outcomes if each.status != "accepted"]
    if taken:
        raise FactTakenError(f"a fact that was just decided is at {taken[0].sequence} in the log already")
    places = [(index, number) for index, each in enumerate(page.entered) for number in range(len(each.facts))]
    sequences = {place: outcome.sequence for place, outcome in zip(places, outcomes, strict=True)}
    if page.decided_ledger:
        rows = [f"{sequences[place]}\t{text}" for place, text in page.decided_ledger]
        copy_rows(connection, "ledger", ledger_rows.COLUMNS, rows)
    if page.outbox:
        rows = [f"{_sequence(page, sequences, row)}\t{row.text}" for row in page.outbox]
        copy_rows(connection, "outbox", telling.COLUMNS, rows)
        connection.execute(_NOTIFY)
    return waited


def _sequence(page: Page, sequences: dict[tuple[int, int], int | None], row: telling.OutboxRow) -> int | str:
    """Event a row of the outbox belongs to: the fact, or the event it came from."""
    number = row.fact if row.fact is not None else 0
    found = page.entered[row.entered].sequence
    return sequences.get((row.entered, number)) or found or "\\N"


def _write_reservations(connection: Connection, page: Page) -> None:
    changed = page.changed_reservations()
    if not changed:
        return
    connection.execute(
        _RESERVATIONS,
        (
            page.at,
            [each.id for each in changed],
            [each.location for each in changed],
            [json.dumps([[line.product_sku, line.quantity] for line in each.lines]) for each in changed],
            [each.expires_at for each in changed],
            [each.status for each in changed],
            [each.event[0] if each.event else None for each in changed],
            [each.event[1] if each.event else None for each in changed],
        ),
    )


def _processed(page: Page, done: Sequence[Part]) -> list[str]:
    """Rows of the processing log; `actions` of a command names the facts it became."""
    worker = copy_text(page.orders.worker)
    started, ended = page.at.astimezone(UTC).isoformat(), page.orders.clock().astimezone(UTC).isoformat()
    became = [
        "\\N"
        if not part.is_command
        else copy_text(json.dumps([{"type": fact.envelope.type, "id": fact.envelope.id} for fact in each.facts]))
        for part, each in zip(done, page.entered, strict=True)
    ]
    return [
        f"{part.waiting.sequence}\t{part.waiting.part}\t{part.waiting.attempts + 1}\tCompleted\t{worker}\t{started}"
        f"\t{ended}\t{actions}"
        for part, actions in zip(done, became, strict=True)
    ]
