"""What can be promised to customers by a day: what is available now and the receipts due until then.

Pure. Reservations are part of what is available already, and none is taken back before its end is a fact. A receipt
without a day, or one that is overdue, is promised to nobody. Invariant: nothing is promised of unknown stock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Receipt:
    """Units that are to come.

    Attributes:
        day: day they are due; None where nobody says, or the day has passed.
        quantity: units.
    """

    day: date | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What can be promised from a day on, until the next one.

    Attributes:
        day: the day.
        receipts: units due on it.
        available: units that can be promised, at least 0.
    """

    day: date
    receipts: int
    available: int


def available_to_promise(
    available: int | None, receipts: Iterable[Receipt], today: date, until: date
) -> tuple[Promise, ...]:
    """What can be promised by day: today, and every later day on which it changes; empty where stock is unknown.

    Args:
        available: on hand less reserved and unavailable; negative when oversold, None while unknown.
        receipts: what is to come.
        today: the day it is asked on; what is due before is overdue.
        until: last day.
    """
    if available is None:
        return ()
    due: dict[date, int] = {today: 0}
    for each in receipts:
        if each.day is not None and today <= each.day <= until:
            due[each.day] = due.get(each.day, 0) + each.quantity
    promised = []
    for day in sorted(due):
        available += due[day]
        promised.append(Promise(day, due[day], max(0, available)))
    return tuple(promised)


def undated(receipts: Iterable[Receipt], today: date) -> int:
    """Units that are to come on a day nobody knows."""
    return sum(each.quantity for each in receipts if each.day is None or each.day < today)
