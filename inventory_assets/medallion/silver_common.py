"""What all silver feeds share: reasons, exact repeats, contradictions, quarantine, and the balance of a day.

A feed brings a `Rulebook`; `settle` sends each of its rows to exactly one place. What a row of a feed means (what is a
sale) is not here. Invariant: rows kept + rows in quarantine + exact repeats = bronze rows, for each source and day, and
every cell but lineage is the same whatever the order of the rows or the cut of the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from inventory_assets.contracts.schemas import empty, polars_schema
from inventory_assets.contracts.silver import DAY_BALANCE, QUARANTINE, REASONS
from inventory_assets.medallion.silver_decisions import IDENTITY, repeat_content

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from inventory_assets.contracts.feeds import Feed
    from inventory_assets.contracts.model import Column, Table
    from inventory_assets.contracts.sources import Profiles, SourceProfile

Rows = pl.DataFrame | pl.LazyFrame
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

BRONZE, EXACT_REPEAT = "bronze", "exact_repeat"
"""Outcomes of `day_balance` that are no silver table: rows in, and rows that only repeat another one."""
MAX_AHEAD = timedelta(minutes=5)
"""How far an event time may lie ahead of its row's reading."""

SEEN_AT = pl.col("ingestion_timestamp").alias("_seen_at")
"""The reading an event time must not lie ahead of; a column that rules look at."""
_READING = ("raw_data", "cast_errors", "row_error", "row_error_detail", "extra_columns", "processing_date", "_sent_sku")
_WHOLE_ROW = ("file:unreadable", "file:refused", "line:unreadable")


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for quarantine.

    Attributes:
        reason: code of `contracts.silver.REASONS`.
        broken: true where a row breaks the rule.
        columns: columns whose failed cast explains the break; the rule is then not listed beside `type:<column>`.
    """

    reason: str
    broken: pl.Expr
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """How rows of one feed and source are judged.

    Attributes:
        feed: the feed.
        key: columns that identify a fact within source and day.
        rules: reasons for quarantine of this feed, in any order.
        time: column of the event time, the second sort key among contradicting rows.
        location: column shown as location in quarantine.
        quantity: units held in quarantine.
        by_day: whether a key counts within its day only; contradictions across days are found by the nightly check.
    """

    feed: Feed
    key: tuple[str, ...]
    rules: tuple[Rule, ...]
    time: str
    location: str | None
    quantity: pl.Expr
    by_day: bool = True

    @property
    def identity(self) -> list[str]:
        """Columns of which no two kept rows agree."""
        return [*self.key, "event_date"] if self.by_day else list(self.key)

    @property
    def content(self) -> list[str]:
        """Feed columns in order: rows that agree in all of them say the same."""
        return self.feed.column_names


@dataclass(frozen=True, slots=True)
class Settled:
    """Where rows went: kept ones, refused ones as quarantine, repeats as numbers.

    Kept rows are lazy, so that each is copied once, into its table, and not before.
    """

    kept: pl.LazyFrame
    quarantine: pl.DataFrame
    repeats: pl.DataFrame


def in_days(days: Collection[date | None]) -> pl.Expr:
    """Whether a row's event_date is one of the days; None stands for the null partition."""
    known = pl.col("event_date").is_in(pl.Series([day for day in days if day is not None], dtype=pl.Date).implode())
    return known.fill_null(value=None in days)


def null_key_rules(columns: Iterable[str]) -> list[Rule]:
    """A row without a part of its key is nothing we could keep."""
    return [Rule("key:null", pl.col(column).is_null(), (column,)) for column in columns]


def limit_rules(table: Table, names: dict[str, str], when: pl.Expr | None = None) -> list[Rule]:
    """Rules that hold a feed's columns to the ranges and value sets the silver table declares.

    Args:
        table: the silver table.
        names: column of the table → column of the judged rows.
        when: rows for which the limits count, all by default.
    """
    declared = {column.name: column for column in table.columns}
    rules = []
    for name, source in names.items():
        column: Column = declared[name]
        value = pl.col(source)
        outside = []
        if column.minimum is not None:
            outside.append(value < column.minimum)
        if column.maximum is not None:
            outside.append(value > column.maximum)
        if outside:
            rules.append(("value:out_of_range", pl.any_horizontal(outside)))
        if column.allowed:
            rules.append(("value:not_allowed", ~value.is_in(list(column.allowed))))
    return [Rule(reason, broken if when is None else broken & when) for reason, broken in rules]


