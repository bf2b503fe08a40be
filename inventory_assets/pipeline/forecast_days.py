"""Forecasts of the days ahead: of items, of their locations, and of sums at each location, as far as each needs.

Every series is forecast over the days most of them need in one pass. Those that order for longer have their farther
days and sums in a second pass over themselves and a few hundred others, so that one slow supplier does not make the
night of everybody longer. Invariants: on every day the locations of an item add up to it; a sum beyond the common
horizon is told only where past sums as long are over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.contracts.forecast import CUMULATIVE_DEMAND_FORECAST, DEMAND_FORECAST, ITEM_DEMAND_FORECAST
from inventory_assets.forecast.horizons import FAR_STEP, item_horizons, longest_measured, with_peers
from inventory_assets.forecast.intervals import LEVELS
from inventory_assets.forecast.issue import Issued, Uncertainty, day_quantiles, issue, issued_far, uncertainty
from inventory_assets.forecast.locations import shares
from inventory_assets.forecast.models import alive
from inventory_assets.forecast.series import Panel, like_items, like_rows, observed_days

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inventory_assets.contracts.model import Table
    from inventory_assets.pipeline.demand import Demand
    from inventory_assets.pipeline.promotions import Promotions
    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

DAY_NAMES = ("p10", "p50", "p90")


def forecast_days(
    demand: Demand,
    model: NDArray[np.str_],
    own: IntArray,
    settings: ForecastSettings,
    promotions: Promotions | None = None,
) -> dict[Table, pl.DataFrame]:
    """Rows of the three tables of days ahead, without stamps and without the model of each item.

    Args:
        demand: what is known; without promoted days where promotions are told apart.
        model: model of each item.
        own: days ahead of each pair.
        settings: the common horizon, and like items.
        promotions: what is known of promotions.
    """
    units, of_item = demand.items.units, item_horizons(own, demand.item)
    farthest = int(of_item.max(initial=settings.horizon_days))
    common = min(settings.horizon_days, farthest)
    issued = issue(units, farthest, model, common)
    mean = like_items(issued.mean, observed_days(units), like_rows(demand.items, settings.like_items))
    issued = replace(issued, mean=mean)
    by_location = _at_locations(demand, issued)
    ahead = np.zeros((len(by_location.mean), farthest), dtype=bool)
    held = demand
    if promotions is not None:
        held, ahead[:] = promotions.flat, promotions.ahead[:, :farthest]
        by_location = promotions.raised(by_location)
        issued = _added_up(issued, by_location, demand.item)
    items = _Series(held.items, issued, _any_of_item(ahead, demand.item), of_item)
    pairs = _Series(held.pairs, by_location, ahead, of_item[demand.item])
    near, days = uncertainty(held.pairs.units, by_location), slice(0, common)
    made = {
        ITEM_DEMAND_FORECAST: [_days(items, day_quantiles(held.items.units, issued, days), days)],
        DEMAND_FORECAST: [_days(pairs, near.day_quantiles, days)],
        CUMULATIVE_DEMAND_FORECAST: [_sums(replace(pairs, reach=own), near)],
    }
    if farthest > common:
        chosen, days = with_peers(of_item > common), slice(common, farthest)
        rows = np.flatnonzero(np.isin(demand.item, chosen))
        for table, series in ((ITEM_DEMAND_FORECAST, items.take(chosen)), (DEMAND_FORECAST, pairs.take(rows))):
            made[table].append(_days(series, day_quantiles(series.panel.units, series.issued, days), days))
        longest = longest_measured(demand.items.days, common, farthest)
        if longest > common:
            far = replace(pairs, reach=np.minimum(own, longest)).take(rows)
            share = _Shared(demand, chosen, rows)
            spread = _far_sums(far, share, issued_far(units, mean, model, chosen, common, longest), common)
            made[CUMULATIVE_DEMAND_FORECAST].append(_sums(far, spread, common))
    return {table: pl.concat(parts).sort(table.key) if len(parts) > 1 else parts[0] for table, parts in made.items()}


@dataclass(frozen=True, slots=True)
class _Series:
    """Series with their forecast.

    Attributes:
        panel: the demand errors are measured against.
        issued: the forecast.
        promoted: whether a day ahead holds a promotion, shape (series, horizon).
        reach: days ahead that are told of each.
    """

    panel: Panel
    issued: Issued
    promoted: NDArray[np.bool_]
    reach: IntArray

    def take(self, rows: NDArray[np.intp]) -> _Series:
        """Some of them."""
        issued = self.issued
        part = replace(
            issued, mean=issued.mean[rows], past=[path[rows] for path in issued.past],
            plain=None if issued.plain is None else issued.plain[rows],
        )  # fmt: skip
        return _Series(self.panel.take(rows), part, self.promoted[rows], self.reach[rows])


@dataclass(frozen=True, slots=True)
class _Shared:
    """How chosen items divide among their pairs.

    Attributes:
        demand: demand of all.
        items: rows of the items.
        pairs: rows of their pairs.
    """

    demand: Demand
    items: NDArray[np.intp]
    pairs: NDArray[np.intp]

    def past(self, issued: Issued) -> list[FloatArray]:
        """Past forecasts of the items divided among their pairs as shares were then."""
        units = self.demand.pairs.units[self.pairs]
        item = np.searchsorted(self.items, self.demand.item[self.pairs])
        share = shares(units, item, issued.at, alive(units))
        return [path[item] * share[:, place, None] for place, path in enumerate(issued.past)]


def _far_sums(series: _Series, shared: _Shared, items: Issued, common: int) -> Uncertainty:
    """Spread of the sums over more than `common` days of some pairs, by far forecasts of their items."""
    mean, plain = series.issued.mean, series.issued.plain
    far = replace(items, mean=mean, plain=plain, past=shared.past(items))
    return uncertainty(series.panel.units, far, first=common + 1, step=FAR_STEP)


def _added_up(issued: Issued, by_location: Issued, item: NDArray[np.intp]) -> Issued:
    """The forecast of the items with what promotions add at their locations."""
    if by_location.plain is None:
        return issued
    more = np.zeros_like(issued.mean)
    np.add.at(more, item, by_location.mean - by_location.plain)
    return replace(issued, mean=issued.mean + more, plain=issued.mean)


def _any_of_item(ahead: NDArray[np.bool_], item: NDArray[np.intp]) -> NDArray[np.bool_]:
    found = np.zeros((int(item.max(initial=-1)) + 1, ahead.shape[1]), dtype=bool)
    np.logical_or.at(found, item, ahead)
    return found


def _at_locations(demand: Demand, issued: Issued) -> Issued:
    """The items' forecasts divided among their locations, now and at past origins."""
    here = alive(demand.pairs.units)
    share = shares(demand.pairs.units, demand.item, [*issued.at, demand.pairs.days - 1], here)
    past = [path[demand.item] * share[:, place, None] for place, path in enumerate(issued.past)]
    return replace(issued, mean=issued.mean[demand.item] * share[:, -1, None], past=past)


