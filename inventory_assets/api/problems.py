"""Problem documents (RFC 9457) of the service: those of events come from the contract, the others are declared here.

Invariant: every refusal, those of the framework included, leaves as `application/problem+json` with a declared code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response

from inventory_assets.api.encoding import encoded
from inventory_assets.contracts.events.problems import PROBLEMS, TYPE_BASE, FieldError, Problem, ProblemType

MEDIA_TYPE = "application/problem+json"

OWN_PROBLEMS: Mapping[str, ProblemType] = MappingProxyType(
    {
        "not_found": ProblemType(404, "There is nothing at this address", "See /openapi.json for what there is."),
        "method_not_allowed": ProblemType(405, "The address does not take this method", "See the header Allow."),
        "event_unknown": ProblemType(404, "No such event", "Check its id and source; it may have been archived."),
        "event_ambiguous": ProblemType(
            409, "Several sources sent an event with this id", "Name one with the parameter source."
        ),
        "item_unknown": ProblemType(
            404, "Nothing is known of this item", "Check its code and location; stock appears with the first event."
        ),
        "reservation_unknown": ProblemType(404, "No such reservation", "Check its number."),
        "parameter_invalid": ProblemType(422, "A parameter is not valid", "Correct what the errors name."),
        "request_invalid": ProblemType(400, "The request cannot be read", "Send it as /openapi.json describes it."),
        "request_slow": ProblemType(408, "The request did not arrive in time", "Send it again, faster."),
        "encoding_unsupported": ProblemType(415, "The body is encoded", "Send it without Content-Encoding."),
        "host_refused": ProblemType(
            421, "The service is not known under this name", "Call it as 127.0.0.1, localhost or [::1]."
        ),
        "origin_refused": ProblemType(
            403, "Pages of other sites may not call", "Call from a program, or its own pages."
        ),
        "version_changed": ProblemType(
            412, "The stock changed since it was read", "Read it again and decide anew; nothing was stored."
        ),
        "proposal_unknown": ProblemType(404, "No such proposal", "Check its id; plans change every night."),
        "proposal_decided": ProblemType(
            409, "Something else was decided before", "See what; a decision is never taken back."
        ),
        "lake_busy": ProblemType(503, "The lake is being written", "Send it again; deciding twice is one decision."),
        "lake_away": ProblemType(503, "The lake cannot be used", "Send it again later; the log says why."),
        "command_refused": ProblemType(409, "The command was not carried out", "See why; nothing moved."),
        "queue_full": ProblemType(429, "Too many events wait", "Wait as Retry-After says, then send it again."),
        "disk_full": ProblemType(
            503, "The disk of the database is nearly full", "Nothing was stored; free some space."
        ),
        "database_away": ProblemType(
            503, "The database does not answer", "Send it again with the same id; what was stored is told apart by it."
        ),
        "deadline_passed": ProblemType(
            503, "It took too long", "Send it again with the same id; what was stored is told apart by it."
        ),
        "stopping": ProblemType(503, "The service is stopping", "Send it again with the same id in a moment."),
        "event_unstorable": ProblemType(422, "The event cannot be stored", "Correct what the detail names."),
        "letter_unknown": ProblemType(404, "No such dead letter", "GET /api/v1/dead-letters names them."),
        "letter_closed": ProblemType(409, "The dead letter is not open any more", "Nothing was done; read it again."),
        "too_many_letters": ProblemType(422, "Too many dead letters in one request", "Take them in turns."),
        "letters_unclear": ProblemType(
            422, "It is not clear which dead letters are meant", "Name letters as SEQUENCE/PART, or send a filter."
        ),
        "mode_unclear": ProblemType(
            422, "It is not clear what is to be switched", "Name a key for item, category or location; none for all."
        ),
        "webhook_unknown": ProblemType(404, "No such webhook or delivery", "GET /api/v1/webhooks names them."),
        "webhook_refused": ProblemType(422, "The registration cannot be taken", "Correct what the detail names."),
        "too_many_webhooks": ProblemType(409, "There are as many webhooks as there may be", "Remove one first."),
        "webhook_known": ProblemType(
            409, "The Idempotency-Key made a webhook before", "It was done; rotate its secret if that did not arrive."
        ),
        "target_refused": ProblemType(
            422, "Webhooks are not sent to this address", "See docs/webhooks.md for where they may be sent to."
        ),
        "secret_unfit": ProblemType(422, "The secret cannot be used", "Send a longer one, or none and one is made."),
        "secret_replaced": ProblemType(
            409, "The secret made under the Idempotency-Key was replaced", "Rotate it again, under a new key."
        ),
        "event_gone": ProblemType(
            409, "The event of the delivery is no longer in the outbox", "Replay it from the log, if it is needed."
        ),
        "replay_unknown": ProblemType(404, "No such replay", "GET /api/v1/replays names them."),
        "replay_open": ProblemType(409, "Another replay is not at its end", "Wait for it, or cancel it."),
        "replay_ended": ProblemType(409, "The replay has ended", "Nothing was done; read what came of it."),
        "key_taken": ProblemType(409, "The Idempotency-Key stands for something else", "Take a new key."),
        "internal_error": ProblemType(500, "The service has a fault", "Report the reference; the log has the rest."),
    }
)
"""Problems of the service by code; those of events are in `contracts.events.problems`."""

ALL_PROBLEMS: Mapping[str, ProblemType] = MappingProxyType({**PROBLEMS, **OWN_PROBLEMS})
WAITING = frozenset({429, 503})
"""Statuses that carry Retry-After."""


class RefusedRequestError(Exception):
    """A request that is answered with a problem; raised anywhere below a route."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Name the problem and this occurrence.

        Args:
            code: key of `ALL_PROBLEMS`.
            detail: this occurrence in a sentence.
            errors: the places, where there are any.
            headers: further headers of the answer.
            more: further members of the document.
        """
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.errors = code, detail, errors
        self.headers, self.more = dict(headers or {}), dict(more or {})


def wrong_parameter(name: str, detail: str) -> RefusedRequestError:
    """A parameter of the query that is not valid."""
    return RefusedRequestError("parameter_invalid", f"{name}: {detail}", errors=(FieldError(f"/{name}", detail),))


def document(refused: RefusedRequestError) -> dict[str, object]:
    """The problem document of a refusal."""
    kind = ALL_PROBLEMS[refused.code]
    made: dict[str, object] = {
        "type": TYPE_BASE + refused.code,
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
        "mend": kind.mend,
    }
    if refused.errors:
        made["errors"] = [{"pointer": each.pointer, "detail": each.detail} for each in refused.errors]
    return made | refused.more


def event_document(problem: Problem) -> dict[str, object]:
    """The problem document of one event."""
    return problem.document() | {"mend": problem.type.mend}


class ProblemResponse(Response):
    """An answer that is a problem document."""

    media_type = MEDIA_TYPE

    def __init__(self, made: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        """Takes the status from the document."""
        super().__init__(encoded(made), int(str(made["status"])), dict(headers or {}))


def answer(refused: RefusedRequestError, retry_seconds: int) -> ProblemResponse:
    """The answer to a refused request."""
    headers = dict(refused.headers)
    if ALL_PROBLEMS[refused.code].status in WAITING:
        headers.setdefault("Retry-After", str(retry_seconds))
    return ProblemResponse(document(refused), headers)
