"""Instants: ISO 8601 texts and native times to UTC with microseconds, and the business day.

A time without an offset is read in the zone of its row: the earlier instant where clocks were put back, no instant
where they were put forward. Digits below the microsecond are cut off; everything else is exact or a failed cast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.schemas import INSTANT
from inventory_assets.ingest.casting import Cast, without_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

NAIVE = pl.Datetime("us")
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = "[0-9]{2}:[0-9]{2}"
_SECOND = rf"{_MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?"
_OFFSET = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
NAIVE_FORMATS: tuple[tuple[str, str], ...] = (
    (rf"^{_DAY}T{_SECOND}$", "%Y-%m-%dT%H:%M:%S%.f"),
    (rf"^{_DAY} {_SECOND}$", "%Y-%m-%d %H:%M:%S%.f"),
    (rf"^{_DAY}T{_MINUTE}$", "%Y-%m-%dT%H:%M"),
    (rf"^{_DAY} {_MINUTE}$", "%Y-%m-%d %H:%M"),
    (rf"^{_DAY}$", "%Y-%m-%d"),
)
"""Pattern and format of times that leave the zone open; a date alone is its first instant."""
AWARE_FORMATS: tuple[tuple[str, str], ...] = (
    (rf"^{_DAY}T{_SECOND}{_OFFSET}$", "%Y-%m-%dT%H:%M:%S%.f%#z"),
    (rf"^{_DAY} {_SECOND}{_OFFSET}$", "%Y-%m-%d %H:%M:%S%.f%#z"),
    (rf"^{_DAY}T{_MINUTE}{_OFFSET}$", "%Y-%m-%dT%H:%M%#z"),
    (rf"^{_DAY} {_MINUTE}{_OFFSET}$", "%Y-%m-%d %H:%M%#z"),
)
"""Pattern and format of times with an offset from UTC."""


class Zones:
    """The time zone of each row of a file: one for all, or one a row."""

    def __init__(self, default: str, by_location: Mapping[str, str], locations: pl.Series | None) -> None:
        """Look the zones up once a file.

        Args:
            default: IANA zone of the source.
            by_location: zones of locations that differ.
            locations: location of each row; None where rows belong to none.
        """
        self.default = default
        self.of_row: pl.Series | None = None
        if by_location and locations is not None and locations.is_in(list(by_location)).any():
            self.of_row = locations.fill_null("").replace_strict(
                dict(by_location), default=default, return_dtype=pl.String
            )

    def to_utc(self, naive: pl.Series) -> pl.Series:
        """Instants of naive local times; null where the local time does not exist."""
        return self._each(
            naive,
            lambda times, zone: times.dt.replace_time_zone(
                zone, ambiguous="earliest", non_existent="null"
            ).dt.convert_time_zone("UTC"),
        )

    def local_day(self, instants: pl.Series) -> pl.Series:
        """Calendar day of instants."""
        return self._each(
            instants, lambda times, zone: (times if zone == "UTC" else times.dt.convert_time_zone(zone)).dt.date()
        )

    def _each(self, times: pl.Series, convert: Callable[[pl.Series, str], pl.Series]) -> pl.Series:
        if self.of_row is None:
            return convert(times, self.default)
        result: pl.Series | None = None
        for zone in self.of_row.unique().sort().to_list():
            rows = self.of_row == zone
            part = convert(times.set(~rows, None), zone)
            result = part if result is None else part.zip_with(rows, result)
        return convert(times, self.default) if result is None else result


def cast_instants(cells: pl.Series, zones: Zones, null_tokens: Collection[str] = ()) -> Cast:
    """Cast one column of instants.

    Args:
        cells: the column as `trim` left it: texts, dates, or native times with or without zone.
        zones: zone of each row, for times without an offset.
        null_tokens: texts that mean null for this source and column.
    """
    cells = without_tokens(cells, null_tokens)
    if cells.dtype == pl.String:
        return _from_text(cells, zones)
    if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is not None:
        utc = cells if cells.dtype == INSTANT else cells.dt.convert_time_zone("UTC").cast(INSTANT, strict=False)
        return _result(cells, None, utc, zones)
    if isinstance(cells.dtype, (pl.Datetime, pl.Date)):
        return _result(cells, cells.cast(NAIVE, strict=False), None, zones)
    return _result(cells, None, _nothing(INSTANT, cells.len()), zones)


def _from_text(cells: pl.Series, zones: Zones) -> Cast:
    open_cells = cells.len() - cells.null_count()
    naive, open_cells = _parsed(cells, NAIVE_FORMATS, NAIVE, open_cells)
    aware, _ = _parsed(cells, AWARE_FORMATS, INSTANT, open_cells)
    return _result(cells, naive, aware, zones)


def _parsed(
    cells: pl.Series, formats: Sequence[tuple[str, str]], dtype: pl.Datetime, open_cells: int
) -> tuple[pl.Series | None, int]:
    """Times of the cells that match one of the formats, and how many cells are left; None where none matches."""
    times: pl.Series | None = None
    for pattern, format_ in formats:
        if not open_cells:
            break
        rows = cells.str.contains(pattern)
        found = int(rows.sum() or 0)
        if not found:
            continue
        texts = cells if found == cells.len() else cells.set(~rows, None)
        if "%H" in format_:
            part = texts.str.to_datetime(format_, time_unit="us", time_zone=dtype.time_zone, strict=False)
        else:
            part = texts.str.to_date(format_, strict=False).cast(dtype)
        times = _merged(times, part)
        open_cells -= found
    return times, open_cells


def _result(cells: pl.Series, naive: pl.Series | None, aware: pl.Series | None, zones: Zones) -> Cast:
    """Put local times and instants together and tell failed casts from times that do not exist."""
    nonexistent: pl.Series | None = None
    values = _nothing(INSTANT, cells.len()) if aware is None else aware
    if naive is not None:
        utc = zones.to_utc(naive)
        if utc.null_count() != naive.null_count():
            nonexistent = utc.is_null() & naive.is_not_null()
        values = _merged(aware, utc)
    failed: pl.Series | None = None
    if values.null_count() != cells.null_count():
        lost = values.is_null() & cells.is_not_null()
        if nonexistent is not None:
            lost &= ~nonexistent
        failed = lost if lost.any() else None
    return Cast(values.rename(cells.name), failed, nonexistent)


def _merged(first: pl.Series | None, second: pl.Series) -> pl.Series:
    return second if first is None else first.zip_with(first.is_not_null(), second)


def _nothing(dtype: pl.DataType, height: int) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, height)
