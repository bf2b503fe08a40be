"""Clean records as each system would publish them: text cells of the feeds, and the file each row lands in.

Every frame has the feed's columns as text, and beside them `file`, `place` (order in the file), `shape`, `location`,
`day`, `time`, `business_key`, `event_date`. Faults are added by `dirt`, bytes are made by `files`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.simulator.clock import INSTANT, utc
from inventory_assets.simulator.supply import cancelled_at

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.world import World

SOURCE_SYSTEM = "simulated"
COLUMNS: dict[str, tuple[str, ...]] = {
    "pos": (
        "transaction_id",
        "line_number",
        "store_id",
        "product_sku",
        "quantity_sold",
        "unit_price",
        "timestamp",
        "cashier_id",
        "payment_method",
        "customer_id",
        "currency",
        "disposition",
        "reason",
    ),
    "warehouse": (
        "record_type",
        "warehouse_id",
        "product_sku",
        "location_zone",
        "last_updated",
        "current_stock",
        "reserved_stock",
        "available_stock",
        "document_id",
        "line_number",
        "quantity",
        "from_location",
        "to_location",
        "reason",
        "order_id",
        "version",
    ),
    "supplier": (
        "supplier_id",
        "product_sku",
        "expected_delivery",
        "quantity_ordered",
        "unit_cost",
        "order_status",
        "order_id",
        "line_number",
        "ordered_at",
        "received_at",
        "quantity_received",
        "location_id",
        "currency",
        "updated_at",
    ),
    "products": (
        "product_sku",
        "product_name",
        "category",
        "brand",
        "unit_of_measure",
        "reorder_point",
        "max_stock",
        "supplier_id",
        "unit_cost",
        "unit_price",
        "currency",
        "created_at",
        "modified_at",
    ),
    "locations": (
        "location_id",
        "location_name",
        "location_type",
        "time_zone",
        "currency",
        "stock_authority",
        "region",
        "modified_at",
    ),
    "suppliers": ("supplier_id", "supplier_name", "country", "currency", "lead_time_days", "active", "modified_at"),
    "stock": ("location_id", "product_sku", "quantity", "as_of", "document_id"),
}
"""Columns the simulated systems publish, by feed; tills that number no lines leave out two more."""
BARE_OMITS = ("line_number", "currency")
KEYS: dict[str, tuple[str, ...]] = {
    "pos": ("store_id", "transaction_id", "line_number"),
    "warehouse": ("record_type", "warehouse_id", "product_sku", "last_updated", "document_id", "line_number"),
    "supplier": ("supplier_id", "order_id", "line_number", "product_sku", "updated_at"),
    "products": ("product_sku", "modified_at"),
    "locations": ("location_id", "modified_at"),
    "suppliers": ("supplier_id", "modified_at"),
    "stock": ("location_id", "product_sku", "as_of"),
}
WRONG_LEVEL_SHARE = 0.05
UTC_TEXT = "%Y-%m-%dT%H:%M:%SZ"
TIME_TEXT = {
    "csv": "%Y-%m-%d %H:%M:%S",
    "csv-bare": "%Y-%m-%d %H:%M:%S",
    "jsonl": "%Y-%m-%dT%H:%M:%S%:z",
    "parquet": UTC_TEXT,
    "avro": UTC_TEXT,
}
"""How a till of each shape writes its times: local without zone, local with offset, or UTC."""


def instant_text(column: str) -> pl.Expr:
    """UTC text of an instant."""
    return pl.col(column).dt.strftime(UTC_TEXT)


def money_text(cents: str) -> pl.Expr:
    """Cents as a decimal text."""
    value = pl.col(cents)
    return pl.format("{}.{}", value // 100, (value % 100).cast(pl.String).str.zfill(2))


def folder(feed: str, config: HistoryConfig, day: int) -> str:
    """Landing folder of a feed's day."""
    date = config.day(day)
    return f"{feed}/source={SOURCE_SYSTEM}/year={date:%Y}/month={date:%m}/day={date:%d}"


