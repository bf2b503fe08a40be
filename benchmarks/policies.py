"""Order policies on the sales of Online Retail II: fill that was meant and reached, and stock and cost at equal fill.

`python -m benchmarks.policies [--save]` needs INVENTORY_SHARED_DATA. The panel is frozen: merchandise with at least ten
weeks of sales *before* the measured half year; its hash stands beside the figures. Sales are taken for demand, lost
sales, order-up-to every review, estimated again once a week from the past alone. A day's units above five times the
item's 95th percentile of selling days before the measured ones are cut: single bulk orders (one of 74,215 units) are
no demand a shelf can be planned for. `--as-sold` leaves them in. `--chosen-on` shows the half year before it, on which
methods are chosen, and saves nothing.

The data set has no costs: a year of stock costs a quarter of its value, an order line 1, a lost sale 30 % of its price.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import asdict
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.report import figure, publish
from benchmarks.scms_lead_times import scms_lead_times
from inventory_assets.replenishment.comparing import OURS, OURS_BY_CYCLE, TEXTBOOK, Setup, nominal, recipes, run_rule
from inventory_assets.replenishment.equal_fill import at_equal_fill
from inventory_assets.replenishment.outcome import Figure, Prices, figures
from inventory_assets.replenishment.replay import Run, drawn_lead_times

FILE = Path("online_retail_ii") / "online_retail_ii_to_2011-05-31.parquet"
JUDGED = (date(2010, 12, 1), date(2011, 5, 31))
CHOSEN_ON = (date(2010, 6, 1), date(2010, 11, 30))
"""Measured days: first and last."""
ACTIVE_WEEKS = 10
BULK = 5
TARGETS = (0.90, 0.95, 0.98)
TERMS = ((7, 7), (7, 14), (1, 3))
"""Review period and lead time, days."""
EQUAL_FILLS = (0.92, 0.95)
"""Fill rates by value at which stock and cost are compared."""
OUR_TARGETS = {
    OURS: (0.80, 0.86, 0.90, 0.925, 0.95, 0.965, 0.975, 0.985),
    OURS_BY_CYCLE: (0.70, 0.80, 0.87, 0.92, 0.95, 0.97, 0.98, 0.99, 0.995),
}
THEIR_FACTORS = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
"""Safety factors of the textbook; it needs more than any cycle service has a name for."""
MARGIN, LINE_COST = 0.3, 1.0
MOST_MEAN, MOST = 1.5, 3.0
"""Points that fill may be off, on average and in any cell."""
SEED = 1


def without_bulk(demand: np.ndarray, measured_days: int) -> np.ndarray:
    """Units with the days of bulk orders cut to five times the 95th percentile of earlier selling days."""
    before = demand[:, :-measured_days].astype(np.float64)
    usual = np.nanpercentile(np.where(before > 0, before, np.nan), 95, axis=1)
    return np.minimum(demand, np.ceil(BULK * usual)[:, None].astype(np.int64))


def published_once(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines of both sheets, those of the nine days that stand in both counted once.

    A line an invoice really repeats stays: the n-th of equal lines of one sheet is the n-th of the other.
    """
    said = [name for name in lines.columns if name != "Sheet"]
    numbered = lines.with_columns(occurrence=pl.int_range(pl.len()).over("Sheet", *said))
    return numbered.unique([*said, "occurrence"], keep="first", maintain_order=True).drop("occurrence")


