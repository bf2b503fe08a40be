"""Demand as a matrix: series × days, where a day that tells nothing about demand is missing.

Before the launch of a series nothing is known about its demand; on a day out of stock only a lower bound is, so that
day is left out where stock is known (requirement F4). Where the basis of stock is unknown nothing is left out: a day
without a sale is a day without demand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

NEW_BELOW_DAYS = 28
"""Observed days below which an item is new: it has no pattern yet."""
DEAD_AFTER_DAYS = 180
"""Days without demand after which an item is dead: its forecast is 0."""


class SeriesError(ValueError):
    """Demand rows that make no series."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Daily demand of several series over the same days.

    Attributes:
        keys: one row a series, in the order of `units`.
        first_day: day of the first column.
        units: demand, shape (series, days); nan on days that are not observed.
    """

    keys: pl.DataFrame
    first_day: date
    units: FloatArray

    @property
    def days(self) -> int:
        """Number of days."""
        return self.units.shape[1]

    @property
    def last_day(self) -> date:
        """Day of the last column."""
        return self.first_day + timedelta(days=self.days - 1)

    def column(self, day: date) -> int:
        """Column of a day; negative or beyond the end outside the panel."""
        return (day - self.first_day).days

    def until(self, day: date) -> Panel:
        """The panel as it was known at the end of a day."""
        return replace(self, units=self.units[:, : self.column(day) + 1])

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Panel:
        """Some of the series."""
        return replace(self, keys=self.keys[np.arange(self.keys.height)[rows]], units=self.units[rows])


def panel(demand: pl.DataFrame, by: Sequence[str], first_day: date, last_day: date) -> Panel:
    """Demand rows as a matrix, days without a row as 0 from the first demand of a series on.

    Args:
        demand: columns `by`, `day` and `units`; several rows of a key and day are summed. A negative sum (more
            cancelled than sold) counts as 0.
        by: columns that name a series.
        first_day: first day of data; earlier rows are ignored.
        last_day: last day of data, later rows are ignored.

    Returns:
        The series with any demand, sorted by key; missing before the first demand.

    Raises:
        SeriesError: the last day lies before the first.
    """
    if last_day < first_day:
        raise SeriesError(f"demand ends on {last_day}, before it begins on {first_day}; ask for a later last day")
    rows = (
        demand.lazy()
        .filter(pl.col("day").is_between(first_day, last_day))
        .group_by(*by, "day")
        .agg(pl.col("units").sum())
        .filter(pl.col("units") > 0)
        .collect()
    )
    keys = rows.select(by).unique().sort(by)
    placed = rows.join(keys.with_row_index("_series"), on=list(by), how="left")
    units = np.zeros((keys.height, (last_day - first_day).days + 1))
    at = placed["_series"].to_numpy(), (placed["day"] - first_day).dt.total_days().to_numpy()
    units[at] = placed["units"].to_numpy()
    launched = np.cumsum(units, axis=1) > 0
    return Panel(keys, first_day, np.where(launched, units, np.nan))


def days_since_demand(units: FloatArray) -> NDArray[np.int64]:
    """Observed days since the last one with demand, 0 if that is the last day; all of them without any demand.

    Args:
        units: demand, shape (series, days), nan where not observed.
    """
    seen = ~np.isnan(units)
    backwards = (np.nan_to_num(units) > 0)[:, ::-1]
    after = np.cumsum(backwards, axis=1) == 0
    return (after & seen[:, ::-1]).sum(axis=1)


def observed_days(units: FloatArray) -> NDArray[np.int64]:
    """Days observed of each series."""
    return (~np.isnan(units)).sum(axis=1)


def active_weeks(units: FloatArray) -> NDArray[np.int64]:
    """Weeks with demand, counted back from the last day."""
    weeks = units.shape[1] // 7
    recent = np.nan_to_num(units[:, units.shape[1] - 7 * weeks :])
    return (recent.reshape(len(units), weeks, 7).sum(axis=2) > 0).sum(axis=1)


def like_items(
    mean: FloatArray, observed: NDArray[np.int64], like: NDArray[np.intp], needed: int = NEW_BELOW_DAYS
) -> FloatArray:
    """Forecasts of new items, borrowed from the item each is like until it has a history of its own.

    (n·own + m·like) ÷ (n + m) with n days of its own history and m = max(0, needed − n).

    Args:
        mean: forecasts by themselves, shape (items, horizon).
        observed: days of history.
        like: row of the like item, −1 where none is named.
        needed: days from which an item stands on its own.
    """
    borrowed = np.where(like >= 0, np.maximum(0, needed - observed), 0)[:, None]
    own = np.maximum(observed, 1)[:, None]
    return (own * mean + borrowed * mean[np.maximum(like, 0)]) / (own + borrowed)


def like_rows(items: Panel, like: Mapping[str, str]) -> NDArray[np.intp]:
    """Row of the item each is like, −1 where none is named or the named one is not known."""
    row = {name: place for place, name in enumerate(items.keys["product_sku"].to_list())}
    return np.array([row.get(like.get(name, ""), -1) for name in row], dtype=np.intp)
