"""Receipts as rung up: sold lines, what was handed out, goods that came back, and which of those cancel a sale.

The classes are decided here by the rule of requirement B2 in plain Python, line by line, as truth for the pipeline.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.simulator.clock import INSTANT, utc
from inventory_assets.simulator.config import RECEIPTS_A_YEAR, HistoryConfig, SimulatorError

if TYPE_CHECKING:
    from inventory_assets.simulator.demand import Lines
    from inventory_assets.simulator.world import World

DAY_MICROS = 86_400_000_000
PAYMENTS = np.array(["card", "cash", "mobile", "gift card"])
RETURN_REASONS = np.array(["wrong size", "changed mind", "défectueux", "arrived late"])
DISPOSITIONS = np.array([None, "resalable", "inspect", "damaged", "refurbish", "scrap"], dtype=object)
DISPOSITION_WEIGHTS = np.array([0.3, 0.35, 0.12, 0.12, 0.06, 0.05])
NEXT_DAY_SHARE = 0.15
PART_SHARE = 0.15
TO_SHOP_SHARE = 0.3
LAST_SECOND = 22 * 3600 - 30


def ring_up(config: HistoryConfig, world: World, sold: Lines, rng: np.random.Generator) -> pl.DataFrame:
    """All receipt lines of the history, numbered, with their class.

    Returns:
        One row a line: location, day, item (numbers), time (UTC), transaction_id, line_number, units, cents, cashier,
        payment, customer, disposition, reason, class, cancelled, sale_transaction_id, sale_location.
    """
    sales = _sales(config, world, sold, rng)
    lines = pl.concat([sales, _coming_back(config, world, sales, rng)])
    micros = utc(world, config.start, *(lines[name].to_numpy() for name in ("location", "day", "second")))
    lines = lines.with_columns(pl.Series("time", micros).cast(INSTANT))
    return _classify(_number(config, lines))


def _sales(config: HistoryConfig, world: World, sold: Lines, rng: np.random.Generator) -> pl.DataFrame:
    receipts = int(sold.receipt.max(initial=-1)) + 1
    pool = 40 + int(config.lines_per_store_day * 2)
    known = rng.random(receipts) < config.customer_share
    customer, payment = rng.integers(1, pool, receipts), rng.choice(PAYMENTS, receipts, p=[0.55, 0.25, 0.15, 0.05])
    cashier = rng.integers(1, 9, receipts)
    frame = pl.DataFrame(
        {name: getattr(sold, name) for name in ("day", "location", "item", "second", "receipt", "units", "cents")}
    )
    return frame.with_columns(
        cashier=_code("E", world, sold.location, cashier[sold.receipt], 2),
        payment=pl.Series(payment[sold.receipt]),
        customer=pl.when(pl.Series(known[sold.receipt])).then(
            _code("C", world, sold.location, customer[sold.receipt], 5)
        ),
        disposition=pl.lit(None, pl.String),
        reason=pl.lit(None, pl.String),
    )


def _code(letter: str, world: World, location: np.ndarray, number: np.ndarray, width: int) -> pl.Series:
    text = pl.Series(number).cast(pl.String).str.zfill(width)
    return f"{letter}-" + pl.Series(world.codes[location]) + "-" + text


def _coming_back(config: HistoryConfig, world: World, sales: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Returns days later and take-backs within about a day, each a receipt of one line."""
    draw = rng.random(sales.height)
    paid = sales["cents"].to_numpy() > 0
    known = sales["customer"].is_not_null().to_numpy()
    back = np.flatnonzero(paid & (draw < config.return_share))
    undone = np.flatnonzero(paid & known & (draw > 1 - config.cancellation_share))
    chosen = np.concatenate([back, undone])
    rows = sales[chosen]
    is_return = np.arange(chosen.size) < back.size
    next_day = rng.random(chosen.size) < NEXT_DAY_SHARE
    day = rows["day"].to_numpy() + np.where(is_return, rng.integers(2, 21, chosen.size), next_day)
    soon = rows["second"].to_numpy() + rng.integers(300, 5400, chosen.size)
    tomorrow = rows["second"].to_numpy() - rng.integers(60, 1200, chosen.size)
    second = np.where(is_return, rng.integers(10 * 3600, 20 * 3600, chosen.size), np.where(next_day, tomorrow, soon))
    units = rows["units"].to_numpy()
    part = is_return & (rng.random(chosen.size) < PART_SHARE)
    location = rows["location"].to_numpy()
    to_shop = is_return & (location == config.stores) & (rng.random(chosen.size) < TO_SHOP_SHARE)
    location = np.where(to_shop, rng.integers(0, config.stores, chosen.size), location)
    disposition = rng.choice(DISPOSITIONS, chosen.size, p=DISPOSITION_WEIGHTS)
    disposition[~is_return] = None
    reason = np.where(is_return, rng.choice(RETURN_REASONS, chosen.size), "rung up in error")
    return rows.with_columns(
        day=pl.Series(day),
        location=pl.Series(location),
        second=pl.Series(second),
        receipt=pl.Series(int(sales["receipt"].max() or 0) + 1 + np.arange(chosen.size)),  # type: ignore[arg-type]
        units=pl.Series(np.where(part, -1, -units)),
        cashier=_code("E", world, location, rng.integers(1, 9, chosen.size), 2),
        disposition=pl.Series(list(disposition), dtype=pl.String),
        reason=pl.Series(list(reason), dtype=pl.String),
    ).filter((pl.col("day") < config.days) & (pl.col("second") < LAST_SECOND))


