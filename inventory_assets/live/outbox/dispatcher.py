"""Delivers the outbox to webhooks: in order for each, again until it is taken, several webhooks at a time.

A webhook is leased to one dispatcher, which sends the row after its position, waits for the answer without a
transaction, and writes attempt and position in one. Invariants: a position passes a row only when it was taken (or a
person skipped it); a crash between answer and write sends the row again, under the same message id; a webhook whose row
fails waits and is never overtaken by its own later rows.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE
from inventory_assets.contracts.events.wire import dumps
from inventory_assets.contracts.events.writing import instant_text
from inventory_assets.live.auditing import Act
from inventory_assets.live.database.driver import database_errors
from inventory_assets.live.outbox import again, deliveries, keys, reading, signing, webhooks
from inventory_assets.live.outbox.addresses import Resolver, system_resolver
from inventory_assets.live.outbox.sending import Answer, send

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from inventory_assets.settings import WebhookSettings

LOG = logging.getLogger(__name__)
TEST_TYPE = "webhook.test"
ACTOR = "dispatcher"
"""Who disables a webhook nobody answers at."""
REDELIVERY = "webhook-redelivery"
"""Header of what is delivered because somebody asked for it again; the id of the message is that of the first time."""
LONGEST_WAIT = 86_400.0
JITTER = 0.1
BUSY_SECONDS, TIDY_SECONDS = 0.05, 3_600.0

_CLAIM = """
UPDATE webhooks SET leased_by = :me, leased_until = :until WHERE id IN (
    SELECT w.id FROM webhooks w LEFT JOIN outbox_positions p ON p.consumer = 'webhook:' || w.id
    WHERE (w.leased_until IS NULL OR w.leased_until <= :now)
      AND (EXISTS (SELECT FROM deliveries d
                   WHERE d.webhook = w.id AND d.status = 'waiting' AND d.cause = 'redelivery')
           OR w.status = 'active' AND (SELECT d.not_before IS NULL OR d.not_before <= :now FROM deliveries d
                                       WHERE d.webhook = w.id AND d.status = 'waiting' AND d.cause = 'replay'
                                       ORDER BY d.id LIMIT 1)
           OR w.status = 'active' AND (w.next_attempt_at IS NULL OR w.next_attempt_at <= :now)
              AND coalesce(p.position, 0) <> (SELECT coalesce(max(id), 0) FROM outbox))
    ORDER BY w.leased_until NULLS FIRST, w.id LIMIT :most FOR UPDATE OF w SKIP LOCKED)
