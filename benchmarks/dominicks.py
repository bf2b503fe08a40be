"""Dominick's orange juice, 83 stores × 11 brands by week: do locations add up, and what do promotions do?

`python -m benchmarks.dominicks [--save]` needs INVENTORY_SHARED_DATA. A week's units are spread evenly over its days,
so that the nightly forecast runs as it is; weeks that were not published are missing, not 0. Forecasts are made at four
origins, four weeks apart, the 28 days after each held back. *Coherence* is the largest distance between a brand's
forecast of a day and the sum over its stores. The *promotion effect* is how much more a store sells of a brand in weeks
with a deal (cut price), or with a feature (advertised), both estimated together within store × brand; intervals draw
stores again. What promotions bring to the nightly forecast that knows them is held against a regression; both learn the
effects before each origin.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import figure, publish
from inventory_assets.contracts.forecast import DEMAND_FORECAST, ITEM_DEMAND_FORECAST
from inventory_assets.forecast.locations import totals
from inventory_assets.forecast.series import Panel
from inventory_assets.pipeline.forecast import Demand, forecast
from inventory_assets.pipeline.promotions import Promotions, told_apart
from inventory_assets.replenishment.promotions import Promoted
from inventory_assets.settings import ForecastSettings

FloatArray = NDArray[np.float64]

FILE = Path("dominicks_oj") / "yx.parquet"
FIRST_WEEK = date(1989, 9, 14)
"""Thursday on which Dominick's week 1 begins."""
OUNCES, WEEK_DAYS, HORIZON_WEEKS, ORIGINS = 64, 7, 4, 4
COHERENT = 1e-9
DRAWS, SEED = 500, 1


@dataclass(frozen=True, slots=True)
class Juice:
    """The data set; every array has shape (store × brand, weeks).

    Attributes:
        keys: product_sku, location_id of each row.
        units: cartons of 64 ounces; nan where not published.
        deal: 1 in weeks with a cut price.
        feature: share of the week's shelf that was advertised.
        log_price: logarithm of the own price an ounce.
        first_week: number of the first column.
    """

    keys: pl.DataFrame
    units: FloatArray
    deal: FloatArray
    feature: FloatArray
    log_price: FloatArray
    first_week: int


def juice(folder: Path) -> Juice:
    """Read the data set."""
    lines = pl.read_parquet(folder / FILE).with_columns(
        product_sku=pl.format("OJ-{}", pl.col("brand").cast(pl.String).str.zfill(2)),
        location_id=pl.format("S{}", pl.col("store").cast(pl.String).str.zfill(3)),
        units=pl.col("logmove").exp() / OUNCES,
        price=pl.concat_list(f"price{number}" for number in range(1, 12)).list.get(pl.col("brand") - 1).log(),
    )
    keys = lines.select("product_sku", "location_id").unique().sort("product_sku", "location_id")
    first, last = lines["week"].min(), lines["week"].max()
    placed = lines.join(keys.with_row_index("row"), on=["product_sku", "location_id"])
    at = placed["row"].to_numpy(), placed["week"].to_numpy() - first

    def matrix(name: str) -> FloatArray:
        found = np.full((keys.height, last - first + 1), np.nan)  # type: ignore[operator]
        found[at] = placed[name].to_numpy()
        return found

    return Juice(keys, *(matrix(name) for name in ("units", "deal", "feat", "price")), first)  # type: ignore[arg-type]


def demand_until(known: Juice, weeks: int) -> Demand:
    """Demand by day of the first weeks, as the nightly forecast takes it."""
    first = FIRST_WEEK + timedelta(days=WEEK_DAYS * (known.first_week - 1))
    days = np.repeat(known.units[:, :weeks] / WEEK_DAYS, WEEK_DAYS, axis=1)
    items = known.keys.select("product_sku").unique().sort("product_sku")
    item = (
        known.keys.join(items.with_row_index("row"), on="product_sku", maintain_order="left")["row"]
        .to_numpy()
        .astype(np.intp)
    )
    return Demand(
        Panel(known.keys, first, days), Panel(items, first, totals(days, item)), item,
        np.ones(items.height),
    )  # fmt: skip


def promotions_until(known: Juice, weeks: int) -> Promotions:
    """Promotions of the first weeks and of those that are forecast, as the nightly forecast takes them."""
    upto = slice(0, weeks + HORIZON_WEEKS)
    kind = (known.deal[:, upto] > 0) + 2 * (known.feature[:, upto] > 0)
    kinds = np.repeat(np.nan_to_num(kind).astype(np.int16), WEEK_DAYS, axis=1)
    return told_apart(demand_until(known, weeks), Promoted(kinds, ("", "deal", "feature", "both")))