def pos_file(config: HistoryConfig, world: World, location: int, day: int, suffix: str = "") -> str:
    """Landing file of a till's day, relative to the landing folder."""
    place = world.locations[location]
    if place.shape == "avro":
        closed = utc(world, config.start, *(np.array([n]) for n in (location, day, 23 * 3600 + 900 + location % 60)))
        path = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(closed[0]))).strftime("%Y/%m/%d/%H/%M/%S")
        return f"pos/source={SOURCE_SYSTEM}/retail-hub/pos/{location}/{path}.avro"
    kind = place.shape.removesuffix("-bare")
    return f"{folder('pos', config, day)}/pos-{place.code}-{config.day(day):%Y%m%d}{suffix}.{kind}"


def day_file(feed: str, config: HistoryConfig, day: int) -> str:
    """Landing file of a day of a feed that is not split by location."""
    return f"{folder(feed, config, day)}/{feed}-{config.day(day):%Y%m%d}.csv"


def till_time(world: World, frame: pl.DataFrame, target: str = "timestamp") -> pl.DataFrame:
    """Write `time` as each location's till does."""
    parts = []
    for number in frame["location"].unique().sort():
        place = world.locations[number]
        text = pl.col("time").dt.convert_time_zone(place.zone).dt.strftime(TIME_TEXT[place.shape])
        if TIME_TEXT[place.shape] == UTC_TEXT:
            text = instant_text("time")
        parts.append(frame.filter(pl.col("location") == number).with_columns(text.alias(target)))
    return pl.concat(parts) if parts else frame.with_columns(pl.lit(None, pl.String).alias(target))


def _finish(frame: pl.DataFrame, feed: str, config: HistoryConfig) -> pl.DataFrame:
    """Text cells, the place in the file, the key for people."""
    key = pl.concat_str([pl.col(name).fill_null("") for name in KEYS[feed]], separator="|")
    return frame.with_columns(pl.col(COLUMNS[feed]).cast(pl.String)).select(
        *COLUMNS[feed],
        "file",
        "shape",
        "location",
        "day",
        "time",
        place=pl.int_range(1, pl.len() + 1).over("file").cast(pl.Float64),
        business_key=key,
        event_date=pl.lit(config.start) + pl.duration(days="day"),
    )


def by_day(frame: pl.DataFrame, feed: str, config: HistoryConfig) -> pl.DataFrame:
    """Rows of a feed that lands in one CSV file a day."""
    days = pl.col("day").clip(0, config.days - 1)
    paths = [day_file(feed, config, day) for day in range(config.days)]
    return _finish(
        frame.with_columns(file=pl.lit(pl.Series(paths)).gather(days), shape=pl.lit("csv")).sort(
            "file", "time", *KEYS[feed]
        ),
        feed,
        config,
    )


def pos_rows(config: HistoryConfig, world: World, lines: pl.DataFrame) -> pl.DataFrame:
    """Receipt lines as the tills publish them."""
    places = world.selling
    paths = [pos_file(config, world, place, day) for place in range(places) for day in range(config.days)]
    shapes = pl.lit(pl.Series([place.shape for place in world.locations]))
    frame = lines.with_columns(
        file=pl.lit(pl.Series(paths)).gather(pl.col("location") * config.days + pl.col("day")),
        shape=shapes.gather("location"),
        store_id=pl.lit(pl.Series(world.codes)).gather("location"),
        product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
        quantity_sold="units",
        unit_price=money_text("cents"),
        cashier_id="cashier",
        payment_method="payment",
        customer_id="customer",
        currency=pl.lit(config.currency),
    )
    bare = pl.col("shape") == "csv-bare"
    frame = frame.with_columns(pl.when(~bare).then(pl.col(name)).alias(name) for name in BARE_OMITS)
    frame = till_time(world, frame).sort("location", "time", "transaction_id", "line_number")
    return _finish(frame.sort("file", "time", "transaction_id", "line_number"), "pos", config)


