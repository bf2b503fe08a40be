"""What routes that people act through share: who acts and why, what an error of the core means, how answers are shaped.

The commands call the same functions of `live`; what errors mean there is in `commands.acting`. As long as there is no
authentication, who acts is what the caller says: the audit log keeps it as said over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from inventory_assets.api.listener import refusal
from inventory_assets.api.parameters import code
from inventory_assets.api.problems import RefusedRequestError
from inventory_assets.live.auditing import Act
from inventory_assets.live.dead_letters.handling import LetterClosedError
from inventory_assets.live.dead_letters.looking import LetterNameError, TooManyLettersError, UnknownLetterError
from inventory_assets.live.log.accepting import UnreadableEventError
from inventory_assets.live.log.entries import UnstorableEventError
from inventory_assets.live.modes import ModeNameError
from inventory_assets.live.outbox.addresses import TargetRefusedError
from inventory_assets.live.outbox.deliveries import EventGoneError
from inventory_assets.live.outbox.keys import ActKeyError, SecretReplacedError
from inventory_assets.live.outbox.signing import SecretUnfitError
from inventory_assets.live.outbox.webhooks import (
    TooManyWebhooksError,
    WebhookKnownError,
    WebhookRefusedError,
    WebhookUnknownError,
)
from inventory_assets.live.replays import ReplayEndedError, ReplayKeyError, ReplayOpenError, ReplayUnknownError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from inventory_assets.api.bodies import Members
    from inventory_assets.api.parameters import Query

LONGEST_ACTOR, LONGEST_REASON, LONGEST_KEY = 100, 500, 100
ACTS = ("reason", "actor")
"""Members of every body, or parameters, that say why and who."""
NOBODY = "somebody"
PROBLEM_OF: Mapping[type[Exception], str] = MappingProxyType(
    {
        UnknownLetterError: "letter_unknown",
        LetterClosedError: "letter_closed",
        TooManyLettersError: "too_many_letters",
        LetterNameError: "letters_unclear",
        UnstorableEventError: "event_unstorable",
        ModeNameError: "mode_unclear",
        WebhookUnknownError: "webhook_unknown",
        EventGoneError: "event_gone",
        TargetRefusedError: "target_refused",
        SecretUnfitError: "secret_unfit",
        WebhookRefusedError: "webhook_refused",
        TooManyWebhooksError: "too_many_webhooks",
        WebhookKnownError: "webhook_known",
        ReplayUnknownError: "replay_unknown",
        ReplayOpenError: "replay_open",
        ReplayEndedError: "replay_ended",
        ReplayKeyError: "key_taken",
        ActKeyError: "key_taken",
        SecretReplacedError: "secret_replaced",
    }
)
"""Problem of each error of the core that a caller can mend."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn errors of the core into refusals.

    Raises:
        RefusedRequestError: what `PROBLEM_OF` says; of corrected data that cannot be read, their own problem.
    """
    try:
        yield
    except UnreadableEventError as error:
        raise refusal(error.problem) from error
    except tuple(PROBLEM_OF) as error:
        raise RefusedRequestError(PROBLEM_OF[type(error)], str(error)) from error


def act_of(given: Members | Query, now: datetime, *, reasoned: bool = True) -> Act:
    """Who acts, when and why.

    Args:
        given: members of the body, or parameters.
        now: when.
        reasoned: whether a reason is needed.

    Raises:
        RefusedRequestError: there is no reason, or one of the two is no text.
    """
    reason = given.needed("reason", LONGEST_REASON) if reasoned else given.text("reason", LONGEST_REASON)
    return Act(now, f"{given.text('actor', LONGEST_ACTOR) or NOBODY} over HTTP", reason or "")


def key_of(request: Request) -> str | None:
    """The Idempotency-Key of a request; None where there is none.

    Raises:
        RefusedRequestError: it is no text.
    """
    sent = request.headers.get("idempotency-key")
    return None if sent is None else code(sent, "Idempotency-Key", LONGEST_KEY)


def shaped(found: DataclassInstance) -> dict[str, Any]:
    """A record as answers show it: its attributes, named as everywhere in JSON here."""
    return {camel(each.name): getattr(found, each.name) for each in fields(found)}


def camel(name: str) -> str:
    """`error_class` as `errorClass`."""
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
