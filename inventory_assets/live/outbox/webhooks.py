"""What people and the API do with webhooks: register, list, pause, resume, remove, rotate the secret.

Functions of a connection in a transaction of the caller; nothing is sent here, and what was sent is in `deliveries`.
Invariants: a secret leaves this module once, when it is made or given; a webhook begins after the last event there is;
removing one keeps its deliveries; every change is in the audit log, with the host of the address only, as the rest of
it is often a secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.live.auditing import Act, audit
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.locks import AUDIT, SPACE, TAKE
from inventory_assets.live.outbox import reading
from inventory_assets.live.outbox.addresses import TargetPolicy, parse_target
from inventory_assets.live.outbox.signing import NEW_BYTES, read_secret, secret_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from inventory_assets.settings import WebhookSettings

EVERYTHING = "*"
ID_BYTES = 8
MOST_TYPES, MOST_NAMES, LONGEST_TEXT = 100, 1_000, 500
Draw = Callable[[int], bytes]
"""So many random bytes, fit for secrets."""


class WebhookUnknownError(LookupError):
    """There is no webhook, or no delivery, with this number."""


class WebhookRefusedError(ValueError):
    """A registration that cannot be taken."""


class TooManyWebhooksError(RuntimeError):
    """There are as many webhooks as there may be."""


class WebhookKnownError(RuntimeError):
    """The key of the registration made a webhook before."""


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
class Registration:
    """What is asked for when a webhook is registered.

    Attributes:
        url: where events go. Names are not resolved here: what they mean is judged at every delivery.
        types: types of events, their aliases too; `*` for all.
        items: only events about these; None for all.
        locations: only events at these; None for all.
        description: for people.
        secret: a secret the receiver has already; None and one is made.
        key: names the registration, so that the same again makes no second webhook.
    """

    url: str
    types: Collection[str] = (EVERYTHING,)
    items: Collection[str] | None = None
    locations: Collection[str] | None = None
    description: str = ""
    secret: str | None = None
    key: str | None = None


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


def register(
    connection: Connection, wanted: Registration, policy: TargetPolicy, act: Act, draw: Draw, most: int
) -> Registered:
    """Register a webhook; it is told what happens from now on.

    Args:
        connection: a connection in a transaction.
        wanted: what is asked for.
        policy: which addresses are allowed.
        act: who registers, when and why.
        draw: makes its number where there is no key, and its secret where none is given.
        most: webhooks there may be afterwards.

    Raises:
        WebhookKnownError: its key made a webhook before.
        TooManyWebhooksError: there are as many as there may be.
        TargetRefusedError: the address is refused.
        SecretUnfitError: the secret is too short or no secret.
        WebhookRefusedError: no types, one this service never tells, or too many.
    """
    from sqlalchemy.dialects.postgresql import insert

    from inventory_assets.live.tables import WEBHOOKS

    target = parse_target(wanted.url, policy)
    items = None if wanted.items is None else [each.upper() for each in wanted.items]
    told: dict[str, Any] = {
        "types": _types(wanted.types),
        "items": _names("items", items),
        "locations": _names("locations", wanted.locations),
    }
    row = told | {
        "id": new_id(draw(ID_BYTES) if wanted.key is None else _drawn_from(wanted.key)),
        "url": wanted.url,
        "description": wanted.description[:LONGEST_TEXT],
        "secret": read_secret(wanted.secret) if wanted.secret else draw(NEW_BYTES),
        "status": "active",
        "failures": 0,
        "created_at": act.at,
        "created_by": act.actor,
        "updated_at": act.at,
    }
    added = insert(WEBHOOKS).values(row).on_conflict_do_nothing().returning(WEBHOOKS.c.id)
    if connection.execute(added).first() is None:
        raise WebhookKnownError(
            f"the key made {row['id']} before; if its secret did not arrive, rotate it, or remove it and register again"
        )
    _check_room(connection, most)
    reading.advance(connection, consumer_of(row["id"]), reading.head(connection), act.at)
    keep_act(connection, act, "registered", row["id"], {"host": target.authority} | told)
    return Registered(get(connection, row["id"]), secret_text(row["secret"]))


def keep_act(connection: Connection, act: Act, what: str, webhook: str, detail: Mapping[str, Any]) -> None:
    """Write into the audit log what was done to a webhook; the last thing of a transaction.

    Args:
        connection: a connection in that transaction.
        act: who, when and why.
        what: the act as a participle.
        webhook: its number.
        detail: whatever else there is to know.
    """
    audit(driver_of(connection), act, f"webhook.{what}", f"webhook {webhook}", detail)


def get(connection: Connection, webhook: str) -> Webhook:
    """One webhook.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    for each in _read(connection, webhook):
        return each
    raise WebhookUnknownError(f"there is no webhook {webhook}; the list names them")