def common_rules(time: pl.Expr, earliest: date | None, *, max_ahead: timedelta = MAX_AHEAD) -> list[Rule]:
    """Rules every feed has: reading errors, failed casts, impossible times, decisions.

    Args:
        time: event time that must not lie ahead of the reading.
        earliest: first business day allowed, None where any is.
        max_ahead: how far the event time may lie ahead.
    """
    errors = pl.col("row_error")
    known = [reason for reason in REASONS if reason.startswith(("file:", "line:", "time:nonexistent"))]
    return [
        *(Rule(reason, errors == reason) for reason in known if reason != "line:unreadable"),
        Rule("line:unreadable", errors.is_not_null() & ~errors.is_in([r for r in known if r != "line:unreadable"])),
        Rule("type", pl.col("cast_errors").is_not_null()),
        Rule("event_time_ahead", (time > pl.col("_seen_at") + max_ahead) & ~pl.col("_released")),
        Rule("date_out_of_range", (pl.col("event_date") < pl.lit(earliest, pl.Date)) & ~pl.col("_released")),
        Rule("duplicate_key_other_date", pl.col("_moved")),
        Rule("discarded", pl.col("_discarded")),
    ]


def broken(rules: Iterable[Rule]) -> pl.Expr:
    """Whether a row breaks any rule."""
    return pl.any_horizontal([rule.broken.fill_null(value=False) for rule in rules])


def reasons(rules: Sequence[Rule]) -> pl.Expr:
    """All reasons of a row by precedence, comma separated; null where it breaks no rule.

    A line that could not be read has no other reason but a discard, and a cell that did not cast is not also called
    missing.
    """
    whole = pl.col("row_error").is_in(list(_WHOLE_ROW)).fill_null(value=False)
    failed = "," + pl.col("cast_errors").fill_null("") + ","
    found = []
    for reason in REASONS:
        hits = []
        for rule in rules:
            if rule.reason == reason:
                hit = rule.broken.fill_null(value=False)
                for column in rule.columns:
                    hit = hit & ~failed.str.contains(f",{column},", literal=True)
                if reason not in (*_WHOLE_ROW, "discarded"):
                    hit = hit & ~whole
                hits.append(hit)
        if not hits:
            continue
        label = pl.lit(reason)
        if reason == "type":
            label = "type:" + pl.col("cast_errors").str.replace_all(",", ",type:", literal=True)
        found.append(pl.when(pl.any_horizontal(hits)).then(label))
    listed = pl.concat_str(found, separator=",", ignore_nulls=True)
    return pl.when(listed != "").then(listed)


def mark(names: Sequence[str]) -> pl.Expr:
    """A number that rows with the same values in some columns share, and other rows hardly ever."""
    return pl.sum_horizontal(pl.col(name).hash(seed=index) for index, name in enumerate(names, 1))


def _collapse(rows: pl.DataFrame, book: Rulebook) -> pl.DataFrame:
    """One row of each group that says the same, that of the smallest file and position, with the number of copies.

    Decisions about one copy hold for the group, and the last reading counts for `event_time_ahead`: otherwise the
    outcome would depend on which copy arrived first.
    """
    parts = [expression.alias(f"_same_{index}") for index, expression in enumerate(repeat_content(book.feed, rows))]
    same = [*(f"_same_{index}" for index in range(len(parts))), "event_date"]
    marks = ("_released", "_discarded", "_moved", "_seen_at", "_sent_sku")
    return (
        rows.sort(IDENTITY)
        .with_columns(parts)
        .with_columns(pl.len().over(same).alias("_copies"), *(pl.col(mark).max().over(same) for mark in marks))
        .unique(same, keep="first", maintain_order=True)
        .drop(same[:-1])
    )


