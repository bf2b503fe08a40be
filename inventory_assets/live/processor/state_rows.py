"""Rows of `inventory_state`: locked and read as accounts, written back once a batch.

Rows of pairs nobody knew are made first, so that a row stands for every pair and can be locked; those nothing came to
are removed before the commit. Invariant: rows are locked by (item, location), and a row is only written on the version
that was read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.live.processor.work import StateConflictError
from inventory_assets.stock.accounts import Account, Pair
from inventory_assets.stock.notices import Told
from inventory_assets.stock.rules import Count, Stock

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

_MAKE = """
INSERT INTO inventory_state (item, location, version, net, reserved, unavailable, in_transit, on_order, basis,
                             conflict_status, last_sequence)
SELECT item, location, 0, 0, 0, 0, 0, 0, 'unknown', 'None', 0
FROM unnest(%(items)s::text[], %(locations)s::text[]) WITH ORDINALITY AS asked (item, location, place)
WHERE NOT EXISTS (
    SELECT FROM inventory_state AS known WHERE known.item = asked.item AND known.location = asked.location
)
ORDER BY place
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT item, location, version, net, reserved, unavailable, in_transit, count_time, count_kind, count_source,
       count_document, count_quantity, count_sequence, first_known_at, last_movement_at, told, ledger_hash,
       last_sequence
FROM unnest(%(items)s::text[], %(locations)s::text[]) WITH ORDINALITY AS asked (item, location, place)
JOIN inventory_state USING (item, location)
ORDER BY place
FOR UPDATE OF inventory_state
"""
_WRITE = """
UPDATE inventory_state AS state
SET version = new.version, book = new.book, net = new.net, reserved = new.reserved, unavailable = new.unavailable,
    in_transit = new.in_transit, basis = new.basis, count_time = new.count_time, count_kind = new.count_kind,
    count_source = new.count_source, count_document = new.count_document, count_quantity = new.count_quantity,
    count_sequence = new.count_sequence, first_known_at = new.first_known_at,
    last_movement_at = new.last_movement_at, told = new.told, ledger_hash = decode(new.hash, 'hex'),
    last_sequence = greatest(state.last_sequence, new.last_sequence), live_updated_at = new.at
FROM json_to_recordset(%s::json) AS new (
    item text, location text, was bigint, version bigint, book bigint, net bigint, reserved bigint,
    unavailable bigint, in_transit bigint, basis text, count_time timestamptz, count_kind text, count_source text,
    count_document text, count_quantity bigint, count_sequence bigint, first_known_at timestamptz,
    last_movement_at timestamptz, told smallint, hash text, last_sequence bigint, at timestamptz
)
WHERE state.item = new.item AND state.location = new.location AND state.version = new.was
"""
_FORGET = """
DELETE FROM inventory_state USING unnest(%s::text[], %s::text[]) AS empty (item, location)
WHERE inventory_state.item = empty.item AND inventory_state.location = empty.location
  AND inventory_state.version = 0 AND inventory_state.last_sequence = 0
"""


@dataclass(slots=True)
class StateRow:
    """What the processor knows of a pair.

    Attributes:
        account: its account.
        told: which thresholds are told of.
        hash: hash of its last row of the ledger; None before the first.
        count_sequence: event of the count in force.
        last_sequence: greatest sequence applied to it.
    """

    account: Account
    told: Told = Told()  # noqa: RUF009 - an immutable value
    hash: bytes | None = None
    count_sequence: int | None = None
    last_sequence: int = 0


def lock_rows(connection: Connection, pairs: Sequence[Pair]) -> dict[Pair, StateRow]:
    """Lock and read the rows of pairs, made where they are missing.

    Args:
        connection: in the transaction of the batch.
        pairs: pairs in ascending order, each once.
    """
    if not pairs:
        return {}
    asked = {"items": [item for item, _ in pairs], "locations": [location for _, location in pairs]}
    with connection.pipeline():
        connection.execute(_MAKE, asked)
        found = connection.execute(_LOCK, asked).fetchall()
    return {(row[0], row[1]): _read(row) for row in found}


def write_rows(
    connection: Connection, before: Mapping[Pair, StateRow], after: Mapping[Pair, StateRow], at: datetime
) -> Cursor | None:
    """Write changed rows and remove made ones that stayed empty; `check_written` its result once it is there.

    Args:
        connection: in the transaction of the batch, in a pipeline.
        before: rows as they were read.
        after: rows that changed.
        at: when.
    """
    empty = [pair for pair, row in before.items() if pair not in after and not row.account.version]
    if empty:
        connection.execute(_FORGET, ([item for item, _ in empty], [location for _, location in empty]))
    if not after:
        return None
    rows = [_members(pair, before[pair], row, at) for pair, row in after.items()]
    return connection.execute(_WRITE, (json.dumps(rows, separators=(",", ":")),))


def check_written(written: Cursor | None, rows: int) -> None:
    """Whether every row still had the version it was read with.

    Raises:
        StateConflictError: one had not.
    """
    if written is not None and written.rowcount != rows:
        raise StateConflictError(
            f"{rows - written.rowcount} of {rows} rows of the state have changed since they were read"
        )


def told_number(told: Told) -> int:
    """What is told of thresholds as the number the column keeps."""
    return told.low | told.out << 1 | told.short << 2 | told.over << 3 | told.reorder << 4


def told_of(number: int) -> Told:
    """What is told of thresholds from the number the column keeps."""
    return _TOLD[number]


_TOLD = [Told(*(bool(number >> place & 1) for place in range(5))) for number in range(32)]


def _read(row: tuple) -> StateRow:
    (
        _, _, version, net, reserved, unavailable, in_transit, count_time, kind, source, document, quantity,
        count_sequence, first_known_at, last_movement_at, told, last_hash, last_sequence,
    ) = row  # fmt: skip
    count = None if kind is None else Count(count_time, quantity, kind, source, document)
    stock = Stock(count, net, unavailable, first_known_at, last_movement_at)
    return StateRow(
        Account(stock, reserved, in_transit, version), told_of(told), last_hash, count_sequence, last_sequence
    )


def _members(pair: Pair, before: StateRow, row: StateRow, at: datetime) -> dict[str, object]:
    account, stock, count = row.account, row.account.stock, row.account.stock.count
    return {
        "item": pair[0],
        "location": pair[1],
        "was": before.account.version,
        "version": account.version,
        "book": stock.book,
        "net": stock.net,
        "reserved": account.reserved,
        "unavailable": stock.net_unavailable,
        "in_transit": account.in_transit,
        "basis": stock.basis,
        "count_time": None if count is None else _text(count.at),
        "count_kind": None if count is None else count.kind,
        "count_source": None if count is None else count.source,
        "count_document": None if count is None else count.document,
        "count_quantity": None if count is None else count.quantity,
        "count_sequence": row.count_sequence,
        "first_known_at": _text(stock.first_known_at),
        "last_movement_at": _text(stock.last_movement_at),
        "told": told_number(row.told),
        "hash": None if row.hash is None else row.hash.hex(),
        "last_sequence": row.last_sequence,
        "at": _text(at),
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
