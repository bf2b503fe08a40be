"""What people and the API do with webhooks: register, list, pause, resume, remove, rotate, read the log, redeliver.

Functions of a connection in a transaction of the caller; nothing is sent here. Invariants: a secret leaves this module
once, when it is made or given; a webhook begins after the last event there is; removing one keeps its deliveries.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.live.outbox import reading
from inventory_assets.live.outbox.addresses import TargetPolicy, parse_target
from inventory_assets.live.outbox.signing import read_secret, secret_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory_assets.settings import WebhookSettings

EVERYTHING = "*"
ID_BYTES = 8
MOST_TYPES, MOST_NAMES, LONGEST_TEXT = 100, 1_000, 500
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://inventory-assets/webhooks")


class WebhookUnknownError(LookupError):
    """No webhook, or no delivery, with this number."""


class WebhookRefusedError(ValueError):
    """A registration that cannot be taken."""


class EventGoneError(LookupError):
    """The event of a delivery is no longer in the outbox."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook without its secret.

    Attributes:
        id: its number.
        url: where events go.
        types: types of events it is told; `*` for all.
        items: items, None for all.
        locations: locations, None for all.
        description: for people.
        status: active, paused by a person, disabled after repeated failure.
        status_reason: why it is not active.
        failures: attempts that failed since the last that did not.
        next_attempt_at: when it is tried again.
        position: id of the outbox up to which it is done.
        created_at: when it was registered.
        created_by: by whom.
        updated_at: when it was last changed.
    """

    id: str
    url: str
    types: tuple[str, ...]
    items: tuple[str, ...] | None
    locations: tuple[str, ...] | None
    description: str
    status: str
    status_reason: str | None
    failures: int
    next_attempt_at: datetime | None
    position: int
    created_at: datetime
    created_by: str
    updated_at: datetime

    @property
    def wanted(self) -> reading.Wanted:
        """Which rows of the outbox it is told."""
        return reading.Wanted(None if EVERYTHING in self.types else self.types, self.items, self.locations)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the log of deliveries.

    Attributes:
        id: its number.
        webhook: the webhook.
        outbox_id: the row of the outbox; None for a test.
        message_id: value of `webhook-id`: the same for all attempts of an event.
        type: type of the event.
        cause: event, redelivery or test.
        attempt: which attempt of this event it was, from 1.
        requested_at: when it began, or a redelivery was asked for.
        ended_at: when it ended.
        status: waiting, delivered or failed.
        response_status: HTTP status of the answer.
        error: what went wrong.
        seconds: how long it took.
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


@dataclass(frozen=True, slots=True)
class Registered:
    """A new webhook, and its secret, which is never told again."""

    webhook: Webhook
    secret: str


def policy_of(settings: WebhookSettings) -> TargetPolicy:
    """Which addresses are allowed, from the settings."""
    return TargetPolicy(settings.plain_http, settings.networks, frozenset(settings.ports))


def new_id(drawn: bytes) -> str:
    """Number of a new webhook.

    Args:
        drawn: `ID_BYTES` random bytes.
    """
    return f"wh_{drawn.hex()}"


def consumer_of(webhook: str) -> str:
    """Name under which a webhook keeps its position."""
    return f"webhook:{webhook}"


def message_id(webhook: str, event: dict[str, Any]) -> str:
    """Value of `webhook-id`: the same whenever the same event goes to the same webhook."""
    return f"msg_{uuid.uuid5(_NAMESPACE, chr(10).join((webhook, str(event['source']), str(event['id'])))).hex}"


def register(
    connection: Connection,
    *,
    url: str,
    types: Collection[str],
    policy: TargetPolicy,
    webhook_id: str,
    new_secret: bytes,
    actor: str,
    now: datetime,
    secret: str | None = None,
    items: Collection[str] | None = None,
    locations: Collection[str] | None = None,
    description: str = "",
) -> Registered:
    """Register a webhook; it is told what happens from now on.

    Args:
        connection: a connection in a transaction.
        url: where events go. Names are not resolved here: what they mean is judged at every delivery.
        types: types of events, their aliases too; `*` for all.
        policy: which addresses are allowed.
        webhook_id: its number, made by the caller.
        new_secret: random bytes, used where no secret is given.
        actor: who registers.
        now: the time.
        secret: a secret the receiver has already.
        items: only events about these; None for all.
        locations: only events at these; None for all.
        description: for people.

    Raises:
        TargetRefusedError: the address is refused.
        SecretUnfitError: the secret is too short or no secret.
        WebhookRefusedError: no types, one this service never tells, or too many.
    """
    from sqlalchemy import insert

    from inventory_assets.live.tables import WEBHOOKS

    parse_target(url, policy)
    row = {
        "id": webhook_id,
        "url": url,
        "types": _types(types),
        "items": _names("items", items),
        "locations": _names("locations", locations),
        "description": description[:LONGEST_TEXT],
        "secret": read_secret(secret) if secret else new_secret,
        "status": "active",
        "failures": 0,
        "created_at": now,
        "created_by": actor,
        "updated_at": now,
    }
    connection.execute(insert(WEBHOOKS).values(row))
    reading.advance(connection, consumer_of(webhook_id), reading.head(connection), now)
    return Registered(get(connection, webhook_id), secret_text(row["secret"]))


def get(connection: Connection, webhook: str) -> Webhook:
    """One webhook.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    for each in _read(connection, webhook):
        return each
    raise WebhookUnknownError(f"there is no webhook {webhook}; `inventory webhook list` names them")


def list_webhooks(connection: Connection) -> list[Webhook]:
    """All webhooks, the oldest first."""
    return _read(connection, None)