def _days(series: _Series, quantiles: FloatArray, days: slice) -> pl.DataFrame:
    """One row for each series and day ahead up to its reach."""
    mean = series.issued.mean
    plain = mean if series.issued.plain is None else series.issued.plain
    at = _place(series.reach, days)
    row, ahead = at[0], at[1] + days.start
    figures = {
        "day": np.datetime64(series.panel.last_day, "D") + (ahead + 1),
        "mean": mean[row, ahead],
        **{name: quantiles[(*at, place)] for place, name in enumerate(DAY_NAMES)},
        "is_promoted": series.promoted[row, ahead],
        "uplift": np.divide(mean, plain, out=np.ones_like(mean), where=plain > 0)[row, ahead],
    }
    return series.panel.keys[row].with_columns(**_columns(figures))


def _sums(series: _Series, spread: Uncertainty, before: int = 0) -> pl.DataFrame:
    """One row for each series and number of days up to its reach, the first one `before` + 1."""
    at = _place(series.reach, slice(before, before + spread.deviation.shape[1]))
    row, ahead = at[0], at[1] + before
    figures = {
        "horizon_days": ahead + 1,
        "cumulative_mean": np.cumsum(series.issued.mean, axis=1)[row, ahead],
        "cumulative_sd": spread.deviation[at],
        **{f"p{round(100 * level)}": spread.quantiles[(*at, place)] for place, level in enumerate(LEVELS)},
        "promoted_days": np.cumsum(series.promoted, axis=1)[row, ahead],
    }
    return series.panel.keys[row].with_columns(**_columns(figures))


def _columns(figures: Mapping[str, NDArray]) -> dict[str, pl.Series]:
    return {name: pl.Series(values) for name, values in figures.items()}


def _place(reach: IntArray, days: slice) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of an array of these days ahead that lie within the reach of each series."""
    rows, columns = np.nonzero(np.arange(days.start + 1, days.stop + 1)[None, :] <= reach[:, None])
    return rows, columns
