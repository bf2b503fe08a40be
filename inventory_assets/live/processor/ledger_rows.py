"""Rows of the ledger: every effect by the bucket it changes, chained by hash a pair.

A hash covers the row before and everything the row says but its place in the log (`sequence`, which a decided fact gets
only under the append lock; the event's id is covered and leads there). Rows of one pair follow each other by
`resulting_version`, those of one effect by `id`; rows of decided facts are written after the others of their batch.
Invariant: Σ `effect` of a pair's rows in a bucket is what the bucket holds now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory_assets.contracts.values import Value
from inventory_assets.live.log.entries import copy_text as copied
from inventory_assets.stock.rules import KINDS

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.stock.accounts import Pair
    from inventory_assets.stock.books import Posting
    from inventory_assets.stock.effects import Effect

COLUMNS = (
    "sequence", "part", "item", "location", "bucket", "kind", "event_time", "recorded_at", "quantity", "effect",
    "resulting_book", "resulting_version", "actor", "reason", "event_id", "document", "previous_hash", "hash",
)  # fmt: skip
"""Columns in the order of the rows as text."""
_NET_AFTER = """
SELECT asked.place, coalesce(sum(ledger.quantity), 0)::bigint
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::boolean[]) WITH ORDINALITY
    AS asked (item, location, at, assumed, place)
JOIN ledger ON ledger.item = asked.item AND ledger.location = asked.location AND ledger.bucket = 'book'
    AND ledger.reason <> ALL(%s)
    AND (ledger.event_time > asked.at OR (asked.assumed AND ledger.event_time = asked.at))
GROUP BY asked.place
"""

LateCount = tuple["Pair", datetime, bool]
"""Pair and instant of a count, and whether it is only assumed: such a one does not absorb movements of its instant."""


class LedgerLine(Value, frozen=True):
    """A row of the ledger without its sequence.

    Attributes:
        text: the rest of the row, as COPY takes it.
        hash: its hash.
    """

    text: str
    hash: bytes


def late_count_of(effect: Effect) -> LateCount:
    """What the ledger is asked about a count."""
    return (effect.pair, effect.at, effect.kind == "assumed")


def net_after(connection: Connection, counts: Sequence[LateCount]) -> dict[LateCount, int]:
    """Σ quantity of the movements in the ledger that each count does not absorb."""
    if not counts:
        return {}
    rows = connection.execute(
        _NET_AFTER,
        (
            [pair[0] for pair, _, _ in counts],
            [pair[1] for pair, _, _ in counts],
            [at for _, at, _ in counts],
            [assumed for _, _, assumed in counts],
            list(KINDS),
        ),
    )
    return {counts[place - 1]: total for place, total in rows}


def lines_of(
    posting: Posting, part: int, actor: str, recorded_at: datetime, previous: bytes | None
) -> list[LedgerLine]:
    """Rows of one posting.

    Args:
        posting: the effect with the account before and after it.
        part: part of the event, 0 for a decided fact.
        actor: who sent what it came from.
        recorded_at: when it was applied.
        previous: hash of the pair's row before.
    """
    effect, book = posting.effect, posting.after.stock.book
    lines: list[LedgerLine] = []
    for bucket, quantity, change in _buckets(posting):
        said = said_by(
            part,
            effect.item,
            effect.location,
            bucket,
            "fact",
            effect.at,
            recorded_at,
            quantity,
            change,
            book,
            posting.after.version,
            actor,
            effect.kind,
            effect.event_id,
            effect.document,
        )
        made = chained(previous, said)
        shown = "\\N" if previous is None else f"\\\\x{previous.hex()}"
        lines.append(LedgerLine(f"{said}\t{shown}\t\\\\x{made.hex()}", made))
        previous = made
    return lines


def said_by(
    part: int,
    item: str,
    location: str,
    bucket: str,
    kind: str,
    event_time: datetime,
    recorded_at: datetime,
    quantity: int,
    effect: int,
    book: int | None,
    version: int,
    actor: str,
    reason: str,
    event_id: str,
    document: str,
) -> str:
    """Columns `part` to `document` of a row as COPY takes them, instants in UTC: what its hash covers."""
    known = "\\N" if book is None else book
    return (
        f"{part}\t{copied(item)}\t{copied(location)}\t{bucket}\t{kind}\t{_instant(event_time)}"
        f"\t{_instant(recorded_at)}\t{quantity}\t{effect}\t{known}\t{version}"
        f"\t{copied(actor)}\t{reason}\t{copied(event_id)}\t{copied(document)}"
    )


def chained(previous: bytes | None, said: str) -> bytes:
    """Hash of a row.

    Args:
        previous: hash of the pair's row before, None for the first.
        said: see `said_by`.
    """
    return hashlib.blake2b((previous or b"") + said.encode(), digest_size=16).digest()


def _buckets(posting: Posting) -> Iterable[tuple[str, int, int]]:
    """Bucket, what the event says, and what that changed."""
    effect, before, after = posting.effect, posting.before.stock.book, posting.after.stock.book
    others = (
        ("unavailable", effect.unavailable),
        ("reserved", effect.reserved),
        ("in_transit", effect.in_transit),
    )
    found = [(bucket, change, change) for bucket, change in others if change]
    if effect.is_count or effect.quantity or not found:
        found.insert(0, ("book", effect.quantity, (after or 0) - (before or 0)))
    return found


def _instant(at: datetime) -> str:
    return at.isoformat() if at.tzinfo is UTC else at.astimezone(UTC).isoformat()