def _number(config: HistoryConfig, lines: pl.DataFrame) -> pl.DataFrame:
    """Receipt numbers by store and year in time order, line numbers within the receipt."""
    year = (pl.lit(config.start) + pl.duration(days="day")).dt.year()
    receipt = ["location", "year"]
    numbered = (
        lines.with_columns(year=year)
        .sort("location", "time", "receipt", maintain_order=True)
        .with_columns(
            number=(pl.col("receipt") != pl.col("receipt").shift(1))
            .fill_null(value=True)
            .over(receipt)
            .cum_sum()
            .over(receipt)
        )
        .with_columns(line_number=pl.int_range(1, pl.len() + 1).over("location", "receipt"))
    )
    if numbered.height and int(numbered["number"].max()) > RECEIPTS_A_YEAR:  # type: ignore[arg-type]
        raise SimulatorError(
            f"simulated history: a store needs more than {RECEIPTS_A_YEAR} receipts a year; lower lines_per_store_day"
        )
    return numbered.with_columns(
        transaction_id=pl.format("TXN-{}-{}", "year", pl.col("number").cast(pl.String).str.zfill(6))
    ).drop("year", "number", "receipt", "second")


def _classify(lines: pl.DataFrame) -> pl.DataFrame:
    """Sale, given away, return or cancellation: each taken-back line takes the latest unused equal sale of 24 h."""
    lines = lines.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    same = ["customer", "item", "cents", "size"]
    order = ["time", "transaction_id", "line_number"]
    lines = lines.with_columns(size=pl.col("units").abs(), micros=pl.col("time").to_physical())
    negative = lines.filter((pl.col("units") < 0) & pl.col("customer").is_not_null()).sort(order)
    candidates: dict[tuple, list[tuple[int, int]]] = {}
    sales = lines.filter((pl.col("units") > 0) & (pl.col("cents") > 0)).join(negative, on=same, how="semi").sort(order)
    for *key, micros, row in sales.select(*same, "micros", "row").iter_rows():
        candidates.setdefault(tuple(key), []).append((micros, row))
    pairs: list[tuple[int, int]] = []
    for *key, micros, row in negative.select(*same, "micros", "row").iter_rows():
        equal = candidates.get(tuple(key), [])
        latest = bisect_right(equal, (micros, lines.height)) - 1
        if latest >= 0 and equal[latest][0] >= micros - DAY_MICROS:
            pairs.append((row, equal.pop(latest)[1]))
    matched = pl.DataFrame(pairs, schema={"row": pl.Int64, "sale": pl.Int64}, orient="row")
    sale = lines.select(
        sale="row",
        sale_transaction_id="transaction_id",
        sale_line_number="line_number",
        sale_location="location",
        sale_day="day",
    )
    kind = (
        pl.when(pl.col("cents") == 0)
        .then(pl.lit("given_away"))
        .when(pl.col("units") > 0)
        .then(pl.lit("sale"))
        .when(pl.col("sale").is_not_null())
        .then(pl.lit("cancellation"))
        .otherwise(pl.lit("return"))
    )
    return (
        lines.join(matched, on="row", how="left", maintain_order="left")
        .join(sale, on="sale", how="left", maintain_order="left")
        .with_columns(kind.alias("class"), cancelled=pl.col("row").is_in(matched["sale"].implode()))
        .drop("row", "sale", "size", "micros")
    )
