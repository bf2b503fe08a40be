"""Forecasts against the best plain model, on Online Retail II: `python -m benchmarks.forecast`.

Four figures: accuracy, coverage of cumulative demand, the time of the default path, the time of a backtest of twelve
models. Nothing about a test block is known to the forecast of it: at each origin the model of a class is chosen by
the four blocks before the origin.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.forecast_panel import HORIZON, ORIGINS, Frozen, daily_rows, frozen
from benchmarks.report import ROOT, figure, peak_bytes, publish
from inventory_assets.forecast import metrics
from inventory_assets.forecast.backtest import Cut, backtest, cut, forecasts, past_windows, scores
from inventory_assets.forecast.intervals import LEVELS
from inventory_assets.forecast.issue import Issued, issue, models_by_class, uncertainty
from inventory_assets.forecast.models import CANDIDATES, PLAIN, SES
from inventory_assets.forecast.selection import ALL, choose

WINDOWS = 4
SUMS = (4, 7, 14, 21, 28)
"""Days whose sum is held against its 95 % quantile: (R, L) = (1, 3), (7, 7), (7, 14) and their neighbours."""
ITEMS, DAYS, BACKTESTED = 3_000, 730, 2_000
PANEL_TITLE = "Online Retail II, items with ≥ 10 active weeks, 7 origins 28 days apart, h = 28"


@dataclass(slots=True)
class Origin:
    """What one origin gave.

    Attributes:
        made: the cut.
        issued: the forecast.
        quantiles: cumulative demand, shape (series, horizon, levels).
        chosen: model by class.
        scores: measures of all models.
    """

    made: Cut
    issued: Issued
    quantiles: NDArray[np.float64]
    chosen: dict[str, str]
    scores: pl.DataFrame


def at_origin(panel: Frozen, column: int) -> Origin:
    """Choose, forecast and score at one origin."""
    made = cut(panel.demand.units, column, HORIZON, panel.price(column), panel.scored(column))
    windows = past_windows(column + 1, HORIZON, WINDOWS)
    evidence = backtest(made.known, windows, HORIZON, (*CANDIDATES, SES), made.price)
    chosen = choose(evidence)
    issued = issue(made.known, HORIZON, models_by_class(made.groups, chosen, chosen[ALL]))
    all_models = {**forecasts(made, HORIZON, (*PLAIN, *CANDIDATES)), "chosen": issued.mean}
    return Origin(made, issued, uncertainty(made.known, issued).quantiles, chosen, scores(made, all_models))


def accuracy(origins: list[Origin]) -> tuple[dict, bool, str]:
    """Mean over the origins of each measure, and whether the targets hold."""
    rows = pl.concat([origin.scores for origin in origins])
    means = {
        name: group.drop("class", "model", "origin").mean().row(0, named=True)
        for (name,), group in rows.filter(pl.col("class") == ALL).group_by("model", maintain_order=True)
    }
    best = {
        key: min(((means[name][key], name) for name in PLAIN), key=lambda found: found[0])
        for key in ("rmsse", "value_rmsse", "lead_wape")
    }
    ours, naive = means["chosen"], means["seasonal naive"]
    ratios = {key: ours[key] / best[key][0] for key in best}
    under = {key: ours[key] / naive[key] for key in ("rmsse", "value_rmsse")}
    biases = [origin.scores.row(by_predicate=_chosen_of_all(), named=True)["value_bias"] for origin in origins]
    bias = float(np.mean(biases))
    total = _pooled_bias(origins)
    by_class = _against_smoothing(rows)
    reached = (
        ratios["rmsse"] <= 0.995 and ratios["value_rmsse"] <= 0.98 and ratios["lead_wape"] <= 1.01
        and max(under.values()) <= 0.8 and abs(bias) <= 0.05 and abs(total) <= 0.05
    )  # fmt: skip
    measured = (
        f"RMSSE {ratios['rmsse'] - 1:+.1%} ({ours['rmsse']:.4f}; {best['rmsse'][1]} {best['rmsse'][0]:.4f}), by value "
        f"{ratios['value_rmsse'] - 1:+.1%} ({ours['value_rmsse']:.4f}; {best['value_rmsse'][1]} "
        f"{best['value_rmsse'][0]:.4f}), 14-day WAPE {ratios['lead_wape'] - 1:+.1%} ({ours['lead_wape']:.3f}; "
        f"{best['lead_wape'][1]} {best['lead_wape'][0]:.3f}); under seasonal naive {under['rmsse'] - 1:+.0%}, "
        f"{under['value_rmsse'] - 1:+.0%}; bias by value {bias:+.1%} (mean of origins), {total:+.1%} (all together); "
        f"worst class against exponential smoothing {max(by_class.values()) - 1:+.1%}"
    )
    details = {
        "models": means, "ratios": ratios, "under_seasonal_naive": under, "value_bias": bias, "pooled_bias": total,
        "classes_against_smoothing": by_class, "chosen": [origin.chosen for origin in origins],
        "value_bias_by_origin": biases,
        "items": [len(origin.made.rows) for origin in origins],
    }  # fmt: skip
    return details, reached and max(by_class.values()) <= 1.01, measured


def _chosen_of_all() -> pl.Expr:
    return (pl.col("class") == ALL) & (pl.col("model") == "chosen")


def _pooled_bias(origins: list[Origin]) -> float:
    """Bias by value over the demand of all origins together."""
    over = sum(float(np.nansum(o.made.price[:, None] * (o.issued.mean - o.made.came))) for o in origins)
    return over / sum(float(np.nansum(o.made.price[:, None] * o.made.came)) for o in origins)


def _against_smoothing(rows: pl.DataFrame) -> dict[str, float]:
    """RMSSE of the chosen model ÷ that of exponential smoothing, by class with at least 30 cases."""
    found = {}
    for (name,), group in rows.group_by("class"):
        sums = {
            model: (part["rmsse"] * part["series"]).sum() / part["series"].sum()
            for (model,), part in group.filter(pl.col("rmsse").is_not_nan()).group_by("model")
        }
        if group.filter(pl.col("model") == SES)["series"].sum() >= 30:
            found[name] = sums["chosen"] / sums[SES]
    return found


def coverage(origins: list[Origin]) -> tuple[dict, bool, str]:
    """Share of sums below their 95 % quantile, over all items and origins, by number of days."""
    place = LEVELS.index(0.95)
    found, by_origin = {}, {}
    for days in SUMS:
        came = [np.nansum(origin.made.came[:, :days], axis=1) for origin in origins]
        below = [origin.quantiles[:, days - 1, place] for origin in origins]
        found[days] = metrics.coverage(np.concatenate(came), np.concatenate(below))
        by_origin[days] = [metrics.coverage(*pair) for pair in zip(came, below, strict=True)]
    reached = all(0.94 <= share <= 0.96 for share in found.values())
    measured = ", ".join(f"{share:.3f} over {days} days" for days, share in found.items())
    return {"coverage": found, "by_origin": by_origin}, reached, measured


def synthetic(items: int, days: int) -> NDArray[np.float64]:
    """Lumpy demand of items launched at any time in the first half, the same for every run."""
    random = np.random.default_rng(20260101)
    rate = random.gamma(0.5, 0.6, (items, 1)) + 0.02
    week = np.array([1.1, 1.2, 1.1, 1.3, 1.0, 0.3, 1.0])[np.arange(days) % 7]
    size = random.negative_binomial(1.2, 0.25, (items, days)) + 1
    units = np.where(random.random((items, days)) < np.minimum(rate * week, 0.95), size, 0).astype(float)
    launch = random.integers(0, days // 2, items)
    return np.where(np.arange(days)[None, :] < launch[:, None], np.nan, units)


def default_path(items: int = ITEMS, days: int = DAYS) -> dict:
    """Seconds of classes, choice, forecast and uncertainty of all items, and the memory of this process."""
    units, price = synthetic(items, days), np.ones(items)
    begun, worked = perf_counter(), process_time()
    evidence = backtest(units, past_windows(days, HORIZON, WINDOWS), HORIZON, (*CANDIDATES, SES), price)
    chosen = choose(evidence)
    made = cut(units, days - 1, HORIZON, price, np.ones(items, dtype=bool))
    issued = issue(units, HORIZON, models_by_class(made.groups, chosen, chosen[ALL]))
    uncertainty(units, issued)
    seconds = {"seconds": perf_counter() - begun, "processor_seconds": process_time() - worked}
    return {**seconds, "peak_bytes": peak_bytes(), "items": items, "days": days}


def twelve_models(items: int = BACKTESTED, days: int = DAYS) -> dict:
    """Seconds of twelve models over four windows."""
    units, names = synthetic(items, days), (*tuple(PLAIN)[1:], next(iter(CANDIDATES)))[-12:]
    begun, worked = perf_counter(), process_time()
    backtest(units, past_windows(days, HORIZON, WINDOWS), HORIZON, names, np.ones(items))
    seconds = {"seconds": perf_counter() - begun, "processor_seconds": process_time() - worked}
    return {**seconds, "models": list(names), "windows": WINDOWS, "items": items}


def _seconds(timed: dict) -> str:
    return f"{timed['seconds']:.1f} s ({timed['processor_seconds']:.1f} s of processor)"


def alone(part: str) -> dict:
    """Run one timed part in a process of its own, so that memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.forecast", "--part", part],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(slots=True)