def list_webhooks(connection: Connection) -> list[Webhook]:
    """All webhooks, the oldest first."""
    return _read(connection, None)


def pause(connection: Connection, webhook: str, act: Act) -> Webhook:
    """Send nothing until it is resumed; what happens meanwhile waits.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    why = f"paused by {act.actor}: {act.reason}" if act.reason else f"paused by {act.actor}"
    changed = _change(connection, webhook, act.at, status="paused", status_reason=why[:LONGEST_TEXT])
    keep_act(connection, act, "paused", webhook, {})
    return changed


def resume(connection: Connection, webhook: str, act: Act, *, skip: bool = False) -> Webhook:
    """Go on where it stopped, at once.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        act: who, when and why.
        skip: leave out the event it stopped at: the receiver will never be told.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    found = get(connection, webhook)
    rows = reading.page(connection, found.position, found.wanted, 1).rows if skip else ()
    for row in rows:
        reading.advance(connection, consumer_of(webhook), row.id, act.at)
    active = {"status": "active", "status_reason": None, "failures": 0, "next_attempt_at": None}
    changed = _change(connection, webhook, act.at, **active)
    keep_act(connection, act, "resumed", webhook, {"skipped": [row.id for row in rows]})
    return changed


def remove(connection: Connection, webhook: str, act: Act) -> None:
    """Forget a webhook; the log of its deliveries stays, those that wait are not made.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    from sqlalchemy import delete

    from inventory_assets.live.tables import WEBHOOK_KEYS, WEBHOOKS

    get(connection, webhook)
    connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook))
    connection.execute(delete(WEBHOOK_KEYS).where(WEBHOOK_KEYS.c.webhook == webhook))
    reading.forget(connection, consumer_of(webhook))
    withdraw(connection, act.at, "the webhook was removed", webhook=webhook)
    keep_act(connection, act, "removed", webhook, {})


def withdraw(connection: Connection, now: datetime, why: str, *, webhook: str = "", replay: int | None = None) -> int:
    """Give up deliveries that wait; how many.

    Args:
        connection: a connection in a transaction.
        now: the time.
        why: for people.
        webhook: those to this webhook,
        replay: or those of this replay.
    """
    from sqlalchemy import update

    from inventory_assets.live.tables import DELIVERIES

    meant = DELIVERIES.c.webhook == webhook if replay is None else DELIVERIES.c.replay == replay
    given_up = update(DELIVERIES).where(meant, DELIVERIES.c.status == "waiting")
    return connection.execute(given_up.values(status="failed", ended_at=now, error=f"not sent: {why}")).rowcount


def rotate(connection: Connection, webhook: str, act: Act, overlap: timedelta, draw: Draw) -> str:
    """Give a webhook a new secret; the old one signs beside it for a while.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        act: who, when and why.
        overlap: how long both sign.
        draw: makes the secret.

    Returns:
        The new secret, which is never told again.

    Raises:
        WebhookUnknownError: there is none with this number.
    """
    from inventory_assets.live.tables import WEBHOOKS

    secret, until = draw(NEW_BYTES), act.at + overlap
    _change(connection, webhook, act.at, secret=secret, previous_secret=WEBHOOKS.c.secret, previous_until=until)
    keep_act(connection, act, "rotated", webhook, {"both_until": until.isoformat()})
    return secret_text(secret)


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


def _check_room(connection: Connection, most: int) -> None:
    """Refuse the webhook just put in if it is one too many; nobody else registers before this transaction ends."""
    from sqlalchemy import func, select

    from inventory_assets.live.tables import WEBHOOKS

    driver_of(connection).execute(TAKE, (SPACE, AUDIT))
    found = connection.execute(select(func.count()).select_from(WEBHOOKS)).scalar_one()
    if found > most:
        raise TooManyWebhooksError(
            f"there are {found - 1} webhooks and {most} may be (INVENTORY_WEBHOOKS__MAX_WEBHOOKS); remove one first"
        )


def _drawn_from(key: str) -> bytes:
    """Bytes of a number that stand for a key."""
    return hashlib.blake2b(key.encode(), digest_size=ID_BYTES).digest()


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
