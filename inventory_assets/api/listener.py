"""Events from a request into the log: read, admitted, handed to the group writer, answered one by one.

What HTTP looks like is not here (`events`). Invariant: `accepted` and `duplicate` are told after the commit only.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inventory_assets.api.answers import Answers
from inventory_assets.api.gate import Gate, first_line
from inventory_assets.api.problems import RefusedRequestError, document, event_document
from inventory_assets.contracts.events.admission import Admission, DoorPolicy, admit, estimated_seconds
from inventory_assets.contracts.events.problems import Problem
from inventory_assets.contracts.events.reading import Event, Limits, read_request
from inventory_assets.contracts.values import Value
from inventory_assets.live.database.driver import database_errors
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import Outcome
from inventory_assets.live.log.entries import Entry
from inventory_assets.live.log.grouping import GroupWriter, LogBusyError, LogClosedError

if TYPE_CHECKING:
    from inventory_assets.settings import ListenerSettings

EVENTS = "/api/v1/events"

ID_CONFLICT, UNSTORABLE = "id_conflict", "event_unstorable"


class Taken(Value, frozen=True):
    """What became of one event of a request.

    Attributes:
        status: HTTP status it would have alone.
        body: what is told about it.
        outcome: accepted, duplicate, filtered, quarantined, or the code of the problem; for the metrics.
        event_id: its id, where it has one.
        address: where its status is told; empty where it was not stored.
    """

    status: int
    body: dict[str, Any]
    outcome: str
    event_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        events: each event, in order.
        batch: whether the sender sent a list.
    """

    events: tuple[Taken, ...]
    batch: bool


def limits_of(settings: ListenerSettings) -> Limits:
    """How large a request may be, from the settings."""
    return Limits(settings.max_body_bytes, settings.max_event_bytes, settings.max_batch, settings.max_depth)


def policy_of(settings: ListenerSettings) -> DoorPolicy:
    """Which events are taken, from the settings."""
    return DoorPolicy(
        settings.refused_sources,
        settings.taken_types,
        settings.taken_priority,
        timedelta(seconds=settings.max_ahead_seconds),
    )


def status_address(source: str, event_id: str) -> str:
    """Where the status of an event is told."""
    return f"{EVENTS}/{quote(event_id, safe='')}?source={_quoted(source)}"


@functools.lru_cache(1024)
def _quoted(source: str) -> str:
    return quote(source, safe="")


class Listener:
    """Takes events in."""

    def __init__(
        self,
        writer: GroupWriter,
        answers: Answers,
        gate: Gate,
        limits: Limits,
        policy: DoorPolicy,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        conflicts: Callable[[Sequence[tuple[Entry, int]]], Awaitable[None]],
    ) -> None:
        """Puts the parts together.

        Args:
            writer: writes entries durably, and tells `answers` after each group.
            answers: passes on what it tells.
            gate: whether anything is taken now.
            limits: how large a request may be.
            policy: which events are taken.
            clock: the time, UTC.
            new_id: an id for an event without one.
            conflicts: records entries whose id another event has, with the sequence of that one.
        """
        self.limits = limits
        self._writer, self._answers, self._gate, self._policy = writer, answers, gate, policy
        self._clock, self._new_id, self._conflicts = clock, new_id, conflicts

    async def take(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take the events of a request; what is accepted is durable when this returns.

        Raises:
            RefusedRequestError: nothing of the request can be taken, or the write failed.
        """
        self._gate.check()
        now = self._clock()
        reading = read_request(headers, body, now, self._new_id, self.limits)
        if reading.problem is not None:
            raise refusal(reading.problem)
        found: list[Taken | tuple[Event, Admission]] = []
        entries: list[Entry] = []
        for each in reading.events:
            admitted = each if isinstance(each, Problem) else admit(each, self._policy)
            if isinstance(admitted, Problem):
                found.append(refused_event(admitted))
            elif isinstance(each, Event):
                entries.append(entry_of(each, admitted.disposition, admitted.reason))
                found.append((each, admitted))
        outcomes = iter(await self.write(entries) if entries else ())
        told = tuple(each if isinstance(each, Taken) else stored(*each, next(outcomes)) for each in found)
        return Answer(told, reading.batch)

    async def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Write entries with those of other requests; they are durable when this returns.

        Raises:
            RefusedRequestError: they were not written, or it is not known.
        """
        self._gate.check(len(entries))
        try:
            outcomes = await self._answers.of(self._writer, entries)
        except LogBusyError as error:
            raise RefusedRequestError("queue_full", str(error)) from error
        except LogClosedError as error:
            raise RefusedRequestError("stopping", str(error)) from error
        except database_errors() as error:
            self._gate.lost(error)
            detail = f"the database failed while the events were written: {first_line(error)}"
            raise RefusedRequestError("database_away", detail) from error
        pairs = list(zip(entries, outcomes, strict=True))
        self._gate.took(sum(len(entry.items) or 1 for entry, outcome in pairs if outcome.status == "accepted"))
        clashes = [(entry, outcome.sequence or 0) for entry, outcome in pairs if outcome.status == "conflict"]
        if clashes:
            await self._conflicts(clashes)
        return outcomes


def stored(event: Event, admission: Admission, outcome: Outcome) -> Taken:
    """What is told about an event the log has answered for."""
    envelope = event.envelope
    address = status_address(envelope.source, envelope.id)
    if outcome.status == "conflict":
        problem = Problem(
            ID_CONFLICT, f"the event stored at sequence {outcome.sequence} of {envelope.source} says something else",
            event_id=envelope.id,
        )  # fmt: skip
        return Taken(409, event_document(problem) | {"statusUrl": address}, ID_CONFLICT, envelope.id, address)
    if outcome.status == "refused":
        problem_body = RefusedRequestError(UNSTORABLE, outcome.reason, more={"eventId": envelope.id})
        return Taken(422, document(problem_body), UNSTORABLE, envelope.id)
    status = "duplicate" if outcome.status == "duplicate" else admission.disposition
    body: dict[str, Any] = {
        "status": status,
        "eventId": envelope.id,
        "source": envelope.source,
        "sequence": outcome.sequence,
        "statusUrl": address,
    }
    if status == "accepted":
        body["estimatedSeconds"] = estimated_seconds(envelope.priority)
    elif status != "duplicate":
        body["reason"] = admission.reason
    if event.payload is not None and event.payload.model_extra:
        body["unknownMembers"] = list(event.payload.unknown_members)
    return Taken(202, body, status, envelope.id, address)


def refused_event(problem: Problem) -> Taken:
    """What is told about an event that was not taken."""
    return Taken(problem.type.status, event_document(problem), problem.code, problem.event_id or "")


def refusal(problem: Problem) -> RefusedRequestError:
    """A problem of the whole request."""
    more = {} if problem.event_id is None else {"eventId": problem.event_id}
    return RefusedRequestError(problem.code, problem.detail, errors=problem.errors, more=more)
