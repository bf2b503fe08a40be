"""When people shop: by local hour, weekday and holiday. The figures are those of the simulated history.

Pure. Invariant: an activity lies between 0 and 1, 1 being the busiest hour of the busiest day.
"""

from __future__ import annotations

from datetime import date, datetime

from inventory_assets.simulator.demand import HOLIDAYS, HOUR_WEIGHTS, HOURS, WEEK

OPENS, CLOSES = 8 * 60 + 30, 22 * 60 + 30
"""Minutes of the local day at which shops open and close."""
ALWAYS_OPEN_FLOOR = 0.15
"""Activity of an online channel in the small hours, as a share of its best."""
HOLIDAY, DAY_BEFORE = 0.6, 1.5

_HOURLY = {int(hour): float(weight) for hour, weight in zip(HOURS, HOUR_WEIGHTS / HOUR_WEIGHTS.max(), strict=True)}
_WEEKLY = [float(weight) for weight in WEEK / (WEEK.max() * DAY_BEFORE)]
_FREE = frozenset(HOLIDAYS)


def is_open(local: datetime, kind: str) -> bool:
    """Whether customers can come at this local time."""
    return kind == "online" or OPENS <= local.hour * 60 + local.minute < CLOSES


def activity(local: datetime, kind: str) -> float:
    """How busy a shop is at a local time, 0 when it is closed.

    Args:
        local: time in the zone of the shop.
        kind: store or online; online never closes.
    """
    if not is_open(local, kind):
        return 0.0
    hour = _HOURLY.get(local.hour, min(_HOURLY.values()) / 3)
    if kind == "online":
        hour = max(hour, ALWAYS_OPEN_FLOOR)
    return hour * day_factor(local.date())


def day_factor(day: date) -> float:
    """How busy a day is: its weekday, fewer people on a holiday, more on the day before one."""
    tomorrow = date.fromordinal(day.toordinal() + 1)
    factor = HOLIDAY if _on_holiday(day) else DAY_BEFORE if _on_holiday(tomorrow) else 1.0
    return _WEEKLY[day.weekday()] * factor


def _on_holiday(day: date) -> bool:
    return (day.month, day.day) in _FREE
