"""Promotions in the forecast: taken out of what is usual, learned from the past, on the days that were named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.forecast import (
    CUMULATIVE_DEMAND_FORECAST,
    DEMAND_FORECAST,
    FORECAST,
    ITEM_DEMAND_FORECAST,
)
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.schemas import check, empty
from inventory_assets.contracts.silver import PRODUCTS
from inventory_assets.forecast.locations import totals
from inventory_assets.forecast.promotions import taken_apart
from inventory_assets.forecast.series import Panel
from inventory_assets.lakehouse.lake import Scope
from inventory_assets.pipeline.demand import Demand
from inventory_assets.pipeline.forecast import forecast, refresh_forecast
from inventory_assets.pipeline.planning import set_parameters
from inventory_assets.pipeline.promotions import promotions_of
from inventory_assets.pipeline.value_added import forecast_as_of
from inventory_assets.replenishment.parameters import Setting, setting_row
from inventory_assets.replenishment.promotions import settings_of
from inventory_assets.settings import ForecastSettings, Settings
from inventory_assets_tests.pipeline.gold_rows import FIRST, filled, summary
from inventory_assets_tests.pipeline.running import workspace_at

DAYS, ITEMS = 200, 20
TODAY = FIRST + timedelta(days=DAYS)
SETTINGS = ForecastSettings(horizon_days=14)
NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 4, tzinfo=UTC)
PROMOTED = (40, 75, 110, 150)
"""First days of the past promotions, a week each."""


def usual(seed: int = 11, items: int = ITEMS, days: int = DAYS) -> np.ndarray:
    return np.random.default_rng(seed).poisson(5.0, (items, 2, days))


def span(first: int, days: int = 7, kind: str = "") -> str:
    return f"{FIRST + timedelta(days=first)}..{FIRST + timedelta(days=first + days - 1)} {kind}".strip()


def history(*words: tuple[str, str, str | None, str | None], now: datetime = NOW) -> pl.DataFrame:
    found = empty(PLANNING_PARAMETERS)
    for number, (scope, value, location, text) in enumerate(words):
        wanted = Setting(scope, value, "promotion", text, "mona", "spring", location)
        found = pl.concat([found, setting_row(wanted, now + timedelta(seconds=number), found)])
    return found


def demand_of(units: np.ndarray) -> Demand:
    items, shops, days = units.shape
    names = [f"I{number:02d}" for number in range(items)]
    pairs, item = units.reshape(items * shops, days).astype(float), np.repeat(np.arange(items), shops)
    keys = pl.DataFrame({"product_sku": np.repeat(names, shops), "location_id": ["S1", "S2"] * items})
    whole = Panel(pl.DataFrame({"product_sku": names}), FIRST, totals(pairs, item))
    return Demand(Panel(keys, FIRST, pairs), whole, item, np.ones(items))


def members(items: int = ITEMS) -> pl.DataFrame:
    """The first half of the items is juice."""
    names = [f"I{number:02d}" for number in range(items)]
    kinds = ["juice" if number < items // 2 else "tea" for number in range(items)]
    return pl.DataFrame({"product_sku": names, "category": kinds, "supplier_id": "X"})


def forecasts(units: np.ndarray, told: pl.DataFrame) -> dict[str, pl.DataFrame]:
    demand = demand_of(units)
    known = promotions_of(demand, members(len(units)), settings_of(told), SETTINGS.horizon_days)
    return forecast(demand, SETTINGS, TODAY, promotions=known)


def lifted(factor: float = 3.0) -> np.ndarray:
    """Juice sells `factor` times as much in its promotions."""
    units = usual()
    for first in PROMOTED:
        units[: ITEMS // 2, :, first : first + 7] = np.random.default_rng(first).poisson(
            5.0 * factor, (ITEMS // 2, 2, 7)
        )
    return units


PAST = [("category", "juice", None, span(first)) for first in PROMOTED]
COMING = ("item", "I00", "S1", span(DAYS + 3, 4))


@pytest.fixture(scope="module")
def made() -> dict[str, pl.DataFrame]:
    return forecasts(lifted(), history(*PAST, COMING))


def days_of(frame: pl.DataFrame, item: str, place: str | None = None) -> pl.DataFrame:
    rows = frame.filter(pl.col("product_sku") == item)
    return rows if place is None else rows.filter(pl.col("location_id") == place)


def test_past_promotions_are_no_usual_demand_and_coming_ones_raise_their_days_alone(made):
    here = days_of(made[DEMAND_FORECAST.path], "I00", "S1")
    assert np.flatnonzero(here["is_promoted"]).tolist() == [3, 4, 5, 6]
    assert here.filter("is_promoted")["mean"].mean() == pytest.approx(15, rel=0.12)
    assert here.filter(~pl.col("is_promoted"))["mean"].mean() == pytest.approx(5, rel=0.1)
    assert here.filter("is_promoted")["uplift"].unique().item() == pytest.approx(3, rel=0.08)
    others = made[DEMAND_FORECAST.path].filter(~((pl.col("product_sku") == "I00") & (pl.col("location_id") == "S1")))
    assert not others["is_promoted"].any()
    assert others["mean"].mean() == pytest.approx(5, rel=0.05)
    assert (others["uplift"] == 1).all()


def test_every_row_says_that_it_holds_a_promotion_and_keeps_its_contract(made):
    for table in FORECAST:
        check(made[table.path], table)
    sums = days_of(made[CUMULATIVE_DEMAND_FORECAST.path], "I00", "S1")
    assert sums["promoted_days"].to_list() == [0, 0, 0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4]
    item = days_of(made[ITEM_DEMAND_FORECAST.path], "I00")
    assert np.flatnonzero(item["is_promoted"]).tolist() == [3, 4, 5, 6], "one of its locations is enough"
    assert item.filter("is_promoted")["uplift"].unique().len() == 1


def test_locations_add_up_to_their_item_and_days_to_their_sums_with_promotions(made):
    pairs, items = made[DEMAND_FORECAST.path], made[ITEM_DEMAND_FORECAST.path]
    added = pairs.group_by("product_sku", "day").agg(added=pl.col("mean").sum())
    both = items.join(added, on=["product_sku", "day"])
    assert both.height == items.height
    assert (both["added"] - both["mean"]).abs().max() < 1e-9
    ahead = pairs.sort("day").with_columns(
        summed=pl.col("mean").cum_sum().over("product_sku", "location_id"),
        horizon_days=(pl.col("day") - pl.col("issued_on")).dt.total_days(),
    )
    sums = made[CUMULATIVE_DEMAND_FORECAST.path].join(ahead, on=["product_sku", "location_id", "horizon_days"])
    assert (sums["summed"] - sums["cumulative_mean"]).abs().max() < 1e-9


def test_a_promotion_makes_its_day_and_its_sums_less_certain(made):
    pair = (
        days_of(made[CUMULATIVE_DEMAND_FORECAST.path], "I00", "S1"),
        days_of(made[CUMULATIVE_DEMAND_FORECAST.path], "I01", "S1"),
    )
    same, later = (each.filter(pl.col("horizon_days").is_in([3, 7]))["cumulative_sd"].to_numpy() for each in pair)
    assert same[1] / later[1] > 1.5 * same[0] / later[0]
    here = days_of(made[DEMAND_FORECAST.path], "I00", "S1")
    assert here.filter("is_promoted")["p90"].min() > here.filter(~pl.col("is_promoted"))["p90"].max()


@pytest.fixture(scope="module")
def never() -> dict[str, pl.DataFrame]:
    """The same past, and no promotion to come."""
    return forecasts(lifted(), history(*PAST))


def test_a_cancelled_promotion_raises_nothing(never):
    cancelled = forecasts(lifted(), history(*PAST, COMING, (*COMING[:3], span(DAYS + 3, 4, "cancelled"))))
    for table in FORECAST:
        assert cancelled[table.path].equals(never[table.path]), table.path


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(35, 120), st.sampled_from([DAYS + 200, -400]))
def test_without_a_promotion_on_any_day_forecasts_are_byte_for_byte_what_they_were(seed, items, days, elsewhere):
    units = usual(seed, items, days)
    plain = forecast(demand_of(units), SETTINGS, TODAY)
    told = history(("default", "*", None, span(elsewhere)), ("item", "nobody", None, span(days - 5)))
    for table in FORECAST:
        assert forecasts(units, told)[table.path].equals(plain[table.path]), table.path


def test_a_promotion_of_one_item_leaves_the_coming_days_of_the_others_as_they_were(made, never):
    for table in (DEMAND_FORECAST, ITEM_DEMAND_FORECAST, CUMULATIVE_DEMAND_FORECAST):
        others = pl.col("product_sku") != "I00"
        assert made[table.path].filter(others).equals(never[table.path].filter(others)), table.path


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 150))
def test_what_is_taken_out_is_the_promoted_days_alone_and_days_like_any_other_have_no_effect(seed, origin):
    random = np.random.default_rng(seed)
    units = random.poisson(3.0, (12, DAYS)).astype(float)
    kind = (random.random((12, DAYS)) < 0.15).astype(np.int16)
    cut = taken_apart(units[:, :origin], kind[:, :origin], 2)
    assert cut.factor[0] == 1
    assert 0.5 < cut.factor[1] < 1.6, "demand of these days is like any other"
    assert np.array_equal(np.isnan(cut.usual), (kind[:, :origin] > 0) & cut.apart[:, None])
    assert (cut.flat[~np.isnan(cut.usual)] == units[:, :origin][~np.isnan(cut.usual)]).all()


def test_a_forecast_made_before_a_promotion_does_not_know_what_it_brought():
    """Rolling origin: what is measured of overrides uses forecasts as of then."""
    units, told = lifted(), settings_of(history(*PAST))
    changed = units.copy()
    changed[:, :, 148:] *= 30
    origin = 147
    made = [
        forecast_as_of(demand_of(each), origin, SETTINGS, members(), told) for each in (units, changed)
    ]  # fmt: skip
    assert (made[0] == made[1]).all()
    assert made[0][0, 2:9].mean() == pytest.approx(15, rel=0.15), "by the three promotions before"
    assert made[0][-1].mean() == pytest.approx(5, rel=0.15)


def test_few_promoted_days_say_little_and_kinds_lean_on_each_other():
    units = usual()[:, 0].astype(float)
    kind = np.zeros(units.shape, dtype=np.int16)
    kind[:, 100:103], kind[0, 150] = 1, 2
    units[:, 100:103] *= 4
    units[0, 150] *= 9
    often, once = taken_apart(units, kind, 3).factor[1:]
    assert 3.0 < often < 4.2
    assert once == pytest.approx(often, rel=0.25), "one day of one item is no evidence of nine times as much"
    kind[:] = 0
    kind[0, 150] = 1
    assert 1.0 < taken_apart(units, kind, 2).factor[1] < 1.8


def test_an_item_that_was_hardly_ever_without_one_is_left_as_it_is():
    units = usual()[:3, 0].astype(float)
    kind = np.zeros(units.shape, dtype=np.int16)
    kind[0, 10:] = 1
    found = taken_apart(units, kind, 2)
    assert found.apart.tolist() == [False, True, True]
    assert (found.usual == units).all()
    assert (found.lift(kind) == 1).all()


def test_a_promotion_that_is_set_or_cancelled_makes_a_new_forecast_once(tmp_path):
    own = Settings(data_dir=tmp_path)
    workspace = workspace_at(own, NOW)
    workspace.lake.replace(DAILY_INVENTORY_SUMMARY, summary(lifted()), Scope())
    items = members().with_columns(is_current=True, supplier_id=pl.lit(None, pl.String))
    workspace.lake.replace(PRODUCTS, filled(items, PRODUCTS), Scope())
    refresh_forecast(workspace, SETTINGS)
    assert not workspace.lake.scan(DEMAND_FORECAST).collect()["is_promoted"].any()
    words = [(*PAST[0][:3], text) for text in (*(word[3] for word in PAST), span(DAYS + 1, 3))]
    made = [Setting(scope, value, "promotion", text, "mona", "spring", place) for scope, value, place, text in words]
    assert set_parameters(workspace, own.writer_lock, made).height == 5
    assert set_parameters(workspace, own.writer_lock, made).height == 0
    assert refresh_forecast(workspace, SETTINGS).changed
    assert not refresh_forecast(workspace, SETTINGS).changed
    promoted = workspace.lake.scan(DEMAND_FORECAST).filter("is_promoted").collect()
    assert promoted["product_sku"].n_unique() == ITEMS // 2
    assert promoted.height == 3 * ITEMS
    assert promoted["uplift"].min() > 2.5
    workspace = workspace_at(own, NOW + timedelta(hours=1))
    set_parameters(workspace, own.writer_lock, [Setting("category", "juice", "promotion", None, "mona", "no money")])
    assert refresh_forecast(workspace, SETTINGS).changed
    after = workspace.lake.scan(DEMAND_FORECAST).collect()
    assert not after["is_promoted"].any()
    assert after["mean"].mean() == pytest.approx(5, rel=0.05), "the past ones stay out of what is usual"
