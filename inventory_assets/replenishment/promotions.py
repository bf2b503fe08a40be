"""Which promotion holds for which item and location on which day: pure functions over the settings.

A promotion is set like any parameter (`promotion=FROM..TO KIND`). The last word about a day of a place counts; the
narrowest place that has a word about a day decides, a location before everywhere: so one item, or one shop, is
taken out of a promotion of a whole category by cancelling its days there. Not here: what promotions do to demand
(`forecast.promotions`). Invariant: what is said on a day changes nothing about earlier days unless it names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from inventory_assets.contracts.parameters import CANCELLED, PROMOTED_SCOPES, PROMOTION, Campaign, parsed

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_WORD, NONE = -1, 0
"""Numbers of a day about which a place says nothing, and of one without a promotion."""
_COLUMN = {"item": "product_sku", "category": "category", "supplier": "supplier_id"}


@dataclass(frozen=True, slots=True)
class Promoted:
    """Promotions of pairs by day.

    Attributes:
        kind: number of the kind, 0 without a promotion, shape (pairs, days).
        names: kinds by their number; the first is "" for none.
    """

    kind: NDArray[np.int16]
    names: tuple[str, ...]


def told_days(rows: Sequence[Mapping[str, Any]]) -> dict[date, str]:
    """The last word about each day of one place.

    Args:
        rows: its settings of promotions in order: value, set_at.
    """
    found: dict[date, str] = {}
    for row in rows:
        if row["value"] is None:
            from_day = _day_of(row["set_at"])
            found = {day: kind for day, kind in found.items() if day < from_day}
            continue
        campaign = parsed(PROMOTION, row["value"])
        if not isinstance(campaign, Campaign):
            raise TypeError(f"{row['value']!r} was read as {campaign!r}")
        for number in range((campaign.last - campaign.first).days + 1):
            found[campaign.first + timedelta(days=number)] = campaign.kind
    return found


def settings_of(history: pl.DataFrame, until: date | None = None) -> pl.DataFrame:
    """Settings of promotions in order.

    Args:
        history: rows of `replenishment/planning_parameters`.
        until: last day on which they were said; by default all of them.
    """
    told = history.filter(pl.col("name") == PROMOTION)
    if until is not None:
        told = told.filter(pl.col("set_at").dt.date() <= until)
    return told.sort("set_at", "parameter_id")


def promoted(settings: pl.DataFrame, pairs: pl.DataFrame, first_day: date, days: int) -> Promoted | None:
    """Promotions of pairs by day; None where no day of any of them has one.

    Args:
        settings: rows of `settings_of`.
        pairs: product_sku, location_id, category, supplier_id; the last two null where unknown.
        first_day: day of column 0.
        days: number of days.
    """
    places: dict[tuple[str, str, str | None], list[Mapping[str, Any]]] = {}
    for row in settings.to_dicts():
        places.setdefault((row["scope"], row["scope_value"], row["location_id"]), []).append(row)
    names, rows_of = [""], _Rows(pairs)
    found = np.zeros((pairs.height, days), dtype=np.int16)
    for place in sorted(places, key=_breadth, reverse=True):
        rows = rows_of.within(*place)
        word = np.full(days, NO_WORD, dtype=np.int16)
        for day, kind in told_days(places[place]).items():
            column = (day - first_day).days
            if 0 <= column < days:
                word[column] = NONE if kind == CANCELLED else _number(names, kind)
        said = np.flatnonzero(word != NO_WORD)
        found[np.ix_(rows, said)] = word[said]
    return Promoted(found, tuple(names)) if found.any() else None


def _number(names: list[str], kind: str) -> int:
    if kind not in names:
        names.append(kind)
    return names.index(kind)


def _breadth(place: tuple[str, str, str | None]) -> tuple[int, bool, str]:
    """How broad a place is: the narrowest that says something about a day decides."""
    return PROMOTED_SCOPES.index(place[0]), place[2] is None, place[1]


class _Rows:
    """Rows of pairs by what they belong to."""

    def __init__(self, pairs: pl.DataFrame) -> None:
        """Nothing looked up yet."""
        self._pairs = pairs
        self._by: dict[str, dict[Any, NDArray[np.intp]]] = {}

    def within(self, scope: str, value: str, location: str | None) -> NDArray[np.intp]:
        """Rows of a place."""
        everything = np.arange(self._pairs.height)
        rows = everything if scope == "default" else self._of(_COLUMN[scope]).get(value, everything[:0])
        if location is None:
            return rows
        return np.intersect1d(rows, self._of("location_id").get(location, everything[:0]), assume_unique=True)

    def _of(self, column: str) -> dict[Any, NDArray[np.intp]]:
        if column not in self._by:
            grouped = self._pairs.with_row_index("_row").group_by(column).agg("_row")
            self._by[column] = {value: np.array(rows, dtype=np.intp) for value, rows in grouped.rows()}
        return self._by[column]


def _day_of(instant: datetime) -> date:
    return instant.date()