def warehouse_rows(config: HistoryConfig, world: World, events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Deliveries, transfers, issues, adjustments, counts and levels as the warehouse system publishes them."""
    kinds = {
        "receipt": "receipt",
        "transfer_out": "transfer",
        "issue": "issue",
        "adjustment": "adjustment",
        "count": "count",
        "level": "level",
    }
    frame = events.filter(pl.col("kind").is_in(list(kinds)))
    codes = pl.lit(pl.Series(world.codes))
    wrong = np.where(rng.random(frame.height) < WRONG_LEVEL_SHARE, rng.integers(-5, 6, frame.height), 0)
    level, transfer = pl.col("kind") == "level", pl.col("kind") == "transfer_out"
    stock = pl.when("sets").then("stock").otherwise(pl.max_horizontal(pl.col("book") + pl.Series(wrong), pl.lit(0)))
    held = pl.min_horizontal(stock, pl.Series(rng.integers(0, 6, frame.height)))
    quantity = pl.when(pl.col("kind") == "adjustment").then("quantity").otherwise(pl.col("quantity").abs())
    return by_day(
        frame.select(
            "location",
            "day",
            time=pl.col("micros").cast(INSTANT),
            record_type=pl.col("kind").replace_strict(kinds),
            warehouse_id=codes.gather("location"),
            product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
            location_zone=pl.when(level).then(pl.format("Z{}", pl.col("item") % 6 + 1)),
            last_updated=pl.col("micros").cast(INSTANT).dt.strftime(UTC_TEXT),
            current_stock=pl.when(level).then(stock),
            reserved_stock=pl.when(level).then(held),
            available_stock=pl.when(level).then(stock - held),
            document_id="document_id",
            line_number="line_number",
            quantity=pl.when(~level).then(quantity),
            from_location=pl.when(transfer).then(codes.gather("location")),
            to_location=pl.when(transfer).then(codes.gather("other")),
            reason=pl.when(pl.col("kind") == "adjustment").then("detail"),
            order_id=pl.when(pl.col("kind") == "receipt").then("detail"),
            version=pl.lit("1"),
        ),
        "warehouse",
        config,
    )


def supplier_rows(config: HistoryConfig, world: World, orders: pl.DataFrame) -> pl.DataFrame:
    """Order lines as suppliers report them: confirmed, then partly received, delivered or cancelled."""
    confirmed = orders.with_columns(
        time=pl.col("ordered_at") + pl.duration(hours=2),
        order_status=pl.lit("confirmed"),
        received_at=pl.lit(None, INSTANT),
        received=pl.lit(None, pl.Int64),
    )
    parted = orders.filter(pl.col("first_received_at").is_not_null()).with_columns(
        time=pl.col("first_received_at") + pl.duration(hours=1),
        order_status=pl.lit("partly received"),
        received_at="first_received_at",
        received="first_received",
    )
    delivered = orders.filter(pl.col("received_at").is_not_null()).with_columns(
        time=pl.col("received_at") + pl.duration(hours=1), order_status=pl.lit("delivered")
    )
    cancelled = (
        orders.filter("cancelled")
        .with_columns(
            time=cancelled_at(),
            order_status=pl.lit("cancelled"),
            received=pl.lit(None, pl.Int64),
        )
        .filter(pl.col("time") < config.end)
    )
    suppliers = pl.lit(pl.Series([supplier.code for supplier in world.suppliers]))
    frame = pl.concat([confirmed, parted, delivered, cancelled], how="diagonal_relaxed")
    zones = [place.zone for place in world.locations]
    days = pl.concat(
        [
            frame.filter(pl.col("location") == number).with_columns(
                day=(
                    pl.col("time").dt.convert_time_zone(zones[number]).dt.date() - pl.lit(config.start)
                ).dt.total_days()
            )
            for number in range(world.selling, len(zones))
        ]
    )
    return by_day(
        days.with_columns(
            supplier_id=suppliers.gather("supplier"),
            product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
            expected_delivery=instant_text("expected_delivery"),
            quantity_ordered="quantity",
            unit_cost=money_text("cents"),
            ordered_at=instant_text("ordered_at"),
            received_at=instant_text("received_at"),
            quantity_received="received",
            location_id=pl.lit(pl.Series(world.codes)).gather("location"),
            currency=pl.lit(config.currency),
            updated_at=instant_text("time"),
        ),
        "supplier",
        config,
    )


def stock_rows(config: HistoryConfig, world: World, events: pl.DataFrame) -> pl.DataFrame:
    """Opening balances, in one file on the first day."""
    return by_day(
        events.filter(pl.col("kind") == "opening").select(
            "location",
            "day",
            "quantity",
            "document_id",
            time=pl.col("micros").cast(INSTANT),
            location_id=pl.lit(pl.Series(world.codes)).gather("location"),
            product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
            as_of=pl.col("micros").cast(INSTANT).dt.strftime(UTC_TEXT),
        ),
        "stock",
        config,
    )
