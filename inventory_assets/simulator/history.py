"""One simulated history: what was published, which faults are in it, and what is true.

The truth's frames (also its Parquet files):
    pos_lines: every clean receipt line with its class; `line_number` is null where the till numbers none.
    pos_days: lines, units, exact amount by store, business day and class.
    stock_events: openings, counts and movements with the book after each; `shrinkage` is what nobody recorded.
    stock_days: book (null while unknown), physical and unavailable units at the end of each business day.
    lead_times: delivered supplier order lines.
    orders: every supplier order line at the end: its state, units received so far and units still to come.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from inventory_assets.simulator import ledger, masters, records
from inventory_assets.simulator.demand import draw_lines, holidays
from inventory_assets.simulator.dirt import FileSpec, soil
from inventory_assets.simulator.faults import QUARANTINE
from inventory_assets.simulator.flows import run_flows
from inventory_assets.simulator.receipts import ring_up
from inventory_assets.simulator.records import SOURCE_SYSTEM
from inventory_assets.simulator.supply import lead_times, order_lines, orders_at_end
from inventory_assets.simulator.world import World, build_world

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

MONEY = pl.Decimal(18, 4)
FAULT_COLUMNS = (
    "fault",
    "feed",
    "source_system",
    "file",
    "row_number",
    "expected",
    "reason",
    "business_key",
    "event_date",
)


@dataclass(frozen=True, slots=True)
class History:
    """A simulated history.

    Attributes:
        config: what it was made from.
        world: locations, suppliers, items.
        rows: published rows by feed, as text, in file order, clean ones and faulty ones.
        files: how each landing file is written, by path relative to the landing folder.
        faults: one row an injected fault: what, where (row_number from 1 among the file's data rows, 0 for the file),
            and the expected outcome: accepted, exact_repeat, or quarantine with the deciding reason.
        truth: frames by name, see the module.
        summary: totals for people and tests; amounts as text.
    """

    config: HistoryConfig
    world: World
    rows: dict[str, pl.DataFrame]
    files: dict[str, FileSpec]
    faults: pl.DataFrame
    truth: dict[str, pl.DataFrame]
    summary: dict[str, Any]


def simulate_history(config: HistoryConfig) -> History:
    """Simulate a history; the same configuration gives the same history.

    Raises:
        SimulatorError: a store would need more receipt numbers than a year has.
    """
    rng = np.random.default_rng(config.seed)
    world = build_world(config, rng)
    wished, daily_units = draw_lines(config, world, rng)
    flows = run_flows(config, world, wished, daily_units, rng)
    lines = ring_up(config, world, flows.sold, rng)
    orders = order_lines(config, world, flows.orders, rng)
    events = ledger.stock_events(config, world, flows, lines, orders, rng)
    clean = {
        "products": masters.product_rows(config, world, daily_units),
        "locations": masters.location_rows(config, world),
        "suppliers": masters.supplier_master_rows(config, world),
        "stock": records.stock_rows(config, world, events),
        "supplier": records.supplier_rows(config, world, orders),
        "warehouse": records.warehouse_rows(config, world, events, rng),
        "pos": records.pos_rows(config, world, lines),
    }
    rows, files = soil(config, world, clean, rng)
    pos_lines = _pos_lines(config, world, lines)
    truth = {
        "pos_lines": pos_lines,
        "pos_days": pos_lines.group_by("store_id", "business_day", "class")
        .agg(
            lines=pl.len().cast(pl.Int64),
            units=pl.col("quantity_sold").sum(),
            amount=pl.col("amount").sum(),
        )
        .sort("store_id", "business_day", "class"),
        "stock_events": ledger.named(world, config, events.filter(pl.col("kind") != "level")),
        "stock_days": ledger.stock_by_day(config, world, flows.opening, events),
        "lead_times": lead_times(world, orders),
        "orders": orders_at_end(config, world, orders),
    }
    faults = _faults(rows, files)
    return History(
        config, world, rows, files, faults, truth, _summary(config, clean, rows, faults, truth, flows.lost_units)
    )


def sources_toml(history: History) -> str:
    """Text of `sources.toml` for the data folder: the contract of the simulated source system."""
    config, world = history.config, history.world
    zones = "\n".join(f'{place.code} = "{place.zone}"' for place in world.locations)
    days = ", ".join(day.isoformat() for day in sorted(holidays(config)))
    return (
        "# Written by the simulator: tills write local times, each in the zone of its store.\n"
        f"[{SOURCE_SYSTEM}]\n"
        'time_zone = "UTC"\n'
        f'currency = "{config.currency}"\n'
        "transaction_pattern = '^TXN-(\\d{4}-)?\\d{6}$'\n"
        "sku_pattern = '^PROD-[A-Z0-9]{6}$'\n"
        "sku_max_length = 15\n"
        "orders_complete = true\n"
        f"holidays = [{days}]\n\n"
        f"[{SOURCE_SYSTEM}.location_time_zones]\n{zones}\n"
    )


def _pos_lines(config: HistoryConfig, world: World, lines: pl.DataFrame) -> pl.DataFrame:
    codes = pl.lit(pl.Series(world.codes))
    bare = pl.lit(pl.Series([place.shape == "csv-bare" for place in world.locations]))
    cents = pl.col("cents").cast(pl.String)
    price = pl.format("{}.{}", pl.col("cents") // 100, cents.str.zfill(2).str.slice(-2)).cast(MONEY)
    return lines.select(
        store_id=codes.gather("location"),
        transaction_id="transaction_id",
        line_number=pl.when(~bare.gather("location")).then("line_number"),
        product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
        quantity_sold="units",
        unit_price=price,
        amount=(price.cast(pl.Decimal(38, 4)) * pl.col("units")).cast(MONEY),
        timestamp="time",
        business_day=pl.lit(config.start) + pl.duration(days="day"),
        customer_id="customer",
        disposition="disposition",
        **{"class": pl.col("class")},
        cancelled="cancelled",
        sale_transaction_id="sale_transaction_id",
        sale_store_id=codes.gather("sale_location"),
        sale_day=pl.lit(config.start) + pl.duration(days="sale_day"),
    )


def _faults(rows: dict[str, pl.DataFrame], files: dict[str, FileSpec]) -> pl.DataFrame:
    parts = [
        frame.filter(pl.col("fault").is_not_null())
        .select(
            "fault",
            "file",
            "row_number",
            "expected",
            "business_key",
            "event_date",
            feed=pl.lit(feed),
            reason=pl.col("because"),
            source_system=pl.lit(SOURCE_SYSTEM),
        )
        .select(FAULT_COLUMNS)
        for feed, frame in rows.items()
    ]
    whole = [
        {
            "fault": spec.fault,
            "feed": spec.feed,
            "source_system": SOURCE_SYSTEM,
            "file": path,
            "row_number": 0,
            "expected": QUARANTINE,
            "reason": "file:refused",
            "business_key": None,
            "event_date": None,
        }
        for path, spec in files.items()
        if spec.fault
    ]
    return pl.concat([*parts, pl.DataFrame(whole, schema=parts[0].schema)]).sort("feed", "file", "row_number")


def _summary(
    config: HistoryConfig,
    clean: dict[str, pl.DataFrame],
    rows: dict[str, pl.DataFrame],
    faults: pl.DataFrame,
    truth: dict[str, pl.DataFrame],
    lost_units: int,
) -> dict[str, Any]:
    refused = faults.filter(pl.col("row_number") == 0)
    totals = (
        truth["pos_lines"]
        .group_by("class")
        .agg(lines=pl.len(), units=pl.col("quantity_sold").sum(), amount=pl.col("amount").cast(pl.Decimal(38, 4)).sum())
        .sort("class")
    )
    moves = (
        truth["stock_events"]
        .group_by("kind")
        .agg(
            events=pl.len(),
            units=pl.col("quantity").sum(),
            unavailable=pl.col("unavailable").sum(),
            unrecorded=(pl.col("physical") - pl.col("quantity")).sum(),
        )
        .sort("kind")
    )
    lead = (
        truth["lead_times"]
        .group_by("supplier_id")
        .agg(
            lines=pl.len(),
            mean_days=pl.col("lead_time_days").mean(),
            deviation_days=pl.col("lead_time_days").std(),
            on_time=(pl.col("received_at") <= pl.col("expected_delivery")).mean(),
            fill_rate=pl.col("quantity_received").sum() / pl.col("quantity_ordered").sum(),
        )
        .sort("supplier_id")
    )
    return {
        "config": {
            name: value if isinstance(value, int | float | str) else str(value)
            for name, value in asdict(config).items()
        },
        "end": config.end.isoformat(),
        "source_system": SOURCE_SYSTEM,
        "clean_rows": {feed: frame.height for feed, frame in clean.items()},
        "bronze_rows": {
            feed: frame.filter(~pl.col("file").is_in(refused["file"].implode())).height
            + refused.filter(pl.col("feed") == feed).height
            for feed, frame in rows.items()
        },
        "files": {feed: frame["file"].n_unique() for feed, frame in rows.items()},
        "faults": faults.group_by("feed", "fault", "expected", "reason")
        .len("rows")
        .sort("feed", "fault", "expected", "reason")
        .to_dicts(),
        "pos": {row.pop("class"): {**row, "amount": str(Decimal(row["amount"]))} for row in totals.to_dicts()},
        "stock_events": {
            row.pop("kind"): row for row in moves.filter(~pl.col("kind").is_in(["opening", "count"])).to_dicts()
        },
        "unmet_units": lost_units,
        "lead_times": lead.to_dicts(),
    }
