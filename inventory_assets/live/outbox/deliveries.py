"""The log of deliveries: every attempt to tell a webhook something, and the wish that one is made again.

Attempts are made and recorded by the dispatcher. Invariant: all attempts to tell one webhook of one event carry the
same message id, so a receiver can tell repeats apart.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.live.auditing import Act
from inventory_assets.live.outbox import reading
from inventory_assets.live.outbox.webhooks import WebhookUnknownError, get, keep_act

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://inventory-assets/webhooks")


class EventGoneError(LookupError):
    """The event of a delivery is no longer in the outbox."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the log of deliveries.

    Attributes:
        id: its number.
        webhook: the webhook.
        outbox_id: the row of the outbox; None for a test.
        message_id: value of `webhook-id`: the same for all attempts of an event.
        type: type of the event.
        cause: event, redelivery, replay or test.
        attempt: which attempt of this event it was, from 1.
        requested_at: when it began, or a redelivery was asked for.
        ended_at: when it ended.
        status: waiting, delivered or failed.
        response_status: HTTP status of the answer.
        error: what went wrong.
        seconds: how long it took.
        replay: number of the replay that asked for it.
        not_before: a delivery of a replay that failed is tried again then.
    """

    id: int
    webhook: str
    outbox_id: int | None
    message_id: str
    type: str
    cause: str
    attempt: int
    requested_at: datetime
    ended_at: datetime | None
    status: str
    response_status: int | None
    error: str | None
    seconds: float | None
    replay: int | None
    not_before: datetime | None

    @property
    def mark(self) -> str | None:
        """What tells a receiver that it is no first delivery; None where it may be."""
        if self.cause == "replay":
            return f"replay {self.replay}"
        return self.cause if self.cause == "redelivery" else None


def message_id(webhook: str, event: dict[str, Any]) -> str:
    """Value of `webhook-id`: the same whenever the same event goes to the same webhook."""
    return f"msg_{uuid.uuid5(_NAMESPACE, chr(10).join((webhook, str(event['source']), str(event['id'])))).hex}"


def log(connection: Connection, webhook: str, *, most: int = 50, before: int | None = None) -> list[Attempt]:
    """Deliveries of a webhook, the newest first.

    Args:
        connection: the database.
        webhook: its number; one that was removed too.
        most: rows at most.
        before: only those with a smaller number.

    Raises:
        WebhookUnknownError: nothing was ever sent to one with this number, and there is none.
    """
    from sqlalchemy import select

    from inventory_assets.live.tables import DELIVERIES

    query = select(DELIVERIES).where(DELIVERIES.c.webhook == webhook)
    if before is not None:
        query = query.where(DELIVERIES.c.id < before)
    found = connection.execute(query.order_by(DELIVERIES.c.id.desc()).limit(most)).mappings().all()
    if not found and before is None:
        get(connection, webhook)
    return [Attempt(**row) for row in found]


def redeliver(connection: Connection, delivery: int, act: Act, webhook: str | None = None) -> Attempt:
    """Ask for an event to be sent again, once, beside the order of the others; under the same message id.

    Args:
        connection: a connection in a transaction.
        delivery: an attempt of the event, by its number in the log.
        act: who, when and why.
        webhook: the webhook it must be one of; None for any.

    Returns:
        The attempt that waits now.

    Raises:
        WebhookUnknownError: there is no such attempt, or its webhook was removed.
        EventGoneError: the event is no longer in the outbox, or it was a test.
    """
    from sqlalchemy import func, insert, select

    from inventory_assets.live.tables import DELIVERIES

    found = connection.execute(select(DELIVERIES).where(DELIVERIES.c.id == delivery)).mappings().one_or_none()
    if found is None or webhook not in (None, found["webhook"]):
        raise WebhookUnknownError(f"there is no delivery {delivery}; the log of a webhook names them")
    old = Attempt(**found)
    get(connection, old.webhook)
    row = reading.row_of(connection, old.outbox_id) if old.outbox_id is not None else None
    if row is None or message_id(old.webhook, row.data) != old.message_id:
        raise EventGoneError(f"the event of delivery {delivery} is no longer in the outbox; replay it from the log")
    tried = select(func.count()).where(DELIVERIES.c.message_id == old.message_id)
    values = {
        "webhook": old.webhook,
        "outbox_id": old.outbox_id,
        "message_id": old.message_id,
        "type": old.type,
        "cause": "redelivery",
        "attempt": connection.execute(tried).scalar_one() + 1,
        "requested_at": act.at,
        "status": "waiting",
    }
    new = connection.execute(insert(DELIVERIES).values(values).returning(DELIVERIES)).mappings().one()
    keep_act(connection, act, "redelivered", old.webhook, {"delivery": delivery, "message_id": old.message_id})
    return Attempt(**new)


def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Remove old attempts from the log; how many."""
    from sqlalchemy import delete

    from inventory_assets.live.tables import DELIVERIES

    old = (DELIVERIES.c.requested_at < before) & (DELIVERIES.c.status != "waiting")
    return connection.execute(delete(DELIVERIES).where(old)).rowcount
