"""Everything that can be wrong with a request or an event, declared once: what the answer says, and what to do.

The listener turns these into RFC 9457 problem documents; nothing here knows HTTP beyond the status number.
Invariant: every code used anywhere is declared here, and docs/events.md lists all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TYPE_BASE = "/problems/"
"""Prefix of a problem's `type`; the documentation of each code stands at that path."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem.

    Attributes:
        status: HTTP status of an answer that consists of it.
        title: the same words every time.
        mend: what the sender does about it.
    """

    status: int
    title: str
    mend: str


PROBLEMS: Mapping[str, ProblemType] = {
    "body_unreadable": ProblemType(
        400, "The body cannot be read", "Send JSON in UTF-8, each member of an object once, no NaN or Infinity."
    ),
    "shape_unknown": ProblemType(
        400,
        "The event has no known shape",
        "Send CloudEvents 1.0, or one of the shapes of docs/events.md, with all its required members.",
    ),
    "headers_invalid": ProblemType(
        400, "The CloudEvents headers are not valid", "Check the ce- headers: specversion 1.0, percent-encoded UTF-8."
    ),
    "content_type_unsupported": ProblemType(
        415,
        "The content type is not supported",
        "Send application/json, application/cloudevents+json or application/cloudevents-batch+json.",
    ),
    "body_too_large": ProblemType(413, "The body is too large", "Send fewer or smaller events in a request."),
    "too_many_events": ProblemType(413, "Too many events in one request", "Split the batch."),
    "event_too_large": ProblemType(
        413, "One event is too large", "Leave out what is not needed, or split its lines over several events."
    ),
    "too_deep": ProblemType(400, "The data nests too deep", "Flatten the data."),
    "number_out_of_range": ProblemType(
        400, "A number is out of range", "Whole numbers fit into 64 bits; others have at most 40 characters."
    ),
    "text_unstorable": ProblemType(400, "A text cannot be stored", "Remove NUL characters and lone surrogates."),
    "envelope_invalid": ProblemType(
        422, "An attribute of the envelope is not valid", "Correct the attribute the pointer names."
    ),
    "version_unknown": ProblemType(
        422, "The version of this type is not known", "Send a version the catalogue lists, or update this service."
    ),
    "data_invalid": ProblemType(422, "The data does not fit its type", "Correct the fields the errors name."),
    "location_missing": ProblemType(
        422,
        "The event does not say where",
        "Name the location in the data, or send the subject as item/location.",
    ),
    "source_refused": ProblemType(403, "Events of this source are refused", "Ask an operator to lift the refusal."),
    "reserved_type": ProblemType(
        403, "Only this service emits events of this type", "Send the command or the fact it follows from."
    ),
    "reserved_id": ProblemType(
        403, "Only this service gives ids of this form", "Send the event under an id of your own, such as a UUID."
    ),
    "id_conflict": ProblemType(
        409,
        "An event with this source and id says something else",
        "Nothing was stored; use a new id for a new event. The first one stays as it is.",
    ),
}
"""Every problem by its code."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong at one place.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the event, "" for the whole of it.
        detail: what is wrong with it.
    """

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one event or one request.

    Attributes:
        code: key of `PROBLEMS`.
        detail: this occurrence in a sentence.
        errors: the places, where there are any.
        event_id: id the sender gave, where it could be read.
    """

    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    event_id: str | None = None

    @property
    def type(self) -> ProblemType:
        """The kind of problem."""
        return PROBLEMS[self.code]

    def document(self, instance: str | None = None) -> dict[str, object]:
        """The problem as an RFC 9457 document, with `errors` as an extension."""
        document: dict[str, object] = {
            "type": TYPE_BASE + self.code,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
        }
        if instance is not None:
            document["instance"] = instance
        if self.event_id is not None:
            document["eventId"] = self.event_id
        if self.errors:
            document["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        return document


class Refused(ValueError):  # noqa: N818 - control flow inside the room; callers get a Problem
    """Raised inside reading where something is wrong; `problem` is what the caller gets."""

    def __init__(self, code: str, detail: str, pointer: str | None = None) -> None:
        """Name the code, this occurrence, and the place where known.

        Args:
            code: key of `PROBLEMS`.
            detail: what is wrong.
            pointer: JSON pointer of the place.
        """
        super().__init__(f"{code}: {detail}")
        errors = () if pointer is None else (FieldError(pointer, detail),)
        self.problem = Problem(code, detail, errors)
