"""Deliveries made again: a range of the outbox for one consumer, in its order, under the ids the messages had.

A replay finds what is meant, a stretch of the outbox at a time, and queues a waiting delivery for each; the dispatcher
sends them. Nothing here touches stock, and no other consumer notices. Invariants: what was queued is in the order of
the outbox; who begins a replay again goes on after the last delivery it queued, so none is queued twice; what lies
behind the position of the consumer is never queued, as it comes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.catalogue import canonical
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.outbox import reading, webhooks
from inventory_assets.live.outbox.deliveries import Attempt, message_id

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine

USUAL, MOST = 1_000, 10_000
"""Deliveries of one replay: unless said otherwise, and at most."""
STRETCH = 20_000
"""Ids of the outbox looked at by one statement."""
_PREFIX = webhooks.consumer_of("")

_FOUND = """
SELECT id, type, data ->> 'source', data ->> 'id' FROM outbox
WHERE id > %(after)s AND id <= %(upto)s AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
  AND (%(told)s::text[] IS NULL OR type = ANY(%(told)s)) AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
  AND (%(about)s::text[] IS NULL OR item = ANY(%(about)s)) AND (%(items)s::text[] IS NULL OR item = ANY(%(items)s))
  AND (%(locations)s::text[] IS NULL OR location = ANY(%(locations)s))
ORDER BY id LIMIT %(most)s
"""
_DONE = "SELECT count(DISTINCT outbox_id), max(outbox_id) FROM deliveries WHERE replay = %s"
_QUEUE = """
INSERT INTO deliveries (webhook, outbox_id, message_id, type, cause, attempt, requested_at, status, replay)
SELECT %(webhook)s, asked.outbox_id, asked.message_id, asked.type, 'replay', 1 + coalesce(before.attempts, 0), %(now)s,
       'waiting', %(replay)s
FROM unnest(%(rows)s::bigint[], %(messages)s::text[], %(types)s::text[]) AS asked (outbox_id, message_id, type)
LEFT JOIN (SELECT message_id, count(*) AS attempts FROM deliveries
           WHERE webhook = %(webhook)s AND message_id = ANY(%(messages)s) GROUP BY message_id) AS before
       USING (message_id)
ORDER BY asked.outbox_id
"""
_NOTIFY = f"NOTIFY {reading.CHANNEL}"
_FAILED = "SELECT count(*) FROM deliveries WHERE replay = %s AND outbox_id = %s AND status = 'failed'"
_KEEP_ATTEMPT = """
INSERT INTO deliveries (webhook, outbox_id, message_id, type, cause, attempt, requested_at, ended_at, status,
                        response_status, error, seconds, replay)
SELECT webhook, outbox_id, message_id, type, cause, attempt, %(began)s, %(ended_at)s, %(status)s, %(response_status)s,
       %(error)s, %(seconds)s, replay
FROM deliveries WHERE id = %(id)s
"""
_WAIT = "UPDATE deliveries SET attempt = attempt + 1, not_before = %s WHERE id = %s AND status = 'waiting'"


@dataclass(frozen=True, slots=True)
class Range:
    """What a consumer is told again.

    Attributes:
        webhook: the consumer, by the number of the webhook.
        after: only what stands behind this id of the outbox.
        since: only what was told since then: written into the outbox.
        types: only these types, by their declared names; of those the consumer wants.
        items: only about these items; the same.
        most: deliveries at most, the first ones.
    """

    webhook: str
    after: int = 0
    since: datetime | None = None
    types: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    most: int = USUAL

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON keeps it."""
        return {
            "consumer": webhooks.consumer_of(self.webhook),
            "after": self.after,
            "since": None if self.since is None else self.since.isoformat(),
            "types": list(self.types),
            "items": list(self.items),
            "limit": self.most,
        }


@dataclass(frozen=True, slots=True)
class Again:
    """What a replay of a consumer found and did.

    Attributes:
        found: deliveries it means, as far as its limit.
        queued: those of them that wait to be made, or were made since; none of a dry run.
        more: whether it means further ones, beyond its limit.
        last: id of the outbox of the last one found, to go on after; None where there was none.
    """

    found: int
    queued: int
    more: bool
    last: int | None


def range_of(
    consumer: str, after: int, since: datetime | None, types: Iterable[str], items: Iterable[str], most: int = USUAL
) -> Range:
    """A range from what people write: a webhook by its number or as a consumer, aliases of types, items in any case."""
    named = tuple(sorted({canonical(each) for each in types}))
    about = tuple(sorted({each.strip().upper() for each in items}))
    return Range(consumer.removeprefix(_PREFIX), after, since, named, about, most)


