"""Low-stock notices of the live layer that ask for a new plan: which are due, and what is remembered of them.

The notices are handed in; where they come from is not known here. A notice counts once the lake holds the event it
belongs to, because a plan made before would not see the stock it speaks of. Invariant: a pair is a reason once in an
interval at most; a notice that comes earlier waits until the interval is over, a day at most: then a night has passed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from inventory_assets.contracts.log_tables import STOCK_EVENTS
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.live_log import reached

KEPT = timedelta(days=1)
MOST = 2_000
"""Pairs that are remembered; of more, the longest known are forgotten."""
NAMED = 5
"""Pairs a reason names."""


@dataclass(frozen=True, slots=True)
class Low:
    """A notice that a pair is low.

    Attributes:
        item: item.
        location: location.
        sequence: place in the log of the event it belongs to.
        at: when it was told.
    """

    item: str
    location: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a look at the world leaves for the next one.

    Attributes:
        looked: versions of the tables looked at.
        notices: last notice read; None before the first look.
        waiting: notices nobody has asked a plan for, the last one of each pair, oldest first.
        asked: when a plan was last asked for because of a pair, within the interval.
    """

    looked: Mapping[str, int] = field(default_factory=dict)
    notices: int | None = None
    waiting: tuple[Low, ...] = ()
    asked: Mapping[str, datetime] = field(default_factory=dict)

    def written(self) -> str:
        """As text; the same memory is the same text."""
        return json.dumps(asdict(self), sort_keys=True, default=datetime.isoformat)


def read(text: str | None) -> Remembered:
    """A memory from its text; one of an earlier program, which held only versions, is understood."""
    told: dict[str, Any] = json.loads(text) if text else {}
    if "looked" not in told:
        return Remembered(told)
    waiting = (Low(**{**low, "at": datetime.fromisoformat(low["at"])}) for low in told["waiting"])
    asked = {pair: datetime.fromisoformat(at) for pair, at in told["asked"].items()}
    return Remembered(told["looked"], told["notices"], tuple(waiting), asked)


def heard(memory: Remembered, lows: Collection[Low], seen: int, now: datetime, interval: timedelta) -> Remembered:
    """The memory with new notices, and without what is too old to matter.

    Args:
        memory: what was remembered.
        lows: new notices in order.
        seen: last notice read.
        now: the instant.
        interval: how often a pair may be a reason.
    """
    waiting = {_name(low): low for low in memory.waiting}
    for low in lows:
        waiting.pop(_name(low), None)
        waiting[_name(low)] = low
    kept = [low for low in waiting.values() if now - low.at < KEPT][-MOST:]
    asked = {pair: at for pair, at in memory.asked.items() if now - at < interval}
    return replace(memory, notices=seen, waiting=tuple(kept), asked=asked)


def due(memory: Remembered, known: int) -> tuple[Low, ...]:
    """Notices a plan should be asked for now.

    Args:
        memory: as `heard` gives it.
        known: last sequence of the log the lake holds.
    """
    return tuple(low for low in memory.waiting if low.sequence <= known and _name(low) not in memory.asked)


def answered(memory: Remembered, lows: Collection[Low], now: datetime) -> Remembered:
    """The memory once a plan was asked for because of some notices."""
    gone = {_name(low): now for low in lows}
    waiting = tuple(low for low in memory.waiting if _name(low) not in gone)
    asked = dict(sorted({**memory.asked, **gone}.items(), key=lambda each: each[1])[-MOST:])
    return replace(memory, waiting=waiting, asked=asked)


def known_sequence(lake: Lake) -> int:
    """Last sequence of the log that the stock events of the lake hold."""
    return reached(lake, STOCK_EVENTS).sequence


def reason(lows: Collection[Low]) -> str:
    """Why a plan is asked for, in words."""
    named = ", ".join(f"{low.item} at {low.location}" for low in list(lows)[:NAMED])
    more = f" and {len(lows) - NAMED} more" if len(lows) > NAMED else ""
    return f"stock is low: {named}{more}"


def _name(low: Low) -> str:
    return json.dumps([low.item, low.location])
