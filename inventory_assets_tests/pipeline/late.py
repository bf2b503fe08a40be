"""A small shop of 290 days, late files for it, and which partitions a late file may rewrite, table by table.

The reach of each declared rule is written out here a second time, from what the rule says and not from the code that
plans; a new rule has to be written out here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from inventory_assets.contracts.analytics import ROLLING_DAYS
from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import DAILY_INVENTORY_SNAPSHOT, DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import NIGHTLY, TABLES
from inventory_assets.lakehouse.lake import Lake

Partition = tuple[str | None, ...]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
BEGIN, LATE, COUNTED = (TODAY - timedelta(days=days) for days in (288, 200, 120))
SOURCES = '[till]\nlocation_time_zones = { S2 = "America/New_York" }\n'
HEADERS = {
    "pos": "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp,customer_id",
    "warehouse": "record_type,warehouse_id,product_sku,last_updated,document_id,line_number,quantity,"
    "from_location,to_location",
    "stock": "location_id,product_sku,quantity,as_of",
    "products": "product_sku,product_name,unit_cost,modified_at",
}
PAIRS = [(place, item) for place in ("S1", "S2", "W1") for item in "AB"]


def sale(receipt: str, day: date, store: str = "S1", item: str = "A", units: int = 2, at: str = "10:00:00Z",
         customer: str = "") -> str:  # fmt: skip
    """A line of a till receipt."""
    return f"{receipt},1,{store},{item},{units},1.50,{day}T{at},{customer}"


def transfer(document: str, day: date, giver: str, taker: str, item: str = "A", units: int = 3) -> str:
    """A transfer between two locations."""
    return f"transfer,{giver},{item},{day}T09:00:00Z,{document},1,{units},{giver},{taker}"


def counted(document: str, day: date, place: str, item: str, units: int) -> str:
    """A physical count."""
    return f"count,{place},{item},{day}T18:00:00Z,{document},1,{units},,"


def land(folder: Path, feed: str, name: str, *rows: str) -> None:
    """Put a file into a landing folder, complete at once."""
    path = folder / feed / "source=till" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{name}.csv.tmp")
    half.write_text("\n".join([HEADERS[feed], *rows, ""]))
    half.rename(path)


def land_history(folder: Path, today: date = TODAY) -> None:
    """Everything that is not late: sales every eighth day, a transfer a month, a count of one pair, two masters."""
    begin, late, count_day = (today - (TODAY - day) for day in (BEGIN, LATE, COUNTED))
    days = [begin + timedelta(days=n) for n in range(0, (today - begin).days, 8)]
    till = [sale(f"{place}-{day}-{item}", day, place, item) for day in days for place, item in PAIRS if place != "W1"]
    till.append(sale("EVENING", late, customer="C1", at="20:00:00Z", units=1))
    till.append(f"BAD,1,S1,A,,1.50,{late}T11:00:00Z,")
    land(folder, "pos", "history", *till)
    months = days[::4]
    stock = [transfer(f"T{day}", day, "W1", "S2") for day in months] + [counted("N1", count_day, "S1", "B", 40)]
    land(folder, "warehouse", "history", *stock)
    land(folder, "stock", "history", *(f"{place},{item},900,{begin}T00:00:00Z" for place, item in PAIRS))
    masters = [f"{item},Thing {item},1.00,{begin + timedelta(days=n)}T00:00:00Z" for n, item in enumerate("AB")]
    land(folder, "products", "history", *masters)


@dataclass(frozen=True)
class Late:
    """A late file and what it is about.

    Attributes:
        feed: its feed.
        rows: its rows.
        days: business days of the rows.
        tied: further days whose lines a row of the file decides about.
        pairs: item and location of each pair whose stock changes, with the first day and the day of its next count.
        first_instant: earliest event whose stock effect changed, None where stock does not change.
    """

    feed: str
    rows: tuple[str, ...]
    days: frozenset[date]
    tied: frozenset[date] = frozenset()
    pairs: Mapping[tuple[str, str], tuple[date, date | None]] | None = None
    first_instant: datetime | None = None


def actions(lake: Lake, table: Table, after: int | None) -> Iterator[dict]:
    """Data-changing actions of the Delta log beyond a version."""
    newest = lake.version(table)
    for version in range(0 if after is None else after + 1, 0 if newest is None else newest + 1):
        log = Path(lake.uri(table), "_delta_log", f"{version:020d}.json")
        for line in log.read_text().splitlines():
            for kind, action in json.loads(line).items():
                if kind in ("add", "remove") and action["dataChange"]:
                    yield action


def rewritten(lake: Lake, before: Mapping[str, int]) -> dict[str, set[Partition]]:
    """Partitions of every table that were added to or removed from since some versions."""
    return {
        path: {
            tuple(action["partitionValues"][column] or None for column in table.partition_by)
            for action in actions(lake, table, before.get(path))
        }
        for path, table in TABLES.items()
    }


@dataclass(frozen=True)
class Expectation:
    """Which partitions a late file reaches: the declared rule of each table, worked out by hand.

    Attributes:
        late: the file.
        old: the lake before it.
        new: the lake after it.
        changed: partitions that were rewritten, by table; a table's rule is applied to what its inputs really rewrote,
            which has been held against their own rules.
    """

    late: Late
    old: Lake
    new: Lake
    changed: Mapping[str, set[Partition]]

    def of(self, table: Table) -> set[Partition]:
        """Partitions of a table that must be rewritten."""
        if table.path in NIGHTLY:
            return set()
        if table.layer != "bronze" and not any(self.changed[path] for path in table.upstream if path in TABLES):
            return set()
        return _RULES[table.reach.rule](self, table) & self._held(table)

    def _held(self, table: Table) -> set[Partition]:
        """Partitions with rows before or after: an empty one has no file to replace."""
        columns = list(table.partition_by)
        if not columns:
            return {()}
        found = (lake.scan(table).select(columns).unique().collect() for lake in (self.old, self.new))
        return {tuple(None if v is None else str(v) for v in row) for frame in found for row in frame.rows()}

    def _days_of(self, lake: Lake, table: Table) -> set[date]:
        return {day for day, rows in lake.day_rows(table).items() if day is not None and rows}

    def _of_bronze(self, table: Table) -> bool:
        return any(bronze.path in table.upstream for bronze in BRONZE.values())

    def _own(self, table: Table, days: frozenset[date]) -> set[Partition]:
        """The days where the table is made of the feed of the file, none where a master only gave it names."""
        return _texts(days) if BRONZE[self.late.feed].path in table.upstream else set()

    def appended(self, table: Table) -> set[Partition]:
        """Bronze: the days of the file, in its own table."""
        return _texts(self.late.days) if table is BRONZE[self.late.feed] else set()

    def days(self, table: Table) -> set[Partition]:
        """Silver: the days of the file; tables made of silver: the days of their inputs."""
        if self._of_bronze(table):
            return self._own(table, self.late.days)
        inputs = [TABLES[path] for path in table.upstream if path in TABLES]
        return {
            (partition[source.partition_by.index("event_date")],)
            for source in inputs
            if "event_date" in source.partition_by
            for partition in self.changed[source.path]
        }

    def matched(self, table: Table) -> set[Partition]:
        """Silver of the tills: also the days of lines tied to those of the file, where a row is another one now."""
        if self._of_bronze(table):
            return self._own(table, self.late.days | self._differing(table))
        return self.days(table)

    def of_feed(self, table: Table) -> set[Partition]:
        """Quarantine and balance: the same days, of this feed alone."""
        of_feed = pl.col("feed") == self.late.feed
        return {(self.late.feed, *day) for day in _texts(self.late.days | self._differing(table, of_feed))}

    def _differing(self, table: Table, *of: pl.Expr) -> set[date]:
        """Tied days on which a row of the table came, went or changed."""
        found = set()
        for day in self.late.tied:
            held = (lake.scan(table).filter(pl.col("event_date") == day, *of) for lake in (self.old, self.new))
            old, new = (set(each.collect().rows()) for each in held)
            found |= {day} if old != new else set()
        return found

    def months(self, table: Table) -> set[Partition]:
        """Checkpoints: from the UTC month of the first changed event to the last closed one."""
        if self.late.first_instant is None:
            return set()
        first = self.late.first_instant.date().replace(day=1)
        return {month for month in self._held(table) if month[0] is not None and month[0] >= str(first)}

    def to_next_count(self, table: Table) -> set[Partition]:
        """Snapshot: days from the change to the pair's next count on which a row of the pair differs."""
        reached: set[date] = set()
        for (item, place), (first, last) in (self.late.pairs or {}).items():
            pair = pl.col("event_date").is_between(first, last or date.max)
            pair &= (pl.col("product_sku") == item) & (pl.col("location_id") == place)
            old, new = (set(lake.scan(table).filter(pair).collect().rows()) for lake in (self.old, self.new))
            at = table.column_names.index("event_date")
            reached |= {row[at] for row in old ^ new}
        return _texts(reached)

    def windows(self, table: Table) -> set[Partition]:
        """Features of demand: every day whose window of 90 days holds a changed one, or began before the data does."""
        changed = {date.fromisoformat(day) for (day,) in self.changed[DAILY_INVENTORY_SUMMARY.path] if day}
        reached = {day + timedelta(days=n) for day in changed for n in range(ROLLING_DAYS)}
        old, new = (min(self._days_of(lake, DAILY_INVENTORY_SUMMARY)) for lake in (self.old, self.new))
        if old != new:
            reached |= {new + timedelta(days=n) for n in range((old - new).days + ROLLING_DAYS - 1)}
        return _texts(reached)

    def whole(self, table: Table) -> set[Partition]:
        """Tables without partitions: replaced as a whole, or left alone where nothing would differ."""
        same = self.changed[table.path] == set() and facts_of(self.old, table).equals(facts_of(self.new, table))
        return set() if same else {()}

    def never(self, table: Table) -> set[Partition]:
        """Decisions: nothing but a person writes them."""
        return set()