def _contradictions(rows: pl.DataFrame, book: Rulebook) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Winners and losers among rows of one key: released ones first, then the lowest version, time, content."""
    version = ["version"] if "version" in rows.columns else []
    order = [~pl.col("_released"), *map(pl.col, [*version, book.time, *book.content, "source_system"])]
    late = [False, *(True for _ in version), *(False for _ in range(len(book.content) + 2))]
    rank = pl.int_range(pl.len()).over(book.identity)
    ranked = rows.sort(order, nulls_last=late).with_columns(rank.alias("_rank"))
    winners = ranked.filter(pl.col("_rank") == 0).drop("_rank")
    losers = ranked.filter(pl.col("_rank") > 0).drop("_rank")
    return winners, losers.with_columns(pl.lit("conflict").alias("_reasons"))


def settle(rows: pl.DataFrame, book: Rulebook) -> Settled:
    """Send each row to one place: kept, quarantine, or counted as an exact repeat.

    Args:
        rows: standardised rows of one source with the feed's, bronze's lineage and the flag columns.
        book: the rules; their expressions read columns of `rows`.

    Returns:
        Kept rows (one a key and day) with the columns of `rows` but those about their reading, quarantine rows, and
        repeats by source and day.
    """
    ready = rows.lazy().with_columns(SEEN_AT)
    judged = ready.select(mark(book.identity).alias("mark"), broken(book.rules).alias("bad")).collect()
    special = judged["bad"] | judged["mark"].is_duplicated()
    lean = [name for name in rows.columns if name not in _READING]
    if not special.any():
        return Settled(rows.select(lean).lazy(), empty(QUARANTINE), _repeats(rows.clear()))
    plain = rows.lazy().select(lean).filter(~special)
    firsts = _collapse(ready.filter(special).collect(), book).with_columns(reasons(book.rules).alias("_reasons"))
    good = firsts.filter(pl.col("_reasons").is_null())
    winners, losers = _contradictions(good, book)
    refused = pl.concat([firsts.filter(pl.col("_reasons").is_not_null()), losers])
    kept = pl.concat([plain, winners.select(lean).lazy()]) if len(winners) else plain
    return Settled(kept, _quarantine(refused, book), _repeats(firsts.filter(pl.col("_copies") > 1)))


def _repeats(firsts: pl.DataFrame) -> pl.DataFrame:
    copies = pl.col("_copies").sum() - pl.len() if "_copies" in firsts.columns else pl.len()
    return firsts.group_by("source_system", "event_date").agg(copies.cast(pl.Int64).alias("rows"))


def joined_key(parts: Iterable[pl.Expr]) -> pl.Expr:
    r"""The parts of a key as one text, joined with |; a | inside a part is written `\|`, so that no two keys meet."""
    texts = (part.cast(pl.String).fill_null("") for part in parts)
    safe = [text.str.replace_all("\\", r"\\", literal=True).str.replace_all("|", r"\|", literal=True) for text in texts]
    return pl.concat_str(safe, separator="|")


def _quarantine(rows: pl.DataFrame, book: Rulebook) -> pl.DataFrame:
    """Refused rows in the form of the quarantine table."""
    key = [name for name in book.key if name in rows.columns]
    blank = pl.all_horizontal(pl.col(key).is_null())
    parts = joined_key(pl.col(name) for name in key)
    line = pl.when(pl.col("cast_errors").is_not_null()).then("the row as sent: " + pl.col("raw_data"))
    shown = rows.with_columns(
        pl.lit(book.feed.name).alias("feed"),
        pl.col("_reasons").str.split(",").list.first().alias("reason"),
        pl.col("_reasons").alias("reasons"),
        pl.coalesce("row_error_detail", line).alias("detail"),
        pl.when(~blank).then(parts).alias("business_key"),
        (pl.col("_sent_sku") if "product_sku" in book.content else pl.lit(None, pl.String)).alias("_item"),
        (pl.col(book.location) if book.location else pl.lit(None, pl.String)).alias("location_id"),
        book.quantity.alias("_units"),
        pl.struct(book.content).struct.json_encode().alias("row_json"),
    )
    named = {"product_sku": "_item", "quantity": "_units"}
    return shown.select(
        pl.col(named.get(name, name)).cast(dtype).alias(name) for name, dtype in polars_schema(QUARANTINE).items()
    )


def balance(
    feed: Feed, bronze: pl.LazyFrame, tables: Mapping[str, Rows], quarantine: pl.DataFrame, repeats: pl.DataFrame
) -> pl.DataFrame:
    """Rows of `day_balance` of one feed: bronze rows, rows of each silver table, quarantine and exact repeats.

    Args:
        feed: the feed.
        bronze: its rows in the days that are written, after fixes.
        tables: rows kept, by name of the silver table; each row one bronze row.
        quarantine: rows refused.
        repeats: numbers of exact repeats by source and day.
    """
    by = ["source_system", "event_date"]
    plans = [
        frame.lazy().group_by(by).agg(pl.len().cast(pl.Int64).alias("rows"), outcome=pl.lit(outcome).first())
        for outcome, frame in {BRONZE: bronze, **tables, QUARANTINE.name: quarantine}.items()
    ]
    parts = pl.collect_all(plans, engine="streaming")
    parts.append(repeats.with_columns(pl.lit(EXACT_REPEAT).alias("outcome")))
    columns = [*by, "outcome", "rows"]
    counted = pl.concat([part.select(columns) for part in parts])
    summed = counted.group_by(*by, "outcome").agg(pl.col("rows").sum()).filter(pl.col("rows") > 0)
    rows = summed.with_columns(pl.lit(feed.name).alias("feed")).select(DAY_BALANCE.column_names)
    return rows.sort(DAY_BALANCE.key)


def rows_in_balance(day_balance: pl.DataFrame) -> pl.DataFrame:
    """Feeds, sources and days where rows got lost or doubled; no rows where every bronze row is accounted for.

    Args:
        day_balance: rows of `silver/day_balance`.

    Returns:
        feed, source_system, event_date, bronze (rows in), placed (rows in silver, quarantine or repeated).
    """
    came = pl.col("outcome") == BRONZE
    sums = day_balance.group_by("feed", "source_system", "event_date").agg(
        pl.col("rows").filter(came).sum().alias("bronze"), pl.col("rows").filter(~came).sum().alias("placed")
    )
    return sums.filter(pl.col("bronze") != pl.col("placed")).sort("feed", "source_system", "event_date")


def _by_source(rows: pl.LazyFrame) -> Iterator[tuple[str, pl.LazyFrame]]:
    """Rows of each source system."""
    systems = rows.select(pl.col("source_system").unique().sort()).collect(engine="streaming").to_series().to_list()
    for system in systems:
        yield system, rows if len(systems) == 1 else rows.filter(pl.col("source_system") == system)


def build_sources(
    rows: pl.LazyFrame,
    feed: Feed,
    tables: Sequence[Table],
    profiles: Profiles,
    days: Collection[date | None],
    treat: Callable[[pl.LazyFrame, SourceProfile], tuple[Settled, Mapping[Table, Rows]]],
) -> dict[str, Rows]:
    """Silver tables of a feed for some days, source by source, with quarantine and day balance.

    Args:
        rows: bronze rows with decisions laid over them; rows of other days may be among them.
        feed: their feed.
        tables: silver tables the feed fills.
        profiles: source profiles.
        days: days to return.
        treat: settles the rows of one source and splits the kept ones into the tables.

    Returns:
        Frames of the days by table path, each in its contract's schema; lazy where a part is.
    """
    inside = in_days(days)
    parts: dict[Table, list[Rows]] = {table: [] for table in (*tables, QUARANTINE, DAY_BALANCE)}
    for system, sent in _by_source(rows):
        settled, split = treat(sent, profiles[system])
        found: dict[Table, Rows] = {
            table: frame.select(table.column_names).filter(inside) for table, frame in split.items()
        }
        refused, repeats = settled.quarantine.filter(inside), settled.repeats.filter(inside)
        found[DAY_BALANCE] = balance(
            feed, sent.filter(inside), {table.name: frame for table, frame in found.items()}, refused, repeats
        )
        found[QUARANTINE] = refused
        for table, frame in found.items():
            parts[table].append(frame)
    return {table.path: _together(table, frames) for table, frames in parts.items()}


def _together(table: Table, frames: Sequence[Rows]) -> Rows:
    eager = [frame for frame in frames if isinstance(frame, pl.DataFrame)]
    if len(eager) == len(frames):
        return pl.concat([empty(table), *eager])
    return pl.concat([frame.lazy() for frame in frames])


def collected(frames: Mapping[str, Rows]) -> dict[str, pl.DataFrame]:
    """Frames in memory."""
    return {path: frame.lazy().collect() for path, frame in frames.items()}


def trimmed(rows: Frame, names: Iterable[str]) -> Frame:
    """Rows with texts without white space around them; nothing left is null."""
    text = pl.col(list(names)).str.strip_chars()
    return rows.with_columns(pl.when(text != "").then(text))


def rules_held(rules: Sequence[pl.Expr]) -> pl.Expr:
    """How many of the quality rules hold; a rule that cannot be judged does not hold."""
    return pl.sum_horizontal(rule.fill_null(value=False).cast(pl.Int64) for rule in rules)


def currency_code(default: str) -> pl.Expr:
    """Currency in capitals, the source's where the row names none."""
    return pl.col("currency").str.to_uppercase().fill_null(default)
