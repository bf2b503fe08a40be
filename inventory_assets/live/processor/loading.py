"""Reads what a micro-batch needs before it decides: events, reservations, taken numbers, state.

Locks are taken in the order of `live.locks`: the lanes are held already, then names, then rows of the state. A fact is
read by the effects kept with it; only commands and facts about reservations have their payload read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inventory_assets.contracts.events.commands import (
    ReservationCommit,
    ReservationRelease,
    StockReserve,
    Transaction,
)
from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, derived_id
from inventory_assets.contracts.events.facts import ReservationEnded, StockReserved
from inventory_assets.contracts.events.fields import Line
from inventory_assets.live import modes
from inventory_assets.live.locks import NAMES, name_key
from inventory_assets.live.log.accepting import LogRow, UnreadableEventError, event_of
from inventory_assets.live.log.stored_effects import read
from inventory_assets.live.masters.reading import read_masters
from inventory_assets.live.masters.rules import READ as READ_RULES
from inventory_assets.live.masters.rules import Rules, rules_of
from inventory_assets.live.processor.ledger_rows import LateCount, late_count_of, net_after
from inventory_assets.live.processor.state_rows import StateRow, lock_rows
from inventory_assets.live.processor.work import Masters, Part
from inventory_assets.stock.deciding import EXPIRED, pairs_named
from inventory_assets.stock.effects import permitted
from inventory_assets.stock.reservations import Reservation
from inventory_assets.stock.rules import Count

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import Connection

    from inventory_assets.contracts.events.reading import Event
    from inventory_assets.live.queue.claiming import Waiting
    from inventory_assets.stock.accounts import Pair

ABOUT_RESERVATIONS = ("stock.reserved", "reservation.committed", "reservation.released", "reservation.expired")
_EVENTS = """
SELECT sequence, source, event_id, type, event_time, received_at, priority, items, effects, envelope::text,
       CASE WHEN effects IS NULL OR type = ANY(%(whole)s) THEN data::text ELSE 'null' END
FROM event_log WHERE sequence = ANY(%(sequences)s)
"""
_LOCK_NAMES = "SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::int[]) AS asked (key)"
_RESERVATIONS = """
SELECT id, location, lines, expires_at, status, source, event_id
FROM reservations WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE
"""
_NUMBERS = """
SELECT source, transaction_id
FROM transaction_numbers JOIN unnest(%s::text[], %s::text[]) AS asked (source, transaction_id)
    USING (source, transaction_id)
