"""The simulator's own books: every stock event in time order, physical stock, recorded book, and both by day.

Straightforward on purpose: per item and location, movements add up, and an opening or a count sets the book to what
lies there. It shares no code with the pipeline's stock rules, which are held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.simulator.clock import INSTANT, local_day, utc

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.flows import Flows, Moves
    from inventory_assets.simulator.world import World

DISPOSITION_EFFECT: dict[str, tuple[int, int]] = {
    "resalable": (1, 0),
    "inspect": (1, 1),
    "damaged": (1, 1),
    "refurbish": (1, 1),
    "scrap": (0, 0),
}
"""Units added to (book, unavailable) for one unit that came back. Scrapped goods never enter the stock."""

EVENT = {
    "kind": pl.String,
    "location": pl.Int64,
    "item": pl.Int64,
    "micros": pl.Int64,
    "day": pl.Int64,
    "quantity": pl.Int64,
    "unavailable": pl.Int64,
    "physical": pl.Int64,
    "document_id": pl.String,
    "line_number": pl.Int64,
    "other": pl.Int64,
    "sets": pl.Boolean,
    "detail": pl.String,
}
ADJUSTMENT_REASONS = np.array(["breakage", "theft", "expired"])
MORNING_SHARE = 0.4
PER_CELL = ["location", "item"]


def _events(
    kind: str,
    world: World,
    config: HistoryConfig,
    location: np.ndarray,
    item: np.ndarray,
    micros: np.ndarray,
    quantity: np.ndarray | int,
    **more: object,
) -> pl.DataFrame:
    day = local_day(world, config.start, location, micros)
    columns: dict[str, object] = {
        "kind": kind,
        "location": location,
        "item": item,
        "micros": micros,
        "day": day,
        "quantity": quantity,
        "unavailable": 0,
        "physical": quantity,
        "document_id": None,
        "line_number": None,
        "other": None,
        "sets": False,
        "detail": None,
    } | more
    frame = pl.DataFrame({name: value for name, value in columns.items() if isinstance(value, np.ndarray | pl.Series)})
    single = [name for name in columns if name not in frame.columns]
    return frame.with_columns(pl.lit(columns[name]).alias(name) for name in single).select(list(EVENT)).cast(EVENT)  # type: ignore[arg-type]


def _numbered(prefix: str, size: int, first: int = 1) -> pl.Series:
    return f"{prefix}-" + pl.Series(np.arange(first, first + size)).cast(pl.String).str.zfill(6)


def stock_events(
    config: HistoryConfig,
    world: World,
    flows: Flows,
    lines: pl.DataFrame,
    orders: pl.DataFrame,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Every event that touches stock, sorted, with the physical stock and the book after it.

    Args:
        config: sizes and rates.
        world: the retailer.
        flows: moves of goods.
        lines: receipt lines with their class.
        orders: supplier order lines (see `supply`); delivered ones are receipts.
        rng: source of randomness.

    Returns:
        Columns of `EVENT` and book (null while unknown), stock (physical), held (unavailable) after the event.
        `quantity` is the signed change; for openings and counts the quantity found.
    """
    parts = [
        _receipt_lines(lines),
        _deliveries(world, config, orders),
        *_moves(config, world, flows, rng),
        _openings(config, world, flows, rng),
        _counts(config, world, rng),
        _levels(config, world),
    ]
    events = pl.concat(parts).sort("location", "item", "micros", "sets", "kind", "document_id", "line_number")
    events = events.with_columns(
        stock=pl.lit(flows.opening.ravel()).gather(pl.col("location") * config.items + pl.col("item"))
        + pl.col("physical").cum_sum().over(PER_CELL),
        moved=pl.when("sets").then(0).otherwise("quantity").cum_sum().over(PER_CELL),
        held=pl.col("unavailable").cum_sum().over(PER_CELL),
    )
    basis = pl.when("sets").then(pl.col("stock") - pl.col("moved")).forward_fill().over(PER_CELL)
    return events.with_columns(
        quantity=pl.when("sets").then("stock").otherwise("quantity"), book=pl.col("moved") + basis
    ).drop("moved")