def range_from(document: dict[str, Any]) -> Range | None:
    """A range from its document; None of the document of a replay of the log."""
    if "consumer" not in document:
        return None
    since = None if document["since"] is None else datetime.fromisoformat(document["since"])
    types, items = tuple(document["types"]), tuple(document["items"])
    return Range(document["consumer"].removeprefix(_PREFIX), document["after"], since, types, items, document["limit"])


def queue(
    engine: Engine,
    wanted: Range,
    replay: int,
    now: datetime,
    *,
    dry_run: bool,
    told: Callable[[Connection, int, int], None] = lambda connection, position, upto: None,
) -> Again:
    """Queue the deliveries of a range, or count them.

    Args:
        engine: the live database.
        wanted: the range.
        replay: number of the replay; what it queued before is not queued again.
        now: the time.
        dry_run: only count.
        told: told in the transaction of each stretch up to which id the outbox was gone through, and where it ends;
            may raise, and nothing of the stretch is queued.

    Raises:
        WebhookUnknownError: there is no such webhook, or it was removed.
    """
    with engine.connect() as connection:
        webhook = webhooks.get(connection, wanted.webhook)
        count, last = driver_of(connection).execute(_DONE, (replay,)).fetchone() or (0, None)
    after, upto, more = max(wanted.after, last or 0), webhook.position, False
    while after < upto and not more:
        ends = min(after + STRETCH, upto)
        with engine.begin() as connection:
            told(connection, ends, upto)
            driver = driver_of(connection)
            rows = _found(driver, webhook.wanted, wanted, after, ends, wanted.most - count + 1)
            more = len(rows) > wanted.most - count
            rows = rows[: wanted.most - count]
            if rows and not dry_run:
                _queue(driver, wanted.webhook, replay, rows, now)
        count, last = count + len(rows), rows[-1][0] if rows else last
        after = ends
    return Again(count, 0 if dry_run else count, more, last)


def due(connection: Connection, webhook: str, now: datetime, most: int) -> list[Attempt]:
    """Deliveries of replays that are to be made now, in order; none while the first one waits for its next attempt.

    Args:
        connection: the database.
        webhook: the webhook, which is active.
        now: the time.
        most: how many at most.
    """
    from sqlalchemy import select

    from inventory_assets.live.tables import DELIVERIES

    query = select(DELIVERIES).where(
        DELIVERIES.c.webhook == webhook, DELIVERIES.c.status == "waiting", DELIVERIES.c.cause == "replay"
    )
    found = connection.execute(query.order_by(DELIVERIES.c.id).limit(most)).mappings()
    waiting = [Attempt(**row) for row in found]
    held = bool(waiting) and waiting[0].not_before is not None and waiting[0].not_before > now
    return [] if held else waiting


def failures(connection: Connection, attempt: Attempt) -> int:
    """How often a delivery of a replay failed before."""
    row = driver_of(connection).execute(_FAILED, (attempt.replay, attempt.outbox_id)).fetchone()
    return row[0] if row else 0


def postpone(
    connection: Connection, attempt: Attempt, began: datetime, became: dict[str, Any], not_before: datetime
) -> None:
    """Keep an attempt that failed as a row of its own, and let the delivery wait for the next one.

    Args:
        connection: a connection in a transaction.
        attempt: the delivery.
        began: when the attempt began.
        became: columns of what became of it.
        not_before: when it is tried again.
    """
    driver = driver_of(connection)
    driver.execute(_KEEP_ATTEMPT, {**became, "began": began, "id": attempt.id})
    driver.execute(_WAIT, (not_before, attempt.id))


def _found(
    connection: psycopg.Connection, told: reading.Wanted, wanted: Range, after: int, upto: int, most: int
) -> list[tuple[int, str, str, str]]:
    """Rows of a stretch that the webhook is told and the range means: id, type, source and id of the event."""
    asked = {
        "after": after,
        "upto": upto,
        "since": wanted.since,
        "told": _array(told.types),
        "about": _array(told.items),
        "locations": _array(told.locations),
        "types": list(wanted.types) or None,
        "items": list(wanted.items) or None,
        "most": most,
    }
    return connection.execute(_FOUND, asked).fetchall()  # type: ignore[return-value]


def _array(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _queue(
    connection: psycopg.Connection, webhook: str, replay: int, rows: Sequence[tuple[int, str, str, str]], now: datetime
) -> None:
    ids, types = [row[0] for row in rows], [row[1] for row in rows]
    messages = [message_id(webhook, {"source": source, "id": event_id}) for _, _, source, event_id in rows]
    values = {"webhook": webhook, "replay": replay, "now": now, "rows": ids, "messages": messages, "types": types}
    connection.execute(_QUEUE, values)
    connection.execute(_NOTIFY)
