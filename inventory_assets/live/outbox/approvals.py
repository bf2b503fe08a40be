"""Tells that purchases were approved: one event a proposal, once for ever.

The id of the event follows from the proposal's, so whoever tells it again, the log takes it once. Not here: what was
approved (`pipeline.proposals`), which is handed in as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.envelope import SERVICE_SOURCE, Envelope, derived_id, subject_of
from inventory_assets.contracts.events.reading import Event
from inventory_assets.live.log.telling import tell

if TYPE_CHECKING:
    from sqlalchemy import Engine

APPROVED = "purchase_order.approved"
TELL_DAYS = 90
"""An approval that could not be told for so long is not told any more; ids of events are kept far longer."""
_MEMBERS = ("proposal_id", "product_sku", "location_id", "quantity", "supplier_id", "expected_on")


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the events.

    Attributes:
        new: events told now.
        before: events that were told before.
        problems: why others were not.
    """

    new: int = 0
    before: int = 0
    problems: tuple[str, ...] = ()


def approvals(decisions: Sequence[Mapping[str, Any]], now: datetime) -> tuple[list[Event], list[str]]:
    """Events of approved purchases, and why there is none of others.

    Args:
        decisions: rows of `replenishment/proposal_decisions`.
        now: the time, of reception.
    """
    since = now - timedelta(days=TELL_DAYS)
    approved = [
        row
        for row in decisions
        if row["action"] == "approve" and row["kind"] == "purchase" and row["decided_at"] > since
    ]
    made = [approval(row, now) for row in sorted(approved, key=lambda row: (row["decided_at"], row["proposal_id"]))]
    return [each for each in made if isinstance(each, Event)], [each for each in made if isinstance(each, str)]


def approval(row: Mapping[str, Any], now: datetime) -> Event | str:
    """The event of an approved purchase, the same whenever it is made; or why there is none.

    Args:
        row: the approval.
        now: the time, of reception.
    """
    from pydantic import ValidationError

    from inventory_assets.contracts.events.notices import PurchaseOrderApproved

    try:
        payload = PurchaseOrderApproved.model_validate({name: row[name] for name in _MEMBERS})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{row['proposal_id']}: {'/'.join(map(str, first['loc']))}: {first['msg']}"
    envelope = Envelope(
        id=derived_id((SERVICE_SOURCE, f"proposal {row['proposal_id']}"), APPROVED),
        type=APPROVED,
        source=SERVICE_SOURCE,
        time=row["decided_at"],
        received_at=now,
        data=payload.model_dump(mode="json"),
        subject=subject_of(payload.product_sku, payload.location_id),
        correlation_id=row["proposal_id"],
    )
    return Event(envelope, payload)


def tell_approvals(engine: Engine, decisions: Sequence[Mapping[str, Any]], now: datetime) -> Told:
    """Append the events of approved purchases to the log and tell others of them.

    Args:
        engine: the live database.
        decisions: rows of `replenishment/proposal_decisions`, decided and others.
        now: the time.

    Raises:
        sqlalchemy.exc.OperationalError, psycopg.Error: the database is away.
    """
    events, problems = approvals(decisions, now)
    outcomes = tell(engine, events, now) if events else []
    for event, outcome in zip(events, outcomes, strict=True):
        if outcome.status in ("conflict", "refused"):
            problems.append(f"{event.envelope.correlation_id}: {outcome.reason or 'another event has its id'}")
    counted = [outcome.status for outcome in outcomes]
    return Told(counted.count("accepted"), counted.count("duplicate"), tuple(problems))
