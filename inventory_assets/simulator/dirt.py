"""Faults laid into clean records at a set rate, each remembered with the outcome it must have.

Clean rows are never altered: a garbled row is one more row. Late and out-of-order rows only change file or position. A
till that numbers no lines derives them from the lines of a receipt in one file, so receipts travel whole, and such
tills get no repeat inside a file and no contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from inventory_assets.simulator import faults
from inventory_assets.simulator.config import RECEIPTS_A_YEAR, HistoryConfig
from inventory_assets.simulator.records import BARE_OMITS, COLUMNS, KEYS, day_file, pos_file, till_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory_assets.simulator.faults import BadRow
    from inventory_assets.simulator.world import World

ROOMY = 8
"""Rows a file must have before faults go into it, so that a single bad cell cannot refuse the file."""
MAX_DELAY_DAYS = 5
MARKS = {"fault": pl.String, "expected": pl.String, "because": pl.String, "raw": pl.String}


@dataclass(frozen=True, slots=True)
class FileSpec:
    """How a landing file is written, and the fault of the file as a whole, if any."""

    feed: str
    format: str
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Dirt:
    """Draws faults; carries what all of them need."""

    config: HistoryConfig
    world: World
    rng: np.random.Generator

    def number(self, rows: int, share: float) -> int:
        """How many faults of a share of the dirt rate; at least one while there is dirt at all."""
        return max(1, round(self.config.dirt * rows * share)) if self.config.dirt else 0

    def pick(self, pool: pl.DataFrame, number: int) -> pl.DataFrame:
        """That many different rows of the pool, or all of a smaller one."""
        chosen = self.rng.choice(pool.height, min(number, pool.height), replace=False)
        return pool[np.sort(chosen)]

    def somewhere(self, rows: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
        """Give rows a random place in their file."""
        spot = pl.Series(self.rng.random(rows.height))
        height = rows.select("file").join(sizes, on="file", how="left", maintain_order="left")["len"].fill_null(1)
        return rows.with_columns(place=spot * (height + 1))


def marked(
    rows: pl.DataFrame, fault: str | None = None, expected: str | None = None, reason: str | None = None
) -> pl.DataFrame:
    """Rows with the fault they carry."""
    values = {"fault": fault, "expected": expected, "because": reason, "raw": None}
    return rows.with_columns(pl.lit(values[name], dtype).alias(name) for name, dtype in MARKS.items())


def clean_specs(rows: pl.DataFrame, feed: str) -> dict[str, FileSpec]:
    """How the files of clean rows are written."""
    pairs = rows.select("file", "shape").unique(maintain_order=True)
    return {path: spec_of(feed, shape) for path, shape in pairs.iter_rows()}


def spec_of(feed: str, shape: str) -> FileSpec:
    """How a file of a shape is written."""
    omitted = BARE_OMITS if shape == "csv-bare" else ()
    columns = tuple(name for name in COLUMNS[feed] if name not in omitted)
    return FileSpec(feed, shape.removesuffix("-bare"), columns)


def soil(
    config: HistoryConfig, world: World, clean: dict[str, pl.DataFrame], rng: np.random.Generator
) -> tuple[dict[str, pl.DataFrame], dict[str, FileSpec]]:
    """Lay faults into the clean records of all feeds.

    Returns:
        Rows by feed in file order, with `fault`, `expected`, `because`, `raw` and `row_number`; and how each file is
        written.
    """
    dirt = Dirt(config, world, rng)
    soiled, files = {}, {}
    for feed, rows in clean.items():
        if not config.dirt:
            parts, extra = [marked(rows)], {}
        elif feed == "pos":
            parts, extra = _soil_pos(dirt, rows)
        else:
            parts, extra = _soil_feed(dirt, rows, feed), {}
        frame = (
            pl.concat(parts)
            .sort("file", "place", maintain_order=True)
            .with_columns(row_number=pl.int_range(1, pl.len() + 1).over("file"))
        )
        soiled[feed] = frame
        files |= clean_specs(frame.filter(~pl.col("file").is_in(list(extra))), feed) | extra
    return soiled, files


def _soil_feed(dirt: Dirt, rows: pl.DataFrame, feed: str) -> list[pl.DataFrame]:
    """Faults of a feed whose files are cut by day."""
    sizes = rows.group_by("file", maintain_order=True).len()
    roomy = rows.join(sizes.filter(pl.col("len") >= ROOMY), on="file", how="semi", maintain_order="left")
    kinds = [kind for kind in faults.BAD_ROWS if kind.feed == feed]
    parts = [marked(rows)]
    parts += [dirt.somewhere(bad, sizes) for bad in _bad_rows(dirt, roomy, kinds, rows.height, sizes)]
    if feed not in faults.FRESH:
        return parts
    here = dirt.pick(roomy, dirt.number(rows.height, faults.REPEAT_HERE_SHARE))
    parts.append(marked(dirt.somewhere(here, sizes), "repeat_in_file", faults.EXACT_REPEAT))
    early = roomy.filter(pl.col("day") < dirt.config.days - 1)
    later = _delayed(
        dirt,
        dirt.pick(early, dirt.number(rows.height, faults.REPEAT_LATER_SHARE)),
        lambda _, day: day_file(feed, dirt.config, day),
    )
    parts.append(marked(dirt.somewhere(later, sizes), "repeat_in_later_file", faults.EXACT_REPEAT))
    if feed == "warehouse":
        moved = roomy.filter(pl.col("record_type").is_in(["transfer", "receipt"]))
        other = dirt.pick(moved, dirt.number(rows.height, faults.CONFLICT_SHARE)).with_columns(
            version=pl.lit("2"), quantity=(pl.col("quantity").cast(pl.Int64) + 5).cast(pl.String)
        )
        parts.append(marked(dirt.somewhere(other, sizes), "contradiction", faults.QUARANTINE, "conflict"))
    return parts


def _soil_pos(dirt: Dirt, rows: pl.DataFrame) -> tuple[list[pl.DataFrame], dict[str, FileSpec]]:
    """Faults of the tills."""
    config, world = dirt.config, dirt.world
    sizes = rows.group_by("file", maintain_order=True).len()
    roomy = rows.join(sizes.filter(pl.col("len") >= ROOMY), on="file", how="semi", maintain_order="left")
    sales = roomy.filter(~pl.col("quantity_sold").str.starts_with("-") & (pl.col("unit_price") != "0.00"))

    def path(location: int, day: int) -> str:
        return pos_file(config, world, location, day)

    receipts = roomy.select("location", "transaction_id", "day", "shape").unique(maintain_order=True)
    receipts = receipts[dirt.rng.permutation(receipts.height)]
    early, numbered = pl.col("day") < config.days - 1, pl.col("shape") != "csv-bare"
    per_receipt = max(1.0, roomy.height / max(1, receipts.height))
    shares = {
        "late": (faults.LATE_SHARE / per_receipt, early),
        "later": (faults.REPEAT_LATER_SHARE / per_receipt, early),
        "here": (faults.REPEAT_HERE_SHARE, numbered),
        "conflict": (faults.CONFLICT_SHARE, numbered),
        "order": (faults.OUT_OF_ORDER_SHARE, pl.lit(value=True)),
    }
    chosen = {}
    for name, (share, condition) in shares.items():
        taken = receipts.filter(condition).head(dirt.number(rows.height, share))
        receipts = receipts.join(taken, on=["location", "transaction_id"], how="anti", maintain_order="left")
        chosen[name] = roomy.join(taken, on=["location", "transaction_id"], how="semi", maintain_order="left")
    first = {
        name: chosen[name].unique(["location", "transaction_id"], keep="first", maintain_order=True)
        for name in ("here", "conflict", "order")
    }
    untouched = rows.join(chosen["late"], on=["location", "transaction_id"], how="anti", maintain_order="left")
    untouched = untouched.join(first["order"], on=["file", "place"], how="anti", maintain_order="left")
    other = till_time(
        world,
        first["conflict"].with_columns(
            time=pl.col("time") + pl.duration(seconds=60),
            unit_price=(pl.col("unit_price").cast(pl.Decimal(18, 2)) + 1).cast(pl.Decimal(18, 2)).cast(pl.String),
        ),
    )
    kinds = list(faults.POS_BAD)
    parts = [
        marked(untouched),
        marked(dirt.somewhere(first["order"], sizes), "out_of_order", faults.ACCEPTED),
        marked(dirt.somewhere(_delayed(dirt, chosen["late"], path), sizes), "late", faults.ACCEPTED),
        marked(dirt.somewhere(first["here"], sizes), "repeat_in_file", faults.EXACT_REPEAT),
        marked(
            dirt.somewhere(_delayed(dirt, chosen["later"], path), sizes), "repeat_in_later_file", faults.EXACT_REPEAT
        ),
        marked(dirt.somewhere(other, sizes), "contradiction", faults.QUARANTINE, "conflict"),
        *(dirt.somewhere(bad, sizes) for bad in _bad_rows(dirt, sales, kinds, rows.height, sizes)),
        dirt.somewhere(_broken(dirt, sales, rows.height), sizes),
        dirt.somewhere(_nonexistent(dirt, sales, rows.height), sizes),
    ]
    copies, specs = _bad_files(dirt, roomy, sizes)
    return [*parts, *copies], specs


def _delayed(dirt: Dirt, rows: pl.DataFrame, path: Callable[[int, int], str]) -> pl.DataFrame:
    """The rows in a file of a later day of their place; lines of one receipt stay together."""
    receipt = rows.select(pl.struct("location", "day", rows.columns[0]).rle_id()).to_series()
    wait = dirt.rng.integers(1, MAX_DELAY_DAYS + 1, rows.height)[receipt.to_numpy()]
    # supplier updates of the last evening fall on the day after the history, and land in its last file
    day = np.minimum(np.maximum(rows["day"].to_numpy(), 0) + wait, dirt.config.days - 1)
    return rows.with_columns(
        file=pl.Series([path(p, int(d)) for p, d in zip(rows["location"], day, strict=True)], dtype=pl.String)
    )


def _fresh(dirt: Dirt, rows: pl.DataFrame, feed: str, first: int) -> pl.DataFrame:
    """Give injected rows a key that no clean row has."""
    column, form = faults.FRESH[feed]
    numbers = range(first, first + rows.height)
    years = [dirt.config.day(max(0, int(day))).year for day in rows["day"]]
    values = [form.format(year=year, number=f"{number:06d}") for year, number in zip(years, numbers, strict=True)]
    rows = rows.with_columns(pl.Series(column, values, dtype=pl.String))
    if "line_number" not in rows.columns:
        return rows
    return rows.with_columns(line_number=pl.when(pl.col("line_number").is_not_null()).then(pl.lit("1")))


def _bad_rows(
    dirt: Dirt, pool: pl.DataFrame, kinds: list[BadRow], height: int, sizes: pl.DataFrame
) -> list[pl.DataFrame]:
    parts, used = [], RECEIPTS_A_YEAR + 1
    for kind in kinds:
        fitting = pool.filter(pl.col("shape").is_in(kind.shapes))
        if kind.record_type:
            fitting = fitting.filter(pl.col("record_type") == kind.record_type)
        rows = _fresh(dirt, dirt.pick(fitting, dirt.number(height, kind.share)), kind.feed, used)
        used += rows.height
        parts.append(marked(_apply(rows, kind), kind.kind, faults.QUARANTINE, kind.reason))
    return [_few_casts(part, sizes) for part in parts]


def _apply(rows: pl.DataFrame, kind: BadRow) -> pl.DataFrame:
    changes = [pl.lit(value, pl.String).alias(name) for name, value in kind.changes.items()]
    if kind.moment:
        text = (
            pl.when(pl.col("shape").str.starts_with("csv") & (pl.lit(kind.feed) == "pos"))
            .then(pl.lit(f"{kind.moment} 12:00:00"))
            .when(pl.col("shape") == "jsonl")
            .then(pl.lit(f"{kind.moment}T12:00:00+00:00"))
            .otherwise(pl.lit(f"{kind.moment}T12:00:00Z"))
        )
        known = None if kind.moment == faults.IMPOSSIBLE else date.fromisoformat(kind.moment)
        changes += [text.alias(faults.TIME_COLUMN[kind.feed]), pl.lit(known, pl.Date).alias("event_date")]
    if kind.feed == "pos" and "transaction_id" in kind.changes:
        # two of them must not be equal in every cell, or the second would be an exact repeat
        changes.append(pl.format("slip {}", "transaction_id").alias("reason"))
    if faults.TIME_COLUMN[kind.feed] in kind.changes:
        changes.append(pl.lit(None, pl.Date).alias("event_date"))
    place = {"pos": "store_id", "stock": "location_id"}.get(kind.feed)
    if place and place in kind.changes:
        # without a location the source's own zone, UTC, decides; local texts keep their day
        changes.append(
            pl.when(~pl.col("shape").str.starts_with("csv") | (pl.lit(kind.feed) != "pos"))
            .then(pl.col("time").dt.date())
            .otherwise("event_date")
            .alias("event_date")
        )
    key = pl.concat_str([pl.col(name).fill_null("") for name in KEYS[kind.feed]], separator="|")
    return rows.with_columns(changes).with_columns(business_key=key)


def _few_casts(rows: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Leave out bad cells beyond a tenth of a file's rows, so that the file as a whole stays acceptable."""
    limit = pl.max_horizontal(pl.col("len") // 10, pl.lit(1))
    return (
        rows.join(sizes, on="file", how="left", maintain_order="left")
        .filter(~pl.col("because").str.starts_with("type:") | (pl.int_range(pl.len()).over("file") < limit))
        .drop("len")
    )


def _broken(dirt: Dirt, pool: pl.DataFrame, height: int) -> pl.DataFrame:
    """Lines cut off in the middle."""
    rows = dirt.pick(pool.filter(pl.col("shape").is_in(faults.TEXT_SHAPES)), dirt.number(height, faults.BROKEN_SHARE))
    rows = marked(
        _fresh(dirt, rows, "pos", RECEIPTS_A_YEAR + 70_001), "broken_line", faults.QUARANTINE, "line:unreadable"
    )
    head = pl.lit('{"transaction_id":"') + pl.col("transaction_id") + pl.lit('","store_id":"')
    cut = pl.when(pl.col("shape") == "jsonl").then(head).otherwise("transaction_id") + pl.lit(",")
    return rows.with_columns(raw=cut, event_date=pl.lit(None, pl.Date), business_key=pl.lit(None, pl.String))


def _nonexistent(dirt: Dirt, pool: pl.DataFrame, height: int) -> pl.DataFrame:
    """Local times inside the hour that summer time leaves out."""
    gaps = {
        place.code: gap
        for place in dirt.world.locations
        if (gap := last_gap(place.zone, dirt.config.last_day)) is not None
    }
    fitting = pool.filter(pl.col("shape").str.starts_with("csv") & pl.col("store_id").is_in(list(gaps)))
    rows = dirt.pick(fitting, dirt.number(height, faults.NONEXISTENT_SHARE))
    rows = _fresh(dirt, rows, "pos", RECEIPTS_A_YEAR + 50_001)
    text = pl.Series([gaps[store] for store in rows["store_id"]], dtype=pl.String)
    key = pl.concat_str([pl.col(name).fill_null("") for name in KEYS["pos"]], separator="|")
    rows = rows.with_columns(timestamp=text, event_date=pl.lit(None, pl.Date)).with_columns(business_key=key)
    return marked(rows, "nonexistent_time", faults.QUARANTINE, "time:nonexistent")


def last_gap(zone: str, before: date) -> str | None:
    """A local time that never was, in the last year before a day; None for zones without summer time."""
    info = ZoneInfo(zone)
    for back in range(1, 400):
        for hour in (1, 2):
            day = before - timedelta(days=back)
            local = datetime(day.year, day.month, day.day, hour, 30, tzinfo=info)
            if local.astimezone(UTC).astimezone(info).hour != hour:
                return f"{local:%Y-%m-%d %H:%M:%S}"
    return None


def _bad_files(dirt: Dirt, roomy: pl.DataFrame, sizes: pl.DataFrame) -> tuple[list[pl.DataFrame], dict[str, FileSpec]]:
    """Copies of whole days: one sent again, and files that must be refused. The day itself arrives as it should."""
    days = roomy.select("file", "shape", "location", "day").unique(maintain_order=True)
    days = days[dirt.rng.permutation(days.height)]
    csv = pl.col("shape").str.starts_with("csv")
    parts, specs = [], {}
    plans = (
        ("resent_file", pl.col("shape") != "avro", "-resent", {}),
        ("wrong_encoding", csv, "-export", {"encoding": "latin-1"}),
        ("missing_column", csv, "-short", {"columns": "unit_price"}),
        ("mostly_unreadable", csv, "-draft", {}),
    )
    for kind, condition, suffix, how in plans:
        taken = days.filter(condition).head(dirt.number(sizes.height, faults.FILE_SHARE))
        days = days.join(taken, on="file", how="anti", maintain_order="left")
        for original, shape, location, day in taken.iter_rows():
            path = pos_file(dirt.config, dirt.world, location, day, suffix)
            spec = spec_of("pos", shape)
            rows = marked(roomy.filter(pl.col("file") == original).with_columns(file=pl.lit(path)))
            if kind == "resent_file":
                rows = marked(rows, kind, faults.EXACT_REPEAT)
            else:
                spec = replace(
                    spec,
                    fault=kind,
                    encoding=how.get("encoding", "utf-8"),
                    columns=tuple(name for name in spec.columns if name != how.get("columns")),
                )
            if kind == "wrong_encoding":
                rows = rows.with_columns(reason=pl.lit("Größe falsch"))
            if kind == "mostly_unreadable":
                rows = rows.with_columns(quantity_sold=pl.lit("see list"))
            parts.append(rows)
            specs[path] = spec
    return parts, specs