class Options:
    """Arguments of the command."""

    save: bool = False
    part: str = ""
    rows: Path | None = field(default=None)


def main() -> int:
    """Measure and, if asked, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--part", default="", choices=["", "path", "backtest"])
    parser.add_argument("--rows", type=Path, help="gold rows of the data set kept as Parquet; computed by default")
    options = parser.parse_args(namespace=Options())
    if options.part:
        print(json.dumps(default_path() if options.part == "path" else twelve_models()))
        return 0
    panel = frozen(pl.read_parquet(options.rows) if options.rows else daily_rows())
    origins = [at_origin(panel, panel.demand.column(day)) for day in ORIGINS]
    details, reached, measured = accuracy(origins)
    failed = publish(
        figure(
            "forecast_accuracy",
            f"forecasts of {PANEL_TITLE}, against the best model without calendar",
            "RMSSE ≥ 0.5 % lower, value-weighted ≥ 2 % lower, 14-day WAPE ≤ 1 % higher; both RMSSE ≥ 20 % under "
            "seasonal naive; bias by value within 5 %; no class more than 1 % worse than exponential smoothing",
            measured, reached=reached, details=details,
        ),
        save=options.save,
    )  # fmt: skip
    details, reached, measured = coverage(origins)
    failed |= publish(
        figure(
            "forecast_coverage", f"coverage of the 95 % quantile of cumulative demand; {PANEL_TITLE}", ".94–.96",
            measured, reached=reached, details=details,
        ),
        save=options.save,
    )  # fmt: skip
    path, twelve = alone("path"), alone("backtest")
    failed |= publish(
        figure(
            "forecast_path", "default path of forecasts, 3,000 items × 730 days: classes, choice by four windows, "
            "forecast, uncertainty of 28 sums", "≤ 10 s, ≤ 1.5 GB",
            f"{_seconds(path)}, {path['peak_bytes'] / 1e9:.2f} GB",
            reached=path["seconds"] <= 10 and path["peak_bytes"] <= 1.5e9, details=path,
        ),
        save=options.save,
    )  # fmt: skip
    failed |= publish(
        figure(
            "forecast_backtest", "backtest of 12 models × 4 windows, 2,000 items × 730 days", "≤ 10 s",
            _seconds(twelve), reached=twelve["seconds"] <= 10, details=twelve,
        ),
        save=options.save,
    )  # fmt: skip
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
