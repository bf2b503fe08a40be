"""What overrides and outlier marks were worth: the forecast with each and without it, held against what came.

The forecast without is made again as it was made then: from the days up to the one before, with the models chosen from
them; an override that holds for longer than the horizon meets a new forecast every horizon. Data are as they are known
today: what arrived late is in them. Not here: forecasts (`pipeline.forecast`). Invariant: what was
measured more than `SETTLED_DAYS` after its end is not measured again, so a night costs what is under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.parameters import MARKS, PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.contracts.value_added import FORECAST_VALUE_ADDED
from inventory_assets.forecast.backtest import WINDOWS, backtest, past_windows
from inventory_assets.forecast.issue import expected, models_by_class
from inventory_assets.forecast.locations import shares
from inventory_assets.forecast.models import CANDIDATES, SES, alive
from inventory_assets.forecast.selection import ALL, choose, classes
from inventory_assets.forecast.series import NEW_BELOW_DAYS, like_items, like_rows, observed_days
from inventory_assets.forecast.value_added import value_added
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.pipeline.demand import DEMAND_SOURCES, PAIR, Demand, known_demand, left_out, outlying
from inventory_assets.pipeline.promotions import members_of, promotions_of
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new
from inventory_assets.replenishment.overrides import holding, override_spans
from inventory_assets.replenishment.parameters import in_force
from inventory_assets.replenishment.promotions import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inventory_assets.settings import ForecastSettings

    FloatArray = NDArray[np.float64]

SETTLED_DAYS = 14
"""Days after its end for which late rows may still change what a word was worth."""
SAID = ("parameter_id", "scope", "scope_value", "author", "reason")


def refresh_value_added(workspace: Workspace, settings: ForecastSettings, *, anew: bool = False) -> Report:
    """Measure overrides and marks when demand, settings or classes changed, or all of them `anew`.

    Args:
        workspace: stores and clock.
        settings: horizon, history, like items.
        anew: also what is settled.
    """
    lake, table = workspace.lake, FORECAST_VALUE_ADDED
    report = Report((table,))
    pins = lake.pins((*DEMAND_SOURCES, PLANNING_PARAMETERS, INVENTORY_POLICY))
    if DAILY_INVENTORY_SUMMARY.path not in pins or (not anew and nothing_new(lake, table, pins)):
        return report
    said, today = lake.scan(PLANNING_PARAMETERS, pins.get(PLANNING_PARAMETERS.path)).collect(), workspace.now().date()
    history = said.filter(pl.col("name").is_in(MARKS))
    if history.is_empty():
        return report
    demand = known_demand(lake, pins, settings, today)
    settled = pl.col("processing_date") - pl.duration(days=SETTLED_DAYS) > pl.col("valid_until")
    rows = empty(table) if anew else lake.scan(table).filter(settled).collect()
    if demand is not None:
        planned, settled_ids = settings_of(said), frozenset(rows["parameter_id"])
        measured = _Measured(lake, pins, settings, history, planned, demand, today, settled_ids)
        made = [{**row, "processing_date": today} for row in (*measured.overrides(), *measured.outliers())]
        rows = pl.concat([rows, pl.DataFrame(made, schema=polars_schema(table), orient="row")])
    report.add(table, lake.replace(table, rows.sort(table.key), Scope(), pins), None)
    return report


@dataclass(slots=True)
class _Measured:
    """Settings about demand held against it.

    Attributes:
        lake: the tables.
        pins: their versions.
        settings: horizon and like items.
        history: settings about demand.
        planned: promotions people named.
        demand: what is known of it, no mark applied.
        today: UTC day of the computation.
        settled: settings that are not measured again.
        made: forecasts by origin and the days that were left out.
    """

    lake: Lake
    pins: Mapping[str, int]
    settings: ForecastSettings
    history: pl.DataFrame
    planned: pl.DataFrame
    demand: Demand
    today: date
    settled: frozenset[str]
    made: dict[tuple[int, bool], FloatArray] = field(default_factory=dict)

    def overrides(self) -> Iterator[dict[str, Any]]:
        """A row for each override and pair it held for."""
        spans = override_spans(self.history)
        pairs, first = self.demand.pairs, self.demand.pairs.first_day
        names = ("product_sku", "location_id", "supplier_id", "abc", "xyz")
        known = self.lake.scan(INVENTORY_POLICY, self.pins.get(INVENTORY_POLICY.path)).select(names).collect()
        keys = pairs.keys.join(known, on=list(PAIR), how="left", maintain_order="left")
        owner, came = holding(spans, keys, first, pairs.days), self._realised()
        for number, span in enumerate(spans.to_dicts()):
            begin = (span["valid_from"] - first).days
            held = owner == number
            rows = np.flatnonzero(held.any(axis=1))
            if span["parameter_id"] in self.settled or not len(rows):
                continue
            end = int(np.flatnonzero(held.any(axis=0))[-1]) + 1
            without = np.full((len(rows), end - begin), np.nan)
            for ahead in range(0, end - begin, self.settings.horizon_days):
                part = without[:, ahead : ahead + self.settings.horizon_days]
                part[:] = self._forecast(begin + ahead - 1, newest=True)[rows, : part.shape[1]]
            for place, row in enumerate(rows.tolist()):
                seen = slice(max(begin, 0), end)
                with_it, then = (np.full(end - begin, np.nan) for _ in range(2))
                with_it[seen.start - begin :] = np.where(held[row, seen], span["level"], np.nan)
                then[seen.start - begin :] = came[row, seen]
                yield from self._row("demand_override", span, row, begin, then, without[place], with_it)

    def outliers(self) -> Iterator[dict[str, Any]]:
        """A row for each mark and pair, over the horizon after it could first change a forecast.

        Marks that come to bear on the same day are measured together: each has the worth of all of them.
        """
        pairs, came = self.demand.pairs, self._realised()
        marks = self.history.filter(pl.col("name") == "outlier_day", pl.col("value").is_not_null())
        for mark in self._at_origins(marks).sort("origin", "parameter_id").to_dicts():
            origin = mark["origin"]
            end = min(origin + 1 + self.settings.horizon_days, pairs.days)
            if mark["parameter_id"] in self.settled or end <= origin + 1 or origin < 0:
                continue
            if mark["parameter_id"] not in self._marks_at(origin)["parameter_id"]:
                continue
            days = {"valid_from": origin + 1, "valid_until": origin + self.settings.horizon_days}
            span = {**mark, **{name: self._day(column) for name, column in days.items()}}
            where = pl.DataFrame([mark]).select(
                product_sku="scope_value", location_id=pl.col("location_id").cast(pl.String), day="day"
            )
            for row in np.flatnonzero(outlying(pairs, where).any(axis=1)).tolist():
                both = (self._forecast(origin, newest=newest)[row, : end - origin - 1] for newest in (False, True))
                yield from self._row("outlier_day", span, row, origin + 1, came[row, origin + 1 : end], *both)

    def _row(
        self, kind: str, span: Mapping[str, Any], row: int, begin: int, came: FloatArray, without: FloatArray,
        with_it: FloatArray,
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        found = value_added(came, without, with_it)
        if found is None:
            return
        until = span["valid_until"]
        yield {
            **{name: span[name] for name in SAID},
            "kind": kind,
            **self.demand.pairs.keys.row(row, named=True),
            "valid_from": span["valid_from"],
            "valid_until": until,
            "is_over": until is not None and until <= self.demand.pairs.last_day,
            "measured_until": self._day(begin + found.last),
            "days": found.days,
            "demand": found.demand,
            "forecast_without": found.without,
            "forecast_with": found.with_it,
            "error_without": found.error_without,
            "error_with": found.error_with,
            "value_added": found.gain,
        }

    def _day(self, column: int) -> date:
        return self.demand.pairs.first_day + timedelta(days=column)

    def _realised(self) -> FloatArray:
        """Demand that came, without days that people call outliers today."""
        gone = outlying(self.demand.pairs, _days_of(in_force(self.history, self.today)))
        return np.where(gone, np.nan, self.demand.pairs.units)

    def _at_origins(self, marks: pl.DataFrame) -> pl.DataFrame:
        """Marks of items with their day and the column of the first forecast they could change."""
        first = self.demand.pairs.first_day
        day = pl.col("value").str.to_date("%Y-%m-%d")
        told = pl.max_horizontal(pl.col("set_at").dt.date() - pl.duration(days=1), day)
        return marks.filter(pl.col("scope") == "item").with_columns(
            day=day, origin=(told - pl.lit(first)).dt.total_days()
        )

    def _marks_at(self, origin: int) -> pl.DataFrame:
        """Marks that a forecast made at an origin knew."""
        day = self._day(origin + 1)
        known = in_force(self.history.filter(pl.col("set_at").dt.date() <= day), day)
        return self._at_origins(known.filter(pl.col("name") == "outlier_day"))

    def _forecast(self, origin: int, *, newest: bool) -> FloatArray:
        """Forecasts of the pairs as made at an origin; nan with less than four weeks before it.

        Args:
            origin: column of the last day known.
            newest: whether marks that first bear on this forecast are heeded.
        """
        at = (origin, newest)
        if at not in self.made:
            heeded = self._marks_at(origin).filter(pl.col("origin") <= (origin if newest else origin - 1))
            planned = settings_of(self.planned, self._day(origin + 1))
            known = left_out(self.demand, _days_of(heeded))
            self.made[at] = forecast_as_of(known, origin, self.settings, members_of(self.lake, self.pins), planned)
        return self.made[at]


def _days_of(marks: pl.DataFrame) -> pl.DataFrame:
    rows = marks.filter(pl.col("name") == "outlier_day", pl.col("scope") == "item")
    return rows.select(
        product_sku="scope_value", location_id="location_id", day=pl.col("value").str.to_date("%Y-%m-%d")
    )


def forecast_as_of(
    demand: Demand, origin: int, settings: ForecastSettings, members: pl.DataFrame, planned: pl.DataFrame
) -> FloatArray:
    """What the nightly forecast would have expected of each pair, from the days up to an origin alone.

    Args:
        demand: what is known; later days are not looked at, save for prices.
        origin: column of the last day known.
        settings: horizon and like items.
        members: category and supplier of each item.
        planned: promotions as they were known then.

    Returns:
        Units of each day ahead, shape (pairs, horizon); nan with less than four weeks of days.
    """
    horizon = settings.horizon_days
    if origin + 1 < NEW_BELOW_DAYS:
        return np.full((len(demand.pairs.units), horizon), np.nan)
    known = demand.until(origin)
    promotions = promotions_of(known, members, planned, horizon)
    usual = known if promotions is None else promotions.usual
    pairs, items = usual.pairs.units, usual.items.units
    evidence = backtest(items, past_windows(origin + 1, horizon, WINDOWS), horizon, (SES, *CANDIDATES), demand.price)
    chosen = choose(evidence)
    model = models_by_class(classes(items, alive(items)), chosen, chosen[ALL])
    mean = like_items(
        expected(items, horizon, model), observed_days(items), like_rows(demand.items, settings.like_items)
    )
    share = shares(pairs, demand.item, [origin], alive(pairs))
    plain = mean[demand.item] * share
    return plain if promotions is None else plain * promotions.lift
