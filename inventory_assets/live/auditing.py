"""Rows of the audit log: who did what to what, why; each row carries the hash of the one before it.

Appends are serialised by the lock of the chain, taken just before the row is written and held until the commit.
Invariant: `broken_rows` is empty unless a row was changed, removed or put in by other means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.wire import canonical
from inventory_assets.live.locks import AUDIT, SPACE, TAKE

if TYPE_CHECKING:
    from psycopg import Connection

_LAST = "SELECT hash FROM audit_log ORDER BY id DESC LIMIT 1"
_WRITE = (
    "INSERT INTO audit_log (at, actor, action, subject, reason, detail, previous_hash, hash)"
    " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s)"
)
_ROWS = "SELECT id, at, actor, action, subject, reason, detail, previous_hash, hash FROM audit_log ORDER BY id"


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, when and why.

    Attributes:
        at: when.
        actor: who.
        reason: why, for people; empty where nobody asked for one.
    """

    at: datetime
    actor: str
    reason: str = ""


def audit(connection: Connection, act: Act, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Write what somebody did, in the transaction in which it is done.

    Args:
        connection: in that transaction; the last thing it does.
        act: who, when and why.
        action: what, as a dotted name.
        subject: to what.
        detail: whatever else there is to know, of whole numbers and texts.
    """
    connection.execute(TAKE, (SPACE, AUDIT))
    row = connection.execute(_LAST).fetchone()
    previous = row[0] if row else None
    reason = act.reason or None
    made = _hash(previous, act.at, act.actor, action, subject, reason, detail)
    connection.execute(_WRITE, (act.at, act.actor, action, subject, reason, canonical(detail), previous, made))


def broken_rows(connection: Connection) -> list[int]:
    """Ids of rows that do not follow from their columns and the row before."""
    broken, last = [], None
    for number, at, actor, action, subject, reason, detail, previous, made in connection.execute(_ROWS):
        if previous != last or made != _hash(last, at, actor, action, subject, reason, detail):
            broken.append(number)
        last = made
    return broken


def _hash(
    previous: bytes | None,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    reason: str | None,
    detail: Mapping[str, Any],
) -> bytes:
    said = canonical([at.astimezone(UTC).isoformat(), actor, action, subject, reason, dict(detail)])
    return hashlib.blake2b((previous or b"") + said.encode(), digest_size=16).digest()
