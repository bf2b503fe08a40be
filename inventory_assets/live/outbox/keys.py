"""Acts on a webhook that are not the same twice, made safe to repeat: under one key they are done once.

The key is taken in the transaction of the act, before it: who sends the same at the same time waits for the first and
is told its answer. Invariants: a key stands for one act on one webhook, and what it answered; of a secret only a hash
is kept here, so it is told again only while it still signs, and there is no further copy of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.wire import dumps
from inventory_assets.live.auditing import Act
from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.outbox import webhooks
from inventory_assets.live.outbox.signing import read_secret, secret_text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_INSTANTS = ("next_attempt_at", "created_at", "updated_at")
_LISTS = ("types", "items", "locations")
_TAKE = """
INSERT INTO webhook_keys (webhook, key, wanted, made_at) VALUES (%s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING
"""
_ANSWER = "UPDATE webhook_keys SET answer = %s::jsonb WHERE webhook = %s AND key = %s"
_KNOWN = "SELECT wanted, answer FROM webhook_keys WHERE webhook = %s AND key = %s"
_SECRETS = "SELECT secret, previous_secret FROM webhooks WHERE id = %s"


class ActKeyError(ValueError):
    """The key was sent with another act on the webhook before."""


class SecretReplacedError(RuntimeError):
    """The secret that was made under the key does not sign any more."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new secret, and until when the one before it signs as well."""

    secret: str
    both_until: datetime


def resume(
    connection: Connection, webhook: str, act: Act, *, skip: bool = False, key: str | None = None
) -> webhooks.Webhook:
    """Go on where it stopped; under a key once, answered as the first time.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        act: who, when and why.
        skip: leave out the event it stopped at.
        key: names the act.

    Raises:
        WebhookUnknownError: there is none with this number.
        ActKeyError: the key stands for something else.
    """

    def do() -> dict[str, Any]:
        return _document(webhooks.resume(connection, webhook, act, skip=skip))

    return _webhook(_once(connection, webhook, key, {"act": "resume", "skip": skip}, act.at, do))


def rotate(
    connection: Connection,
    webhook: str,
    act: Act,
    overlap: timedelta,
    draw: webhooks.Draw,
    key: str | None = None,
) -> Rotated:
    """Give a webhook a new secret; under a key once, answered as the first time.

    Args:
        connection: a connection in a transaction.
        webhook: its number.
        act: who, when and why.
        overlap: how long both secrets sign.
        draw: makes the secret.
        key: names the act.

    Raises:
        WebhookUnknownError: there is none with this number.
        ActKeyError: the key stands for something else.
        SecretReplacedError: it was rotated so often since that the secret does not sign any more.
    """
    made: list[str] = []

    def do() -> dict[str, Any]:
        made.append(webhooks.rotate(connection, webhook, act, overlap, draw))
        return {"both_until": (act.at + overlap).isoformat(), "hash": _hash(read_secret(made[0]))}

    told = _once(connection, webhook, key, {"act": "rotate"}, act.at, do)
    until = datetime.fromisoformat(told["both_until"])
    return Rotated(made[0] if made else _kept(connection, webhook, told["hash"]), until)


def forget_keys(connection: Connection, before: datetime) -> int:
    """Remove old keys; how many. Sent once more they stand for a new act."""
    from sqlalchemy import delete

    from inventory_assets.live.tables import WEBHOOK_KEYS

    return connection.execute(delete(WEBHOOK_KEYS).where(WEBHOOK_KEYS.c.made_at < before)).rowcount


def _once(
    connection: Connection,
    webhook: str,
    key: str | None,
    wanted: Mapping[str, Any],
    now: datetime,
    do: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """What the act answers, or answered when it was done under the key."""
    if key is None:
        return do()
    driver = driver_of(connection)
    if driver.execute(_TAKE, (webhook, key, dumps(wanted), now)).rowcount:
        answer = do()
        driver.execute(_ANSWER, (dumps(answer), webhook, key))
        return answer
    before, answer = driver.execute(_KNOWN, (webhook, key)).fetchone() or (None, {})
    if before != wanted:
        raise ActKeyError(f"the key was sent for another act on webhook {webhook} before; take a new key")
    return answer


def _kept(connection: Connection, webhook: str, made: str) -> str:
    """The secret with a hash, as long as it signs."""
    for secret in driver_of(connection).execute(_SECRETS, (webhook,)).fetchone() or ():
        if secret is not None and _hash(bytes(secret)) == made:
            return secret_text(bytes(secret))
    raise SecretReplacedError(f"the secret made under this key was replaced since; rotate webhook {webhook} anew")


def _hash(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _document(found: webhooks.Webhook) -> dict[str, Any]:
    shown = asdict(found)
    return shown | {name: shown[name] and shown[name].isoformat() for name in _INSTANTS}


def _webhook(document: dict[str, Any]) -> webhooks.Webhook:
    instants = {name: document[name] and datetime.fromisoformat(document[name]) for name in _INSTANTS}
    lists = {name: None if document[name] is None else tuple(document[name]) for name in _LISTS}
    return webhooks.Webhook(**{**document, **instants, **lists})
