"""Reservations as facts tell of them: what is held, until when, and how it ended.

Not here: deciding about them (`deciding`), what they do to stock (`effects`). This service makes at most one end of a
reservation, so that the facts may come in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from inventory_assets.contracts.events.facts import ReservationEnded, StockReserved

if TYPE_CHECKING:
    from inventory_assets.contracts.events.fields import Line
    from inventory_assets.contracts.events.reading import Event

Status = Literal["open", "committed", "released", "expired"]

_ENDS: Mapping[str, Status] = {
    "reservation.committed": "committed",
    "reservation.released": "released",
    "reservation.expired": "expired",
}


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units held for somebody.

    Attributes:
        id: its number.
        location: where.
        lines: items and units.
        expires_at: when it ends by itself; None where only its end is known yet.
        status: open, or how it ended.
        event: source and id of the fact that made it; None where only its end is known yet.
    """

    id: str
    location: str
    lines: tuple[Line, ...]
    expires_at: datetime | None = None
    status: Status = "open"
    event: tuple[str, str] | None = None

    def is_due(self, at: datetime) -> bool:
        """Whether its time is over and nobody ended it."""
        return self.status == "open" and self.expires_at is not None and self.expires_at <= at


def told(reservations: Mapping[str, Reservation], fact: Event) -> Reservation | None:
    """The reservation a fact is about, as it stands after the fact; None where it is about none."""
    payload = fact.payload
    if isinstance(payload, StockReserved):
        held = reservations.get(payload.reservation_id)
        made = Reservation(
            payload.reservation_id,
            payload.location_id,
            tuple(payload.lines),
            payload.expires_at,
            event=fact.envelope.key,
        )
        return made if held is None else replace(made, status=held.status)
    if isinstance(payload, ReservationEnded):
        held = reservations.get(payload.reservation_id) or Reservation(
            payload.reservation_id, payload.location_id, tuple(payload.lines)
        )
        return replace(held, status=_ENDS[fact.envelope.type])
    return None