def _receipt_lines(lines: pl.DataFrame) -> pl.DataFrame:
    disposition = pl.col("disposition").fill_null("resalable")
    to_book = disposition.replace_strict({k: v[0] for k, v in DISPOSITION_EFFECT.items()}, return_dtype=pl.Int64)
    held = disposition.replace_strict({k: v[1] for k, v in DISPOSITION_EFFECT.items()}, return_dtype=pl.Int64)
    back = pl.col("units") < 0
    change = -pl.col("units") * pl.when(back).then(to_book).otherwise(1)
    return lines.select(
        kind="class",
        location="location",
        item="item",
        micros=pl.col("time").to_physical(),
        day="day",
        quantity=change,
        unavailable=pl.when(back).then(-pl.col("units") * held).otherwise(0),
        physical=change,
        document_id="transaction_id",
        line_number="line_number",
        other=pl.lit(None, pl.Int64),
        sets=pl.lit(value=False),
        detail="disposition",
    ).cast(EVENT)  # type: ignore[arg-type]


def _deliveries(world: World, config: HistoryConfig, orders: pl.DataFrame) -> pl.DataFrame:
    early = orders.filter(pl.col("first_received_at").is_not_null()).with_columns(
        received="first_received", received_at="first_received_at", note=pl.col("order_id").str.replace("PO-", "DN-A-")
    )
    last = orders.filter(pl.col("received") > 0, pl.col("received_at").is_not_null()).with_columns(
        received=pl.col("received") - pl.col("first_received").fill_null(0),
        note=pl.col("order_id").str.replace("PO-", "DN-"),
    )
    done = pl.concat([early, last])
    return _events(
        "receipt",
        world,
        config,
        done["location"].to_numpy(),
        done["item"].to_numpy(),
        done["received_at"].to_physical().to_numpy(),
        done["received"].to_numpy(),
        document_id=done["note"],
        line_number=done["line_number"].to_numpy(),
        detail=done["order_id"],
    )


def _moves(config: HistoryConfig, world: World, flows: Flows, rng: np.random.Generator) -> list[pl.DataFrame]:
    def at(moves: Moves, first: float, last: float) -> np.ndarray:
        second = rng.integers(int(first * 3600), int(last * 3600), moves.day.size)
        return utc(world, config.start, moves.location, moves.day, second)

    sent, changed, used, lost = flows.transfers, flows.adjustments, flows.issues, flows.shrinkage
    start = utc(world, config.start, np.full(1, world.selling), np.zeros(1, np.int64), np.zeros(1, np.int64))
    midnight = start // 86_400_000_000 * 86_400_000_000 + sent.day * 86_400_000_000
    moment = midnight + rng.integers(17 * 1800, 25 * 1800, sent.day.size) * 1_000_000
    documents = _numbered("TR", sent.day.size)
    reasons = np.where(changed.quantity > 0, "found", rng.choice(ADJUSTMENT_REASONS, changed.day.size))
    line = {"line_number": 1}
    return [
        _events(
            "transfer_out",
            world,
            config,
            sent.location,
            sent.item,
            moment,
            -sent.quantity,
            other=sent.other,
            document_id=documents,
            **line,
        ),
        _events(
            "transfer_in",
            world,
            config,
            sent.other,
            sent.item,
            moment,
            sent.quantity,
            other=sent.location,
            document_id=documents,
            **line,
        ),
        _events(
            "adjustment",
            world,
            config,
            changed.location,
            changed.item,
            at(changed, 22, 22.5),
            changed.quantity,
            document_id=_numbered("ADJ", changed.day.size),
            detail=pl.Series(list(reasons), dtype=pl.String),
            **line,
        ),
        _events(
            "issue",
            world,
            config,
            used.location,
            used.item,
            at(used, 17, 19),
            -used.quantity,
            document_id=_numbered("ISS", used.day.size),
            **line,
        ),
        _events("shrinkage", world, config, lost.location, lost.item, at(lost, 21.5, 22), 0, physical=lost.quantity),
    ]