def forecast_weeks(known: Juice, weeks: int, promotions: Promotions | None = None) -> tuple[FloatArray, float]:
    """Expected units of the coming weeks of each pair, and how far stores are from adding up to their brand."""
    demand = demand_until(known, weeks)
    settings = ForecastSettings(horizon_days=HORIZON_WEEKS * WEEK_DAYS)
    frames = forecast(demand, settings, demand.items.last_day, promotions=promotions)
    here, item = frames[DEMAND_FORECAST.path], frames[ITEM_DEMAND_FORECAST.path]
    summed = here.group_by("product_sku", "day").agg(together=pl.col("mean").sum())
    gap = item.join(summed, on=["product_sku", "day"], how="left", validate="1:1")
    coherence = gap.select((pl.col("mean") - pl.col("together")).abs().max()).item()
    first = demand.items.last_day + timedelta(days=1)
    weekly = (
        here.with_columns(week=(pl.col("day") - first).dt.total_days() // WEEK_DAYS)
        .group_by("product_sku", "location_id", "week")
        .agg(pl.col("mean").sum())
        .sort("product_sku", "location_id", "week")
    )
    return weekly["mean"].to_numpy().reshape(known.keys.height, HORIZON_WEEKS), float(coherence)


def effects(known: Juice, weeks: int, *, with_price: bool = False, rows: NDArray[np.intp] | None = None) -> FloatArray:
    """Logarithms of the factors of a deal and of a feature (and the own price elasticity), from the first weeks.

    Least squares of log units within store × brand.
    """
    kept = np.arange(len(known.units)) if rows is None else rows
    regressors = [known.deal, known.feature, *([known.log_price] if with_price else [])]
    told = ~np.isnan(known.units[kept, :weeks])
    y = _within(np.log(known.units[kept, :weeks]), told)
    x = np.stack([_within(each[kept, :weeks], told)[told] for each in regressors], axis=1)
    return np.linalg.lstsq(x, y[told], rcond=None)[0]


def _within(values: FloatArray, told: NDArray[np.bool_]) -> FloatArray:
    """Less the mean of the row."""
    return values - np.nanmean(np.where(told, values, np.nan), axis=1, keepdims=True)


def regressed(known: Juice, weeks: int, plain: FloatArray) -> FloatArray:
    """The forecast without promotions, times effects of a regression before the origin: what to hold ours against."""
    found = effects(known, weeks)
    lift = np.exp(found[0] * known.deal + found[1] * known.feature)
    coming = lift[:, weeks : weeks + HORIZON_WEEKS]
    usual = np.nanmean(lift[:, :weeks], axis=1, keepdims=True)
    return plain * np.where(np.isnan(coming), 1.0, coming) / usual


def uplift_intervals(known: Juice) -> dict[str, tuple[float, float, float]]:
    """Factors of a deal week and of a featured week, less 1, with 95 % intervals over stores."""
    weeks, rng = known.units.shape[1], np.random.default_rng(SEED)
    store = known.keys["location_id"].rank("dense").to_numpy() - 1
    members = [np.flatnonzero(store == number) for number in range(int(store.max()) + 1)]
    drawn = np.array([
        np.exp(effects(known, weeks, rows=np.concatenate([members[each] for each in chosen]))) - 1
        for chosen in rng.integers(0, len(members), (DRAWS, len(members)))
    ])  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = np.exp(effects(known, weeks)) - 1
    return {
        "deal": (float(found[0]), float(low[0]), float(high[0])),
        "feature": (float(found[1]), float(low[1]), float(high[1])),
    }


def main() -> int:
    """Measure coherence, accuracy with and without known promotions, and the effect of promotions."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    known = juice(Path(os.environ["INVENTORY_SHARED_DATA"]))
    gaps, factors = [], []
    errors = dict.fromkeys(("plain", "promotions known", "regression", "last week", "units"), 0.0)
    last = known.units.shape[1] - HORIZON_WEEKS
    for origin in range(last - HORIZON_WEEKS * (ORIGINS - 1), last + 1, HORIZON_WEEKS):
        plain, gap = forecast_weeks(known, origin)
        told = promotions_until(known, origin)
        ours, gap_told = forecast_weeks(known, origin, told)
        gaps += [gap, gap_told]
        factors.append(told.factor.tolist())
        came = known.units[:, origin : origin + HORIZON_WEEKS]
        naive = np.repeat(_last_told(known.units[:, :origin])[:, None], HORIZON_WEEKS, axis=1)
        rivals = {
            "plain": plain, "promotions known": ours, "regression": regressed(known, origin, plain), "last week": naive,
        }  # fmt: skip
        for name, rival in rivals.items():
            errors[name] += float(np.nansum(np.abs(rival - came)))
        errors["units"] += float(np.nansum(came))
    wape = {name: errors[name] / errors["units"] for name in rivals}
    uplift = uplift_intervals(known)
    shown = [f"{name} {value:+.0%} [{low:+.0%}, {high:+.0%}]" for name, (value, low, high) in uplift.items()]
    held = effects(known, known.units.shape[1], with_price=True)
    result = figure(
        "dominicks",
        f"Dominick's orange juice, {len(known.units)} store × brand series, {ORIGINS} origins, 4 weeks ahead",
        "stores add up to the brand within 1e-9; effect of promotions measured",
        f"{max(gaps):.1e} apart; units in a week with {', with '.join(shown)}; WAPE of weeks {wape['plain']:.3f} (last "
        f"week again {wape['last week']:.3f}), {wape['promotions known']:.3f} where promotions are known (by effects "
        f"of a regression {wape['regression']:.3f})",
        reached=max(gaps) <= COHERENT, details={
            "gaps": gaps, "wape": wape, "factors": factors, "uplift": uplift, "own_price_elasticity": float(held[2]),
            "uplift_price_held": {"deal": float(np.expm1(held[0])), "feature": float(np.expm1(held[1]))},
        },
    )  # fmt: skip
    return publish(result, save=chosen.save)


def _last_told(units: FloatArray) -> FloatArray:
    """The last published week of each pair."""
    columns = np.where(~np.isnan(units), np.arange(units.shape[1]), -1).max(axis=1)
    return units[np.arange(len(units)), columns]


if __name__ == "__main__":
    raise SystemExit(main())