def panel(folder: Path, measured_from: date, last: date) -> tuple[np.ndarray, np.ndarray, str]:
    """Units a day by item until a day, the price of each item before the measured ones, and the hash of the units."""
    published = published_once(pl.read_parquet(folder / FILE)).with_columns(
        day=pl.col("InvoiceDate").dt.date(), item=pl.col("StockCode").str.strip_chars().str.to_uppercase()
    )
    lines = published.filter(pl.col("day") <= last)
    goods = lines.filter(pl.col("item").str.contains(r"^\d{5}[A-Z]{0,2}$"), pl.col("Price") > 0)
    who = ["Customer ID", "item", "units", "day"]
    back = goods.filter(pl.col("Quantity") < 0).with_columns(units=-pl.col("Quantity")).select(who).unique()
    sold = goods.filter(pl.col("Quantity") > 0).with_columns(units=pl.col("Quantity")).join(back, on=who, how="anti")
    before = sold.filter(pl.col("day") < measured_from)
    kept = (
        before.group_by("item")
        .agg(weeks=pl.col("day").dt.truncate("1w").n_unique(), price=pl.col("Price").median())
        .filter(pl.col("weeks") >= ACTIVE_WEEKS)
        .sort("item")
        .with_row_index("row")
    )
    days = sold.join(kept, on="item").group_by("row", "day").agg(pl.col("units").sum())
    first: date = lines["day"].min()  # type: ignore[assignment]
    array = np.zeros((kept.height, (last - first).days + 1), dtype=np.int64)
    column = days["day"].to_physical().to_numpy() - pl.Series([first]).to_physical()[0]
    array[days["row"].to_numpy(), column] = days["units"].to_numpy()
    return array, kept["price"].to_numpy(), hashlib.sha256(array.tobytes()).hexdigest()[:16]


def calibration(demand: np.ndarray, prices: Prices, days: int) -> dict[str, float]:
    """Fill by value that our formula reached in each cell, less what was wanted, in points."""
    found = {}
    for review, lead in TERMS:
        setup = Setup(lead, review, measure_days=days)
        recipe = recipes(setup)[OURS]
        for target in TARGETS:
            run = run_rule(demand, recipe(target), setup)
            found[f"R={review} L={lead} {target:.2f}"] = _off(run, prices, target)
    return found


def drawn_calibration(
    demand: np.ndarray, prices: Prices, days: int, folder: Path, terms: tuple[tuple[int, int | None], ...]
) -> dict[str, float]:
    """The same where each order has a lead time of its own, drawn from SCMS: of this mean, or as it is (None)."""
    found = {}
    for review, mean in terms:
        lead = scms_lead_times(folder, mean)
        coming = drawn_lead_times(lead.coming, *demand.shape, np.random.default_rng(SEED))
        known = float(lead.known.mean())
        setup = Setup(known, review, measure_days=days, lead_time_sd=lead.deviation(review))
        recipe = recipes(setup)[OURS]
        for target in TARGETS:
            run = run_rule(demand, recipe(target), setup, coming)
            found[f"R={review} L={known:.1f}±{lead.known.std(ddof=1):.1f} {target:.2f}"] = _off(run, prices, target)
    return found


def equal_fill(demand: np.ndarray, prices: Prices, days: int) -> dict[str, dict[str, dict[str, Figure]]]:
    """Stock and costs of our formulas against the textbook's where both reach the same fill by value, for all terms."""
    found: dict[str, dict[str, dict[str, Figure]]] = {name: {} for name in OUR_TARGETS}
    for review, lead in TERMS:
        setup = Setup(lead, review, measure_days=days)
        known = recipes(setup)
        ours = {
            name: [run_rule(demand, known[name](target), setup) for target in targets]
            for name, targets in OUR_TARGETS.items()
        }
        theirs = [run_rule(demand, known[TEXTBOOK](_service(factor)), setup) for factor in THEIR_FACTORS]
        for name, fill in product(OUR_TARGETS, EQUAL_FILLS):
            found[name][f"R={review} L={lead} {fill:.2f}"] = at_equal_fill(
                ours[name], theirs, fill, prices, rng=np.random.default_rng(SEED)
            )
    return found


def _service(factor: float) -> float:
    from scipy import special

    return float(special.ndtr(factor))


def _off(run: Run, prices: Prices, target: float) -> float:
    return round(100 * (figures(run, prices)["fill_value"] - target), 2)