_RULES: dict[str, Callable[[Expectation, Table], set[Partition]]] = {
    "appended once, never rewritten": Expectation.appended,
    "the day itself": Expectation.days,
    "back and forward to the first gap of more than 24 h between equal lines of one customer, where a row changes":
        Expectation.matched,
    "with the day of its feed": Expectation.of_feed,
    "the day itself, and the days whose cancellations changed": Expectation.days,
    "the months from the change on, for the keys that changed": Expectation.months,
    "forward to the key's next count": Expectation.to_next_count,
    "the day and the 89 days after it; where the first day of data moves, also the 88 days after the old one":
        Expectation.windows,
    "the whole table": Expectation.whole,
    "the whole table, also when the UTC day changes": Expectation.whole,
    "the keys that changed; written as a whole": Expectation.whole,
    "appended, never rewritten": Expectation.never,
}  # fmt: skip


def facts_of(lake: Lake, table: Table) -> pl.DataFrame:
    """Rows without lineage, in an order of their own."""
    return lake.scan(table).select(table.fact_columns).collect().sort(table.fact_columns, nulls_last=True)


def book_by_day(lake: Lake, item: str, place: str) -> dict[date, int | None]:
    """Closing stock of a pair on the days that have a row."""
    rows = lake.scan(DAILY_INVENTORY_SNAPSHOT).filter(
        pl.col("product_sku") == item, pl.col("location_id") == place
    ).select("event_date", "closing_book")  # fmt: skip
    return dict(rows.collect().rows())


def _texts(days: set[date] | frozenset[date]) -> set[Partition]:
    return {(str(day),) for day in days}
