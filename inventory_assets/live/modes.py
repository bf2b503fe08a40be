"""What only the batch side works on for now (L17): everything, or single items, categories, locations.

Events keep coming and wait. Parts of what is switched off are set aside when they reach the head of the queue, so that
they block nobody, and wait again when it is switched on. Every switch is in the audit log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from inventory_assets.live.auditing import audit

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.stock.accounts import Pair

Scope = Literal["all", "item", "category", "location"]

SET_ASIDE = datetime(9999, 12, 31, tzinfo=UTC)
"""`not_before` of parts that wait for their scope to be switched on."""
READ = "SELECT scope, key FROM live_modes"
_ALL = "SELECT scope, key, since, actor, reason FROM live_modes ORDER BY scope, key"
_OFF = "INSERT INTO live_modes (scope, key, since, actor, reason) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_ON = "DELETE FROM live_modes WHERE scope = %s AND key = %s"
_WAKE = "UPDATE event_queue SET not_before = NULL WHERE not_before = %s"
_NOTIFY = "SELECT pg_notify('inventory_log', 'modes')"


@dataclass(frozen=True, slots=True)
class BatchOnly:
    """What is switched off.

    Attributes:
        keys: keys by scope; of "all" the empty text.
    """

    keys: Mapping[str, frozenset[str]]

    @property
    def whole(self) -> bool:
        """Whether everything is."""
        return "all" in self.keys

    def covers(self, pair: Pair, category: str | None) -> bool:
        """Whether it concerns a pair.

        Args:
            pair: item and location.
            category: category of the item, None where unknown.
        """
        item, location = pair
        return (
            self.whole
            or item in self.keys.get("item", ())
            or location in self.keys.get("location", ())
            or (category is not None and category in self.keys.get("category", ()))
        )


@dataclass(frozen=True, slots=True)
class Switched:
    """One thing that is switched off; attributes as the columns of `tables.LIVE_MODES`."""

    scope: Scope
    key: str
    since: datetime
    actor: str
    reason: str


def listed(connection: Connection) -> list[Switched]:
    """All that is switched off."""
    return [Switched(*row) for row in connection.execute(_ALL)]


def batch_only(rows: Iterable[tuple[str, str]]) -> BatchOnly:
    """What is switched off, from the rows of `READ`."""
    keys: dict[str, set[str]] = {}
    for scope, key in rows:
        keys.setdefault(scope, set()).add(key)
    return BatchOnly({scope: frozenset(found) for scope, found in keys.items()})


def switch(
    connection: Connection, scope: Scope, key: str, *, live: bool, at: datetime, actor: str, reason: str
) -> bool:
    """Switch the live side of a scope off or on; without a restart, from the next micro-batch on.

    Args:
        connection: a psycopg connection.
        scope: what kind of thing.
        key: which one; empty for all.
        live: whether events are applied from now on.
        at: when.
        actor: who.
        reason: why.

    Returns:
        Whether this changed anything.

    Raises:
        ValueError: a key is missing, or given for all.
    """
    if (scope == "all") != (key == ""):
        raise ValueError("name the item, category or location; all of it has no name")
    with connection.transaction():
        if live:
            changed = connection.execute(_ON, (scope, key)).rowcount
            connection.execute(_WAKE, (SET_ASIDE,))
        else:
            changed = connection.execute(_OFF, (scope, key, at, actor, reason)).rowcount
        if changed:
            connection.execute(_NOTIFY)
            subject = f"{scope} {key}".strip()
            audit(
                connection, at, actor, f"live.{'on' if live else 'off'}", subject, reason, {"scope": scope, "key": key}
            )
    return bool(changed)