"""
_DECIDED = "SELECT event_id FROM event_ids WHERE source = %s AND event_id = ANY(%s::text[])"


@dataclass(slots=True)
class Loaded:
    """What was read.

    Attributes:
        state: rows of the state, by pair; all of them locked.
        reservations: reservations concerned.
        numbers: transaction numbers that are taken.
        decided: ids of facts that are in the log already.
        late: what the ledger says about counts that come late.
        masters: what is known of items and locations.
    """

    state: dict[Pair, StateRow] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    numbers: set[tuple[str, str]] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    late: dict[LateCount, int] = field(default_factory=dict)
    masters: Masters = field(default_factory=Masters)

    def moved_since(self, pair: Pair, count: Count) -> int:
        """Σ quantity of the movements in the ledger that a count does not absorb."""
        return self.late.get((pair, count.at, count.kind == "assumed"), 0)


def read_parts(connection: Connection, waiting: Sequence[Waiting]) -> tuple[list[Part], modes.BatchOnly]:
    """Claimed parts with their events, in their order, and what only the batch side works on.

    What counts is read in a statement after the claim, which so sees the rule of every event that was claimed.
    """
    with connection.pipeline():
        events = connection.execute(
            _EVENTS, {"whole": list(ABOUT_RESERVATIONS), "sequences": [each.sequence for each in waiting]}
        ).fetchall()
        off = modes.batch_only(connection.execute(modes.READ).fetchall())
        rules = rules_of(connection.execute(READ_RULES).fetchall())
    rows = {row[0]: LogRow(*row) for row in events}
    return [_part(each, rows[each.sequence], rules) for each in waiting], off


def load(connection: Connection, parts: Sequence[Part], masters: Masters | None) -> Loaded:
    """Lock and read what the parts are decided and applied on.

    Args:
        connection: in the transaction of the batch.
        parts: the parts.
        masters: what is known of items and locations; None for what the database holds of them.
    """
    loaded = Loaded()
    asked = [part.event for part in parts if part.event is not None]
    if asked:
        _load_names(connection, asked, loaded)
    wanted = {effect.pair for part in parts for effect in part.effects}
    for part in parts:
        if part.is_command and part.event is not None:
            wanted.update(pairs_of_command(part.event, loaded.reservations))
    loaded.masters = read_masters(connection, wanted) if masters is None else masters
    loaded.state = lock_rows(connection, sorted(wanted))
    loaded.late = net_after(connection, _late_counts(parts, loaded.state))
    return loaded


def read_ending(connection: Connection, ids: Iterable[str]) -> dict[str, Reservation]:
    """Lock the names of reservations, then read them, without those whose expiry is in the log already.

    Such a fact came back from a copy of the log after a restore, and is applied when it reaches the head of the queue.
    """
    ids = sorted(ids)
    connection.execute(_LOCK_NAMES, (NAMES, sorted({name_key("reservation", each) for each in ids})))
    found = [_reservation(row) for row in connection.execute(_RESERVATIONS, (ids,))]
    ends = {derived_id(each.event, EXPIRED): each for each in found if each.event is not None}
    for (event_id,) in connection.execute(_DECIDED, (SERVICE_SOURCE, list(ends))):
        del ends[event_id]
    return {each.id: each for each in ends.values()}


def pairs_of_command(command: Event, reservations: dict[str, Reservation]) -> set[Pair]:
    """Pairs a command is decided on."""
    pairs = set(pairs_named(command))
    reservation = reservations.get(_reservation_id(command) or "")
    if reservation is not None:
        pairs |= {(line.product_sku, reservation.location) for line in reservation.lines}
    return pairs


def _part(waiting: Waiting, row: LogRow, rules: Rules) -> Part:
    event, error = None, None
    if row.effects is None or row.type in ABOUT_RESERVATIONS:
        try:
            event = event_of(row)
        except (UnreadableEventError, ValueError) as found:
            return Part(waiting, row, error=found)
    if row.effects is None:
        return Part(waiting, row, event=event)
    try:
        effects = read(row.effects, row.source, row.event_id)
        item = row.items[waiting.part] if row.items else None
        own = [each for each in effects if each.item == item]
        return Part(waiting, row, permitted(own, rules.at(row.sequence)), event)
    except (ValueError, LookupError, TypeError) as found:
        error = found
    return Part(waiting, row, error=error)


def _load_names(connection: Connection, events: Sequence[Event], loaded: Loaded) -> None:
    """Names are locked in one statement and looked up in later ones, which see what their last holders did."""
    ids = {found for event in events if (found := _reservation_id(event)) is not None}
    numbers = {
        (event.envelope.source, event.payload.transaction_id)
        for event in events
        if isinstance(event.payload, Transaction)
    }
    keys = {name_key("reservation", each) for each in ids} | {name_key("transaction", *each) for each in numbers}
    with connection.pipeline():
        if keys:
            connection.execute(_LOCK_NAMES, (NAMES, sorted(keys)))
        reservations = connection.execute(_RESERVATIONS, (sorted(ids),))
        taken = connection.execute(_NUMBERS, ([source for source, _ in numbers], [number for _, number in numbers]))
        decided = connection.execute(_DECIDED, (SERVICE_SOURCE, [derived_id(each.envelope.key, 0) for each in events]))
        loaded.reservations = {row[0]: _reservation(row) for row in reservations.fetchall()}
        loaded.numbers = {(source, number) for source, number in taken.fetchall()}
        loaded.decided = {event_id for (event_id,) in decided.fetchall()}


def _late_counts(parts: Sequence[Part], state: dict[Pair, StateRow]) -> list[LateCount]:
    """Counts that lie before movements applied in earlier batches."""
    found: set[LateCount] = set()
    for part in parts:
        for effect in part.effects:
            if effect.is_count:
                last: datetime | None = state[effect.pair].account.stock.last_movement_at
                if last is not None and last >= effect.at:
                    found.add(late_count_of(effect))
    return sorted(found)


def _reservation_id(event: Event) -> str | None:
    payload = event.payload
    if isinstance(payload, StockReserve | ReservationCommit | ReservationRelease | StockReserved | ReservationEnded):
        return payload.reservation_id
    return None


def _reservation(row: tuple) -> Reservation:
    number, location, lines, expires_at, status, source, event_id = row
    return Reservation(
        number,
        location,
        tuple(Line(product_sku=item, quantity=quantity) for item, quantity in lines),
        expires_at,
        status,
        None if source is None else (source, event_id),
    )