def _openings(config: HistoryConfig, world: World, flows: Flows, rng: np.random.Generator) -> pl.DataFrame:
    known = rng.random(flows.opening.shape) >= config.unknown_share
    known[world.selling :] = True
    place, item = np.nonzero(known)
    zero = np.zeros(place.size, np.int64)
    return _events(
        "opening",
        world,
        config,
        place,
        item,
        utc(world, config.start, place, zero, zero),
        0,
        sets=True,
        document_id="INV-OPENING",
    )


def _counts(config: HistoryConfig, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Counts before opening or after closing; the sheet of a location and day is one document."""
    places = len(world.locations)
    happens = rng.random((config.days, places, config.items)) < 1 / config.count_interval_days
    morning = rng.random((config.days, places)) < MORNING_SHARE
    day, place, item = np.nonzero(happens)
    second = np.where(morning[day, place], 5 * 3600, 45 * 1800) + rng.integers(0, 3600, day.size)
    dates = pl.Series(day).cast(pl.Int32) + pl.Series([config.start]).to_physical()[0]
    sheet = "CNT-" + pl.Series(world.codes[place]) + "-" + dates.cast(pl.Date).dt.strftime("%Y%m%d")
    frame = _events(
        "count",
        world,
        config,
        place,
        item,
        utc(world, config.start, place, day, second),
        0,
        sets=True,
        document_id=sheet,
    )
    return frame.with_columns(line_number=pl.int_range(1, pl.len() + 1).over("document_id"))


def _levels(config: HistoryConfig, world: World) -> pl.DataFrame:
    """Weekly stock levels of the warehouses; those of an authority `wms` set the book."""
    days = np.arange(config.days)[np.arange(config.days) % 7 == min(6, config.days - 1)]
    warehouses = np.arange(world.selling, len(world.locations))
    day, place, item = map(np.ravel, np.meshgrid(days, warehouses, np.arange(config.items), indexing="ij"))
    sets = np.array([location.authority == "wms" for location in world.locations])[place]
    micros = utc(world, config.start, place, day, np.full(day.size, 23 * 3600))
    return _events("level", world, config, place, item, micros, 0, sets=sets)


def stock_by_day(config: HistoryConfig, world: World, opening: np.ndarray, events: pl.DataFrame) -> pl.DataFrame:
    """Book, physical and unavailable stock at the end of every business day, by location and item.

    `book` is null while the stock is unknown; `physical` is what lies there whether or not anyone knows.
    """
    places, items, days = len(world.locations), config.items, config.days
    place, item, day = map(np.ravel, np.indices((places, items, days)))
    grid = pl.DataFrame({"location": place, "item": item, "day": day}).cast(pl.Int64)
    last = events.group_by(*PER_CELL, "day", maintain_order=True).agg(pl.col("book", "stock", "held").last())
    return (
        grid.join(last, on=[*PER_CELL, "day"], how="left", maintain_order="left")
        .with_columns(pl.col("book", "stock", "held").forward_fill().over(PER_CELL))
        .with_columns(
            pl.col("stock").fill_null(pl.Series(opening.ravel()[place * items + item])), pl.col("held").fill_null(0)
        )
        .select(
            location_id=pl.Series(world.codes[place]),
            product_sku=pl.Series(world.items.codes[item]),
            business_day=pl.lit(config.start) + pl.duration(days="day"),
            book="book",
            physical="stock",
            unavailable="held",
        )
    )


def named(world: World, config: HistoryConfig, events: pl.DataFrame) -> pl.DataFrame:
    """Events with codes and instants instead of numbers; hidden shrinkage left in, marked by its kind."""
    codes = pl.lit(pl.Series(world.codes))
    return events.select(
        "kind",
        location_id=codes.gather("location"),
        product_sku=pl.lit(pl.Series(world.items.codes)).gather("item"),
        event_time=pl.col("micros").cast(INSTANT),
        business_day=pl.lit(config.start) + pl.duration(days="day"),
        quantity="quantity",
        unavailable="unavailable",
        physical="physical",
        document_id="document_id",
        line_number="line_number",
        other_location_id=codes.gather("other"),
        detail="detail",
        book="book",
    )