def _within(errors: dict[str, float]) -> bool:
    off = np.abs(list(errors.values()))
    return bool(off.mean() <= MOST_MEAN and off.max() <= MOST)


def _told(errors: dict[str, float]) -> str:
    worst = max(errors, key=lambda cell: abs(errors[cell]))
    off = np.abs(list(errors.values()))
    return f"off by {off.mean():.2f} points on average, {off.max():.2f} at most ({worst})"


def _said(change: Figure) -> str:
    if np.isnan(change.value):
        return "not reached by both"
    return f"{100 * change.value:+.1f} % [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"


def calibrated(name: str, title: str, errors: dict[str, float], *, save: bool) -> int:
    """Publish one row about calibration."""
    target = f"mean error ≤ {MOST_MEAN} points, none > {MOST:.0f}"
    return publish(figure(name, title, target, _told(errors), reached=_within(errors), details=errors), save=save)


def main() -> int:
    """Measure calibration under fixed and drawn lead times, stock and cost at equal fill, and the documented table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--save", action="store_true")
    options.add_argument("--as-sold", action="store_true", help="leave bulk orders in")
    options.add_argument("--chosen-on", action="store_true", help="the half year methods are chosen on; never saved")
    chosen = options.parse_args()
    folder = Path(os.environ["INVENTORY_SHARED_DATA"])
    first, last = CHOSEN_ON if chosen.chosen_on else JUDGED
    demand, price, digest = panel(folder, first, last)
    days, save = (last - first).days + 1, chosen.save and not chosen.chosen_on
    if not chosen.as_sold:
        demand = without_bulk(demand, days)
    prices = Prices(unit_cost=price, fixed_cost=LINE_COST, stockout_cost=MARGIN * price)
    of = f"{len(demand):,} items of Online Retail II ({'as sold, ' if chosen.as_sold else ''}panel {digest})"
    kind = "_as_sold" if chosen.as_sold else ""
    errors = calibration(demand, prices, days)
    missed = calibrated(f"policies{kind}", f"fill meant and reached on {of}, value-weighted", errors, save=save)
    if chosen.as_sold:
        return missed
    scaled = drawn_calibration(demand, prices, days, folder, TERMS)
    missed += calibrated(
        "policies_scms", f"the same, lead times drawn with the spread of SCMS around means of 7, 14, 3 days; {of}",
        scaled, save=save,
    )  # fmt: skip
    if not chosen.chosen_on:  # half a year is no history for lead times of a third of a year
        real = drawn_calibration(demand, prices, days, folder, ((7, None), (1, None)))
        missed += calibrated(
            "policies_scms_days", f"the same, lead times drawn from SCMS as they are (106 days ± 75); {of}", real,
            save=save,
        )  # fmt: skip
    compared = equal_fill(demand, prices, days)
    cells = compared[OURS_BY_CYCLE]
    needed = [each[name] for each in cells.values() for name in ("stock_value", "cost")]
    told = "; ".join(
        f"{cell}: stock {_said(each['stock_value'])}, cost {_said(each['cost'])}" for cell, each in cells.items()
    )
    table = [
        {name: row[name] for name in ("policy", "fill_value", "fill_units", "stock_value", "days_of_cover", "orders")}
        for row in nominal(demand, prices, Setup(measure_days=days), np.random.default_rng(SEED))
    ]
    details: dict[str, Any] = {
        "nominal": table,
        "equal_fill": {
            rule: {cell: {name: asdict(told) for name, told in each.items()} for cell, each in cells.items()}
            for rule, cells in compared.items()
        },
    }
    good = all(each.value <= -0.10 and each.high < 0 for each in needed)
    result = figure(
        "policies_equal_fill",
        f"stock value and total cost at equal fill, one cycle service for all, against the textbook (L + R); {of}",
        "≥ 10 % less, interval over items excludes 0", told, reached=good, details=details,
    )  # fmt: skip
    return missed + publish(result, save=save)


if __name__ == "__main__":
    raise SystemExit(main())