def pause(connection: Connection, webhook: str, now: datetime, reason: str = "paused by a person") -> Webhook:
    """Send nothing until it is resumed; what happens meanwhile waits.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    return _change(connection, webhook, now, status="paused", status_reason=reason[:LONGEST_TEXT])


def resume(connection: Connection, webhook: str, now: datetime, *, skip: bool = False) -> Webhook:
    """Go on where it stopped, at once.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        now: the time.
        skip: leave out the event it stopped at: the receiver will never be told.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    found = get(connection, webhook)
    if skip:
        rows = reading.page(connection, found.position, found.wanted, 1).rows
        if rows:
            reading.advance(connection, consumer_of(webhook), rows[0].id, now)
    return _change(connection, webhook, now, status="active", status_reason=None, failures=0, next_attempt_at=None)


def remove(connection: Connection, webhook: str) -> None:
    """Forget a webhook; the log of its deliveries stays.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    from sqlalchemy import delete

    from inventory_assets.live.tables import WEBHOOKS

    get(connection, webhook)
    connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook))
    reading.forget(connection, consumer_of(webhook))


def rotate(connection: Connection, webhook: str, new_secret: bytes, now: datetime, overlap: timedelta) -> str:
    """Give a webhook a new secret; the old one signs beside it for a while.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        new_secret: random bytes.
        now: the time.
        overlap: how long both sign.

    Returns:
        The new secret, which is never told again.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    from inventory_assets.live.tables import WEBHOOKS

    changed = {"secret": new_secret, "previous_secret": WEBHOOKS.c.secret, "previous_until": now + overlap}
    _change(connection, webhook, now, **changed)
    return secret_text(new_secret)


def log(connection: Connection, webhook: str, *, most: int = 50, before: int | None = None) -> list[Attempt]:
    """Deliveries of a webhook, the newest first.

    Args:
        connection: the database.
        webhook: its number; one that was removed too.
        most: rows at most.
        before: only those with a smaller number.
    """
    from sqlalchemy import select

    from inventory_assets.live.tables import DELIVERIES

    query = select(DELIVERIES).where(DELIVERIES.c.webhook == webhook)
    if before is not None:
        query = query.where(DELIVERIES.c.id < before)
    found = connection.execute(query.order_by(DELIVERIES.c.id.desc()).limit(most))
    return [Attempt(**row) for row in found.mappings()]


def redeliver(connection: Connection, delivery: int, now: datetime) -> Attempt:
    """Ask for an event to be sent again, once, beside the order of the others; under the same message id.

    Args:
        connection: a connection in a transaction.
        delivery: an attempt of the event, by its number in the log.
        now: the time.

    Returns:
        The attempt that waits now.

    Raises:
        WebhookUnknownError: there is no such attempt, or its webhook was removed.
        EventGoneError: the event is no longer in the outbox, or it was a test.
    """
    from sqlalchemy import func, insert, select

    from inventory_assets.live.tables import DELIVERIES

    found = connection.execute(select(DELIVERIES).where(DELIVERIES.c.id == delivery)).mappings().one_or_none()
    if found is None:
        raise WebhookUnknownError(f"there is no delivery {delivery}; `inventory webhook log` names them")
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
        "requested_at": now,
        "status": "waiting",
    }
    new = connection.execute(insert(DELIVERIES).values(values).returning(DELIVERIES)).mappings().one()
    return Attempt(**new)


def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Remove old attempts from the log; how many."""
    from sqlalchemy import delete

    from inventory_assets.live.tables import DELIVERIES

    old = (DELIVERIES.c.requested_at < before) & (DELIVERIES.c.status != "waiting")
    return connection.execute(delete(DELIVERIES).where(old)).rowcount


def _read(connection: Connection, webhook: str | None) -> list[Webhook]:
    from sqlalchemy import func, select

    from inventory_assets.live.tables import OUTBOX_POSITIONS, WEBHOOKS

    shown = [WEBHOOKS.c[name] for name in Webhook.__slots__ if name != "position"]
    where = OUTBOX_POSITIONS.c.consumer == func.concat(consumer_of(""), WEBHOOKS.c.id)
    query = select(*shown, func.coalesce(OUTBOX_POSITIONS.c.position, 0).label("position"))
    query = query.select_from(WEBHOOKS.outerjoin(OUTBOX_POSITIONS, where)).order_by(
        WEBHOOKS.c.created_at, WEBHOOKS.c.id
    )
    if webhook is not None:
        query = query.where(WEBHOOKS.c.id == webhook)
    return [Webhook(**_tuples(row)) for row in connection.execute(query).mappings()]


def _tuples(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of SQLAlchemy
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _change(connection: Connection, webhook: str, now: datetime, **values: Any) -> Webhook:  # noqa: ANN401 - cells
    from sqlalchemy import update

    from inventory_assets.live.tables import WEBHOOKS

    get(connection, webhook)
    connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == webhook).values(updated_at=now, **values))
    return get(connection, webhook)


def _types(types: Collection[str]) -> list[str]:
    """Declared names of types this service tells."""
    from inventory_assets.contracts.events.catalogue import TYPES, canonical

    if EVERYTHING in types:
        return [EVERYTHING]
    if not types or len(types) > MOST_TYPES:
        raise WebhookRefusedError(f"name 1 to {MOST_TYPES} types of events, or {EVERYTHING} for all")
    named = sorted({canonical(each) for each in types})
    if unknown := [each for each in named if each not in TYPES]:
        raise WebhookRefusedError(f"no event has the type {', '.join(unknown)}; docs/events.md lists all")
    return named


def _names(what: str, names: Collection[str] | None) -> list[str] | None:
    if names is None:
        return None
    if not names or len(names) > MOST_NAMES or any(len(name) > LONGEST_TEXT for name in names):
        raise WebhookRefusedError(f"{what}: name 1 to {MOST_NAMES}, or leave it out for all")
    return sorted(set(names))
