"""Random histories of stock, the same history as frames, and a plain model of what it should come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.silver import STOCK_MOVEMENTS
from inventory_assets.stock import rules
from inventory_assets.stock.counts import COUNTS

EPOCH = datetime(2024, 1, 30, tzinfo=UTC)
PAIRS = [(item, place) for item in ("A", "B") for place in ("east", "west")]
HOURS_AHEAD = {"east": 11, "west": -8}


@dataclass(frozen=True)
class Event:
    """One row of a history; `kind` is a kind of movement or of count."""

    number: int
    pair: tuple[str, str]
    at: datetime
    kind: str
    quantity: int
    unavailable: int = 0
    source: str = ""
    document: str = ""
    dated: date | None = None

    @property
    def is_count(self) -> bool:
        return self.kind in rules.KINDS

    @property
    def day(self) -> date:
        return self.dated or (self.at + timedelta(hours=HOURS_AHEAD[self.pair[1]])).date()


instants = st.builds(
    lambda days, hours, micros: EPOCH + timedelta(days=days, hours=hours, microseconds=micros),
    st.one_of(st.integers(0, 3), st.integers(0, 70)),
    st.sampled_from([0, 12, 13, 23]),
    st.sampled_from([0, 0, 0, 1]),
)


def skewed(at: datetime) -> st.SearchStrategy[date]:
    """A business day that may be the one before or after."""
    return st.integers(-1, 1).map(lambda days: (at + timedelta(days=days)).date())


@st.composite
def histories(draw: st.DrawFn, max_size: int = 14, *, skewed_days: bool = False) -> list[Event]:
    """Events of a few pairs with many equal instants, counts in parts, at most one assumption a pair."""
    events: list[Event] = []
    assumed: set[tuple[str, str]] = set()
    days: dict[tuple, date] = {}
    pairs = st.sampled_from(draw(st.sampled_from([PAIRS, PAIRS[:1]])))
    for number in range(draw(st.integers(0, max_size))):
        pair, at = draw(pairs), draw(instants)
        kind = draw(st.sampled_from(["sale", "return", "adjustment", "count", "count", "opening", "level", "assumed"]))
        if kind in rules.KINDS:
            if kind == "assumed" and pair in assumed:
                continue
            if kind == "assumed":
                assumed.add(pair)
            source, document = draw(st.sampled_from(["", "wms"])), draw(st.sampled_from(["", "sheet"]))
            # Parts of one count have one business day.
            dated = days.setdefault((pair, at, kind, source, document), draw(skewed(at))) if skewed_days else None
            events.append(
                Event(number, pair, at, kind, draw(st.integers(0, 50)), source=source, document=document, dated=dated)
            )
        else:
            quantity = draw(st.integers(1, 20)) * {"sale": -1, "return": 1}.get(kind, draw(st.sampled_from([-1, 1])))
            held = draw(st.sampled_from([0, quantity]))
            dated = draw(skewed(at)) if skewed_days else None
            events.append(Event(number, pair, at, kind, quantity, held, dated=dated))
    return events


def movements(events: list[Event]) -> pl.DataFrame:
    """The movements of a history as `silver/stock_movements`."""
    rows = [
        {
            "kind": e.kind,
            "product_sku": e.pair[0],
            "location_id": e.pair[1],
            "quantity": e.quantity,
            "unavailable": e.unavailable,
            "event_time": e.at,
            "document_id": str(e.number),
            "line_number": 1,
            "location_zone": "",
            "source_system": "tills",
            "event_date": e.day,
        }
        for e in events
        if not e.is_count
    ]
    return pl.DataFrame(rows, schema=polars_schema(STOCK_MOVEMENTS))


def counts(events: list[Event]) -> pl.DataFrame:
    """The counts of a history as `counts.COUNTS`."""
    rows = [(*e.pair, e.kind, e.quantity, e.at, e.source, e.document, e.day) for e in events if e.is_count]
    return pl.DataFrame(rows, schema=COUNTS, orient="row")


def single(event: Event) -> rules.Movement | rules.Count:
    """The event as the rule for one event takes it."""
    if event.is_count:
        return rules.Count(event.at, event.quantity, event.kind, event.source, event.document)  # type: ignore[arg-type]
    return rules.Movement(event.at, event.quantity, event.unavailable)


def model(events: list[Event]) -> dict[tuple[str, str], dict]:
    """Stock of each pair by walking through its events in effective order with a single number, the book."""
    by_place: dict[tuple, list[Event]] = {}
    for e in events:
        rank = {"assumed": 0, "opening": 2, "level": 3, "count": 4}.get(e.kind, 1)
        by_place.setdefault((e.at, rank, e.source, e.document if e.is_count else "", e.pair), []).append(e)
    stock: dict[tuple[str, str], dict] = {}
    for (at, *_), group in sorted(by_place.items(), key=lambda entry: entry[0]):
        s = stock.setdefault(
            group[0].pair,
            {"book": None, "held": 0, "basis": "unknown", "known": None, "counted_at": None, "moved": None},
        )
        total = sum(e.quantity for e in group)
        if not group[0].is_count:
            s["book"] = None if s["book"] is None else s["book"] + total
            s["held"] += sum(e.unavailable for e in group)
            s["moved"] = at
        elif group[0].kind != "assumed" or s["book"] is None:
            s["book"], s["counted_at"] = total, at
            s["basis"] = {"count": "counted", "level": "counted"}.get(group[0].kind, group[0].kind)
            s["known"] = s["known"] or at
    return stock


def as_model(state: pl.DataFrame) -> dict[tuple[str, str], dict]:
    """A frame of states in the form of `model`."""
    return {
        (row["product_sku"], row["location_id"]): {
            "book": row["book"],
            "held": row["net_unavailable"],
            "basis": row["stock_basis"],
            "known": row["first_known_at"],
            "counted_at": row["last_count_at"],
            "moved": row["last_movement_at"],
        }
        for row in state.to_dicts()
    }