RETURNING id
"""
_RENEW = "UPDATE webhooks SET leased_until = :until WHERE id = :id AND leased_by = :me"
_RELEASE = "UPDATE webhooks SET leased_by = NULL, leased_until = :now WHERE id = :id AND leased_by = :me"
_OWN = "SELECT status, failures FROM webhooks WHERE id = :id AND leased_by = :me FOR UPDATE"
_SECRETS = "SELECT secret, previous_secret, previous_until FROM webhooks WHERE id = :id"


class LeaseLostError(RuntimeError):
    """The webhook was removed, or another dispatcher serves it now; what was sent is sent again by that one."""


@dataclass(slots=True)
class Dispatcher:
    """Serves webhooks.

    Attributes:
        engine: the database.
        settings: how, and where to.
        name: tells this process from others.
        clock: the time, UTC.
        resolve: asks for the addresses of a name.
        chance: for the jitter of waits.
    """

    engine: Engine
    settings: WebhookSettings
    name: str
    clock: Callable[[], datetime]
    resolve: Resolver = system_resolver
    chance: random.Random = field(default_factory=random.Random)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, url: str) -> None:
        """Serve until `stop`; a database that is away is waited for.

        Args:
            url: the database, as libpq takes it, for notices of new rows.
        """
        ear: reading.Ear | None = None
        busy: set[Future[None]] = set()
        tidied: datetime | None = None
        with ThreadPoolExecutor(self.settings.senders, thread_name_prefix="webhook") as pool:
            while not self._stopping.is_set():
                busy = {each for each in busy if not each.done()}
                try:
                    ear = ear or reading.Ear(url)
                    tidied = self._tidied(tidied)
                    room = self.settings.senders - len(busy)
                    busy |= {pool.submit(self._served, each) for each in (self._claim(room) if room else ())}
                    ear.wait(BUSY_SECONDS if busy else self.settings.poll_seconds)
                except database_errors() as error:
                    LOG.warning("webhooks wait for the database: %s", error)
                    if ear is not None:
                        ear.close()
                    ear = None
                    self._stopping.wait(self.settings.poll_seconds)
        if ear is not None:
            ear.close()

    def stop(self) -> None:
        """Begin nothing new; `run` returns when the requests that are out have ended."""
        self._stopping.set()

    def serve_due(self) -> int:
        """Serve whatever is due now, in this thread; how many turns that took."""
        turns = 0
        while claimed := self._claim(self.settings.senders):
            for webhook in claimed:
                self._serve(webhook)
            turns += len(claimed)
        return turns

    def test(self, webhook: str) -> deliveries.Attempt:
        """Send a message of no meaning now, whatever the state of the webhook, and say what became of it.

        Raises:
            WebhookUnknownError: there is none with this number.
        """
        from uuid import uuid4

        now = self.clock()
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": SERVICE_SOURCE,
            "type": TEST_TYPE,
            "time": instant_text(now),
            "datacontenttype": "application/json",
            "data": {"webhook": webhook},
        }
        with self.engine.begin() as connection:
            found = webhooks.get(connection, webhook)
            secrets = self._secrets(connection, webhook)
        answer = asyncio.run(self._send(found, secrets, event))
        with self.engine.begin() as connection:
            return self._log(connection, found.id, None, event, "test", 1, now, answer)

    def _claim(self, most: int) -> list[str]:
        from sqlalchemy import text

        now = self.clock()
        values = {"me": self.name, "now": now, "until": now + self._lease, "most": most}
        with self.engine.begin() as connection:
            return list(connection.execute(text(_CLAIM), values).scalars())

    def _served(self, webhook: str) -> None:
        """A turn in a thread of the pool: nobody waits for its error."""
        try:
            self._serve(webhook)
        except Exception:  # the lease ends by itself, and another turn tries again
            LOG.exception("the turn of webhook %s failed", webhook)

    def _serve(self, webhook: str) -> None:
        """One turn: what was asked for again, then rows in order until one fails or enough were sent."""
        from sqlalchemy import text

        try:
            asyncio.run(self._turn(webhook))
        except (LeaseLostError, webhooks.WebhookUnknownError) as error:
            LOG.info("webhook %s: %s", webhook, error)
            return
        with self.engine.begin() as connection:
            connection.execute(text(_RELEASE), {"id": webhook, "me": self.name, "now": self.clock()})

    async def _turn(self, webhook: str) -> None:
        with self.engine.begin() as connection:
            found = webhooks.get(connection, webhook)
            secrets = self._secrets(connection, webhook)
            now = self.clock()
            asked = self._asked(connection, found, now)
            due = found.status == "active" and (found.next_attempt_at is None or found.next_attempt_at <= now)
            if due and found.position > (last := reading.head(connection)):
                LOG.warning("webhook %s stood at %d, the outbox ends at %d", webhook, found.position, last)
                reading.advance(connection, webhooks.consumer_of(webhook), last, now)
                due = False
            page = reading.page(connection, found.position, found.wanted, self.settings.turn_events) if due else None
        held = False
        for attempt, row in asked:
            if attempt.replay is not None and held:
                break
            if not self._go_on(webhook):
                return
            began = self.clock()
            answer = await self._send(found, secrets, row.data, attempt.mark) if row is not None else None
            held = not self._redelivered(webhook, attempt, began, answer)
        if page is None:
            return
        for row in page.rows:
            if not self._go_on(webhook):
                return
            began = self.clock()
            answer = await self._send(found, secrets, row.data)
            if not self._recorded(webhook, row, began, answer):
                return
        with self.engine.begin() as connection:
            self._own(connection, webhook)
            reading.advance(connection, webhooks.consumer_of(webhook), page.seen, self.clock())

    def _go_on(self, webhook: str) -> bool:
        """Whether to send one more; the lease then lasts beyond its answer."""
        from sqlalchemy import text

        if self._stopping.is_set():
            return False
        values = {"id": webhook, "me": self.name, "until": self.clock() + self._lease}
        with self.engine.begin() as connection:
            if not connection.execute(text(_RENEW), values).rowcount:
                raise LeaseLostError("another dispatcher serves it now, or it was removed")
        return True

    async def _send(
        self, webhook: webhooks.Webhook, secrets: list[bytes], event: dict[str, Any], mark: str | None = None
    ) -> Answer:
        now, body = self.clock(), dumps(event).encode()
        signed = signing.headers(secrets, deliveries.message_id(webhook.id, event), int(now.timestamp()), body)
        if mark is not None:
            signed[REDELIVERY] = mark
        return await send(
            webhook.url,
            body,
            signed,
            policy=webhooks.policy_of(self.settings),
            resolve=self.resolve,
            timeout_seconds=self.settings.timeout_seconds,
            now=now,
        )

    def _recorded(self, webhook: str, row: reading.Row, began: datetime, answer: Answer) -> bool:
        """Write what became of a row; whether the next one may be sent."""
        now = self.clock()
        with self.engine.begin() as connection:
            status, failures = self._own(connection, webhook)
            self._log(connection, webhook, row.id, row.data, "event", failures + 1, began, answer)
            if answer.taken:
                reading.advance(connection, webhooks.consumer_of(webhook), row.id, now)
                changed: dict[str, Any] = {"failures": 0, "next_attempt_at": None}
            else:
                changed = self._after_failure(failures + 1, status, now, answer)
            self._change(connection, webhook, status, now, changed)
        return answer.taken and status == "active"

    def _change(
        self, connection: Connection, webhook: str, status: str, now: datetime, changed: dict[str, Any]
    ) -> None:
        from sqlalchemy import update

        from inventory_assets.live.tables import WEBHOOKS

        connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == webhook).values(updated_at=now, **changed))
        if changed.get("status", status) != status:
            webhooks.keep_act(connection, Act(now, ACTOR, changed["status_reason"]), "disabled", webhook, {})

    def _after_failure(self, failures: int, status: str, now: datetime, answer: Answer) -> dict[str, Any]:
        waits = self.settings.retry_seconds
        if answer.gone or failures > len(waits):
            why = "the receiver answered 410: it wants no more" if answer.gone else f"{failures} attempts failed"
            LOG.warning("a webhook is disabled: %s; the last one: %s", why, answer.error)
            reason = f"{why}; the last one: {answer.error}"[: webhooks.LONGEST_TEXT]
            return {"status": "disabled", "status_reason": reason, "failures": failures, "next_attempt_at": None}
        return {"status": status, "failures": failures, "next_attempt_at": self._next(failures, now, answer)}

    def _next(self, failures: int, now: datetime, answer: Answer) -> datetime:
        """When an event is tried again that failed so often."""
        wait = self.settings.retry_seconds[failures - 1] * self.chance.uniform(1 - JITTER, 1 + JITTER)
        return now + timedelta(seconds=min(LONGEST_WAIT, max(wait, answer.retry_after or 0.0)))

    def _redelivered(self, webhook: str, attempt: deliveries.Attempt, began: datetime, answer: Answer | None) -> bool:
        """Write what became of a delivery that was asked for; whether the next one of its replay may be sent.

        One a person asked for is tried once; one of a replay as often as any event, and then given up.
        """
        from sqlalchemy import update

        from inventory_assets.live.tables import DELIVERIES

        now, gone = self.clock(), Answer(None, "not sent: the event is no longer in the outbox", 0.0)
        became = _became(answer or gone, now)
        with self.engine.begin() as connection:
            status, _ = self._own(connection, webhook)
            if attempt.replay is not None and answer is not None and not answer.taken:
                failures = again.failures(connection, attempt) + 1
                if failures <= len(self.settings.retry_seconds):
                    again.postpone(connection, attempt, began, became, self._next(failures, now, answer))
                    if answer.gone and status == "active":
                        self._change(
                            connection, webhook, status, now, self._after_failure(failures, status, now, answer)
                        )
                    return False
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == attempt.id).values(became))
        return status == "active"

    def _asked(
        self, connection: Connection, webhook: webhooks.Webhook, now: datetime
    ) -> list[tuple[deliveries.Attempt, reading.Row | None]]:
        """Deliveries that were asked for and are due: those a person named first, then those of replays."""
        from sqlalchemy import select

        from inventory_assets.live.tables import DELIVERIES

        most = self.settings.turn_events
        query = select(DELIVERIES).where(
            DELIVERIES.c.webhook == webhook.id, DELIVERIES.c.status == "waiting", DELIVERIES.c.cause == "redelivery"
        )
        found = connection.execute(query.order_by(DELIVERIES.c.id).limit(most)).mappings()
        asked = [deliveries.Attempt(**row) for row in found]
        if webhook.status == "active":
            asked += again.due(connection, webhook.id, now, most)
        return [(each, reading.row_of(connection, each.outbox_id or 0)) for each in asked]

    def _log(
        self,
        connection: Connection,
        webhook: str,
        outbox_id: int | None,
        event: dict[str, Any],
        cause: str,
        attempt: int,
        began: datetime,
        answer: Answer,
    ) -> deliveries.Attempt:
        from sqlalchemy import insert

        from inventory_assets.live.tables import DELIVERIES

        values = {
            "webhook": webhook,
            "outbox_id": outbox_id,
            "message_id": deliveries.message_id(webhook, event),
            "type": event["type"],
            "cause": cause,
            "attempt": attempt,
            "requested_at": began,
            **_became(answer, self.clock()),
        }
        row = connection.execute(insert(DELIVERIES).values(values).returning(DELIVERIES)).mappings().one()
        return deliveries.Attempt(**row)

    def _own(self, connection: Connection, webhook: str) -> tuple[str, int]:
        """State of a webhook this dispatcher still serves, locked."""
        from sqlalchemy import text

        row = connection.execute(text(_OWN), {"id": webhook, "me": self.name}).one_or_none()
        if row is None:
            raise LeaseLostError("another dispatcher serves it now, or it was removed")
        return row.status, row.failures

    def _secrets(self, connection: Connection, webhook: str) -> list[bytes]:
        """The secret, and the one before it while both count."""
        from sqlalchemy import text

        row = connection.execute(text(_SECRETS), {"id": webhook}).one()
        secrets = [bytes(row.secret)]
        if row.previous_secret is not None and row.previous_until is not None and row.previous_until > self.clock():
            secrets.append(bytes(row.previous_secret))
        return secrets

    def _tidied(self, last: datetime | None) -> datetime:
        """Remove old attempts and keys, once an hour."""
        now = self.clock()
        if last is not None and (now - last).total_seconds() < TIDY_SECONDS:
            return last
        with self.engine.begin() as connection:
            deliveries.forget_deliveries(connection, now - timedelta(days=self.settings.log_days))
            keys.forget_keys(connection, now - timedelta(days=self.settings.log_days))
        return now

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=max(self.settings.lease_seconds, 2 * self.settings.timeout_seconds))


def _became(answer: Answer, now: datetime) -> dict[str, Any]:
    return {
        "ended_at": now,
        "status": "delivered" if answer.taken else "failed",
        "response_status": answer.status,
        "error": answer.error or None,
        "seconds": round(answer.seconds, 4),
    }
